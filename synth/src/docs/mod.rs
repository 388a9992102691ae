//! What people read about a template. [`explain`], [`graph`] and [`templates_readme`] show reviewers its permissions, its
//! picture and all of it; each reads the template through [`crate::cfn::view`]. [`configuration`] writes
//! `docs/configuration.md` for the author of a configuration, from the declarations of the settings.

pub mod configuration;
pub mod explain;
pub mod graph;
mod links;
pub mod templates_readme;
