//! References to parts of a template. Adding a part to a template returns a [`Handle`], and only a handle gives a
//! reference.
//!
//! So these mistakes do not compile: a reference to a missing part, a misspelt reference, and the `Arn` of a type
//! without one. `synth/tests/suite/compile_fail.rs` shows it.

use std::marker::PhantomData;

use super::{
    name::{Attribute, LogicalId, Named, Pseudo, RefName},
    shape::Shape,
    value::{Part, Property, Value},
};

/// A type of resource.
pub trait DeclaredType: Property {
    /// The name of the type, as `AWS::Service::Type`.
    const TYPE: &'static str;

    /// Whether a resource of the type can have tags.
    const TAKES_TAGS: bool;
}

/// A type of resource with an attribute `Arn`.
pub trait HasArn: DeclaredType {}

/// A parameter or resource that was added to a template. Only a handle can refer to it.
#[derive(Debug)]
pub struct Handle<R> {
    pub(super) id: LogicalId,
    pub(super) of: PhantomData<fn() -> R>,
}

impl<R> Handle<R> {
    pub(super) fn new(id: LogicalId) -> Self {
        Self { id, of: PhantomData }
    }

    /// A `!Ref`. It gives the name for most types, the ARN for a topic, the URL for a queue, and the value for a
    /// parameter.
    #[must_use]
    pub fn reference(&self) -> Ref<R> {
        Ref { id: self.id.clone(), of: PhantomData }
    }
}

impl<R> Handle<R> {
    /// The resource as one that must exist before another one, although that one does not refer to it.
    #[must_use]
    pub fn dependency(&self) -> Dependency {
        Dependency(self.id.clone())
    }
}

/// A resource that must exist before another one.
#[derive(Debug, Clone)]
pub struct Dependency(LogicalId);

impl From<Dependency> for Value {
    fn from(dependency: Dependency) -> Self {
        Self::Id(dependency.0)
    }
}

impl<R: HasArn> Handle<R> {
    /// A `!GetAtt` that gives the ARN of the resource.
    #[must_use]
    pub fn arn(&self) -> Arn<R> {
        Arn { id: self.id.clone(), of: PhantomData }
    }
}

/// A `!Ref` to an `R`.
#[derive(Debug, Clone)]
pub struct Ref<R> {
    id: LogicalId,
    of: PhantomData<fn() -> R>,
}

/// A `!GetAtt` of the ARN of an `R`.
#[derive(Debug, Clone)]
pub struct Arn<R> {
    id: LogicalId,
    of: PhantomData<fn() -> R>,
}

impl<R> From<Ref<R>> for RefName {
    fn from(reference: Ref<R>) -> Self {
        Self(Named::Logical(reference.id))
    }
}

impl<R> From<Arn<R>> for Attribute {
    fn from(arn: Arn<R>) -> Self {
        Self { of: arn.id, name: "Arn" }
    }
}

/// Makes a reference usable as a value, as a part of a text and as a property.
macro_rules! reference {
    ($type:ty, $variant:ident $(, $r:ident)?) => {
        impl$(<$r>)? From<$type> for Value {
            fn from(reference: $type) -> Self {
                Self::$variant(reference.into())
            }
        }
        impl$(<$r>)? From<$type> for Part {
            fn from(reference: $type) -> Self {
                Self::$variant(reference.into())
            }
        }
        impl$(<$r>)? Property for $type {
            fn value(self) -> Option<Value> {
                Some(self.into())
            }
            fn shape() -> Shape {
                Shape::Text
            }
        }
    };
}
pub(super) use reference;

reference!(Ref<R>, Ref, R);

reference!(Pseudo, Ref);

reference!(Arn<R>, GetAtt, R);
