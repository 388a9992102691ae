//! Words and paths in proposed commands, written so that a shell takes them as they are printed.

use std::{borrow::Cow, path::Path};

/// A word as a shell takes it.
#[must_use]
pub fn quoted(word: &str) -> String {
    // An argument of a process cannot contain a NUL byte, the only text that is refused.
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), Cow::into_owned)
}

/// A path as a shell takes it.
#[must_use]
pub fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}
