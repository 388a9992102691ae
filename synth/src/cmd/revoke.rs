//! `synth revoke`: deactivates one key now, after its user has a successor if it needs one.

use std::env;

use lambda::{
    model::{access_key::AccessKeyId, user::User},
    protocol::run::Successor,
};

use crate::cmd::{
    CommandError,
    manual_run::{self, ManualRun},
    note,
    output::{CommandOutput, OutputFormat},
    target,
    terminal::{Confirmation, can_ask},
};
use crate::deploy::{
    command_document::CommandDocument,
    command_line::{aws, make},
    deletion_summary::StackLocation,
    interrupt::Interrupt,
    invoke::{InvocationMode, RunCommand},
    received_report::ReceivedReport,
    revocation::{Revocation, RevocationOutcome},
    run_screen::RunScreen,
};
use crate::{screen::prose, shell::quoted};

#[derive(Debug, clap::Args)]
pub(super) struct RevokeArgs {
    /// The name of the user
    #[arg(long, value_name = "NAME")]
    user: User,
    /// The id of the key to deactivate
    #[arg(long, value_name = "ID")]
    key: AccessKeyId,
    /// Show the steps, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Deactivate the key without asking for confirmation
    #[arg(long)]
    yes: bool,
    /// Deactivate the key at once, even if the user then has no access
    #[arg(long)]
    without_successor: bool,
    #[command(flatten)]
    target: target::Target,
    /// The format of the output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

pub(super) fn run(args: &RevokeArgs) -> Result<(), CommandError> {
    let name = args.target.function_name()?;
    let revocation = Revocation { user: args.user.name.clone(), key: args.key.clone() };
    target::block_on(async {
        let (session, interrupt) = (args.target.open().await?, Interrupt::listen());
        let (function, output) = (name.as_str(), CommandOutput(args.format));
        let run = ManualRun { session: &session, interrupt: &interrupt, function, verb: "revoke the key", output };
        let mut document = CommandDocument::new("revoke", function, StackLocation::from(&session));
        document.dry_run = args.dry_run;
        let result = Conversation { args, run, revocation, document: &mut document }.hold().await;
        output.end(&document, result)
    })
}

/// What is said and asked about one revocation.
struct Conversation<'a> {
    args: &'a RevokeArgs,
    run: ManualRun<'a>,
    revocation: Revocation,
    document: &'a mut CommandDocument,
}

