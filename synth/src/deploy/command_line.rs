//! The commands that messages propose, for the stack that this process is about.
//!
//! This module reads the arguments of the process. Passing them to every message would be explicit. But then a new message
//! could propose a command without them, and the command would be about another stack.

use std::env;

use crate::shell::quoted;

/// The options that choose a stack, each with the variable of make for it.
const CHOICES: [(&str, &str); 3] = [("--config", "CONFIG"), ("--region", "REGION"), ("--profile", "PROFILE")];

/// The configuration that make takes without `CONFIG`.
const DEFAULT_CONFIG: &str = "rotation.yaml";

/// The command that prints the permissions of a deployer.
pub const DEPLOY_POLICY: &str = "synth deploy-policy --account NUMBER --region REGION";

/// The command `make TARGET`, with the variables that choose the stack of this process. Without them, the command could run
/// for another stack.
#[must_use]
pub fn make(target: &str) -> String {
    make_for(target, &env::args().collect::<Vec<_>>())
}

/// This command of the AWS CLI, with the Region and the profile of this process.
#[must_use]
pub fn aws(command: &str) -> String {
    aws_for(command, &env::args().collect::<Vec<_>>())
}

/// How to see more than one screen, and how to begin with this user: as options, or as variables if make started this
/// process.
#[must_use]
pub fn more(one: Option<&str>) -> String {
    let users = if by_make() { "USERS=" } else { "--users " };
    let one = one.map(|one| format!(" One user first: {users}{}", quoted(one)));
    format!("Details: {}.{}", verbose(), one.unwrap_or_default())
}

/// How to see everything: as an option, or as a variable of make.
#[must_use]
pub fn verbose() -> &'static str {
    if by_make() { "VERBOSE=1" } else { "--verbose" }
}

/// Whether make started this process.
fn by_make() -> bool {
    env::var_os("MAKELEVEL").is_some()
}

fn make_for(target: &str, arguments: &[String]) -> String {
    let mut words = vec!["make".to_owned(), target.to_owned()];
    for (option, variable) in CHOICES {
        let chosen = value(option, arguments).filter(|value| *value != DEFAULT_CONFIG);
        words.extend(chosen.map(|value| format!("{variable}={}", quoted(value))));
    }
    words.join(" ")
}

fn aws_for(command: &str, arguments: &[String]) -> String {
    let mut words = vec!["aws".to_owned(), command.to_owned()];
    for option in ["--region", "--profile"].into_iter().filter(|option| !command.contains(option)) {
        words.extend(value(option, arguments).map(|value| format!("{option} {}", quoted(value))));
    }
    words.join(" ")
}

/// The value of an option, in either form: `--region eu-west-1` or `--region=eu-west-1`.
fn value<'a>(option: &str, arguments: &'a [String]) -> Option<&'a str> {
    let next = arguments.iter().skip(1).map(String::as_str).map(Some).chain([None]);
    arguments.iter().zip(next).find_map(|(argument, next)| match argument.strip_prefix(option)? {
        "" => next,
        rest => rest.strip_prefix('='),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Vec<String> {
        shlex::split(line).unwrap()
    }

    #[test]
    fn a_proposed_command_is_about_the_same_stack() {
        for (line, expected) in [
            ("synth run", "make run"),
            ("synth run --config rotation.yaml", "make run"),
            ("synth run --config pilot.yaml --region=eu-west-1", "make run CONFIG=pilot.yaml REGION=eu-west-1"),
            ("synth run --profile 'my own' --regional x", "make run PROFILE='my own'"),
            ("synth run --config", "make run"),
        ] {
            assert_eq!(make_for("run", &arguments(line)), expected, "{line}");
        }
        let chosen = arguments("synth run --profile ops --region eu-west-1");
        assert_eq!(aws_for("sns list-topics", &chosen), "aws sns list-topics --region eu-west-1 --profile ops");
        assert_eq!(aws_for("iam get-user --region x", &chosen), "aws iam get-user --region x --profile ops");
        assert_eq!(aws_for("iam get-user", &arguments("synth run")), "aws iam get-user");
    }

    /// A person pastes the command into a shell.
    #[test]
    fn a_shell_reads_a_proposed_command_as_it_is_meant() {
        for value in ["a'|id|'b@x.co", "$(id)", "`id`", "two words", "x;id", "\"", "\\", "-x", "*", "~", "a\nid"] {
            let arguments = ["synth", "run", "--profile", value].map(str::to_owned);
            for (command, expected) in [
                (make_for("run", &arguments), format!("[run][PROFILE={value}]")),
                (aws_for("sns list-topics", &arguments), format!("[sns][list-topics][--profile][{value}]")),
            ] {
                let script = format!(
                    "p() {{ for word in \"$@\"; do printf '[%s]' \"$word\"; done; }}; make() {{ p \"$@\"; }}; aws() {{ p \"$@\"; }}; \
                     id() {{ echo ran; }}; {command}"
                );
                let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
                assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{command}");
            }
        }
    }
}
