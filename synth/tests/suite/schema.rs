//! The JSON Schema accepts exactly what the reader of the configuration accepts.

use std::collections::BTreeSet;

use crate::common::{Python, keys, read};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value as Json, json};
use synth::config::{self, Overrides};

/// Whether the reader accepts this setting alone. Rules between settings do not count.
fn reader_accepts(setting: &str, value: &Json) -> bool {
    let mut file = json!({ "users": ["alice"], "emails": ["a@example.com"] });
    file[setting] = value.clone();
    // JSON is also YAML, if its control characters are escaped. A character that cannot be seen would get a message of its own.
    let needs_escape = |c: char| c.is_control() || !c.is_ascii() && u32::from(c) <= 0xffff;
    let escaped = |c: char| if needs_escape(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    let text: String = file.to_string().chars().map(escaped).collect();
    let single = |message: &str| message.starts_with(&format!("{setting}: "));
    match config::read(&text, Overrides::default()) {
        Ok(_) => true,
        Err(problems) => !problems.list().iter().any(|problem| single(&problem.message)),
    }
}

fn verdicts(values: &[(String, Json)], documents: &[String]) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let task = json!({ "schema": config::schema(), "values": values, "documents": documents });
    let answer = Python::start("validate.py", &[]).ask(&task.to_string());
    let list = |name: &str| serde_json::from_value(answer[name].clone()).unwrap();
    (list("values"), list("documents"))
}

