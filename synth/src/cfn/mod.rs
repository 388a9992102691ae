//! CloudFormation, typed. Knows nothing of rotation.
//!
//! A template is built by adding resources; adding one gives a [`Handle`], and a handle is the only way to refer to
//! a resource. So a dangling or misspelt reference cannot be written.

pub mod json;
pub mod read;
pub mod resource;
pub mod template;
pub mod value;
pub mod view;
pub mod yaml;

pub use resource::{Handle, HasArn, LogicalId, Resource};
pub use template::Template;
pub use value::{Part, Property, Pseudo, Value};
