//! Tests of the code's structure: which parts may use which others.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

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

/// The folders of a crate, highest first. Each imports only the folders below it.
const FOLDERS: [(&str, &[&str]); 2] = [
    ("lambda", &["aws", "handler", "notice", "report", "selection", "contract", "delivery", "protocol", "model"]),
    (
        "synth",
        &["cmd", "deploy", "package", "docs", "check", "deployer", "diff", "iam", "stack", "limits", "config", "cfn"],
    ),
];

/// The modules of a crate with their code. The names are like `protocol::planner`; that of lib.rs is empty.
fn modules(crate_name: &str) -> BTreeMap<String, String> {
    let folder = root().join(crate_name).join("src");
    let prefix = format!("{}/", folder.display());
    let module = |(file, source): (String, String)| {
        let path = file.strip_prefix(&prefix).and_then(|path| path.strip_suffix(".rs")).unwrap();
        let path = path.strip_suffix("/mod").unwrap_or(path);
        (if path == "lib" { String::new() } else { path.replace('/', "::") }, code(&source))
    };
    sources(&folder).into_iter().map(module).filter(|(name, _)| name != "main").collect()
}

/// The paths of a `use` declaration, without its groups.
fn paths(tree: &str) -> Vec<String> {
    let Some((before, rest)) = tree.split_once('{') else {
        return vec![tree.split_once(" as ").map_or(tree, |(path, _)| path).trim().to_owned()];
    };
    let group = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| paths(part)).map(|path| format!("{}{path}", before.trim())).collect()
}

/// The other modules of its crate that a module imports.
fn imports(module: &str, code: &str, all: &BTreeMap<String, String>) -> BTreeSet<String> {
    let declared = code.split("use ").skip(1).filter_map(|rest| rest.split_once(';'));
    let mut named: Vec<String> = declared.flat_map(|(tree, _)| paths(tree)).collect();
    let in_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    named.extend(
        code.split(|c| !in_path(c))
            .filter(|word| word.starts_with("crate::") || word.starts_with("super::"))
            .map(str::to_owned),
    );
    let mut found = BTreeSet::new();
    for path in named {
        let mut place: Vec<&str> = if module.is_empty() { Vec::new() } else { module.split("::").collect() };
        let mut segments = path.split("::").peekable();
        if segments.next_if_eq(&"crate").is_some() {
            place.clear();
        }
        while segments
            .next_if(|segment| ["super", "self"].contains(segment))
            .is_some_and(|segment| segment == "super" || !place.is_empty())
        {
            if path.starts_with("super") {
                place.pop();
            }
        }
        place.extend(segments);
        // The longest start of the path that is a module.
        while !place.is_empty() && !all.contains_key(&place.join("::")) {
            place.pop();
        }
        let target = place.join("::");
        if !target.is_empty() && target != module {
            found.insert(target);
        }
    }
    found
}

/// The forbidden imports of a crate: those of a higher folder, and those in a circle. A module and its own children may
/// import each other.
fn violations(all: &BTreeMap<String, String>, order: &[&str]) -> Vec<String> {
    let edges: BTreeMap<&String, BTreeSet<String>> =
        all.iter().map(|(module, code)| (module, imports(module, code, all))).collect();
    let rank = |module: &str| order.iter().position(|folder| module.split("::").next() == Some(folder));
    let mut found = Vec::new();
    for (module, targets) in &edges {
        for target in targets {
            if let (Some(from), Some(to)) = (rank(module), rank(target))
                && to < from
            {
                found.push(format!("{module} imports {target}, which is in a higher folder"));
            }
        }
    }
    let is_family = |a: &str, b: &str| a.starts_with(&format!("{b}::")) || b.starts_with(&format!("{a}::"));
    for start in all.keys().filter(|module| !module.is_empty()) {
        let (mut seen, mut next) = (BTreeSet::new(), vec![start.clone()]);
        while let Some(module) = next.pop() {
            for target in edges.get(&module).into_iter().flatten().filter(|target| !is_family(&module, target)) {
                if target == start {
                    found.push(format!("{start} imports itself by way of {module}"));
                } else if seen.insert(target.clone()) {
                    next.push(target.clone());
                }
            }
        }
    }
    found
}