/// Values that are valid or almost valid, for each setting. For a list, they are single items.
fn seeds(setting: &str) -> Vec<String> {
    let texts = match setting {
        "encrypt_to" => {
            let ed25519 = keys::ssh_ed25519();
            let with_comment = format!("{ed25519} me@home, 日本");
            return vec![keys::age([7; 31]), keys::ssh_rsa(256), keys::ssh_rsa(512), ed25519, with_comment];
        }
        "users" | "exempt" => vec![
            "alice",
            "/ci/deployer",
            "/a/b/c",
            "a+b=c,d.e@f_g-h",
            "/",
            "/ci/eu/",
            "tag:rotate=yes",
            "tag:a:b/c+d@e=",
            "tag:a=b=c",
            "group:people",
        ],
        "user_tags" => vec!["ignored", "honoured"],
        "emails" => vec!["a@b.co", "first.last+tag@sub.example.org", "x@1-a.b2", "a@127.0.0.1"],
        "language" => vec!["en", "ja"],
        "account_name" => vec!["none", "payments-prod", "a-1", "123", "ab", "a--b"],
        "digest" => vec!["always", "changes", "never"],
        "schedule" => vec![
            "rate(1 day)",
            "rate(87672 hours)",
            "rate(5260321 minutes)",
            "cron(0 9 ? * MON-FRI *)",
            "cron(0/15 08-18 1,15 jan-JUN ? 2026-2030)",
            "cron(59 23 LW 12 ? 2199)",
            "cron(0 0 ? * 6#5 1970)",
            "cron(*/30 * 31W */2 ? *)",
            "cron(0 0 ? * L *)",
            "at(2028-02-29T09:00:00)",
            "at(2100-02-29T09:00:00)",
            "at(2027-12-31T23:59:59)",
        ],
        "time_zone" => vec!["UTC", "Asia/Tokyo", "America/Argentina/Ushuaia"],
        "still_in_use" => vec!["wait", "retire"],
        "disabled_users" => vec!["skip", "replace"],
        "unconfirmed_recipients" => vec!["hold", "proceed"],
        "secret_readers" => vec![
            "arn:aws:iam::111122223333:role/a",
            "arn:aws-cn:iam::111122223333:user/ci/deployer",
            "arn:aws-us-gov:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_x",
        ],
        "secret_kms_key" => vec![
            "aws/secretsmanager",
            "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
        ],
        "notify" => vec![
            "arn:aws:sqs:eu-west-1:111122223333:key-events",
            "arn:aws:sqs:eu-west-1:111122223333:events.fifo",
            "arn:aws-cn:lambda:cn-north-1:111122223333:function:update_secret",
            "arn:aws:lambda:eu-west-1:111122223333:function:f:live",
            "https://hooks.example.com",
            "https://a1.b-2.example:8443/keys?from=aws&v=1",
            "https://1.example.com/",
            "https://a.example.com:0/",
            "https://a.example.com:65535/",
            "https://a.example.com:65536/",
            "https://sqs.eu-west-1.amazonaws.com/111122223333/key-events",
            "https://sQs.cn-north-1.amazonAWS.com.cn:443",
            "https://sqs.eu-west-1.amazonaws.com.example.com/",
            "https://sqs.amazonaws.com",
            "https://127.0.0.1/",
        ],
        "delivery" => vec!["secrets-manager", "email", "email-encrypted"],
        "secret_prefix" => vec!["access-key-rotation", "a/b", "x", "/a", "a/"],
        "stack_name" => vec!["access-key-rotation", "A", "a1", "x-artifacts", "artifacts", "x-member", "member"],
        "organization" => vec!["none", "None", "o-abcdefghij"],
        "permissions_boundary" => vec![
            "none",
            "arn:aws:iam::111122223333:policy/boundary",
            "arn:aws-cn:iam::111122223333:policy/ops/boundary",
            "arn:aws:iam::aws:policy/PowerUserAccess",
        ],
        "role_path" => vec!["/", "/service/", "/service/rotation/"],
        "reserved_concurrency" => vec!["none", "1"],
        "tags" => vec![
            "team",
            "cost centre",
            "a:b/c+d@e_f.g-h",
            "managed-by",
            "Managed-By ",
            "aws:x",
            "access-key-rotation:x",
        ],
        "architecture" => vec!["arm64", "x86_64"],
        "memory" => vec!["128"],
        "topic_kms_key" | "log_kms_key" => vec![
            "own",
            "aws-owned",
            "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
            "arn:aws:kms:eu-west-1:111122223333:alias/mine",
            "arn:aws-:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        ],
        "dashboard" => vec!["none", "fleet"],
        "log_retention" => vec!["90d", "3653d", "24h"],
        "rotate_after" | "overlap" | "delete_after" | "wait_at_most" | "unused_after" | "warn_before" | "timeout" => {
            vec![
                "0",
                "00",
                "0d",
                "1m",
                "59s",
                "60s",
                "119s",
                "120s",
                "2m",
                "15m",
                "900s",
                "901s",
                "16m",
                "1h",
                "0001m",
                "36h",
                "90d",
                "3653d",
                "3654d",
                "87672h",
                "87673h",
                "5260320m",
                "5260321m",
                "315619200s",
                "315619201s",
                "forever",
                "never",
                "next-rotation",
            ]
        }
        other => panic!("{other}: add seeds: texts that the reader accepts, or nearly"),
    };
    texts.into_iter().map(str::to_owned).collect()
}

/// One of the texts, or such a text with one character changed, removed or added.
fn nearly(seeds: Vec<String>) -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => prop::sample::select("0123456789dhms/*?,-#LW@.+_ ()aZ:T".chars().collect::<Vec<_>>()),
        1 => any::<char>(),
    ];
    (prop::sample::select(seeds), 0..5u8, any::<prop::sample::Index>(), character).prop_map(
        |(text, change, at, new)| {
            let mut chars: Vec<_> = text.chars().collect();
            let at = at.index(chars.len());
            match change {
                0 => chars[at] = new,
                1 => drop(chars.remove(at)),
                2 => chars.insert(at, new),
                3 => chars.push(new),
                _ => {}
            }
            chars.into_iter().collect()
        },
    )
}

/// Entries of `users` that are maps.
fn entries() -> Vec<Json> {
    vec![
        json!({ "name": "alice" }),
        json!({ "owner": "a@b.co" }),
        json!({ "name": "alice", "owner": null }),
        json!({ "name": "alice", "owner": ["a@b.co"] }),
        json!({ "name": "alice", "onwer": "a@b.co" }),
        json!({ "name": { "name": "alice" } }),
        json!({ "name": "alice", "encrypt_to": [keys::age([7; 31])] }),
        json!({ "name": "alice", "encrypt_to": [] }),
        json!({ "name": "alice", "encrypt_to": keys::age([7; 31]) }),
        json!({ "name": "alice", "encrypt_to": ["a@b.co"] }),
        json!({ "name": "/ci/", "encrypt_to": [keys::age([7; 31])] }),
        json!({ "name": "tag:a=b", "encrypt_to": [keys::age([7; 31])] }),
        json!({ "name": "/ci/", "owner": "a@b.co", "rotate_after": "30d", "overlap": "1d" }),
        json!({ "name": "tag:a=b", "rotate_after": "1m", "overlap": 0 }),
        json!({ "name": "alice", "rotate_after": 0 }),
        json!({ "name": "alice", "rotate_after": "30s" }),
        json!({ "name": "alice", "overlap": "soon" }),
        json!({ "name": "group:people" }),
        json!({ "tag": "a=b" }),
        json!({ "name": "alice", "account": "111122223333" }),
        json!({ "name": "alice", "account": 111_122_223_333_u64 }),
        json!({ "name": "alice", "account": "11112222333" }),
        json!({ "name": "/ci/", "account": "111122223333" }),
        json!({ "name": "tag:a=b", "account": "111122223333" }),
    ]
}

