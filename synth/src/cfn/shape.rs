//! Describes the values that a Rust type can have in a template. No value is needed, so a test can compare every type
//! with AWS's own schemas.

/// The form of all values that a type can have in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Any value that a template can contain.
    Any,
    /// A string, or an intrinsic function that gives one.
    Text,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// One of these strings.
    Words(Vec<&'static str>),
    /// A list whose items all have this shape.
    List(Box<Shape>),
    /// A map with arbitrary keys, whose values all have this shape.
    Map(Box<Shape>),
    /// A map with exactly these keys, each with the shape of its value.
    Struct(Vec<(&'static str, Shape)>),
    /// A map whose keys no resource schema describes. Its values all have this shape.
    Json(Box<Shape>),
    /// A policy document. IAM defines its grammar; no resource schema describes it.
    Policy,
    /// A value of this shape, or no value.
    Optional(Box<Shape>),
}

/// The description of a resource type.
#[derive(Debug, Clone)]
pub struct ResourceType {
    /// The name of the type, as `AWS::Service::Type`.
    pub name: &'static str,
    /// Whether the type has an attribute `Arn`, so that a handle gives an ARN.
    pub has_arn: bool,
    /// The properties of the type, as a [`Shape::Struct`].
    pub shape: Shape,
}
