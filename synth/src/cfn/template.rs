//! A template: its parameters, resources and outputs, in the order in which they were added.

use std::collections::HashSet;

use super::{
    CheckovAnswer, DeclaredType, Dependency, Handle, LogicalId, Part, Pseudo, Tags, Text, checkov,
    shape::Shape,
    tags,
    value::{Property, Value, map, properties, words},
};

/// A CloudFormation template.
#[derive(Debug, Clone)]
pub struct Template {
    description: String,
    tags: Tags,
    answers: &'static [CheckovAnswer],
    parameters: Vec<(LogicalId, Parameter)>,
    rules: Vec<(LogicalId, TemplateRule)>,
    resources: Vec<(LogicalId, Value)>,
    outputs: Vec<(LogicalId, Output)>,
}

properties! {
    /// A parameter: a value that is known only when the stack is deployed.
    Parameter {
        kind: ParameterType = "Type",
        description: &'static str = "Description",
        /// A regular expression that the whole value must match.
        allowed_pattern: &'static str = "AllowedPattern",
    }
}

words! {
    /// The type of a parameter's value.
    ParameterType { String = "String" }
}

properties! {
    /// An output: a value of the deployed stack that people or programs need.
    Output { description: &'static str = "Description", value: Text = "Value" }
}

/// A rule about the account of the stack. If the account does not fulfil it, CloudFormation refuses the stack before it
/// creates anything (CloudFormation User Guide, "Rules").
#[derive(Debug, Clone)]
pub struct TemplateRule {
    /// Why CloudFormation refuses the stack, which its error shows.
    pub says: &'static str,
    /// The accounts.
    pub accounts: Vec<String>,
    /// Whether the account must be one of them, or none of them.
    pub among: bool,
}

impl Property for TemplateRule {
    fn value(self) -> Option<Value> {
        let account = Value::from(Pseudo::AccountId);
        let arguments = vec![Value::List(self.accounts.into_iter().map(Value::Text).collect()), account];
        let among = Value::Function("Fn::Contains", arguments);
        let fulfilled = if self.among { among } else { Value::Function("Fn::Not", vec![among]) };
        let assertion = map([("Assert", Some(fulfilled)), ("AssertDescription", self.says.value())]);
        Some(map([("Assertions", Some(Value::List(vec![assertion])))]))
    }

    fn shape() -> Shape {
        Shape::Any
    }
}

/// A mistake that shows only in the template as a whole. It is a mistake in the code that builds the template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Two parameters or resources, or two outputs, have the same name.
    #[error("two entries of the template have the name {0}; rename one of them")]
    Collision(String),
    /// A reference comes from a handle of another template.
    #[error("the template refers to {0}, which it does not contain; use a handle of this template")]
    Dangling(String),
    /// A reference or another intrinsic function was written as a plain map instead of with a handle.
    #[error("the template has a plain map with the key {0}; write an intrinsic function with a handle")]
    Disguised(String),
}

