//! Random configurations: a valid one gives a template without faults. A wrong one gives an error with its position,
//! and nothing else.

use std::{
    cell::{Cell, RefCell},
    process::Command,
    time::Instant,
};

use crate::{
    authorization,
    common::{
        Python, cases,
        random::{Random, Wrong, right, wrong},
    },
};
use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestRunner},
};
use serde_json::Value as Json;
use synth::{
    cfn::{json, read as reader, resource, shape::Shape, yaml},
    check::wiring,
    config::{self, Config, Overrides},
    stack::{self, StackError},
};
use tempfile::TempDir;

fn run<S: Strategy>(what: &str, strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let (start, number) = (Instant::now(), Cell::new(0));
    let config = ProptestConfig { cases: cases(25, 1_000), failure_persistence: None, ..ProptestConfig::default() };
    let counted = |value| {
        number.set(number.get() + 1);
        test(value)
    };
    let wanted = config.cases;
    TestRunner::new(config).run(strategy, counted).unwrap_or_else(|e| panic!("{e}"));
    assert!(number.get() >= wanted, "{} of {wanted}", number.get());
    println!("{} random {what} configurations in {} s", number.get(), start.elapsed().as_secs());
}

/// Whether a value has the shape of its type. schemas.rs compares the shapes with AWS's schemas.
fn conforms(value: &Json, shape: &Shape) -> bool {
    let intrinsic = |map: &serde_json::Map<String, Json>| {
        map.len() == 1 && map.keys().all(|key| key == "Ref" || key.starts_with("Fn::"))
    };
    match (shape, value) {
        (Shape::Optional(inner), value) => conforms(value, inner),
        (Shape::Text, Json::Object(map)) => intrinsic(map),
        (Shape::Text, Json::String(_))
        | (Shape::Integer, Json::Number(_))
        | (Shape::Boolean, Json::Bool(_))
        | (Shape::Any, _) => true,
        (Shape::Words(words), Json::String(word)) => words.contains(&word.as_str()),
        (Shape::List(items), Json::Array(list)) => !list.is_empty() && list.iter().all(|item| conforms(item, items)),
        (Shape::Map(values) | Shape::Json(values), Json::Object(map)) => {
            map.values().all(|value| conforms(value, values))
        }
        (Shape::Struct(fields), Json::Object(map)) => {
            let known = |name: &String| fields.iter().any(|(field, _)| field == name);
            map.keys().all(known)
                && fields.iter().all(|(name, shape)| match map.get(*name) {
                    Some(value) => conforms(value, shape),
                    None => matches!(shape, Shape::Optional(_)),
                })
        }
        // The policy of a bus is one statement.
        (Shape::Policy, Json::Object(map)) => {
            map.keys().eq(["Version", "Statement"]) || map.contains_key("Sid") && map.contains_key("Effect")
        }
        _ => false,
    }
}

#[test]
fn a_valid_configuration_gives_a_template_without_faults() {
    let types = resource::types();
    let linter = RefCell::new(Python::start("lint.py", &[]));
    let (seen, organizations) = (Cell::new((0, 0)), Cell::new(0));
    run("right", &right(), |random: Random| {
        let (config, fail) = (random.read().config, |e: StackError| TestCaseError::fail(e.to_string()));
        let members = stack::member_template(&config).map_err(fail)?;
        organizations.set(organizations.get() + u32::from(members.is_some()));
        for template in [Some(stack::template(&config).map_err(fail)?), members].into_iter().flatten() {
            let (meant, text) = (json::to_json(&template), yaml::emit(&template));
            prop_assert_eq!(reader::read(&text).unwrap(), meant.clone());
            prop_assert_eq!(wiring::faults(&meant, wiring::TemplateOrigin::Generated), []);
            prop_assert_eq!(authorization::faults(&meant), Vec::<String>::new());
            for (id, resource) in meant["Resources"].as_object().unwrap() {
                let kind = types.iter().find(|kind| resource["Type"] == kind.name).unwrap();
                prop_assert!(conforms(&resource["Properties"], &kind.shape), "{}: {:#}", id, resource);
            }
            prop_assert_eq!(linter.borrow_mut().ask(&text).to_string(), "[]", "cfn-lint, {}", text);
        }
        seen.set((seen.get().0.max(random.users.len()), seen.get().1 + random.users.len()));
        Ok(())
    });
    assert!(organizations.get() > 0, "no configuration for an organization");
    println!("{} organizations; with {} users in all, {} at most", organizations.get(), seen.get().1, seen.get().0);
}

