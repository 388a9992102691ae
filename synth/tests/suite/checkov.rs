//! checkov finds nothing in the templates without an answer, and each answer is to a finding. `make checkov` runs the tests that
//! need it.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use crate::common::read;
use serde_json::Value as Json;
use synth::{
    cfn::{CheckovAnswer, Value, json::to_json},
    config::{self, Overrides},
    stack::{
        self, artifacts,
        checkov_answers::{CHECKOV_ANSWERS, MEMBER_ANSWERS, PUBLISHER_ANSWERS},
    },
};

/// The configurations with other findings: the committed ones, and one that meets each check that a setting can meet.
fn configurations() -> Vec<(String, String)> {
    let committed = [
        "rotation.yaml",
        "examples/article.yaml",
        "examples/encrypted.yaml",
        "examples/fleet.yaml",
        "examples/organization.yaml",
    ];
    let committed = committed.map(|file| (file.rsplit('/').next().unwrap().to_owned(), read(file)));
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let strict = format!(
        "users: [alice]\nemails: [a@example.com]\ndashboard: fleet\nreserved_concurrency: 2\nlog_kms_key: {key}\n\
         secret_kms_key: {key}\ntopic_kms_key: {key}\ntags: {{team: payments}}\nrole_path: /service/\n"
    );
    committed.into_iter().chain([("strict.yaml".to_owned(), strict)]).collect()
}

/// The templates of the configurations, each with the name of a file.
fn templates() -> Vec<(String, Json)> {
    let both = |(file, text): (String, String)| {
        let config = config::read(&text, Overrides::default()).unwrap_or_else(|e| panic!("{e}")).config;
        let json = |template: Value| to_json(&template);
        let members =
            stack::member_template(&config).unwrap().map(|template| (format!("member-of-{file}"), json(template)));
        [
            (file.clone(), json(stack::template(&config).unwrap())),
            (format!("artifacts-of-{file}"), json(artifacts::template(&config).unwrap())),
        ]
        .into_iter()
        .chain(members)
    };
    configurations().into_iter().flat_map(both).collect()
}

/// A finding: the file, the check and the logical id of the resource.
type Finding = (String, String, String);

/// What the metadata of the templates answers.
fn answered(templates: &[(String, Json)]) -> BTreeSet<Finding> {
    let of = |(file, template): &(String, Json)| {
        let resources = template["Resources"].as_object().unwrap().clone();
        let file = file.clone();
        resources.into_iter().flat_map(move |(id, resource)| {
            let skips = resource["Metadata"]["checkov"]["skip"].as_array().cloned().unwrap_or_default();
            let file = file.clone();
            skips.into_iter().map(move |skip| (file.clone(), skip["id"].as_str().unwrap().to_owned(), id.clone()))
        })
    };
    templates.iter().flat_map(of).collect()
}

/// What checkov finds in the templates of a folder: the failed checks, and those that are skipped.
fn checkov(folder: &Path) -> [BTreeSet<Finding>; 2] {
    let program = std::env::var_os("CHECKOV").expect("CHECKOV names checkov: run make checkov");
    let output = Command::new(program)
        // It would ask the package registry for a newer version.
        .env("CKV_SKIP_PACKAGE_UPDATE_CHECK", "True")
        .args(["--framework", "cloudformation", "--skip-download", "--compact", "--output", "json"])
        .arg("--directory")
        .arg(folder)
        .output()
        .unwrap();
    let report: Json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(report["results"]["parsing_errors"], Json::Array(Vec::new()));
    ["failed_checks", "skipped_checks"].map(|list| {
        let found = report["results"][list].as_array().cloned().unwrap_or_default();
        let text = |finding: &Json, field: &str| finding[field].as_str().unwrap().to_owned();
        let finding = |finding: &Json| {
            let file = text(finding, "file_path").trim_start_matches('/').to_owned();
            let resource = text(finding, "resource");
            (file, text(finding, "check_id"), resource.rsplit('.').next().unwrap().to_owned())
        };
        found.iter().map(finding).collect()
    })
}

#[test]
#[ignore = "needs checkov: run make checkov"]
fn each_finding_has_an_answer_and_each_answer_a_finding() {
    let templates = templates();
    let answered = answered(&templates);
    let folder = tempfile::tempdir().unwrap();
    let write = |templates: &[(String, Json)]| {
        for (file, template) in templates {
            fs::write(folder.path().join(file), template.to_string()).unwrap();
        }
    };
    write(&templates);
    let [failed, skipped] = checkov(folder.path());
    assert_eq!(failed, BTreeSet::new(), "answer them in synth/src/stack/checkov_answers.rs, or meet them");
    assert_eq!(skipped, answered);

    // Without the answers, checkov finds exactly what they are about.
    let mut bare = templates;
    for (_, template) in &mut bare {
        for (_, resource) in template["Resources"].as_object_mut().unwrap() {
            resource.as_object_mut().unwrap().shift_remove("Metadata");
        }
    }
    write(&bare);
    let [failed, skipped] = checkov(folder.path());
    assert_eq!(failed, answered, "remove an answer without a finding");
    assert_eq!(skipped, BTreeSet::new());
    println!("{} templates, {} answers", bare.len(), failed.len());
}

/// The answers of all stacks, each once.
fn every_answer() -> impl Iterator<Item = &'static CheckovAnswer> {
    let further = PUBLISHER_ANSWERS.iter().chain(MEMBER_ANSWERS).filter(|answer| !CHECKOV_ANSWERS.contains(answer));
    CHECKOV_ANSWERS.iter().chain(further)
}

#[test]
fn every_answer_is_in_a_template_unless_a_setting_meets_it() {
    let answered = answered(&templates());
    let checks = |strict: bool| -> BTreeSet<_> {
        let of = |file: &str| file.trim_start_matches("artifacts-of-") == "strict.yaml";
        answered.iter().filter(|(file, ..)| of(file) == strict).map(|(_, check, _)| check.as_str()).collect()
    };
    let all = every_answer().map(|answer| answer.check).collect();
    // The strict configuration is that of a handler in its own account.
    let open = CHECKOV_ANSWERS.iter().filter(|answer| answer.met_by.is_none()).map(|answer| answer.check).collect();
    assert_eq!((checks(false), checks(true)), (all, open));
}

#[test]
fn the_security_page_has_the_same_answers() {
    let page = read("SECURITY.md");
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `CKV")).collect();
    let row = |check, kind, reason| format!("| `{check}` | `{kind}` | {reason} |");
    let answers: Vec<_> = every_answer().map(|answer| row(answer.check, answer.kind, answer.reason)).collect();
    assert_eq!(rows, answers, "the table in SECURITY.md differs from synth/src/stack/checkov_answers.rs");
}
