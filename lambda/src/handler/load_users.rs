//! Loads the users of a run: it reads the account's lists if they are needed. [`crate::selection::fleet`] selects the
//! users.

use crate::{
    contract::{
        event::{EventError, RunRequest},
        list_scope::ListScope,
        listed_user::ListedUser,
        settings::Settings,
    },
    model::{parse_error::ParseError, time::Timestamp},
    protocol::{call_error::CallError, manager::Manager, run::RunAction},
    selection::{
        credential_report::CredentialReport,
        fleet::{Asked, Fleet, Lists, fleet},
    },
};

/// The lists of an account. [`crate::aws::Sdk`] reads them from AWS.
#[allow(async_fn_in_trait)] // As for `Aws`: no other crate implements it.
pub trait AccountLists {
    /// IAM's credential report: the access keys of all users.
    async fn credential_report(&self) -> Result<CredentialReport, CallError>;
    /// All users, with their paths, tags and groups.
    async fn account_users(&self) -> Result<Vec<ListedUser>, CallError>;
}

/// Why a run does not begin. Then no key was touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadUsersError {
    /// The event is not valid, or names a user that the settings do not select.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The function has a name that no stack can have.
    #[error("the function's name cannot be noted as the manager of a user, no key was touched: {0}")]
    Function(#[source] ParseError),
    /// A list of the account could not be read. Without it, the run cannot know which users are selected and which are
    /// exempt.
    #[error("the account's users could not be listed, no key was touched: {operation}: {failure}")]
    UsersNotListed {
        /// The call that failed.
        operation: &'static str,
        /// Why the call failed.
        #[source]
        failure: CallError,
    },
}

impl LoadUsersError {
    /// The name of the error, which Lambda returns as its type.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Event(_) => EventError::NAME,
            Self::Function(_) => "FunctionName",
            Self::UsersNotListed { .. } => "UsersNotListed",
        }
    }
}

/// The users that the run must handle, in order.
///
/// # Errors
/// [`LoadUsersError`] if the lists cannot be read in full, because a missing page may contain an exemption. Also if a
/// person names a user that the settings do not select.
pub async fn select(
    account: &impl AccountLists,
    settings: &Settings,
    request: &RunRequest,
    manager: &Manager,
    now: Timestamp,
) -> Result<Fleet, LoadUsersError> {
    let lists = match settings.list_scope() {
        ListScope::Users => None,
        ListScope::Account => {
            let report = account.credential_report().await;
            let report = report
                .map_err(|failure| LoadUsersError::UsersNotListed { operation: "GetCredentialReport", failure })?;
            // This comes after the report: a change in between makes a user seem due, not healthy.
            let users = account.account_users().await;
            let operation = "GetAccountAuthorizationDetails";
            Some(Lists {
                users: users.map_err(|failure| LoadUsersError::UsersNotListed { operation, failure })?,
                report,
            })
        }
    };
    let asked = match request.users.as_deref() {
        Some(names) => Asked::Named(names),
        None if request.action == RunAction::Routine && !request.everyone => Asked::Due,
        None => Asked::Everyone,
    };
    let fleet = fleet(settings, lists.as_ref(), asked, manager, now);
    let is_found = |name: &&String| {
        fleet.subjects.iter().any(|subject| ListedUser::from(&subject.user).is_called(name))
            || fleet.misconfigured.iter().any(|(listed, _)| listed.is_called(name))
    };
    match request.users.iter().flatten().find(|name| !is_found(name)) {
        Some(stranger) => Err(EventError::not_chosen(stranger, settings).into()),
        None => Ok(fleet),
    }
}
