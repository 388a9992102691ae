//! The templates of an organization: no account reaches another one, and nothing from outside the organization arrives. The
//! policy evaluator decides each request.

use std::collections::BTreeMap;

use crate::common::{read, schema};
use serde_json::{Value as Json, json};
use synth::{
    cfn::{Value, json::to_json, view::View, yaml},
    check::wiring,
    config::{self, Config, Overrides},
    diff::{
        self,
        approval::Approval,
        change_set::{ChangeCause, ChangeSet, Detail, Planned, Replacement, ResourceAction, merge},
        member_change::{MemberChange, MemberTemplate},
    },
    iam::evaluate::{AccessRequest, Decision, EvaluatedPolicy, decide},
    stack::{self, FIRST_MEMBER, MEMBER_TEMPLATE_VERSION, artifacts, member_stack_sets, member_template_key},
};

/// The administering account, two members, and an account of another organization.
const CENTRAL: &str = "999988887777";
const MEMBER: &str = "111122223333";
const OTHER: &str = "222233334444";
const STRANGER: &str = "666677778888";
const ORGANIZATION: &str = "o-abcdefghij";

fn config(text: &str) -> Config {
    config::read(text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config
}

/// A configuration with these fields of `organization`.
fn with(fields: &str) -> Config {
    let organization = format!("{{id: {ORGANIZATION}, region: eu-west-1, units: [ou-abcd-11112222]{fields}}}");
    config(&format!("users: [/machines/]\nemails: [a@example.com]\norganization: {organization}\n"))
}

fn example() -> Config {
    config(&read("examples/organization.yaml"))
}

fn central(config: &Config) -> Json {
    to_json(&stack::template(config).unwrap())
}

fn member_value(config: &Config) -> Value {
    stack::member_template(config).unwrap().unwrap()
}

fn member(config: &Config) -> Json {
    to_json(&member_value(config))
}

/// The change of the members' template from one configuration to another.
fn change_of_members(old: &Config, new: &Config) -> MemberChange {
    let of = |config: &Config| MemberTemplate::of(member(config), &yaml::emit(&member_value(config)));
    MemberChange::between(Some(of(old)), of(new))
}

/// The values that CloudFormation fills in, in a stack of this account.
fn resolve(account: &str) -> impl Fn(&str) -> Option<String> + '_ {
    move |name| {
        let arn = |service: &str, resource: &str| format!("arn:aws:{service}:eu-west-1:{CENTRAL}:{resource}");
        Some(match name {
            "AWS::Partition" => "aws".into(),
            "AWS::AccountId" => account.into(),
            "AWS::Region" => "eu-west-1".into(),
            "AWS::StackName" => "organization-key-rotation".into(),
            "NotificationTopic" | "TopicArn" => arn("sns", "topic"),
            "EventBus.Arn" | "EventBusArn" => arn("events", "event-bus/organization-key-rotation"),
            "NoticeQueue.Arn" => arn("sqs", "notices.fifo"),
            "TopicKey.Arn" => arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab"),
            "Bucket.Arn" => "arn:aws:s3:::packages".into(),
            "LogGroup.Arn" => format!("arn:aws:logs:eu-west-1:{account}:log-group:log:*"),
            "DeadLetterQueue.Arn" => format!("arn:aws:sqs:eu-west-1:{account}:dead-letters"),
            _ => return None,
        })
    }
}

/// The policy of a role.
fn of_role(template: &Json, role: &str, account: &str) -> EvaluatedPolicy {
    let policies = template["Resources"][role]["Properties"]["Policies"].as_array().unwrap();
    assert_eq!(policies.len(), 1, "{role}");
    EvaluatedPolicy::read(&policies[0]["PolicyDocument"], &resolve(account)).unwrap()
}

/// The policy of a resource of the administering account.
fn of_resource(template: &Json, policy: &str) -> EvaluatedPolicy {
    let properties = &template["Resources"][policy]["Properties"];
    let document = match &properties["Statement"] {
        Json::Null => properties["PolicyDocument"].clone(),
        statement => json!({ "Version": "2012-10-17", "Statement": [statement] }),
    };
    EvaluatedPolicy::read(&document, &resolve(CENTRAL)).unwrap()
}

