//! The fingerprint of a change.

use std::{fmt, str::FromStr};

use lambda::model::parse_error::ParseError;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

/// Identifies exactly one change: the old template, the new template, and what only AWS adds to the change.
///
/// - Two changes have the same fingerprint if their templates have the same contents. The order of keys, comments and
///   the layout of the YAML or JSON do not count. The order of a list and the type of a value do. So `synth diff` in a
///   pull request and a deployment give the same fingerprint if the pull request started from the deployed template.
/// - Every other change has another fingerprint, including the reverse change. The fingerprint covers both templates
///   completely, so an approval cannot include a part that a diff does not show.
/// - Parameters are not covered. A release of new code changes only parameters and needs no approval. If a parameter
///   makes AWS do more than the templates show, that is covered ([`Fingerprint::and`]).
/// - The handler's package is not covered, because a pull request has none. A deployment adds it
///   ([`Fingerprint::with_package`]), unless the package is from the reviewed tree.
///
/// Its text has 32 lower-case hexadecimal digits, which are the first 128 bits of a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The fingerprint of a change from one template to another, both in the canonical form. If there is no stack yet,
    /// `old` is an empty object.
    #[must_use]
    pub fn of(old: &Json, new: &Json) -> Self {
        // The first line is the version of the format. JSON text never contains a line break.
        Self::hash(&["synth diff 1", &canonical(old), &canonical(new)])
    }

    /// The fingerprint of this change together with what AWS adds. If AWS adds nothing, it stays the same.
    #[must_use]
    pub fn and(self, beyond: &[String]) -> Self {
        if beyond.is_empty() {
            return self;
        }
        // JSON, so that one text cannot look like two.
        let beyond = Json::from(beyond.to_vec()).to_string();
        Self::hash(&["synth diff 1 and", &self.to_string(), &beyond])
    }

    /// The fingerprint of this change together with a handler's package, which has this SHA-256.
    #[must_use]
    pub fn with_package(self, sha256: &str) -> Self {
        Self::hash(&["synth deploy 1", &self.to_string(), sha256])
    }

    fn hash(lines: &[&str]) -> Self {
        let hash = lines.iter().fold(Sha256::new(), |hash, line| hash.chain_update(line).chain_update("\n")).finalize();
        let mut fingerprint = [0; 16];
        fingerprint.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Self(fingerprint)
    }
}

