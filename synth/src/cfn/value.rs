//! The values that a template can contain.

use lambda::model::kms_key::KmsKeyArn;

use super::{
    name::{Attribute, LogicalId, RefName},
    shape::Shape,
};

/// Any value in a template, including intrinsic functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string without references.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A list of values.
    List(Vec<Value>),
    /// A map, in the order in which its entries were added.
    Map(Vec<(String, Value)>),
    /// The logical id of a resource that must exist first, in `DependsOn`.
    Id(LogicalId),
    /// The intrinsic function `Ref`.
    Ref(RefName),
    /// The intrinsic function `Fn::GetAtt`.
    GetAtt(Attribute),
    /// The intrinsic function `Fn::Sub`.
    Sub(Vec<Part>),
    /// Another intrinsic function with a list of arguments, such as `Fn::Contains`, in the rules of a template.
    Function(&'static str, Vec<Value>),
    /// A value with its reason, which the YAML form shows as a comment above it.
    Explained(&'static str, Box<Value>),
}

/// A piece of the text of a `Fn::Sub`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text that CloudFormation uses as it is.
    Literal(String),
    /// A reference to a parameter or resource, written `${Name}`.
    Ref(RefName),
    /// A reference to an attribute, written `${Resource.Attribute}`.
    GetAtt(Attribute),
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

impl Value {
    /// The text of a `Fn::Sub`. `${` in literal text is escaped as `${!`.
    #[must_use]
    pub fn sub_text(parts: &[Part]) -> String {
        let (mut text, mut literal) = (String::new(), String::new());
        // Two adjacent literals are escaped as one, because the first may end with `$` and the second begin with `{`.
        let end = |text: &mut String, literal: &mut String| {
            text.push_str(&literal.replace("${", "${!"));
            literal.clear();
        };
        for part in parts {
            let reference = match part {
                Part::Literal(piece) => {
                    literal.push_str(piece);
                    continue;
                }
                Part::Ref(name) => name.as_str().to_owned(),
                Part::GetAtt(attribute) => format!("{}.{}", attribute.of().as_str(), attribute.name()),
            };
            end(&mut text, &mut literal);
            text += &format!("${{{reference}}}");
        }
        end(&mut text, &mut literal);
        text
    }
}

/// A text: a literal, a reference, or a sequence of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(Vec<Part>);

impl Text {
    /// Makes a text of several pieces.
    #[must_use]
    pub fn of<const N: usize>(parts: [Part; N]) -> Self {
        Self(parts.into())
    }

    /// The text with other pieces around it.
    #[must_use]
    pub fn between(self, before: impl Into<Part>, after: impl Into<Part>) -> Self {
        let around = std::iter::once(before.into()).chain(self.0).chain([after.into()]);
        Self(around.filter(|part| *part != Part::Literal(String::new())).collect())
    }

    /// Replaces names in a text. `fill` gets each name with its angle brackets and returns the part that replaces it.
    /// If it returns `None`, the name stays as it is.
    pub fn filled(text: &str, fill: impl Fn(&str) -> Option<Part>) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut literal = String::new();
        while let Some(start) = rest.find('<') {
            let end = rest[start..].find('>').map_or(rest.len(), |end| start + end + 1);
            literal.push_str(&rest[..start]);
            match fill(&rest[start..end]) {
                Some(part) => parts.extend([Part::Literal(std::mem::take(&mut literal)), part]),
                None => literal.push_str(&rest[start..end]),
            }
            rest = &rest[end..];
        }
        literal.push_str(rest);
        parts.push(Part::Literal(literal));
        Self(parts)
    }
}

impl<P: Into<Part>> From<P> for Text {
    fn from(part: P) -> Self {
        Self(vec![part.into()])
    }
}

/// The pieces as one text, if none of them is a reference.
fn literal(parts: &[Part]) -> Option<String> {
    let mut whole = String::new();
    for part in parts {
        match part {
            Part::Literal(text) => whole += text,
            Part::Ref(_) | Part::GetAtt(_) => return None,
        }
    }
    Some(whole)
}

