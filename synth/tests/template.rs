//! The generated templates: fresh, and read alike by everyone who reads them.

#![allow(missing_docs)]

mod common;

use std::process::Command;

use common::{Python, read, root, tool};
use serde_json::json;
use synth::{
    cfn::{Value, json, read as reader, yaml},
    config::{self, Overrides},
    stack,
};

const CONFIGURATIONS: [(&str, &str); 3] = [
    ("rotation.yaml", "templates/rotation.yaml"),
    ("examples/article.yaml", "templates/article.yaml"),
    ("examples/encrypted.yaml", "templates/encrypted.yaml"),
];

fn template(path: &str) -> Value {
    let checked = config::read(&read(path), Overrides::default()).unwrap_or_else(|e| panic!("{path}: {e}"));
    stack::template(&checked.config).unwrap()
}

#[test]
fn the_committed_templates_are_what_the_configurations_generate() {
    for (config, committed) in CONFIGURATIONS {
        assert_eq!(yaml::emit(&template(config)), read(committed), "{committed} is stale: run `make synth`");
    }
}

#[test]
fn everyone_reads_the_templates_alike() {
    let (mut plain, mut cli) = (Python::start("read.py", &["plain"]), Python::start("read.py", &["cli"]));
    for (config, _) in CONFIGURATIONS {
        let template = template(config);
        let (meant, text) = (json::to_json(&template), yaml::emit(&template));
        assert_eq!(reader::read(&text).unwrap(), meant, "synth's own reader");
        assert_eq!(reader::read(&json::emit(&template)).unwrap(), meant, "synth's own reader, JSON");
        assert_eq!(plain.ask(&text), json!([meant]), "PyYAML");
        assert_eq!(cli.ask(&text), json!([meant]), "the AWS CLI");
    }
}

#[test]
fn cfn_lint_finds_nothing() {
    let templates = CONFIGURATIONS.map(|(_, template)| root().join(template));
    let output = Command::new(tool("cfn-lint")).args(templates).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
