//! Names and references. Adding something to a template gives a [`Handle`], and only a handle gives a reference.
//!
//! So a reference to what is not there, a misspelt one, or the `Arn` of a type that has none does not compile
//! (`synth/tests/suite/compile_fail.rs` shows it).

use std::{borrow::Cow, marker::PhantomData};

use super::{
    resource::Queue,
    shape::Shape,
    value::{Part, Property, Pseudo, Value},
};

/// The name of a resource, a parameter or an output within its template: letters and digits, the first a capital.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogicalId(Cow<'static, str>);

impl LogicalId {
    /// A name that is known when this program is compiled: `const { LogicalId::new("Topic") }`.
    ///
    /// # Panics
    /// If the name is not a logical id. In a `const` that is a compile error.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        assert!(is_logical_id(name.as_bytes()), "a logical id is 1 to 255 letters and digits, the first a capital");
        Self(Cow::Borrowed(name))
    }

    /// A name put together at run time; `None` if it is not 1 to 255 letters and digits beginning with a capital.
    #[must_use]
    pub fn derived(name: String) -> Option<Self> {
        is_logical_id(name.as_bytes()).then_some(Self(Cow::Owned(name)))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_logical_id(name: &[u8]) -> bool {
    let mut index = 0;
    while index < name.len() {
        if !name[index].is_ascii_alphanumeric() {
            return false;
        }
        index += 1;
    }
    matches!(name.len(), 1..=255) && name[0].is_ascii_uppercase()
}

/// A logical id that is checked when this program is compiled.
macro_rules! id {
    ($name:literal) => {
        const { $crate::cfn::LogicalId::new($name) }
    };
}

pub(crate) use id;

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
    id: LogicalId,
    of: PhantomData<fn() -> R>,
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

impl Handle<Queue> {
    /// `!GetAtt` of the queue's name, by which CloudWatch knows it ("AWS::SQS::Queue": Return values).
    #[must_use]
    pub fn queue_name(&self) -> QueueName {
        QueueName { id: self.id.clone() }
    }
}

/// The name of a queue.
#[derive(Debug, Clone)]
pub struct QueueName {
    id: LogicalId,
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

/// What a `Ref` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(Named);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    Logical(LogicalId),
    Pseudo(Pseudo),
}

/// What a `Fn::GetAtt` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    of: LogicalId,
    name: &'static str,
}

impl Name {
    /// The name as the template writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Named::Logical(id) => id.as_str(),
            Named::Pseudo(pseudo) => pseudo.name(),
        }
    }

    /// The pseudo parameter that it is, if it is one.
    #[must_use]
    pub const fn pseudo(&self) -> Option<Pseudo> {
        match &self.0 {
            Named::Logical(_) => None,
            Named::Pseudo(pseudo) => Some(*pseudo),
        }
    }

    /// What must be in the template.
    pub(super) fn needs(&self) -> Option<&LogicalId> {
        match &self.0 {
            Named::Logical(id) => Some(id),
            Named::Pseudo(_) => None,
        }
    }
}

impl Attribute {
    /// The resource that has it.
    #[must_use]
    pub fn of(&self) -> &LogicalId {
        &self.of
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<R> From<Ref<R>> for Name {
    fn from(reference: Ref<R>) -> Self {
        Self(Named::Logical(reference.id))
    }
}

impl From<Pseudo> for Name {
    fn from(pseudo: Pseudo) -> Self {
        Self(Named::Pseudo(pseudo))
    }
}

impl<R> From<Arn<R>> for Attribute {
    fn from(arn: Arn<R>) -> Self {
        Self { of: arn.id, name: "Arn" }
    }
}

impl From<QueueName> for Attribute {
    fn from(queue: QueueName) -> Self {
        Self { of: queue.id, name: "QueueName" }
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

reference!(Ref<R>, Ref, R);
reference!(Pseudo, Ref);
reference!(Arn<R>, GetAtt, R);
reference!(QueueName, GetAtt);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logical_ids_are_pascal_case() {
        assert!(LogicalId::derived("Topic1".into()).is_some());
        for bad in ["", "topic", "1Topic", "My-Topic", "Töpic", &"T".repeat(256)] {
            assert_eq!(LogicalId::derived(bad.into()), None, "{bad}");
        }
    }
}
