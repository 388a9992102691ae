//! Tests of the code's structure: which parts may use which others.

#[path = "architecture/modules.rs"]
mod modules;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use tests::root;

use self::modules::{Modules, is_below};

/// Every Rust file below a folder, with its source.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    let read = |path: &Path| vec![(path.display().to_string(), std::fs::read_to_string(path).unwrap())];
    let is_rust = |path: &Path| path.extension().is_some_and(|extension| extension == "rs");
    let below = |path: &Path| if path.is_dir() { sources(path) } else { read(path) };
    paths.iter().filter(|path| path.is_dir() || is_rust(path)).flat_map(|path| below(path)).collect()
}

/// The modules of a crate. main.rs is the module `main`.
fn modules(crate_name: &str) -> Modules {
    let folder = root().join(crate_name).join("src");
    let prefix = format!("{}/", folder.display());
    let module = |(file, source): (String, String)| {
        let path = file.strip_prefix(&prefix).and_then(|path| path.strip_suffix(".rs")).unwrap();
        let path = path.strip_suffix("/mod").unwrap_or(path);
        (if path == "lib" { String::new() } else { path.replace('/', "::") }, source)
    };
    let files: Vec<_> = sources(&folder).into_iter().map(module).collect();
    Modules::new(files.iter().map(|(name, source)| (name.as_str(), source.as_str())))
}

/// The folders of a crate, highest first. Each imports only the folders below it.
const FOLDERS: [(&str, &[&str]); 2] = [
    ("lambda", &["aws", "handler", "notice", "report", "selection", "contract", "delivery", "protocol", "model"]),
    (
        "synth",
        &[
            "cmd",
            "deploy",
            "inventory",
            "package",
            "docs",
            "check",
            "deployer",
            "diff",
            "iam",
            "stack",
            "limits",
            "config",
            "cfn",
            "shell",
            "screen",
        ],
    ),
];

/// The forbidden imports of a crate: those of a higher folder, those in a circle, and those that are hidden.
fn violations(all: &Modules, order: &[&str]) -> Vec<String> {
    let imports: BTreeMap<&str, BTreeSet<String>> = all.files().map(|file| (file, all.named(file).files)).collect();
    let rank = |file: &str| order.iter().position(|folder| file.split("::").next() == Some(folder));
    let mut found = all.unclear();
    for (file, targets) in &imports {
        for target in targets {
            if let (Some(from), Some(to)) = (rank(file), rank(target))
                && to < from
            {
                found.push(format!("{file} imports {target}, which is in a higher folder"));
            }
        }
    }
    found.extend(circles(&imports, &imports.keys().copied().collect()));
    found
}

/// The circles of imports between these files. A parent and the modules below it may know each other, so a circle
/// counts only if it exists without the parent.
fn circles(imports: &BTreeMap<&str, BTreeSet<String>>, files: &BTreeSet<&str>) -> Vec<String> {
    // The files that a file reaches, each with the file that imports it on the shortest way.
    let reached = |start: &str| {
        let mut reached: BTreeMap<&str, &str> = BTreeMap::new();
        let mut next = vec![*files.get(start).unwrap()];
        while !next.is_empty() {
            let mut later = Vec::new();
            for file in next {
                for target in imports[file].iter().filter_map(|target| files.get(target.as_str())) {
                    if !reached.contains_key(target) {
                        reached.insert(target, file);
                        later.push(*target);
                    }
                }
            }
            next = later;
        }
        reached
    };
    let all: BTreeMap<&str, BTreeMap<&str, &str>> = files.iter().map(|file| (*file, reached(file))).collect();
    let (mut left, mut found) = (files.clone(), Vec::new());
    while let Some(start) = left.pop_first() {
        let Some(last) = all[start].get(start) else { continue };
        let together: BTreeSet<&str> =
            all[start].keys().copied().filter(|file| all[file].contains_key(start)).collect();
        left.retain(|file| !together.contains(file));
        let is_parent = |file: &&&str| together.iter().all(|other| other == *file || is_below(other, file));
        if let Some(parent) = together.iter().find(is_parent) {
            let without = together.iter().copied().filter(|file| file != parent).collect();
            found.extend(circles(imports, &without));
            continue;
        }
        let mut way = vec![start, *last];
        while way.last() != Some(&start) {
            way.push(all[start][way.last().unwrap()]);
        }
        way.reverse();
        found.push(format!("a circle: {}", way.join(" imports ")));
    }
    found
}

