//! What AWS measures: a role's policies and a function's environment, as long as they can become once every reference
//! is filled in, so that synth says that they are too long before AWS does.

use lambda::contract::settings::Variable;

use super::StackError;
use crate::{
    cfn::{Value, json::to_json, policy_document::PolicyDocument, resource::Environment},
    config::Config,
    limits::{ENVIRONMENT, INLINE_POLICIES, deployed},
};

/// The one policy of a role.
pub(super) fn check_policy(policy: &PolicyDocument, config: &Config) -> Result<(), StackError> {
    let characters = size(&policy.document(), config);
    let fits = characters <= INLINE_POLICIES;
    if fits { Ok(()) } else { Err(StackError::Policy { users: config.users.len(), characters }) }
}

/// What grows without bound: the variables that hold lists, and the settings that they come from.
const LISTS: [(Variable, &str); 5] = [
    (Variable::SecretReaders, "secret_readers"),
    (Variable::EncryptTo, "encrypt_to"),
    (Variable::Administrators, "emails"),
    (Variable::Exempt, "exempt"),
    (Variable::Users, "users"),
];

/// The environment of a function.
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
            let unfit = check_environment(&environment(variable, 5_000), &config).unwrap_err();
            assert_eq!(unfit.setting(), setting);
        }
        let unfit = check_environment(&environment(Variable::Users, ENVIRONMENT - empty + 1), &config).unwrap_err();
        assert_eq!(unfit, StackError::Environment { setting: "users", bytes: 4_097 });
    }
}
