//! Which users a run is about.

use crate::{settings::Settings, user::UserName};

/// The users to look at, in the configured order.
#[must_use]
pub fn users(settings: &Settings) -> &[UserName] {
    &settings.users
}