#[test]
fn each_folder_imports_only_those_below_it_and_no_files_form_a_circle() {
    for (name, order) in FOLDERS {
        let all = modules(name);
        let files = all.files().filter(|file| !file.is_empty() && *file != "main");
        let folders: BTreeSet<&str> = files.map(|file| file.split("::").next().unwrap()).collect();
        assert_eq!(folders, order.iter().copied().collect(), "{name}: FOLDERS lists each folder");
        assert_eq!(violations(&all, order), [""; 0], "{name}");
    }
}

/// The violations in a small crate with these files in addition. Its folder `top` is above `base`.
fn with(more: &[(&str, &str)]) -> Vec<String> {
    let mut files = BTreeMap::from([
        ("", "pub mod base; pub mod top;"),
        ("top", ""),
        ("top::a", "use crate::base::{b::{self, Thing}, c};"),
        ("base", "pub use self::c::X;"),
        ("base::b", "use super::c::X;"),
        ("base::c", "pub struct X;"),
    ]);
    files.extend(more.iter().copied());
    violations(&Modules::new(files), &["top", "base"])
}

#[test]
fn an_upward_import_is_found_in_each_form() {
    assert_eq!(with(&[]), [""; 0]);
    for code in [
        "fn f() { crate::top::a::g() }",
        "use super::super::top::a::g;",
        "use self::super::super::top::a::g;",
        "use super::{super::{top::{a::{g as h}}}};",
        "use crate as root; fn f() { root::top::a::g() }",
        "use crate::{self as root}; use root::top::a::g;",
        "use super::super as up; fn f() { up::top::a::g() }",
        "fn f() { use crate::top; top::a::g() }",
        "#[cfg(test)] use std::fmt; use crate::top::a::g;",
        "use crate::{ // not here; but there\n top::a::g };",
        "fn f() -> Vec<crate::top::a::G> { vec![] }",
        "fn f() { assert!(matches!(1, crate::top::a::G)) }",
        "macro_rules! m { ($x:expr) => { $crate::top::a::g($x) } }",
        "mod inner { fn f() { super::super::super::top::a::g() } }",
        "#[derive(Serialize)] struct S { #[serde(with = \"crate::top::a\")] x: u8 }",
        "#[derive(crate::top::a::Derive)] struct S;",
        "pub(in crate::top::a) struct S;",
        "use super::passed_on::g;",
        "use crate::base::again as renamed; use renamed::h;",
    ] {
        let passed_on = ("base::passed_on", "pub use crate::top::a::g;");
        let again = ("base::again", "pub(crate) use super::passed_on::g as h;");
        let found = with(&[("base::c", code), passed_on, again]);
        let expected = "base::c imports top::a, which is in a higher folder".to_owned();
        assert!(found.contains(&expected), "{code}\n{found:?}");
    }
}

#[test]
fn code_of_tests_does_not_count() {
    for code in [
        "#[cfg(test)] mod tests { use super::*; use crate::top::a::g; }",
        "#[cfg(all(test, feature = \"aws\"))] fn f() { crate::top::a::g() }",
        "impl S { #[cfg(test)] fn f() { crate::top::a::g() } }",
        "fn f() { #[cfg(test)] use crate::top::a::g; }",
    ] {
        assert_eq!(with(&[("base::c", code)]), [""; 0], "{code}");
    }
    let tests = ("base::c::tests", "use super::*; use crate::top::a::g;");
    assert_eq!(with(&[("base::c", "#[cfg(test)] mod tests;"), tests]), [""; 0]);
    let code = "#[cfg(any(test, unix))] fn f() { crate::top::a::g() } /// [`crate::top`]\n struct S;";
    assert_eq!(with(&[("base::c", code)])[0], "base::c imports top::a, which is in a higher folder");
}

