//! Chosen edits of the templates of an organization. An edit that silences a member, ends its keys or gives them to others needs
//! approval. Each other edit needs none.

use serde_json::{Value as Json, json};
use synth::{
    cfn::json::to_json,
    config::{self, Overrides},
    diff::{Diff, approval::Approval, compare},
    stack::{self, MEMBER_TEMPLATE_VERSION, artifacts},
};

use crate::common::read;

struct Templates {
    central: Json,
    member: Json,
    artifacts: Json,
}

fn templates() -> Templates {
    let text = read("examples/organization.yaml") + "notify: ['https://hooks.example.com/keys']\n";
    let text = text.replace("  - security@example.com\n", "  - security@example.com\n  - ops@example.com\n");
    let config = config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
    Templates {
        central: to_json(&stack::template(&config).unwrap()),
        member: to_json(&stack::member_template(&config).unwrap().unwrap()),
        artifacts: to_json(&artifacts::template(&config).unwrap()),
    }
}

/// The template with another value at this place, as a JSON pointer. Null removes what is there.
fn edited(template: &Json, place: &str, value: &Json) -> Json {
    let mut template = template.clone();
    let (parent, key) = place.rsplit_once('/').unwrap();
    match template.pointer_mut(parent).unwrap_or_else(|| panic!("{place}")) {
        Json::Object(map) if value.is_null() => drop(map.shift_remove(key).unwrap_or_else(|| panic!("{place}"))),
        Json::Object(map) => drop(map.insert(key.to_owned(), value.clone())),
        Json::Array(list) if value.is_null() => drop(list.remove(key.parse().unwrap())),
        Json::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
        _ => panic!("{place}"),
    }
    template
}

fn asks(diff: &Diff) -> bool {
    Approval::needed(diff).is_some()
}

/// The place of a role's only policy.
fn policy(role: &str) -> String {
    format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement")
}

/// The place of the statement with this id.
fn statement(template: &Json, list: &str, sid: &str) -> String {
    let statements = template.pointer(list).unwrap_or_else(|| panic!("{list}")).as_array().unwrap();
    let index = statements.iter().position(|statement| statement["Sid"] == sid).unwrap_or_else(|| panic!("{sid}"));
    format!("{list}/{index}")
}