/// A request that a role of this account makes over TLS.
fn request(account: &str, action: &str, resource: &str, context: &[(&str, &str)]) -> AccessRequest {
    let organization = if account == STRANGER { "o-stranger00" } else { ORGANIZATION };
    let own =
        [("aws:principalorgid", organization), ("aws:securetransport", "true"), ("aws:principalaccount", account)];
    let context = own.iter().chain(context).map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()]));
    AccessRequest {
        principal: format!("AWS:arn:aws:iam::{account}:role/role"),
        action: action.into(),
        resource: resource.into(),
        context: context.collect::<BTreeMap<_, _>>(),
    }
}

fn allows(policy: &EvaluatedPolicy, request: &AccessRequest) -> bool {
    decide(std::slice::from_ref(policy), None, request) == Decision::Allowed
}

#[test]
fn regions_units_and_first_accounts_that_can_never_be_right_are_refused() {
    let read = |fields: &str| {
        let text =
            format!("users: [/machines/]\nemails: [a@example.com]\norganization: {{id: {ORGANIZATION}, {fields}}}\n");
        config::read(&text, Overrides::default()).map_err(|problems| problems.to_string())
    };
    for fields in
        ["region: us-gov-west-1, units: [r-abcd]", "region: eu-west-1, units: [ou-abcd-11112222, ou-abcd-33334444]"]
    {
        assert!(read(fields).is_ok(), "{fields}");
    }
    let (unit, first) = ("region: eu-west-1, units: [ou-abcd-11112222", "first: '111122223333'");
    for (fields, says) in [
        ("region: cn-north-1, units: [r-abcd]".to_owned(), "cn-north-1 is in China, where StackSets cannot"),
        (format!("{unit}, r-abcd]"), "the root r-abcd has all accounts, so no other entry can be beside it"),
        ("region: eu-west-1, units: [r-abcd, r-abce]".to_owned(), "remove r-abcd, or remove the other entries"),
        (
            format!("{unit}{}]", (1..=50).map(|n| format!(", ou-abcd-{n:08}")).collect::<Vec<_>>().concat()),
            "51 entries are more than a StackSet takes in one operation",
        ),
        (
            format!("{unit}, ou-abce-11112222]"),
            "ou-abcd-11112222 and ou-abce-11112222 are below different roots, but an organization has one root",
        ),
        (format!("{unit}], exclude: ['111122223333'], {first}"), "accounts and exclude do not select it"),
        (format!("{unit}], accounts: ['222233334444'], {first}"), "accounts and exclude do not select it"),
        (format!("{unit}], accounts: ['111122223333'], {first}"), "no other account follows"),
    ] {
        let problems = read(&fields).err().unwrap_or_else(|| panic!("{fields} is accepted"));
        assert!(problems.contains(says), "{fields}: {problems}");
    }
}

