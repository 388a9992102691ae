//! The roles of the committed configurations allow exactly what is needed. The policy evaluator decides each request
//! that the handler and AWS's services make with them.
//!
//! `tests/tests/e2e/permissions.rs` shows the same for the handler's calls, with IAM in the local AWS. This test also
//! covers requests that the local AWS does not check, requests that must be refused, and each ARN of each statement.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::read;
use lambda::{
    contract::{
        call_permissions::{CHOOSING, steps},
        permissions::SECRET_TAGS,
        selector::UserSelector,
    },
    delivery::secret_policy,
    model::user::User,
};
use serde_json::{Value as Json, json};
use synth::{
    cfn::json::to_json,
    config::{self, Config, Overrides},
    iam::evaluate::{AccessRequest, Decision, EvaluatedPolicy, decide},
    stack,
};

const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:topic";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:queue";
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:access-key-rotation";
const TOPIC_KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/aaaaabcd-12ab-34cd-56ef-1234567890ab";
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:access-key-rotation/alice-Ab1Cd2";
const OTHER_SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payroll/alice-Ab1Cd2";
const VIA_SECRETS_MANAGER: (&str, &[&str]) = ("kms:viaservice", &["secretsmanager.eu-west-1.amazonaws.com"]);
const LOG_GROUP: &str = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/access-key-rotation";

/// The values that CloudFormation fills in.
fn resolve(name: &str) -> Option<String> {
    let value = match name {
        "AWS::Partition" => "aws",
        "AWS::AccountId" => "111122223333",
        "AWS::Region" => "eu-west-1",
        "AWS::StackName" => "access-key-rotation",
        "NotificationTopic" | "AlarmTopic" => TOPIC,
        "TopicKey.Arn" => TOPIC_KEY,
        "DeadLetterQueue.Arn" => QUEUE,
        "Function.Arn" => FUNCTION,
        // CloudFormation's ARN of a log group covers its streams ("AWS::Logs::LogGroup": Return values).
        "LogGroup.Arn" => return Some(format!("{LOG_GROUP}:*")),
        _ => return None,
    };
    Some(value.to_owned())
}

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// What a company demands. The policies must not differ, but for the keys of the tags.
const COMPANY: &str = "tags: {cost-centre: '4711', stage: prod}\nrole_path: /service/\n\
                       permissions_boundary: arn:aws:iam::111122223333:policy/boundary\nreserved_concurrency: 2\n";

/// The committed configurations, the default one with a customer managed key, and those that select users in other
/// ways.
pub(crate) fn configurations() -> Vec<(&'static str, Config, Json)> {
    let rotation = read("rotation.yaml");
    let key = rotation.replace("secret_kms_key: aws/secretsmanager", &format!("secret_kms_key: {KEY}"));
    assert!(key.contains(KEY));
    let of = |users: &str| format!("users: {users}\nemails: [a@example.com]\n");
    let texts = [
        ("rotation.yaml", rotation),
        ("examples/article.yaml", read("examples/article.yaml")),
        ("examples/fleet.yaml", read("examples/fleet.yaml")),
        ("own key", key),
        ("everybody", of("[/]")),
        ("tags", of("['tag:rotate=yes', 'tag:rotate=soon']")),
        ("tags that speak", of("[alice]") + "user_tags: honoured\n"),
        ("a mixture", of("[/ci/, /ci/eu/bot, alice]")),
        ("a company", of("[alice]") + COMPANY),
    ];
    texts.into_iter().map(|(name, text)| (name, config(&text), template(&text))).collect()
}

fn config(text: &str) -> Config {
    config::read(text, Overrides::default()).unwrap().config
}

fn template(text: &str) -> Json {
    to_json(&stack::template(&config(text)).unwrap())
}

/// A user, and its tag if it has one.
type SelectedUser = (User, Option<(String, String)>);

