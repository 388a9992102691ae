//! The effect of changed policies: tables of known cases, and random policies with the evaluator as the oracle.

use std::collections::BTreeMap;

use proptest::{
    prelude::*,
    sample::{select, subsequence},
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value as Json, json};
use synth::iam::{
    compare::{Boundary, Certainty, Comparison, Permissions, Verdict, compare},
    evaluate::{AccessRequest, Decision, EvaluatedPolicy, decide},
};

fn policy(statements: &Json) -> Json {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn permissions(statements: &Json) -> Permissions {
    Permissions { documents: vec![policy(statements)], ..Permissions::default() }
}

fn verdict(old: &Json, new: &Json) -> Verdict {
    compare(&permissions(old), &permissions(new)).verdict()
}

const USERS: &str = "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/";

#[test]
fn the_meaning_of_a_change() {
    use Verdict::{Broader, Equivalent, Narrower, Unknown};
    let allow = |action: &Json, resource: &Json| json!({"Effect": "Allow", "Action": action, "Resource": resource});
    let user = |name: &str| json!({"Fn::Sub": format!("{USERS}{name}")});
    let simple = |action: &str| allow(&json!(action), &json!("*"));
    let when = |operator: &str, key: &str, values: &Json| json!({"Effect": "Allow", "Action": "s:Get", "Resource": "*", "Condition": {operator: {key: values}}});
    let deny_when = |operator: &str, key: &str, values: &Json| {
        let deny =
            json!({"Effect": "Deny", "Action": "s:Get", "Resource": "*", "Condition": {operator: {key: values}}});
        json!([simple("s:*"), deny])
    };
    let with_deny = |deny: &str| json!([simple("s:*"), {"Effect": "Deny", "Action": deny, "Resource": "*"}]);
    let from = |principal: &Json| json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
    let aws = |principal: &Json| from(&json!({"AWS": principal}));
    for (what, old, new, meaning) in [
        ("* to an ARN", simple("s:Get"), allow(&json!("s:Get"), &user("alice")), Narrower),
        (
            "a star at the end to a name",
            allow(&json!("s:Get"), &user("*")),
            allow(&json!("s:Get"), &user("alice")),
            Narrower,
        ),
        ("another user", allow(&json!("s:Get"), &user("alice")), allow(&json!("s:Get"), &user("bob")), Broader),
        (
            "the same ARN joined",
            allow(&json!("s:Get"), &user("alice")),
            {
                let parts = json!(["arn", {"Ref": "AWS::Partition"}, "iam:", {"Ref": "AWS::AccountId"}, "user/alice"]);
                allow(&json!("s:Get"), &json!({"Fn::Join": [":", parts]}))
            },
            Equivalent,
        ),
        ("one action fewer", allow(&json!(["s:Get", "s:Put"]), &json!("*")), simple("s:Get"), Narrower),
        ("one action more", simple("s:Get"), allow(&json!(["s:Get", "s:Put"]), &json!("*")), Broader),
        ("one action for another", simple("s:Get"), simple("s:Put"), Broader),
        ("a list of one", allow(&json!(["s:Get"]), &json!(["*"])), simple("s:Get"), Equivalent),
        ("letters of another size", simple("s:get"), simple("S:Get"), Equivalent),
        (
            "resources of another size",
            allow(&json!("s:Get"), &json!("a")),
            allow(&json!("s:Get"), &json!("A")),
            Broader,
        ),
        ("an action that a pattern has", allow(&json!(["s:*", "s:Get"]), &json!("*")), simple("s:*"), Equivalent),
        ("question marks", simple("s:?et"), simple("s:*t"), Broader),
        ("patterns that overlap", simple("s:Get*"), simple("s:*User"), Broader),
        ("a condition added", simple("s:Get"), when("StringEquals", "k", &json!("x")), Narrower),
        (
            "a Sid renamed",
            json!({"Sid": "A", "Effect": "Allow", "Action": "s:Get", "Resource": "*"}),
            simple("s:Get"),
            Equivalent,
        ),
        (
            "split by action",
            allow(&json!(["s:Get", "s:Put"]), &json!("*")),
            json!([simple("s:Get"), simple("s:Put")]),
            Equivalent,
        ),
        (
            "split by resource",
            allow(&json!("s:Get"), &json!(["a", "b"])),
            json!([allow(&json!("s:Get"), &json!("a")), allow(&json!("s:Get"), &json!("b"))]),
            Equivalent,
        ),
        (
            "split both ways",
            allow(&json!(["s:Get", "s:Put"]), &json!(["a", "b"])),
            json!([allow(&json!("s:Get"), &json!("a")), allow(&json!("s:Put"), &json!("b"))]),
            Narrower,
        ),
        (
            "Allow with NotAction",
            simple("s:Get"),
            json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
            Broader,
        ),
        (
            "NotAction of more",
            json!({"Effect": "Allow", "NotAction": "s:Get", "Resource": "*"}),
            json!({"Effect": "Allow", "NotAction": "s:*", "Resource": "*"}),
            Narrower,
        ),
        (
            "NotAction and the rest are all",
            json!([{"Effect": "Allow", "NotAction": "s:*", "Resource": "*"}, simple("s:*")]),
            simple("*"),
            Equivalent,
        ),
        (
            "NotResource",
            allow(&json!("s:Get"), &json!("a")),
            json!({"Effect": "Allow", "Action": "s:Get", "NotResource": "b"}),
            Broader,
        ),
        ("a deny removed", with_deny("s:Get"), simple("s:*"), Broader),
        ("a deny added", simple("s:*"), with_deny("s:Get"), Narrower),
        ("a deny of more", with_deny("s:Get"), with_deny("s:G*"), Narrower),
        ("a deny of what is not allowed", simple("s:*"), with_deny("t:Get"), Equivalent),
        (
            "NotAction as a deny",
            with_deny("s:Get"),
            json!({"Effect": "Allow", "NotAction": "s:Get", "Resource": "*"}),
            Broader,
        ),
        (
            "a deny of the rest",
            simple("s:Get"),
            json!([simple("*"), {"Effect": "Deny", "NotAction": "s:Get", "Resource": "*"}]),
            Equivalent,
        ),
        ("a condition on a deny", with_deny("s:Get"), deny_when("StringEquals", "k", &json!("x")), Broader),
        ("more values", when("StringEquals", "k", &json!("x")), when("StringEquals", "k", &json!(["x", "y"])), Broader),
        (
            "more values to avoid",
            when("StringNotEquals", "k", &json!("x")),
            when("StringNotEquals", "k", &json!(["x", "y"])),
            Narrower,
        ),
        (
            "more values of a deny",
            deny_when("StringEquals", "k", &json!("x")),
            deny_when("StringEquals", "k", &json!(["x", "y"])),
            Narrower,
        ),
        (
            "more exceptions from a deny",
            deny_when("StringNotEquals", "k", &json!("x")),
            deny_when("StringNotEquals", "k", &json!(["x", "y"])),
            Broader,
        ),
        ("IfExists", when("StringEquals", "k", &json!("x")), when("StringEqualsIfExists", "k", &json!("x")), Broader),
        (
            "IfExists on a deny",
            deny_when("StringEquals", "k", &json!("x")),
            deny_when("StringEqualsIfExists", "k", &json!("x")),
            Narrower,
        ),
        ("equals to like", when("StringEquals", "k", &json!("x")), when("StringLike", "k", &json!("x*")), Broader),
        (
            "equals to like without a star",
            when("StringEquals", "k", &json!("x")),
            when("StringLike", "k", &json!("x")),
            Equivalent,
        ),
        ("a star that is none", when("StringEquals", "k", &json!("*")), when("StringLike", "k", &json!("*")), Broader),
        (
            "keys have no case",
            when("StringEquals", "K", &json!("x")),
            when("stringEquals", "k", &json!(["x"])),
            Equivalent,
        ),
        (
            "all values for any value",
            when("ForAllValues:StringEquals", "k", &json!("x")),
            when("ForAnyValue:StringEquals", "k", &json!("x")),
            Broader,
        ),
        (
            "all values, and there are some",
            {
                json!({"Effect": "Allow", "Action": "s:Get", "Resource": "*",
                "Condition": {"ForAllValues:StringLike": {"k": "x"}, "Null": {"k": "false"}}})
            },
            when("ForAllValues:StringLike", "k", &json!("x")),
            Broader,
        ),
        ("present or not is always", when("Null", "k", &json!(["true", "false"])), simple("s:Get"), Equivalent),
        ("missing to present", when("Null", "k", &json!("true")), when("Null", "k", &json!(false)), Broader),
        (
            "Bool to Bool or missing",
            when("Bool", "k", &json!("true")),
            when("BoolIfExists", "k", &json!("true")),
            Broader,
        ),
        (
            "a deny unless true is an allow if true",
            deny_when("BoolIfExists", "k", &json!("false")),
            json!([
            {"Effect": "Allow", "NotAction": ["s:Get"], "Resource": "*"}, when("Bool", "k", &json!(true))]),
            Broader,
        ),
        (
            "a larger network",
            when("IpAddress", "aws:SourceIp", &json!("10.1.0.0/16")),
            when("IpAddress", "aws:SourceIp", &json!("10.0.0.0/8")),
            Broader,
        ),
        (
            "a smaller network",
            when("IpAddress", "aws:SourceIp", &json!("2001:db8::/32")),
            when("IpAddress", "aws:SourceIp", &json!("2001:db8::1")),
            Narrower,
        ),
        (
            "a higher limit",
            when("NumericLessThan", "n", &json!(5)),
            when("NumericLessThan", "n", &json!("10")),
            Broader,
        ),
        (
            "a later date",
            when("DateLessThan", "t", &json!("2026-01-01T00:00:00Z")),
            when("DateLessThan", "t", &json!("2027-01-01T00:00:00Z")),
            Broader,
        ),
        (
            "a narrower ARN",
            when("ArnLike", "k", &json!("arn:aws:s3:::*")),
            when("ArnLike", "k", &json!("arn:aws:s3:::a")),
            Narrower,
        ),
        (
            "a question mark over the colon of an ARN",
            when("ArnLike", "k", &json!("arn:aws:logs:eu-west-1?123456789012:log-group:x:y")),
            when("ArnLike", "k", &json!("arn:aws:logs:eu-west-1:123456789012:log-group:x:y")),
            Broader,
        ),
        (
            "an operator nobody knows",
            when("StringEquals", "k", &json!("x")),
            when("FutureEquals", "k", &json!("x")),
            Unknown,
        ),
        (
            "the same unknown operator on more",
            when("FutureEquals", "k", &json!("x")),
            json!([when("FutureEquals", "k", &json!("x")), simple("t:Get")]),
            Broader,
        ),
        (
            "variables are not a name",
            allow(&json!("s:Get"), &json!("home/${aws:username}")),
            allow(&json!("s:Get"), &json!("home/*")),
            Broader,
        ),
        ("a trust policy opened", aws(&json!("111122223333")), from(&json!("*")), Broader),
        (
            // The account's own policies decided before. A named role needs none.
            "a role instead of its account",
            aws(&json!("arn:aws:iam::111122223333:root")),
            aws(&json!("arn:aws:iam::111122223333:role/x")),
            Broader,
        ),
        (
            "a user beside its account",
            aws(&json!("arn:aws:iam::111122223333:root")),
            aws(&json!(["arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/x"])),
            Broader,
        ),
        (
            "its account instead of a role",
            aws(&json!("arn:aws:iam::111122223333:role/x")),
            aws(&json!("arn:aws:iam::111122223333:root")),
            Broader,
        ),
        (
            "an account in three spellings",
            aws(&json!("111122223333")),
            aws(&json!(["arn:aws:iam::111122223333:root"])),
            Equivalent,
        ),
        (
            "this account in two spellings",
            aws(&json!({"Ref": "AWS::AccountId"})),
            aws(&json!({"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"})),
            Equivalent,
        ),
        ("everybody in two spellings", from(&json!("*")), aws(&json!("*")), Equivalent),
        (
            "one service more",
            from(&json!({"Service": "a.amazonaws.com"})),
            from(&json!({"Service": ["a.amazonaws.com", "b.amazonaws.com"]})),
            Broader,
        ),
        (
            "all but one",
            from(&json!({"AWS": "111122223333"})),
            json!({"Effect": "Allow", "NotPrincipal": {"AWS": "444455556666"}, "Action": "sts:AssumeRole"}),
            Broader,
        ),
        (
            "a resource for another",
            allow(&json!("s:Get"), &json!({"Fn::GetAtt": ["QueueA", "Arn"]})),
            allow(&json!("s:Get"), &json!({"Fn::GetAtt": ["QueueB", "Arn"]})),
            Broader,
        ),
        (
            "perhaps two parameters for the same",
            allow(&json!("s:Get"), &json!({"Ref": "A"})),
            allow(&json!("s:Get"), &json!({"Ref": "B"})),
            Unknown,
        ),
        (
            "another role is trusted",
            aws(&json!({"Fn::GetAtt": ["RoleA", "Arn"]})),
            aws(&json!({"Fn::GetAtt": ["RoleB", "Arn"]})),
            Broader,
        ),
        (
            "a resource more",
            allow(&json!("s:Get"), &json!({"Ref": "A"})),
            allow(&json!("s:Get"), &json!([{"Ref": "A"}, {"Ref": "B"}])),
            Broader,
        ),
        (
            "perhaps the same",
            allow(&json!("s:Get"), &json!({"Fn::GetAtt": ["A", "Arn"]})),
            allow(&json!("s:Get"), &json!("arn:aws:sqs:eu-west-1:1:a")),
            Unknown,
        ),
        (
            "a statement that is a macro",
            simple("s:Get"),
            json!([simple("s:Get"), {"Fn::Transform": {"Name": "X"}}]),
            Broader,
        ),
        ("the macro gone", json!([simple("s:Get"), {"Fn::Transform": {"Name": "X"}}]), simple("s:Get"), Unknown),
        ("too complex to tell", simple(&("*a".to_owned() + &"?".repeat(60))), simple(&"*a".repeat(40)), Unknown),
    ] {
        assert_eq!(verdict(&old, &new), meaning, "{what}: {:?}", compare(&permissions(&old), &permissions(&new)));
        let back = verdict(&new, &old);
        let opposite = match meaning {
            Narrower => vec![Broader],
            Equivalent => vec![Equivalent],
            _ => vec![Broader, Narrower, Unknown],
        };
        assert!(opposite.contains(&back), "{what}, backwards: {back:?}");
    }
}

#[test]
fn boundaries_and_policies_that_are_elsewhere() {
    use Verdict::{Broader, Equivalent, Narrower, Unknown};
    let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let some = json!({"Effect": "Allow", "Action": "s:*", "Resource": "*"});
    let of = |statement: &Json, attached: &[&str], boundary: Boundary| Permissions {
        documents: vec![policy(statement)],
        attached: attached.iter().map(ToString::to_string).collect(),
        boundary,
    };
    let within = |statement: &Json| Boundary::Documents(vec![policy(statement)]);
    let named = |name: &str| Boundary::Elsewhere(name.to_owned());
    let read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let guard = "arn:aws:iam::111122223333:policy/Guard";
    let absent = || Boundary::Absent;
    for (what, old, new, meaning) in [
        ("a boundary removed", of(&all, &[], within(&some)), of(&all, &[], absent()), Broader),
        ("a boundary elsewhere removed", of(&some, &[], named("B")), of(&some, &[], absent()), Broader),
        ("a boundary added", of(&all, &[], absent()), of(&all, &[], within(&some)), Narrower),
        ("another boundary elsewhere", of(&some, &[], named("A")), of(&some, &[], named("B")), Unknown),
        ("fewer actions within the same one", of(&all, &[], named("B")), of(&some, &[], named("B")), Narrower),
        ("a boundary that limits nothing", of(&some, &[], absent()), of(&some, &[], within(&all)), Equivalent),
        ("a boundary widened", of(&all, &[], within(&some)), of(&all, &[], within(&all)), Broader),
        ("the other way round", of(&all, &[], within(&some)), of(&some, &[], within(&all)), Equivalent),
        ("a policy attached", of(&some, &[], absent()), of(&some, &[read_only], absent()), Broader),
        ("a policy of AWS detached", of(&some, &[read_only], absent()), of(&some, &[], absent()), Narrower),
        ("a policy that may deny detached", of(&some, &[guard], absent()), of(&some, &[], absent()), Unknown),
        ("one policy for another", of(&some, &[read_only], absent()), of(&some, &[guard], absent()), Unknown),
        ("less beside a policy", of(&all, &[read_only], absent()), of(&some, &[read_only], absent()), Narrower),
        ("more than an administrator", of(&all, &[], absent()), of(&all, &[read_only], absent()), Equivalent),
    ] {
        assert_eq!(compare(&old, &new).verdict(), meaning, "{what}: {:?}", compare(&old, &new));
    }
}

#[test]
fn a_hundred_users_are_decided() {
    let actions = json!(["iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey"]);
    let of = |users: std::ops::Range<u8>| {
        let arns: Vec<Json> = users.map(|n| json!({"Fn::Sub": format!("{USERS}user{n}")})).collect();
        json!({"Effect": "Allow", "Action": actions, "Resource": arns})
    };
    assert_eq!(verdict(&of(0..100), &of(0..99)), Verdict::Narrower);
    assert_eq!(verdict(&of(0..100), &of(1..101)), Verdict::Broader);
    assert_eq!(verdict(&of(0..100), &json!([of(50..100), of(0..50)])), Verdict::Equivalent);
}

#[test]
fn a_gained_permission_has_an_example() {
    let old = permissions(&json!({"Effect": "Allow", "Action": "sns:Publish", "Resource": {"Ref": "Topic"}}));
    let new = json!({"Effect": "Allow", "Action": ["sns:Publish", "sns:Get*"], "Resource": {"Ref": "Topic"}});
    let comparison = compare(&old, &permissions(&new));
    assert_eq!(
        comparison,
        Comparison {
            gained: Certainty::Yes,
            lost: Certainty::No,
            example: Some("sns:Get* (pattern) on ${Topic}".into())
        }
    );
}

/// An example is never empty, is not cut at a wildcard, and shows the most powerful action.
#[test]
fn an_example_shows_the_most_powerful_action() {
    let allow = |action: Json, resource: &str| json!({"Effect": "Allow", "Action": action, "Resource": resource});
    let trust = |principal: &Json| json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
    let except = |element: &str, value: Json| {
        let mut statement = json!({"Effect": "Allow", element: value});
        if element != "NotAction" {
            statement["Action"] = "s3:GetObject".into();
        }
        if element == "NotPrincipal" {
            statement["Action"] = "sts:AssumeRole".into();
        } else if element != "NotResource" {
            statement["Resource"] = "*".into();
        }
        statement
    };
    let deny = |action: &str| json!({"Effect": "Deny", "Action": action, "Resource": "*"});
    let of_many = |last: &str| {
        let many = (0..200).map(|n| allow(json!("s3:GetObject"), &format!("arn:aws:s3:::b{n}/*")));
        Json::Array(many.chain([allow(json!(last), "*")]).collect())
    };
    let users = "arn:aws:iam::111122223333:user/*";
    for (old, new, example) in [
        (json!([]), allow(json!("*"), "*"), "iam:AttachRolePolicy on *"),
        (json!([]), except("NotAction", json!("iam:*")), "sts:AssumeRole on *"),
        (
            json!([]),
            allow(json!(["ec2:Describe*", "iam:CreateAccessKey"]), users),
            "iam:CreateAccessKey on arn:aws:iam::111122223333:user/*",
        ),
        (allow(json!("iam:Create*"), "*"), allow(json!("iam:*"), "*"), "iam:AttachRolePolicy on *"),
        (json!([]), allow(json!("ec2:Describe*"), "*"), "ec2:Describe* (pattern) on *"),
        (json!([]), allow(json!("ec2:*"), "*"), "ec2:RunInstances on *"),
        (json!([]), trust(&json!("*")), "sts:AssumeRole by anybody"),
        (json!([]), trust(&json!({"AWS": "444455556666"})), "sts:AssumeRole by AWS:444455556666:root"),
        // Wildcards within a name.
        (json!([]), allow(json!("iam:*AccessKey*"), "*"), "iam:CreateAccessKey on *"),
        (json!([]), allow(json!("iam:?reateAccessKey"), "*"), "iam:CreateAccessKey on *"),
        (json!([]), allow(json!("IAM:createACCESSkey"), "*"), "iam:CreateAccessKey on *"),
        (json!([]), allow(json!("s3:Get0*"), "*"), "s3:Get0* (pattern) on *"),
        (json!([]), allow(json!("*:Tag?esource"), "*"), "*:Tag?esource (pattern) on *"),
        (
            allow(json!(["iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey"]), "*"),
            allow(json!("iam:*AccessKey*"), "*"),
            "iam:*AccessKey* (pattern) on *",
        ),
        // What a deny, or a part of it, no longer excludes.
        (
            json!([allow(json!("*"), "*"), deny("ec2:Describe*")]),
            allow(json!("*"), "*"),
            "ec2:Describe* (pattern) on *",
        ),
        (json!([allow(json!("*"), "*"), deny("iam:*Key")]), allow(json!("*"), "*"), "iam:CreateAccessKey on *"),
        // Exceptions.
        (json!([]), except("NotResource", json!("arn:aws:s3:::b/*")), "s3:GetObject on * except arn:aws:s3:::b/*"),
        (json!([]), except("NotResource", json!([])), "s3:GetObject on *"),
        (
            json!([]),
            except("NotResource", json!(["a", "b", "c", "d", "e"])),
            "s3:GetObject on * except a, b, c and 2 more",
        ),
        (
            allow(json!("iam:TagUser"), "arn:aws:iam::1:user/a"),
            allow(json!("iam:TagUser"), "*"),
            "iam:TagUser on * except arn:aws:iam::1:user/a",
        ),
        (
            json!([]),
            except("NotPrincipal", json!({"AWS": "444455556666"})),
            "sts:AssumeRole by anybody except AWS:444455556666:*",
        ),
        (json!([]), allow(json!("s3:GetObject"), ""), "s3:GetObject on \"\""),
        (
            json!([]),
            except("NotAction", json!(["i*", "s*", "k*", "l*", "c*", "e*", "d*"])),
            "* except c*, d*, e* and 4 more (pattern) on *",
        ),
        // The most powerful one may be the last.
        (json!([]), of_many("iam:PassRole"), "iam:PassRole on *"),
        (json!([]), of_many("iam:*"), "iam:AttachRolePolicy on *"),
    ] {
        let comparison = compare(&permissions(&old), &permissions(&new));
        assert_eq!(comparison.example.as_deref(), Some(example), "{old} {new}: {comparison:?}");
    }
}

#[test]
fn the_evaluator_decides_as_iam_documents_it() {
    use Decision::{Allowed, ExplicitlyDenied, NotAllowed};
    let request = |action: &str, resource: &str, context: &[(&str, &[&str])]| AccessRequest {
        principal: "AWS:arn:aws:iam::111122223333:role/x".into(),
        action: action.into(),
        resource: resource.into(),
        context: context
            .iter()
            .map(|(key, values)| ((*key).into(), values.iter().map(ToString::to_string).collect()))
            .collect(),
    };
    let when = |condition: Json| json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
    let all = || json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    for (statement, request, decision) in [
        (json!({"Effect": "Allow", "Action": "S:g?t*", "Resource": "a*c"}), request("s:GetAll", "abc", &[]), Allowed),
        (json!({"Effect": "Allow", "Action": "s:Get", "Resource": "A"}), request("s:Get", "a", &[]), NotAllowed),
        (
            json!([all(), {"Effect": "Deny", "NotAction": "s:*", "Resource": "*"}]),
            request("t:Get", "a", &[]),
            ExplicitlyDenied,
        ),
        (
            json!({"Effect": "Allow", "Action": "*", "Resource": "u/${aws:username}/*"}),
            request("s:Get", "u/al/x", &[("aws:username", &["al"])]),
            Allowed,
        ),
        (
            json!({"Effect": "Allow", "Action": "*", "Resource": "u/${aws:username}/*"}),
            request("s:Get", "u/al/x", &[]),
            NotAllowed,
        ),
        (json!({"Effect": "Allow", "Action": "*", "Resource": "${*}"}), request("s:Get", "a", &[]), NotAllowed),
        (
            json!({"Effect": "Allow", "Action": "*", "Resource": {"Fn::Sub": "${Topic.Arn}"}}),
            request("s:Get", "the Topic.Arn", &[]),
            Allowed,
        ),
        // The policies of the account decide. An identity that is named needs none.
        (
            json!({"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "*"}),
            request("s:Get", "a", &[]),
            NotAllowed,
        ),
        (
            json!({"Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "*"}),
            request("s:Get", "a", &[]),
            NotAllowed,
        ),
        (when(json!({"StringNotEquals": {"k": "x"}})), request("s:Get", "a", &[]), Allowed),
        (when(json!({"StringEquals": {"k": "x"}})), request("s:Get", "a", &[]), NotAllowed),
        (when(json!({"StringEqualsIfExists": {"K": "x"}})), request("s:Get", "a", &[]), Allowed),
        (
            when(json!({"ForAllValues:StringLike": {"k": "x*"}})),
            request("s:Get", "a", &[("k", &["x1", "x2"])]),
            Allowed,
        ),
        (
            when(json!({"ForAllValues:StringLike": {"k": "x*"}})),
            request("s:Get", "a", &[("k", &["x1", "y"])]),
            NotAllowed,
        ),
        (
            when(json!({"ForAnyValue:StringNotEquals": {"k": "x"}})),
            request("s:Get", "a", &[("k", &["x", "y"])]),
            Allowed,
        ),
        (when(json!({"ForAnyValue:StringNotEquals": {"k": "x"}})), request("s:Get", "a", &[]), NotAllowed),
        (when(json!({"Null": {"k": true}})), request("s:Get", "a", &[]), Allowed),
        (when(json!({"Bool": {"k": "false"}})), request("s:Get", "a", &[("k", &["False"])]), Allowed),
        (
            when(json!({"NotIpAddress": {"k": "10.0.0.0/8"}})),
            request("s:Get", "a", &[("k", &["10.2.3.4"])]),
            NotAllowed,
        ),
        (when(json!({"NumericGreaterThanEquals": {"k": 10}})), request("s:Get", "a", &[("k", &["9"])]), NotAllowed),
        (
            when(json!({"DateLessThan": {"k": "2026-02-01T00:00:00Z"}})),
            request("s:Get", "a", &[("k", &["2026-01-01T00:00:00Z"])]),
            Allowed,
        ),
        (
            when(json!({"ArnLike": {"k": "arn:aws:s3:*:b"}})),
            request("s:Get", "a", &[("k", &["arn:aws:s3:::b"])]),
            NotAllowed,
        ),
        (
            when(json!({"ArnLike": {"k": "arn:aws:*:::b*"}})),
            request("s:Get", "a", &[("k", &["arn:aws:s3:::b:c"])]),
            Allowed,
        ),
        (when(json!({"FutureEquals": {"k": "x"}})), request("s:Get", "a", &[("k", &["x"])]), NotAllowed),
    ] {
        let document = EvaluatedPolicy::read(&policy(&statement), &|name| Some(format!("the {name}"))).unwrap();
        assert_eq!(decide(std::slice::from_ref(&document), None, &request), decision, "{statement}, {request:?}");
        let nothing = EvaluatedPolicy::read(&policy(&json!([])), &|_| None).unwrap();
        let bounded = decide(&[document], Some(&[nothing]), &request);
        assert_eq!(bounded, if decision == Allowed { NotAllowed } else { decision }, "within an empty boundary");
    }
    for statement in [json!({"Effect": "Allow", "Action": {"Ref": "X"}}), json!({"Effect": {"Ref": "X"}}), json!("x")] {
        assert!(EvaluatedPolicy::read(&policy(&statement), &|_| None).is_err(), "{statement}");
    }
}

// Random policies over a few actions and resources, so that almost every pair of patterns overlaps.

const ACTIONS: [&str; 10] = ["*", "s:*", "s:a*", "s:?", "S:A", "s:b", "t:a", "*a", "s:ab", "t:*b"];
/// `$A` is a reference of the template.
const RESOURCES: [&str; 12] =
    ["*", "r*", "r?", "r1", "r2", "*2", "u/${aws:username}", "q", "$A", "r$A", "r$AWS::AccountId", "$B*"];
const PRINCIPALS: [&str; 4] =
    ["111122223333", "arn:aws:iam::111122223333:role/x", "arn:aws:iam::111122223333:root", "*"];
const VALUES: [&str; 7] = ["x", "y", "x*", "*", "xy", "?", "$A"];
const OPERATORS: [&str; 11] = [
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "StringEqualsIfExists",
    "StringNotLikeIfExists",
    "ForAllValues:StringLike",
    "ForAllValues:StringNotEquals",
    "ForAnyValue:StringLike",
    "ForAnyValue:StringNotEquals",
    "StringEqualsIgnoreCase",
];

fn some(from: &'static [&'static str], most: usize) -> impl Strategy<Value = Json> {
    let reference = |text: &str| match text.split_once('$') {
        Some((before, name)) if !name.starts_with('{') => {
            let (name, after) = name.strip_suffix('*').map_or((name, ""), |name| (name, "*"));
            json!({ "Fn::Sub": format!("{before}${{{name}}}{after}") })
        }
        _ => json!(text),
    };
    subsequence(from, 1..=most).prop_map(move |list| list.into_iter().map(reference).collect())
}

fn condition() -> impl Strategy<Value = Json> {
    let text = (select(&OPERATORS), select(&["k", "m"]), some(&VALUES, 2));
    let null = (select(&["k", "m"]), select(&["true", "false"])).prop_map(|(key, is)| json!({"Null": {key: is}}));
    let truth = (select(&["Bool", "BoolIfExists"]), select(&["true", "false"]));
    let number = (select(&["NumericLessThan", "NumericGreaterThanEquals", "NumericEquals", "NumericNotEquals"]), 1..4);
    prop_oneof![
        6 => text.prop_map(|(operator, key, values)| json!({operator: {key: values}})),
        1 => null,
        1 => truth.prop_map(|(operator, is)| json!({operator: {"b": is}})),
        1 => number.prop_map(|(operator, n)| json!({operator: {"n": n}})),
    ]
}

fn conditions() -> impl Strategy<Value = Json> {
    prop::collection::vec(condition(), 0..=2).prop_map(|list| {
        let mut all = Map::new();
        for condition in list {
            all.extend(condition.as_object().unwrap().clone());
        }
        Json::Object(all)
    })
}

fn statement() -> impl Strategy<Value = Json> {
    let not = || prop::bool::weighted(0.25);
    let parts = (prop::bool::weighted(0.7), not(), some(&ACTIONS, 3), not(), some(&RESOURCES, 3), not());
    (parts, some(&PRINCIPALS, 2), prop::bool::weighted(0.3), conditions()).prop_map(
        |((allow, not_action, actions, not_resource, resources, not_principal), principals, named, conditions)| {
            let name = |not: bool, name: &str| if not { format!("Not{name}") } else { name.to_owned() };
            let mut statement = Map::new();
            statement.insert("Effect".into(), json!(if allow { "Allow" } else { "Deny" }));
            statement.insert(name(not_action, "Action"), actions);
            statement.insert(name(not_resource, "Resource"), resources);
            if named {
                statement.insert(name(not_principal, "Principal"), json!({"AWS": principals}));
            }
            if conditions.as_object().is_some_and(|conditions| !conditions.is_empty()) {
                statement.insert("Condition".into(), conditions);
            }
            Json::Object(statement)
        },
    )
}

fn statements() -> impl Strategy<Value = Vec<Json>> {
    prop_oneof![prop::collection::vec(statement(), 1), prop::collection::vec(statement(), 1..=3)]
}

/// Two policies that differ only in their conditions: another operator on the same values, or other conditions.
fn conditions_alone() -> impl Strategy<Value = (Vec<Json>, Vec<Json>)> {
    (condition(), condition(), select(&OPERATORS), 0..4_u8, any::<bool>()).prop_map(
        |(one, two, operator, change, deny)| {
            let keys = one.as_object().unwrap().values().next().unwrap().clone();
            let other = if change > 0 { json!({ operator: keys }) } else { two };
            let with = |condition: &Json| {
                let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
                let mut statement = all.clone();
                statement["Condition"] = condition.clone();
                if deny {
                    statement["Effect"] = "Deny".into();
                    return vec![all, statement];
                }
                vec![statement]
            };
            (with(&one), with(&other))
        },
    )
}

/// Two policies: unrelated, or one made from the other by a typical change.
fn pair() -> impl Strategy<Value = (Vec<Json>, Vec<Json>)> {
    let change = (statements(), any::<prop::sample::Index>(), 0..14_u8, statement());
    let changed = change.prop_map(|(old, index, change, other)| {
        let mut new = old.clone();
        let at = index.index(old.len());
        let replace = |new: &mut Vec<Json>, keys: &[&str]| {
            let statement = new[at].as_object_mut().unwrap();
            for key in keys {
                statement.shift_remove(*key);
                other.get(*key).map(|value| statement.insert((*key).to_owned(), value.clone()));
            }
        };
        match change {
            0 => drop(new.remove(at)),
            1 => new.push(other),
            2 => replace(&mut new, &["Effect"]),
            3 => replace(&mut new, &["Condition"]),
            4 => replace(&mut new, &["Principal", "NotPrincipal"]),
            5 if other.get("Action").is_some() && new[at].get("Action").is_some() => replace(&mut new, &["Action"]),
            6 if other.get("Resource").is_some() && new[at].get("Resource").is_some() => {
                replace(&mut new, &["Resource"]);
            }
            // Split by resource.
            7 => {
                let list = new[at]["Resource"].as_array().cloned().unwrap_or_default();
                let whole = if list.is_empty() { Json::Null } else { new.remove(at) };
                for resource in list {
                    let mut part = whole.clone();
                    part["Resource"] = resource;
                    new.push(part);
                }
            }
            // A list with one entry less.
            8 => {
                for key in ["Action", "Resource", "NotAction", "NotResource"] {
                    if let Some(list) = new[at].get_mut(key).and_then(Json::as_array_mut).filter(|list| list.len() > 1)
                    {
                        list.pop();
                        break;
                    }
                }
            }
            // Another operator on the same key and values.
            9 | 10 => {
                let both = new[at]
                    .get("Condition")
                    .zip(other.get("Condition"))
                    .map(|(own, other)| (own.clone(), other.clone()));
                if let Some((own, other)) = both
                    && let (Some((_, keys)), Some((operator, _))) =
                        (own.as_object().unwrap().iter().next(), other.as_object().unwrap().iter().next())
                {
                    new[at]["Condition"] = json!({ operator: keys });
                }
            }
            // Only another pattern.
            11 | 12 => {
                let key = ["Action", "Resource"][usize::from(change == 11)];
                if let (Some(_), Some(pattern)) = (new[at].get(key), other.get(key).and_then(|list| list.get(0))) {
                    new[at][key] = pattern.clone();
                }
            }
            // The complement of a selection.
            _ => {
                let statement = new[at].as_object_mut().unwrap();
                if let Some(resources) = statement.shift_remove("Resource") {
                    statement.insert("NotResource".into(), resources);
                }
            }
        }
        (old, new)
    });
    prop_oneof![3 => changed, 1 => (statements(), statements()), 3 => conditions_alone()]
}

fn requests() -> Vec<AccessRequest> {
    let contexts: [&[(&str, &[&str])]; 16] = [
        &[],
        &[("k", &["x"])],
        &[("k", &["y"])],
        &[("k", &["xy"])],
        &[("k", &["X"]), ("b", &["true"])],
        &[("k", &["zz"])],
        &[("k", &["x", "y"])],
        &[("k", &["x", "zz"]), ("m", &["x"])],
        &[("m", &["x"]), ("n", &["1"])],
        &[("m", &["zz"]), ("n", &["2"])],
        &[("k", &["x"]), ("m", &["y"]), ("n", &["3"])],
        &[("k", &["x"]), ("m", &["x", "xy"]), ("n", &["0"])],
        &[("b", &["true"])],
        &[("b", &["false"]), ("k", &["y"])],
        &[("b", &["false"])],
        &[("n", &["4"]), ("k", &["*"])],
    ];
    let mut all = Vec::new();
    for principal in ["AWS:arn:aws:iam::111122223333:role/x", "AWS:arn:aws:iam::111122223333:role/z", "Service:a"] {
        for action in ["s:a", "s:b", "s:ab", "s:c", "t:a", "t:ab", "u:z"] {
            for resource in ["r1", "r2", "r12", "q", "u/al", "2", "z"] {
                for context in contexts {
                    let mut context: BTreeMap<String, Vec<String>> = context
                        .iter()
                        .map(|(key, values)| ((*key).into(), values.iter().map(ToString::to_string).collect()))
                        .collect();
                    context.insert("aws:username".into(), vec!["al".into()]);
                    let (principal, action, resource) = (principal.into(), action.into(), resource.into());
                    all.push(AccessRequest { principal, action, resource, context });
                }
            }
        }
    }
    all
}

/// The values of the template's references in one deployment.
type Deployment = [&'static str; 3];

const DEPLOYMENTS: [Deployment; 5] =
    [["r1", "r", "1"], ["1", "x", "2"], ["", "", "12"], ["x", "x", "1"], ["u/al", "q", "2"]];

/// For each request, whether the policies allow it.
fn allowed(permissions: &Permissions, requests: &[AccessRequest], deployment: &Deployment) -> Vec<bool> {
    let resolve = |name: &str| {
        let index = ["A", "B", "AWS::AccountId"].iter().position(|known| *known == name)?;
        Some(deployment[index].to_owned())
    };
    let read =
        |list: &[Json]| list.iter().map(|json| EvaluatedPolicy::read(json, &resolve).unwrap()).collect::<Vec<_>>();
    let documents = read(&permissions.documents);
    let boundary = match &permissions.boundary {
        Boundary::Documents(documents) => Some(read(documents)),
        _ => None,
    };
    requests.iter().map(|r| decide(&documents, boundary.as_deref(), r) == Decision::Allowed).collect()
}

fn as_permissions((statements, boundary): (Vec<Json>, Option<Vec<Json>>)) -> Permissions {
    let boundary = boundary.map_or(Boundary::Absent, |boundary| Boundary::Documents(vec![policy(&json!(boundary))]));
    Permissions { boundary, ..permissions(&json!(statements)) }
}

/// Evaluates every possible request with both policies. No result may contradict the verdict on them.
fn never_contradicted(
    old: &Permissions,
    new: &Permissions,
    requests: &[AccessRequest],
    deployment: &Deployment,
) -> Result<(), TestCaseError> {
    let comparison = compare(old, new);
    let (before, after) = (allowed(old, requests, deployment), allowed(new, requests, deployment));
    let only = |here: &[bool], there: &[bool]| {
        let at = here.iter().zip(there).position(|(here, there)| *here && !there);
        at.map(|at| requests[at].clone())
    };
    if comparison.gained == Certainty::No {
        prop_assert_eq!(only(&after, &before), None, "said to have gained nothing");
    }
    if comparison.lost == Certainty::No {
        prop_assert_eq!(only(&before, &after), None, "said to have lost nothing");
    }
    let back = compare(new, old);
    prop_assert_eq!((comparison.gained, comparison.lost), (back.lost, back.gained), "the same backwards");
    let same = compare(new, new);
    prop_assert_eq!((same.gained, same.lost), (Certainty::No, Certainty::No));
    Ok(())
}

#[test]
fn no_request_contradicts_a_verdict() {
    let requests = requests();
    let cases = if std::env::var_os("PROVE").is_some() { 20_000 } else { 250 };
    let bounded = (pair(), prop::option::weighted(0.3, pair()), select(&DEPLOYMENTS));
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let run = runner.run(&bounded, |((old, new), boundary, deployment)| {
        let (old_boundary, new_boundary) = boundary.unzip();
        let (old, new) = (as_permissions((old, old_boundary)), as_permissions((new, new_boundary)));
        never_contradicted(&old, &new, &requests, &deployment)
    });
    run.unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn most_changes_are_decided() {
    let mut runner = TestRunner::deterministic();
    let verdicts: Vec<Verdict> = (0..300)
        .map(|_| {
            let (old, new) = pair().new_tree(&mut runner).unwrap().current();
            compare(&permissions(&json!(old)), &permissions(&json!(new))).verdict()
        })
        .collect();
    let count = |verdict| verdicts.iter().filter(|v| **v == verdict).count();
    let counts = [Verdict::Equivalent, Verdict::Narrower, Verdict::Broader, Verdict::Unknown].map(count);
    assert!(counts[..3].iter().all(|n| *n >= 20), "each occurs: {counts:?}");
    assert!(counts[3] <= 30, "unknown is rare: {counts:?}");
}
