//! Which users a run is about: reads the account's lists where they are needed, and leaves the choice to [`crate::selection::fleet`].

use crate::{
    contract::{
        event::{EventError, RunRequest},
        list_scope::ListScope,
        listed_user::ListedUser,
        settings::Settings,
    },
    model::time::Timestamp,
    protocol::call_error::CallError,
    selection::{
        credential_report::CredentialReport,
        fleet::{Fleet, Lists, fleet},
    },
};

/// The account's lists. [`crate::aws::Sdk`] has the real ones.
#[allow(async_fn_in_trait)] // As for `Aws`: no other crate implements it.
pub trait Account {
    /// The access keys of all users.
    async fn credential_report(&self) -> Result<CredentialReport, CallError>;
    /// All users, with tags and groups.
    async fn account_users(&self) -> Result<Vec<ListedUser>, CallError>;
}

/// Why a run does not begin. No key was touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadUsersError {
    /// The event is not one of ours, or names users that are not.
    #[error(transparent)]
    BadEvent(#[from] EventError),
    /// Without the account's lists nobody knows who is meant and who is exempt.
    #[error("the account's users could not be listed, no key was touched: {operation}: {failure}")]
    Unseen {
        /// The call that failed.
        operation: &'static str,
        /// What AWS said.
        failure: CallError,
    },
}

impl LoadUsersError {
    /// A word for it, which Lambda calls the type of an error.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::BadEvent(_) => "BadEvent",
            Self::Unseen { .. } => "UsersNotListed",
        }
    }
}

/// The users to look at.
///
/// # Errors
/// [`LoadUsersError`] if the lists cannot be read, whole: a page that is missing may hold an exemption. Or if a person names users who
/// are not chosen.
pub async fn select(
    account: &impl Account,
    settings: &Settings,
    request: &RunRequest,
    now: Timestamp,
) -> Result<Fleet, LoadUsersError> {
    let lists = match settings.sight() {
        ListScope::Users => None,
        ListScope::Account => {
            let report = account.credential_report().await;
            let report =
                report.map_err(|failure| LoadUsersError::Unseen { operation: "GetCredentialReport", failure })?;
            // After the report: what was done in between makes a user look due, not healthy.
            let users = account.account_users().await;
            let operation = "GetAccountAuthorizationDetails";
            Some(Lists { users: users.map_err(|failure| LoadUsersError::Unseen { operation, failure })?, report })
        }
    };
    let asked = request.users.as_deref();
    let fleet = fleet(settings, lists.as_ref(), asked, now);
    let is_found = |name: &&String| {
        fleet.subjects.iter().any(|subject| ListedUser::from(&subject.user).is_called(name))
            || fleet.unclear.iter().any(|(listed, _)| listed.is_called(name))
    };
    match asked.iter().copied().flatten().find(|name| !is_found(name)) {
        Some(stranger) => Err(EventError::not_chosen(stranger, settings).into()),
        None => Ok(fleet),
    }
}