#[test]
fn what_silences_members_needs_approval() {
    let Templates { central, member, .. } = templates();
    let bus = "/Resources/EventBusPolicy/Properties";
    let topic = "/Resources/NotificationTopicPolicy/Properties/PolicyDocument/Statement";
    let condition = |key: &str| format!("{bus}/Statement/Condition/StringEquals/{key}");
    let another = |policy: &str, sid: &str| {
        let mut body = central["Resources"][policy].clone();
        body["Properties"]["StatementId"] = json!(sid);
        body
    };
    let mut narrower = another("EventBusPolicy", "TakeEvents");
    narrower["Properties"]["Statement"]["Condition"]["StringEquals"]["events:detail-type"] = json!(["run"]);
    let mut denies = another("EventBusPolicy", "DenyEvents");
    denies["Properties"]["Statement"]["Effect"] = json!("Deny");
    let of_central: Vec<(&str, String, Json)> = vec![
        ("a bus that takes fewer types", condition("events:detail-type"), json!(["notice", "run"])),
        ("a bus that takes fewer sources", condition("events:source"), json!(["access-key-rotation"])),
        (
            "a bus with one more condition",
            format!("{bus}/Statement/Condition/Bool"),
            json!({"aws:SecureTransport": "true"}),
        ),
        ("a bus for one account", condition("aws:PrincipalAccount"), json!("111122223333")),
        ("a bus for another organization", condition("aws:PrincipalOrgID"), json!("o-bbbbbbbbbb")),
        ("a bus that denies", format!("{bus}/Statement/Effect"), json!("Deny")),
        ("the policy of another bus", format!("{bus}/EventBusName"), json!("default")),
        ("a bus without a policy", "/Resources/EventBusPolicy".into(), Json::Null),
        ("a statement that replaces another one", "/Resources/Another".into(), narrower),
        ("a statement that denies", "/Resources/Another".into(), denies),
        ("no member may read the recipients of the topic", statement(&central, topic, "ReadSubscriptions"), Json::Null),
        ("fewer events", "/Resources/MemberEvents/Properties/EventPattern/detail-type".into(), json!(["notice"])),
        ("events of fewer accounts", "/Resources/MemberEvents/Properties/EventPattern/account".into(), json!(["1"])),
        ("a rule that is off", "/Resources/MemberEvents/Properties/State".into(), json!("DISABLED")),
        ("a rule without its queue", "/Resources/MemberEvents/Properties/Targets".into(), json!([])),
        ("a queue that no rule fills", "/Resources/NoticeQueuePolicy".into(), Json::Null),
        ("a queue that is not read", "/Resources/NoticeQueueReader".into(), Json::Null),
        ("a reader that is off", "/Resources/NoticeQueueReader/Properties/Enabled".into(), json!(false)),
        (
            "a reader that skips events",
            "/Resources/NoticeQueueReader/Properties/FilterCriteria".into(),
            json!({"Filters": [{"Pattern": "{}"}]}),
        ),
        ("notices that are dropped", "/Resources/NoticeQueue/Properties/MessageRetentionPeriod".into(), json!(60)),
        ("fewer tries", "/Resources/NoticeQueue/Properties/RedrivePolicy/maxReceiveCount".into(), json!(1)),
        (
            "more tries, which hold up the next notices",
            "/Resources/NoticeQueue/Properties/RedrivePolicy/maxReceiveCount".into(),
            json!(1_000),
        ),
        (
            "a publisher that may take longer than its queue waits",
            "/Resources/Publisher/Properties/Timeout".into(),
            json!(900),
        ),
        (
            "no administrators of the publisher",
            "/Resources/Publisher/Properties/Environment/Variables/ADMINISTRATORS".into(),
            json!("none"),
        ),
        (
            "a publisher that may not remove what it has told",
            format!("{}/Action", statement(&central, &policy("PublisherRole"), "TakeEvents")),
            json!(["sqs:ReceiveMessage", "sqs:GetQueueAttributes", {"Ref": "AWS::NoValue"}]),
        ),
        (
            "code that the deployer does not name",
            "/Resources/Publisher/Properties/Code/S3Key".into(),
            json!({"Ref": MEMBER_TEMPLATE_VERSION}),
        ),
        (
            "a publisher that cannot read its queue",
            format!("{}/Action/2", statement(&central, &policy("PublisherRole"), "TakeEvents")),
            Json::Null,
        ),
        ("a publisher that cannot publish", statement(&central, &policy("PublisherRole"), "SendMail"), Json::Null),
        (
            "a language that the publisher does not know",
            "/Resources/Publisher/Properties/Environment/Variables/LANGUAGE".into(),
            json!("xx"),
        ),
        (
            "other administrators",
            "/Resources/Publisher/Properties/Environment/Variables/ADMINISTRATORS".into(),
            json!("eve@example.com"),
        ),
        ("an owner without a subscription", "/Resources/MailToDeliveryAtExampleDotCom".into(), Json::Null),
        (
            "the subscription of an owner gets nothing",
            "/Resources/MailToDeliveryAtExampleDotCom/Properties/FilterPolicy/to".into(),
            json!(["other@example.com"]),
        ),
        ("an alarm about late notices that is gone", "/Resources/NoticesLate".into(), Json::Null),
        ("an alarm about late notices that waits", "/Resources/NoticesLate/Properties/Threshold".into(), json!(99_999)),
        ("another template of the members", "/Resources/Members/Properties/TemplateURL".into(), json!("https://x/y")),
        (
            "other values for the members",
            "/Resources/Members/Properties/Parameters/3/ParameterValue".into(),
            json!("x"),
        ),
        ("members that are not deployed", "/Resources/Members/Properties/AutoDeployment/Enabled".into(), json!(false)),
        (
            "all accounts at once",
            "/Resources/Members/Properties/OperationPreferences/FailureTolerancePercentage".into(),
            json!(100),
        ),
    ];
    let without = |waiting: &[&str], dropped: &str| {
        let mut template = central.clone();
        for id in waiting {
            let list = template["Resources"][*id]["DependsOn"].as_array_mut().unwrap();
            let before = list.len();
            list.retain(|id| id != dropped);
            assert_eq!(list.len() + 1, before);
        }
        template
    };
    for (what, place, value) in of_central {
        assert!(asks(&compare(&central, &edited(&central, &place, &value))), "{what}");
    }
    // Without this order, members start before anything takes their notices, or all accounts change with the first one.
    assert!(asks(&compare(&central, &without(&["Members"], "FirstMember"))));
    for id in ["EventBusPolicy", "NoticeQueuePolicy", "NoticeQueueReader", "MailToSecurityAtExampleDotCom"] {
        assert!(asks(&compare(&central, &without(&["FirstMember", "Members"], id))), "{id}");
        // The others wait for the first member, which waits for it.
        assert!(!asks(&compare(&central, &without(&["Members"], id))), "{id}");
    }

    let variables = "/Resources/Function/Properties/Environment/Variables";
    let of_member: Vec<(&str, String, Json)> = vec![
        ("a rule that may not send alarms", format!("{}/0", policy("AlarmEventsRole")), Json::Null),
        (
            "a rule that may send alarms elsewhere",
            format!("{}/0/Resource", policy("AlarmEventsRole")),
            json!(["arn:aws:events:eu-west-1:999988887777:event-bus/other"]),
        ),
        (
            "a role that no rule may assume",
            "/Resources/AlarmEventsRole/Properties/AssumeRolePolicyDocument/Statement".into(),
            json!([]),
        ),
        ("an alarm rule that is off", "/Resources/AlarmEvents/Properties/State".into(), json!("DISABLED")),
        (
            "alarms that are not sent",
            "/Resources/AlarmEvents/Properties/EventPattern/detail/alarmName".into(),
            json!([{"prefix": "x"}]),
        ),
        (
            "notices that go elsewhere",
            format!("{variables}/EVENT_BUS_ARN"),
            json!("arn:aws:events:eu-west-1:999988887777:event-bus/x"),
        ),
        (
            "recipients of another topic",
            format!("{variables}/TOPIC_ARN"),
            json!("arn:aws:sns:eu-west-1:999988887777:x"),
        ),
        ("another account", format!("{variables}/ACCOUNT_ID"), json!("111122223333")),
        ("a stack without an organization", format!("{variables}/EVENT_BUS_ARN"), Json::Null),
        ("another default of the bus", "/Parameters/EventBusArn/Default".into(), json!("x")),
        ("other accounts", "/Rules/SelectedAccount".into(), Json::Null),
        ("a schedule that is off", "/Resources/Schedule/Properties/State".into(), json!("DISABLED")),
        (
            "accounts that start at once",
            "/Resources/Schedule/Properties/FlexibleTimeWindow".into(),
            json!({"Mode": "OFF"}),
        ),
        (
            "code that the deployer does not name",
            "/Resources/Function/Properties/Code/S3Key".into(),
            json!({"Ref": "EventBusArn"}),
        ),
        (
            "a log that is lost",
            format!("{}/Action", statement(&member, &policy("FunctionRole"), "WriteLog")),
            json!(["logs:CreateLogStream", {"Ref": "AWS::NoValue"}]),
        ),
    ];
    for (what, place, value) in of_member {
        assert!(asks(&compare(&member, &edited(&member, &place, &value))), "{what}");
    }
    let role = member.pointer(&policy("FunctionRole")).unwrap().as_array().unwrap();
    let sids: Vec<_> = role.iter().map(|statement| statement["Sid"].as_str().unwrap()).collect();
    for action in ["events:PutEvents", "sns:ListSubscriptionsByTopic"] {
        let index = role.iter().position(|statement| statement["Action"].to_string().contains(action));
        let place = format!("{}/{}", policy("FunctionRole"), index.unwrap_or_else(|| panic!("{action}: {sids:?}")));
        assert!(asks(&compare(&member, &edited(&member, &place, &Json::Null))), "{action}");
    }
}

