//! The command line: one file per subcommand.

mod check;
mod config_args;
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
mod list;
mod package;
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

use clap::{Parser, Subcommand};

/// Generates the CloudFormation stack that rotates IAM users' access keys.
#[derive(Debug, Parser)]
#[command(name = "synth", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the template that a configuration stands for, or write it to a file
    Template(template::Args),
    /// Write the project's generated files: templates/ and the picture in README.md
    Generate,
    /// List the project's generated files, and what each is made of
    List,
    /// Say whether generated files are fresh, fit together and keep within AWS's limits
    Check(check::Args),
    /// Say what one template changes against another, and what that means for IAM
    Diff(diff::Args),
    /// Deploy a configuration: show what changes, ask where it matters, and follow it to its end
    #[cfg(feature = "deploy")]
    Deploy(deploy::Args),
    /// Print the IAM policy that a CI's role needs to deploy, and nothing beyond
    DeployPolicy(deploy_policy::Args),
    /// Draw a template: its resources and what they do with each other, in Mermaid
    Graph(graph::Args),
    /// Say of each permission which step of a rotation needs it, and why
    Explain(explain::Args),
    /// Print the JSON Schema of rotation.yaml, for editors
    Schema,
    /// Print one setting of a configuration
    Show(show::Args),
    /// Say how a deployed stack is: who hears of a new key, when it runs next, what a run would do now
    #[cfg(feature = "deploy")]
    Status(status::Args),
    /// Have a deployed stack replace keys now
    #[cfg(feature = "deploy")]
    Rotate(rotate::Args),
    /// Have a deployed stack reactivate the previous keys
    #[cfg(feature = "deploy")]
    Undo(rotate::Args),
    /// Delete a deployed stack; users, keys and secrets stay
    #[cfg(feature = "deploy")]
    Destroy(destroy::Args),
    /// Check the handler's package and write it anew, so that one program always makes the same package
    Package(package::Args),
}

/// How the process ends. The numbers are part of the interface: scripts depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Fine = 0,
    /// Something went wrong: a file could not be written, AWS refused.
    Failure = 1,
    /// The configuration or the command line is wrong; nothing was written.
    BadInput = 2,
    /// A change needs somebody's approval.
    NeedsApproval = 3,
    /// Generated files are not what the configuration generates.
    Stale = 4,
    /// Somebody pressed Ctrl-C; what was begun in AWS goes on there.
    Interrupted = 130,
}

impl Exit {
    /// Every way to end.
    pub const ALL: [Self; 6] =
        [Self::Fine, Self::Failure, Self::BadInput, Self::NeedsApproval, Self::Stale, Self::Interrupted];
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command stopped: what a person reads, and the process's exit.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    exit: Exit,
    message: String,
}

impl CommandError {
    fn bad_input(message: String) -> Self {
        Self { exit: Exit::BadInput, message }
    }

    fn failure(message: String) -> Self {
        Self { exit: Exit::Failure, message }
    }

    fn stale(message: String) -> Self {
        Self { exit: Exit::Stale, message }
    }
}

/// Whether standard output is a terminal that takes colours (no-color.org).
fn takes_colour() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Writes a document to standard output.
fn print(document: &str) -> Result<(), CommandError> {
    match io::stdout().write_all(document.as_bytes()) {
        // Whoever reads has read enough: `synth template | head`.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|e| CommandError::failure(format!("standard output: {e}"))),
    }
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
        Command::DeployPolicy(args) => deploy_policy::run(&args),
        Command::Generate => generate::run(),
        Command::List => list::run(),
        Command::Graph(args) => graph::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Schema => schema::run(),
        Command::Show(args) => show::run(&args),
        #[cfg(feature = "deploy")]
        Command::Status(args) => status::run(&args),
        #[cfg(feature = "deploy")]
        Command::Rotate(args) => rotate::rotate(&args),
        #[cfg(feature = "deploy")]
        Command::Undo(args) => rotate::undo(&args),
        #[cfg(feature = "deploy")]
        Command::Destroy(args) => destroy::run(&args),
        Command::Package(args) => package::run(&args),
    };
    match done {
        Ok(()) => Exit::Fine.into(),
        Err(stop) => {
            let message = stop.message.trim_end();
            eprintln!("{message}");
            stop.exit.into()
        }
    }
}
