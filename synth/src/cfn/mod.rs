//! Typed CloudFormation templates. This module knows nothing about rotation.
//!
//! A template is built by adding resources. Adding one returns a [`Handle`], and only a handle can refer to a resource.
//! So a dangling or misspelt reference does not compile.

pub mod checkov;
pub mod json;
pub mod name;
pub mod policy_document;
pub mod read;
pub mod reference;
pub mod resource;
pub mod shape;
pub mod tags;
pub mod template;
pub mod text;
pub mod value;
pub mod view;
pub mod yaml;
pub(crate) mod yaml_events;

pub use checkov::CheckovAnswer;
pub use name::{LogicalId, Pseudo};
pub use reference::{Arn, DeclaredType, Dependency, Handle, HasArn, Ref};
pub use tags::Tags;
pub use template::Template;
pub use value::{Part, Property, Text, Value};