/// Some users that the configuration selects.
fn chosen(config: &Config) -> Vec<SelectedUser> {
    let user = |text: &str| text.parse::<User>().unwrap();
    let of = |who: &UserSelector| match who {
        UserSelector::User(user) => vec![(user.clone(), None)],
        UserSelector::Path(path) => {
            vec![(user(&format!("{path}x")), None), (user(&format!("{path}deep/down/x")), None)]
        }
        UserSelector::Tag(tag) => {
            ["x", "/ci/x"].map(|name| (user(name), Some((tag.key.clone(), tag.value.clone())))).to_vec()
        }
        UserSelector::Group(_) => panic!("{who}"),
    };
    config.users.iter().flat_map(|entry| of(&entry.selector)).collect()
}

fn policy<'t>(template: &'t Json, role: &str) -> &'t Json {
    let policies = template["Resources"][role]["Properties"]["Policies"].as_array().unwrap();
    assert_eq!(policies.len(), 1);
    &policies[0]["PolicyDocument"]
}

fn decision(document: &Json, request: &AccessRequest) -> Decision {
    decide(&[EvaluatedPolicy::read(document, &resolve).unwrap()], None, request)
}

fn request(action: &str, resource: &str, context: &[(&str, &[&str])]) -> AccessRequest {
    let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    AccessRequest {
        principal: "AWS:arn:aws:iam::111122223333:role/role".into(),
        action: action.into(),
        resource: resource.into(),
        context: context.iter().map(|(key, all)| ((*key).to_owned(), values(all))).collect::<BTreeMap<_, _>>(),
    }
}

/// The requests of one action for one user, as AWS receives them.
fn handlers(config: &Config, action: &str, (user, tag): &SelectedUser) -> Vec<AccessRequest> {
    let tags: Vec<_> = SECRET_TAGS.into_iter().chain(config.tags.pairs().map(|(key, _)| key)).collect();
    let secret_tags: &[(&str, &[&str])] = &[("aws:tagkeys", tags.as_slice())];
    let secret = config.secret_prefix.secret_name(&user.name);
    let secret_arn = |ending| format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{secret}{ending}");
    let (service, operation) = action.split_once(':').unwrap();
    match service {
        "iam" if CHOOSING.iter().any(|(known, _)| *known == action) => vec![request(action, "*", &[])],
        "iam" => {
            let mut request = request(action, &format!("arn:aws:iam::111122223333:user{}", user.resource()), &[]);
            if ["TagUser", "UntagUser"].contains(&operation) {
                let keys = ["access-key-rotation:delivered", "access-key-rotation:intent:run"].map(str::to_owned);
                request.context.insert("aws:tagkeys".into(), keys.into());
            }
            if let Some((key, value)) = tag {
                request.context.insert(format!("aws:resourcetag/{}", key.to_lowercase()), vec![value.clone()]);
            }
            vec![request]
        }
        // A secret that does not exist yet has no random suffix in its ARN. Creating an existing one fails for another
        // reason.
        "secretsmanager" if ["CreateSecret", "TagResource"].contains(&operation) => {
            vec![request(action, &secret_arn(""), secret_tags), request(action, &secret_arn("-Ab1Cd2"), secret_tags)]
        }
        "secretsmanager" if operation == "PutResourcePolicy" => {
            vec![request(action, &secret_arn("-Ab1Cd2"), &[("secretsmanager:blockpublicpolicy", &["true"])])]
        }
        "secretsmanager" => vec![request(action, &secret_arn("-Ab1Cd2"), &[])],
        "sns" => vec![request(action, TOPIC, &[])],
        "kms" => [secret_arn("-Ab1Cd2"), "RequestToValidateKeyAccess".into()]
            .iter()
            .map(|arn| request(action, KEY, &[VIA_SECRETS_MANAGER, ("kms:encryptioncontext:secretarn", &[arn])]))
            .collect(),
        other => panic!("{other}: which resource is that, under {:?}?", config.policy.delivery),
    }
}