#[test]
fn each_folder_imports_only_those_below_it_and_no_files_form_a_circle() {
    for (name, order) in FOLDERS {
        let all = modules(name);
        let folders: BTreeSet<&str> =
            all.keys().filter(|module| !module.is_empty()).map(|module| module.split("::").next().unwrap()).collect();
        assert_eq!(folders, order.iter().copied().collect(), "{name}: FOLDERS lists each folder");
        assert_eq!(violations(&all, order), [""; 0], "{name}");
    }
}

#[test]
fn an_upward_import_and_a_circle_are_found() {
    let order = ["top", "base"];
    let with = |files: &[(&str, &str)]| {
        let all = files.iter().map(|(name, code)| ((*name).to_owned(), (*code).to_owned())).collect();
        violations(&all, &order)
    };
    let good = [
        ("top", ""),
        ("top::a", "use crate::base::{b::{self, Thing}, c};"),
        ("base", ""),
        ("base::b", "use super::c::X;"),
        ("base::c", ""),
    ];
    assert_eq!(with(&good), [""; 0]);
    let mut upward = good;
    upward[4].1 = "fn f() { crate::top::a::g() }";
    assert!(
        with(&upward).contains(&"base::c imports top::a, which is in a higher folder".to_owned()),
        "{:?}",
        with(&upward)
    );
    let mut circle = good;
    circle[4].1 = "use super::{d, b::Y};";
    assert_eq!(with(&circle), ["base::b imports itself by way of base::c", "base::c imports itself by way of base::b"]);
}

/// The names of the types that a source declares as public.
fn public_types(source: &str) -> Vec<String> {
    let name = |line: &str| {
        let rest = line.trim_start().strip_prefix("pub ")?;
        let rest = ["struct ", "enum ", "trait ", "type "].iter().find_map(|kind| rest.strip_prefix(kind))?;
        // In a macro, the name is `$name`.
        rest.split(|c: char| !c.is_alphanumeric()).next().filter(|name| !name.is_empty()).map(str::to_owned)
    };
    code(source).lines().filter_map(name).collect()
}

#[test]
fn no_two_public_types_share_a_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for place in ["lambda/src", "synth/src"] {
        for (file, source) in sources(&root().join(place)) {
            for name in public_types(&source) {
                places.entry(name).or_default().push(file.clone());
            }
        }
    }
    assert!(places.len() > 100, "the types were found: {}", places.len());
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "one name, one thing: {places:#?}");
    assert_eq!(public_types("pub struct A(u8);\n  pub enum Bc<T> {\npub(crate) struct D;"), ["A", "Bc"]);
}

#[test]
fn pure_code_does_no_io_and_reads_no_clock() {
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
        "lambda/src/contract",
        "lambda/src/notice",
        "lambda/src/protocol",
        "lambda/src/report",
        "lambda/src/selection",
        "synth/src/cfn",
        "synth/src/check",
        "synth/src/config",
        "synth/src/deployer",
        "synth/src/diff",
        "synth/src/docs",
        "synth/src/iam",
        "synth/src/limits.rs",
        // Compression uses readers and writers, but only over bytes.
        "synth/src/package",
        "synth/src/stack",
        "synth/src/deploy/deletion_summary.rs",
        "synth/src/deploy/deployed_template.rs",
        "synth/src/deploy/deploy_error.rs",
        "synth/src/deploy/message",
        "synth/src/deploy/next_run.rs",
        "synth/src/deploy/progress.rs",
        "synth/src/deploy/received_report.rs",
        "synth/src/deploy/root_cause.rs",
        "synth/src/deploy/stack_status.rs",
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
    let allowed = ["key_document.rs", "sts.rs", "notice/en.rs", "notice/ja.rs", "access_key.rs"];
    for (file, source) in sources(&root().join("lambda/src")) {
        let exposes = code(&source).contains("expose(");
        assert!(!exposes || allowed.iter().any(|name| file.ends_with(name)), "{file} takes a secret out");
    }
}

/// The crates that Cargo compiles for a selection of packages, each with its features.
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
    // A crate that is compiled both for programs and for build scripts can have two lists.
    let sorted = |mut lists: Vec<String>| {
        lists.sort_unstable();
        lists.join(" and ")
    };
    crates.into_iter().map(|(name, lists)| (name, sorted(lists))).collect()
}

/// Programs and tests use the same features of their dependencies, in each of the Makefile's two builds. Cargo compiles
/// a crate once for each set of features.
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