#[test]
fn a_circle_is_found_in_each_form() {
    for code in [
        "use super::{d, b::Y};",
        "use crate::base::b;",
        "fn f() { super::b::g() }",
        // The parent passes it on.
        "use super::Y;",
        "use super as up; fn f() { up::Y::g() }",
        "type T = Option<super::Y>;",
        "const A: &str = concat!(super::Y::A);",
    ] {
        let parent = ("base", "mod b; mod c; pub use self::{b::Y, c::X};");
        for b in ["use super::c::X; pub struct Y;", "pub struct Y(super::X);"] {
            let found = with(&[parent, ("base::b", b), ("base::c", code)]);
            assert_eq!(found, ["a circle: base::b imports base::c imports base::b"], "{code}");
        }
    }
    // By way of the parent of others.
    let outside = [("base::d", "use super::e::f;"), ("base::e", "mod f; use super::g;")];
    let inside = [("base::e::f", "use super::E;"), ("base::g", "use super::d;")];
    let found = with(&[outside, inside].concat());
    assert_eq!(found, ["a circle: base::d imports base::e::f imports base::e imports base::g imports base::d"]);
    // A parent and the modules below it.
    let family = [("base", "mod c; mod d; fn f() { d::e::g() }"), ("base::d", "mod e; use super::f; use self::e::g;")];
    let below = [("base::d::e", "use super::super::f; use super::h;"), ("base::c", "use super::{f, d::h}; struct X;")];
    assert_eq!(with(&[family, below].concat()), [""; 0]);
}

#[test]
fn a_form_that_hides_an_import_is_refused() {
    for code in [
        "use super::b::*;",
        "fn f() { use self::Kind::*; }",
        "#[path = \"../top/a.rs\"] mod d;",
        "#[cfg_attr(unix, path = \"../top/a.rs\")] mod d;",
        "extern crate self as root;",
        "#[macro_use] mod d;",
        "#[macro_export] macro_rules! m { () => {} }",
        "include!(\"../top/a.rs\");",
        "fn f() { mod d { } }",
        "macro_rules! m { () => { use $crate::top::a::g; } }",
        "macro_rules! m { ($x:ident) => { $crate::top::$x::g() } }",
        "macro_rules! m { () => { super::b::g() } }",
        "m! { mod d; }",
    ] {
        let found = with(&[("base::c", code)]);
        assert!(found.iter().any(|violation| violation.starts_with("base::c: ")), "{code}\n{found:?}");
    }
    let found = with(&[("", "pub mod top; pub mod base; pub use top::a;")]);
    assert_eq!(found, ["lib: lib.rs has more than the declarations of its modules: pub use top :: a ;"]);
}

/// The file with CloudFormation's own types, which have CloudFormation's names.
const CLOUDFORMATION_TYPES: (&str, &str) = ("synth", "cfn::resource");

/// The macros that declare types. Each gets the name of a type first, or after the `{ … }` of the type before.
const DECLARING_MACROS: [(&str, &[&str]); 2] =
    [("lambda", &[]), ("synth", &["properties", "received_words", "resources", "text", "words"])];

#[test]
fn no_two_public_types_share_a_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (crate_name, macros) in DECLARING_MACROS {
        let all = modules(crate_name);
        assert_eq!(
            all.declaring_macros(),
            macros.iter().copied().collect(),
            "{crate_name}: if the macro gets the names of types first, add it to DECLARING_MACROS"
        );
        for (name, file) in all.types().into_iter().filter(|(_, file)| (crate_name, *file) != CLOUDFORMATION_TYPES) {
            places.entry(name).or_default().push(format!("{crate_name}::{file}"));
        }
    }
    assert!(places.len() > 300, "the types were found: {}", places.len());
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "one name, one thing: {places:#?}");
}