/// Every request that is made with a role: the handler's requests for each user, and those of AWS's services.
fn needed(config: &Config, role: &str) -> Vec<AccessRequest> {
    let stream = format!("{LOG_GROUP}:log-stream:2026/11/24/[$LATEST]0123");
    if role == "ScheduleRole" {
        return vec![request("lambda:InvokeFunction", FUNCTION, &[]), request("sqs:SendMessage", QUEUE, &[])];
    }
    let declared: Vec<_> = config.permissions().into_iter().flat_map(|permission| permission.actions).collect();
    let actions: BTreeSet<_> = steps()
        .into_iter()
        .filter(|step| step.call.needs_permission())
        .flat_map(|step| step.call.actions().collect::<Vec<_>>())
        .chain(CHOOSING.map(|(action, _)| action.to_owned()))
        .filter(|action| declared.contains(&action.as_str()))
        .collect();
    let of = |user: &SelectedUser| actions.iter().flat_map(|action| handlers(config, action, user)).collect::<Vec<_>>();
    let mut all: Vec<_> = chosen(config).iter().flat_map(of).collect();
    // SNS uses the topic's key with the permissions of the publisher.
    let via_sns: &[(&str, &[&str])] = &[("kms:viaservice", &["sns.eu-west-1.amazonaws.com"])];
    all.extend([
        request("kms:GenerateDataKey", TOPIC_KEY, via_sns),
        request("kms:Decrypt", TOPIC_KEY, via_sns),
        request("logs:CreateLogStream", &stream, &[]),
        request("logs:PutLogEvents", &stream, &[]),
        request("sqs:SendMessage", QUEUE, &[]),
    ]);
    all
}

#[test]
fn the_roles_allow_what_is_needed_and_each_action_and_each_arn_is_needed() {
    let mut taken = 0;
    for (path, config, template) in configurations() {
        for role in ["FunctionRole", "ScheduleRole"] {
            let document = policy(&template, role);
            let requests = needed(&config, role);
            for request in &requests {
                assert_eq!(decision(document, request), Decision::Allowed, "{path} {role}: {request:?}");
            }
            let statements = document["Statement"].as_array().unwrap();
            for (index, statement) in statements.iter().enumerate() {
                for element in ["Action", "Resource"] {
                    let list = statement[element].as_array().unwrap();
                    for item in 0..list.len() {
                        let mut less = document.clone();
                        let mut rest = list.clone();
                        let gone = rest.remove(item);
                        less["Statement"][index][element] = json!(rest);
                        if rest.is_empty() {
                            less["Statement"].as_array_mut().unwrap().remove(index);
                        }
                        let refused = requests.iter().any(|request| decision(&less, request) != Decision::Allowed);
                        assert!(refused, "{path} {role} {}: {gone} is granted in vain", statement["Sid"]);
                        taken += 1;
                    }
                }
            }
        }
    }
    assert!(taken > 60, "{taken}");
    println!("grants: {taken} actions and ARNs taken away one by one, a needed request refused each time");
}

