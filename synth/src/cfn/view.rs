//! A finished template, looked at: what is in it and what refers to what. Ours or any other, in canonical form.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    Value,
    text::{display, intrinsic, pieces},
};

/// A template in canonical form, as [`super::read`] and [`super::json`] make it.
#[derive(Debug, Clone, Copy)]
pub struct View<'t>(pub &'t Json);

/// One resource.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'t> {
    /// Its logical id.
    pub id: &'t str,
    /// `AWS::Service::Type`.
    pub kind: &'t str,
    /// Its properties; null where it has none.
    pub properties: &'t Json,
    /// The whole of it.
    pub body: &'t Json,
}

/// A place where something else is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where, as a path into the template: `Resources.Function.Properties.Role`.
    pub at: String,
    /// What is named: a resource, a parameter, a pseudo parameter, a condition.
    pub name: String,
    /// The attribute, where one is asked for.
    pub attribute: Option<String>,
    /// How it is named.
    pub how: How,
}

/// How something is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// `Ref`, `Fn::GetAtt`, or a `${…}` in a `Fn::Sub`.
    Value,
    /// `DependsOn`.
    DependsOn,
    /// `Condition`, or the first argument of `Fn::If`.
    Condition,
    /// `Fn::FindInMap`.
    Mapping,
}

/// One statement of a policy.
#[derive(Debug, Clone)]
pub struct StatementView<'t> {
    /// Where it is, as a JSON pointer.
    pub pointer: String,
    /// The statement itself.
    pub body: &'t Json,
}

/// A role, and all that is said of it.
#[derive(Debug, Clone)]
pub struct Role<'t> {
    /// The role.
    pub resource: Resource<'t>,
    /// Who may assume it.
    pub trust: Vec<StatementView<'t>>,
    /// What it may do, as far as the template says so itself.
    pub policies: Vec<StatementView<'t>>,
}

const NOTHING: &Json = &Json::Null;

/// The value of a key; null where there is none.
fn get<'t>(json: &'t Json, key: &str) -> &'t Json {
    json.get(key).unwrap_or(NOTHING)
}

fn entries(json: &Json) -> impl Iterator<Item = (&str, &Json)> {
    json.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// A value that is one or a list of them.
pub fn each(json: &Json) -> impl Iterator<Item = &Json> {
    let (list, one) = match json {
        Json::Array(items) => (Some(items), None),
        Json::Null => (None, None),
        one => (None, Some(one)),
    };
    list.into_iter().flatten().chain(one)
}

impl Resource<'_> {
    /// Where it is in the template, as a JSON pointer.
    #[must_use]
    pub fn pointer(&self) -> String {
        format!("/Resources/{}", self.id)
    }
}

impl<'t> View<'t> {
    /// Whether CloudFormation rewrites the template before it reads the resources: a transform, a macro, an include or a loop.
    #[must_use]
    pub fn is_rewritten(self) -> bool {
        fn has_macro(json: &Json) -> bool {
            match json {
                Json::Object(entries) => entries
                    .iter()
                    .any(|(key, value)| key == "Fn::Transform" || key.starts_with("Fn::ForEach") || has_macro(value)),
                Json::Array(items) => items.iter().any(has_macro),
                _ => false,
            }
        }
        !get(self.0, "Transform").is_null() || has_macro(self.0)
    }

    /// Whether a value leaves open what a policy allows: it depends on a parameter, a condition or another stack, or it says
    /// what it does not apply to.
    #[must_use]
    pub fn is_open(self, value: &Json) -> bool {
        match value {
            Json::String(text) => text.contains("{{resolve:"),
            Json::Array(items) => items.iter().any(|item| self.is_open(item)),
            Json::Object(entries) => match intrinsic(value) {
                Some(("Ref" | "GetAtt" | "Sub", argument)) => {
                    references(value).iter().any(|reference| !self.is_fixed(&reference.name))
                        || argument.get(1).is_some_and(|variables| self.is_open(variables))
                }
                Some(("Join", argument)) => self.is_open(argument),
                Some(_) => true,
                None => entries.iter().any(|(key, value)| {
                    ["NotAction", "NotPrincipal", "NotResource"].contains(&key.as_str()) || self.is_open(value)
                }),
            },
            _ => false,
        }
    }