#[test]
fn the_types_are_found_in_each_form() {
    let types = |code: &str| {
        let all = Modules::new([("a", code)]);
        all.types().into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    let declares = "macro_rules! m { ($(#[$d:meta])* $n:ident { $($f:tt)* }) => { $(#[$d])* pub struct $n; } }";
    let passes_on = "macro_rules! all { ($($n:ident is $f:tt)+) => { $(m!($n { $f });)+ } }";
    for (code, expected) in [
        ("pub struct A(u8); pub enum Bc<T> { T } pub union D {} pub trait E {} pub type F = u8;", "A Bc D E F"),
        ("pub(crate) struct A; pub(super) enum B {} pub(in crate::x) trait C {}", "A B C"),
        ("struct A; pub(self) enum B {} pub fn f() {} impl T for A { type C = u8; }", ""),
        ("#[cfg(test)] pub struct A; mod b { pub struct B; } #[cfg(test)] mod c { pub struct C; }", "B"),
        ("macro_rules! m { () => { pub struct A; pub(super) enum B {} struct C; } }", "A B"),
        ("bitflags! { pub struct A { } }", "A"),
        (&format!("{declares} m! {{ /// It.\n A {{ b: C }} }} fn f() {{ other!(D {{}}) }}"), "A"),
        (&format!("{declares} {passes_on} all! {{ A is {{ b }} C is {{ d }} }}"), "A C"),
    ] {
        assert_eq!(types(code).join(" "), expected, "{code}");
    }
}

/// Compression and the YAML parser use readers and writers, but only over bytes.
const READS_ONLY_BYTES: [&str; 2] = ["package", "cfn::yaml_events"];

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
        "Zoned::now",
        "tokio",
        "print",
        "println",
        "eprint",
        "eprintln",
        "dbg",
    ];
    for (crate_name, places) in [
        ("lambda", &["contract", "notice", "protocol", "report", "selection"][..]),
        (
            "synth",
            &[
                "cfn",
                "check",
                "config",
                "deployer",
                "diff",
                "docs",
                "iam",
                "inventory",
                "limits",
                "package",
                "shell",
                "stack",
                "deploy::active_pairs",
                "deploy::administrator",
                "deploy::deletion_summary",
                "deploy::deployed_template",
                "deploy::deploy_error",
                "deploy::former_users",
                "deploy::key_table",
                "deploy::member_log",
                "deploy::member_operation",
                "deploy::member_stack",
                "deploy::message",
                "deploy::next_run",
                "deploy::organization_progress",
                "deploy::organization_screen",
                "deploy::organization_status",
                "deploy::progress",
                "deploy::received_report",
                "deploy::received_words",
                "deploy::release_summary",
                "deploy::resubscription",
                "deploy::revocation",
                "deploy::root_cause",
                "deploy::run_preview",
                "deploy::stack_status",
                "deploy::status_facts",
                "deploy::subscriptions",
            ],
        ),
    ] {
        let all = modules(crate_name);
        for place in places {
            let found: Vec<_> = all.files().filter(|file| file == place || is_below(file, place)).collect();
            assert!(!found.is_empty(), "{crate_name}: {place} has no source");
            for file in found {
                let named = all.named(file);
                let is_over_bytes = READS_ONLY_BYTES.iter().any(|known| file == *known || is_below(file, known));
                for part in io.iter().filter(|part| !(is_over_bytes && **part == "std::io")) {
                    assert!(!named.has(part), "{crate_name}: {file} names {part}");
                }
            }
        }
    }
}

#[test]
fn io_is_found_in_each_form() {
    for code in [
        "use std::fs;",
        "use std::{fmt, fs::{self, File}};",
        "fn f() { ::std::fs::read(\"a\") }",
        "use std as s; fn f() { s::fs::read(\"a\") }",
        "use std::{self}; const A: u8 = matches!(1, std::fs::A);",
        "fn f() { return ::std::fs::read(\"a\") }",
    ] {
        assert!(Modules::new([("a", code)]).named("a").has("std::fs"), "{code}");
    }
    let code =
        "#[cfg(test)] use std::fs; #[cfg(test)] mod tests { use std::fs; } // std::fs\nconst A: &str = \"std::fs\";";
    assert!(!Modules::new([("a", code)]).named("a").has("std::fs"));
    let clock =
        [("a", "use crate::time::Timestamp as T; fn f() { T::now() }"), ("time", "pub struct Timestamp;"), ("", "")];
    assert!(Modules::new(clock).named("a").has("Timestamp::now"));
}

#[test]
fn only_the_adapters_name_the_sdk() {
    let mut naming = 0;
    for (crate_name, adapters) in [("lambda", "aws"), ("synth", "deploy::aws")] {
        let all = modules(crate_name);
        for file in all.files() {
            let named = all.named(file);
            let is_sdk = |name: &str| {
                ["aws_sdk", "aws_config", "aws_smithy", "aws_runtime", "aws_types"]
                    .iter()
                    .any(|sdk| name.starts_with(sdk))
            };
            let names_sdk = named.paths.iter().any(|path| path.iter().any(|segment| is_sdk(segment)));
            let is_adapter = file == adapters || is_below(file, adapters);
            assert!(!names_sdk || is_adapter, "{crate_name}: {file} names the SDK");
            naming += usize::from(names_sdk);
        }
    }
    assert!(naming > 0, "the adapters name it");
}

#[test]
fn a_secret_is_taken_out_only_where_it_is_delivered_or_verified() {
    let all = modules("lambda");
    let exposing: Vec<_> = all.files().filter(|file| all.has_word(file, "expose")).collect();
    let allowed = ["aws::sts", "delivery::key_document", "model::access_key", "notice::en", "notice::ja"];
    assert_eq!(exposing, allowed, "the files that take a secret out");
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
