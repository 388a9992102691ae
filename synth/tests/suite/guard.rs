//! Checks the committed templates and random ones against templates/rules.guard, and each rule against a template that
//! breaks it. `make guard` runs this, because it needs cfn-guard.

use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Instant};

use crate::common::{cases, random::right, read, root};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::{Value as Json, json};
use synth::{
    cfn::{read as reader, yaml},
    stack,
};

/// The result of cfn-guard for one template: its file, the rules that it keeps, and the rules that it breaks.
struct Verdict {
    file: String,
    kept: BTreeSet<String>,
    broken: BTreeSet<String>,
}

/// The result of cfn-guard for each template of a folder.
fn guard(templates: &Path) -> Vec<Verdict> {
    let program = std::env::var_os("CFN_GUARD").expect("CFN_GUARD names cfn-guard: run make guard");
    let output = Command::new(program)
        .args(["validate", "--structured", "--output-format", "json", "--show-summary", "none", "--rules"])
        .arg(root().join("templates/rules.guard"))
        .arg("--data")
        .arg(templates)
        .output()
        .unwrap();
    // Exit code 19 means that a rule is broken.
    let error = String::from_utf8_lossy(&output.stderr);
    assert!([Some(0), Some(19)].contains(&output.status.code()), "{:?}: {error}", output.status);
    let report: Vec<Json> = serde_json::from_slice(&output.stdout).unwrap();
    let names = |list: &Json, name: fn(&Json) -> &Json| -> BTreeSet<String> {
        list.as_array().unwrap().iter().map(|rule| name(rule).as_str().unwrap().to_owned()).collect()
    };
    let verdict = |file: &Json| Verdict {
        file: file["name"].as_str().unwrap().to_owned(),
        kept: names(&file["compliant"], |name| name),
        broken: names(&file["not_compliant"], |rule| &rule["Rule"]["name"]),
    };
    report.iter().map(verdict).collect()
}

fn rules() -> BTreeSet<String> {
    let text = read("templates/rules.guard");
    text.lines().filter_map(|line| line.strip_prefix("rule ")?.split(' ').next().map(str::to_owned)).collect()
}

/// The beginnings of rules, and the type of resource that a template must have for the rule to be about it. Every other rule
/// is about a template with a function.
const ABOUT: [(&str, &str); 8] = [
    ("alarms_get_through", "AWS::SNS::Topic"),
    ("bucket_", "AWS::S3::Bucket"),
    ("bus_", "AWS::Events::EventBus"),
    ("failed_runs_", "AWS::Scheduler::Schedule"),
    ("key_is_", "AWS::SNS::Topic"),
    ("members_", "AWS::CloudFormation::StackSet"),
    ("subscription_", "AWS::SNS::Subscription"),
    ("topic_", "AWS::SNS::Topic"),
];

/// The rules that are about a template.
fn about(template: &Json) -> BTreeSet<String> {
    let has = |kind: &str| template["Resources"].as_object().unwrap().values().any(|resource| resource["Type"] == kind);
    let type_of = |rule: &str| ABOUT.iter().find(|(start, _)| rule.starts_with(start)).map(|(_, kind)| *kind);
    rules().into_iter().filter(|rule| has(type_of(rule).unwrap_or("AWS::Lambda::Function"))).collect()
}

