//! The tags of a template: each resource that can have tags gets them, and the code that adds a
//! resource does not mention them.

use super::{
    shape::Shape,
    value::{Property, Value, map},
};

/// The name of the property.
pub(super) const TAGS: &str = "Tags";

/// Tags as keys and values, in the order in which the template shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(pub Vec<(String, String)>);

impl Property for Tags {
    fn value(self) -> Option<Value> {
        let tag = |(key, value): (String, String)| map([("Key", key.value()), ("Value", value.value())]);
        (!self.0.is_empty()).then(|| Value::List(self.0.into_iter().map(tag).collect()))
    }

    fn shape() -> Shape {
        let tag = Shape::Struct(vec![("Key", Shape::Text), ("Value", Shape::Text)]);
        Shape::Optional(Box::new(Shape::List(Box::new(tag))))
    }
}

/// The properties of a resource, with the tags behind them.
pub(super) fn tagged(properties: Option<Value>, tags: &Tags) -> Option<Value> {
    let Some(tags) = tags.clone().value() else { return properties };
    let mut properties = match properties {
        Some(Value::Map(properties)) => properties,
        None => Vec::new(),
        other => return other,
    };
    properties.push((TAGS.to_owned(), tags));
    Some(Value::Map(properties))
}