#[test]
fn the_handler_may_do_nothing_to_anything_else() {
    for (path, config, template) in configurations() {
        let document = policy(&template, "FunctionRole");
        // A path and a tag select other users too, see below. The account has only one list of users.
        let named = config.users.iter().all(|entry| matches!(entry.selector, UserSelector::User(_)));
        let is_about_others =
            |request: &AccessRequest| request.resource == "*" || !named && request.resource.contains(":user/");
        let needed = needed(&config, "FunctionRole").into_iter().filter(|request| !is_about_others(request));
        let others = needed.flat_map(|needed| {
            let elsewhere = [
                needed.resource.replace("111122223333", "444455556666"),
                needed.resource.replace("secret:access-key-rotation/", "secret:access-key-rotation"),
                needed.resource.replace("secret:", "secret:x"),
                needed.resource.clone() + "x",
                needed.resource.clone() + "/x",
                "*".to_owned(),
            ];
            // Every stream of the log group and every secret below the prefix belongs to the rotation.
            let own = ["log-group:/aws/lambda/access-key-rotation:", "secret:access-key-rotation/"];
            let same = needed.resource.clone();
            elsewhere
                .into_iter()
                .filter(move |resource| {
                    *resource != same
                        && !own.iter().any(|own| resource.contains(own) && resource.contains("111122223333"))
                })
                .map(move |resource| AccessRequest { resource, ..needed.clone() })
        });
        for request in others {
            assert_eq!(decision(document, &request), Decision::NotAllowed, "{path}: {request:?}");
        }
        let user = format!("arn:aws:iam::111122223333:user{}", chosen(&config)[0].0.resource());
        for (action, resource, context) in [
            ("iam:TagUser", user.as_str(), &[("aws:tagkeys", &["team"][..])][..]),
            ("iam:TagUser", &user, &[("aws:tagkeys", &["access-key-rotation:delivered", "team"][..])]),
            ("iam:UntagUser", &user, &[("aws:tagkeys", &["team"][..])]),
            // ForAllValues is met if the key is missing.
            ("iam:TagUser", &user, &[]),
            ("iam:UntagUser", &user, &[]),
            ("iam:DeleteUser", &user, &[]),
            ("iam:AttachUserPolicy", &user, &[]),
            ("iam:PutUserPolicy", &user, &[]),
            ("iam:CreateLoginProfile", &user, &[]),
            ("iam:ListUsers", "*", &[]),
            ("iam:GetUser", "*", &[]),
            ("iam:ListAccessKeys", "*", &[]),
            ("iam:CreateAccessKey", "*", &[]),
            ("iam:GetAccountPasswordPolicy", "*", &[]),
            ("iam:GetPolicyVersion", "*", &[]),
            ("sts:AssumeRole", "*", &[]),
            ("secretsmanager:GetSecretValue", SECRET, &[]),
            ("secretsmanager:UpdateSecret", SECRET, &[]),
            ("secretsmanager:CreateSecret", SECRET, &[]),
            ("secretsmanager:CreateSecret", SECRET, &[("aws:tagkeys", &["managed-by", "team"])]),
            ("secretsmanager:TagResource", SECRET, &[("aws:tagkeys", &["team"])]),
            ("secretsmanager:PutResourcePolicy", SECRET, &[]),
            ("secretsmanager:PutResourcePolicy", SECRET, &[("secretsmanager:blockpublicpolicy", &["false"])]),
            ("kms:Decrypt", KEY, &[]),
            ("kms:Decrypt", KEY, &[("kms:encryptioncontext:secretarn", &[SECRET])]),
            ("kms:Decrypt", KEY, &[VIA_SECRETS_MANAGER, ("kms:encryptioncontext:secretarn", &[OTHER_SECRET])]),
            (
                "kms:GenerateDataKey",
                KEY,
                &[("kms:viaservice", &["s3.eu-west-1.amazonaws.com"]), ("kms:encryptioncontext:secretarn", &[SECRET])],
            ),
            ("sns:Subscribe", TOPIC, &[]),
            // The key is only for messages that SNS sends.
            ("kms:Decrypt", TOPIC_KEY, &[]),
            ("kms:Decrypt", TOPIC_KEY, &[("kms:viaservice", &["secretsmanager.eu-west-1.amazonaws.com"])]),
            ("kms:GenerateDataKey", TOPIC_KEY, &[("kms:viaservice", &["sns.us-east-1.amazonaws.com"])]),
            ("kms:PutKeyPolicy", TOPIC_KEY, &[]),
            ("sts:AssumeRole", "arn:aws:iam::111122223333:role/x", &[]),
            ("lambda:InvokeFunction", FUNCTION, &[]),
        ] {
            let request = request(action, resource, context);
            assert_eq!(decision(document, &request), Decision::NotAllowed, "{path}: {request:?}");
        }
    }
}