impl Conversation<'_> {
    async fn hold(&mut self) -> Result<(), CommandError> {
        let successor = if self.args.without_successor { Successor::Without } else { Successor::IfNeeded };
        let preview = self.report(successor, InvocationMode::DryRun).await?;
        let outcome = self.learn(&preview, successor, InvocationMode::DryRun);
        let steps = self.revocation.steps(&preview);
        match reaction(&outcome, if self.args.dry_run { Stage::DryRun } else { Stage::Preview }) {
            Reaction::End => {
                let again = prose(&format!("This was a dry run: nothing was changed. To do it: {}", self.command("")));
                self.run.output.say(&format!("{steps}{again}"))?;
                return manual_run::verdict(&preview);
            }
            Reaction::Revoke => self.run.output.say(&steps)?,
            Reaction::AskForMore(cause) => return self.without_successor(cause).await,
            Reaction::Fail => return Err(self.failure(&outcome)),
        }
        self.confirm(&format!("Revoke {}?", self.revocation.key)).await?;
        self.revoke(successor).await
    }

    /// Revokes the key, and asks again if there is no successor.
    async fn revoke(&mut self, successor: Successor) -> Result<(), CommandError> {
        let report = self.report(successor, InvocationMode::ForReal).await?;
        let outcome = self.learn(&report, successor, InvocationMode::ForReal);
        self.run.output.say(&RunScreen { says_what_works: false, ..RunScreen::default() }.text(&report))?;
        match reaction(&outcome, Stage::Done) {
            Reaction::AskForMore(cause) => Box::pin(self.without_successor(cause)).await,
            Reaction::End | Reaction::Revoke if report.is_fine() => {
                let Revocation { user, key } = &self.revocation;
                let status = make("status");
                self.run.output.say(&prose(&format!("{key} is revoked. To see the keys of {user}: {status}")))
            }
            Reaction::End | Reaction::Revoke => Err(CommandError::failure(format!(
                "the key {} is revoked, but not everything else succeeded: see above",
                self.revocation.key
            ))),
            Reaction::Fail => Err(self.failure(&outcome)),
        }
    }

    /// What became of the key. The document gets it too.
    fn learn(&mut self, report: &ReceivedReport, successor: Successor, mode: InvocationMode) -> RevocationOutcome {
        let outcome = self.revocation.outcome(report, successor);
        // A dry run before the revocation changes nothing.
        let is_final = mode == InvocationMode::ForReal || self.args.dry_run;
        self.document.report = Some(report.clone());
        self.document.is_revoked = match &outcome {
            RevocationOutcome::Revoked => Some(is_final),
            RevocationOutcome::NoSuccessor(_) | RevocationOutcome::StillActive(_) => Some(false),
            RevocationOutcome::NoSuchKey(_) | RevocationOutcome::Unknown(_) => None,
        };
        outcome
    }

    /// Says that the key is still active, and revokes it if a person wants that anyway.
    async fn without_successor(&mut self, cause: &str) -> Result<(), CommandError> {
        let Revocation { user, key } = &self.revocation;
        note(prose(&format!("The key {key} is still active. {user} got no new key, because: {cause}")).trim_end());
        if self.args.yes || !can_ask() {
            let again = if env::var_os("MAKELEVEL").is_some() {
                self.command(" YES=1 WITHOUT_SUCCESSOR=1")
            } else {
                command_without_successor(env::args())
            };
            return Err(CommandError::failure(format!(
                "the key was not revoked. To deactivate it anyway, so that {user} has no access:\n    {again}"
            )));
        }
        self.confirm(&format!("Deactivate {key} anyway? {user} then has no access.")).await?;
        self.revoke(Successor::Without).await
    }

    async fn confirm(&self, question: &str) -> Result<(), CommandError> {
        if self.args.yes {
            return Ok(());
        }
        let make = self.command(" YES=1");
        Confirmation { question, make: &make, declined: "The key was not revoked." }.ask(self.run.interrupt).await
    }

    /// The command that revokes the key, with more variables.
    fn command(&self, more: &str) -> String {
        let Revocation { user, key } = &self.revocation;
        let is_named = self.args.without_successor && !more.contains("WITHOUT_SUCCESSOR");
        let without = if is_named { " WITHOUT_SUCCESSOR=1" } else { "" };
        make(&format!("revoke USER={user} KEY={key}{more}{without}"))
    }

    async fn report(&self, successor: Successor, mode: InvocationMode) -> Result<ReceivedReport, CommandError> {
        let Revocation { user, key } = &self.revocation;
        let report = self.run.report(&RunCommand::Revoke(user.clone(), key.clone(), successor), mode).await;
        let mut error = match report {
            Ok(report) => return Ok(report),
            Err(error) => error,
        };
        // The function says the same of a user that it does not select and of one that does not exist.
        if !matches!(self.run.session.user_tags(user).await, Ok(None)) {
            error.message += &format!("\nTo deactivate the key without the function: {}", by_hand(&self.revocation));
        }
        Err(error)
    }

    fn failure(&self, outcome: &RevocationOutcome) -> CommandError {
        let message = failure(&self.revocation, outcome);
        match outcome {
            RevocationOutcome::NoSuchKey(_) => CommandError::bad_input(message),
            _ => CommandError::failure(message),
        }
    }
}

/// How far a revocation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A dry run was all that was asked for.
    DryRun,
    /// A dry run showed the steps.
    Preview,
    /// The run changed what it could.
    Done,
}

/// What the command does next.
#[derive(Debug, PartialEq, Eq)]
enum Reaction<'o> {
    /// Revoke the key, after a confirmation.
    Revoke,
    /// Ask whether to revoke the key without a successor. Holds the cause.
    AskForMore(&'o str),
    /// Succeed, if the report is fine.
    End,
    /// Fail.
    Fail,
}

fn reaction(outcome: &RevocationOutcome, stage: Stage) -> Reaction<'_> {
    match (outcome, stage) {
        (RevocationOutcome::Revoked, Stage::Preview) => Reaction::Revoke,
        (RevocationOutcome::Revoked, Stage::DryRun | Stage::Done) => Reaction::End,
        (RevocationOutcome::NoSuccessor(cause), Stage::Preview | Stage::Done) => Reaction::AskForMore(cause),
        (
            RevocationOutcome::NoSuccessor(_)
            | RevocationOutcome::StillActive(_)
            | RevocationOutcome::NoSuchKey(_)
            | RevocationOutcome::Unknown(_),
            _,
        ) => Reaction::Fail,
    }
}

