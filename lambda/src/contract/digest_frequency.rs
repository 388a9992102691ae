//! When administrators get the digest of a run.

use crate::model::parse_error::words;

/// When a run is summed up in a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digest {
    /// After each run.
    Always,
    /// After a run that changed something, or found something that is not as it should be.
    Changes,
    /// Never.
    Never,
}

words!(Digest, "a rule for digests", "always, changes or never", {
    "always" => Self::Always,
    "changes" => Self::Changes,
    "never" => Self::Never,
});
