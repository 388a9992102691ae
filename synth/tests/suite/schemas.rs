//! Compares the Rust types with AWS's own resource schemas, which the cfn-lint package contains.

use std::collections::BTreeSet;

use crate::common::schema;
use serde_json::Value as Json;
use synth::{
    cfn::{
        resource,
        shape::{ResourceType, Shape},
    },
    config::{self, Overrides},
};

/// The numbers of compared parts. Without them, a comparison that compares nothing would pass.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    properties: usize,
    words: usize,
    /// Properties with words for which the schema has no list.
    unlisted: BTreeSet<String>,
}

/// The differences between a shape and its schema, each with its path.
struct Comparison<'s> {
    root: &'s Json,
    seen: Seen,
    wrong: Vec<String>,
}

impl Comparison<'_> {
    fn of(kind: &ResourceType) -> (Seen, Vec<String>) {
        let Some(schema) = schema(kind.name) else {
            return (Seen::default(), vec![format!("{} is no resource type", kind.name)]);
        };
        let mut comparison = Comparison { root: &schema, seen: Seen::default(), wrong: Vec::new() };
        comparison.compare(kind.name, &kind.shape, &schema);
        let read_only = schema["readOnlyProperties"].as_array().cloned().unwrap_or_default();
        let attribute = |name: &str| read_only.iter().any(|pointer| *pointer == format!("/properties/{name}"));
        if kind.has_arn != attribute("Arn") {
            comparison.wrong.push(format!("{}: has_arn is {}, the schema says otherwise", kind.name, kind.has_arn));
        }
        let sets_tags = matches!(&kind.shape, Shape::Struct(fields) if fields.iter().any(|(name, _)| *name == "Tags"));
        if sets_tags != (schema["tagging"]["taggable"] == true) {
            comparison.wrong.push(format!("{}: sets tags: {sets_tags}, the schema says otherwise", kind.name));
        }
        if let Shape::Struct(fields) = &kind.shape {
            for (name, _) in fields.iter().filter(|(name, _)| attribute(name)) {
                comparison.wrong.push(format!("{}.{name} cannot be set", kind.name));
            }
        }
        (comparison.seen, comparison.wrong)
    }

    fn compare(&mut self, path: &str, shape: &Shape, schema: &Json) {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = self.root.pointer(reference.trim_start_matches('#')).cloned();
            return match target {
                Some(target) => self.compare(path, shape, &target),
                None => self.wrong.push(format!("{path}: {reference} is not in the schema")),
            };
        }
        let allowed = match &schema["type"] {
            Json::String(one) => vec![one.as_str()],
            Json::Array(several) => several.iter().filter_map(Json::as_str).collect(),
            // A schema with properties is the schema of an object.
            _ if schema["properties"].is_object() => vec!["object"],
            _ => Vec::new(),
        };
        let types: &[&str] = match shape {
            Shape::Optional(inner) => return self.compare(path, inner, schema),
            Shape::Any => &[],
            Shape::Text | Shape::Words(_) => &["string"],
            Shape::Integer => &["integer", "number"],
            Shape::Boolean => &["boolean"],
            Shape::List(_) => &["array"],
            Shape::Map(_) | Shape::Struct(_) | Shape::Json(_) | Shape::Policy => &["object"],
        };
        if !types.iter().any(|kind| allowed.contains(kind)) {
            self.wrong.push(format!("{path}: {shape:?} where the schema wants {allowed:?}"));
        }
        match shape {
            Shape::Words(words) => match schema["enum"].as_array() {
                Some(list) => {
                    for word in words {
                        self.seen.words += 1;
                        if !list.contains(&Json::from(*word)) {
                            self.wrong.push(format!("{path}: {word} is not among {list:?}"));
                        }
                    }
                }
                None => drop(self.seen.unlisted.insert(path.to_owned())),
            },
            Shape::List(items) => self.compare(&format!("{path}[]"), items, &schema["items"]),
            Shape::Map(values) => {
                let patterns = schema["patternProperties"].as_object().filter(|patterns| !patterns.is_empty());
                match patterns.and_then(|patterns| patterns.values().next()).cloned() {
                    Some(pattern) => self.compare(&format!("{path}.*"), values, &pattern),
                    None => self.wrong.push(format!("{path}: the schema leaves no keys to choose")),
                }
            }
            // If the schema describes the contents, the type must describe them too.
            Shape::Json(_)
                if ["properties", "patternProperties", "$ref"].iter().any(|says| !schema[*says].is_null()) =>
            {
                self.wrong.push(format!("{path}: the schema says what is in it"));
            }
            Shape::Struct(fields) => {
                for (name, shape) in fields {
                    self.seen.properties += 1;
                    let path = format!("{path}.{name}");
                    match schema["properties"].get(name) {
                        Some(property) => self.compare(&path, shape, property),
                        None => self.wrong.push(format!("{path}: there is no such property")),
                    }
                }
                for required in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
                    let given =
                        fields.iter().any(|(name, shape)| *name == required && !matches!(shape, Shape::Optional(_)));
                    if !given {
                        self.wrong.push(format!("{path}.{required} is required"));
                    }
                }
            }
            _ => {}
        }
    }
}

