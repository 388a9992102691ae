//! The account that administers the deployment to an organization, and what AWS must have granted it.

use serde_json::Value as Json;

use crate::{cfn::view::View, config::Administrator, deploy::command_line::aws};

/// Whether StackSets may work in the accounts of the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustedAccess {
    /// An administrator of the management account has activated it.
    Granted,
    /// It is not active.
    Missing,
}

/// The type of a StackSet in a template.
pub const STACK_SET: &str = "AWS::CloudFormation::StackSet";

/// The administrator that the template's StackSets call as. `None` if the template has no StackSet.
#[must_use]
pub fn of_template(template: &Json) -> Option<Administrator> {
    let set = View(template).of(STACK_SET).next()?;
    Some(Administrator::of_call_as(set.properties["CallAs"].as_str()))
}

/// The reason why this account may not deploy to the accounts of the organization. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MayNotAdministerError {
    /// Trusted access of StackSets is not active.
    #[error(
        "StackSets has no access to the accounts of the organization: trusted access is not active. Nothing was changed. To \
         activate it, {}",
        activation(*.0)
    )]
    NoTrustedAccess(Administrator),
    /// The account does not administer StackSets as the template says.
    #[error("{}\nAWS says: {message}", registration(*administrator, account))]
    NotRegistered {
        /// The administrator that the template names.
        administrator: Administrator,
        /// The number of this account, 12 digits.
        account: String,
        /// AWS's message.
        message: String,
    },
}

/// What to do so that trusted access is active.
fn activation(administrator: Administrator) -> String {
    let command = "cloudformation activate-organizations-access";
    match administrator {
        Administrator::ManagementAccount => format!("run: {}", aws(command)),
        Administrator::DelegatedAdministrator => {
            format!("ask an administrator of the management account to run: aws {command}")
        }
    }
}

/// Why the account does not administer the organization, and what to do.
fn registration(administrator: Administrator, account: &str) -> String {
    match administrator {
        Administrator::ManagementAccount => format!(
            "The account {account} is not the management account of the organization. Nothing was changed. Deploy in the \
             management account, or set organization.administrator to delegated-administrator"
        ),
        Administrator::DelegatedAdministrator => format!(
            "The account {account} is not a delegated administrator of StackSets. Nothing was changed. To register it, ask \
             an administrator of the management account to run: aws organizations register-delegated-administrator \
             --service-principal member.org.stacksets.cloudformation.amazonaws.com --account-id {account}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_template_says_how_its_account_administers() {
        let template =
            |properties: Json| json!({ "Resources": { "Members": { "Type": STACK_SET, "Properties": properties } } });
        assert_eq!(of_template(&template(json!({}))), Some(Administrator::ManagementAccount));
        assert_eq!(of_template(&template(json!({ "CallAs": "SELF" }))), Some(Administrator::ManagementAccount));
        assert_eq!(
            of_template(&template(json!({ "CallAs": "DELEGATED_ADMIN" }))),
            Some(Administrator::DelegatedAdministrator)
        );
        assert_eq!(of_template(&json!({ "Resources": {} })), None);
    }

    #[test]
    fn missing_access_is_named_with_the_command_that_grants_it() {
        for (administrator, command) in [
            (Administrator::ManagementAccount, "run: aws cloudformation activate-organizations-access"),
            (
                Administrator::DelegatedAdministrator,
                "the management account to run: aws cloudformation activate-organizations-access",
            ),
        ] {
            let text = MayNotAdministerError::NoTrustedAccess(administrator).to_string();
            assert!(text.ends_with(command) && text.contains("Nothing was changed"), "{text}");
        }
        let text = MayNotAdministerError::NotRegistered {
            administrator: Administrator::DelegatedAdministrator,
            account: "111122223333".into(),
            message: "no".into(),
        }
        .to_string();
        assert!(text.ends_with("--account-id 111122223333\nAWS says: no"), "{text}");
    }
}
