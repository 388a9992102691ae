//! Every command that a message proposes can be run: `synth` and the Makefile accept it.

use std::{fs, path::Path, process::Command as Process};

use clap::{CommandFactory, Parser};
use synth::cmd::Cli;

use crate::common::{self, root, synth};

/// The Makefile's targets that need variables.
const NEED_VARIABLES: [&str; 5] = ["rotate", "undo", "revoke", "adopt", "acceptance"];

/// The commands with this program in a text, each to the end of its line or of its quotes.
fn commands<'t>(text: &'t str, program: &str) -> Vec<&'t str> {
    let starts = ["`", "(", ": ", "run ", "then ", "\n  ", "fix: "];
    let begins = |at: usize| starts.iter().any(|start| text[..at].ends_with(start));
    let program = format!("{program} ");
    let places = text.match_indices(&program).map(|(at, _)| at).filter(|at| begins(*at));
    places.map(|at| text[at..].split(['\n', '`']).next().unwrap_or_default()).collect()
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            // A string that continues in the next line.
            let lines: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let text = lines.join("\n").replace("\\\n", "\n");
            let mut joined = String::new();
            for line in text.lines() {
                if line.starts_with(' ') && !joined.ends_with(';') && joined.ends_with(' ') {
                    joined += line.trim_start();
                } else {
                    joined += "\n";
                    joined += line;
                }
            }
            found.push((path.display().to_string(), joined));
        }
    }
}

/// What is wrong with a proposed `make` command. `None` if the Makefile accepts it.
fn wrong_in_makefile(command: &str) -> Option<String> {
    let makefile = common::read("Makefile");
    let end = |c: char| matches!(c, '`' | ')' | ',' | ';' | '"' | '\\');
    let command = command.split(end).next().unwrap_or_default();
    let mut words = command.split(' ').skip(1);
    let target = words.next().unwrap_or_default().trim_end_matches(['.', ':']);
    let has_target = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
    let variables: Vec<_> = words.filter_map(|word| word.split_once('=')).map(|(name, _)| name).collect();
    if !has_target {
        return Some(format!("{command:?}: the Makefile has no target {target}"));
    }
    if let Some(unknown) = variables.iter().find(|name| !makefile.contains(**name)) {
        return Some(format!("{command:?}: the Makefile has no variable {unknown}"));
    }
    let lacks = NEED_VARIABLES.contains(&target) && variables.is_empty();
    lacks.then(|| format!("{command:?}: make {target} needs variables"))
}

#[test]
fn the_makefile_accepts_each_make_command_in_the_code() {
    let (mut files, mut count, mut wrong) = (Vec::new(), 0, Vec::new());
    for folder in ["synth/src", "lambda/src"] {
        sources(&root().join(folder), &mut files);
    }
    let prose = ["the", "at", "a", "an", "it", "sure", "warn_before", "rotate_after", "unused_after", "timeout"];
    // The pages name commands where they explain them.
    for (file, text) in files.iter().filter(|(file, _)| !file.contains("synth/src/docs/")) {
        // The function `make` writes the command for the stack of the process.
        let built = text.replace("make(\"", "`make ");
        for command in commands(&built, "make") {
            let word = command.split(' ').nth(1).unwrap_or_default();
            // "make the list shorter" is no command; neither is "make rotate with ENABLE=1", nor a shown beginning.
            if prose.contains(&word) || command.contains(" with ") || word.starts_with(['{', '-']) {
                continue;
            }
            count += 1;
            wrong.extend(wrong_in_makefile(command).map(|problem| format!("{file}: {problem}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 30, "only {count} commands were found");
}

#[test]
fn clap_knows_each_synth_command_in_the_code() {
    let mut files = Vec::new();
    for folder in ["synth/src", "lambda/src"] {
        sources(&root().join(folder), &mut files);
    }
    let (clap, mut count) = (Cli::command(), 0);
    for (file, text) in &files {
        for command in text.split("`synth ").skip(1).map(|rest| rest.split('`').next().unwrap_or_default()) {
            let mut words = command.split_whitespace();
            let name = words.next().unwrap_or_default();
            let Some(known) = clap.find_subcommand(name) else { panic!("{file}: synth {command}: there is no {name}") };
            for option in words.filter(|word| word.starts_with("--")) {
                let is_it = |argument: &clap::Arg| argument.get_long() == Some(&option[2..]);
                assert!(known.get_arguments().any(is_it), "{file}: synth {command}: there is no {option}");
            }
            count += 1;
        }
    }
    assert!(count > 5, "only {count} commands were found");
}

/// The proposed `synth` commands in the output of a failure.
fn proposed(folder: &Path, arguments: &[&str]) -> Vec<Vec<String>> {
    let output = synth(folder, arguments);
    assert!(!output.status.success(), "{arguments:?}: {output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let words =
        |command: &str| shlex::split(command).unwrap_or_else(|| panic!("{arguments:?}: no shell takes {command}"));
    commands(&said, "synth").into_iter().map(words).collect()
}

#[test]
fn a_proposed_command_repairs_what_it_is_proposed_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["templates", "it's my $HOME"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    let configuration = "users: [alice]\nemails: [a@example.com]\n";
    let other = configuration.to_owned() + "stack_name: other\n";
    for (name, text) in
        [("rotation.yaml", configuration), ("it's my $HOME/fleet config.yaml", &other), ("fleet.yaml", &other)]
    {
        fs::write(folder.join(name), text).unwrap();
    }
    let awkward = "it's my $HOME/fleet config.yaml";
    for (arguments, template) in [
        (&["check", "--config", "rotation.yaml"][..], "templates/rotation.yaml"),
        (&["check", "--config", "fleet.yaml"], "templates/fleet.yaml"),
        (&["check", "--config", awkward], "templates/fleet config.yaml"),
        (&["check", "--config", awkward, "--template", "it's my $HOME/t \"1\".yaml"], "it's my $HOME/t \"1\".yaml"),
    ] {
        let commands = proposed(folder, arguments);
        let [command] = commands.as_slice() else { panic!("{arguments:?}: {commands:?}") };
        Cli::try_parse_from(command).unwrap_or_else(|problem| panic!("{command:?}: {problem}"));
        assert_eq!(command.last().map(String::as_str), Some(template), "{arguments:?}");
        let words: Vec<_> = command[1..].iter().map(String::as_str).collect();
        assert!(synth(folder, &words).status.success(), "{command:?}");
        assert!(synth(folder, arguments).status.success(), "{arguments:?} is right after {command:?}");
    }
    // The committed template of one configuration was not overwritten with another.
    let rotation = fs::read_to_string(folder.join("templates/rotation.yaml")).unwrap();
    assert!(rotation.contains("access-key-rotation") || !rotation.contains("other"), "{rotation}");
}

#[test]
fn the_template_to_compare_with_follows_the_configuration() {
    let base = Process::new("git").current_dir(root()).args(["rev-parse", "--verify", "HEAD"]).output().unwrap();
    if !base.status.success() {
        return;
    }
    let diff = |config: &str| synth(root(), &["diff", "--base", "HEAD", "--config", config, "--format", "json"]);
    for config in ["examples/fleet.yaml", "rotation.yaml"] {
        let output = diff(config);
        let diff: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        let users = |list: &str| diff[list].as_array().map_or(0, Vec::len);
        assert_eq!((users("newly_rotated"), users("leaving")), (0, 0), "{config}: {diff:#}");
    }
}
