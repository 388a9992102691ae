//! Values: what may stand in a template.

use super::resource::LogicalId;

/// Any value in a template, intrinsic functions included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A list.
    List(Vec<Value>),
    /// A mapping, in the order it was written.
    Map(Vec<(String, Value)>),
    /// `Ref`.
    Ref(Name),
    /// `Fn::GetAtt`.
    GetAtt(LogicalId, &'static str),
    /// `Fn::Sub`.
    Sub(Vec<Part>),
    /// A value with the reason for it, which the YAML form shows as a comment.
    Explained(&'static str, Box<Value>),
}

/// What `Ref` may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A resource or a parameter of the template.
    Logical(LogicalId),
    /// A pseudo parameter.
    Pseudo(Pseudo),
}

/// The pseudo parameters in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pseudo {
    /// The account that the stack is in.
    AccountId,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    Partition,
    /// The Region that the stack is in.
    Region,
    /// The stack's name.
    StackName,
}

impl Pseudo {
    /// Its name in a template.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountId => "AWS::AccountId",
            Self::Partition => "AWS::Partition",
            Self::Region => "AWS::Region",
            Self::StackName => "AWS::StackName",
        }
    }

    /// A reference to it.
    #[must_use]
    pub const fn reference(self) -> Value {
        Value::Ref(Name::Pseudo(self))
    }
}

impl Name {
    /// The name as the template writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Logical(id) => id.as_str(),
            Self::Pseudo(pseudo) => pseudo.name(),
        }
    }
}

/// A piece of a `Fn::Sub` text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text that stands for itself.
    Literal(String),
    /// `${Name}`.
    Ref(Name),
    /// `${Resource.Attribute}`.
    GetAtt(LogicalId, &'static str),
}

impl From<&str> for Part {
    fn from(text: &str) -> Self {
        Self::Literal(text.to_owned())
    }
}

impl From<String> for Part {
    fn from(text: String) -> Self {
        Self::Literal(text)
    }
}

impl From<Pseudo> for Part {
    fn from(pseudo: Pseudo) -> Self {
        Self::Ref(Name::Pseudo(pseudo))
    }
}

impl Value {
    /// Text put together from pieces.
    #[must_use]
    pub fn sub<const N: usize>(parts: [Part; N]) -> Self {
        Self::Sub(parts.into())
    }

    /// The text of a `Fn::Sub`; `${` in a literal is escaped as `${!`.
    #[must_use]
    pub fn sub_text(parts: &[Part]) -> String {
        parts.iter().fold(String::new(), |text, part| match part {
            Part::Literal(literal) => text + &literal.replace("${", "${!"),
            Part::Ref(name) => text + "${" + name.as_str() + "}",
            Part::GetAtt(id, attribute) => text + "${" + id.as_str() + "." + attribute + "}",
        })
    }
}

/// What can be the value of a property. `None` leaves the property out.
pub trait Property {
    /// The value.
    fn value(self) -> Option<Value>;
}

impl Property for Value {
    fn value(self) -> Option<Value> {
        Some(self)
    }
}

impl Property for String {
    fn value(self) -> Option<Value> {
        Some(Value::Text(self))
    }
}

impl Property for &'static str {
    fn value(self) -> Option<Value> {
        Some(Value::Text(self.to_owned()))
    }
}

impl Property for u32 {
    fn value(self) -> Option<Value> {
        Some(Value::Integer(self.into()))
    }
}

impl Property for bool {
    fn value(self) -> Option<Value> {
        Some(Value::Boolean(self))
    }
}

impl<T: Property> Property for Option<T> {
    fn value(self) -> Option<Value> {
        self.and_then(T::value)
    }
}

impl<T: Property> Property for Vec<T> {
    fn value(self) -> Option<Value> {
        Some(Value::List(self.into_iter().filter_map(T::value).collect()))
    }
}

/// A mapping, entry by entry; entries without a value are left out.
#[must_use]
pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Option<Value>)>) -> Value {
    Value::Map(entries.into_iter().filter_map(|(key, value)| Some((key.into(), value?))).collect())
}

/// Declares a struct whose fields are CloudFormation properties, under the names that CloudFormation gives them.
macro_rules! properties {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $property:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            $($(#[$field_doc])* #[doc = concat!("`", $property, "`")] pub $field: $type,)+
        }
        impl $crate::cfn::Property for $name {
            fn value(self) -> Option<$crate::cfn::Value> {
                Some($crate::cfn::value::map([$(($property, $crate::cfn::Property::value(self.$field))),+]))
            }
        }
    };
}

/// Declares an enum of the words that CloudFormation accepts for a property.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $variant,)+
        }
        impl $name {
            /// All of them, as CloudFormation writes them.
            pub const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
        }
        impl $crate::cfn::Property for $name {
            fn value(self) -> Option<$crate::cfn::Value> {
                match self {
                    $(Self::$variant => $crate::cfn::Property::value($word),)+
                }
            }
        }
    };
}

pub(crate) use {properties, words};