#[test]
fn what_ends_keys_or_gives_them_to_others_in_some_accounts_needs_approval() {
    let Templates { member, artifacts, .. } = templates();
    let variables = "/Resources/Function/Properties/Environment/Variables";
    let users = member.pointer(&format!("{variables}/USERS")).unwrap().as_str().unwrap();
    for (was, is) in [
        (
            "deployer;account=111122223333;owner=delivery@example.com",
            "deployer;account=111122223333;owner=eve@example.com",
        ),
        ("deployer;account=111122223333", "deployer;account=111122223333;overlap=0"),
        ("deployer;account=111122223333", "deployer;account=111122223333;rotate_after=30d"),
        ("deployer;account=111122223333", "deployer;account=555566667777"),
        ("deployer;account=111122223333", "deployer"),
        ("deployer;account=111122223333", "root;account=111122223333 deployer;account=111122223333"),
        // It had an owner of its own, and has that of the path.
        ("deployer;account=111122223333;owner=delivery@example.com", "/machines/deployer;account=111122223333"),
        ("/machines/", "/"),
        ("/machines/", "/machines/;account=111122223333"),
        ("owner=platform@example.com", "owner=eve@example.com"),
        ("owner=platform@example.com", "owner=platform@example.com;overlap=1d"),
    ] {
        let changed = users.replace(was, is);
        assert_ne!(changed, users);
        let new = edited(&member, &format!("{variables}/USERS"), &json!(changed));
        // The policy of the role does not change, so only the settings can show this.
        assert!(asks(&compare(&member, &new)), "{was} -> {is}");
    }
    for (name, value) in [
        ("OVERLAP", "0"),
        ("ROTATE_AFTER", "30d"),
        ("DELETE_AFTER", "1d"),
        ("SECRET_READERS", "arn:aws:iam::999988887777:role/eve"),
        ("EXEMPT", "none"),
        ("UNCONFIRMED_RECIPIENTS", "proceed"),
        ("DELIVERY", "email"),
        ("ADMINISTRATORS", "security@example.com eve@example.com"),
    ] {
        let new = edited(&member, &format!("{variables}/{name}"), &json!(value));
        assert!(asks(&compare(&member, &new)), "{name}");
    }
    let bucket = "/Resources/BucketPolicy/Properties/PolicyDocument/Statement";
    let statements = artifacts.pointer(bucket).unwrap().as_array().unwrap();
    let reads = statements.iter().position(|statement| statement["Effect"] == "Allow").unwrap();
    for (place, value) in [
        ("Condition/StringEquals/aws:PrincipalOrgID", json!("o-bbbbbbbbbb")),
        ("Condition", Json::Null),
        ("Action", json!("s3:*")),
    ] {
        let new = edited(&artifacts, &format!("{bucket}/{reads}/{place}"), &value);
        assert!(asks(&compare(&artifacts, &new)), "{place}");
    }
}

