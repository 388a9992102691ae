//! What `synth diff` shows about a change of one of our stacks: the settings, what that means, and the decision.

use serde_json::{Value as Json, json};
use synth::{
    cfn::json::to_json,
    config::{self, Overrides},
    diff::{
        Diff, compare,
        render::{Consequence, DiffFormat, TextView, render, text},
    },
    screen::{Verbosity, WIDTH},
    stack,
};

use crate::common::golden;

const CONFIGURATION: &str = "emails: [security@example.com]\nusers:\n  - {name: backup-agent, owner: ops@example.com}\n  - \
                             {name: /ci/deployer, owner: dev@example.com}\n  - reporting\nwarn_before: 7d\n";

fn template(configuration: &str) -> Json {
    let config = config::read(configuration, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
    to_json(&stack::template(&config).unwrap())
}

/// The text as `synth diff` prints it. No line is too wide, except for commands and ARNs.
fn shown(diff: &Diff) -> String {
    let next = [Consequence { is_marked: false, text: "next run: 0 keys change (before: 0)".to_owned() }];
    let command = Some("make deploy CONFIG=my2.yaml");
    let text = text(diff, &TextView { consequences: &next, command, ..TextView::default() });
    for line in text.lines().filter(|line| !line.contains("make deploy") && !line.contains("arn:")) {
        assert!(line.chars().count() <= WIDTH, "{line:?} in\n{text}");
    }
    text
}

/// More users, another delivery and a shorter life of keys, and less of something else.
#[test]
fn a_broader_change() {
    let new = CONFIGURATION.replace("reporting", "reporting\n  - /terraform/bot")
        + "overlap: 10d\ndelivery: email\ndelete_after: 7d\nlog_retention: 365d\n";
    let diff = compare(&template(CONFIGURATION), &template(&new));
    let text = shown(&diff);
    assert!(text.lines().count() <= 40, "{text}");
    golden("synth/tests/golden/diff-broader.txt", &text);
    // For programs, and for the comment on a pull request.
    let json: Json = serde_json::from_str(&render(&diff, DiffFormat::Json)).unwrap();
    assert_eq!(json["settings"][0], json!({ "setting": "users", "added": ["/terraform/bot"], "removed": [] }));
    assert_eq!(json["settings"][1], json!({ "setting": "overlap", "before": "7d", "after": "10d" }));
    assert!(json["role"].as_array().unwrap().contains(&json!({ "new": false, "what": "write secrets" })), "{json:#}");
    let markdown = render(&diff, DiffFormat::Markdown);
    assert!(markdown.contains("**What changes in the configuration:**"), "{markdown}");
    assert!(markdown.contains("<code>overlap: 7d → 10d</code>") || markdown.contains("overlap: 7d"), "{markdown}");
}

/// Fewer users and longer times.
#[test]
fn a_harmless_change() {
    let new = CONFIGURATION.replace("  - reporting\n", "") + "rotate_after: 80d\nmemory: 256\nlanguage: ja\n";
    let diff = compare(&template(CONFIGURATION), &template(&new));
    golden("synth/tests/golden/diff-harmless.txt", &shown(&diff));
    let nothing = compare(&template(CONFIGURATION), &template(CONFIGURATION));
    assert_eq!(shown(&nothing), "No difference.\n");
}

/// A template that was edited by hand. The reviewer decides about properties, so each of them is shown, with both values.
#[test]
fn an_unknown_change_shows_its_properties() {
    let old = template(CONFIGURATION);
    let mut new = old.clone();
    let function = &mut new["Resources"]["Function"]["Properties"];
    function["Layers"] = json!(["arn:aws:lambda:eu-west-1:999999999999:layer:x:1"]);
    function["Runtime"] = json!("provided.al2");
    function["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = json!("https://evil.example/\u{1b}[2J");
    function["MemorySize"] = json!(512);
    new["Resources"]["Queue2"] = json!({ "Type": "AWS::DynamoDB::Table", "Properties": { "TableName": "x" } });
    new["Resources"]["LogGroup"]["Properties"]["LogGroupName"] = json!("another");
    new["Outputs"]["TopicArn"]["Export"] = json!({ "Name": "x" });
    let diff = compare(&old, &new);
    let text = shown(&diff);
    for says in ["provided.al2023 → provided.al2", "layer:x:1", "evil.example/\\u{1b}[2J", "TableName: x", "→ another"]
    {
        assert!(text.contains(says), "no {says:?} in {text}");
    }
    assert!(!text.contains("128 → 512") || text.contains("memory"), "{text}");
    golden("synth/tests/golden/diff-unknown.txt", &text);
    // With --verbose, every property is shown too, and the summary stays last.
    let verbose = synth::diff::render::text(&diff, &TextView { detail: Verbosity::Full, ..TextView::default() });
    assert!(verbose.contains("MemorySize: 128 → 512") && verbose.contains("What that means"), "{verbose}");
}
