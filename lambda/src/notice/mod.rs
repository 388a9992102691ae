//! What people and programs read: each notice is a mail, and one JSON document. There is one file for each language, and
//! the facts are the same in each.

mod document;

mod events;

mod digest;

mod en;

mod ja;

mod ja_reasons;

mod origin;

mod relay;

mod text;

pub use document::{NOTICE_VERSION, NoticeDocument, notice_schema};

pub use events::{Aftermath, Notice, NoticeKind, notices};

pub use digest::{Digested, UserProblem};

pub use origin::NoticeOrigin;

pub use relay::{BusEvent, EventProblem, MemberAlarm, RelayedEvent, RelayedMail, relay, relay_refused};

pub use text::Mail;

use document::NoticeFacts;
use text::{Layout, NoticeText};

use crate::{
    contract::{language::Language, member_event::MemberNotice, run_summary::RunSummary},
    delivery::public_key::{PublicKeyKind, Recipient},
    model::{
        access_key::{AccessKeyId, Key, SecretAccessKey},
        account_id::AccountId,
        parse_error::one_line,
        time::Timestamp,
        user::UserName,
    },
    protocol::{
        call::Warning,
        policy::{DeleteAfter, Policy, StillInUse},
    },
    selection::routing::{Audience, Envelope},
};
use serde_json::{Value as Json, json};

/// A notice as it is published: the mail for people, and the document for programs. The mail may hold a secret, so it has
/// no `Debug`.
pub struct Publication {
    /// The mail. SNS sends its body to addresses only.
    pub mail: Mail,
    /// The document, which never holds a secret. SNS sends it to everything that is no address.
    pub document: NoticeDocument,
}

impl Publication {
    /// The message for SNS with `MessageStructure: json`. Only subscriptions of the protocol `email` get the text of the
    /// mail; `default` is for all others (SNS API Reference, "Publish": MessageStructure).
    #[must_use]
    pub fn message(&self) -> String {
        let document = json!(self.document).to_string();
        json!({ "default": document, "email": self.mail.body }).to_string()
    }

