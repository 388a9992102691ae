//! The command line: one file per subcommand.

mod check;
mod completions;
mod config_args;
#[cfg(feature = "deploy")]
mod confirmations;
#[cfg(feature = "deploy")]
mod deploy;
mod deploy_policy;
#[cfg(feature = "deploy")]
mod destroy;
mod diff;
mod explain;
mod generate;
mod generated_files;
mod graph;
mod help;
#[cfg(feature = "deploy")]
mod inventory;
mod list;
#[cfg(feature = "deploy")]
mod manual_run;
#[cfg(feature = "deploy")]
mod output;
mod package;
#[cfg(feature = "deploy")]
mod preview;
#[cfg(feature = "deploy")]
mod resubscribe;
#[cfg(feature = "deploy")]
mod revoke;
#[cfg(feature = "deploy")]
mod rotate;
mod schema;
mod show;
#[cfg(feature = "deploy")]
mod status;
#[cfg(feature = "deploy")]
mod target;
mod template;
#[cfg(feature = "deploy")]
mod terminal;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anstyle::{AnsiColor, Style};
use clap::{FromArgMatches, Parser, Subcommand};

use crate::screen::prose;

/// Generate and deploy the CloudFormation stack that rotates the access keys of IAM users
#[derive(Debug, Parser)]
#[command(name = "synth", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Generate the template of a configuration; print it or write it to a file
    Template(template::TemplateArgs),
    /// Write the project's generated files, such as templates/; `synth list` lists them
    Generate,
    /// List the project's generated files and their sources
    List,
    /// Check that generated files are up to date, consistent and within AWS's limits
    Check(check::CheckArgs),
    /// Show the changes between two templates and their effect on permissions
    Diff(diff::DiffArgs),
    /// Deploy a configuration: show the changes, ask if needed, and follow it to the end
    #[cfg(feature = "deploy")]
    Deploy(deploy::DeployArgs),
    /// Show what a run of a configuration would do to which key; deploy nothing
    #[cfg(feature = "deploy")]
    Preview(preview::PreviewArgs),
    /// List the account's access keys, the worst first, and what to do; needs no stack
    #[cfg(feature = "deploy")]
    Inventory(inventory::InventoryArgs),
    /// Print the IAM policy with exactly the permissions that a deployment needs
    DeployPolicy(deploy_policy::DeployPolicyArgs),
    /// Draw a template in Mermaid: its resources and how they are connected
    Graph(graph::GraphArgs),
    /// Explain each permission: which step of a rotation needs it, and why
    ///
    /// With an organization, the stack of the administering account comes first, then that of each member.
    Explain(explain::ExplainArgs),
    /// Print the JSON Schema of rotation.yaml, for editors
    Schema,
    /// Print the script that completes the commands and options of synth in a shell
    Completions(completions::CompletionsArgs),
    /// Print one setting of a configuration, for scripts
    Show(show::ShowArgs),
    /// Show a deployed stack: problems, runs, alarms, recipients, and each key's next step
    #[cfg(feature = "deploy")]
    Status(status::StatusArgs),
    /// Ask AWS for a new request to each address and endpoint that has not confirmed
    #[cfg(feature = "deploy")]
    Resubscribe(resubscribe::ResubscribeArgs),
    /// Do now what is due, as a scheduled run does
    ///
    /// The next scheduled run can be far away: with rate(30 days), users that waited for a confirmation would wait for another
    /// month. Users without a confirmed recipient still wait, unless unconfirmed_recipients is proceed.
    #[cfg(feature = "deploy")]
    Run(rotate::RoutineArgs),
    /// Replace keys now, with a deployed stack
    #[cfg(feature = "deploy")]
    Rotate(rotate::RotateArgs),
    /// Reactivate the previous keys, with a deployed stack
    #[cfg(feature = "deploy")]
    Undo(rotate::RunArgs),
    /// Revoke a leaked key: deactivate it as soon as its user has a new key
    #[cfg(feature = "deploy")]
    Revoke(revoke::RevokeArgs),
    /// Make a deployed stack the manager of users that another stack managed
    #[cfg(feature = "deploy")]
    Adopt(rotate::AdoptArgs),
    /// Delete a deployed stack; users, keys and secrets stay
    #[cfg(feature = "deploy")]
    Destroy(destroy::DestroyArgs),
    /// Check the handler's package and write it so that one program gives one package
    Package(package::PackageArgs),
}

