//! A template: parameters, resources, outputs, in the order in which they were added.

use super::{
    resource::{Handle, LogicalId, Resource},
    value::{Property, Value, map, properties},
};

/// A CloudFormation template.
#[derive(Debug, Clone)]
pub struct Template {
    description: String,
    parameters: Vec<(LogicalId, Parameter)>,
    resources: Vec<(LogicalId, Value)>,
    outputs: Vec<(LogicalId, Output)>,
}

properties! {
    /// A parameter: what is known only when the stack is deployed.
    Parameter {
        /// Always `String` here.
        kind: &'static str = "Type",
        description: &'static str = "Description",
        /// A regular expression for the whole value.
        allowed_pattern: &'static str = "AllowedPattern",
    }
}

properties! {
    /// An output: what somebody wants to know of the finished stack.
    Output { description: &'static str = "Description", value: Value = "Value" }
}

/// Two things in a template have the same name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template has two things named {0}")]
pub struct Collision(pub String);

impl Template {
    /// An empty template.
    #[must_use]
    pub fn new(description: String) -> Self {
        Self { description, parameters: Vec::new(), resources: Vec::new(), outputs: Vec::new() }
    }

    /// Adds a parameter.
    pub fn parameter(&mut self, name: &'static str, parameter: Parameter) -> Handle<Parameter> {
        let id = LogicalId::new(name);
        self.parameters.push((id.clone(), parameter));
        Handle::new(id)
    }

    /// Adds a resource, with the reason why it exists.
    pub fn add<R: Resource>(&mut self, name: &'static str, why: &'static str, resource: R) -> Handle<R> {
        self.add_derived(LogicalId::new(name), why, resource)
    }

    /// Adds a resource whose name was put together at run time.
    pub fn add_derived<R: Resource>(&mut self, id: LogicalId, why: &'static str, resource: R) -> Handle<R> {
        let body = map([("Type", R::TYPE.value()), ("Properties", resource.value())]);
        self.resources.push((id.clone(), Value::Explained(why, Box::new(body))));
        Handle::new(id)
    }

    /// Adds an output.
    pub fn output(&mut self, name: &'static str, description: &'static str, value: Value) {
        self.outputs.push((LogicalId::new(name), Output { description, value }));
    }

    /// The whole template as one value, section after section.
    ///
    /// # Errors
    /// [`Collision`] if two resources or parameters share a name.
    pub fn into_value(self) -> Result<Value, Collision> {
        let mut names: Vec<_> = self.parameters.iter().map(|(id, _)| id).collect();
        names.extend(self.resources.iter().map(|(id, _)| id));
        names.sort();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Collision(twice[0].as_str().to_owned()));
        }
        Ok(map([
            ("AWSTemplateFormatVersion", "2010-09-09".value()),
            ("Description", self.description.value()),
            ("Parameters", section(self.parameters)),
            ("Resources", section(self.resources)),
            ("Outputs", section(self.outputs)),
        ]))
    }
}

fn section<T: Property>(entries: Vec<(LogicalId, T)>) -> Option<Value> {
    let named = |(id, value): (LogicalId, T)| (id.as_str().to_owned(), value.value());
    (!entries.is_empty()).then(|| map(entries.into_iter().map(named)))
}
