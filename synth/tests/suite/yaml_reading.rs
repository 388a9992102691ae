//! A template that PyYAML and CloudFormation read is read, with the same values.

use std::cell::Cell;

use proptest::{
    prelude::*,
    sample::select,
    test_runner::{TestCaseError, TestRunner},
};
use serde_json::{Value as Json, json};
use synth::cfn::read::read;

use crate::common::{self, Python, cases, root, synth};

/// Each file in `tests/cases/yaml`, with its name and its text.
fn files() -> Vec<(String, String)> {
    let folder = std::fs::read_dir(root().join("synth/tests/cases/yaml")).unwrap();
    let mut names: Vec<_> = folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), common::read(&format!("synth/tests/cases/yaml/{name}")))).collect()
}

#[test]
fn each_example_is_read_as_pyyaml_reads_it() {
    let mut pyyaml = Python::start("read.py", &["plain"]);
    let files = files();
    assert!(files.len() >= 3, "{files:?}");
    for (name, text) in files {
        // PyYAML makes a date of the version, CloudFormation a text.
        let quoted = text.replace(": 2010-09-09", ": '2010-09-09'");
        let read = read(&text).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(pyyaml.ask(&quoted), json!([read]), "{name}");
        let path = format!("synth/tests/cases/yaml/{name}");
        let diff = synth(root(), &["diff", &path, &path]);
        assert!(diff.status.success(), "{name}: {diff:?}");
    }
}

/// What may stand between two parts within brackets: nothing, or lines with any indentation.
fn space() -> impl Strategy<Value = String> {
    select(&["", "", "", " ", "\n", "\n ", "\n\n      ", " # why\n", "\n# why\n", "  \n   "][..])
        .prop_map(str::to_owned)
}

fn word() -> impl Strategy<Value = String> {
    select(&["a", "b c", "Q-1", "AWS::SQS::Queue", "arn:aws:x", "é", "x'y", "a\"b", "1.5", "7", "~", "a#b"][..])
        .prop_map(str::to_owned)
}

fn quoted() -> impl Strategy<Value = String> {
    let inside = prop::collection::vec(select(&["a", " ", "\n", "\n  ", "\n\n", ": ", "#", "- ", "''", "]"][..]), 0..6);
    let double =
        prop::collection::vec(select(&["a", " ", "\n", "\n  ", "\\\n ", "\\\"", "\\u00e9", "\\t", "#"][..]), 0..6);
    prop_oneof![
        inside.prop_map(|parts| format!("'{}'", parts.concat())),
        double.prop_map(|parts| format!("\"{}\"", parts.concat())),
    ]
}

/// A value in brackets, quotes or neither, over any number of lines.
fn flow() -> impl Strategy<Value = String> {
    let tag = || select(&["", "", "", "!Sub ", "!Join ", "!!str ", "&x "][..]);
    let leaf = (tag(), prop_oneof![word(), quoted()]).prop_map(|(tag, text)| format!("{tag}{text}"));
    leaf.prop_recursive(3, 12, 4, move |inner| {
        let item = (space(), inner.clone(), space()).prop_map(|(before, item, after)| format!("{before}{item}{after}"));
        let key = (space(), select(&["k", "'l'", "\"m\"", "? n", "o p"][..]), space(), inner, space());
        let entry =
            key.prop_map(|(before, key, between, value, after)| format!("{before}{key}: {between}{value}{after}"));
        prop_oneof![
            (prop::collection::vec(item, 0..4), tag()).prop_map(|(items, tag)| format!("{tag}[{}]", items.join(","))),
            prop::collection::vec(entry, 0..3).prop_map(|entries| format!("{{{}}}", entries.join(","))),
        ]
    })
}

