//! What a change does to a resource in the account.

/// What happens to a resource in the account. The order is from harmless to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Impact {
    /// The resource stays as it is.
    #[default]
    None,
    /// The resource is created.
    Create,
    /// The resource is updated in place.
    Update,
    /// The resource may be replaced. Only AWS knows.
    MayReplace,
    /// A new resource replaces it, and the old one is deleted.
    Replaces,
    /// The resource is deleted.
    Deletes,
}

impl Impact {
    /// The impact in words, as in the output and in JSON.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Create => "create",
            Self::Update => "update",
            Self::MayReplace => "may replace",
            Self::Replaces => "replaces",
            Self::Deletes => "deletes",
        }
    }
}
