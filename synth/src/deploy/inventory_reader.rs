//! Reads the access keys of the account, with the caller's own credentials, or those of several accounts, with a role in
//! each. It only reads.

use futures_util::{StreamExt as _, stream};
use lambda::{
    handler::{aws_api::Aws as _, load_users::AccountLists as _},
    model::{access_key::LastUse, time::Timestamp, user::UserName},
    protocol::{call::Answer, call_error::CallError},
};

use crate::{
    config::Config,
    deploy::aws::{AwsError, Session},
    inventory::{
        self, Inventory, Limits, UnreadAccount,
        account_report::{self, AccountReportError},
        finding,
        holder::HeldKey,
        permissions,
    },
};

/// How many users are read at once. IAM throttles an account that makes more calls.
const AT_ONCE: usize = 5;

/// The configuration that an inventory names, and the file that it is from.
#[derive(Debug, Clone, Copy)]
pub struct InventoryConfig<'c> {
    /// The name of the file.
    pub file: &'c str,
    /// What it holds.
    pub config: &'c Config,
}

/// The reason why there is no inventory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// The caller lacks a permission.
    #[error(
        "not permitted to read the account's access keys ({operation}): {message}. The inventory needs {}. To print a policy with \
         them: synth inventory --policy",
        permissions::ACTIONS.join(", ")
    )]
    Denied {
        /// The call that was refused.
        operation: &'static str,
        /// AWS's message.
        message: String,
    },
    /// A call failed for another reason.
    #[error("could not read the account's access keys: {operation}: {failure}")]
    Failed {
        /// The call that failed.
        operation: &'static str,
        /// Why it failed.
        #[source]
        failure: CallError,
    },
    /// The credential report has another form than AWS documents.
    #[error(transparent)]
    Report(#[from] AccountReportError),
    /// There are no credentials, or AWS does not accept them.
    #[error(transparent)]
    Session(#[from] AwsError),
}

impl InventoryError {
    fn of(operation: &'static str) -> impl Fn(CallError) -> Self {
        move |failure| {
            if failure.code.is_denial() {
                return Self::Denied { operation, message: failure.message };
            }
            Self::Failed { operation, failure }
        }
    }
}

/// Makes the inventory of the session's account. For users without a finding, the credential report is enough; IAM is asked
/// for the keys of the others. `watch` gets a line about the progress.
///
/// # Errors
/// [`InventoryError`] if a list cannot be read in full.
pub async fn read(
    session: &Session,
    configuration: Option<InventoryConfig<'_>>,
    limits: Limits,
    mut watch: impl FnMut(String),
) -> Result<Inventory, InventoryError> {
    let aws = session.handler();
    watch("Waiting for IAM's credential report".to_owned());
    let report = aws.credential_report_content().await.map_err(InventoryError::of("GetCredentialReport"))?;
    let rows = account_report::read(&report)?;
    watch("Reading the users of the account".to_owned());
    let listed = aws.account_users().await.map_err(InventoryError::of("GetAccountAuthorizationDetails"))?;
    let at = Timestamp::now();
    let config = configuration.map(|named| named.config);
    let mut holders = inventory::holders(rows, &listed, config);

    let found: Vec<(usize, UserName)> = holders
        .iter()
        .enumerate()
        .filter(|(_, holder)| !holder.keys.is_empty() && !finding::findings(holder, limits, at).is_empty())
        .filter_map(|(index, holder)| Some((index, holder.user()?.name.parse().ok()?)))
        .collect();
    let total = found.len();
    let asked = found.into_iter().map(|(index, user)| {
        let aws = &aws;
        async move { (index, exact_keys(aws, &user).await) }
    });
    let mut exact = stream::iter(asked).buffer_unordered(AT_ONCE);
    let mut done = 0;
    while let Some((index, keys)) = exact.next().await {
        done += 1;
        watch(format!("Reading the keys of the users with findings: {done} of {total}"));
        if let Some(keys) = keys? {
            holders[index].keys = keys;
        }
    }
    let file = configuration.map(|named| named.file.to_owned());
    Ok(Inventory::new(session.account.clone(), file, holders, limits, at))
}

/// How many accounts are read at once. Each has limits of its own.
const ACCOUNTS_AT_ONCE: usize = 8;

/// Makes one inventory of several accounts, with the role of this name in each. An account that cannot be read is listed
/// with the reason. The session's own account is read without a role.
pub async fn read_accounts(
    session: &Session,
    accounts: &[String],
    role: &str,
    configuration: Option<InventoryConfig<'_>>,
    limits: Limits,
    mut watch: impl FnMut(String),
) -> Inventory {
    let read = accounts.iter().map(|account| async move {
        let read = async {
            let assumed =
                if *account == session.account { session.clone() } else { session.assume(account, role).await? };
            read(&assumed, configuration, limits, |_| {}).await
        };
        (account, read.await)
    });
    let mut reading = stream::iter(read).buffer_unordered(ACCOUNTS_AT_ONCE);
    let (mut inventories, mut not_read) = (Vec::new(), Vec::new());
    while let Some((account, read)) = reading.next().await {
        match read {
            Ok(inventory) => inventories.push(inventory),
            Err(problem) => {
                let why = match problem {
                    // The advice of this error is about deployments.
                    InventoryError::Session(AwsError::Denied { doing, message }) => {
                        format!("not permitted to {doing}: {message}")
                    }
                    other => other.to_string(),
                };
                not_read.push(UnreadAccount { account: account.clone(), why });
            }
        }
        watch(format!("Reading the accounts: {} of {}", inventories.len() + not_read.len(), accounts.len()));
    }
    not_read.sort_unstable_by(|one, other| one.account.cmp(&other.account));
    let file = configuration.map(|named| named.file.to_owned());
    Inventory::of_accounts(file, inventories, not_read, limits, Timestamp::now())
}

/// The keys of a user as IAM itself lists them, with their ids and the times of their creation. The report lacks such a
/// time if the status of the key has changed. `None` if the user is gone.
async fn exact_keys(aws: &lambda::aws::Sdk, user: &UserName) -> Result<Option<Vec<HeldKey>>, InventoryError> {
    let keys = match aws.list_access_keys(user).await {
        Ok(Answer::Keys(keys)) => keys,
        Ok(_) => return Ok(None),
        Err(failure) if failure.code.as_str() == "NoSuchEntity" => return Ok(None),
        Err(failure) => return Err(InventoryError::of("ListAccessKeys")(failure)),
    };
    let mut all = Vec::new();
    for key in keys {
        let last_use = match aws.last_used(&key.id).await {
            Ok(Answer::LastUse(last_use)) => last_use,
            Ok(_) => LastUse::Unknown,
            Err(failure) => return Err(InventoryError::of("GetAccessKeyLastUsed")(failure)),
        };
        all.push(HeldKey { id: Some(key.id), status: key.status, since: key.created, last_use });
    }
    Ok(Some(all))
}
