//! The generated templates: fresh, and read alike by everyone who reads them.

mod common;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use common::{ARTICLE, ROTATION, read};
use serde_json::Value as Json;
use synth::{
    cfn::{Value, json, read as reader, yaml},
    config::{self, Overrides},
    stack,
};
use tests::{root, tool};

fn template(path: &str) -> Value {
    let checked = config::read(&read(path), Overrides::default()).unwrap_or_else(|e| panic!("{path}: {e}"));
    stack::template(&checked.config).unwrap()
}

fn python(reader: &str, text: &str) -> Json {
    let mut process = Command::new(tool("python"))
        .arg(root().join("tests/local-aws/read_template.py"))
        .arg(reader)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{reader} cannot read {text}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_committed_templates_are_what_the_configurations_generate() {
    for (config, committed) in [(ROTATION, "templates/rotation.yaml"), (ARTICLE, "templates/article.yaml")] {
        assert_eq!(yaml::emit(&template(config)), read(committed), "{committed} is stale: run `make synth`");
    }
}

#[test]
fn everyone_reads_the_templates_alike() {
    for config in [ROTATION, ARTICLE] {
        let template = template(config);
        let meant = json::to_json(&template);
        let text = yaml::emit(&template);
        assert_eq!(reader::read(&text).unwrap(), meant, "synth's own reader");
        assert_eq!(reader::read(&json::emit(&template)).unwrap(), meant, "synth's own reader, JSON");
        assert_eq!(python("plain", &text), meant, "PyYAML");
        assert_eq!(python("cli", &text), meant, "the AWS CLI");
    }
}

/// Texts that YAML 1.1 has other ideas about, where a user can put a text.
#[test]
fn everyone_reads_awkward_texts_alike() {
    let awkward = [
        "on",
        "2012-10-17",
        "12:30:45",
        "0x1F",
        "1e3",
        "~",
        "",
        "- a",
        "a: b",
        "#",
        "\"",
        "it's",
        "a\\b",
        "\u{2028}",
        "日本",
        "\u{1F511}",
        "\u{7f}\u{85}",
        "a\nb\n",
        "\t",
        " ",
        "=",
        "<<",
        "!Ref x",
        "${x}",
        "NO",
        "null",
        "+1",
        ".5",
        "1_0",
        "{",
        "[",
        "|",
        ">",
        "%",
        "@",
        "`",
        "a\"b'c",
    ];
    let list = awkward.map(|text| Value::Text(text.to_owned())).to_vec();
    let map = awkward.iter().map(|text| ((*text).to_owned(), Value::Text((*text).to_owned()))).collect();
    let value = Value::Map(vec![("List".into(), Value::List(list)), ("Map".into(), Value::Map(map))]);
    let (meant, text) = (json::to_json(&value), yaml::emit(&value));
    assert_eq!(reader::read(&text).unwrap(), meant);
    assert_eq!(python("plain", &text), meant);
    assert_eq!(python("cli", &text), meant);
}

#[test]
fn cfn_lint_finds_nothing() {
    let folder = root().join("templates");
    let output = Command::new(tool("cfn-lint"))
        .args([folder.join("rotation.yaml"), folder.join("article.yaml")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
