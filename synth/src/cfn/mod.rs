//! CloudFormation, typed. Knows nothing of rotation.
//!
//! A template is built by adding resources; adding one gives a [`Handle`], and a handle is the only way to refer to
//! a resource. So a dangling or misspelt reference cannot be written.

pub mod json;
pub mod name;
pub mod policy_document;
pub mod read;
pub mod reference;
pub mod resource;
pub mod shape;
pub mod template;
pub mod text;
pub mod value;
pub mod view;
pub mod yaml;

pub use name::{LogicalId, Pseudo};
pub use reference::{Arn, Handle, HasArn, Ref, Resource};
pub use template::Template;
pub use value::{Part, Property, Text, Value};
