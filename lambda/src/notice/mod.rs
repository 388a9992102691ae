//! What people read. There is one file for each language, and the facts are the same in each.

mod events;

mod digest;

mod en;

mod ja;

pub use events::{Aftermath, Notice, NoticeKind, notices};

pub use digest::Digested;

use crate::{
    contract::language::Language,
    delivery::public_key::{PublicKeyKind, Recipient},
    model::{
        access_key::{AccessKeyId, Key, SecretAccessKey},
        time::Timestamp,
        user::UserName,
    },
    protocol::{
        call::Warning,
        policy::{DeleteAfter, Policy, StillInUse},
    },
    report::run_report::Summary,
};

/// A mail. Its body may hold a secret, so it has no `Debug`.
pub struct Mail {
    /// The subject: one line, under 100 characters (SNS API Reference, "Publish").
    pub subject: String,
    /// The text of the mail, without markup.
    pub body: String,
}

/// The content of a mail: a user has a new key.
pub struct Rotated<'a> {
    /// The user of the key.
    pub user: &'a UserName,
    /// The new key's id.
    pub key: &'a AccessKeyId,
    /// How its owner gets the secret.
    pub secret: SecretLocation<'a>,
    /// The keys it replaces.
    pub replaced: Vec<&'a Key>,
    /// What happens to them.
    pub policy: &'a Policy,
    /// The time of the mail.
    pub now: Timestamp,
}

/// How the owner of a new key gets its secret.
pub enum SecretLocation<'a> {
    /// In this mail, in clear text.
    InThisMail(&'a SecretAccessKey),
    /// In this mail, in a block that only the owner of one of these public keys can open.
    Encrypted(Block<'a>),
    /// From Secrets Manager, under this name.
    SecretsManager(String),
}

/// The document with a new key, encrypted with age.
pub struct Block<'a> {
    /// The lines of the block, each with a line break at its end.
    pub text: String,
    /// The public keys. The private half of each can open the block.
    pub recipients: &'a [Recipient],
}

/// Where people keep the private halves of their keys.
const SSH_ED25519: &str = "~/.ssh/id_ed25519";

const SSH_RSA: &str = "~/.ssh/id_rsa";

impl Block<'_> {
    /// The lines with the command that opens the block, one for each kind of public key. `own` is the file name for an
    /// age key.
    fn commands(&self, own: &str) -> Vec<String> {
        let file = |recipient: &Recipient| match recipient.kind() {
            PublicKeyKind::X25519 => own,
            PublicKeyKind::SshEd25519 => SSH_ED25519,
            PublicKeyKind::SshRsa => SSH_RSA,
        };
        let mut commands = Vec::new();
        for command in self.recipients.iter().map(|recipient| format!("    age --decrypt -i {}\n", file(recipient))) {
            if !commands.contains(&command) {
                commands.push(command);
            }
        }
        commands
    }
}

