//! When administrators get the digest of a run.

use crate::model::parse_error::words;

/// After which runs the administrators get a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DigestFrequency {
    /// After each run, whatever it found.
    Always,
    /// After a run that changed something, or that found a problem.
    Changes,
    /// After no run.
    Never,
}

words!(DigestFrequency, "a rule for digests", "always, changes or never", {
    "always" => Self::Always,
    "changes" => Self::Changes,
    "never" => Self::Never,
});