    /// Whether a reference is to a resource of this template or to a pseudo parameter with a value.
    fn is_fixed(self, name: &str) -> bool {
        (name.starts_with("AWS::") && name != "AWS::NoValue") || self.resources().any(|resource| resource.id == name)
    }

    /// A section's entries, in their order.
    pub fn section(self, name: &str) -> impl Iterator<Item = (&'t str, &'t Json)> {
        entries(get(self.0, name))
    }

    /// The resources, in their order.
    pub fn resources(self) -> impl Iterator<Item = Resource<'t>> {
        self.section("Resources").map(|(id, body)| Resource {
            id,
            kind: get(body, "Type").as_str().unwrap_or_default(),
            properties: get(body, "Properties"),
            body,
        })
    }

    /// The resources of one type.
    pub fn of(self, kind: &'t str) -> impl Iterator<Item = Resource<'t>> {
        self.resources().filter(move |resource| resource.kind == kind)
    }

    /// The resource that a value names, if it names one of this template.
    #[must_use]
    pub fn named_by(self, value: &Json) -> Option<Resource<'t>> {
        let only = references(value);
        let [reference] = only.as_slice() else { return None };
        self.resources().find(|resource| resource.id == reference.name)
    }

    /// The roles, each with the policies that belong to it.
    #[must_use]
    pub fn roles(self) -> Vec<Role<'t>> {
        let pointer = |id: &str, rest: &str| format!("/Resources/{id}/Properties/{rest}");
        let role = |resource: Resource<'t>| {
            let trust = "AssumeRolePolicyDocument";
            let trust = statements(get(resource.properties, trust), &pointer(resource.id, trust));
            let inline = each(get(resource.properties, "Policies")).enumerate().flat_map(|(index, policy)| {
                let place = pointer(resource.id, &format!("Policies/{index}/PolicyDocument"));
                statements(get(policy, "PolicyDocument"), &place)
            });
            // Policies that are resources of their own.
            let attached = self.resources().filter(|other| {
                let roles = each(get(other.properties, "Roles")).chain(each(get(other.properties, "RoleName")));
                matches!(other.kind, "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" | "AWS::IAM::RolePolicy")
                    && roles.filter_map(|role| self.named_by(role)).any(|role| role.id == resource.id)
            });
            let attached = attached.flat_map(|other| {
                statements(get(other.properties, "PolicyDocument"), &pointer(other.id, "PolicyDocument"))
            });
            Role { resource, trust, policies: inline.chain(attached).collect() }
        };
        self.of("AWS::IAM::Role").map(role).collect()
    }

    /// The policies of resources, such as a key's, a bucket's or a queue's, each with its statements.
    pub fn resource_policies(self) -> impl Iterator<Item = (Resource<'t>, Vec<StatementView<'t>>)> {
        let policies = self.resources().filter(|resource| !resource.kind.starts_with("AWS::IAM::"));
        policies.filter_map(|resource| {
            let mut names = ["PolicyDocument", "KeyPolicy"].into_iter();
            let place = |property: &str| format!("/Resources/{}/Properties/{property}", resource.id);
            if resource.kind == "AWS::Events::EventBusPolicy" {
                // Its property is one statement, not a document.
                let (pointer, body) = (place("Statement"), resource.properties.get("Statement")?);
                return Some((resource, vec![StatementView { pointer, body }]));
            }
            let (property, document) = names.find_map(|name| Some((name, resource.properties.get(name)?)))?;
            Some((resource, statements(document, &place(property))))
        })
    }

    /// The role that a value names.
    #[must_use]
    pub fn role(self, value: &Json) -> Option<Role<'t>> {
        let named = self.named_by(value)?;
        self.roles().into_iter().find(|role| role.resource.id == named.id)
    }
}

