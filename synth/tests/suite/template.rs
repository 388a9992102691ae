//! The generated templates are fresh, and all readers read the same values.

use std::process::Command;

use crate::common::{Python, golden, read, root, tool};
use lambda::report::metrics::Metric;
use serde_json::{Value as Json, json};
use synth::{
    cfn::{Value, json, read as reader, resource, shape::Shape, yaml},
    config::{self, Overrides},
    stack,
};

const CONFIGURATIONS: [(&str, &str); 4] = [
    ("rotation.yaml", "templates/rotation.yaml"),
    ("examples/article.yaml", "templates/article.yaml"),
    ("examples/encrypted.yaml", "templates/encrypted.yaml"),
    ("examples/fleet.yaml", "templates/fleet.yaml"),
];

/// Each generated template, and the file in which it is committed.
fn templates() -> Vec<(Value, &'static str)> {
    let template = |(path, committed): (&str, &'static str)| {
        let checked = config::read(&read(path), Overrides::default()).unwrap_or_else(|e| panic!("{path}: {e}"));
        (stack::template(&checked.config).unwrap(), committed)
    };
    let first = config::read(&read(CONFIGURATIONS[0].0), Overrides::default()).unwrap().config;
    let artifacts = (stack::artifacts::template(&first).unwrap(), "templates/artifacts.yaml");
    CONFIGURATIONS.into_iter().map(template).chain([artifacts]).collect()
}

#[test]
fn the_committed_templates_are_what_the_configurations_generate() {
    for (template, committed) in templates() {
        assert!(yaml::emit(&template) == read(committed), "{committed} is stale: run `make synth`");
    }
}

/// The settings of a company reach everything that can have them, and change nothing else.
#[test]
fn the_rules_of_a_company_are_kept_by_every_resource() {
    let boundary = "arn:aws:iam::111122223333:policy/boundary";
    let company = format!(
        "tags: {{team: payments, cost centre: '4711'}}\npermissions_boundary: {boundary}\nrole_path: /service/rotation/\n\
         reserved_concurrency: 2\n"
    );
    let read = |more: &str| {
        let text = format!("users: [alice]\nemails: [a@example.com]\ndashboard: fleet\n{more}");
        let config = config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
        [stack::template(&config).unwrap(), stack::artifacts::template(&config).unwrap()]
            .map(|template| json::to_json(&template)["Resources"].as_object().unwrap().clone())
    };
    let (with, without) = (read(&company), read(""));
    let tags = json!([{ "Key": "team", "Value": "payments" }, { "Key": "cost centre", "Value": "4711" }]);
    let types = resource::types();
    let mut seen = [0; 3];
    for (mut with, without) in with.into_iter().zip(without) {
        for (id, resource) in &mut with {
            let kind = types.iter().find(|kind| resource["Type"] == kind.name).unwrap();
            let properties = resource["Properties"].as_object_mut().unwrap();
            let Shape::Struct(fields) = &kind.shape else { panic!("{id}") };
            if fields.iter().any(|(name, _)| *name == "Tags") {
                assert_eq!(properties.remove("Tags"), Some(tags.clone()), "{id}");
                seen[0] += 1;
            }
            if kind.name == "AWS::IAM::Role" {
                assert_eq!(properties.remove("PermissionsBoundary"), Some(json!(boundary)), "{id}");
                assert_eq!(properties.remove("Path"), Some(json!("/service/rotation/")), "{id}");
                seen[1] += 1;
            }
            if kind.name == "AWS::Lambda::Function" {
                assert_eq!(properties.remove("ReservedConcurrentExecutions"), Some(json!(2)));
                assert_eq!(properties["Environment"]["Variables"]["SECRET_TAGS"], "team=payments;cost centre=4711");
                properties["Environment"] = without[id]["Properties"]["Environment"].clone();
                seen[2] += 1;
            }
            if id != "FunctionRole" {
                assert_eq!(Json::from(properties.clone()), without[id]["Properties"], "{id}");
            }
        }
        assert_eq!(with.len(), without.len());
    }
    assert!(seen[0] >= 12 && seen[1..] == [2, 1], "{seen:?}");
}

#[test]
fn everyone_reads_the_templates_alike() {
    let (mut plain, mut cli) = (Python::start("read.py", &["plain"]), Python::start("read.py", &["cli"]));
    for (template, _) in templates() {
        let (meant, text) = (json::to_json(&template), yaml::emit(&template));
        assert_eq!(reader::read(&text).unwrap(), meant, "synth's own reader");
        assert_eq!(reader::read(&json::emit(&template)).unwrap(), meant, "synth's own reader, JSON");
        assert_eq!(plain.ask(&text), json!([meant]), "PyYAML");
        assert_eq!(cli.ask(&text), json!([meant]), "the AWS CLI");
    }
}

#[test]
fn cfn_lint_finds_nothing() {
    let templates = templates().into_iter().map(|(_, committed)| root().join(committed));
    let output = Command::new(tool("cfn-lint")).args(templates).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The dashboard as CloudFormation gets it, with `${…}` for the values that CloudFormation fills in.
#[test]
fn the_dashboard_is_the_reviewed_one() {
    let text = "users: [alice]\nemails: [a@example.com]\ndashboard: fleet\n";
    let config = config::read(text, Overrides::default()).unwrap().config;
    let with = json::to_json(&stack::template(&config).unwrap());
    let body = with["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    let body: Json = serde_json::from_str(body).unwrap();
    golden("synth/tests/golden/dashboard.json", &format!("{body:#}\n"));
    let shows = |metric: &Metric| body.to_string().contains(&format!("[\"AccessKeyRotation\",\"{}\",", metric.name()));
    assert!(Metric::ALL.iter().all(shows), "every metric is shown somewhere");
    let none = |(template, _)| json::to_json(&template)["Resources"]["Dashboard"].is_null();
    assert!(templates().into_iter().all(none), "by default there is none");
}