/// Values of `organization`: a right one, and such a one with one field changed or removed.
fn organizations(runner: &mut TestRunner) -> Vec<Json> {
    let right = json!({
        "id": "o-abcdefghij", "region": "eu-west-1", "units": ["ou-abcd-11112222", "ou-abcd-33334444"],
        "first": "111122223333", "administrator": "management-account",
    });
    let texts = |seeds: &[&str]| nearly(seeds.iter().map(|text| (*text).to_owned()).collect());
    let accounts = texts(&["111122223333", "012345678901"]);
    let fields = [
        ("id", texts(&["o-abcdefghij", &format!("o-{}", "a1".repeat(16))])),
        ("region", texts(&["eu-west-1", "us-gov-west-1", "us-isob-east-1", "ap-northeast-3", "cn-north-1"])),
        ("units", texts(&["ou-abcd-11112222", "r-ab12", &format!("ou-{0}-{0}", "a".repeat(32))])),
        ("accounts", accounts),
        ("exclude", texts(&["111122223333"])),
        ("first", texts(&["111122223333"])),
        ("administrator", texts(&["management-account", "delegated-administrator"])),
    ];
    let mut values = vec![right.clone()];
    for (name, near) in fields {
        for _ in 0..100 {
            let text = Json::from(near.new_tree(runner).unwrap().current());
            let mut changed = right.clone();
            changed[name] = if ["units", "accounts", "exclude"].contains(&name) { json!([text]) } else { text };
            values.push(changed);
        }
        for odd in [json!([]), json!(null), json!(7), json!({ "a": "b" })] {
            let mut changed = right.clone();
            changed[name] = odd;
            values.push(changed);
        }
        let mut without = right.clone();
        without.as_object_mut().unwrap().shift_remove(name);
        values.push(without);
    }
    for units in [json!(["r-abcd", "ou-abcd-11112222"]), json!(["r-abcd", "r-abce"]), json!(["r-abcd"])] {
        let mut changed = right.clone();
        changed["units"] = units;
        values.push(changed);
    }
    let mut both = right.clone();
    both["accounts"] = json!(["111122223333"]);
    both["exclude"] = json!(["222233334444"]);
    let mut unknown = right;
    unknown["more"] = json!(1);
    values.extend([both, unknown]);
    values
}

