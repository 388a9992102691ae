//! What a run leaves behind if it is killed, and in which order it is deleted. Pure.

use std::fmt;

use super::names::{self, OwnName, TestUser};

/// Something that a run creates. The values have the names that only [`names`] can make, so nothing else is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leftover {
    Stack,
    Queue,
    ArtifactStack,
    Bucket,
    LogGroup,
    Secret(TestUser),
    User(TestUser),
}

impl Leftover {
    /// Everything, in the order of its deletion. The users are last: their tags say in which Region the rest is.
    pub(super) const ALL: [Self; 9] = [
        Self::Stack,
        Self::Queue,
        Self::ArtifactStack,
        Self::Bucket,
        // The function writes its log until it is deleted.
        Self::LogGroup,
        Self::Secret(TestUser::First),
        Self::Secret(TestUser::Second),
        Self::User(TestUser::First),
        Self::User(TestUser::Second),
    ];

    /// Its name in this account and Region.
    pub(super) fn name(self, account: &str, region: &str) -> OwnName {
        match self {
            Self::Stack => names::stack(),
            Self::Queue => names::queue(),
            Self::ArtifactStack => names::artifact_stack(),
            Self::Bucket => names::bucket(account, region),
            Self::LogGroup => names::log_group(),
            Self::Secret(user) => user.secret(),
            Self::User(user) => user.name(),
        }
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stack | Self::ArtifactStack => "the stack",
            Self::Queue => "the queue",
            Self::Bucket => "the bucket",
            Self::LogGroup => "the log group",
            Self::Secret(_) => "the secret",
            Self::User(_) => "the user",
        })
    }
}

/// A user below the path of acceptance runs, as IAM lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundUser {
    pub(super) path: String,
    pub(super) name: String,
    /// The Region of the run that created it.
    pub(super) region: Option<String>,
}

/// Why a run must not begin, whatever it would delete; `None` if it may.
pub(super) fn obstacle(users: &[FoundUser], region: &str) -> Option<String> {
    let stranger = users.iter().find(|user| TestUser::of(&user.path, &user.name).is_none());
    if let Some(FoundUser { path, name, .. }) = stranger {
        return Some(format!("the user {path}{name} is not from this program; delete it or change its path"));
    }
    let elsewhere = users.iter().filter_map(|user| user.region.as_deref()).find(|other| *other != region)?;
    Some(format!(
        "an earlier run in the Region {elsewhere} left something there; run make acceptance REGION={elsewhere} first"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acceptance::names::USER_PATH;

    #[test]
    fn everything_with_a_name_is_deleted_and_the_users_last() {
        let mut all: Vec<_> =
            Leftover::ALL.iter().map(|left| format!("{left} {}", left.name("123456789012", "eu-west-1"))).collect();
        assert_eq!(all[0], "the stack access-key-rotation-acceptance");
        assert!(all[7..].iter().all(|user| user.starts_with("the user ")), "{all:?}");
        all.sort();
        all.dedup();
        assert_eq!(all.len(), Leftover::ALL.len());
    }

    #[test]
    fn a_stranger_or_another_region_keeps_a_run_from_beginning() {
        let user = |path: &str, name: &str, region: Option<&str>| FoundUser {
            path: path.into(),
            name: name.into(),
            region: region.map(str::to_owned),
        };
        let first = TestUser::First.name().to_string();
        let own = |region| user(USER_PATH, &first, region);
        for users in [vec![], vec![own(Some("eu-west-1"))], vec![own(None)]] {
            assert_eq!(obstacle(&users, "eu-west-1"), None, "{users:?}");
        }
        for (users, says) in [
            (vec![own(Some("eu-west-1")), own(Some("us-east-1"))], "make acceptance REGION=us-east-1"),
            (vec![own(None), user(USER_PATH, "alice", None)], "/access-key-rotation-acceptance/alice is not from"),
            (vec![user("/access-key-rotation-acceptance/x/", &first, None)], "is not from"),
        ] {
            let why = obstacle(&users, "eu-west-1").unwrap();
            assert!(why.contains(says), "{why}");
        }
    }
}