/// A template with such values at several depths.
fn template() -> impl Strategy<Value = String> {
    let place = select(&["", "", "  ", "    "][..]);
    let lead = select(&["---\n", "", "# why\n", "%YAML 1.1\n---\n"][..]);
    let end = select(&["", "\n", "\n...\n", "\n# why", "\n\n"][..]);
    let entry = (place, select(&[" ", "  ", " # why\n      ", "\n      "][..]), flow());
    (lead, prop::collection::vec(entry, 1..4), end).prop_map(|(lead, entries, end)| {
        let entry = |(index, (place, space, value)): (usize, (&str, &str, String))| match place.len() {
            0 => format!("K{index}:{space}{value}\n"),
            depth => format!("K{index}:\n{place}- I:{space}{value}\n{:depth$}  J: [a]\n", ""),
        };
        format!("{lead}{}{end}", entries.into_iter().enumerate().map(entry).collect::<String>().trim_end())
    })
}

/// Any text of the words and signs of YAML. Most is not YAML, but what PyYAML reads is read.
fn soup() -> impl Strategy<Value = String> {
    const PIECES: [&str; 34] = [
        "a", "b", "c d", ": ", ":", "\n", "\n", "\n  ", "\n    ", "  ", " ", "- ", "-", "[", "]", "{", "}", ", ", ",",
        "'", "\"", " #c", "#", "&x ", "*x", "!Sub ", "|\n", ">-\n", "? ", "\t", "---\n", "...\n", "'é'", "\\",
    ];
    // White space in a last line without a line break is not read: it could only be the end of a block.
    let pieces = prop::collection::vec(select(&PIECES[..]), 0..16);
    pieces.prop_map(|pieces| pieces.concat().trim_end_matches([' ', '\t']).to_owned())
}

/// The keys of a value and of all values in it.
fn keys(value: &Json, found: &mut Vec<String>) {
    match value {
        Json::Object(entries) => entries.iter().for_each(|(key, value)| {
            found.push(key.clone());
            keys(value, found);
        }),
        Json::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

/// Compares the readers over the texts of a strategy. Returns how many PyYAML reads.
fn compared(texts: impl Strategy<Value = String>, cases: u32) -> u32 {
    let pyyaml = std::cell::RefCell::new(Python::start("read.py", &["plain"]));
    let read_by_both = Cell::new(0);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&texts, |text| {
        let answer = pyyaml.borrow_mut().ask(&text);
        let Json::Array(theirs) = &answer else { return Ok(()) };
        let mut found = Vec::new();
        keys(&answer, &mut found);
        match read(&text) {
            // PyYAML's keys may be empty or occur twice. CloudFormation refuses such a template.
            Err(e) if e.problem.starts_with("duplicate key") || e.problem == "a key must be a text" => Ok(()),
            Ok(_) if found.iter().any(|key| key == "null") => Ok(()),
            // libyaml, and so PyYAML with libyaml, refuses a colon directly behind a plain scalar in brackets.
            Err(e) if e.problem.contains("found unexpected ':'") => Ok(()),
            // It also refuses a block whose first character behind the indentation is a tab.
            Err(e) if e.problem.contains("a tab character where an indentation space is expected") => Ok(()),
            // It also refuses a question mark without a key in square brackets.
            Err(e) if e.problem.contains("while parsing a flow sequence") && text.contains("? ") => Ok(()),
            Err(e) => Err(TestCaseError::fail(format!("{e}: {text:?} is {answer}"))),
            Ok(ours) => {
                read_by_both.set(read_by_both.get() + 1);
                prop_assert_eq!(&ours.to_string(), &theirs[0].to_string(), "{:?}", text);
                Ok(())
            }
        }
    });
    if let Err(problem) = result {
        panic!("{problem}");
    }
    read_by_both.get()
}

#[test]
fn lines_within_brackets_and_quotes_may_have_any_indentation() {
    let read = compared(template(), cases(1_000, 20_000));
    assert!(read > 300, "only {read} texts were read by both");
}

#[test]
fn what_pyyaml_reads_is_read() {
    let read = compared(soup(), cases(5_000, 100_000));
    assert!(read > 400, "only {read} texts were read by both");
}
