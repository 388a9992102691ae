//! The account's users as the account's lists show them, before a run handles any of them.

use crate::model::{
    time::Timestamp,
    user::{User, UserName},
    user_config_error::UserConfigError,
};

/// One user, as GetAccountAuthorizationDetails shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUser {
    /// The name of the user.
    pub name: UserName,
    /// The path; it begins and ends with a slash. IAM allows more characters in it than this handler does.
    pub path: String,
    /// When IAM created the user.
    pub created: Timestamp,
    /// All tags on the user, including those of the journal.
    pub tags: Vec<(String, String)>,
    /// The names of the groups that the user is a member of.
    pub groups: Vec<String>,
}

impl ListedUser {
    /// Whether a person can mean this user by `name`: the name of the user, with its path or without. IAM compares
    /// names without regard to case.
    #[must_use]
    pub fn is_called(&self, text: &str) -> bool {
        let name = self.name.as_str();
        text.eq_ignore_ascii_case(name) || text.eq_ignore_ascii_case(&format!("{}{name}", self.path))
    }

    /// The user with its path checked.
    ///
    /// # Errors
    /// [`UserConfigError::Path`] if its path cannot be written into a policy.
    pub fn user(&self) -> Result<User, UserConfigError> {
        format!("{}{}", self.path, self.name).parse().map_err(|_| UserConfigError::Path(self.path.clone()))
    }
}

/// A user that is known only by name and path. It has no tags and no groups, and counts as created in 1970.
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
    fn a_path_that_no_policy_may_name_is_refused() {
        let mut user = listed("/ci/bot", Timestamp::from_unix(0));
        assert_eq!(user.user().unwrap().to_string(), "/ci/bot");
        for path in ["/a*/", "/${aws:username}/", "/a b/", "//"] {
            user.path = path.into();
            assert_eq!(user.user(), Err(UserConfigError::Path(path.into())));
        }
    }
}