/// AWS would refuse them only during the deployment.
#[test]
fn keys_and_functions_in_another_region_are_refused() {
    let read = |settings: &str| {
        let organization = format!("{{id: {ORGANIZATION}, region: eu-west-1, units: [r-abcd]}}");
        let text = format!("users: [/machines/]\nemails: [a@example.com]\norganization: {organization}\n{settings}\n");
        config::read(&text, Overrides::default()).map_err(|problems| problems.to_string())
    };
    let key = |region: &str| format!("arn:aws:kms:{region}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    let function = |region: &str| format!("['arn:aws:lambda:{region}:111122223333:function:f']");
    for (setting, arn) in [
        ("secret_kms_key", &key as &dyn Fn(&str) -> String),
        ("log_kms_key", &key),
        ("topic_kms_key", &key),
        ("notify", &function),
    ] {
        assert!(read(&format!("{setting}: {}", arn("eu-west-1"))).is_ok(), "{setting}");
        let refused = read(&format!("{setting}: {}", arn("eu-central-1"))).err().unwrap_or_else(|| panic!("{setting}"));
        assert!(refused.contains("is not in organization.region, which is eu-west-1"), "{refused}");
    }
    // SNS sends to a queue in any Region.
    assert!(read("notify: ['arn:aws:sqs:eu-central-1:111122223333:q']").is_ok());
}

/// Between accounts, the caller's own policy and that of the resource must both allow a request (IAM User Guide, "Cross-account
/// policy evaluation logic"). A user and a secret of another account have no policy for a role of the stack.
#[test]
fn a_members_role_reaches_no_other_account() {
    let template = member(&example());
    let role = of_role(&template, "FunctionRole", MEMBER);
    let secret =
        |account: &str| format!("arn:aws:secretsmanager:eu-west-1:{account}:secret:access-key-rotation/x-Ab1Cd2");
    let user = |account: &str| format!("arn:aws:iam::{account}:user/machines/x");
    for action in ["PutSecretValue", "DescribeSecret"] {
        let on = |account| allows(&role, &request(MEMBER, &format!("secretsmanager:{action}"), &secret(account), &[]));
        assert_eq!([MEMBER, OTHER, CENTRAL].map(on), [true, false, false], "{action}");
    }
    for account in [MEMBER, OTHER, CENTRAL] {
        for action in ["GetSecretValue", "BatchGetSecretValue", "DeleteSecret"] {
            let request = request(MEMBER, &format!("secretsmanager:{action}"), &secret(account), &[]);
            assert!(!allows(&role, &request), "{action} in {account}");
        }
    }
    for action in ["ListAccessKeys", "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"] {
        let on = |account| allows(&role, &request(MEMBER, &format!("iam:{action}"), &user(account), &[]));
        assert_eq!([MEMBER, OTHER, CENTRAL].map(on), [true, false, false], "{action}");
    }
    // A user that is named is in one account. In another one, the role has an ARN of a user that IAM does not let it reach.
    let deployer = |account: &str, user_of: &str| {
        let role = of_role(&template, "FunctionRole", account);
        let request = request(account, "iam:CreateAccessKey", &format!("arn:aws:iam::{user_of}:user/deployer"), &[]);
        allows(&role, &request)
    };
    assert!(deployer(MEMBER, MEMBER) && !deployer(OTHER, OTHER) && !deployer(OTHER, CENTRAL));
}

#[test]
fn a_member_sends_events_and_reads_subscriptions_and_does_nothing_else_in_the_administering_account() {
    let (config, template) = (example(), member(&example()));
    let central = central(&config);
    let role = of_role(&template, "FunctionRole", MEMBER);
    let (bus, topic) = (of_resource(&central, "EventBusPolicy"), of_resource(&central, "NotificationTopicPolicy"));
    let (bus_arn, topic_arn) =
        (resolve(CENTRAL)("EventBus.Arn").unwrap(), resolve(CENTRAL)("NotificationTopic").unwrap());
    let event = |source: &'static str, kind: &'static str| [("events:source", source), ("events:detail-type", kind)];
    let ours = event("access-key-rotation", "notice");

    // From a member, over both policies.
    let put = request(MEMBER, "events:PutEvents", &bus_arn, &ours);
    assert!(allows(&role, &put) && allows(&bus, &put));
    let list = request(MEMBER, "sns:ListSubscriptionsByTopic", &topic_arn, &[]);
    assert!(allows(&role, &list) && allows(&topic, &list));
    let alarms = of_role(&template, "AlarmEventsRole", MEMBER);
    let alarm =
        request(MEMBER, "events:PutEvents", &bus_arn, &event("aws.cloudwatch", "CloudWatch Alarm State Change"));
    assert!(allows(&alarms, &alarm) && allows(&bus, &alarm));

    // A member cannot publish, subscribe or change the topic: neither its role nor the topic allows it.
    for action in ["Publish", "Subscribe", "SetTopicAttributes", "AddPermission", "DeleteTopic"] {
        let request = request(MEMBER, &format!("sns:{action}"), &topic_arn, &[]);
        assert!(!allows(&role, &request) && !allows(&topic, &request), "{action}");
    }
    for action in ["PutRule", "PutTargets", "PutPermission", "DeleteEventBus"] {
        assert!(!allows(&bus, &request(MEMBER, &format!("events:{action}"), &bus_arn, &ours)), "{action}");
    }
    // Not even the whole of IAM lets a member send other events.
    for (source, kind) in [("aws.iam", "notice"), ("access-key-rotation", "other"), ("other", "notice")] {
        assert!(!allows(&bus, &request(MEMBER, "events:PutEvents", &bus_arn, &event(source, kind))), "{source} {kind}");
    }

    // From outside of the organization.
    let strangers = [
        (&bus, request(STRANGER, "events:PutEvents", &bus_arn, &ours)),
        (&topic, request(STRANGER, "sns:ListSubscriptionsByTopic", &topic_arn, &[])),
        (&topic, request(STRANGER, "sns:Publish", &topic_arn, &[])),
    ];
    for (policy, request) in &strangers {
        assert!(!allows(policy, request), "{request:?}");
        // A caller without an organization has no such key.
        let mut alone = request.clone();
        alone.context.remove("aws:principalorgid");
        assert!(!allows(policy, &alone), "{alone:?}");
    }
}

#[test]
fn only_the_organization_reads_packages_and_nobody_writes_them_by_the_buckets_policy() {
    let template = to_json(&artifacts::template(&example()).unwrap());
    let policy = of_resource(&template, "BucketPolicy");
    let on = |account: &str, action: &str, key: &str| {
        let request = request(account, &format!("s3:{action}"), &format!("arn:aws:s3:::packages{key}"), &[]);
        decide(std::slice::from_ref(&policy), None, &request)
    };
    for action in ["GetObject", "GetObjectVersion"] {
        assert_eq!(on(MEMBER, action, "/0123.zip"), Decision::Allowed, "{action}");
        assert_eq!(on(MEMBER, action, "/0123.yaml"), Decision::NotAllowed, "a template is not for members");
        assert_eq!(on(STRANGER, action, "/0123.zip"), Decision::NotAllowed, "{action}");
    }
    for (action, key) in [("PutObject", "/0123.zip"), ("DeleteObject", "/0123.zip"), ("ListBucket", "")] {
        assert_eq!(on(MEMBER, action, key), Decision::NotAllowed, "{action}");
    }
    let mut plain = request(MEMBER, "s3:GetObject", "arn:aws:s3:::packages/0123.zip", &[]);
    plain.context.insert("aws:securetransport".into(), vec!["false".into()]);
    assert_eq!(decide(&[policy], None, &plain), Decision::ExplicitlyDenied);

    // Without an organization, the policy allows nothing to anyone.
    let alone = to_json(&artifacts::template(&config(&read("rotation.yaml"))).unwrap());
    let statements =
        alone["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"].as_array().unwrap();
    assert!(statements.iter().all(|statement| statement["Effect"] == "Deny"), "{statements:?}");
}

#[test]
fn the_publisher_reaches_no_user_and_no_secret() {
    let template = central(&example());
    let role = of_role(&template, "PublisherRole", CENTRAL);
    let topic = resolve(CENTRAL)("NotificationTopic").unwrap();
    assert!(allows(&role, &request(CENTRAL, "sns:Publish", &topic, &[])));
    for account in [CENTRAL, MEMBER] {
        for (action, resource) in [
            ("iam:ListAccessKeys", format!("arn:aws:iam::{account}:user/machines/x")),
            ("iam:CreateAccessKey", format!("arn:aws:iam::{account}:user/machines/x")),
            ("secretsmanager:GetSecretValue", format!("arn:aws:secretsmanager:eu-west-1:{account}:secret:x")),
            ("sts:AssumeRole", format!("arn:aws:iam::{account}:role/x")),
        ] {
            assert!(!allows(&role, &request(CENTRAL, action, &resource, &[])), "{action} {resource}");
        }
    }
    // No other role is in the stack: the administering account cannot reach into a member with it.
    let roles: Vec<_> = View(&template).of("AWS::IAM::Role").map(|role| role.id).collect();
    assert_eq!(roles, ["PublisherRole"]);
}

/// A filter of accounts does not hold for automatic deployment, so the template checks it too.
#[test]
fn accounts_that_are_not_selected_get_no_stack() {
    let of = |fields: &str| {
        let config = with(fields);
        let central = central(&config);
        let sets: Vec<_> = member_stack_sets(&config)
            .into_iter()
            .map(|set| {
                let properties = central["Resources"][set.logical_id]["Properties"].clone();
                let targets = &properties["StackInstancesGroup"][0]["DeploymentTargets"];
                let enabled = properties["AutoDeployment"]["Enabled"].as_bool().unwrap();
                (set.name, targets["AccountFilterType"].clone(), targets["Accounts"].clone(), enabled)
            })
            .collect();
        (sets, member(&config)["Rules"]["SelectedAccount"]["Assertions"][0]["Assert"].clone())
    };
    let name = |name: &str| name.to_owned();
    let (main, first) = (|| name("access-key-rotation"), || name("access-key-rotation-first"));
    let contains = |list: Json| json!({ "Fn::Contains": [list, { "Ref": "AWS::AccountId" }] });
    assert_eq!(of(""), (vec![(main(), Json::Null, Json::Null, true)], Json::Null));
    assert_eq!(
        of(&format!(", accounts: ['{MEMBER}']")),
        (vec![(main(), json!("INTERSECTION"), json!([MEMBER]), false)], contains(json!([MEMBER])))
    );
    assert_eq!(
        of(&format!(", exclude: ['{OTHER}']")),
        (vec![(main(), json!("DIFFERENCE"), json!([OTHER]), true)], json!({ "Fn::Not": [contains(json!([OTHER]))] }))
    );
    let only = |account: &str| (first(), json!("INTERSECTION"), json!([account]), false);
    assert_eq!(
        of(&format!(", first: '{MEMBER}'")).0,
        [only(MEMBER), (main(), json!("DIFFERENCE"), json!([MEMBER]), true)]
    );
    assert_eq!(
        of(&format!(", exclude: ['{OTHER}'], first: '{MEMBER}'")).0,
        [only(MEMBER), (main(), json!("DIFFERENCE"), json!([OTHER, MEMBER]), true)]
    );
    assert_eq!(
        of(&format!(", accounts: ['{OTHER}', '{MEMBER}'], first: '{MEMBER}'")).0,
        [only(MEMBER), (main(), json!("INTERSECTION"), json!([OTHER]), false)]
    );
}

/// CloudFormation changes a resource only after those on which it depends.
#[test]
fn the_first_account_comes_before_the_others_and_after_all_that_a_run_needs() {
    let template = central(&example());
    let after = |id: &str| {
        let list = template["Resources"][id]["DependsOn"].as_array().cloned().unwrap_or_default();
        list.into_iter().map(|id| id.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (first, others) = (after("FirstMember"), after("Members"));
    assert!(others.contains(&"FirstMember".to_owned()) && !first.contains(&"Members".to_owned()));
    for id in ["EventBusPolicy", "NoticeQueuePolicy", "NoticeQueueReader", "NotificationTopicPolicy"] {
        assert!(first.contains(&id.to_owned()) && others.contains(&id.to_owned()), "{id}");
    }
}

#[test]
fn the_central_template_names_the_members_template_and_its_version() {
    let config = example();
    let document = yaml::emit(&member_value(&config));
    let key = member_template_key(&document);
    let template = central(&config);
    for set in member_stack_sets(&config) {
        let url = template["Resources"][set.logical_id]["Properties"]["TemplateURL"]["Fn::Sub"].as_str().unwrap();
        let parameter = MEMBER_TEMPLATE_VERSION;
        assert!(url.ends_with(&format!("/{key}?versionId=${{{parameter}}}")), "{url}");
        let parameters = template["Resources"][set.logical_id]["Properties"]["Parameters"].as_array().unwrap();
        let given: Vec<_> = parameters.iter().map(|one| one["ParameterKey"].as_str().unwrap()).collect();
        let member = member(&config);
        let needed: Vec<_> = View(&member).section("Parameters").map(|(name, _)| name).collect();
        assert_eq!(given, needed);
        for (parameter, of) in [
            ("CodeBucket", "CodeBucket"),
            ("CodeKey", "CodeKey"),
            ("CodeVersion", "CodeVersion"),
            ("TopicArn", "NotificationTopic"),
            ("EventBusArn", "EventBus"),
        ] {
            let value = parameters.iter().find(|one| one["ParameterKey"] == parameter).unwrap();
            assert!(value["ParameterValue"].to_string().contains(&format!("\"{of}")), "{value}");
        }
    }
    // StackSets take a template of 460,800 bytes ("AWS::CloudFormation::StackSet": TemplateURL).
    let limit =
        schema("AWS::CloudFormation::StackSet").unwrap()["properties"]["TemplateURL"]["description"].to_string();
    assert!(limit.contains("460,800 bytes") && document.len() < 460_800, "{limit}");
}

/// Every change of what the members get needs an approval of the administering account's template, and its fingerprint is of
/// that very change.
#[test]
fn an_approval_covers_the_members() {
    let config = |text: &str| config(&read("examples/organization.yaml").replace("rotate_after: 60d", text));
    let approval = |text: &str| {
        let compared = diff::compare(&central(&config("rotate_after: 60d")), &central(&config(text)));
        Approval::needed(&compared).map(|approval| approval.fingerprint.to_string())
    };
    assert_eq!(approval("rotate_after: 60d"), None);
    let (shorter, other) = (approval("rotate_after: 30d"), approval("rotate_after: 31d"));
    assert!(shorter.is_some() && other.is_some() && shorter != other, "{shorter:?} {other:?}");
}

/// If both templates of the members are known, their change needs approval only if it would need one without an
/// organization.
#[test]
fn a_known_change_of_the_members_needs_approval_only_if_it_is_not_harmless() {
    let old = read("examples/organization.yaml");
    let more = |line: &str| format!("{old}{line}\n");
    let entry = "  - name: deployer\n    account: \"111122223333\"\n    owner: delivery@example.com\n";
    for (what, new, is_harmless) in [
        ("more memory", more("memory: 256"), true),
        ("later rotations", old.replace("rotate_after: 60d", "rotate_after: 70d"), true),
        ("another language", more("language: ja"), true),
        ("fewer users and owners", old.replace(entry, ""), true),
        ("earlier rotations", old.replace("rotate_after: 60d", "rotate_after: 50d"), false),
        ("more users", old.replace("exempt:", "  - /people/\nexempt:"), false),
        ("a later deletion", more("overlap: 20d"), true),
        ("an earlier deletion", more("overlap: 5d"), false),
        ("fewer runs", old.replace("rate(1 day)", "rate(60 days)"), false),
        ("another name of a tag", more("tags: {team: a}"), false),
        ("another administrator", old.replace("  - security@", "  - eve@example.com\n  - security@"), false),
    ] {
        assert_ne!(new, old, "{what}");
        let (old, new) = (config(&old), config(&new));
        let members = change_of_members(&old, &new);
        let compared = diff::compare_with_members(&central(&old), &central(&new), Some(&members));
        let asks = Approval::needed(&compared);
        assert_eq!(asks.is_none(), is_harmless, "{what}: {:?} {asks:?}", compared.unknown);
        // Without the members' templates, it is not known what changes.
        let without_members = diff::compare(&central(&old), &central(&new));
        assert!(Approval::needed(&without_members).is_some(), "{what}");
        // The change of other templates of members proves nothing.
        for other in [change_of_members(&new, &new), change_of_members(&old, &old), change_of_members(&new, &old)] {
            let compared = diff::compare_with_members(&central(&old), &central(&new), Some(&other));
            assert!(Approval::needed(&compared).is_some(), "{what}");
        }
    }
}

/// The entries of these lists have no order.
#[test]
fn the_order_of_units_and_accounts_changes_nothing() {
    let (units, accounts) = (["ou-abcd-11112222", "ou-abcd-33334444"], ["'111122223333'", "'222233334444'"]);
    for list in ["exclude", "accounts"] {
        let with = |[a, b]: [&str; 2], [c, d]: [&str; 2]| {
            let organization =
                format!("{{id: {ORGANIZATION}, region: eu-west-1, units: [{a}, {b}], {list}: [{c}, {d}]}}");
            config(&format!("users: [/machines/]\nemails: [a@example.com]\norganization: {organization}\n"))
        };
        let (one, other) = (with(units, accounts), with([units[1], units[0]], [accounts[1], accounts[0]]));
        assert_eq!((central(&one), member(&one)), (central(&other), member(&other)), "{list}");
    }
}

/// While the members' template names an owner, the owner must keep the subscription.
#[test]
fn the_removal_of_a_subscription_of_an_owner_in_the_members_template_needs_approval() {
    let old = read("examples/organization.yaml");
    let entry = "  - name: deployer\n    account: \"111122223333\"\n    owner: delivery@example.com\n";
    let (old, new) = (config(&old), config(&old.replace(entry, "")));
    let without_subscription = central(&new);
    let mut keeps_members = without_subscription.clone();
    for set in [FIRST_MEMBER, "Members"] {
        keeps_members["Resources"][set]["Properties"]["TemplateURL"] =
            central(&old)["Resources"][set]["Properties"]["TemplateURL"].clone();
    }
    let (changed, same) = (change_of_members(&old, &new), change_of_members(&old, &old));
    let asks =
        |new: &Json, members| Approval::needed(&diff::compare_with_members(&central(&old), new, members)).is_some();
    assert!(!asks(&without_subscription, Some(&changed)));
    assert!(asks(&keeps_members, Some(&same)));
    assert!(asks(&keeps_members, None));
}

/// A release gives the members another package, like a release for one account.
#[test]
fn a_release_for_the_members_needs_no_approval_and_another_topic_does() {
    let template = central(&example());
    let members = change_of_members(&example(), &example());
    let reasons = |parameter: &str, property: &str, members: Option<&MemberChange>| {
        let details = |id: &str| Planned {
            id: id.to_owned(),
            kind: "AWS::CloudFormation::StackSet".to_owned(),
            action: ResourceAction::Modify(Replacement::No),
            details: vec![Detail {
                property: property.to_owned(),
                replaces: Replacement::No,
                cause: ChangeCause::Parameter(parameter.to_owned()),
            }],
        };
        let set = ChangeSet { changes: vec![details(FIRST_MEMBER), details("Members")] };
        let diff = merge(&template, &template, &set, members);
        assert_eq!(diff.resources.len(), 2, "{diff:#?}");
        diff.unknown
    };
    for parameter in ["CodeBucket", "CodeKey", "CodeVersion"] {
        assert_eq!(reasons(parameter, "Parameters", Some(&members)), [""; 0], "{parameter}");
    }
    assert_eq!(reasons(MEMBER_TEMPLATE_VERSION, "TemplateURL", Some(&members)), [""; 0]);
    assert_ne!(reasons(MEMBER_TEMPLATE_VERSION, "TemplateURL", None), [""; 0]);
    let mut other = template.clone();
    let parameters = other["Resources"]["Members"]["Properties"]["Parameters"].as_array_mut().unwrap();
    let topic = parameters.iter_mut().find(|parameter| parameter["ParameterKey"] == "TopicArn").unwrap();
    topic["ParameterValue"] = json!("arn:aws:sns:eu-west-1:666677778888:theirs");
    let unknown = diff::compare_with_members(&template, &other, Some(&members)).unknown;
    assert!(unknown.iter().any(|line| line.starts_with("Members.Parameters: ")), "{unknown:?}");
}

/// What the publisher and the queue do, and entries for one account, is compared by no other rule.
#[test]
fn a_change_that_moves_or_holds_up_mails_or_ends_keys_of_one_account_needs_approval() {
    let variables = |template: &mut Json, function: &str| {
        std::mem::take(&mut template["Resources"][function]["Properties"]["Environment"]["Variables"])
    };
    let needs_approval = |old: &Json, function: &str, name: &str, value: Json| {
        let mut new = old.clone();
        let mut changed = variables(&mut new, function);
        changed[name] = value;
        new["Resources"][function]["Properties"]["Environment"]["Variables"] = changed;
        Approval::needed(&diff::compare(old, &new)).is_some()
    };
    let (central, member) = (central(&example()), member(&example()));
    for administrators in ["evil@example.org", "none"] {
        assert!(needs_approval(&central, "Publisher", "ADMINISTRATORS", json!(administrators)), "{administrators}");
    }
    assert!(!needs_approval(&central, "Publisher", "LANGUAGE", json!("ja")));
    let users = member["Resources"]["Function"]["Properties"]["Environment"]["Variables"]["USERS"].as_str().unwrap();
    let entry = users.split(' ').find(|entry| entry.contains(";account=")).unwrap();
    for changed in [format!("{entry};overlap=0"), entry.replace("delivery@", "evil@"), entry.replace("=1", "=5")] {
        assert_ne!(changed, entry);
        assert!(needs_approval(&member, "Function", "USERS", json!(users.replace(entry, &changed))), "{changed}");
    }
    assert!(!needs_approval(&member, "Function", "USERS", json!(users.replace(entry, "").trim())), "fewer users");
    for seconds in [0, 43_200] {
        let mut new = central.clone();
        new["Resources"]["NoticeQueue"]["Properties"]["VisibilityTimeout"] = json!(seconds);
        assert!(Approval::needed(&diff::compare(&central, &new)).is_some(), "{seconds}");
    }
}

/// What links a member with the administering account is named, if it changes.
#[test]
fn a_changed_link_between_the_accounts_says_what_it_changes() {
    let (central, member) = (central(&example()), member(&example()));
    for (template, function, name, says) in [
        (&central, "Publisher", "PUBLISH_TO", "the notices of the members go to another topic"),
        (&member, "Function", "EVENT_BUS_ARN", "notices and the results of runs go to another event bus"),
        (&member, "Function", "ACCOUNT_ID", "the handler takes another account for its own"),
    ] {
        let mut new = template.clone();
        new["Resources"][function]["Properties"]["Environment"]["Variables"][name] = json!({ "Ref": "CodeBucket" });
        let unknown = diff::compare(template, &new).unknown;
        assert!(unknown.iter().any(|line| line.contains(name) && line.contains(says)), "{name}: {unknown:?}");
    }
}

/// The stacks share code, and a text is about what its own stack has.
#[test]
fn no_text_of_a_stack_speaks_of_what_only_another_stack_has() {
    let text = |config: &Config| [stack::template(config).unwrap(), member_value(config)].map(|t| yaml::emit(&t));
    let [central, member] = text(&example());
    // The administering account has no run, and without `notify` the topic leaves no notice.
    for foreign in
        ["FailedRuns", "runs that failed", "reserved_concurrency", "and the topic put", "the handler publishes"]
    {
        assert!(!central.contains(foreign), "{foreign}");
    }
    // A member has no topic and no endpoint, and `make status` shows the accounts and not the keys.
    let notified = format!("{}notify: ['https://hooks.example.com/keys']\n", read("examples/organization.yaml"));
    let [central, with_endpoint] = text(&config(&notified));
    assert!(central.contains("Lets EventBridge and the topic put"));
    for member in [member, with_endpoint] {
        for foreign in
            ["the other topic", "the topic's key", "an endpoint of notify", "make status shows", "(make run,"]
        {
            assert!(!member.contains(foreign), "{foreign}");
        }
    }
}

#[test]
fn the_management_account_is_a_member_only_if_it_is_selected() {
    let is_member = |fields: &str, units: &str| {
        let text = format!(
            "users: [/machines/]\nemails: [a@example.com]\n\
             organization: {{id: {ORGANIZATION}, region: eu-west-1, units: [{units}]{fields}}}\n"
        );
        config(&text).organization.unwrap().has_management_member(&CENTRAL.parse().unwrap())
    };
    let management = ", administrator: management-account";
    assert!(is_member(management, "r-abcd"));
    assert!(!is_member(management, "ou-abcd-11112222"), "it is in no organizational unit");
    assert!(!is_member("", "r-abcd"), "a delegated administrator is a member like the others");
    assert!(!is_member(&format!("{management}, exclude: ['{CENTRAL}']"), "r-abcd"));
    assert!(is_member(&format!("{management}, accounts: ['{CENTRAL}']"), "ou-abcd-11112222"));
    assert!(!is_member(&format!("{management}, accounts: ['{MEMBER}']"), "r-abcd"));
}

/// The management account can have both stacks: the rotation stack of the administering account, and a member stack.
#[test]
fn no_name_of_a_member_is_a_name_of_the_administering_account() {
    let config = example();
    let names = |template: &Json| -> Vec<String> {
        let of = |resource: &synth::cfn::view::Resource<'_>| {
            ["FunctionName", "Name", "LogGroupName", "AlarmName", "DashboardName", "StackSetName"]
                .iter()
                .map(|name| &resource.properties[*name])
                .filter(|name| !name.is_null() && name.get("Ref").is_none_or(|name| name == "AWS::StackName"))
                .map(|name| format!("{} {}", resource.kind, synth::cfn::view::text(name)))
                .collect::<Vec<_>>()
        };
        View(template).resources().flat_map(|resource| of(&resource)).collect()
    };
    let fill = |name: String| name.replace("${AWS::StackName}", config.stack_name.as_str());
    let (central, member) = (names(&central(&config)), names(&member(&config)));
    assert!(member.iter().all(|name| name.contains("organization-key-rotation-member")), "{member:?}");
    let central: Vec<_> = central.into_iter().map(fill).collect();
    assert!(central.len() > 5 && member.iter().all(|name| !central.contains(name)), "{central:?}\n{member:?}");
}

/// Runs of the members start at times that are spread over an hour.
#[test]
fn runs_are_spread_over_an_hour() {
    let window = member(&example())["Resources"]["Schedule"]["Properties"]["FlexibleTimeWindow"].clone();
    assert_eq!(window, json!({ "Mode": "FLEXIBLE", "MaximumWindowInMinutes": 60 }));
}

#[test]
fn the_parts_of_the_templates_fit_together() {
    for template in [central(&example()), member(&example())] {
        assert_eq!(wiring::faults(&template, wiring::TemplateOrigin::Generated), []);
    }
}
