//! What people read: plain words, and links and file names that lead somewhere.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use clap::CommandFactory;
use lambda::{protocol::call_error::ErrorCode, report::metrics::Metric};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use synth::{
    cfn::view::reasons,
    cmd::{Cli, Exit},
    config::{self, Overrides},
    stack,
};

use crate::common::{root, tool};

/// Expressions that a reader whose first language is not English has to read twice, and what to write instead.
const FORBIDDEN: [(&str, &str); 16] = [
    ("whoever", "the name of the role: the owner, an administrator, the workload"),
    ("whom", "the name of the role"),
    ("nobody", "no user, no recipient, no administrator"),
    ("somebody", "the name of the role, or \"a person\""),
    ("anew", "again"),
    ("all the same", "anyway"),
    ("none any more", "no longer"),
    ("any more", "no longer"),
    ("of which", "a second sentence"),
    ("left alone", "skipped, kept"),
    ("leaves alone", "skips, keeps"),
    ("hears of", "is notified of"),
    ("hear of", "are notified of"),
    ("it says of", "it shows"),
    ("whose are not", "users to exclude"),
    ("there being", "because there is"),
];

/// The files below a folder with these endings, without what is built or installed.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let skipped = ["target", ".venv", ".git", "node_modules"];
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() && !skipped.contains(&name.as_str()) {
            found.extend(files(&path, endings));
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found
}

fn documents() -> Vec<(String, String)> {
    let text = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        (name, std::fs::read_to_string(&path).unwrap())
    };
    files(root(), &[".md"]).into_iter().map(text).collect()
}

#[test]
fn the_page_about_organizations_quotes_the_simulation() {
    let simulation = root().join("tests/bench/organization.py");
    let output = Command::new(tool("python")).arg(&simulation).output().expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let metrics = format!("\nMETRICS = {}  #", Metric::ALL.len());
    assert!(std::fs::read_to_string(&simulation).unwrap().contains(&metrics), "{metrics}");
    let page = std::fs::read_to_string(root().join("docs/organization.md")).unwrap();
    assert!(
        page.contains(&format!("```\n{printed}```\n")),
        "make simulate prints, for docs/organization.md:\n{printed}"
    );
}

/// The help texts of a command and of all its subcommands.
fn help(command: &mut clap::Command) -> String {
    let mut text = command.render_long_help().to_string();
    for subcommand in command.get_subcommands_mut() {
        text += &help(subcommand);
    }
    text
}

/// The places of an expression, as whole words, wherever lines break.
fn places(text: &str, expression: &str) -> Vec<usize> {
    let words: Vec<_> = text
        .lines()
        .enumerate()
        .flat_map(|(at, line)| {
            let line = line.trim_start().trim_start_matches(['#', '>', '*', '-', '/']);
            line.split_whitespace().map(move |word| (at + 1, word)).collect::<Vec<_>>()
        })
        .collect();
    let plain = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let wanted: Vec<_> = expression.split_whitespace().map(plain).collect();
    let fits = |window: &&[(usize, &str)]| window.iter().map(|(_, word)| plain(word)).eq(wanted.iter().cloned());
    words.windows(wanted.len()).filter(fits).map(|window| window[0].0).collect()
}

const HELP: &str = "synth --help";

/// Every text that people read, with its name.
fn texts() -> Vec<(String, String)> {
    let mut texts = documents();
    texts.push((HELP.into(), help(&mut Cli::command())));
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        (name, std::fs::read_to_string(&path).unwrap())
    };
    for folder in ["templates", "examples", ".github", ".ci"] {
        texts.extend(
            files(&root().join(folder), &[".yaml", ".yml", ".json", ".sh", ".py", ".guard"]).into_iter().map(read),
        );
    }
    texts.extend(["rotation.yaml", "Makefile"].map(|file| read(root().join(file))));
    let sources = ["lambda/src", "synth/src"].into_iter().flat_map(|folder| files(&root().join(folder), &[".rs"]));
    texts.extend(sources.map(read).map(|(name, source)| (name, messages(&source))));
    texts
}