/// The role reaches exactly the users that `users` selects. The cases are users, each with a tag.
#[test]
fn the_role_reaches_only_the_selected_users() {
    let none = ("", "");
    for (users, within, beyond) in [
        (
            "[alice, /ci/bot]",
            &[("/alice", none), ("/ci/bot", none)][..],
            &[("/alice2", none), ("/ci/alice", none), ("/bot", none), ("/ci/bot/x", none)][..],
        ),
        (
            "[/ci/]",
            &[("/ci/x", none), ("/ci/eu/x", ("rotate", "no"))],
            &[
                ("/other/x", none),
                ("/c", none),
                ("/ci", none),
                ("/cix/x", none),
                ("/other/ci/x", none),
                ("/CI/x", none),
            ],
        ),
        ("[/ci/, alice]", &[("/ci/x", none), ("/alice", none)], &[("/bob", none), ("/ci", none)]),
        ("[/]", &[("/x", none), ("/ci/eu/x", none)], &[]),
        (
            "['tag:Rotate=yes', 'tag:rotate=soon']",
            &[("/x", ("rotate", "yes")), ("/ci/x", ("rotate", "soon"))],
            &[
                ("/x", none),
                ("/x", ("rotate", "no")),
                ("/x", ("rotate", "Yes")),
                ("/x", ("rotate", "")),
                ("/x", ("rotates", "yes")),
                ("/x", ("access-key-rotation:rotate", "yes")),
            ],
        ),
    ] {
        let text = format!("users: {users}\nemails: [a@example.com]\n");
        let (config, template) = (config(&text), template(&text));
        let document = policy(&template, "FunctionRole");
        let actions = ["ListAccessKeys", "ListUserTags", "GetAccessKeyLastUsed", "TagUser", "UntagUser"];
        let actions = actions.into_iter().chain(["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"]);
        let is_by_tag = users.contains("tag:");
        for action in actions.map(|action| format!("iam:{action}")) {
            // A request that names only a key may come without the tags of the user.
            if is_by_tag && action == "iam:GetAccessKeyLastUsed" {
                for (user, _) in within.iter().chain(beyond) {
                    let requests = handlers(&config, &action, &(user.parse().unwrap(), None));
                    assert!(requests.iter().all(|request| decision(document, request) == Decision::Allowed), "{user}");
                }
                continue;
            }
            for (list, decided) in [(within, Decision::Allowed), (beyond, Decision::NotAllowed)] {
                for (user, (key, value)) in list {
                    let tag = (!key.is_empty()).then(|| ((*key).to_owned(), (*value).to_owned()));
                    let requests = handlers(&config, &action, &(user.parse().unwrap(), tag));
                    for request in requests {
                        assert_eq!(decision(document, &request), decided, "{users}: {request:?}");
                    }
                }
            }
        }
        // The role does not reach users of another account, groups or roles.
        for resource in ["111122223333:group/ci/x", "111122223333:role/ci/x", "444455556666:user/ci/x"] {
            let tagged: &[(&str, &[&str])] = &[("aws:resourcetag/rotate", &["yes"])];
            let request = request("iam:CreateAccessKey", &format!("arn:aws:iam::{resource}"), tagged);
            assert_eq!(decision(document, &request), Decision::NotAllowed, "{users}: {request:?}");
        }
    }
}

/// Only lists for which IAM has no resource have `*` as their resource, and only if the configuration does not name its
/// users.
#[test]
fn only_the_lists_of_the_account_are_read_on_everything() {
    for (path, config, template) in configurations() {
        let roles =
            ["FunctionRole", "ScheduleRole"].map(|role| policy(&template, role)["Statement"].as_array().unwrap());
        let whole: Vec<_> =
            roles.into_iter().flatten().filter(|s| s["Resource"].to_string().contains("\"*\"")).collect();
        assert_eq!(
            whole.len(),
            usize::from(config.list_scope() == lambda::contract::list_scope::ListScope::Account),
            "{path}"
        );
        for statement in whole {
            assert_eq!(statement["Sid"], "ListUsers");
            assert_eq!(statement["Action"], json!(CHOOSING.map(|(action, _)| action)));
            assert_eq!(statement["Resource"], json!(["*"]));
        }
    }
}

