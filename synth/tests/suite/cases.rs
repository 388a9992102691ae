//! Changes that walked around an earlier version, each standing for a whole kind: `synth/tests/cases/diff/NAME` has both
//! templates and what `synth diff` must say about them.

use crate::common::{root, synth};
use serde_json::Value as Json;

#[test]
fn each_case_is_judged_as_expected() {
    let folder = root().join("synth/tests/cases/diff");
    let mut cases: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    for case in &cases {
        let name = case.file_name().unwrap().to_string_lossy();
        let read = |file: &str| std::fs::read(case.join(file)).unwrap_or_else(|e| panic!("{name}/{file}: {e}"));
        let expected: Json = serde_json::from_slice(&read("expected.json")).unwrap();
        let output = synth(case, &["diff", "old.yaml", "new.yaml", "--format", "json"]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let shown: Json = serde_json::from_slice(&output.stdout).unwrap();
        if let Some(verdicts) = expected["iam"].as_array() {
            assert!(verdicts.contains(&shown["iam"]), "{name}: not {}: {shown:#}", shown["iam"]);
        }
        if let Some(needed) = expected["approval"].as_bool() {
            assert_eq!(!shown["approval"].is_null(), needed, "{name}: {shown:#}");
        }
        let examples = shown["places"].as_array().unwrap().iter().map(|place| &place["example"]);
        for example in examples.filter_map(Json::as_str) {
            let action = example.split(' ').next().unwrap_or_default();
            let is_whole =
                action.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty());
            assert!(is_whole, "{name}: {example:?}");
        }
    }
    assert!(cases.len() >= 16, "{cases:?}");
}
