//! Which users a run is about.

use crate::{event::Request, settings::Settings, user::User};

/// The users to look at: those that the event names, or all that are configured.
#[must_use]
pub fn users<'a>(settings: &'a Settings, request: &'a Request) -> &'a [User] {
    request.users.as_deref().unwrap_or(&settings.users)
}
