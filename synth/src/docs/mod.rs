//! What reviewers of a template read: its permissions, its picture, and `templates/README.md`. All of it is read from the
//! template through [`crate::cfn::view`]. And what the author of a configuration reads: `docs/configuration.md`, which is made from
//! the declarations of the settings.

pub mod configuration;
pub mod explain;
pub mod graph;
mod links;
pub mod templates_readme;
