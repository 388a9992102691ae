//! The names of everything that an acceptance run creates. All follow from one word, and only this file makes them.

use std::fmt;

use synth::stack::artifacts;

/// The word that every name is made of.
const WORD: &str = "access-key-rotation-acceptance";

/// The path of the users. No other user may have it.
pub(super) const USER_PATH: &str = "/access-key-rotation-acceptance/";

/// The tag of a user with the Region of its run. Users are global; what was created with them is in that Region.
pub(super) const REGION_TAG: &str = "access-key-rotation-acceptance-region";

/// The name of something that belongs to acceptance runs, so a run may change and delete it. The clean-up accepts no
/// other type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnName(String);

impl OwnName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OwnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The stack, its function, and the first part of the names of the secrets.
pub(super) fn stack() -> OwnName {
    OwnName(WORD.to_owned())
}

/// The stack of the artifact bucket.
pub(super) fn artifact_stack() -> OwnName {
    OwnName(artifacts::stack_name(WORD))
}

/// The artifact bucket, which its stack leaves behind.
pub(super) fn bucket(account: &str, region: &str) -> OwnName {
    OwnName(artifacts::bucket_name(WORD, account, region))
}

/// The queue that gets the notices with `QUEUE=1`.
pub(super) fn queue() -> OwnName {
    OwnName(WORD.to_owned())
}

/// The log group of the function.
pub(super) fn log_group() -> OwnName {
    OwnName(format!("/aws/lambda/{WORD}"))
}

/// One of the two users of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TestUser {
    First,
    Second,
}

impl TestUser {
    pub(super) const ALL: [Self; 2] = [Self::First, Self::Second];

    /// The name of the user. Names are unique in an account, whatever the path.
    pub(super) fn name(self) -> OwnName {
        let which = match self {
            Self::First => "first",
            Self::Second => "second",
        };
        OwnName(format!("{WORD}-{which}"))
    }

    /// The name with its path, as the configuration names the user.
    pub(super) fn with_path(self) -> String {
        format!("{USER_PATH}{}", self.name())
    }

    /// The name of its secret.
    pub(super) fn secret(self) -> OwnName {
        OwnName(format!("{WORD}/{}", self.name()))
    }

    /// The user with this path and name. A user with another path is a stranger, even if it has the name.
    pub(super) fn of(path: &str, name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|user| path == USER_PATH && name == user.name().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_the_word_and_none_is_that_of_a_default_stack() {
        let bucket = bucket("123456789012", "ap-southeast-1");
        let mut names = vec![stack(), artifact_stack(), bucket.clone(), queue(), log_group()];
        names.extend(TestUser::ALL.into_iter().flat_map(|user| [user.name(), user.secret()]));
        for name in &names {
            assert!(name.as_str().trim_start_matches("/aws/lambda/").starts_with(WORD), "{name}");
        }
        assert!(bucket.as_str().len() <= 63, "S3 allows 63 characters: {bucket}");
        assert!(USER_PATH.trim_matches('/') == WORD && REGION_TAG.starts_with(WORD));
    }

    #[test]
    fn a_user_belongs_to_a_run_only_by_its_path_and_its_name() {
        let name = TestUser::First.name().to_string();
        assert_eq!(TestUser::of(USER_PATH, &name), Some(TestUser::First));
        for (path, name) in [("/", name.as_str()), ("/access-key-rotation-acceptance/x/", &name), (USER_PATH, "alice")]
        {
            assert_eq!(TestUser::of(path, name), None, "{path}{name}");
        }
    }
}