impl From<Text> for Value {
    fn from(Text(parts): Text) -> Self {
        match <[Part; 1]>::try_from(parts) {
            Ok([Part::Literal(text)]) => Self::Text(text),
            Ok([Part::Ref(name)]) => Self::Ref(name),
            Ok([Part::GetAtt(attribute)]) => Self::GetAtt(attribute),
            Err(parts) => match literal(&parts) {
                Some(text) => Self::Text(text),
                None => Self::Sub(parts),
            },
        }
    }
}

impl Property for Text {
    fn value(self) -> Option<Value> {
        Some(self.into())
    }

    fn shape() -> Shape {
        Shape::Text
    }
}

/// A type that can be the value of a property.
pub trait Property {
    /// The value, or `None` to leave the property out.
    fn value(self) -> Option<Value>;

    /// The shape of every value of this type.
    fn shape() -> Shape;
}

impl Property for Value {
    fn value(self) -> Option<Value> {
        Some(self)
    }

    fn shape() -> Shape {
        Shape::Any
    }
}

impl Property for KmsKeyArn {
    fn value(self) -> Option<Value> {
        Some(Value::Text(self.to_string()))
    }

    fn shape() -> Shape {
        Shape::Text
    }
}

impl Property for String {
    fn value(self) -> Option<Value> {
        Some(Value::Text(self))
    }

    fn shape() -> Shape {
        Shape::Text
    }
}

impl Property for &'static str {
    fn value(self) -> Option<Value> {
        Some(Value::Text(self.to_owned()))
    }

    fn shape() -> Shape {
        Shape::Text
    }
}

impl Property for u32 {
    fn value(self) -> Option<Value> {
        Some(Value::Integer(self.into()))
    }

    fn shape() -> Shape {
        Shape::Integer
    }
}

impl Property for bool {
    fn value(self) -> Option<Value> {
        Some(Value::Boolean(self))
    }

    fn shape() -> Shape {
        Shape::Boolean
    }
}

impl<T: Property> Property for Option<T> {
    fn value(self) -> Option<Value> {
        self.and_then(T::value)
    }

    fn shape() -> Shape {
        Shape::Optional(Box::new(T::shape()))
    }
}

impl<T: Property> Property for Vec<T> {
    fn value(self) -> Option<Value> {
        Some(Value::List(self.into_iter().filter_map(T::value).collect()))
    }

    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }
}

/// Makes a map of these entries. Entries without a value are left out.
#[must_use]
pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Option<Value>)>) -> Value {
    Value::Map(entries.into_iter().filter_map(|(key, value)| Some((key.into(), value?))).collect())
}

/// Declares a struct with a field for each CloudFormation property, and the name that CloudFormation gives the
/// property.
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
            fn shape() -> $crate::cfn::shape::Shape {
                $crate::cfn::shape::Shape::Struct(vec![$(($property, <$type as $crate::cfn::Property>::shape())),+])
            }
        }
    };
}

/// Declares an enum of the strings that CloudFormation accepts for a property.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $variant,)+
        }
        impl $name {
            /// Every variant, with the string that CloudFormation accepts for it.
            pub const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];

            /// The string that CloudFormation accepts.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
        impl $crate::cfn::Property for $name {
            fn value(self) -> Option<$crate::cfn::Value> {
                $crate::cfn::Property::value(self.as_str())
            }
            fn shape() -> $crate::cfn::shape::Shape {
                $crate::cfn::shape::Shape::Words(vec![$($word),+])
            }
        }
    };
}

pub(crate) use {properties, words};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cfn::Pseudo;

    #[test]
    fn known_names_are_filled_in_and_others_stay() {
        let filled =
            |text: &str| Value::from(Text::filled(text, |name| (name == "<a>").then(|| Pseudo::Region.into())));
        let sub = |text: &str| match filled(text) {
            Value::Sub(parts) => Value::sub_text(&parts),
            Value::Text(text) => text,
            other => panic!("{other:?}"),
        };
        for (text, expected) in [
            ("", ""),
            ("plain <b> 1 < 2 ${x}", "plain <b> 1 < 2 ${x}"),
            ("<a>", "${AWS::Region}"),
            ("x<a><b><a>y", "x${AWS::Region}<b>${AWS::Region}y"),
            ("${x} <a> <a", "${!x} ${AWS::Region} <a"),
        ] {
            assert_eq!(sub(text), expected);
        }
    }
}
