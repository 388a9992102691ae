//! The generated templates are fresh, and all readers read the same values.

use std::process::Command;

use crate::common::{Python, golden, read, root, tool};
use lambda::report::metrics::Metric;
use serde_json::{Value as Json, json};
use synth::{
    cfn::{Value, json, read as reader, yaml},
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
    let artifacts = (stack::artifacts::template().unwrap(), "templates/artifacts.yaml");
    CONFIGURATIONS.into_iter().map(template).chain([artifacts]).collect()
}

#[test]
fn the_committed_templates_are_what_the_configurations_generate() {
    for (template, committed) in templates() {
        assert!(yaml::emit(&template) == read(committed), "{committed} is stale: run `make synth`");
    }
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