fn statements<'t>(document: &'t Json, pointer: &str) -> Vec<StatementView<'t>> {
    let list = get(document, "Statement");
    let place =
        |index| if list.is_array() { format!("{pointer}/Statement/{index}") } else { format!("{pointer}/Statement") };
    each(list).enumerate().map(|(index, body)| StatementView { pointer: place(index), body }).collect()
}

impl StatementView<'_> {
    /// Its id, if it has one.
    #[must_use]
    pub fn sid(&self) -> &str {
        get(self.body, "Sid").as_str().unwrap_or_default()
    }

    /// Whether it allows; otherwise it denies.
    #[must_use]
    pub fn allows(&self) -> bool {
        get(self.body, "Effect") == "Allow"
    }

    /// A list of texts: `Action`, `Resource`. Intrinsic functions are shown as `${…}`.
    #[must_use]
    pub fn texts(&self, key: &str) -> Vec<String> {
        each(get(self.body, key)).map(text).collect()
    }

    /// The services that are its principal.
    #[must_use]
    pub fn services(&self) -> Vec<String> {
        each(get(get(self.body, "Principal"), "Service")).map(text).collect()
    }

    /// Everybody who is its principal: services, accounts, identities.
    #[must_use]
    pub fn principals(&self) -> Vec<String> {
        match get(self.body, "Principal") {
            Json::Object(kinds) => kinds.values().flat_map(each).map(text).collect(),
            one => each(one).map(text).collect(),
        }
    }

    /// When it applies, one condition a line.
    #[must_use]
    pub fn conditions(&self) -> Vec<String> {
        let operator = |(operator, keys)| {
            entries(keys).map(move |(key, values)| {
                let values: Vec<_> = each(values).map(text).collect();
                format!("{operator} {key} {}", values.join(", "))
            })
        };
        entries(get(self.body, "Condition")).flat_map(operator).collect()
    }
}

/// A value as one text, with `${…}` for what only CloudFormation knows; what is no text is shown as JSON.
#[must_use]
pub fn text(json: &Json) -> String {
    pieces(json).map_or_else(|| json.to_string(), |pieces| display(&pieces))
}

/// Everything that a value names.
#[must_use]
pub fn references(json: &Json) -> Vec<Reference> {
    let mut found = Vec::new();
    walk(json, "", &mut found);
    found
}

fn walk(json: &Json, at: &str, found: &mut Vec<Reference>) {
    let mut name = |name: &str, attribute: Option<&str>, how| {
        let (name, attribute) = (name.to_owned(), attribute.map(str::to_owned));
        found.push(Reference { at: at.to_owned(), name, attribute, how });
    };
    let inner = match json {
        Json::Object(object) if object.len() == 1 => object.iter().next().map(|(key, value)| (key.as_str(), value)),
        _ => None,
    };
    match inner {
        Some(("Ref", Json::String(target))) => name(target, None, How::Value),
        Some(("Condition", Json::String(target))) => name(target, None, How::Condition),
        Some(("Fn::GetAtt", Json::Array(parts))) => {
            let attribute: Vec<_> = parts.iter().skip(1).map(text).collect();
            if let Some(target) = parts.first().and_then(Json::as_str) {
                name(target, Some(&attribute.join(".")), How::Value);
            }
        }
        Some(("Fn::Sub", value)) => {
            let template = each(value).next().and_then(Json::as_str).unwrap_or_default();
            let own = value.get(1).unwrap_or(NOTHING);
            for variable in variables(template).filter(|variable| own.get(variable).is_none()) {
                match variable.split_once('.') {
                    Some((target, attribute)) => name(target, Some(attribute), How::Value),
                    None => name(variable, None, How::Value),
                }
            }
            walk(own, at, found);
        }
        other => {
            match other {
                Some(("Fn::If", Json::Array(parts))) => {
                    parts.first().and_then(Json::as_str).iter().for_each(|target| name(target, None, How::Condition));
                }
                Some(("Fn::FindInMap", Json::Array(parts))) => {
                    parts.first().and_then(Json::as_str).iter().for_each(|target| name(target, None, How::Mapping));
                }
                _ => {}
            }
            // A resource's own entries that name things without an intrinsic function.
            if is_resource(json) {
                each(get(json, "DependsOn")).filter_map(Json::as_str).for_each(|id| name(id, None, How::DependsOn));
                get(json, "Condition").as_str().iter().for_each(|target| name(target, None, How::Condition));
            }
            children(json, at, found);
        }
    }
}

