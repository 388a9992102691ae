//! What AWS measures: a role's policies and a function's environment, as long as they can become once every reference
//! is filled in, so that synth says that they are too long before AWS does.

use serde_json::{Map, Value as Json};

use super::Unfit;
use crate::{
    cfn::{Part, Pseudo, Value, reference::Name, resource::Environment},
    config::Config,
    iam::PolicyDocument,
};

/// What a role's inline policies may hold together, white space not counted (IAM User Guide, "IAM and AWS STS
/// quotas").
pub(super) const POLICY_CHARACTERS: usize = 10_240;

/// What a function's environment variables may hold together (Lambda Developer Guide, "Lambda quotas"). Lambda
/// measures them as the JSON object that it is given.
pub(super) const ENVIRONMENT_BYTES: usize = 4_096;

/// The longest partition that has the longest Region's name, or nearly so.
const PARTITION: &str = "aws-us-gov";
const REGION: &str = "us-isof-south-1";
const ACCOUNT: &str = "123456789012";
/// The ARN of one of the stack's own things: the longest, the topic's and the log group's, have some 145 characters.
const ARN: usize = 150;

/// The one policy of a role.
pub(super) fn check_policy(policy: &PolicyDocument, config: &Config) -> Result<(), Unfit> {
    let characters = size(&policy.document(), config);
    let fits = characters <= POLICY_CHARACTERS;
    if fits { Ok(()) } else { Err(Unfit::Policy { users: config.users.len(), characters }) }
}

/// The environment of a function.
pub(super) fn check_environment(environment: &Environment, config: &Config) -> Result<(), Unfit> {
    let bytes = size(&environment.variables(), config);
    let fits = bytes <= ENVIRONMENT_BYTES;
    if fits { Ok(()) } else { Err(Unfit::Environment { users: config.users.len(), bytes }) }
}

/// How long the value is as JSON without white space. It is ASCII, so bytes are characters.
fn size(value: &Value, config: &Config) -> usize {
    filled_in(value, config.stack_name.as_str()).to_string().len()
}

fn filled_in(value: &Value, stack_name: &str) -> Json {
    let all = |value: &Value| filled_in(value, stack_name);
    match value {
        Value::Text(text) => Json::from(text.as_str()),
        Value::Integer(number) => Json::from(*number),
        Value::Boolean(boolean) => Json::from(*boolean),
        Value::List(items) => items.iter().map(all).collect(),
        Value::Map(entries) => Json::Object(entries.iter().map(|(k, v)| (k.clone(), all(v))).collect::<Map<_, _>>()),
        Value::Ref(reference) => Json::from(name(reference, stack_name)),
        Value::GetAtt(_) => Json::from("x".repeat(ARN)),
        Value::Sub(parts) => {
            let part = |part: &Part| match part {
                Part::Literal(text) => text.clone(),
                Part::Ref(reference) => name(reference, stack_name),
                Part::GetAtt(_) => "x".repeat(ARN),
            };
            Json::from(parts.iter().map(part).collect::<String>())
        }
        Value::Explained(_, value) => all(value),
    }
}

fn name(name: &Name, stack_name: &str) -> String {
    match name.pseudo() {
        Some(Pseudo::AccountId) => ACCOUNT.to_owned(),
        Some(Pseudo::Partition) => PARTITION.to_owned(),
        Some(Pseudo::Region) => REGION.to_owned(),
        Some(Pseudo::StackName) => stack_name.to_owned(),
        None => "x".repeat(ARN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cfn::Text,
        config::{self, Overrides},
    };

    /// Today the policy is full before the environment is, so no configuration comes here.
    #[test]
    fn an_environment_is_measured_as_json() {
        let text = "users: [alice]\nemails: [a@example.com]\nstack_name: x\n";
        let config = config::read(text, Overrides::default()).unwrap().config;
        // {"A":"y…","B":"x"}: 16 bytes, and as many `y` as are asked for.
        let environment =
            |rest: usize| Environment(vec![("A", "y".repeat(rest).into()), ("B", Text::from(Pseudo::StackName))]);
        assert_eq!(check_environment(&environment(4_080), &config), Ok(()));
        let unfit = check_environment(&environment(4_081), &config).unwrap_err();
        assert_eq!(unfit, Unfit::Environment { users: 1, bytes: 4_097 });
        assert_eq!(unfit.setting(), "users");
    }
}