impl Cli {
    /// Reads the command line of the process. Ends the process with help or an error if there is no command to run.
    #[must_use]
    pub fn of_process() -> Self {
        Self::from_arg_matches(&help::command().get_matches()).unwrap_or_else(|error| error.exit())
    }
}

/// The exit code of the process. The numbers are part of the interface: scripts depend on them. The same cause has the same
/// code in every command. `docs/operations.md` has the same table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The command did what it should.
    Fine = 0,
    /// The command failed: for example, a file could not be written or AWS refused a call.
    Failure = 1,
    /// The configuration or the command line is wrong, or it names something that does not exist. Nothing was changed.
    BadInput = 2,
    /// An approval or a confirmation is missing, or a person declined. Nothing was changed.
    NeedsApproval = 3,
    /// Generated files are not up to date.
    Stale = 4,
    /// The inventory has findings that `--fail-on` names.
    Findings = 5,
    /// The user pressed Ctrl-C. What was started in AWS continues there.
    Interrupted = 130,
}

impl Exit {
    /// Every way to end.
    pub const ALL: [Self; 7] = [
        Self::Fine,
        Self::Failure,
        Self::BadInput,
        Self::NeedsApproval,
        Self::Stale,
        Self::Findings,
        Self::Interrupted,
    ];
}

impl Exit {
    /// The code of an error, which is about the input or about AWS.
    #[cfg(feature = "deploy")]
    const fn of(is_about_input: bool) -> Self {
        if is_about_input { Self::BadInput } else { Self::Failure }
    }

    /// What the code means.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Fine => "success",
            Self::Failure => "failure: AWS refused, a file could not be written, or a user or a notice is not in order",
            Self::BadInput => {
                "the configuration or the command line is wrong, or it names something that does not exist"
            }
            Self::NeedsApproval => {
                "an approval or a confirmation is missing, or a person declined; nothing was changed"
            }
            Self::Stale => "a generated file is not up to date, or a template breaks a rule of `synth check`",
            Self::Findings => "`inventory` has findings that `--fail-on` names",
            Self::Interrupted => "interrupted with Ctrl-C; what was started in AWS continues there",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command stopped: what a person reads, and the process's exit. The text of every failure begins with `error:`.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text())]
pub struct CommandError {
    exit: Exit,
    /// What is wrong, where, and what to do. A command stands on a line of its own, which begins with four spaces.
    message: String,
    form: ErrorForm,
}

/// The form of the message of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ErrorForm {
    /// Sentences about one error.
    Sentences,
    /// One error or more, each with `error:`, in lines as they are shown.
    Diagnostics,
    /// Sentences about what a person ended. That is no error.
    #[cfg(feature = "deploy")]
    Ended,
}

impl CommandError {
    fn new(exit: Exit, message: String) -> Self {
        Self { exit, message, form: ErrorForm::Sentences }
    }

    fn bad_input(message: String) -> Self {
        Self::new(Exit::BadInput, message)
    }

    fn failure(message: String) -> Self {
        Self::new(Exit::Failure, message)
    }

    /// The errors of an input, each rendered with its place.
    fn diagnostics(exit: Exit, rendered: String) -> Self {
        Self { exit, message: rendered, form: ErrorForm::Diagnostics }
    }

    /// The end of a command that a person declined.
    #[cfg(feature = "deploy")]
    fn declined(message: String) -> Self {
        Self { exit: Exit::NeedsApproval, message, form: ErrorForm::Ended }
    }

