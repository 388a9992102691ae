//! What is generated for readers of a template: its permissions, its picture, and `templates/README.md`.

pub mod explain;
pub mod graph;
pub mod templates_readme;
