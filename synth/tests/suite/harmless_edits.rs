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
    let emails = if settings.contains("emails:") { "" } else { "emails: [a@b.co]\n" };
    let text = format!("users: [alice, bob]\n{emails}{settings}\n");
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
    let retains = json!("Retain");
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
        ("a log that stays", ("/Resources/LogGroup/DeletionPolicy", retains.clone())),
        ("a queue that stays if it is replaced", ("/Resources/DeadLetterQueue/UpdateReplacePolicy", retains)),
        (
            "a description with a name of the stack",
            ("/Resources/Function/Properties/Description", json!({"Ref": "LogGroup"})),
        ),
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
    let mut template = generated("emails: [a@b.co, c@d.co]");
    for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
        template["Resources"]["LogGroup"][policy] = json!("Retain");
    }
    template["Parameters"]["Password"] = json!({"Type": "String", "NoEcho": true});
    // Its secret is an attribute.
    template["Resources"]["Key"] = json!({"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": "alice"}});
    let evil = json!(["arn:aws:lambda:eu-west-1:999999999999:function:x"]);
    let invoke_config = |function: &Json| {
        json!({"Type": "AWS::Lambda::EventInvokeConfig", "Properties": {
            "FunctionName": function, "Qualifier": "$LATEST", "MaximumRetryAttempts": 0,
        }})
    };
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
        ("a higher threshold", ("/Resources/MissedRuns/Properties/Threshold", json!(0))),
        ("another metric", ("/Resources/MissedRuns/Properties/MetricName", json!("Runs"))),
        ("another period", ("/Resources/MissedRuns/Properties/Period", json!(60))),
        ("more periods", ("/Resources/MissedRuns/Properties/EvaluationPeriods", json!(100))),
        (
            "a warm-up that is too long",
            ("/Resources/MissedRuns/Properties/WarmUpConfiguration", json!({"WarmUpPeriodDurationInMinutes": 2_879})),
        ),
        ("missing data that does not count", ("/Resources/MissedRuns/Properties/TreatMissingData", json!("ignore"))),
        ("an alarm that does nothing", ("/Resources/MissedRuns/Properties/ActionsEnabled", json!(false))),
        ("an alarm with other dimensions", ("/Resources/MissedRuns/Properties/Dimensions", Json::Null)),
        (
            "a filter that lets no alarm through",
            ("/Resources/AlarmsToAAtBDotCo/Properties/FilterPolicy", json!({"to": ["a@b.co"]})),
        ),
        (
            "a filter that lets no notice through",
            ("/Resources/MailToAAtBDotCo/Properties/FilterPolicy", json!({"to": []})),
        ),
        ("a subscription without its filter", ("/Resources/MailToAAtBDotCo/Properties/FilterPolicy", Json::Null)),
        ("an address without its notices", ("/Resources/MailToAAtBDotCo", Json::Null)),
        (
            "a metric from the log",
            ("/Resources/Filter", json!({"Type": "AWS::Logs::MetricFilter", "Properties": {"FilterPattern": ""}})),
        ),
        ("a log that a deletion deletes", ("/Resources/LogGroup/DeletionPolicy", json!("Delete"))),
        ("a log that a deletion may delete", ("/Resources/LogGroup/DeletionPolicy", json!({"Ref": "CodeKey"}))),
        ("a log that a replacement deletes", ("/Resources/LogGroup/UpdateReplacePolicy", Json::Null)),
        ("another function's settings", ("/Resources/Another", invoke_config(&json!("theirs")))),
        ("the function's settings twice", ("/Resources/Another", invoke_config(&json!({"Ref": "Function"})))),
        (
            "the key of another account for the log",
            ("/Resources/LogGroup/Properties/KmsKeyId", json!("arn:aws:kms:eu-west-1:999999999999:key/x")),
        ),
        (
            "a description from another stack",
            ("/Resources/Function/Properties/Description", json!({"Fn::ImportValue": "x"})),
        ),
        (
            "a tag from another stack",
            ("/Resources/AlarmTopic/Properties/Tags", json!([{"Key": "a", "Value": {"Fn::ImportValue": "x"}}])),
        ),
        (
            "a title that is a secret",
            ("/Resources/AlarmTopic/Properties/DisplayName", json!({"Fn::GetAtt": ["Key", "SecretAccessKey"]})),
        ),
        (
            "metadata that is a secret",
            ("/Resources/Function/Metadata", json!({"a": {"Fn::GetAtt": ["Key", "SecretAccessKey"]}})),
        ),
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

#[test]
fn a_bucket_may_only_keep_objects_longer() {
    let config = config::read("users: [alice]\nemails: [a@b.co]\n", Overrides::default()).unwrap().config;
    let template = to_json(&stack::artifacts::template(&config).unwrap());
    let rule = "/Resources/Bucket/Properties/LifecycleConfiguration/Rules/0";
    let days =
        template.pointer(&format!("{rule}/NoncurrentVersionExpiration/NoncurrentDays")).unwrap().as_u64().unwrap();
    for (what, path, value, is_harmless) in [
        ("longer", "/NoncurrentVersionExpiration/NoncurrentDays", json!(days + 1), true),
        ("shorter", "/NoncurrentVersionExpiration/NoncurrentDays", json!(days - 1), false),
        ("all versions", "/ExpirationInDays", json!(365), false),
        ("another rule", "/Prefix", json!("a"), false),
    ] {
        let mut new = template.clone();
        let (parent, name) = path.rsplit_once('/').unwrap();
        new.pointer_mut(&format!("{rule}{parent}")).unwrap()[name] = value;
        assert_eq!(Approval::needed(&compare(&template, &new)).is_none(), is_harmless, "{what}");
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
