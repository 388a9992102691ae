//! Who has access keys: root, or a user.

use lambda::model::{
    access_key::{AccessKeyId, KeyStatus, LastUse},
    time::{Span, Timestamp},
};

use super::user_facts::UserFacts;

/// The account's root user or an IAM user, with its credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Root, or which user.
    pub identity: Identity,
    /// The console password and its second factor.
    pub console: Console,
    /// The access keys: at most two.
    pub keys: Vec<HeldKey>,
    /// Columns of the credential report that this program cannot read, as a sentence without a full stop.
    pub unread: Option<String>,
}

/// Root or a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The account's root user.
    Root,
    /// An IAM user.
    User(UserFacts),
}

/// The console access of root or a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Console {
    /// There is no password. Root always counts here: the report does not show its password.
    None,
    /// There is a password, and no second factor.
    PasswordOnly,
    /// There is a password with a second factor.
    WithMfa,
}

/// An access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldKey {
    /// The id. `None` if only the credential report shows the key.
    pub id: Option<AccessKeyId>,
    /// Whether the key is active.
    pub status: KeyStatus,
    /// When the key was created. If only the credential report shows the key, this is when it was created or its status last
    /// changed.
    pub since: Timestamp,
    /// The last use.
    pub last_use: LastUse,
}

impl HeldKey {
    /// Whether the key is active.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == KeyStatus::Active
    }

    /// The word for the status, as IAM's own tools write it in lower case.
    #[must_use]
    pub const fn status(&self) -> &'static str {
        match self.status {
            KeyStatus::Active => "active",
            KeyStatus::Inactive => "inactive",
        }
    }

    /// How long the key has existed.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Span {
        now.since(self.since)
    }

    /// How long the key has not been used: since its last use, else since its creation. `None` if it is unknown.
    #[must_use]
    pub fn unused_for(&self, now: Timestamp) -> Option<Span> {
        match &self.last_use {
            LastUse::Never => Some(now.since(self.since)),
            LastUse::Used { at, .. } => Some(now.since(*at)),
            LastUse::Unknown => None,
        }
    }
}

impl Holder {
    /// The name in tables: the user with its path unless that is `/`, or `root`. In `<…>`, because a user can be called root.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.identity {
            Identity::Root => "<root>".to_owned(),
            Identity::User(UserFacts { name, path, .. }) => match path.as_deref() {
                Some("/") | None => name.clone(),
                Some(path) => format!("{path}{name}"),
            },
        }
    }

    /// The user. `None` for root.
    #[must_use]
    pub fn user(&self) -> Option<&UserFacts> {
        match &self.identity {
            Identity::Root => None,
            Identity::User(user) => Some(user),
        }
    }
}