/// Only the alarms of this stack may use the alarm topic and its key.
#[test]
fn only_this_stacks_alarms_may_publish() {
    let (_, _, template) = &configurations()[0];
    let alarm = |account: &str, name: &str| format!("arn:aws:cloudwatch:eu-west-1:{account}:alarm:{name}");
    let from = |service: &str, action: &str, resource: &str, account: &str, alarm: &str| AccessRequest {
        principal: format!("Service:{service}"),
        ..request(action, resource, &[("aws:sourceaccount", &[account]), ("aws:sourcearn", &[alarm])])
    };
    for (document, resource, actions) in [
        (&template["Resources"]["AlarmTopicPolicy"]["Properties"]["PolicyDocument"], TOPIC, &["sns:Publish"][..]),
        (
            &template["Resources"]["TopicKey"]["Properties"]["KeyPolicy"],
            TOPIC_KEY,
            &["kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"],
        ),
    ] {
        let (ours, theirs) = ("111122223333", "444455556666");
        for action in actions {
            for (service, account, name, decided) in [
                ("cloudwatch.amazonaws.com", ours, "access-key-rotation-missed-runs", Decision::Allowed),
                ("cloudwatch.amazonaws.com", ours, "another-alarm", Decision::NotAllowed),
                ("cloudwatch.amazonaws.com", theirs, "access-key-rotation-missed-runs", Decision::NotAllowed),
                ("events.amazonaws.com", ours, "access-key-rotation-missed-runs", Decision::NotAllowed),
            ] {
                let request = from(service, action, resource, account, &alarm(account, name));
                assert_eq!(decision(document, &request), decided, "{request:?}");
            }
        }
        for action in ["sns:Subscribe", "sns:SetTopicAttributes", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"] {
            let alarm = alarm(ours, "access-key-rotation-missed-runs");
            let request = from("cloudwatch.amazonaws.com", action, resource, ours, &alarm);
            assert_eq!(decision(document, &request), Decision::NotAllowed, "{request:?}");
        }
    }
    // The names of all alarms begin with this.
    let alarms = template["Resources"].as_object().unwrap().values().filter(|r| r["Type"] == "AWS::CloudWatch::Alarm");
    let names: Vec<_> = alarms.map(|alarm| alarm["Properties"]["AlarmName"]["Fn::Sub"].as_str().unwrap()).collect();
    assert!(names.len() == 8 && names.iter().all(|name| name.starts_with("${AWS::StackName}-")), "{names:?}");
}

/// The policy that the handler writes on a user's secret, for principals that no other policy allows anything.
#[test]
fn the_policy_of_a_secret_lets_only_its_user_and_the_readers_read_it() {
    let user = |name: &str| format!("arn:aws:iam::111122223333:user/{name}");
    let reader = "arn:aws:iam::444455556666:role/reader";
    let document = secret_policy::document(&user("ci/alice").parse().unwrap(), &reader.parse().unwrap());
    let document = serde_json::from_str(&document).unwrap();
    let may = |who: &str, action: &str| {
        let principal = format!("AWS:{who}");
        decision(&document, &AccessRequest { principal, ..request(action, SECRET, &[]) }) == Decision::Allowed
    };
    for action in ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"] {
        assert!(may(&user("ci/alice"), action) && may(reader, action), "{action}");
        let others = [
            user("alice"),
            user("ci/alice2"),
            user("ops/ci/alice"),
            user("ci/alice").replace("111122223333", "444455556666"),
            user("ci/alice").replace(":user/", ":role/"),
            reader.replace("444455556666", "111122223333"),
            "arn:aws:iam::111122223333:root".into(),
            "*".into(),
        ];
        assert!(!others.iter().any(|other| may(other, action)), "{action}");
    }
    for action in ["PutSecretValue", "UpdateSecret", "DeleteSecret", "PutResourcePolicy", "ListSecretVersionIds"] {
        let action = format!("secretsmanager:{action}");
        assert!(!may(&user("ci/alice"), &action) && !may(reader, &action), "{action}");
    }
}
