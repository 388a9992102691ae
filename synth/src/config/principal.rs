//! The readers of secrets: ARNs of IAM users and roles.

use lambda::{delivery::secret_policy::Readers, model::principal::PrincipalArn};
use serde_json::Value as Json;

use crate::config::{
    setting_type::{AnyNumber, SameAs, SettingType, ValueProblem, ValueRule, Word},
    tree::Node,
};

/// A pattern for the name of a partition.
pub(super) const PARTITION: &str = "aws(?:-[a-z]+)*";

impl Word for PrincipalArn {
    fn rule() -> ValueRule {
        let character = "[A-Za-z0-9+=,.@_-]";
        // A path has at most 512 characters, slashes included.
        let path = format!("(?:(?!.{{511,}}/)(?:{character}+/)+)?");
        ValueRule::pattern(&format!("arn:{PARTITION}:iam::[0-9]{{12}}:(?:user|role)/{path}{character}{{1,64}}"))
    }

    /// The role of a session's ARN, `arn:aws:sts::…:assumed-role/NAME/SESSION`. The ARN does not contain the path of the role.
    fn guesses(text: &str) -> Vec<String> {
        let role = text.trim().replace(":sts::", ":iam::").replace(":assumed-role/", ":role/");
        let session = role.rsplit_once('/').map(|(role, _)| role.to_owned());
        session.filter(|_| text.contains(":assumed-role/")).into_iter().chain([text.trim().to_owned()]).collect()
    }
}

impl SameAs for PrincipalArn {
    fn same_as(&self, other: &Self) -> bool {
        self == other
    }
}

impl SettingType for Readers {
    fn read(node: &Node) -> Result<Self, Vec<ValueProblem>> {
        AnyNumber::read(node).map(|AnyNumber(readers)| Self(readers))
    }

    fn schema() -> Json {
        AnyNumber::<PrincipalArn>::schema()
    }

    fn allowed() -> String {
        AnyNumber::<PrincipalArn>::allowed()
    }

    fn json(text: &str) -> Json {
        AnyNumber::<PrincipalArn>::json(text)
    }
}
