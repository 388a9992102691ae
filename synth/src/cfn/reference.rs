//! Names and references. Adding something to a template gives a [`Handle`], and only a handle gives a reference.
//!
//! So a reference to what is not there, a misspelt one, or the `Arn` of a type that has none does not compile
//! (`synth/tests/suite/compile_fail.rs` shows it).

use std::marker::PhantomData;

use super::{
    name::{Attribute, LogicalId, Name, Named, Pseudo},
    shape::Shape,
    value::{Part, Property, Value},
};

/// A type of resource.
pub trait Resource: Property {
    /// `AWS::Service::Type`.
    const TYPE: &'static str;
}

/// A type of resource that has an attribute `Arn`.
pub trait HasArn: Resource {}

/// Something that was added to a template: the only way to refer to it.
#[derive(Debug)]
pub struct Handle<R> {
    pub(super) id: LogicalId,
    pub(super) of: PhantomData<fn() -> R>,
}

impl<R> Handle<R> {
    pub(super) fn new(id: LogicalId) -> Self {
        Self { id, of: PhantomData }
    }

    /// `!Ref`: for most types the name, for a topic its ARN, for a queue its URL, for a parameter its value.
    #[must_use]
    pub fn reference(&self) -> Ref<R> {
        Ref { id: self.id.clone(), of: PhantomData }
    }
}

impl<R: HasArn> Handle<R> {
    /// `!GetAtt` of the resource's ARN.
    #[must_use]
    pub fn arn(&self) -> Arn<R> {
        Arn { id: self.id.clone(), of: PhantomData }
    }
}

/// What `!Ref` gives for an `R`.
#[derive(Debug, Clone)]
pub struct Ref<R> {
    id: LogicalId,
    of: PhantomData<fn() -> R>,
}

/// The ARN of an `R`.
#[derive(Debug, Clone)]
pub struct Arn<R> {
    id: LogicalId,
    of: PhantomData<fn() -> R>,
}

impl<R> From<Ref<R>> for Name {
    fn from(reference: Ref<R>) -> Self {
        Self(Named::Logical(reference.id))
    }
}

impl<R> From<Arn<R>> for Attribute {
    fn from(arn: Arn<R>) -> Self {
        Self { of: arn.id, name: "Arn" }
    }
}

/// A reference is a value, a piece of a text and a property.
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
