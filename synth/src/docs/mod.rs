//! What reviewers of a template read: its permissions, its picture, and `templates/README.md`. All of it is read from the
//! template through [`crate::cfn::view`].

pub mod configuration;
pub mod explain;
pub mod graph;
mod links;
pub mod templates_readme;