/// A resource with a condition that is not met keeps nothing: no permission, no order of a deployment and no subscription.
#[test]
fn what_a_condition_may_leave_out_keeps_nothing() {
    let Templates { central, member, .. } = templates();
    let never = |template: &Json, id: &str, mut body: Json| {
        let mut template = template.clone();
        template["Conditions"] = json!({"Never": {"Fn::Equals": ["a", "b"]}});
        body["Condition"] = json!("Never");
        template["Resources"][id] = body;
        template
    };
    for (template, role) in [(&central, "PublisherRole"), (&member, "FunctionRole"), (&member, "AlarmEventsRole")] {
        let mut new = template.clone();
        let policies = new["Resources"][role]["Properties"].as_object_mut().unwrap().shift_remove("Policies").unwrap();
        let mut properties = policies[0].clone();
        properties["RoleName"] = json!({ "Ref": role });
        let new = never(&new, "Moved", json!({"Type": "AWS::IAM::RolePolicy", "Properties": properties}));
        assert!(asks(&compare(template, &new)), "{role}");
    }
    for (template, id) in [(&central, "Members"), (&central, "FirstMember"), (&member, "Schedule")] {
        let mut new = template.clone();
        let waits = std::mem::replace(&mut new["Resources"][id]["DependsOn"], json!("Gate"));
        let new = never(&new, "Gate", json!({"Type": "AWS::Logs::LogGroup", "DependsOn": waits}));
        assert!(asks(&compare(template, &new)), "{id}");
    }
    let mut new = central.clone();
    let mail = new["Resources"].as_object_mut().unwrap().shift_remove("MailToOpsAtExampleDotCom").unwrap();
    assert!(asks(&compare(&central, &never(&new, "Other", mail))));
}