/// The texts in the code of a file, one on each line: messages, reports and reasons. The tests of the file and its comments
/// are left out.
fn messages(source: &str) -> String {
    let mut found = String::new();
    let tokens: TokenStream = source.parse().unwrap_or_else(|e| panic!("{e}: {source}"));
    collect(tokens, &mut found);
    found
}

fn collect(tokens: TokenStream, found: &mut String) {
    let mut is_test = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let text = group.stream().to_string();
                if group.delimiter() == Delimiter::Bracket && text.starts_with("cfg (test") {
                    is_test = true;
                } else if group.delimiter() == Delimiter::Brace && is_test {
                    is_test = false;
                } else if group.delimiter() != Delimiter::Bracket || !text.starts_with("doc =") {
                    collect(group.stream(), found);
                }
            }
            // A line break in the source continues the text.
            TokenTree::Literal(literal) if literal.to_string().contains('"') => {
                found.push_str(&literal.to_string().replace("\\\n", " ").replace('\n', " ").replace("\\n", " "));
                found.push('\n');
            }
            _ => {}
        }
    }
}

#[test]
fn the_texts_of_a_program_are_read_without_its_comments_and_its_tests() {
    let source = "/// whoever\nfn f() { say(\"Some \\\n     body\"); #[error(\"an error\")] struct E; }\n\
                  #[cfg(test)]\nmod tests { const T: &str = \"anew\"; }\nconst X: &str = \"the\\nend\";";
    let texts = messages(source);
    assert_eq!(places(&texts, "Some body"), [1], "{texts}");
    assert_eq!([places(&texts, "an error"), places(&texts, "the end")], [[2], [3]]);
    assert_eq!([places(&texts, "whoever"), places(&texts, "anew")], [[0; 0], [0; 0]]);
}

