//! The fixed words of a run report. A handler of another version may write other words, which are kept.

use std::fmt;

use serde::Deserialize;

macro_rules! received_words {
    ($($(#[$doc:meta])+ $name:ident { $($(#[$meaning:meta])+ $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$doc])+
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[serde(from = "String")]
        pub enum $name {
            $($(#[$meaning])+ $variant,)+
            /// A word that this version does not know.
            Other(String),
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => Self::$variant,)+
                    _ => Self::Other(word),
                }
            }
        }

        impl $name {
            /// The word of the report.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+};
}

received_words! {
    /// The outcome for one user.
    ReceivedOutcome {
        /// Nothing had to be done.
        Unchanged = "unchanged",
        /// Something was changed, and every call succeeded.
        Changed = "changed",
        /// A step must wait.
        Waiting = "waiting",
        /// All keys of the user are inactive, and none was touched.
        Disabled = "disabled",
        /// A call failed.
        Failed = "failed",
        /// A person must decide.
        NeedsAttention = "needs-attention",
    }

    /// The status of a key.
    ReceivedKeyStatus {
        /// AWS accepts requests that are signed with the key.
        Active = "active",
        /// AWS refuses them.
        Inactive = "inactive",
    }

    /// What was done to a key.
    ReceivedChangeKind {
        /// It was created.
        Created = "created",
        /// Its secret was delivered.
        Delivered = "delivered",
        /// Its owner was warned.
        Warned = "warned",
        /// It was deactivated.
        Deactivated = "deactivated",
        /// It was activated again.
        Reactivated = "reactivated",
        /// It was deleted.
        Deleted = "deleted",
    }

    /// Why a key was deactivated or deleted.
    ReceivedRemovalReason {
        /// A newer key was delivered.
        Superseded = "superseded",
        /// It was inactive for the whole recovery window.
        WindowOver = "window-over",
        /// IAM allows two keys, and a new one was needed.
        PlaceNeeded = "place-needed",
        /// Its secret was lost, so no workload can use it.
        Withdrawn = "withdrawn",
        /// It was unused for too long.
        Disuse = "disuse",
        /// A person revoked it.
        Revoked = "revoked",
    }

    /// What happens next to a key.
    ReceivedNextKind {
        /// A new key replaces it.
        Replaced = "replaced",
        /// It is deactivated.
        Deactivated = "deactivated",
        /// It is deleted.
        Deleted = "deleted",
        /// A run decides what to do with it.
        Decided = "decided",
    }
}

#[cfg(test)]
mod tests {
    use lambda::{
        model::access_key::KeyStatus,
        protocol::call::RemovalReason,
        report::{
            next_change::NextChangeKind,
            run_report::{KeyChange, Outcome},
        },
    };
    use serde_json::json;

    use super::*;

    /// This version of the handler writes only words that this version of `synth` knows.
    #[test]
    fn each_word_of_the_handler_is_known() {
        use Outcome::{Changed, Disabled, Failed, NeedsAttention, Unchanged, Waiting};
        use RemovalReason::{Disuse, PlaceNeeded, Revoked, Superseded, WindowOver, Withdrawn};
        for outcome in [Unchanged, Changed, Waiting, Disabled, Failed, NeedsAttention] {
            let read: ReceivedOutcome = serde_json::from_value(json!(outcome)).unwrap();
            assert!(!matches!(read, ReceivedOutcome::Other(_)) && json!(outcome) == read.as_str(), "{read}");
        }
        for status in [KeyStatus::Active, KeyStatus::Inactive] {
            let read: ReceivedKeyStatus = serde_json::from_value(json!(status)).unwrap();
            assert!(!matches!(read, ReceivedKeyStatus::Other(_)), "{read}");
        }
        let (key, why) = (|| "AKIAEXAMPLE000000001".parse().unwrap(), RemovalReason::Superseded);
        for change in [
            KeyChange::Created { key: key() },
            KeyChange::Delivered { key: key() },
            KeyChange::Warned { key: key() },
            KeyChange::Deactivated { key: key(), why },
            KeyChange::Reactivated { key: key() },
            KeyChange::Deleted { key: key(), why },
        ] {
            let read: ReceivedChangeKind = serde_json::from_value(json!(change)["change"].clone()).unwrap();
            assert!(!matches!(read, ReceivedChangeKind::Other(_)), "{read}");
        }
        for reason in [Superseded, WindowOver, PlaceNeeded, Withdrawn, Disuse, Revoked] {
            let read: ReceivedRemovalReason = serde_json::from_value(json!(reason)).unwrap();
            assert!(!matches!(read, ReceivedRemovalReason::Other(_)), "{read}");
        }
        for next in
            [NextChangeKind::Replaced, NextChangeKind::Deactivated, NextChangeKind::Deleted, NextChangeKind::Decided]
        {
            let read: ReceivedNextKind = serde_json::from_value(json!(next)).unwrap();
            assert!(!matches!(read, ReceivedNextKind::Other(_)), "{read}");
        }
    }

    #[test]
    fn a_word_of_another_version_is_kept() {
        let read: ReceivedOutcome = serde_json::from_value(json!("paused")).unwrap();
        assert_eq!((read.to_string().as_str(), read), ("paused", ReceivedOutcome::Other("paused".into())));
    }
}