/// Checks that every template of a folder keeps every rule that is about it: none is broken, and none is skipped because
/// nothing matched it.
fn assert_all_kept(folder: &Path, templates: usize) {
    let verdicts = guard(folder);
    for Verdict { file, kept, broken } in &verdicts {
        let path = folder.join(Path::new(file).file_name().unwrap());
        let template = reader::read(&fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!((kept, broken), (&about(&template), &BTreeSet::new()), "{file}");
    }
    assert_eq!(verdicts.len(), templates);
}

#[test]
#[ignore = "needs cfn-guard: run make guard"]
fn the_committed_templates_keep_every_rule() {
    // Only the templates, because cfn-guard would also read the schema in the folder.
    let folder = tempfile::tempdir().unwrap();
    let files = fs::read_dir(root().join("templates")).unwrap().map(|file| file.unwrap().path());
    let templates: Vec<_> = files.filter(|file| file.extension().is_some_and(|e| e == "yaml")).collect();
    for template in &templates {
        fs::copy(template, folder.path().join(template.file_name().unwrap())).unwrap();
    }
    assert!(templates.len() >= 3);
    assert_all_kept(folder.path(), templates.len());
}

#[test]
#[ignore = "needs cfn-guard: run make guard"]
fn random_templates_keep_every_rule() {
    let (start, folder) = (Instant::now(), tempfile::tempdir().unwrap());
    let number = cases(50, 1_000);
    let (mut runner, mut written) = (TestRunner::default(), 0);
    for index in 0..number {
        let config = right().new_tree(&mut runner).unwrap().current().read().config;
        let templates = [Some(stack::template(&config).unwrap()), stack::member_template(&config).unwrap()];
        for (part, template) in templates.into_iter().flatten().enumerate() {
            fs::write(folder.path().join(format!("{index}-{part}.yaml")), yaml::emit(&template)).unwrap();
            written += 1;
        }
    }
    assert_all_kept(folder.path(), written);
    println!("{} rules, {number} random templates, {} s", rules().len(), start.elapsed().as_secs());
}

/// Each rule, with a value at a place in the template that breaks it.
#[test]
#[ignore = "needs cfn-guard: run make guard"]
fn a_template_that_breaks_a_rule_is_found() {
    let good = |file: &str| reader::read(&read(&format!("templates/{file}.yaml"))).unwrap();
    let (rotation, artifacts) = (good("rotation"), good("artifacts"));
    // The templates of an organization have resources that the others lack.
    let (central, member) = (good("organization"), good("organization-member"));
    let (bus, stack_set) = ("/Resources/EventBusPolicy/Properties", "/Resources/Members/Properties");
    let role = "/Resources/FunctionRole/Properties";
    let statement = &format!("{role}/Policies/0/PolicyDocument/Statement/0");
    let statements =
        rotation.pointer(&format!("{role}/Policies/0/PolicyDocument/Statement")).unwrap().as_array().unwrap();
    let who_reads = statements.iter().position(|statement| statement["Sid"] == "WriteSecretPolicies").unwrap();
    let who_reads = format!("{role}/Policies/0/PolicyDocument/Statement/{who_reads}");
    let function = "/Resources/Function/Properties";
    let (key, alarm) = ("/Resources/TopicKey/Properties", "/Resources/MissedRuns/Properties");
    let topic_policy = "/Resources/AlarmTopicPolicy/Properties/PolicyDocument/Statement/0";
    let bucket = "/Resources/Bucket/Properties";
    let denial = "/Resources/BucketPolicy/Properties/PolicyDocument/Statement/0";
    let subscription = "/Resources/MailToSecurityAtExampleDotCom/Properties";
    let sub = |text: &str| json!([{ "Fn::Sub": text }]);
    // An additional statement.
    let statements_at = format!("{role}/Policies/0/PolicyDocument/Statement/-");
    let one = |actions: Json, on: &str| json!({ "Effect": "Allow", "Action": actions, "Resource": [on] });
    let every_user = "arn:aws:iam::123456789012:user/*";
    let gone = Json::Null;
    let mut proved = BTreeSet::new();
    for (rule, place, value) in [
        ("no_wildcard_resource", format!("{statement}/Resource"), json!("*")),
        ("no_wildcard_resource", format!("{statement}/Resource"), json!(["*"])),
        ("no_wildcard_resource", format!("{statement}/Resource"), gone.clone()),
        ("no_wildcard_resource", format!("{statement}/NotResource"), json!(["arn:aws:iam::123456789012:user/a"])),
        // Only the handler's actions may be allowed on every user. A statement on the account's lists has no other
        // action.
        ("no_wildcard_resource", statements_at.clone(), one(json!(["iam:ListUsers"]), "*")),
        ("no_wildcard_resource", statements_at.clone(), one(json!("iam:CreateAccessKey"), "*")),
        ("no_wildcard_resource", statements_at.clone(), one(json!(["iam:GetCredentialReport", "iam:ListUsers"]), "*")),
        ("no_wildcard_resource", statements_at.clone(), one(json!(["iam:GetCredentialReport", "iam:TagUser"]), "*")),
        ("no_wildcard_resource", statements_at.clone(), one(json!(["iam:DeleteUser"]), every_user)),
        ("no_wildcard_resource", statements_at.clone(), one(json!(["iam:TagUser", "iam:DeleteUser"]), every_user)),
        ("no_wildcard_resource", statements_at.clone(), one(json!(["iam:TagUser"]), "arn:aws:iam::123456789012:*")),
        ("no_wildcard_resource", format!("{who_reads}/Resource"), json!([every_user])),
        (
            "no_wildcard_resource",
            format!("{statement}/Resource"),
            sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:*"),
        ),
        (
            "no_wildcard_resource",
            format!("{statement}/Resource"),
            sub("arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:*"),
        ),
        ("no_wildcard_action", format!("{statement}/Action"), json!(["iam:*"])),
        ("no_wildcard_action", format!("{statement}/Action"), json!("*")),
        ("no_wildcard_action", format!("{statement}/NotAction"), json!(["iam:GetUser"])),
        ("secrets_stay_closed", format!("{who_reads}/Condition"), gone.clone()),
        (
            "secrets_stay_closed",
            format!("{who_reads}/Condition"),
            json!({ "Bool": { "aws:SecureTransport": ["true"] } }),
        ),
        (
            "secrets_stay_closed",
            format!("{who_reads}/Condition/Bool/secretsmanager:BlockPublicPolicy"),
            json!(["true", "false"]),
        ),
        ("keys_are_used_through_a_service", format!("{statement}/Action"), json!(["iam:ListUserTags", "kms:Decrypt"])),
        ("no_managed_policy", format!("{role}/ManagedPolicyArns"), json!(["arn:aws:iam::aws:policy/IAMFullAccess"])),
        ("trust_names_services", format!("{role}/AssumeRolePolicyDocument/Statement/0/Principal"), json!("*")),
        (
            "trust_names_services",
            format!("{role}/AssumeRolePolicyDocument/Statement/0/Principal/AWS"),
            json!("arn:aws:iam::123456789012:root"),
        ),
        (
            "trust_names_services",
            "/Resources/ScheduleRole/Properties/AssumeRolePolicyDocument/Statement/0/Condition".into(),
            gone.clone(),
        ),
        ("queue_is_encrypted", "/Resources/DeadLetterQueue/Properties/SqsManagedSseEnabled".into(), json!(false)),
        ("queue_is_encrypted", "/Resources/DeadLetterQueue/Properties/SqsManagedSseEnabled".into(), gone.clone()),
        ("topic_is_encrypted", "/Resources/NotificationTopic/Properties/KmsMasterKeyId".into(), gone.clone()),
        ("topic_is_encrypted", "/Resources/NotificationTopic/Properties/KmsMasterKeyId".into(), json!("")),
        ("alarms_get_through", "/Resources/AlarmTopic/Properties/KmsMasterKeyId".into(), json!("alias/aws/sns")),
        ("topic_is_not_open", format!("{topic_policy}/Principal"), json!("*")),
        ("topic_is_not_open", format!("{topic_policy}/Principal"), json!({ "AWS": "*" })),
        ("topic_is_not_open", format!("{topic_policy}/Condition"), gone.clone()),
        ("key_is_rotated", format!("{key}/EnableKeyRotation"), json!(false)),
        ("key_is_rotated", format!("{key}/EnableKeyRotation"), gone.clone()),
        ("key_is_not_open", format!("{key}/KeyPolicy/Statement/0/Principal"), json!("*")),
        ("key_is_not_open", format!("{key}/KeyPolicy/Statement/0/Principal"), json!({ "AWS": "*" })),
        ("key_is_not_open", format!("{key}/KeyPolicy/Statement/1/Condition"), gone.clone()),
        ("alarms_are_heard", format!("{alarm}/AlarmActions"), json!([])),
        ("alarms_are_heard", format!("{alarm}/AlarmActions"), gone.clone()),
        ("alarms_are_heard", format!("{alarm}/AlarmDescription"), gone.clone()),
        ("alarms_are_heard", format!("{alarm}/TreatMissingData"), gone.clone()),
        ("subscription_is_filtered", format!("{subscription}/FilterPolicy"), gone.clone()),
        ("subscription_is_filtered", format!("{subscription}/FilterPolicy"), json!({})),
        ("subscription_is_filtered", format!("{subscription}/FilterPolicy"), json!({ "user": ["alice"] })),
        ("subscription_is_filtered", format!("{subscription}/FilterPolicy/to"), json!([])),
        ("subscription_is_filtered", format!("{subscription}/FilterPolicy/to"), json!([{ "exists": true }])),
        ("subscription_is_filtered", format!("{subscription}/FilterPolicyScope"), json!("MessageBody")),
        ("subscription_is_filtered", format!("{subscription}/FilterPolicyScope"), gone.clone()),
        ("subscription_is_filtered", format!("{subscription}/TopicArn"), json!("arn:aws:sns:eu-west-1:123456789012:t")),
        ("subscription_is_filtered", format!("{subscription}/Protocol"), json!("sqs")),
        ("log_retention_is_set", "/Resources/LogGroup/Properties/RetentionInDays".into(), gone.clone()),
        (
            "function_role_is_in_the_template",
            format!("{function}/Role"),
            json!("arn:aws:iam::123456789012:role/somebody-elses"),
        ),
        ("function_logs_into_the_template", format!("{function}/LoggingConfig"), gone.clone()),
        ("function_logs_into_the_template", format!("{function}/LoggingConfig/LogGroup"), json!("/another")),
        ("no_inline_secret", format!("{function}/Environment/Variables/SMTP_PASSWORD"), json!("x")),
        (
            "no_inline_secret",
            format!("{function}/Environment/Variables/USERS"),
            json!(format!("AKIA{}", "X".repeat(16))),
        ),
        ("failed_runs_are_kept", "/Resources/FailedRuns".into(), gone.clone()),
        ("failed_runs_are_kept", "/Resources/FailedRuns/Properties/DestinationConfig".into(), gone.clone()),
        ("failed_runs_are_kept", "/Resources/Schedule/Properties/Target/DeadLetterConfig".into(), gone.clone()),
        ("bucket_is_encrypted", format!("{bucket}/BucketEncryption"), gone.clone()),
        (
            "bucket_is_encrypted",
            format!("{bucket}/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault"),
            gone.clone(),
        ),
        ("bucket_is_private", format!("{bucket}/PublicAccessBlockConfiguration"), gone.clone()),
        ("bucket_is_private", format!("{bucket}/PublicAccessBlockConfiguration/BlockPublicAcls"), gone.clone()),
        ("bucket_is_private", format!("{bucket}/PublicAccessBlockConfiguration/BlockPublicPolicy"), json!(false)),
        ("bucket_is_private", format!("{bucket}/PublicAccessBlockConfiguration/IgnorePublicAcls"), json!(false)),
        ("bucket_is_private", format!("{bucket}/PublicAccessBlockConfiguration/RestrictPublicBuckets"), json!(false)),
        ("bucket_is_private", format!("{bucket}/AccessControl"), json!("Private")),
        ("bucket_is_private", format!("{bucket}/OwnershipControls"), gone.clone()),
        ("bucket_is_private", format!("{bucket}/OwnershipControls/Rules/0/ObjectOwnership"), json!("ObjectWriter")),
        (
            "bucket_is_private",
            "/Resources/BucketPolicy/Properties/PolicyDocument/Statement/1".into(),
            json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}),
        ),
        ("bucket_takes_tls_only", "/Resources/BucketPolicy".into(), gone.clone()),
        ("bucket_takes_tls_only", "/Resources/BucketPolicy/Properties/Bucket".into(), json!("another")),
        ("bucket_takes_tls_only", format!("{denial}/Condition"), gone.clone()),
        ("bucket_takes_tls_only", format!("{denial}/Condition/Bool/aws:SecureTransport"), json!(["true"])),
        ("bucket_takes_tls_only", format!("{denial}/Principal"), json!({"AWS": "arn:aws:iam::123456789012:root"})),
        ("bucket_takes_tls_only", format!("{denial}/NotPrincipal"), json!({"AWS": "arn:aws:iam::123456789012:root"})),
        ("bucket_takes_tls_only", format!("{denial}/Action"), json!(["s3:PutObject"])),
        ("bucket_takes_tls_only", format!("{denial}/NotAction"), json!(["s3:PutObject"])),
        ("bucket_takes_tls_only", format!("{denial}/Resource"), json!([{ "Fn::GetAtt": ["Bucket", "Arn"] }])),
        ("bucket_takes_tls_only", format!("{denial}/Resource"), sub("${Bucket.Arn}/*")),
        ("bucket_takes_tls_only", format!("{denial}/NotResource"), json!(["arn:aws:s3:::another"])),
        ("bucket_keeps_packages", "/Resources/Bucket/DeletionPolicy".into(), gone.clone()),
        ("bucket_keeps_packages", "/Resources/Bucket/DeletionPolicy".into(), json!("Delete")),
        ("bucket_keeps_packages", "/Resources/Bucket/UpdateReplacePolicy".into(), gone.clone()),
        ("bucket_keeps_packages", format!("{bucket}/VersioningConfiguration"), gone.clone()),
        ("bucket_keeps_packages", format!("{bucket}/VersioningConfiguration/Status"), json!("Suspended")),
        ("bucket_keeps_packages", format!("{bucket}/LifecycleConfiguration/Rules/0/ExpirationInDays"), json!(365)),
        (
            "bucket_keeps_packages",
            format!("{bucket}/LifecycleConfiguration/Rules/0/ExpirationDate"),
            json!("2030-01-01"),
        ),
        ("bucket_keeps_packages", format!("{bucket}/LifecycleConfiguration/Rules/0/Transitions"), json!([{}])),
        (
            "bucket_keeps_packages",
            format!("{bucket}/LifecycleConfiguration/Rules/0/NoncurrentVersionExpiration/NoncurrentDays"),
            json!(1),
        ),
        (
            "bucket_drops_broken_uploads",
            format!("{bucket}/LifecycleConfiguration/Rules/0/AbortIncompleteMultipartUpload"),
            gone.clone(),
        ),
        (
            "bucket_drops_broken_uploads",
            format!("{bucket}/LifecycleConfiguration/Rules/0/AbortIncompleteMultipartUpload/DaysAfterInitiation"),
            json!(30),
        ),
        ("bus_is_not_open", "/Resources/EventBusPolicy".into(), gone.clone()),
        ("bus_is_not_open", format!("{bus}/Principal"), json!("*")),
        ("bus_is_not_open", format!("{bus}/Statement/Action"), json!(["events:PutEvents", "events:PutRule"])),
        ("bus_is_not_open", format!("{bus}/Statement/Condition"), gone.clone()),
        ("bus_is_not_open", format!("{bus}/Statement/Condition/StringEquals/aws:PrincipalOrgID"), gone.clone()),
        ("bus_is_not_open", format!("{bus}/Statement/Condition/StringEquals/events:source"), gone.clone()),
        ("bus_loses_no_event", "/Resources/NoticeQueueReader".into(), gone.clone()),
        ("bus_loses_no_event", "/Resources/NoticeQueueReader/Properties/FunctionResponseTypes".into(), gone.clone()),
        ("bus_loses_no_event", "/Resources/NoticeQueue/Properties/RedrivePolicy".into(), gone.clone()),
        ("bus_loses_no_event", "/Resources/MemberEvents/Properties/Targets/0/DeadLetterConfig".into(), gone.clone()),
        (
            "members_get_what_was_reviewed",
            format!("{stack_set}/TemplateURL"),
            json!({ "Fn::Sub": "https://${CodeBucket}.s3.amazonaws.com/member.yaml" }),
        ),
        ("members_get_what_was_reviewed", format!("{stack_set}/TemplateBody"), json!("{}")),
        ("members_get_what_was_reviewed", format!("{stack_set}/PermissionModel"), json!("SELF_MANAGED")),
        ("members_change_in_waves", format!("{stack_set}/OperationPreferences"), gone.clone()),
        (
            "members_change_in_waves",
            format!("{stack_set}/OperationPreferences/ConcurrencyMode"),
            json!("SOFT_FAILURE_TOLERANCE"),
        ),
        ("members_change_in_waves", format!("{stack_set}/OperationPreferences/FailureTolerancePercentage"), json!(50)),
        (
            "topic_is_not_open",
            "/Resources/NotificationTopicPolicy/Properties/PolicyDocument/Statement/1/Condition".into(),
            gone.clone(),
        ),
        ("alarms_are_heard", "/Resources/AlarmEvents".into(), gone.clone()),
        (
            "trust_names_services",
            "/Resources/AlarmEventsRole/Properties/AssumeRolePolicyDocument/Statement/0/Condition".into(),
            gone,
        ),
    ] {
        // The first template with the place, or with its parent for what is added.
        let all = [&rotation, &artifacts, &central, &member];
        let resource = place.split('/').take(3).collect::<Vec<_>>().join("/");
        let is_there = |template: &&&Json| template.pointer(&place).or(template.pointer(&resource)).is_some();
        let exact = all.iter().find(|template| template.pointer(&place).is_some());
        let mut broken = exact.or_else(|| all.iter().find(is_there)).map(|template| (**template).clone()).unwrap();
        let (parent, name) = place.rsplit_once('/').unwrap();
        match broken.pointer_mut(parent) {
            Some(Json::Object(parent)) if value.is_null() => assert!(parent.remove(name).is_some(), "{place}"),
            Some(Json::Object(parent)) => drop(parent.insert(name.to_owned(), value.clone())),
            Some(Json::Array(parent)) => parent.push(value.clone()),
            _ => panic!("{place}"),
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("broken.json"), broken.to_string()).unwrap();
        let verdicts = guard(folder.path());
        assert_eq!(verdicts[0].broken, BTreeSet::from([rule.to_owned()]), "{place}: {value}");
        proved.insert(rule.to_owned());
    }
    assert_eq!(proved, rules(), "each rule has a template that breaks it");
}
