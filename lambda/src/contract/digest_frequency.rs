//! When administrators get the digest of a run.

use crate::model::parse_error::words;

/// After which runs the administrators get a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DigestFrequency {
    /// After each run, whatever it found.
    Always,
    /// After a run that changed something, or that found a problem.
    Changes,
    /// Only after a run in which a user failed or needs attention, and only the user's owner got a mail about it.
    Never,
}

words!(DigestFrequency, "a rule for digests", "always, changes or never", {
    "always" => Self::Always,
    "changes" => Self::Changes,
    "never" => Self::Never,
});
