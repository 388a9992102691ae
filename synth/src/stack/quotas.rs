//! AWS's limits for the policies of a role, the environment of a function and the pattern of a rule. They are measured with every reference replaced by
//! the longest value that it can have, so that synth refuses what is too long before AWS does.

use lambda::contract::settings::Variable;

use super::StackError;
use crate::{
    cfn::{
        Property as _, Value,
        json::to_json,
        policy_document::PolicyDocument,
        resource::{Environment, EventPattern},
    },
    config::Config,
    limits::{ENVIRONMENT, EVENT_PATTERN, INLINE_POLICIES, deployed},
};

/// Checks the length of the one policy of a role.
pub(super) fn check_policy(policy: &PolicyDocument, config: &Config) -> Result<(), StackError> {
    let characters = size(&policy.document(), config);
    let fits = characters <= INLINE_POLICIES;
    if fits { Ok(()) } else { Err(StackError::Policy { users: config.users.len(), characters }) }
}

/// Checks the length of the pattern by which the rule of the event bus selects the members.
pub(super) fn check_event_pattern(pattern: &EventPattern, config: &Config) -> Result<(), StackError> {
    let characters = pattern.clone().value().map_or(0, |pattern| size(&pattern, config));
    let fits = characters <= EVENT_PATTERN;
    if fits { Ok(()) } else { Err(StackError::Accounts { characters }) }
}

/// The variables that hold lists, which can grow without limit, and the setting that each comes from.
const LISTS: [(Variable, &str); 7] = [
    (Variable::SecretTags, "tags"),
    (Variable::SecretReaders, "secret_readers"),
    (Variable::EncryptTo, "encrypt_to"),
    (Variable::Administrators, "emails"),
    (Variable::Notify, "notify"),
    (Variable::Exempt, "exempt"),
    (Variable::Users, "users"),
];

/// Checks the length of the environment of a function. The error names the setting with the longest list.
pub(super) fn check_environment(environment: &Environment, config: &Config) -> Result<(), StackError> {
    let bytes = size(&environment.variables(), config);
    let fits = bytes <= ENVIRONMENT;
    let longest = LISTS.iter().max_by_key(|(variable, _)| {
        let value = environment.0.iter().find(|(name, _)| *name == variable.name());
        value.map_or(0, |(_, text)| size(&text.clone().into(), config))
    });
    let setting = longest.map_or("users", |(_, setting)| setting);
    if fits { Ok(()) } else { Err(StackError::Environment { setting, bytes }) }
}

fn size(value: &Value, config: &Config) -> usize {
    deployed(&to_json(value), Some(config.stack_name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cfn::{Pseudo, Text},
        config::{self, Overrides},
    };

    #[test]
    fn an_environment_is_measured_as_json() {
        let text = "users: [alice]\nemails: [a@example.com]\nstack_name: x\n";
        let config = config::read(text, Overrides::default()).unwrap().config;
        let environment = |variable: Variable, rest: usize| {
            Environment(vec![(variable.name(), "y".repeat(rest).into()), ("B", Text::from(Pseudo::StackName))])
        };
        let empty = r#"{"USERS":"","B":"x"}"#.len();
        assert_eq!(check_environment(&environment(Variable::Users, ENVIRONMENT - empty), &config), Ok(()));
        for (variable, setting) in LISTS {
            let error = check_environment(&environment(variable, 5_000), &config).unwrap_err();
            assert_eq!(error.setting(), setting);
        }
        let error = check_environment(&environment(Variable::Users, ENVIRONMENT - empty + 1), &config).unwrap_err();
        assert_eq!(error, StackError::Environment { setting: "users", bytes: 4_097 });
    }

    #[test]
    fn the_pattern_of_the_members_is_measured() {
        let template = |accounts: u32| {
            let accounts: Vec<_> = (0..accounts).map(|n| format!("'{n:012}'")).collect();
            let organization = format!(
                "{{id: o-abcdefghij, region: eu-west-1, units: [ou-abcd-11112222], accounts: [{}]}}",
                accounts.join(", ")
            );
            let text = format!("users: [/ci/]\nemails: [a@example.com]\norganization: {organization}\n");
            crate::stack::template(&config::read(&text, Overrides::default()).unwrap().config)
        };
        assert!(template(128).is_ok());
        let error = template(129).unwrap_err();
        assert_eq!((&error, error.setting()), (&StackError::Accounts { characters: 2_061 }, "organization"));
    }
}
