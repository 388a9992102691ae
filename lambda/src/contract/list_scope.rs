//! Which lists of the account a run reads.

use super::{selector::Who, user_tags::UserTags};

/// How much of the account the handler must see to find its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sight {
    /// Nothing beyond the users themselves: each is named.
    Users,
    /// The account's users, with their tags, groups and the ages of their keys.
    Account,
}

impl Sight {
    /// What these entries need.
    pub fn of<'a>(users: impl IntoIterator<Item = &'a Who>, exempt: &[Who], tags: UserTags) -> Self {
        let is_named = |who: &Who| matches!(who, Who::User(_));
        let by_itself = |who: &Who| matches!(who, Who::User(_) | Who::Path(_));
        if tags == UserTags::Ignored && users.into_iter().all(is_named) && exempt.iter().all(by_itself) {
            Self::Users
        } else {
            Self::Account
        }
    }
}