    /// The end of a command that Ctrl-C ended.
    #[cfg(feature = "deploy")]
    fn interrupted(message: &str) -> Self {
        Self { exit: Exit::Interrupted, message: format!("Interrupted. {message}"), form: ErrorForm::Ended }
    }

    fn text(&self) -> String {
        match self.form {
            ErrorForm::Sentences => prose(&format!("error: {}", self.message)),
            ErrorForm::Diagnostics => self.message.clone(),
            #[cfg(feature = "deploy")]
            ErrorForm::Ended => prose(&self.message),
        }
    }
}

/// Whether standard output is a terminal that takes colours (no-color.org).
fn takes_colour() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Writes a document to standard output.
fn print(document: &str) -> Result<(), CommandError> {
    match io::stdout().write_all(document.as_bytes()) {
        // The reader closed the pipe: `synth template | head`.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|e| CommandError::failure(format!("standard output: cannot be written: {e}"))),
    }
}

/// A diagnostic with its first word in colour, on each line that begins with one.
fn coloured(diagnostic: &str) -> String {
    const RED: Style = AnsiColor::Red.on_default().bold();
    const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
    let line = |line: &str| {
        let word = [("error", RED), ("warning", YELLOW)]
            .into_iter()
            .find(|(word, _)| line.strip_prefix(word).is_some_and(|rest| rest.starts_with([':', '['])));
        word.map_or(line.to_owned(), |(word, style)| format!("{style}{word}{style:#}{}", &line[word.len()..]))
    };
    diagnostic.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Prints a text on standard error, in colours if it is a terminal that takes them (no-color.org). If its reader is gone, the
/// text is lost, and the command continues: `synth deploy 2>&1 | head` must not end between two calls to AWS.
fn note(line: &str) {
    let takes_colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    let line = if takes_colour { coloured(line) } else { line.to_owned() };
    let _ = writeln!(io::stderr(), "{line}");
}

/// Runs the command line to its end; errors go to standard error.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Template(args) => template::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Diff(args) => diff::run(&args),
        #[cfg(feature = "deploy")]
        Command::Deploy(args) => deploy::run(&args),
        #[cfg(feature = "deploy")]
        Command::Preview(args) => preview::run(&args),
        #[cfg(feature = "deploy")]
        Command::Inventory(args) => inventory::run(&args),
        Command::DeployPolicy(args) => deploy_policy::run(&args),
        Command::Generate => generate::run(),
        Command::List => list::run(),
        Command::Graph(args) => graph::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Schema => schema::run(),
        Command::Completions(args) => completions::run(&args),
        Command::Show(args) => show::run(&args),
        #[cfg(feature = "deploy")]
        Command::Status(args) => status::run(&args),
        #[cfg(feature = "deploy")]
        Command::Resubscribe(args) => resubscribe::run(&args),
        #[cfg(feature = "deploy")]
        Command::Run(args) => rotate::routine(&args),
        #[cfg(feature = "deploy")]
        Command::Rotate(args) => rotate::rotate(&args),
        #[cfg(feature = "deploy")]
        Command::Undo(args) => rotate::undo(&args),
        #[cfg(feature = "deploy")]
        Command::Revoke(args) => revoke::run(&args),
        #[cfg(feature = "deploy")]
        Command::Adopt(args) => rotate::adopt(&args),
        #[cfg(feature = "deploy")]
        Command::Destroy(args) => destroy::run(&args),
        Command::Package(args) => package::run(&args),
    };
    match done {
        Ok(()) => Exit::Fine.into(),
        Err(stop) => {
            note(stop.text().trim_end());
            stop.exit.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_of_a_diagnostic_has_a_colour() {
        let text = "error: no\n  error: not at the start\nwarning[x]: perhaps\nerrors are bad";
        let shown = coloured(text);
        assert_eq!(anstream::adapter::strip_str(&shown).to_string(), text);
        let with_colour: Vec<_> = shown.lines().map(|line| line.starts_with('\u{1b}')).collect();
        assert_eq!(with_colour, [true, false, true, false]);
    }
}
