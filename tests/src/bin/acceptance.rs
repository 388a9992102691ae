//! `make acceptance` proves the rotation in an AWS account, from the deployment to the deletion.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use lambda::model::{email::Email, time::Span};
use synth::deploy::aws::AwsLocation;
use tests::acceptance::{self, Options, Recipient, ResultsFormat};

/// Prove the rotation in an AWS account: deploy a stack, rotate the keys of two new users, and delete everything again
#[derive(Debug, Parser)]
#[command(name = "acceptance")]
struct Arguments {
    /// The handler's package
    #[arg(long, value_name = "ZIP")]
    package: PathBuf,
    /// The processor of the package: arm64 or x86_64
    #[arg(long, value_name = "NAME")]
    architecture: String,
    #[command(flatten)]
    recipient: RecipientArguments,
    /// Begin without asking for the number of the account
    #[arg(long)]
    yes: bool,
    /// How long both keys work. The run waits for that time
    #[arg(long, value_name = "TIME", default_value = "2m")]
    overlap: Span,
    /// The format of the results
    #[arg(long, value_enum, default_value_t = ResultsFormat::Text)]
    format: ResultsFormat,
    #[command(flatten)]
    place: AwsLocation,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct RecipientArguments {
    /// Your address. You confirm the mail that AWS sends it, and get the notices
    #[arg(long, value_name = "ADDRESS")]
    email: Option<Email>,
    /// Subscribe a queue, which needs no confirmation
    #[arg(long)]
    queue: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { package, architecture, recipient, yes, overlap, format, place } = Arguments::parse();
    let recipient = recipient.email.map_or(Recipient::Queue, Recipient::Address);
    acceptance::run(Options { place, package, architecture, recipient, yes, overlap, format }).await
}