#[test]
fn no_text_has_an_expression_that_is_hard_to_read() {
    let mut found = Vec::new();
    for (name, text) in &texts() {
        for (expression, instead) in FORBIDDEN {
            found.extend(
                places(text, expression)
                    .into_iter()
                    .map(|line| format!("{name}:{line}: {expression:?}; write {instead}")),
            );
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Without this, an expression would pass in a kind of text that is no longer read.
#[test]
fn every_kind_of_text_is_read() {
    let texts = texts();
    let assert_read = |name: &str, sentence: &str| {
        let (_, text) = texts.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{name} was not read"));
        assert!(!places(text, sentence).is_empty(), "{name} was read without its sentence {sentence:?}");
    };
    for (name, sentence) in [
        ("README.md", "Access Key Rotation"),
        ("docs/operations.md", "Error codes of the handler"),
        ("templates/OPERATIONS.md", "Who did what"),
        ("templates/rotation.schema.json", "Which access keys are rotated, how, and who is notified."),
        ("rotation.yaml", "Which access keys are rotated, how, and who is notified."),
        ("Makefile", "`make help` lists the targets."),
    ] {
        assert_read(name, sentence);
    }
    for name in ["examples/pick-up.sh", "templates/rules.guard", ".github/workflows/ci.yml", ".github/scripts/diff.sh"]
    {
        let text = std::fs::read_to_string(root().join(name)).unwrap();
        let comment = text.lines().find_map(|line| line.strip_prefix("# ")).expect("it has a comment");
        assert_read(name, comment);
    }
    // The comments of a template are the reasons that it is built with.
    let configuration = std::fs::read_to_string(root().join("rotation.yaml")).unwrap();
    let template = stack::template(&config::read(&configuration, Overrides::default()).unwrap().config).unwrap();
    let comments = reasons(&template);
    assert!(comments.len() > 20, "{}", comments.len());
    for comment in comments.values() {
        assert_read("templates/rotation.yaml", comment);
    }
    // The help of each subcommand and of each of its options.
    let command = Cli::command();
    for subcommand in command.get_subcommands() {
        let about = subcommand.get_about().into_iter();
        let options =
            subcommand.get_arguments().filter_map(|argument| argument.get_long_help().or(argument.get_help()));
        about.chain(options).for_each(|text| assert_read(HELP, &text.to_string()));
    }
}

#[test]
fn an_expression_is_found_across_lines_and_in_comments() {
    let text = "# What is left\n# alone, whoever. \"Anew\"\n";
    assert_eq!([places(text, "left alone"), places(text, "whoever"), places(text, "anew")], [[1], [2], [2]]);
    assert_eq!(places("renew, a new key", "anew"), [0; 0]);
}

/// The text of a document without its blocks of code.
fn prose(text: &str) -> String {
    let mut inside = false;
    let outside = |line: &&str| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !inside && !fence
    };
    text.lines().filter(outside).collect::<Vec<_>>().join("\n")
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let plain = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    plain.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text);
    headings.lines().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#'))).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    let mut links = 0;
    for (name, text) in documents() {
        let folder = root().join(&name);
        for link in prose(&text).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { folder.clone() } else { folder.parent().unwrap().join(path) };
            let has_heading = || {
                let text = std::fs::read_to_string(&target).unwrap_or_default();
                anchors(&text).contains(heading)
            };
            let is_document = target.extension().is_some_and(|extension| extension == "md");
            if !target.exists() || !heading.is_empty() && is_document && !has_heading() {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(links > 50, "links were found: {links}");
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// Paths in the text: `lambda/src/protocol/planner.rs`, with `*` and `{a,b}` as a shell has them. What is in capitals stands for
/// any name.
#[test]
fn every_path_in_a_document_exists() {
    let tops = ["lambda/", "synth/", "tests/", "templates/", "docs/", "examples/", ".github/", ".ci/"];
    let mut missing = Vec::new();
    let mut paths = 0;
    for (name, text) in documents() {
        for path in prose(&text).split('`').skip(1).step_by(2) {
            let is_path = tops.iter().any(|top| path.starts_with(top)) && !path.contains(char::is_whitespace);
            if !is_path {
                continue;
            }
            for path in expand(path.trim_end_matches(['/', ',', '.'])) {
                paths += 1;
                let any_name = |part: &str| {
                    part.contains('*') || part.contains(char::is_uppercase) && !root().join(&path).exists()
                };
                let known: PathBuf =
                    Path::new(&path).iter().take_while(|part| !any_name(&part.to_string_lossy())).collect();
                if !root().join(known).exists() {
                    missing.push(format!("{name}: {path}"));
                }
            }
        }
    }
    assert!(paths > 50, "paths were found: {paths}");
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`.
fn expand(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let Some((choice, after)) = rest.split_once('}') else { return vec![path.to_owned()] };
    choice.split(',').flat_map(|word| expand(&format!("{before}{word}{after}"))).collect()
}

#[test]
fn the_runbook_explains_each_error_code_of_the_handler() {
    let text = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with("Error codes of the handler\n")).unwrap();
    let cells = |line: &'_ str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| `")).map(cells).collect();
    for row in &rows {
        let [_, _, meaning, what_to_do, _] = row.as_slice() else { panic!("a row has three cells: {row:?}") };
        assert!(meaning.len() > 10 && what_to_do.len() > 5, "{row:?}");
    }
    let explained: Vec<_> = rows.iter().map(|row| row[1].trim_matches('`')).collect();
    let mut codes = ErrorCode::OF_THE_HANDLER.to_vec();
    codes.sort_unstable();
    assert_eq!(explained, codes, "the table has one row for each code, in alphabetical order");
}

#[test]
fn the_runbook_has_each_exit_code_with_its_meaning() {
    let text = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with("Exit codes\n")).unwrap();
    let table = section.split("\n\n").find(|part| part.starts_with("| `synth` ends with")).expect("a table");
    let rows: Vec<_> = table.lines().skip(2).collect();
    let codes = Exit::ALL.map(|exit| format!("| {} | {} |", exit as u8, exit.meaning()));
    assert_eq!(rows, codes);
}

#[test]
fn the_readme_is_short() {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(text.lines().count() <= 150, "{} lines: move details to docs/", text.lines().count());
    assert!(text.lines().all(|line| line.chars().count() <= 120), "lines of at most 120 columns");
}
