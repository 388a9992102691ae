//! Which lists of the account a run reads.

use super::{selector::UserSelector, user_tags::UserTags};

/// How much of the account the handler must read to find its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListScope {
    /// No list of the account: the configuration names each user.
    Users,
    /// The account's users, with their tags, groups and the ages of their keys.
    Account,
}

impl ListScope {
    /// The scope that these entries and this rule for tags need.
    pub fn of<'a>(users: impl IntoIterator<Item = &'a UserSelector>, exempt: &[UserSelector], tags: UserTags) -> Self {
        let is_named = |who: &UserSelector| matches!(who, UserSelector::User(_));
        let by_itself = |who: &UserSelector| matches!(who, UserSelector::User(_) | UserSelector::Path(_));
        if tags == UserTags::Ignored && users.into_iter().all(is_named) && exempt.iter().all(by_itself) {
            Self::Users
        } else {
            Self::Account
        }
    }
}
