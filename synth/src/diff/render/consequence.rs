//! What a change means, in lines for people.

/// One line of what the change means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consequence {
    /// Whether it is a reason to ask for approval, or a problem.
    pub is_marked: bool,
    /// The line as a sentence without a full stop.
    pub text: String,
}

impl Consequence {
    /// A line that is a reason to ask for approval, or a problem.
    pub fn marked(text: impl Into<String>) -> Self {
        Self { is_marked: true, text: text.into() }
    }

    /// Another line.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { is_marked: false, text: text.into() }
    }
}
