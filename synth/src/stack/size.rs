//! What AWS measures: a role's policies and a function's environment, as long as they can become once every reference
//! is filled in, so that synth says that they are too long before AWS does.

use lambda::recipient::Recipient;

use super::Unfit;
use crate::{
    cfn::{Value, json::to_json, resource::Environment},
    check::limits::{ENVIRONMENT, INLINE_POLICIES, deployed},
    config::{Config, User},
    iam::PolicyDocument,
};

/// The one policy of a role.
pub(super) fn check_policy(policy: &PolicyDocument, config: &Config) -> Result<(), Unfit> {
    let characters = size(&policy.document(), config);
    let fits = characters <= INLINE_POLICIES;
    if fits { Ok(()) } else { Err(Unfit::Policy { users: config.users.len(), characters }) }
}

/// The environment of a function.
pub(super) fn check_environment(environment: &Environment, config: &Config) -> Result<(), Unfit> {
    let bytes = size(&environment.variables(), config);
    let fits = bytes <= ENVIRONMENT;
    // What grows without bound.
    let length = |recipients: &[Recipient]| recipients.iter().map(|key| key.as_str().len() + 1).sum::<usize>();
    let encrypt_to = length(&config.encrypt_to);
    let of_users =
        |user: &User| user.name.as_str().len() + 1 + user.owner.as_ref().map_or(0, |owner| owner.as_str().len() + 1);
    let users: usize = config.users.iter().map(|user| of_users(user) + length(&user.encrypt_to)).sum();
    let setting = if encrypt_to > users { "encrypt_to" } else { "users" };
    if fits { Ok(()) } else { Err(Unfit::Environment { setting, bytes }) }
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
        // {"A":"y…","B":"x"}: 16 bytes, and as many `y` as are asked for.
        let environment =
            |rest: usize| Environment(vec![("A", "y".repeat(rest).into()), ("B", Text::from(Pseudo::StackName))]);
        assert_eq!(check_environment(&environment(4_080), &config), Ok(()));
        let unfit = check_environment(&environment(4_081), &config).unwrap_err();
        assert_eq!(unfit, Unfit::Environment { setting: "users", bytes: 4_097 });
        assert_eq!(unfit.setting(), "users");
    }
}