    /// The event with which a member of an organization sends the notice; `None` for a publication that may hold a secret,
    /// which is for addresses only.
    #[must_use]
    pub fn into_member_notice(self, envelope: &Envelope) -> Option<MemberNotice> {
        let Self { mail: Mail { subject, body }, document } = self;
        let (Audience::AddressesAndEndpoints(_), Json::Object(document)) = (&envelope.to, json!(document)) else {
            return None;
        };
        Some(MemberNotice { to: envelope.to.words(), user: envelope.about.clone(), subject, body, document })
    }
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
    /// In another mail, which its owner got.
    Mailed,
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
    /// The commands that open the block, one for each kind of public key. `own` is the file name for an
    /// age key.
    fn commands(&self, own: &str) -> Vec<String> {
        let file = |recipient: &Recipient| match recipient.kind() {
            PublicKeyKind::X25519 => own,
            PublicKeyKind::SshEd25519 => SSH_ED25519,
            PublicKeyKind::SshRsa => SSH_RSA,
        };
        let mut commands = Vec::new();
        for command in self.recipients.iter().map(|recipient| format!("age --decrypt -i {}", file(recipient))) {
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
    const fn layout(self) -> &'static Layout {
        match self {
            Self::English => &en::LAYOUT,
            Self::Japanese => &ja::LAYOUT,
        }
    }

    fn publication(
        self,
        origin: NoticeOrigin<'_>,
        facts: NoticeFacts<'_>,
        text: &NoticeText,
        now: Timestamp,
    ) -> Publication {
        let mail = self.layout().mail(text, origin, facts.user, facts.deadline);
        let document = facts.document(origin, now, text, &mail);
        Publication { mail, document }
    }

    /// Announces a new key. The mail contains the secret if the mail is the delivery.
    #[must_use]
    pub fn rotated(self, facts: &Rotated<'_>, origin: NoticeOrigin<'_>) -> Publication {
        let text = match self {
            Self::English => en::rotated(facts, origin),
            Self::Japanese => ja::rotated(facts, origin),
        };
        self.publication(origin, facts.facts(), &text, facts.now)
    }

    /// Says what will happen to a key.
    #[must_use]
    pub fn warning(self, user: &UserName, warning: &Warning, origin: NoticeOrigin<'_>, now: Timestamp) -> Publication {
        let text = match self {
            Self::English => en::warning(user, warning),
            Self::Japanese => ja::warning(user, warning),
        };
        self.publication(origin, document::of_warning(user, warning), &text, now)
    }

    /// Publishes this notice.
    #[must_use]
    pub fn notice(self, notice: &Notice<'_>, origin: NoticeOrigin<'_>, now: Timestamp) -> Publication {
        let Notice { user, kind, .. } = notice;
        let text = match self {
            Self::English => en::notice(user, kind, origin, now),
            Self::Japanese => ja::notice(user, kind, origin, now),
        };
        self.publication(origin, notice.facts(now), &text, now)
    }

    /// Sums up a run.
    #[must_use]
    pub fn digest(self, run: &Digested<'_>, origin: NoticeOrigin<'_>, now: Timestamp) -> Publication {
        let text = match self {
            Self::English => en::digest(run, origin),
            Self::Japanese => ja::digest(run, origin),
        };
        let why = match self {
            Self::English => en::why,
            Self::Japanese => ja_reasons::why,
        };
        self.publication(origin, run.facts(why), &text, now)
    }

    /// The mail to the administrators about an event that is not mailed to its recipients.
    #[must_use]
    pub fn event_problem(self, event: &BusEvent, problem: &EventProblem) -> Mail {
        let text = match self {
            Self::English => en::event_problem(event, problem),
            Self::Japanese => ja::event_problem(event, problem),
        };
        self.mail_of_member(&text, event)
    }

    /// The mail to the administrators about a message that is not an event. `lines` is what the message says.
    fn not_an_event(self, lines: &[String], error: &str) -> Mail {
        let text = match self {
            Self::English => en::not_an_event(lines, error),
            Self::Japanese => ja::not_an_event(lines, error),
        };
        Mail { body: self.layout().body(&text, None, &[]), subject: text.title }
    }

    /// The line before the text of a member's notice: which account sent it. AWS writes the account into the event.
    fn sender(self, account: &AccountId) -> String {
        match self {
            Self::English => en::sender(account),
            Self::Japanese => ja::sender(account),
        }
    }

    /// The mail to the administrators about an alarm of a member.
    #[must_use]
    pub fn member_alarm(self, event: &BusEvent, alarm: &MemberAlarm) -> Mail {
        let text = match self {
            Self::English => en::member_alarm(event, alarm),
            Self::Japanese => ja::member_alarm(event, alarm),
        };
        self.mail_of_member(&text, event)
    }

    fn mail_of_member(self, text: &NoticeText, event: &BusEvent) -> Mail {
        let layout = self.layout();
        let region = one_line(&event.region);
        let place = [(layout.account, event.account.as_str()), (layout.region, region.as_str())];
        Mail { subject: text.title.clone(), body: layout.body(text, None, &place) }
    }

    /// The result of a run, as a sentence.
    #[must_use]
    pub fn summary(self, summary: &RunSummary) -> String {
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
        contract::account_name::AccountName,
        delivery::public_key::tests::one_of_each,
        model::{access_key::KeyStatus, time::Span},
        protocol::{journal::RunId, policy::Delivery},
    };

    /// `readers` is the number of kinds of public keys that a block is for.
    fn rotated(
        language: Language,
        user: &str,
        delivery: Delivery,
        readers: usize,
        overlap: Span,
        status: KeyStatus,
    ) -> Publication {
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
        let facts = Rotated {
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
        };
        language.rotated(&facts, origin(&"d32c5kddcf5bb8c3".parse().unwrap()))
    }

    fn origin(run: &RunId) -> NoticeOrigin<'_> {
        NoticeOrigin {
            account: "123456789012",
            account_name: &AccountName::None,
            region: "eu-west-1",
            stack: "access-key-rotation",
            run,
            is_member: false,
        }
    }

    /// The mail as its recipient sees it, and the document.
    fn page(notice: &Publication) -> String {
        let document = serde_json::to_string_pretty(&notice.document).unwrap();
        format!("Subject: {}\n\n{}\n{document}\n", notice.mail.subject, notice.mail.body)
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
                let path = folder.join(format!("rotated-{kind}.{name}.txt"));
                expect_test::expect_file![path].assert_eq(&page(&notice));
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
                let run = "d32c5kddcf5bb8c3".parse().unwrap();
                let notice = language.warning(&user, &warning, origin(&run), at.before(Span::days(7)));
                let path = folder.join(format!("{kind}.{name}.txt"));
                expect_test::expect_file![path].assert_eq(&page(&notice));
            }
        }
    }

    #[test]
    fn the_longest_name_still_makes_a_subject_that_sns_accepts() {
        for language in [Language::English, Language::Japanese] {
            for delivery in [Delivery::SecretsManager, Delivery::Email, Delivery::EmailEncrypted] {
                let subject = rotated(language, &"W".repeat(64), delivery, 1, Span::days(7), KeyStatus::Active);
                let subject = subject.mail.subject;
                assert!(subject.chars().count() < 100, "{subject}");
                assert!(!subject.chars().any(char::is_control));
            }
        }
    }
}
