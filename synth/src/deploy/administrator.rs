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

/// The sentence about missing trusted access, with the command that grants it.
#[must_use]
pub fn without_access(administrator: Administrator) -> String {
    let command = "cloudformation activate-organizations-access";
    let command = match administrator {
        Administrator::ManagementAccount => format!("run: {}", aws(command)),
        Administrator::DelegatedAdministrator => {
            format!("ask an administrator of the management account to run: aws {command}")
        }
    };
    format!(
        "StackSets may not work in the accounts of the organization: trusted access is not active. Nothing was changed. To \
         activate it, {command}"
    )
}

/// The sentence about an account that does not administer StackSets as the template says.
#[must_use]
pub fn not_registered(administrator: Administrator, account: &str) -> String {
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
            let text = without_access(administrator);
            assert!(text.ends_with(command) && text.contains("Nothing was changed"), "{text}");
        }
        let text = not_registered(Administrator::DelegatedAdministrator, "111122223333");
        assert!(text.ends_with("--account-id 111122223333"), "{text}");
    }
}
