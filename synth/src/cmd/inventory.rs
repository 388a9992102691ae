//! `synth inventory`: the access keys of the account, and what is wrong with them.

use std::path::PathBuf;

use clap::ValueEnum;
use lambda::model::{account_id::AccountId, time::Span};

use crate::cmd::{CommandError, Exit, config_args, output::OutputFormat, print, target, terminal::Terminal};
use crate::{
    config::Overrides,
    deploy::{
        aws::{AwsLocation, Session},
        interrupt::Interrupt,
        inventory_reader::{self, InventoryConfig, InventoryError},
        message::MessageSink,
        organization_reader,
    },
    inventory::{
        Inventory, Limits,
        finding::FindingKind,
        permissions,
        render::{csv, html, json, text},
    },
    screen::counted,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example: synth inventory --max-age 60d --format html >keys.html")]
pub(super) struct InventoryArgs {
    /// The configuration file: whether it rotates a user's keys is shown; without a file, it is not shown
    #[arg(long, value_name = "FILE", default_value = "rotation.yaml")]
    config: PathBuf,
    #[command(flatten)]
    place: AwsLocation,
    /// The age at which an active key is too old
    #[arg(long, value_name = "AGE", default_value = "90d")]
    max_age: Span,
    /// How long an active key may be unused
    #[arg(long, value_name = "TIME", default_value = "45d")]
    unused: Span,
    /// Read the accounts of the organization instead of the caller's: with the role of this name in each, as one table
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Read these accounts with --role (with commas between them); without it, those of the deployed organization
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', requires = "role")]
    accounts: Vec<AccountId>,
    /// Show root and every user, also those without a finding (text only; the other formats have all)
    #[arg(long)]
    all: bool,
    /// Exit with 5 if there is a finding of one of these kinds: any, or root-key, no-mfa, unreadable, never-used, unused, old,
    /// two-active, inactive (with commas between them)
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = fail_on)]
    fail_on: Vec<FailOn>,
    /// The format of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print the IAM policy that the inventory needs, and do nothing else
    #[arg(long)]
    policy: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person: the worst first
    Text,
    /// For a program
    Json,
    /// For a spreadsheet
    Csv,
    /// One page that can be sorted, filtered and printed
    Html,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailOn {
    Any,
    Kind(FindingKind),
}

fn fail_on(word: &str) -> Result<FailOn, String> {
    if word == "any" {
        Ok(FailOn::Any)
    } else {
        word.parse().map(FailOn::Kind).map_err(|e: lambda::model::parse_error::ParseError| e.to_string())
    }
}

pub(super) fn run(args: &InventoryArgs) -> Result<(), CommandError> {
    if args.policy {
        return print(&format!("{:#}\n", permissions::policy()));
    }
    let file = args.config.display().to_string();
    // The first command that a person runs: there need be no configuration yet.
    let read = || config_args::read(&args.config, Overrides::default());
    let config = if args.config.exists() { Some(read()?.config) } else { None };
    let configuration = config.as_ref().map(|config| InventoryConfig { file: &file, config });
    let limits = Limits { max_age: args.max_age, unused: args.unused };
    let inventory = target::block_on(async {
        let interrupt = Interrupt::listen();
        let mut console = Terminal::new(OutputFormat::Text);
        let read = async {
            let session = Session::open(&args.place).await.map_err(CommandError::from)?;
            let Some(role) = &args.role else {
                let read = inventory_reader::read(&session, configuration, limits, |now| console.watch(Some(now)));
                return read.await.map_err(|e: InventoryError| CommandError::failure(e.to_string()));
            };
            let accounts = accounts(args, &session).await?;
            let watch = |now| console.watch(Some(now));
            Ok(inventory_reader::read_accounts(&session, &accounts, role, configuration, limits, watch).await)
        };
        let inventory = tokio::select! {
            read = read => read,
            _ = interrupt.pressed() => Err(CommandError::interrupted("Nothing was changed.")),
        };
        console.watch(None);
        inventory
    })?;
    print(&match args.format {
        Format::Text => {
            text::render(&inventory, if args.all { text::ShownUsers::Everyone } else { text::ShownUsers::Worst })
        }
        Format::Json => format!("{:#}\n", json::render(&inventory)),
        Format::Csv => csv::render(&inventory),
        Format::Html => html::render(&inventory),
    })?;
    judge(&inventory, &args.fail_on)
}

/// The accounts to read with the role: those that the command names, or those of the deployed organization.
async fn accounts(args: &InventoryArgs, session: &Session) -> Result<Vec<String>, CommandError> {
    if !args.accounts.is_empty() {
        return Ok(args.accounts.iter().map(ToString::to_string).collect());
    }
    let name = config_args::stack_name(&args.config)?;
    let members = match target::stack(session, name.as_str()).await? {
        Some(stack) => organization_reader::members(session, name.as_str(), &stack).await?,
        None => None,
    };
    let mut accounts: Vec<_> = members.into_iter().flatten().map(|member| member.account).collect();
    accounts.dedup();
    if accounts.is_empty() {
        return Err(CommandError::bad_input(format!(
            "--role: the stack {} in {session} is not deployed to an organization, so the accounts are not known; name \
             them with --accounts",
            name.as_str()
        )));
    }
    Ok(accounts)
}

/// The exit of the command: 5 if there are findings that `--fail-on` names.
fn judge(inventory: &Inventory, fail_on: &[FailOn]) -> Result<(), CommandError> {
    let fails = |kind: &FindingKind| fail_on.iter().any(|on| matches!(on, FailOn::Any) || *on == FailOn::Kind(*kind));
    let found = FindingKind::ALL.into_iter().filter(fails).filter_map(|kind| {
        let count = inventory.count(kind);
        (count > 0).then(|| format!("{count} {kind}"))
    });
    let found: Vec<_> = found.collect();
    let not_read = inventory.not_read().len();
    if not_read > 0 {
        let accounts = counted(not_read, "account");
        return Err(CommandError::failure(format!("{accounts} could not be read: see above")));
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(CommandError::new(Exit::Findings, format!("findings that --fail-on names: {}", found.join(", "))))
}
