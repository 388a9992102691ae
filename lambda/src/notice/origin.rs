//! Where a notice comes from.

use crate::{
    contract::{account_name::AccountName, settings::Settings},
    model::user::UserName,
    protocol::{journal::RunId, run::Run},
};

/// The account, the Region, the stack and the run that a notice comes from.
#[derive(Debug, Clone, Copy)]
pub struct NoticeOrigin<'a> {
    /// The id of the account, twelve digits.
    pub account: &'a str,
    /// The name of the account, which people know better than its id.
    pub account_name: &'a AccountName,
    /// The Region of the stack. IAM users have no Region.
    pub region: &'a str,
    /// The name of the stack, which is also the name of its function.
    pub stack: &'a str,
    /// The id of the run.
    pub run: &'a RunId,
    /// Whether the stack is a member of an organization. The commands of the repository do not reach its function.
    pub is_member: bool,
}

impl<'a> NoticeOrigin<'a> {
    /// The origin of the notices of a run, for the function with these settings.
    #[must_use]
    pub fn of(settings: &'a Settings, run: &'a Run) -> Self {
        let place = settings.place();
        Self {
            account: place.account,
            account_name: &settings.account_name,
            region: place.region,
            stack: run.manager.stack(),
            run: &run.id,
            is_member: settings.organization.is_some(),
        }
    }

    /// The command that reads the secret with this name.
    pub(super) fn read_secret(&self, name: &str) -> String {
        let region = self.region;
        format!(
            "aws secretsmanager get-secret-value --secret-id '{name}' --region '{region}' --query SecretString --output text"
        )
    }

    /// The command that activates a key of this user again.
    pub(super) fn undo(&self, user: &UserName) -> String {
        self.make(&format!("undo USERS='{user}'"))
    }

    /// The command that makes this stack the manager of the user.
    pub(super) fn adopt(&self, user: &UserName) -> String {
        self.make(&format!("adopt USER='{user}'"))
    }

    /// The text with this Region in the AWS commands that it proposes.
    pub(super) fn with_region(&self, text: &str) -> String {
        text.replace("--region REGION", &format!("--region {}", self.region))
    }

    /// A command of the repository for this stack, such as `make undo USERS='alice' REGION='eu-west-1'`.
    pub(super) fn make(&self, target: &str) -> String {
        format!("make {target} REGION='{}'", self.region)
    }

    /// The command with which a person orders an action for a user of a member. It needs the credentials of the account.
    pub(super) fn invoke(&self, action: &str, user: &UserName) -> String {
        let Self { stack, region, .. } = self;
        let event = serde_json::json!({ "action": action, "users": [user] });
        format!(
            "aws lambda invoke --function-name '{stack}' --region '{region}' --cli-binary-format raw-in-base64-out --payload \
             '{event}' /dev/stdout"
        )
    }
}
