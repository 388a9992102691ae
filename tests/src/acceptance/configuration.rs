//! The configuration that an acceptance run deploys.

use lambda::model::{email::Email, time::Span};

use super::names::{self, TestUser};

/// Which recipient gets the notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A person, who confirms the subscription of this address.
    Address(Email),
    /// A queue that the run subscribes to the topic.
    Queue,
}

/// The address of a run with a queue. The domain is reserved for examples (RFC 2606), so no person gets its mail.
const UNUSED_ADDRESS: &str = "acceptance@example.com";

impl Recipient {
    /// The address in the configuration.
    pub(super) fn address(&self) -> &str {
        match self {
            Self::Address(email) => email.as_str(),
            Self::Queue => UNUSED_ADDRESS,
        }
    }
}

/// What is deployed: first the stack, then an update of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    First,
    /// A warning about the next rotation is due for every key.
    Updated,
}

/// The age at which a key gets a successor. No key of a run gets so old, so only orders rotate.
const ROTATE_AFTER: Span = Span::days(60);

/// The text of the configuration file.
pub(super) fn document(recipient: &Recipient, overlap: Span, version: Version) -> String {
    let users: String = TestUser::ALL.map(|user| format!("  - {}\n", user.with_path())).concat();
    let hold_or_proceed = match recipient {
        Recipient::Address(_) => "hold",
        Recipient::Queue => "proceed",
    };
    let warn_before = match version {
        Version::First => Span::ZERO,
        Version::Updated => ROTATE_AFTER.less(Span::seconds(1)),
    };
    format!(
        "users:\n{users}\
         emails: [\"{address}\"]\n\
         unconfirmed_recipients: {hold_or_proceed}\n\
         stack_name: {stack}\n\
         secret_prefix: {stack}\n\
         schedule: rate(1 day)\n\
         rotate_after: {ROTATE_AFTER}\n\
         warn_before: {warn_before}\n\
         overlap: {overlap}\n\
         still_in_use: retire\n\
         delete_after: 1d\n\
         log_retention: 1d\n",
        address = recipient.address(),
        stack = names::stack(),
    )
}

#[cfg(test)]
mod tests {
    use synth::config::{self, Overrides};

    use super::*;

    #[test]
    fn both_versions_are_valid_for_both_recipients() {
        for recipient in [Recipient::Queue, Recipient::Address("a@example.com".parse().unwrap())] {
            for version in [Version::First, Version::Updated] {
                let text = document(&recipient, Span::minutes(2), version);
                let read = config::read(&text, Overrides::default());
                let config = read.unwrap_or_else(|problems| panic!("{problems}")).config;
                assert_eq!(config.stack_name.as_str(), names::stack().as_str());
                for user in TestUser::ALL {
                    let name = user.name().as_str().parse().unwrap();
                    assert_eq!(config.secret_prefix.secret_name(&name), user.secret().as_str());
                }
            }
        }
    }
}
