//! Mistakes that do not compile. The compiler must refuse each wrong line for the intended reason, and accept the right
//! line.
//!
//! Each line becomes a program that the compiler checks against the newest library next to this test. The test compares
//! the code and the line of each error, because the text of a message changes with the compiler.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value as Json;

/// The mistake, the wrong line, the code of the error, and the right line.
const LINES: [(&str, &str, &str, &str); 15] = [
    ("a dangling reference", r#"Value::Ref("Topc".into())"#, "E0277", "Value::Ref(topic.reference().into())"),
    ("a misspelt reference", "topc.reference()", "E0425", "topic.reference()"),
    ("a text for a reference", r#"DeadLetterConfig { arn: "arn" }"#, "E0308", "DeadLetterConfig { arn: queue.arn() }"),
    (
        "another type's reference",
        "DeadLetterConfig { arn: log.arn() }",
        "E0308",
        "DeadLetterConfig { arn: queue.arn() }",
    ),
    ("a name for an ARN", "DeadLetterConfig { arn: queue.reference() }", "E0308", "queue.reference()"),
    ("a topic's Arn", "topic.arn()", "E0599", "queue.arn()"),
    ("a parameter's Arn", "parameter.arn()", "E0599", "parameter.reference()"),
    ("a misspelt attribute", "Attribute { of: A, name: \"Arm\" }", "E0451", "Attribute::from(queue.arn())"),
    ("a handle from nowhere", "Handle::<Topic>::new(A)", "E0624", "t.output(A, \"\", topic.reference())"),
    ("a name unchecked", "LogicalId(\"a-b\".into())", "E0423", "LogicalId::derived(\"ab\".into())"),
    ("a name in lower case", "{ const B: LogicalId = LogicalId::new(\"b\"); B }", "E0080", "A"),
    ("a misspelt property", "Parameter { tpye: () }", "E0560", "|p: Parameter| p.kind"),
    ("a misspelt word", "Protocol::Mail", "E0599", "Protocol::Email"),
    ("a statement on everything", "ResourceArn::from(\"*\")", "E0277", "ResourceArn::from(queue.arn())"),
    ("a statement on a queue's URL", "ResourceArn::from(queue.reference())", "E0277", "ResourceArn::from(log.arn())"),
];

const BEFORE: &str = r#"#![allow(unused)]
use synth::cfn::{name::*, policy_document::*, reference::*, resource::*, template::*, *};
const A: LogicalId = LogicalId::new("A");
fn main() {
    let mut t = Template::new(String::new());
    let parameter = t.parameter(A, Parameter { kind: ParameterType::String, description: "", allowed_pattern: "" });
    let topic = t.add(A, "", Topic { display_name: "", kms_master_key_id: "".into() });
    let queue = t.add(A, "", Queue::standard(1));
    let log = t.add(A, "", LogGroup { log_group_name: "".into(), retention_in_days: 1, kms_key_id: None });
"#;

/// The newest library in the folder of this program.
fn library() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let built = fs::read_dir(program.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("libsynth-") && name.ends_with(".rlib")
    };
    built.filter(is_library).max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap()).expect("synth is built")
}

/// The code and the line of each error in a program.
fn errors(library: &Path, folder: &Path, line: &str) -> Vec<(String, u64)> {
    let program = folder.join("program.rs");
    fs::write(&program, format!("{BEFORE}    let _ = {line};\n}}\n")).unwrap();
    let output = Command::new(Path::new(env!("CARGO")).with_file_name("rustc"))
        .args(["--edition=2024", "--crate-type=bin", "--emit=metadata", "--error-format=json", "--out-dir"])
        .arg(folder)
        .arg(format!("-Ldependency={}", library.parent().unwrap().display()))
        .arg(format!("--extern=synth={}", library.display()))
        .arg(&program)
        .env_remove("RUSTC_BOOTSTRAP")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let mut errors = Vec::new();
    for message in said.lines() {
        let message: Json = serde_json::from_str(message).unwrap_or_else(|e| panic!("{e}: {said}"));
        if let (Some("error"), Some(code)) = (message["level"].as_str(), message["code"]["code"].as_str()) {
            errors.push((code.to_owned(), message["spans"][0]["line_start"].as_u64().unwrap()));
        }
    }
    assert_eq!(output.status.success(), errors.is_empty(), "{said}");
    errors
}

#[test]
fn each_mistake_does_not_compile() {
    let (library, place) = (library(), BEFORE.lines().count() as u64 + 1);
    let folder = tempfile::tempdir().unwrap();
    for (what, wrong, code, right) in LINES {
        assert_eq!(errors(&library, folder.path(), right), [], "{what}: {right} must compile");
        assert_eq!(errors(&library, folder.path(), wrong), [(code.to_owned(), place)], "{what}: {wrong}");
    }
}
