//! What cannot be written: each wrong line is refused by the compiler, for the reason that is meant, and the right
//! line beside it is accepted.
//!
//! Each line becomes a program of a small crate that depends on `synth`, and one `cargo check` looks at them all. Its
//! messages are data, so the error's code and its line are compared, and not a text that changes with the compiler.

#![allow(missing_docs)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value as Json;

/// What is meant; the line; the error's code; what is written instead.
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
use synth::{cfn::{*, reference::*, resource::*, template::*}, iam::*};
const A: LogicalId = LogicalId::new("A");
fn main() {
    let mut t = Template::new(String::new());
    let parameter = t.parameter(A, Parameter { kind: ParameterType::String, description: "", allowed_pattern: "" });
    let topic = t.add(A, "", Topic { display_name: "", kms_master_key_id: "".into() });
    let queue = t.add(A, "", Queue { message_retention_period: 1, sqs_managed_sse_enabled: true });
    let log = t.add(A, "", LogGroup { log_group_name: "".into(), retention_in_days: 1, kms_key_id: None });
"#;

#[test]
fn what_is_wrong_does_not_compile() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    let programs = folder.join("src/bin");
    let _ = fs::remove_dir_all(&programs);
    fs::create_dir_all(&programs).unwrap();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let manifest = format!(
        "[package]\nname = \"compile_fail\"\nedition = \"2024\"\n[dependencies]\nsynth.path = {:?}\n[workspace]\n",
        env!("CARGO_MANIFEST_DIR")
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    for (index, (_, wrong, _, right)) in LINES.iter().enumerate() {
        for (kind, line) in [("wrong", wrong), ("right", right)] {
            let program = format!("{BEFORE}    let _ = {line};\n}}\n");
            fs::write(programs.join(format!("{kind}{index}.rs")), program).unwrap();
        }
    }
    let output = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--offline", "--bins", "--keep-going", "--message-format=json", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()
        .unwrap();

    // Of each program: the errors' codes and lines.
    let mut errors: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let message: Json = serde_json::from_str(line).unwrap();
        let target = || message["target"]["name"].as_str().unwrap_or_default().to_owned();
        let found = &message["message"];
        if message["reason"] == "compiler-artifact" {
            errors.entry(target()).or_default();
        } else if let (Some("error"), Some(code)) = (found["level"].as_str(), found["code"]["code"].as_str()) {
            errors
                .entry(target())
                .or_default()
                .push((code.to_owned(), found["spans"][0]["line_start"].as_u64().unwrap()));
        }
    }
    let place = BEFORE.lines().count() as u64 + 1;
    let stderr = String::from_utf8_lossy(&output.stderr);
    for (index, (what, wrong, code, right)) in LINES.iter().enumerate() {
        let of = |kind| errors.get(&format!("{kind}{index}"));
        assert_eq!(of("right"), Some(&vec![]), "{what}: {right} must compile\n{stderr}");
        assert_eq!(of("wrong"), Some(&vec![((*code).to_owned(), place)]), "{what}: {wrong}\n{stderr}");
    }
}
