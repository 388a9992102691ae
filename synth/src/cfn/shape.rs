//! What a Rust type can become in a template, told without a value of it: so that a test can hold every type
//! against AWS's own schemas.

/// The form of everything that a type can become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Whatever a template may hold.
    Any,
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// One of these texts.
    Words(Vec<&'static str>),
    /// A list.
    List(Box<Shape>),
    /// A mapping with keys of the user's choice.
    Map(Box<Shape>),
    /// A mapping whose keys are these.
    Struct(Vec<(&'static str, Shape)>),
    /// A mapping of which no resource's schema says what is in it: each value is this.
    Json(Box<Shape>),
    /// A policy document, whose grammar is IAM's and in no resource's schema.
    Policy,
    /// This, or left out.
    Optional(Box<Shape>),
}

/// A type of resource, told without a value of it.
#[derive(Debug, Clone)]
pub struct ResourceType {
    /// `AWS::Service::Type`.
    pub name: &'static str,
    /// Whether its handle gives an ARN.
    pub has_arn: bool,
    /// Its properties.
    pub shape: Shape,
}