#[test]
fn the_schema_and_the_reader_agree_on_every_single_value() {
    let schema = config::schema();
    let mut values = Vec::new();
    for (setting, rule) in schema["properties"].as_object().unwrap() {
        // One for each setting, so that a new setting does not change the values of the others.
        let mut runner = TestRunner::deterministic();
        let whole = |value: Json| match (rule["type"].as_str(), value.as_str()) {
            (Some("array"), _) => json!([value]),
            (Some("object"), Some(text)) => json!({ text: "a value", "a key": text }),
            _ => value,
        };
        let long = ["x".repeat(64), "x".repeat(65), "x".repeat(256), "x".repeat(257)];
        let paths = [511, 512].map(|length| format!("/{}/x", "p".repeat(length - 1)));
        let wide = [510, 511].map(|length| format!("/{}/", "p".repeat(length)));
        let tags = [(128, 256), (129, 256), (128, 257)];
        let tags = tags.map(|(key, value)| format!("tag:{}={}", "k".repeat(key), "v".repeat(value)));
        let groups = [128, 129].map(|length| format!("group:{}", "g".repeat(length)));
        let roles = [510, 511].map(|length| format!("arn:aws:iam::111122223333:role/{}/x", "p".repeat(length)));
        let mails = [64, 65].map(|length| format!("{}@b.co", "x".repeat(length)));
        let labels = [63, 64].map(|length| format!("a@{}.co", "x".repeat(length)));
        let awkward =
            ["", " ", "no", "2026-01-01", "7", "0", "日本", "a\n", "*", "${x}", "en ", "EN"].map(str::to_owned);
        let texts = seeds(setting).into_iter();
        let texts = texts
            .chain(long)
            .chain(paths)
            .chain(wide)
            .chain(tags)
            .chain(groups)
            .chain(roles)
            .chain(mails)
            .chain(labels)
            .chain(awkward)
            .collect::<Vec<_>>();
        values.extend(texts.into_iter().map(|text| (setting.clone(), whole(text.into()))));
        let near = nearly(seeds(setting));
        for _ in 0..250 {
            let text = near.new_tree(&mut runner).unwrap().current();
            values.push((setting.clone(), whole(text.into())));
        }
        if setting == "organization" {
            values.extend(organizations(&mut runner).into_iter().map(|value| (setting.clone(), value)));
        }
        if setting == "users" {
            let (names, owners) = (nearly(seeds("users")), nearly(seeds("emails")));
            let mut draw = |texts: &dyn Fn(&mut TestRunner) -> String| Json::from(texts(&mut runner));
            for _ in 0..250 {
                let name = draw(&|runner| names.new_tree(runner).unwrap().current());
                let owner = draw(&|runner| owners.new_tree(runner).unwrap().current());
                values.push((setting.clone(), json!([{ "name": name, "owner": owner }])));
            }
            for entry in entries() {
                values.push((setting.clone(), json!([entry])));
            }
        }
        for value in [
            json!(null),
            json!(true),
            json!(0),
            json!(7),
            json!(-1),
            json!(127),
            json!(128),
            json!(900),
            json!(901),
            json!(10_240),
            json!(10_241),
            json!(1.5),
            json!([]),
            json!(["alice"]),
            json!([["alice"]]),
            json!({}),
            json!({ "a": 1 }),
            json!({ "a": "b" }),
            json!({ "a": null }),
            json!({ "a": ["b"] }),
            (0..48).map(|n| (format!("k{n}"), "v")).collect(),
            (0..49).map(|n| (format!("k{n}"), "v")).collect(),
        ] {
            values.push((setting.clone(), whole(value.clone())));
            values.push((setting.clone(), value));
        }
        for example in rule["examples"].as_array().unwrap().iter().chain(rule.get("default")) {
            assert!(reader_accepts(setting, example), "{setting}: the example {example}");
            values.push((setting.clone(), example.clone()));
        }
    }
    let (verdicts, _) = verdicts(&values, &[]);
    let (mut good, mut bad) = (BTreeSet::new(), BTreeSet::new());
    for ((setting, value), wrong) in values.iter().zip(&verdicts) {
        let right = reader_accepts(setting, value);
        // No pattern can check whether a public key is complete.
        let agree = right == wrong.is_empty() || (setting == "encrypt_to" && !right);
        let reader = if right { "accepts" } else { "refuses" };
        assert!(agree, "{setting}: {value}: the reader {reader} it, the schema finds {wrong:?}");
        if wrong.is_empty() {
            good.insert(setting)
        } else {
            bad.insert(setting)
        };
    }
    let all: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!((&good, &bad), (&all, &all), "each setting was seen right and wrong");
}

#[test]
fn the_schema_takes_whole_files_as_the_reader_does() {
    let files = [
        "rotation.yaml",
        "examples/article.yaml",
        "examples/encrypted.yaml",
        "examples/fleet.yaml",
        "examples/organization.yaml",
    ]
    .map(read)
    .to_vec();
    let broken = files.iter().flat_map(|text| {
        [
            text.replace("users:", "usres:"),
            text.replace("emails:", "no_mails:"),
            format!("{text}\nmore: 1\n"),
            text.replace("stack_name: ", "stack_name: 1"),
        ]
    });
    let all: Vec<_> = files.iter().cloned().chain(broken).collect();
    let (_, verdicts) = verdicts(&[], &all);
    for (text, wrong) in all.iter().zip(&verdicts) {
        let reader = config::read(text, Overrides::default());
        assert_eq!(wrong.is_empty(), reader.is_ok(), "the schema finds {wrong:?} in {text}");
    }
    assert_eq!(verdicts.iter().filter(|wrong| wrong.is_empty()).count(), files.len());
}
