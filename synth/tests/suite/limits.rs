//! synth refuses a template that AWS would refuse for its length, and almost no other template.

use crate::common::keys;
use serde_json::Value as Json;
use synth::{
    cfn::json,
    config::{self, Overrides},
    stack::{self, StackError},
};

/// The template as JSON, or the reason why there is none.
fn template(settings: &str, users: &[String]) -> Result<Json, StackError> {
    let text = format!("users: [{}]\nemails: [a@example.com]\n{settings}", users.join(","));
    let checked = config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}"));
    stack::template(&checked.config).map(|template| json::to_json(&template))
}

/// A value as AWS gets it, with every reference filled in. The partition and the Region have the longest names that
/// occur together.
fn filled_in(value: &Json, stack_name: &str) -> Json {
    let all = |value: &Json| filled_in(value, stack_name);
    let arn = |id: &str| {
        // CloudFormation adds 12 characters to a name. The name of a queue has at most 80.
        let name = format!("{stack_name}-{id}-ABCDEFGHIJKL");
        Json::from(match id {
            "NotificationTopic" | "AlarmTopic" => format!("arn:aws-us-gov:sns:us-gov-west-1:123456789012:{name}"),
            "LogGroup" => {
                format!("arn:aws-us-gov:logs:us-gov-west-1:123456789012:log-group:/aws/lambda/{stack_name}:*")
            }
            "TopicKey" => {
                "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/12345678-1234-1234-1234-123456789012".into()
            }
            "DeadLetterQueue" => format!("arn:aws-us-gov:sqs:us-gov-west-1:123456789012:{name:.80}"),
            other => panic!("a reference to {other}"),
        })
    };
    match value {
        Json::Object(map) => match map.iter().next() {
            Some((key, name)) if key == "Ref" => arn(name.as_str().unwrap()),
            Some((key, pair)) if key == "Fn::GetAtt" => arn(pair[0].as_str().unwrap()),
            Some((key, text)) if key == "Fn::Sub" => text
                .as_str()
                .unwrap()
                .replace("${AWS::Partition}", "aws-us-gov")
                .replace("${AWS::Region}", "us-gov-west-1")
                .replace("${AWS::AccountId}", "123456789012")
                .into(),
            _ => map.iter().map(|(key, value)| (key.clone(), all(value))).collect(),
        },
        Json::Array(items) => items.iter().map(all).collect(),
        other => other.clone(),
    }
}

fn sizes(template: &Json, stack_name: &str) -> (usize, usize) {
    let role = &template["Resources"]["FunctionRole"]["Properties"]["Policies"];
    let policies: usize = role
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| filled_in(&policy["PolicyDocument"], stack_name).to_string())
        .inspect(|text| assert!(!text.contains("${") && !text.contains("Fn::"), "{text}"))
        .map(|text| text.len())
        .sum();
    let environment = &template["Resources"]["Function"]["Properties"]["Environment"]["Variables"];
    (policies, filled_in(environment, stack_name).to_string().len())
}

#[test]
fn the_longest_list_of_users_that_is_accepted_fits() {
    let long = "n".repeat(64);
    let path = "p".repeat(300);
    for (settings, user, stack_name) in [
        ("", "deployer", "access-key-rotation"),
        ("delivery: email\noverlap: 0\nstill_in_use: retire", "a", "access-key-rotation"),
        ("delivery: email\nstack_name: s", "/ci/deployer", "s"),
        (&format!("stack_name: {long}"), "a,b", long.as_str()),
        (&format!("secret_prefix: {}", "s".repeat(256)), &long[4..], "access-key-rotation"),
        ("", &format!("/{path}/x"), "access-key-rotation"),
    ] {
        let users = |number: usize| (0..number).map(|n| format!("'{user}{n:03}'")).collect::<Vec<_>>();
        let most = (1..1_000).find(|number| template(settings, &users(*number)).is_err()).unwrap() - 1;
        let (policy, environment) = sizes(&template(settings, &users(most)).unwrap(), stack_name);
        println!(
            "{most} users like {user:.20}: a policy of {policy} characters, an environment of {environment} bytes"
        );
        assert!(policy <= 10_240 && environment <= 4_096, "{policy}, {environment}");
        // AWS would refuse one more user, or almost: each of the stack's own ARNs counts with the greatest length.
        let one_more = template(settings, &users(most + 1)).unwrap_err();
        assert!(matches!(one_more, StackError::Policy { characters: 10_241.., .. }), "{one_more}");
        let of_each = policy - sizes(&template(settings, &users(most - 1)).unwrap(), stack_name).0;
        assert!(policy + 3 * of_each > 10_240, "{policy} leaves room for more than {of_each}");
    }
}

#[test]
fn the_longest_list_of_public_keys_that_is_accepted_fits() {
    let of = |keys: &[String]| {
        let settings = format!("delivery: email-encrypted\nencrypt_to: [{}]", keys.join(", "));
        template(&settings, &["alice".into(), "bob".into()])
    };
    // Keys of 4,096 bits, because few of them fit; and keys of age, which are all different.
    let long = |number: u8| (0..number).map(|n| keys::ssh_rsa_with(512, 2 * n + 1)).collect::<Vec<_>>();
    let short = |number: u8| (0..number).map(|n| keys::age([n; 31])).collect::<Vec<_>>();
    for keys in [&long as &dyn Fn(u8) -> Vec<String>, &short] {
        let most = (1..=u8::MAX).find(|number| of(&keys(*number)).is_err()).unwrap() - 1;
        let environment = sizes(&of(&keys(most)).unwrap(), "access-key-rotation").1;
        let key = keys(1)[0].len();
        println!("{most} keys of {key} characters: an environment of {environment} bytes");
        assert!(environment <= 4_096 && environment + 2 * (key + 1) > 4_096, "{environment}");
        let one_more = of(&keys(most + 1)).unwrap_err();
        assert!(matches!(one_more, StackError::Environment { setting: "encrypt_to", bytes: 4_097.. }), "{one_more}");
    }
}