/// A value as JSON with sorted keys and without white space.
fn canonical(value: &Json) -> String {
    match value {
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries: Vec<_> = entries
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Json::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        Json::Array(list) => format!("[{}]", list.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Fingerprint {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        let digits: Option<Vec<u8>> = text.bytes().map(digit).collect();
        let bytes =
            digits.map(|digits| digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, d| byte << 4 | d)).collect());
        bytes.filter(|_| text.len() == 32).and_then(|bytes: Vec<u8>| bytes.try_into().ok()).map(Self).ok_or_else(|| {
            ParseError {
                value: text.to_owned(),
                what: "a change's fingerprint",
                allowed: "32 digits of 0-9 and a-f, as `synth deploy` or `synth diff` prints it",
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{prelude::*, test_runner::Config};
    use serde_json::{Map, json};

    use super::*;
    use crate::cfn::read::read;

    fn values() -> impl Strategy<Value = Json> {
        let text = prop_oneof!["[a-c]{0,2}", any::<String>()];
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            text.clone().prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::btree_map(text.clone(), inner, 0..4)
                    .prop_map(|map: BTreeMap<String, Json>| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The same value with its keys in reverse order.
    fn reversed(value: &Json) -> Json {
        match value {
            Json::Object(map) => {
                Json::Object(map.iter().rev().map(|(key, value)| (key.clone(), reversed(value))).collect::<Map<_, _>>())
            }
            Json::Array(list) => list.iter().map(reversed).collect(),
            other => other.clone(),
        }
    }

    /// Every small change of a value: another leaf, an entry removed, an entry added, two entries swapped.
    fn changed(value: &Json) -> Vec<Json> {
        let mut all = vec![json!([value]), json!({ "": value })];
        match value {
            Json::Object(map) => {
                for (key, inner) in map {
                    let mut less = map.clone();
                    less.shift_remove(key);
                    let mut renamed = less.clone();
                    renamed.insert(format!("{key}x"), inner.clone());
                    all.push(less.into());
                    // If another entry had this name, this is the same as without the entry.
                    all.push(renamed.into());
                    all.extend(changed(inner).into_iter().map(|other| {
                        let mut map = map.clone();
                        map[key] = other;
                        Json::Object(map)
                    }));
                }
            }
            Json::Array(list) => {
                let mut more = list.clone();
                more.push(Json::Null);
                all.push(more.into());
                for at in 0..list.len() {
                    let mut less = list.clone();
                    less.remove(at);
                    all.push(less.into());
                    let mut swapped = list.clone();
                    swapped.swap(0, at);
                    all.push(swapped.into());
                    all.extend(changed(&list[at]).into_iter().map(|other| {
                        let mut list = list.clone();
                        list[at] = other;
                        list.into()
                    }));
                }
            }
            Json::String(text) => all.extend([format!("{text} ").into(), format!("{text}\n").into(), Json::Null]),
            other => all.push(other.to_string().into()),
        }
        all.retain(|other| other != value);
        all
    }

    proptest! {
        #![proptest_config(Config { cases: 200, failure_persistence: None, ..Config::default() })]

        #[test]
        fn only_the_order_of_keys_does_not_count(old in values(), new in values()) {
            let fingerprint = Fingerprint::of(&old, &new);
            prop_assert_eq!(Fingerprint::of(&reversed(&old), &reversed(&new)), fingerprint);
            for other in changed(&old) {
                prop_assert_ne!(Fingerprint::of(&other, &new), fingerprint, "{} for {}", other, old);
            }
            for other in changed(&new) {
                prop_assert_ne!(Fingerprint::of(&old, &other), fingerprint, "{} for {}", other, new);
            }
            prop_assert_eq!(Fingerprint::of(&new, &old) == fingerprint, old == new);
            prop_assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        }
    }

    #[test]
    fn the_layout_of_a_template_does_not_count() {
        let yaml = "# A queue.\nResources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties: {DelaySeconds: 1, Name: !Sub 'a'}\n";
        let json = r#"{"Resources": {"Q": {"Properties": {"Name": {"Fn::Sub": "a"}, "DelaySeconds": 1},
            "Type": "AWS::SQS::Queue"}}}"#;
        let (yaml, json, none) = (read(yaml).unwrap(), read(json).unwrap(), json!({}));
        assert_eq!(Fingerprint::of(&none, &yaml), Fingerprint::of(&none, &json));
        // Approvals are stored, so a fingerprint must not change by accident. If the format changes, its version must
        // change too.
        assert_eq!(Fingerprint::of(&none, &yaml).to_string(), "2bf6504cd81f35068fd697709c47f66d");
    }

    #[test]
    fn what_aws_adds_changes_the_fingerprint() {
        let fingerprint = Fingerprint::of(&json!({}), &json!({"a": 1}));
        let and = |beyond: &[&str]| fingerprint.and(&beyond.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
        assert_eq!(and(&[]), fingerprint);
        let all =
            [and(&[]), and(&["a"]), and(&["b"]), and(&["a", "b"]), and(&["ab"]), and(&["a\nb"]), and(&["a\",\"b"])];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{index}");
        }
    }

    #[test]
    fn a_package_changes_the_fingerprint() {
        let [change, other] = [json!(1), json!(2)].map(|new| Fingerprint::of(&json!({}), &new));
        let [a, b] = ["a".repeat(64), "b".repeat(64)];
        let all = [change, change.with_package(&a), change.with_package(&b), other.with_package(&a)];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{index}");
        }
    }

    #[test]
    fn a_fingerprint_is_32_lower_case_digits() {
        let digit = "0123456789abcdef".repeat(2);
        assert_eq!(digit.parse::<Fingerprint>().unwrap().to_string(), digit);
        for wrong in [
            "",
            "0",
            &digit[1..],
            &format!("{digit}0"),
            &digit.to_uppercase(),
            &digit.replace('0', "g"),
            &digit.replace("01", "é"),
        ] {
            let problem = wrong.parse::<Fingerprint>().unwrap_err();
            assert!(problem.to_string().contains("32 digits"), "{problem}");
        }
    }
}