impl Rotated<'_> {
    /// What will happen to the replaced keys, as far as the policy determines it.
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

    /// The mail that says what will happen to a key.
    #[must_use]
    pub fn warning(self, user: &UserName, warning: &Warning) -> Mail {
        match self {
            Self::English => en::warning(user, warning),
            Self::Japanese => ja::warning(user, warning),
        }
    }

    /// The mail for this notice.
    #[must_use]
    pub fn notice(self, notice: &Notice<'_>, now: Timestamp) -> Mail {
        let Notice { user, kind, .. } = notice;
        match self {
            Self::English => en::notice(user, kind, now),
            Self::Japanese => ja::notice(user, kind, now),
        }
    }

    /// The mail with the digest of a run.
    #[must_use]
    pub fn digest(self, run: &Digested<'_>) -> Mail {
        match self {
            Self::English => en::digest(run),
            Self::Japanese => ja::digest(run),
        }
    }

    /// The result of a run, as a sentence.
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
        delivery::public_key::tests::one_of_each,
        model::{access_key::KeyStatus, time::Span},
        protocol::policy::Delivery,
    };

    /// `readers` is the number of kinds of public keys that a block is for.
    fn rotated(
        language: Language,
        user: &str,
        delivery: Delivery,
        readers: usize,
        overlap: Span,
        status: KeyStatus,
    ) -> Mail {
        let recipients = &one_of_each()[..readers];
        let user = user.parse().unwrap();
        let old =
            Key { id: "AKIAEXAMPLE000000001".parse().unwrap(), status, created: Timestamp::from_unix(1_790_000_000) };
        let secret = SecretAccessKey::new("a secret made for this test".into());
        let mail = delivery == Delivery::Email;
        let policy = Policy {
            overlap,
            delete_after: if mail { DeleteAfter::NextRotation } else { DeleteAfter::Window(Span::days(14)) },
            still_in_use: if mail { StillInUse::Retire } else { StillInUse::Wait },
            delivery,
            ..Policy::for_tests()
        };
        language.rotated(&Rotated {
            user: &user,
            key: &"AKIAEXAMPLE000000002".parse().unwrap(),
            secret: match delivery {
                Delivery::SecretsManager => SecretLocation::SecretsManager(format!("access-key-rotation/{user}")),
                Delivery::Email => SecretLocation::InThisMail(&secret),
                Delivery::EmailEncrypted => SecretLocation::Encrypted(Block { text: BLOCK.into(), recipients }),
            },
            replaced: vec![&old],
            policy: &policy,
            now: Timestamp::from_unix(1_795_490_200),
        })
    }

    /// Replaces an encrypted block, which is different each time.
    const BLOCK: &str = "-----BEGIN AGE ENCRYPTED FILE-----\n(another each time)\n-----END AGE ENCRYPTED FILE-----\n";

    /// The mails are reviewed as people read them, in `notice/golden/`. `UPDATE_EXPECT=1` writes those files again.
    #[test]
    fn notices_are_the_reviewed_ones() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/notice/golden");
        for (name, language) in [("en", Language::English), ("ja", Language::Japanese)] {
            for (kind, delivery, readers, overlap, status) in [
                ("stored", Delivery::SecretsManager, 0, Span::days(7), KeyStatus::Active),
                ("mailed", Delivery::Email, 0, Span::ZERO, KeyStatus::Active),
                ("mailed-after-inactive", Delivery::Email, 0, Span::ZERO, KeyStatus::Inactive),
                ("encrypted", Delivery::EmailEncrypted, 1, Span::days(7), KeyStatus::Active),
                ("encrypted-to-several", Delivery::EmailEncrypted, 3, Span::days(7), KeyStatus::Active),
            ] {
                let notice = rotated(language, "alice", delivery, readers, overlap, status);
                let text = format!("Subject: {}\n\n{}", notice.subject, notice.body);
                let path = folder.join(format!("rotated-{kind}.{name}.txt"));
                expect_test::expect_file![path].assert_eq(&text);
            }
        }
    }

    #[test]
    fn a_warning_is_the_reviewed_one() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/notice/golden");
        for (name, language) in [("en", Language::English), ("ja", Language::Japanese)] {
            let (user, at) = ("alice".parse().unwrap(), Timestamp::from_unix(1_795_490_200));
            let key = |n: u8| format!("AKIAEXAMPLE{n:09}").parse().unwrap();
            for (kind, warning) in [
                ("coming-up", Warning::ComingUp(key(1), at)),
                ("pair", Warning::Pair { older: key(1), newer: key(2), until: at }),
                ("inactive", Warning::Inactive(key(1), Some(at))),
                ("inactive-until-next-rotation", Warning::Inactive(key(1), None)),
                ("unused", Warning::Unused(key(1), at)),
            ] {
                let notice = language.warning(&user, &warning);
                let text = format!("Subject: {}\n\n{}", notice.subject, notice.body);
                let path = folder.join(format!("{kind}.{name}.txt"));
                expect_test::expect_file![path].assert_eq(&text);
            }
        }
    }

    #[test]
    fn the_longest_name_still_makes_a_subject_that_sns_accepts() {
        for language in [Language::English, Language::Japanese] {
            for delivery in [Delivery::SecretsManager, Delivery::Email, Delivery::EmailEncrypted] {
                let subject = rotated(language, &"W".repeat(64), delivery, 1, Span::ZERO, KeyStatus::Active).subject;
                assert!(subject.chars().count() < 100, "{subject}");
                assert!(!subject.chars().any(char::is_control));
            }
        }
    }
}
