//! `make acceptance` proves the rotation in an AWS account. It deploys the real stack and drives it as you would. It
//! compares what AWS has with what is expected. Then it deletes everything.
//!
//! The pure parts are `names`, `configuration`, `plan`, `leftovers`, `steps` and `results`. The others call AWS.

mod checks;
mod clean_up;
mod configuration;
mod connection;
mod leftovers;
mod names;
mod observations;
mod plan;
mod question;
mod results;
mod step_error;
mod steps;
mod synth_command;

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use lambda::model::time::{Span, Timestamp};
use synth::{
    cfn::json,
    config::{self, Overrides},
    deploy::{aws::AwsLocation, interrupt::Interrupt},
    stack,
};

pub use self::configuration::Recipient;
use self::{
    checks::Run,
    configuration::Version,
    connection::{Connection, EndpointKind},
    plan::Plan,
    question::Consent,
    results::{Outcome, Results, Row},
    step_error::StepError,
    steps::Step,
    synth_command::SynthCommand,
};

/// How a run is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The Region and the profile.
    pub place: AwsLocation,
    /// The handler's package.
    pub package: PathBuf,
    /// The processor of the package, as `synth` names it.
    pub architecture: String,
    /// Which recipient gets the notices.
    pub recipient: Recipient,
    /// Whether the run begins without a question.
    pub yes: bool,
    /// The overlap that is waited for.
    pub overlap: Span,
    /// The format of the results.
    pub format: ResultsFormat,
}

/// The format of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ResultsFormat {
    /// A table for a person
    Text,
    /// One JSON object
    Json,
}

/// The exit codes, which are those of `synth`.
const FAILURE: u8 = 1;
const BAD_INPUT: u8 = 2;
const INTERRUPTED: u8 = 130;

/// Shows a line about the progress on standard error.
fn say(line: &str) {
    eprintln!("{line}");
}

/// Does a whole run: the plan, the question, the steps, the clean-up and the table.
pub async fn run(options: Options) -> ExitCode {
    let interrupt = Interrupt::listen();
    let connection = match Connection::open(&options.place).await {
        Ok(connection) => connection,
        Err(e) => return fail(&e.to_string()),
    };
    let plan = match plan(&options, &connection) {
        Ok(plan) => plan,
        Err(why) => return fail(&why),
    };
    let found = match connection.found_users().await {
        Ok(found) => found,
        Err(e) => return fail(&e.to_string()),
    };
    if let Some(why) = leftovers::obstacle(&found, &connection.session.region) {
        return fail(&why);
    }
    say(&plan.to_string());
    match question::ask(&connection.session.account, options.yes, &interrupt).await {
        Consent::Given => {}
        Consent::Declined => return fail("declined: nothing was created"),
        Consent::Interrupted => {
            say("interrupted: nothing was created");
            return ExitCode::from(INTERRUPTED);
        }
        Consent::CannotAsk => {
            say("error: cannot ask for confirmation: not a terminal; pass --yes (make acceptance YES=1)");
            return ExitCode::from(BAD_INPUT);
        }
    }
    // What a run that was killed has left.
    let former = connection.clean_up(say).await;
    if !former.left.is_empty() {
        return fail(&format!("an earlier run left this, and it cannot be deleted:\n  {}", former.left.join("\n  ")));
    }
    let began = Timestamp::now();
    let mut rows = prove(&options, &connection, &interrupt).await;
    say("Deleting everything; to stop at once, press Ctrl-C again (the next run deletes the rest)");
    let cleaning = Instant::now();
    let removal = connection.clean_up(say).await;
    if let Some(row) = rows.last_mut() {
        row.took = cleaning.elapsed();
        row.outcome = match removal.left.as_slice() {
            [] => Outcome::Done(format!("deleted {}", removal.removed.join(", "))),
            left => Outcome::Failed(left.join("; ")),
        };
    }
    let later = connection.deleted_later().await;
    let results = Results {
        account: connection.session.account.clone(),
        region: connection.session.region.clone(),
        began: began.to_string(),
        is_aws: connection.endpoint_kind == EndpointKind::Aws,
        rows,
        later: later.unwrap_or_else(|e| vec![format!("unknown: {e}")]),
        left: removal.left,
    };
    match options.format {
        ResultsFormat::Text => print!("{}", results.text()),
        ResultsFormat::Json => println!("{:#}", results.json()),
    }
    if interrupt.check().is_err() {
        ExitCode::from(INTERRUPTED)
    } else if results.are_fine() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILURE)
    }
}

fn fail(why: &str) -> ExitCode {
    say(&format!("error: {why}"));
    ExitCode::from(FAILURE)
}

/// What the run will create. The template is the one that it deploys.
fn plan(options: &Options, connection: &Connection) -> Result<Plan, String> {
    let document = configuration::document(&options.recipient, options.overlap, Version::First);
    let checked = config::read(&document, Overrides::default()).map_err(|problems| problems.to_string())?;
    let template = stack::template(&checked.config).map_err(|e| e.to_string())?;
    let session = &connection.session;
    let place = [&session.account, &session.region, &session.identity].map(String::as_str);
    Ok(Plan::new(place, &options.recipient, &json::to_json(&template)))
}

/// Does the steps, up to the clean-up. Each has a row, also if it was not reached.
async fn prove(options: &Options, connection: &Connection, interrupt: &Interrupt) -> Vec<Row> {
    let rows = |outcome: &dyn Fn(Step) -> Outcome| -> Vec<Row> {
        let row = |step: Step| Row {
            kind: step.kind(),
            expectation: step.expectation(),
            outcome: outcome(step),
            took: Duration::ZERO,
        };
        Step::ALL.into_iter().map(row).collect()
    };
    let program = match SynthCommand::new(&options.package, &options.architecture, connection.options()) {
        Ok(program) => program,
        Err(e) => {
            return rows(&|step| {
                if step == Step::Users { Outcome::Failed(e.to_string()) } else { Outcome::NotReached }
            });
        }
    };
    let mut run = Run::new(connection, &program, interrupt, options, &say);
    let mut rows = rows(&|_| Outcome::NotReached);
    for (number, (step, row)) in Step::ALL.into_iter().zip(&mut rows).enumerate() {
        if step == Step::CleanUp || interrupt.check().is_err() {
            break;
        }
        say(&format!("{:>2}/{}  {}", number + 1, Step::ALL.len(), step.expectation()));
        let began = Instant::now();
        let outcome = run.carry_out(step).await;
        row.took = began.elapsed();
        let is_over = outcome.is_err() && step.is_vital();
        row.outcome = outcome.unwrap_or_else(|e: StepError| Outcome::Failed(e.to_string()));
        if let Outcome::Failed(why) = &row.outcome {
            say(&format!("       {why}"));
        }
        if is_over {
            break;
        }
    }
    rows
}