/// Why the key is not revoked, and what to do.
fn failure(revocation: &Revocation, outcome: &RevocationOutcome) -> String {
    let (Revocation { user, key }, by_hand) = (revocation, by_hand(revocation));
    match outcome {
        RevocationOutcome::Revoked => format!("the key {key} is revoked"),
        RevocationOutcome::NoSuccessor(cause) => format!(
            "{user} would get no new key, because: {cause}\nThe key would stay active. To deactivate it anyway, so that {user} \
             has no access, pass --without-successor (make: WITHOUT_SUCCESSOR=1)"
        ),
        RevocationOutcome::StillActive(cause) => format!(
            "the key {key} of {user} is still active: {cause}\nRemove the cause and run the same command again, or \
             deactivate it: {by_hand}"
        ),
        RevocationOutcome::NoSuchKey(keys) if keys.is_empty() => {
            format!("{user} has no access key, so there is nothing to revoke: check the name of the user")
        }
        RevocationOutcome::NoSuchKey(keys) => {
            format!("{user} has no key {key}: check the id of the key; the user's keys: {}", keys.join(", "))
        }
        RevocationOutcome::Unknown(cause) => {
            format!("it is not known whether the key {key} of {user} is active: {cause}\nTo deactivate it: {by_hand}")
        }
    }
}

/// The command that deactivates the key without the function.
fn by_hand(Revocation { user, key }: &Revocation) -> String {
    aws(&format!("iam update-access-key --user-name {user} --access-key-id {key} --status Inactive"))
}

/// The same command line with `--without-successor`.
fn command_without_successor(arguments: impl Iterator<Item = String>) -> String {
    let words: Vec<_> = arguments.map(|word| quoted(&word)).collect();
    format!("{} --without-successor", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_decides_what_the_command_does_next() {
        let cause = || "the reason".to_owned();
        for (outcome, dry_run, preview, done) in [
            (RevocationOutcome::Revoked, Reaction::End, Reaction::Revoke, Reaction::End),
            (
                RevocationOutcome::NoSuccessor(cause()),
                Reaction::Fail,
                Reaction::AskForMore("the reason"),
                Reaction::AskForMore("the reason"),
            ),
            (RevocationOutcome::StillActive(cause()), Reaction::Fail, Reaction::Fail, Reaction::Fail),
            (RevocationOutcome::NoSuchKey(Vec::new()), Reaction::Fail, Reaction::Fail, Reaction::Fail),
            (RevocationOutcome::Unknown(cause()), Reaction::Fail, Reaction::Fail, Reaction::Fail),
        ] {
            assert_eq!(reaction(&outcome, Stage::DryRun), dry_run, "{outcome:?}");
            assert_eq!(reaction(&outcome, Stage::Preview), preview, "{outcome:?}");
            assert_eq!(reaction(&outcome, Stage::Done), done, "{outcome:?}");
        }
    }

    #[test]
    fn each_failure_says_what_to_do() {
        let revocation = Revocation { user: "alice".parse().unwrap(), key: "AKIAEXAMPLE000000001".parse().unwrap() };
        let deactivate =
            "aws iam update-access-key --user-name alice --access-key-id AKIAEXAMPLE000000001 --status Inactive";
        for (outcome, says) in [
            (RevocationOutcome::NoSuccessor("x".into()), "pass --without-successor"),
            (RevocationOutcome::StillActive("x".into()), deactivate),
            (RevocationOutcome::Unknown("x".into()), deactivate),
            (RevocationOutcome::NoSuchKey(vec!["AKIA2".into()]), "the user's keys: AKIA2"),
            (RevocationOutcome::NoSuchKey(Vec::new()), "check the name of the user"),
        ] {
            let text = failure(&revocation, &outcome);
            assert!(text.contains("alice") && text.contains(says), "{text}");
        }
    }

    #[test]
    fn the_command_without_a_successor_is_the_same_command() {
        let words = ["synth", "revoke", "--user", "alice", "--config", "my file.yaml", "--yes"];
        assert_eq!(
            command_without_successor(words.into_iter().map(str::to_owned)),
            "synth revoke --user alice --config 'my file.yaml' --yes --without-successor"
        );
    }
}
