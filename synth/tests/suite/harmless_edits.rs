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
        ("a run each month", ("/Resources/Schedule/Properties/ScheduleExpression", json!("cron(0 9 1 * ? *)"))),
        (
            "a list in another order",
            (
                "/Resources/Schedule/DependsOn",
                json!(["LogGroup", "FailedRuns", "MailToAAtBDotCo", "NotificationTopicPolicy"]),
            ),
        ),
        ("metadata", ("/Resources/Function/Metadata/Owner", json!("a team"))),
        ("the title of mails", ("/Resources/NotificationTopic/Properties/DisplayName", json!("Keys"))),
        ("a log that stays", ("/Resources/LogGroup/DeletionPolicy", retains.clone())),
        ("a queue that stays if it is replaced", ("/Resources/DeadLetterQueue/UpdateReplacePolicy", retains)),
        ("one run at once", ("/Resources/Function/Properties/ReservedConcurrentExecutions", json!(2))),
        ("more retries", ("/Resources/Schedule/Properties/Target/RetryPolicy/MaximumRetryAttempts", json!(20))),
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
    template["Mappings"] = json!({"M": {"a": {"b": "{{resolve:secretsmanager:prod/db}}"}}});
    template["Resources"]["OtherQueue"] = json!({"Type": "AWS::SQS::Queue", "Properties": {}});
    template["Resources"]["Notices"] = json!({"Type": "AWS::SNS::Subscription", "Properties": {
        "Protocol": "lambda", "Endpoint": "arn:aws:lambda:eu-west-1:111111111111:function:x",
        "TopicArn": {"Ref": "NotificationTopic"}, "FilterPolicy": {"to": ["endpoints"]},
        "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}},
    }});
    template["Parameters"]["Zero"] = json!({"Type": "Number", "Default": 0});
    template["Parameters"]["Brace"] = json!({"Type": "String", "Default": "{{"});
    template["Parameters"]["Password"] = json!({"Type": "String", "NoEcho": true});
    // Its secret is an attribute.
    template["Resources"]["Key"] = json!({"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": "alice"}});
    let evil = json!(["arn:aws:lambda:eu-west-1:999999999999:function:x"]);
    let invoke_config = |function: &Json| {
        json!({"Type": "AWS::Lambda::EventInvokeConfig", "Properties": {
            "FunctionName": function, "Qualifier": "$LATEST", "MaximumRetryAttempts": 0,
        }})
    };
    let mut same_alarm = template["Resources"]["MissedRuns"].clone();
    same_alarm["Properties"]["EvaluationPeriods"] = json!(168);
    let edits: Vec<(&str, Edit)> = vec![
        ("runs that begin before the recipients are there", ("/Resources/Schedule/DependsOn", json!(["FailedRuns"]))),
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
        ("a parameter that may be read", ("/Parameters/Password/NoEcho", json!(false))),
        ("a parameter that may be read, as text", ("/Parameters/Password/NoEcho", json!("false"))),
        ("a parameter that is no longer hidden", ("/Parameters/Password/NoEcho", Json::Null)),
        (
            "a description from a mapping that is a secret",
            ("/Resources/Function/Properties/Description", json!({"Fn::FindInMap": ["M", "a", "b"]})),
        ),
        (
            "a description that becomes a secret",
            ("/Resources/Function/Properties/Description", json!({"Fn::Sub": "${Brace}resolve:secretsmanager:x}}"})),
        ),
        (
            "another queue for failed runs",
            (
                "/Resources/FailedRuns/Properties/DestinationConfig/OnFailure/Destination",
                json!({"Fn::GetAtt": ["OtherQueue", "Arn"]}),
            ),
        ),
        (
            "another queue for failed starts",
            (
                "/Resources/Schedule/Properties/Target/DeadLetterConfig/Arn",
                json!({"Fn::GetAtt": ["OtherQueue", "Arn"]}),
            ),
        ),
        ("no queue for failed starts", ("/Resources/Schedule/Properties/Target/DeadLetterConfig", Json::Null)),
        (
            "another queue for notices that are not delivered",
            (
                "/Resources/Notices/Properties/RedrivePolicy/deadLetterTargetArn",
                json!({"Fn::GetAtt": ["OtherQueue", "Arn"]}),
            ),
        ),
        ("no run, as text", ("/Resources/Function/Properties/ReservedConcurrentExecutions", json!("0"))),
        (
            "no run, by a parameter",
            ("/Resources/Function/Properties/ReservedConcurrentExecutions", json!({"Ref": "Zero"})),
        ),
        (
            "no run, by a condition",
            ("/Resources/Function/Properties/ReservedConcurrentExecutions", json!({"Fn::If": ["C", 0, 0]})),
        ),
        ("a run that ends early", ("/Resources/Function/Properties/Timeout", json!(1))),
        ("a run that ends early, as text", ("/Resources/Function/Properties/Timeout", json!("3"))),
        ("the shortest time", ("/Resources/Function/Properties/Timeout", Json::Null)),
        ("a run in ten years", ("/Resources/Schedule/Properties/ScheduleExpression", json!("rate(3650 days)"))),
        ("a day that no month has", ("/Resources/Schedule/Properties/ScheduleExpression", json!("cron(0 9 31 2 ? *)"))),
        ("one run a year", ("/Resources/Schedule/Properties/ScheduleExpression", json!("cron(0 9 1 1 ? *)"))),
        (
            "another address that gets alarms",
            (
                "/Resources/Evil",
                json!({"Type": "AWS::SNS::Subscription", "Properties": {
                    "Protocol": "email", "Endpoint": "evil@x.co", "TopicArn": {"Ref": "AlarmTopic"},
                }}),
            ),
        ),
        ("an alarm in place of another one", ("/Resources/Another", same_alarm)),
        ("a single run", ("/Resources/Schedule/Properties/ScheduleExpression", json!("at(2020-01-01T00:00:00)"))),
        (
            "a wide time window",
            (
                "/Resources/Schedule/Properties/FlexibleTimeWindow",
                json!({"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1440}),
            ),
        ),
        ("fewer retries", ("/Resources/Schedule/Properties/Target/RetryPolicy/MaximumRetryAttempts", json!(0))),
        (
            "a shorter time for retries",
            ("/Resources/Schedule/Properties/Target/RetryPolicy/MaximumEventAgeInSeconds", json!(60)),
        ),
        ("fewer retries of a run", ("/Resources/FailedRuns/Properties/MaximumRetryAttempts", json!(0))),
        ("a shorter time for a run", ("/Resources/FailedRuns/Properties/MaximumEventAgeInSeconds", json!(60))),
        ("a retention that is an octal number", ("/Resources/LogGroup/Properties/RetentionInDays", json!("0100"))),
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

/// Each of these hid behind another change, or looked like a harmless value.
#[test]
fn what_hides_behind_a_condition_asks() {
    let mut template = generated("");
    template["Conditions"] = json!({"C": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}});
    for (id, property, value) in [
        ("Function", "Layers", json!(["arn:aws:lambda:eu-west-1:999999999999:layer:x:1"])),
        ("Function", "Code", json!({"ZipFile": "x"})),
        ("Function", "Environment", json!({"Variables": {"AWS_ENDPOINT_URL": "https://x"}})),
        ("MissedRuns", "Threshold", json!(1e9)),
        ("MissedRuns", "AlarmActions", json!([])),
        ("LogGroup", "RetentionInDays", json!(1)),
        ("LogGroup", "KmsKeyId", json!("arn:aws:kms:eu-west-1:999999999999:key/x")),
    ] {
        let mut conditional = template.clone();
        conditional["Resources"][id]["Condition"] = json!("C");
        let mut redefined = conditional.clone();
        redefined["Conditions"]["C"] = json!({"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]});
        for (what, old, new) in [
            ("added", &template, &conditional),
            ("removed", &conditional, &template),
            ("another meaning", &conditional, &redefined),
        ] {
            let mut new = new.clone();
            new["Resources"][id]["Properties"][property] = value.clone();
            let diff = compare(old, &new);
            assert!(Approval::needed(&diff).is_some(), "{what} {id}.{property}");
            let line = format!("{id}: it changes together with the condition: {property}");
            assert!(diff.unknown.contains(&line), "{what}: {:?}", diff.unknown);
            for format in [DiffFormat::Text { colour: false }, DiffFormat::Markdown] {
                let shown = render(&diff, format);
                assert!(shown.contains(property) && !shown.contains("new resources that allow"), "{shown}");
                let says_deleted = shown.contains("is deleted where its condition is not fulfilled");
                assert!(what != "removed" || !says_deleted, "{shown}");
            }
        }
    }
}

/// CloudFormation reads a number with a leading zero as octal: 0100 is 64.
#[test]
fn a_retention_with_a_leading_zero_asks() {
    let log = |days: &str| {
        read(&format!("Resources: {{L: {{Type: AWS::Logs::LogGroup, Properties: {{RetentionInDays: {days}}}}}}}"))
            .unwrap()
    };
    for (days, asks) in [("0100", true), ("0x100", true), ("60", true), ("400", false), ("'400'", false)] {
        let diff = compare(&log("90"), &log(days));
        assert_eq!(Approval::needed(&diff).is_some(), asks, "{days}: {:?}", diff.unknown);
    }
}

/// Less permissions, but an alarm, a notice or a run is lost.
#[test]
fn what_may_silence_an_alarm_asks() {
    let mut template = generated("delivery: email\nnotify: ['arn:aws:lambda:eu-west-1:123456789012:function:events']");
    template["Conditions"] = json!({"C": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}});
    template["Resources"]["FunctionRole"]["Properties"]["ManagedPolicyArns"] =
        json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    template["Resources"]["Caller"] = json!({"Type": "AWS::Lambda::Permission", "Properties": {
        "FunctionName": {"Ref": "Function"}, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com",
    }});
    let mut ids = template["Resources"].as_object().unwrap().keys();
    let permission = format!("/Resources/{}", ids.find(|id| id.starts_with("LetNoticesInvoke")).unwrap());
    let boundary = json!("arn:aws:iam::123456789012:policy/b");
    let deny =
        json!({"Effect": "Deny", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "*", "Resource": "*"});
    let denies_all = json!({"Effect": "Deny", "Action": "*", "Resource": "*"});
    let perhaps = json!({"Fn::If": ["C", denies_all, {"Ref": "AWS::NoValue"}]});
    let topic = "/Resources/AlarmTopicPolicy/Properties/PolicyDocument/Statement";
    let key = "/Resources/TopicKey/Properties/KeyPolicy/Statement";
    let [function, schedule] = ["FunctionRole", "ScheduleRole"]
        .map(|role| format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement"));
    let trust = "/Resources/FunctionRole/Properties/AssumeRolePolicyDocument/Statement";
    let without = |path: &str, text: &str| {
        let all = template.pointer(path).unwrap().as_array().unwrap();
        let left: Vec<_> = all.iter().filter(|statement| !statement.to_string().contains(text)).cloned().collect();
        assert!(left.len() < all.len(), "{path} {text}");
        json!(left)
    };
    let with = |path: &str, statement: &Json| {
        let all = template.pointer(path).unwrap().as_array().unwrap();
        json!(all.iter().chain([statement]).collect::<Vec<_>>())
    };
    for (path, value) in [
        (topic, json!([])),
        (topic, with(topic, &deny)),
        ("/Resources/TopicKey/Properties/KeyPolicy", Json::Null),
        (key, json!([])),
        (key, without(key, "cloudwatch.amazonaws.com")),
        (key, without(key, ":root")),
        (key, with(key, &deny)),
        (&function, without(&function, "sns:Publish")),
        (&function, without(&function, "kms:Decrypt")),
        (&function, without(&function, "logs:PutLogEvents")),
        (&function, with(&function, &denies_all)),
        (&function, with(&function, &perhaps)),
        (&function, json!({"Fn::If": ["C", template.pointer(&function), {"Ref": "AWS::NoValue"}]})),
        ("/Resources/FunctionRole/Properties/PermissionsBoundary", boundary.clone()),
        ("/Resources/ScheduleRole/Properties/PermissionsBoundary", boundary),
        ("/Resources/FunctionRole/Properties/ManagedPolicyArns", Json::Null),
        ("/Resources/Function/Properties/Role", json!({"Fn::GetAtt": ["ScheduleRole", "Arn"]})),
        (topic, with(topic, &perhaps)),
        ("/Resources/Caller", Json::Null),
        ("/Resources/Caller/Properties/SourceAccount", json!("999999999999")),
        ("/Resources/Caller/Properties/FunctionName", json!("theirs")),
        ("/Resources/Caller/Condition", json!("C")),
        (&permission, Json::Null),
        (&schedule, without(&schedule, "lambda:InvokeFunction")),
        (&schedule, without(&schedule, "sqs:SendMessage")),
        (&schedule, with(&schedule, &denies_all)),
        (trust, json!([])),
    ] {
        let mut new = template.clone();
        let (parent, name) = path.rsplit_once('/').unwrap();
        let parent = new.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        parent.insert(name.to_owned(), value.clone());
        if value.is_null() {
            parent.shift_remove(name);
        }
        let diff = compare(&template, &new);
        assert!(Approval::needed(&diff).is_some(), "{path} {value}");
        assert!(diff.unknown.iter().any(|line| line.contains("may silence")), "{path} {value}: {:?}", diff.unknown);
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