#[test]
fn every_type_is_what_its_schema_says() {
    let types = resource::types();
    let mut all = Seen::default();
    for kind in &types {
        let (seen, wrong) = Comparison::of(kind);
        assert_eq!(wrong, Vec::<String>::new());
        all.properties += seen.properties;
        all.words += seen.words;
        all.unlisted.extend(seen.unlisted);
    }
    println!("{} types, {} properties, {} words", types.len(), all.properties, all.words);
    let unlisted =
        BTreeSet::from(["Protocol", "FilterPolicyScope"].map(|name| format!("AWS::SNS::Subscription.{name}")));
    assert_eq!(all.unlisted, unlisted, "words that no schema lists");
    // Each number is at least as high as when this test was written.
    assert!(types.len() >= 14 && all.properties >= 132 && all.words >= 18, "{} types, {all:?}", types.len());
    assert_eq!(types.iter().filter(|kind| kind.has_arn).count(), 11);
}

/// Each kind of mistake, in a type that is otherwise correct.
#[test]
fn every_kind_of_mistake_is_found() {
    let good = || resource::types().into_iter().find(|kind| kind.name == "AWS::Scheduler::Schedule").unwrap();
    let field = |kind: &mut ResourceType, name: &'static str, replace: &dyn Fn(&mut (&'static str, Shape))| {
        let Shape::Struct(fields) = &mut kind.shape else { panic!() };
        replace(fields.iter_mut().find(|(n, _)| *n == name).unwrap());
    };
    for (plant, says) in [
        (&|k: &mut ResourceType| k.name = "AWS::Scheduler::Shedule" as &_, "is no resource type"),
        (&|k| k.has_arn = false, "has_arn is false"),
        (&|k| field(k, "Name", &|f| f.0 = "Nmae"), "Nmae: there is no such property"),
        (&|k| field(k, "Name", &|f| f.0 = "Arn"), "Arn cannot be set"),
        (&|k| field(k, "Name", &|f| f.1 = Shape::Integer), "Name: Integer where the schema wants"),
        (&|k| field(k, "Name", &|f| f.1 = Shape::Any), "Name: Any where the schema wants"),
        (&|k| field(k, "State", &|f| f.1 = Shape::Words(vec!["ON"])), "ON is not among"),
        (&|k| field(k, "Target", &|f| f.0 = "Name"), "Target is required"),
        (&|k| field(k, "Target", &|f| f.1 = Shape::Optional(Box::new(f.1.clone()))), "Target is required"),
        (&|k| field(k, "Target", &|f| f.1 = Shape::Struct(vec![("Arn", Shape::Text)])), "Target.RoleArn is required"),
        (&|k| field(k, "Target", &|f| f.1 = Shape::Map(Box::new(Shape::Text))), "no keys to choose"),
        (&|k| field(k, "Target", &|f| f.1 = Shape::List(Box::new(Shape::Text))), "Target: List(Text) where"),
        (&|k| field(k, "Target", &|f| f.1 = Shape::Json(Box::new(Shape::Text))), "Target: the schema says what is in"),
        (&|k| field(k, "Description", &|f| f.0 = "Tags"), "sets tags: true, the schema says otherwise"),
    ] as [(&dyn Fn(&mut ResourceType), &str); 14]
    {
        let mut kind = good();
        plant(&mut kind);
        let (_, wrong) = Comparison::of(&kind);
        assert!(wrong.iter().any(|message| message.contains(says)), "{says}: {wrong:?}");
    }
    assert_eq!(Comparison::of(&good()).1, Vec::<String>::new());
}

/// The configuration accepts exactly the retentions that the schema lists.
#[test]
fn log_retentions_are_the_schemas() {
    let schema = schema("AWS::Logs::LogGroup").unwrap();
    let listed: Vec<u64> =
        schema["properties"]["RetentionInDays"]["enum"].as_array().unwrap().iter().filter_map(Json::as_u64).collect();
    let accepted = |days: &u64| {
        let text = format!("users: [alice]\nemails: [a@example.com]\nlog_retention: {days}d\n");
        config::read(&text, Overrides::default()).is_ok()
    };
    assert_eq!((0..=3_660).filter(accepted).collect::<Vec<_>>(), listed);
}