impl Template {
    /// An empty template.
    #[must_use]
    pub fn new(description: String) -> Self {
        Self {
            description,
            tags: Tags::default(),
            answers: &[],
            parameters: Vec::new(),
            rules: Vec::new(),
            resources: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// An empty template that gives these tags to each resource that can have tags, and these answers to each resource
    /// that they are about.
    #[must_use]
    pub fn with_tags_and_answers(description: String, tags: Tags, answers: &'static [CheckovAnswer]) -> Self {
        Self { tags, answers, ..Self::new(description) }
    }

    /// Adds a parameter.
    pub fn parameter(&mut self, id: LogicalId, parameter: Parameter) -> Handle<Parameter> {
        self.parameters.push((id.clone(), parameter));
        Handle::new(id)
    }

    /// Adds a rule, without which CloudFormation does not create or update the stack.
    pub fn rule(&mut self, id: LogicalId, rule: TemplateRule) {
        self.rules.push((id, rule));
    }

    /// Adds a resource, with the reason why it exists.
    pub fn add<R: DeclaredType>(&mut self, id: LogicalId, why: &'static str, resource: R) -> Handle<R> {
        self.insert(id, why, [], resource)
    }

    /// Adds a resource that CloudFormation creates after all of these, although it does not refer to them.
    pub fn add_after<R: DeclaredType>(
        &mut self,
        id: LogicalId,
        why: &'static str,
        after: Vec<Dependency>,
        resource: R,
    ) -> Handle<R> {
        let after: Vec<_> = after.into_iter().map(Value::from).collect();
        self.insert(id, why, [("DependsOn", Value::List(after))], resource)
    }

    /// Adds a resource that stays in the account if it is removed from the stack or the stack is deleted. If the
    /// stack's creation fails, CloudFormation deletes the resource, so that the next attempt can create it again.
    pub fn add_for_good<R: DeclaredType>(&mut self, id: LogicalId, why: &'static str, resource: R) -> Handle<R> {
        let policies = [("DeletionPolicy", "RetainExceptOnCreate"), ("UpdateReplacePolicy", "Retain")];
        self.insert(id, why, policies.map(|(name, policy)| (name, Value::Text(policy.to_owned()))), resource)
    }

    fn insert<R: DeclaredType, const N: usize>(
        &mut self,
        id: LogicalId,
        why: &'static str,
        attributes: [(&'static str, Value); N],
        resource: R,
    ) -> Handle<R> {
        let mut properties = resource.value();
        let metadata = checkov::metadata(self.answers, R::TYPE, properties.as_ref());
        if R::TAKES_TAGS {
            properties = tags::tagged(properties, &self.tags);
        }
        let attributes = attributes.map(|(name, value)| (name, Some(value)));
        let body = [("Type", R::TYPE.value())].into_iter().chain(attributes);
        let body = map(body.chain([("Metadata", metadata), ("Properties", properties)]));
        self.resources.push((id.clone(), Value::Explained(why, Box::new(body))));
        Handle::new(id)
    }

    /// Adds an output.
    pub fn output(&mut self, id: LogicalId, description: &'static str, value: impl Into<Text>) {
        self.outputs.push((id, Output { description, value: value.into() }));
    }

    /// The whole template as one value.
    ///
    /// # Errors
    /// [`TemplateError`] if two entries have the same name, or if a reference leads nowhere.
    pub fn into_value(self) -> Result<Value, TemplateError> {
        let parameters = self.parameters.iter().map(|(id, _)| id);
        let referable: Vec<_> = parameters.chain(self.resources.iter().map(|(id, _)| id)).cloned().collect();
        let referable = distinct(referable.iter())?;
        // An output may have the name of a resource.
        distinct(self.outputs.iter().map(|(id, _)| id))?;
        let template = map([
            ("AWSTemplateFormatVersion", "2010-09-09".value()),
            ("Description", self.description.value()),
            ("Parameters", section(self.parameters)),
            ("Rules", section(self.rules)),
            ("Resources", section(self.resources)),
            ("Outputs", section(self.outputs)),
        ]);
        check(&template, &referable)?;
        Ok(template)
    }
}

fn distinct<'i>(ids: impl Iterator<Item = &'i LogicalId>) -> Result<HashSet<&'i LogicalId>, TemplateError> {
    let mut seen = HashSet::new();
    for id in ids {
        if !seen.insert(id) {
            return Err(TemplateError::Collision(id.as_str().to_owned()));
        }
    }
    Ok(seen)
}

/// Checks that every reference leads to a parameter or resource of the template.
fn check(value: &Value, referable: &HashSet<&LogicalId>) -> Result<(), TemplateError> {
    let known = |id: Option<&LogicalId>| match id {
        Some(id) if !referable.contains(id) => Err(TemplateError::Dangling(id.as_str().to_owned())),
        _ => Ok(()),
    };
    match value {
        Value::Text(_) | Value::Integer(_) | Value::Boolean(_) => Ok(()),
        Value::List(items) | Value::Function(_, items) => items.iter().try_for_each(|item| check(item, referable)),
        Value::Map(entries) => entries.iter().try_for_each(|(key, value)| {
            if key == "Ref" || key.starts_with("Fn::") {
                return Err(TemplateError::Disguised(key.clone()));
            }
            check(value, referable)
        }),
        Value::Id(id) => known(Some(id)),
        Value::Ref(name) => known(name.needs()),
        Value::GetAtt(attribute) => known(Some(attribute.of())),
        Value::Sub(parts) => parts.iter().try_for_each(|part| match part {
            Part::Literal(_) => Ok(()),
            Part::Ref(name) => known(name.needs()),
            Part::GetAtt(attribute) => known(Some(attribute.of())),
        }),
        Value::Explained(_, value) => check(value, referable),
    }
}

fn section<T: Property>(entries: Vec<(LogicalId, T)>) -> Option<Value> {
    let named = |(id, value): (LogicalId, T)| (id.as_str().to_owned(), value.value());
    (!entries.is_empty()).then(|| map(entries.into_iter().map(named)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cfn::{
        name::id,
        resource::{Queue, Topic},
    };

    fn topic() -> Topic {
        Topic { display_name: "", kms_master_key_id: "".into() }
    }

    #[test]
    fn each_name_is_used_only_once() {
        let mut t = Template::new(String::new());
        let parameter = Parameter { kind: ParameterType::String, description: "", allowed_pattern: "" };
        t.parameter(id!("Same"), parameter);
        t.add(id!("Same"), "", topic());
        assert_eq!(t.into_value(), Err(TemplateError::Collision("Same".into())));

        let mut t = Template::new(String::new());
        let topic = t.add(id!("Topic"), "", topic());
        // An output may have the name of a resource, but not of another output.
        t.output(id!("Topic"), "", topic.reference());
        assert!(t.clone().into_value().is_ok());
        t.output(id!("Topic"), "", topic.reference());
        assert_eq!(t.into_value(), Err(TemplateError::Collision("Topic".into())));
    }

    #[test]
    fn a_handle_of_another_template_is_refused_everywhere() {
        let mut other = Template::new(String::new());
        let queue = other.add(id!("Queue"), "", Queue::standard(60));
        for text in [
            queue.reference().into(),
            queue.arn().into(),
            Text::of(["a".into(), queue.reference().into()]),
            Text::of([queue.arn().into(), "b".into()]),
        ] {
            let mut t = Template::new(String::new());
            t.output(id!("Output"), "", text);
            assert_eq!(t.into_value(), Err(TemplateError::Dangling("Queue".into())));
        }
    }

    #[test]
    fn a_resource_can_depend_on_another_one_of_its_template_only() {
        let mut t = Template::new(String::new());
        let first = t.add(id!("First"), "", topic());
        t.add_after(id!("Second"), "", vec![first.dependency()], topic());
        assert!(t.into_value().is_ok());
        let mut other = Template::new(String::new());
        other.add_after(id!("Second"), "", vec![first.dependency()], topic());
        assert_eq!(other.into_value(), Err(TemplateError::Dangling("First".into())));
    }

    #[test]
    fn an_intrinsic_function_as_a_plain_map_is_refused() {
        for key in ["Ref", "Fn::GetAtt"] {
            let map = Value::Map(vec![(key.into(), Value::Text("Nowhere".into()))]);
            let nested = Value::List(vec![Value::Explained("", Box::new(map))]);
            assert_eq!(check(&nested, &HashSet::new()), Err(TemplateError::Disguised(key.into())));
        }
    }
}
