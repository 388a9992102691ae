//! The account's users, as its lists show them: before any of them is looked at.

use crate::model::{
    time::Timestamp,
    user::{User, UserName},
    user_config_error::UserConfigError,
};

/// One user, as GetAccountAuthorizationDetails shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUser {
    /// Its name.
    pub name: UserName,
    /// Begins and ends with a slash. IAM allows more in it than this handler does.
    pub path: String,
    /// Since when there is this user.
    pub created: Timestamp,
    /// Its tags, the journal's among them.
    pub tags: Vec<(String, String)>,
    /// The groups that it is a member of.
    pub groups: Vec<String>,
}

impl ListedUser {
    /// Whether a person who says this means the user: its name, with its path or without. IAM does not tell names apart by case.
    #[must_use]
    pub fn is_called(&self, text: &str) -> bool {
        let name = self.name.as_str();
        text.eq_ignore_ascii_case(name) || text.eq_ignore_ascii_case(&format!("{}{name}", self.path))
    }

    /// The user.
    ///
    /// # Errors
    /// [`UserConfigError::Path`] if its path cannot be written into a policy.
    pub fn user(&self) -> Result<User, UserConfigError> {
        format!("{}{}", self.path, self.name).parse().map_err(|_| UserConfigError::Path(self.path.clone()))
    }
}

/// A user of whom nothing is known but its name and path.
impl From<&User> for ListedUser {
    fn from(user: &User) -> Self {
        Self {
            name: user.name.clone(),
            path: user.path().to_owned(),
            created: Timestamp::from_unix(0),
            tags: Vec::new(),
            groups: Vec::new(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn listed(user: &str, created: Timestamp) -> ListedUser {
        ListedUser { created, ..ListedUser::from(&user.parse::<User>().unwrap()) }
    }

    #[test]
    fn a_path_that_no_policy_may_name_is_no_user_of_ours() {
        let mut user = listed("/ci/bot", Timestamp::from_unix(0));
        assert_eq!(user.user().unwrap().to_string(), "/ci/bot");
        for path in ["/a*/", "/${aws:username}/", "/a b/", "//"] {
            user.path = path.into();
            assert_eq!(user.user(), Err(UserConfigError::Path(path.into())));
        }
    }
}
