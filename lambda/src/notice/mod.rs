//! What people read. One file per language; the facts are the same in each.

mod after;
mod digest;
mod en;
mod ja;

pub use after::{Aftermath, News, Notice, notices};
pub use digest::{Digest, Digested};

use crate::{
    email::Email,
    key::{AccessKeyId, Key, SecretAccessKey},
    plan::{DeleteAfter, Policy, StillInUse},
    report::Summary,
    time::Timestamp,
    user::UserName,
};

/// The languages that notices are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    English,
    /// Japanese.
    Japanese,
}

/// A mail. Its body may hold a secret, so it has no `Debug`.
pub struct Mail {
    /// One line, under 100 characters (SNS API Reference, "Publish").
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// A user has a new key.
pub struct Rotated<'a> {
    /// Whose.
    pub user: &'a UserName,
    /// The new key's id.
    pub key: &'a AccessKeyId,
    /// How its owner gets the secret.
    pub secret: Where<'a>,
    /// The keys it replaces.
    pub replaced: Vec<&'a Key>,
    /// What happens to them.
    pub policy: &'a Policy,
    /// When this is said.
    pub now: Timestamp,
}

/// A key will be replaced.
pub struct ComingUp<'a> {
    /// Whose.
    pub user: &'a UserName,
    /// Which.
    pub key: &'a AccessKeyId,
    /// When.
    pub due: Timestamp,
}

/// How the owner of a new key gets its secret.
pub enum Where<'a> {
    /// Here.
    InThisMail(&'a SecretAccessKey),
    /// From Secrets Manager, under this name.
    SecretsManager(String),
    /// In the mail to its owner; this one is to others.
    InOwnersMail(&'a Email),
}

impl Rotated<'_> {
    /// What will become of the replaced keys, as far as the policy alone can say.
    fn fate(&self) -> Fate {
        Fate {
            active_until: self.now + self.policy.overlap,
            at_once: self.policy.overlap.as_seconds() == 0,
            waits_while_in_use: self.policy.still_in_use == StillInUse::Wait,
            deleted: self.policy.delete_after,
        }
    }
}

struct Fate {
    active_until: Timestamp,
    at_once: bool,
    waits_while_in_use: bool,
    deleted: DeleteAfter,
}

impl Language {
    /// The mail that announces a new key.
    #[must_use]
    pub fn rotated(self, facts: &Rotated<'_>) -> Mail {
        match self {
            Self::English => en::rotated(facts),
            Self::Japanese => ja::rotated(facts),
        }
    }

    /// The mail that says that a key will be replaced.
    #[must_use]
    pub fn coming_up(self, facts: &ComingUp<'_>) -> Mail {
        match self {
            Self::English => en::coming_up(facts),
            Self::Japanese => ja::coming_up(facts),
        }
    }

    /// The mail that says this.
    #[must_use]
    pub fn notice(self, notice: &Notice<'_>, policy: &Policy, now: Timestamp) -> Mail {
        let Notice { user, news, .. } = notice;
        if let News::Mailed { key, owner, replaced } = news {
            let (secret, replaced) = (Where::InOwnersMail(owner), replaced.clone());
            return self.rotated(&Rotated { user, key, secret, replaced, policy, now });
        }
        match self {
            Self::English => en::notice(user, news, now),
            Self::Japanese => ja::notice(user, news, now),
        }
    }

    /// The mail that sums a run up.
    #[must_use]
    pub fn digest(self, run: &Digested<'_>) -> Mail {
        match self {
            Self::English => en::digest(run),
            Self::Japanese => ja::digest(run),
        }
    }

    /// A run's result in a sentence.
    #[must_use]
    pub fn summary(self, summary: &Summary) -> String {
        match self {
            Self::English => en::summary(summary),
            Self::Japanese => ja::summary(summary),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        key::Status,
        plan::{Delivery, Patience},
        time::Span,
    };

    fn rotated(language: Language, user: &str, mail: bool, overlap: Span, status: Status) -> Mail {
        let user = user.parse().unwrap();
        let old =
            Key { id: "AKIAEXAMPLE000000001".parse().unwrap(), status, created: Timestamp::from_unix(1_790_000_000) };
        let secret = SecretAccessKey::new("a secret made for this test".into());
        let policy = Policy {
            rotate_after: Span::days(60),
            overlap,
            delete_after: if mail { DeleteAfter::NextRotation } else { DeleteAfter::Window(Span::days(14)) },
            still_in_use: if mail { StillInUse::Retire } else { StillInUse::Wait },
            wait_at_most: Patience::Forever,
            delivery: if mail { Delivery::Email } else { Delivery::SecretsManager },
            warn_before: Span::ZERO,
        };
        language.rotated(&Rotated {
            user: &user,
            key: &"AKIAEXAMPLE000000002".parse().unwrap(),
            secret: if mail {
                Where::InThisMail(&secret)
            } else {
                Where::SecretsManager(format!("access-key-rotation/{user}"))
            },
            replaced: vec![&old],
            policy: &policy,
            now: Timestamp::from_unix(1_795_490_200),
        })
    }

    /// What people read is reviewed as they read it: `notice/golden/`. `UPDATE_GOLDEN=1` writes it anew.
    #[test]
    fn notices_are_the_reviewed_ones() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/notice/golden");
        for (name, language) in [("en", Language::English), ("ja", Language::Japanese)] {
            for (kind, mail, overlap, status) in [
                ("stored", false, Span::days(7), Status::Active),
                ("mailed", true, Span::ZERO, Status::Active),
                ("mailed-after-inactive", true, Span::ZERO, Status::Inactive),
            ] {
                let notice = rotated(language, "alice", mail, overlap, status);
                let text = format!("Subject: {}\n\n{}", notice.subject, notice.body);
                let path = folder.join(format!("rotated-{kind}.{name}.txt"));
                if std::env::var_os("UPDATE_GOLDEN").is_some() {
                    std::fs::write(&path, &text).unwrap();
                }
                let golden = std::fs::read_to_string(&path).unwrap_or_default();
                assert_eq!(text, golden, "{} is stale; UPDATE_GOLDEN=1 cargo test", path.display());
            }
        }
    }

    #[test]
    fn a_coming_rotation_is_announced_as_reviewed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/notice/golden");
        for (name, language) in [("en", Language::English), ("ja", Language::Japanese)] {
            let (user, key) = ("alice".parse().unwrap(), "AKIAEXAMPLE000000001".parse().unwrap());
            let due = Timestamp::from_unix(1_795_490_200);
            let notice = language.coming_up(&ComingUp { user: &user, key: &key, due });
            let text = format!("Subject: {}\n\n{}", notice.subject, notice.body);
            let path = folder.join(format!("coming-up.{name}.txt"));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            let golden = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(text, golden, "{} is stale; UPDATE_GOLDEN=1 cargo test", path.display());
        }
    }

    #[test]
    fn the_longest_name_still_makes_a_subject_that_sns_accepts() {
        for language in [Language::English, Language::Japanese] {
            for mail in [true, false] {
                let subject = rotated(language, &"W".repeat(64), mail, Span::ZERO, Status::Active).subject;
                assert!(subject.chars().count() < 100, "{subject}");
                assert!(!subject.chars().any(char::is_control));
            }
        }
    }
}
