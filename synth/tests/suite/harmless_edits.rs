//! Everyday changes ask for nothing, and their opposites do.

use serde_json::{Value as Json, json};
use synth::{
    cfn::{json::to_json, read::read},
    config::{self, Overrides},
    diff::{
        approval::Approval,
        compare,
        render::{DiffFormat, render},
    },
    stack,
};

fn generated(settings: &str) -> Json {
    let text = format!("users: [alice, bob]\nemails: [a@b.co]\n{settings}\n");
    let config = config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
    to_json(&stack::template(&config).unwrap())
}

/// A change of a template: the path of a value as a JSON pointer, and the new value. Null removes the value.
type Edit = (&'static str, Json);

fn edited(template: &Json, (path, value): &Edit) -> Json {
    let mut template = template.clone();
    let (parent, key) = path.rsplit_once('/').unwrap();
    let parent = template.pointer_mut(parent).unwrap_or_else(|| panic!("{path}")).as_object_mut().unwrap();
    if value.is_null() {
        parent.shift_remove(key).unwrap_or_else(|| panic!("{path}"));
    } else {
        parent.insert(key.to_owned(), value.clone());
    }
    template
}

fn alarm(actions: &Json) -> Json {
    json!({"Type": "AWS::CloudWatch::Alarm", "Properties": {
        "AlarmName": "another", "Namespace": "AWS/Lambda", "MetricName": "Duration", "Statistic": "Maximum",
        "Period": 300, "EvaluationPeriods": 1, "Threshold": 1000, "ComparisonOperator": "GreaterThanThreshold",
        "AlarmActions": actions,
    }})
}

fn tags(value: &str) -> Json {
    json!([{"Key": "team", "Value": value}])
}

#[test]
fn everyday_changes_ask_for_nothing() {
    let template = generated("");
    let topic = json!([{"Ref": "AlarmTopic"}]);
    let edits: Vec<(&str, Edit)> = vec![
        ("the template's description", ("/Description", json!("another"))),
        ("a role's description", ("/Resources/FunctionRole/Properties/Description", json!("another"))),
        ("the function's description", ("/Resources/Function/Properties/Description", json!("another"))),
        ("an alarm's description", ("/Resources/MissedRuns/Properties/AlarmDescription", json!("another"))),
        ("a parameter's description", ("/Parameters/CodeKey/Description", json!("another"))),
        ("a queue's tag", ("/Resources/DeadLetterQueue/Properties/Tags", tags("a"))),
        ("the function's tag", ("/Resources/Function/Properties/Tags", tags("a"))),
        ("a topic's tag", ("/Resources/AlarmTopic/Properties/Tags", tags("a"))),
        ("a longer retention of the log", ("/Resources/LogGroup/Properties/RetentionInDays", json!(365))),
        ("a log without an end", ("/Resources/LogGroup/Properties/RetentionInDays", Json::Null)),
        ("a new alarm that only notifies", ("/Resources/Another", alarm(&topic))),
        ("more memory", ("/Resources/Function/Properties/MemorySize", json!(256))),
        ("more time", ("/Resources/Function/Properties/Timeout", json!(900))),
        ("another order", ("/Resources/Schedule/DependsOn", json!(["FailedRuns"]))),
        ("metadata", ("/Resources/Function/Metadata/Owner", json!("a team"))),
        ("the title of mails", ("/Resources/NotificationTopic/Properties/DisplayName", json!("Keys"))),
    ];
    for (what, edit) in edits {
        let diff = compare(&template, &edited(&template, &edit));
        assert_eq!(Approval::needed(&diff), None, "{what}: {:?} {:?}", diff.unknown, diff.iam);
        assert!(!diff.is_empty(), "{what}");
    }
}

/// The same changes where they are not harmless.
#[test]
fn what_only_looks_like_an_everyday_change_asks() {
    let template = generated("");
    let evil = json!(["arn:aws:lambda:eu-west-1:999999999999:function:x"]);
    let edits: Vec<(&str, Edit)> = vec![
        ("a role's tag", ("/Resources/FunctionRole/Properties/Tags", tags("a"))),
        ("a shorter retention", ("/Resources/LogGroup/Properties/RetentionInDays", json!(1))),
        (
            "a retention that is not known",
            ("/Resources/LogGroup/Properties/RetentionInDays", json!({"Ref": "CodeKey"})),
        ),
        ("an alarm that runs a function", ("/Resources/Another", alarm(&evil))),
        ("an alarm that came to run a function", ("/Resources/MissedRuns/Properties/AlarmActions", evil.clone())),
        ("an attribute that is not known", ("/Resources/Function/UpdatePolicy", json!({"A": 1}))),
        ("a section that is not known", ("/Hooks", json!({"A": 1}))),
        ("a default for the package", ("/Parameters/CodeKey/Default", json!("theirs.zip"))),
        ("a macro", ("/Transform", json!("AWS::Include"))),
        ("an alarm without its action", ("/Resources/MissedRuns/Properties/AlarmActions", Json::Null)),
        ("no run at all", ("/Resources/Function/Properties/ReservedConcurrentExecutions", json!(0))),
        (
            "a description that is a secret",
            ("/Resources/MissedRuns/Properties/AlarmDescription", json!("{{resolve:secretsmanager:x:SecretString}}")),
        ),
        ("a tag that is a secret", ("/Resources/DeadLetterQueue/Properties/Tags", tags("{{resolve:ssm:x}}"))),
    ];
    for (what, edit) in edits {
        let diff = compare(&template, &edited(&template, &edit));
        assert!(Approval::needed(&diff).is_some() && !diff.unknown.is_empty(), "{what}: {diff:#?}");
    }
}

/// An upgrade changes the whole template. What is harmless is counted, and what is not is shown.
#[test]
fn an_upgrade_stays_readable() {
    let old = generated("");
    let text = old.to_string().replace("Log group: ", "The log: ").replace("-alarm", "-warning");
    let mut new = read(&text).unwrap();
    new["Resources"]["Function"]["Properties"]["Layers"] = json!(["arn:aws:lambda:eu-west-1:999999999999:layer:x:1"]);
    for (id, body) in new["Resources"].as_object_mut().unwrap() {
        body["Metadata"]["Version"] = json!(format!("2 of {id}"));
    }
    let diff = compare(&old, &new);
    for format in [DiffFormat::Text { colour: false }, DiffFormat::Markdown] {
        let shown = render(&diff, format);
        assert!(
            format == DiffFormat::Markdown || shown.contains("layer:x:1"),
            "the reviewer decides about it: {shown}"
        );
        assert!(shown.contains("Function.Layers") || shown.contains("Function&#46;Layers"), "{shown}");
        assert!(shown.contains("harmless changes: descriptions (8), metadata ("), "{shown}");
        assert!(!shown.contains("AlarmDescription") && shown.lines().count() < 40, "{shown}");
    }
    let json: Json = serde_json::from_str(&render(&diff, DiffFormat::Json)).unwrap();
    assert_eq!(json["unknown"], json!(["Function.Layers: the function may run other code"]));
    assert!(json["harmless"].as_array().unwrap().contains(&json!({"what": "descriptions", "changes": 8})), "{json:#}");
}
