//! The code's own invariants: what may be named where.

use std::{collections::BTreeMap, path::Path, process::Command};

use tests::root;

/// Every Rust file below a folder, or the file itself.
fn sources(path: &Path) -> Vec<(String, String)> {
    if path.is_file() {
        return vec![(path.display().to_string(), std::fs::read_to_string(path).unwrap())];
    }
    let entries = std::fs::read_dir(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let rust = |path: &Path| path.is_dir() || path.extension().is_some_and(|extension| extension == "rs");
    let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| rust(path)).collect();
    files.iter().flat_map(|path| sources(path)).collect()
}

/// The code without its tests and comments.
fn code(source: &str) -> String {
    let production = source.split("#[cfg(test)]").next().unwrap_or_default();
    production.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_pure_does_no_io_and_reads_no_clock() {
    let io = [
        "std::fs",
        "std::io",
        "std::net",
        "std::env",
        "std::process",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "tokio",
        "println!",
    ];
    for place in [
        "lambda/src/plan.rs",
        "lambda/src/journal.rs",
        "lambda/src/audit.rs",
        "lambda/src/metrics.rs",
        "lambda/src/notice",
        "synth/src/approval",
        "synth/src/cfn",
        "synth/src/iam",
        "synth/src/stack",
        "synth/src/config",
        "synth/src/deployer",
        "synth/src/diff",
        "synth/src/check",
        "synth/src/explain.rs",
        "synth/src/graph.rs",
        "synth/src/page.rs",
        // Compression is a reader and a writer, over bytes.
        "synth/src/package",
        "synth/src/deploy/cause.rs",
        "synth/src/deploy/deployed.rs",
        "synth/src/deploy/failure.rs",
        "synth/src/deploy/farewell.rs",
        "synth/src/deploy/firing.rs",
        "synth/src/deploy/message",
        "synth/src/deploy/progress.rs",
        "synth/src/deploy/report.rs",
        "synth/src/deploy/standing.rs",
        "synth/src/deploy/subscriptions.rs",
    ] {
        let found = sources(&root().join(place));
        assert!(!found.is_empty(), "{place} holds no source");
        for (file, source) in found {
            for word in io.iter().filter(|word| !(place == "synth/src/package" && **word == "std::io")) {
                assert!(!code(&source).contains(word), "{file} names {word}");
            }
        }
    }
}

#[test]
fn only_the_adapters_name_the_sdk() {
    let adapters = ["lambda/src/aws", "synth/src/deploy/aws"].map(|path| root().join(path).display().to_string());
    let mut named = 0;
    for place in ["lambda/src", "synth/src"] {
        for (file, source) in sources(&root().join(place)) {
            let names_sdk = ["aws_sdk", "aws_config", "aws_smithy", "aws_runtime", "aws_types"]
                .iter()
                .any(|word| code(&source).contains(word));
            assert!(!names_sdk || adapters.iter().any(|folder| file.starts_with(folder)), "{file} names the SDK");
            named += usize::from(names_sdk);
        }
    }
    assert!(named > 0, "the adapters name it");
}

#[test]
fn a_secret_is_taken_out_only_where_it_is_delivered_or_verified() {
    let allowed = ["document.rs", "sts.rs", "notice/en.rs", "notice/ja.rs", "key.rs"];
    for (file, source) in sources(&root().join("lambda/src")) {
        let exposes = code(&source).contains("expose(");
        assert!(!exposes || allowed.iter().any(|name| file.ends_with(name)), "{file} takes a secret out");
    }
}

/// The crates that are compiled for a selection of packages, each with its features.
fn features(selection: &str) -> BTreeMap<String, String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--prefix=none", "--no-dedupe", "--format={p}|{f}"])
        .args(selection.split(' '))
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{selection}: {}", String::from_utf8_lossy(&output.stderr));
    let mut crates: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines().filter(|line| line.contains('|')) {
        let (name, features) = line.split_once('|').unwrap();
        let list = crates.entry(name.to_owned()).or_default();
        let features = features.trim_end_matches(" (*)").to_owned();
        if !list.contains(&features) {
            list.push(features);
        }
    }
    // One that is compiled for programs and for build scripts can have two lists.
    let sorted = |mut lists: Vec<String>| {
        lists.sort_unstable();
        lists.join(" and ")
    };
    crates.into_iter().map(|(name, lists)| (name, sorted(lists))).collect()
}

/// Programs and tests share the features of their dependencies, in the Makefile's build with AWS and in the one without. Cargo
/// compiles a crate once for each set of features.
#[test]
fn each_crate_is_compiled_with_one_set_of_features() {
    for (programs, tests) in [
        ("--workspace --edges=normal,build", "--workspace --edges=normal,build,dev"),
        (
            "--package=synth --edges=normal,build",
            "--package=synth --package=lambda --no-default-features --edges=normal,build,dev",
        ),
    ] {
        let (programs, tests) = (features(programs), features(tests));
        assert!(programs.len() > 50, "the crates are listed: {programs:?}");
        for (name, features) in &programs {
            assert_eq!(
                Some(features),
                tests.get(name),
                "{name}: name its features in the manifests, see tests/Cargo.toml"
            );
        }
    }
}