/// CloudFormation takes 1,024 bytes ("CloudFormation quotas": template description).
#[test]
fn the_description_is_short_and_stays_when_users_change() {
    run("described", &(right(), right()), |(random, other): (Random, Random)| {
        let (config, users) = (random.read().config, other.read().config.users);
        let described = |config: &Config| {
            let template = json::to_json(&stack::template(config).ok()?);
            Some(template["Description"].as_str().unwrap_or_default().to_owned())
        };
        let description = described(&config).unwrap_or_default();
        prop_assert!((1..=1_024).contains(&description.len()), "{}", description);
        // Other users can be too many for the rest of the configuration.
        let other = described(&Config { users, ..config });
        prop_assert!(other.is_none_or(|other| other == description), "{}", description);
        Ok(())
    });
}

#[test]
fn the_linter_can_tell() {
    let template = crate::common::read("templates/rotation.yaml");
    let mut linter = Python::start("lint.py", &[]);
    assert_eq!(linter.ask(&template).to_string(), "[]");
    for (right, wrong, says) in [
        ("RetentionInDays: 90", "RetentionInDays: 91", "E3030"),
        ("iam:UpdateAccessKey", "iam:UpdateAcessKey", "W3037"),
        ("!GetAtt FunctionRole.Arn", "!GetAtt Nowhere.Arn", "E1010"),
        ("DisplayName", "DispalyName", "E3002"),
    ] {
        assert!(template.contains(right), "{right}");
        let found = linter.ask(&template.replacen(right, wrong, 1)).to_string();
        assert!(found.contains(says), "{wrong}: {found}");
    }
}

/// The lines of a setting: its own line and those of its list.
fn lines_of(setting: &str, text: &str) -> Vec<usize> {
    let mut inside = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        inside = line.starts_with(&format!("{setting}:")) || inside && line.starts_with(' ');
        if inside {
            lines.push(index + 1);
        }
    }
    lines
}

/// Runs the program. Returns its error message and the lines that the message names.
fn refused_by_the_binary(folder: &TempDir, text: &[u8]) -> Result<(String, Vec<usize>), TestCaseError> {
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("rotation.yaml"), text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_synth"))
        .current_dir(folder)
        .args(["template", "--output", "out.yaml"])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    prop_assert_eq!(output.status.code(), Some(2), "{}", error);
    prop_assert!(output.stdout.is_empty() && !path("out.yaml").exists());
    prop_assert!(!error.contains("panicked"), "{}", error);
    // Each problem has a position, and the position is in the file (or directly after its end).
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.split('\n').collect();
    let mut named = Vec::new();
    for problem in error.lines().filter_map(|line| line.trim_start().strip_prefix("--> rotation.yaml:")) {
        let mut place = problem.splitn(3, ':').map(str::parse::<usize>);
        let (Some(Ok(line)), Some(Ok(column))) = (place.next(), place.next()) else {
            return Err(TestCaseError::fail(format!("no place in {error}")));
        };
        let length = lines.get(line - 1).map_or(0, |line| line.chars().count());
        prop_assert!((1..=lines.len() + 1).contains(&line), "{}\n{}", error, text);
        prop_assert!((1..=length + 1).contains(&column), "{} of {}\n{}\n{}", column, length, error, text);
        named.push(line);
    }
    prop_assert!(!named.is_empty(), "{}", error);
    Ok((error, named))
}

#[test]
fn a_wrong_configuration_is_an_error_that_names_the_place_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    run("wrong", &wrong(), |Wrong { text, setting }| {
        // The library first, because it must not panic.
        let refused = match config::read(&text, Overrides::default()) {
            Ok(checked) => stack::template(&checked.config).is_err(),
            Err(problems) => {
                prop_assert!(!problems.list().is_empty());
                true
            }
        };
        prop_assert!(refused, "accepted:\n{}", text);

        let (error, lines) = refused_by_the_binary(&folder, text.as_bytes())?;
        if let Some(setting) = setting {
            let own = lines_of(&setting, &text);
            prop_assert!(lines.iter().any(|line| own.contains(line)), "not {:?} in\n{}\n{}", own, error, text);
        }
        Ok(())
    });
}

#[test]
fn bytes_are_refused_where_they_are_no_text() {
    let folder = tempfile::tempdir().unwrap();
    run("byte", &prop::collection::vec(any::<u8>(), 0..200), |bytes| {
        refused_by_the_binary(&folder, &bytes).map(|_| ())
    });
    let (error, lines) = refused_by_the_binary(&folder, b"users: [a]\n# \xe9\n").unwrap();
    assert_eq!((lines, error.contains("--> rotation.yaml:2:3\n")), (vec![2], true), "{error}");
}