/// SNS gives the second subscription of an address the ARN of the first one, so the deletion of the first one ends both.
#[test]
fn a_subscription_under_another_name_does_not_replace_one() {
    let Templates { central, .. } = templates();
    for id in ["MailToOpsAtExampleDotCom", "AlarmsToOpsAtExampleDotCom", "MailToPlatformAtExampleDotCom"] {
        let mut new = central.clone();
        let resources = new["Resources"].as_object_mut().unwrap();
        let body = resources.shift_remove(id).unwrap_or_else(|| panic!("{id}"));
        resources.insert("Other".into(), body);
        assert!(asks(&compare(&central, &new)), "{id}");
    }
}

/// An address keeps its notices while a variable may name it, and a variable that is known only in a deployment may.
#[test]
fn an_unclear_variable_may_name_each_address() {
    let Templates { central, .. } = templates();
    let environment = "/Resources/Publisher/Properties/Environment";
    let plain = central.pointer(environment).unwrap();
    let text = json!({"Fn::Join": ["", ["security@example.com o", "ps@example.com"]]});
    for (place, value) in [
        ("/Variables/ADMINISTRATORS", text),
        ("/Variables", json!({"Fn::If": ["Ever", plain["Variables"], {}]})),
        ("", json!({"Fn::If": ["Ever", plain, {"Ref": "AWS::NoValue"}]})),
    ] {
        let mut old = edited(&central, &format!("{environment}{place}"), &value);
        old["Conditions"] = json!({"Ever": {"Fn::Equals": ["a", "a"]}});
        let mut new = old.clone();
        new["Resources"].as_object_mut().unwrap().shift_remove("MailToOpsAtExampleDotCom").unwrap();
        assert!(asks(&compare(&old, &new)), "{place}");
    }
}

/// Without such a resource, AWS tries an event again for six hours.
#[test]
fn new_settings_of_an_old_function_keep_its_retries() {
    let Templates { member, .. } = templates();
    let mut old = member.clone();
    let settings = old["Resources"].as_object_mut().unwrap().shift_remove("FailedRuns").unwrap();
    let with = |attempts: u8| {
        let mut new = old.clone();
        new["Resources"]["FailedRuns"] = settings.clone();
        new["Resources"]["FailedRuns"]["Properties"]["MaximumRetryAttempts"] = json!(attempts);
        new
    };
    assert!(asks(&compare(&old, &with(0))));
    assert!(!asks(&compare(&old, &with(2))));
}

/// Otherwise people would approve without reading.
#[test]
fn what_changes_nothing_for_members_needs_no_approval() {
    let Templates { central, member, .. } = templates();
    let variables = "/Resources/Function/Properties/Environment/Variables";
    let users = member.pointer(&format!("{variables}/USERS")).unwrap().as_str().unwrap();
    let users = |was: &str, is: &str| json!(users.replace(was, is).trim());
    let deployer = "deployer;account=111122223333;owner=delivery@example.com";
    for (what, template, place, value) in [
        (
            "a publisher's language",
            &central,
            "/Resources/Publisher/Properties/Environment/Variables/LANGUAGE",
            json!("ja"),
        ),
        ("a description", &central, "/Resources/MemberEvents/Properties/Description", json!("x")),
        ("a description of the bus", &central, "/Resources/EventBus/Properties/Description", json!("x")),
        ("a longer retention of the log", &central, "/Resources/LogGroup/Properties/RetentionInDays", json!(365)),
        (
            "fewer administrators",
            &central,
            "/Resources/Publisher/Properties/Environment/Variables/ADMINISTRATORS",
            json!("ops@example.com"),
        ),
        (
            "another order of the administrators",
            &central,
            "/Resources/Publisher/Properties/Environment/Variables/ADMINISTRATORS",
            json!("ops@example.com security@example.com"),
        ),
        ("another id of the statement", &central, "/Resources/EventBusPolicy/Properties/Statement/Sid", json!("Other")),
        ("one user fewer", &member, "/Resources/Function/Properties/Environment/Variables/USERS", users(deployer, "")),
        (
            "a longer overlap",
            &member,
            "/Resources/Function/Properties/Environment/Variables/USERS",
            users(deployer, &format!("{deployer};overlap=9d")),
        ),
        ("a language", &member, "/Resources/Function/Properties/Environment/Variables/LANGUAGE", json!("ja")),
    ] {
        let diff = compare(template, &edited(template, place, &value));
        assert!(!diff.is_empty() && !asks(&diff), "{what}: {:?} {:?}", diff.unknown, diff.iam);
    }
}