fn is_resource(json: &Json) -> bool {
    get(json, "Type").as_str().is_some_and(|kind| kind.contains("::"))
}

fn children(json: &Json, at: &str, found: &mut Vec<Reference>) {
    let below = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    match json {
        Json::Object(object) => object.iter().for_each(|(key, value)| walk(value, &below(key), found)),
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| walk(value, &below(&index.to_string()), found));
        }
        _ => {}
    }
}

/// The names in a `Fn::Sub` text; `${!…}` is none.
fn variables(template: &str) -> impl Iterator<Item = &str> {
    template
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .filter(|n| !n.starts_with('!'))
}

/// The reasons that a template of ours was built with, by JSON pointer into its canonical form.
#[must_use]
pub fn reasons(value: &Value) -> BTreeMap<String, &'static str> {
    fn walk(value: &Value, at: &str, found: &mut BTreeMap<String, &'static str>) {
        match value {
            Value::Explained(why, inner) => {
                found.insert(at.to_owned(), why);
                walk(inner, at, found);
            }
            Value::Map(entries) => entries.iter().for_each(|(key, inner)| walk(inner, &format!("{at}/{key}"), found)),
            Value::List(items) => {
                items.iter().enumerate().for_each(|(index, inner)| walk(inner, &format!("{at}/{index}"), found));
            }
            _ => {}
        }
    }
    let mut found = BTreeMap::new();
    walk(value, "", &mut found);
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_to_name_something_is_seen() {
        let template = json!({
            "Conditions": { "C": { "Fn::Not": [{ "Condition": "D" }] } },
            "Resources": {
                "A": {
                    "Type": "X::Y::Z",
                    "DependsOn": ["B"],
                    "Condition": "C",
                    "Properties": {
                        "P": { "Ref": "Q" },
                        "G": { "Fn::GetAtt": ["R", "Arn"] },
                        "S": { "Fn::Sub": "a ${T} ${U.V.W} ${!X} ${AWS::Region}" },
                        "M": { "Fn::Sub": ["${Own} ${Y}", { "Own": { "Ref": "Z" } }] },
                        "J": { "Fn::Join": ["", [{ "Ref": "K" }]] },
                        "I": { "Fn::If": ["E", 1, { "Fn::FindInMap": ["N", "a", "b"] }] },
                    },
                },
            },
        });
        let names = |how| {
            let of = references(&template).into_iter().filter(move |reference| reference.how == how);
            of.map(|r| r.attribute.map_or(r.name.clone(), |attribute| format!("{}.{attribute}", r.name)))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(How::Value), ["Q", "R.Arn", "T", "U.V.W", "AWS::Region", "Y", "Z", "K"]);
        assert_eq!(names(How::Condition), ["D", "C", "E"]);
        assert_eq!((names(How::DependsOn), names(How::Mapping)), (vec!["B".into()], vec!["N".into()]));
        let at = references(&template).iter().find(|r| r.name == "Q").map(|r| r.at.clone());
        assert_eq!(at.as_deref(), Some("Resources.A.Properties.P"));
    }
}
