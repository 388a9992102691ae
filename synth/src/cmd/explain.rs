//! `synth explain`: explains what each permission is for.

use clap::ValueEnum;

use crate::cmd::{CommandError, config_args::ConfigArgs, print};
use crate::docs::explain;

#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    source: ConfigArgs,
    /// The format of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(args: &ExplainArgs) -> Result<(), CommandError> {
    let (template, members) = args.source.templates()?;
    match (args.format, members) {
        (Format::Text, None) => print(&explain::text(&template)),
        (Format::Text, Some(member)) => print(&explain::text_of_organization(&template, &member)),
        (Format::Json, None) => print(&format!("{:#}\n", explain::json(&template))),
        (Format::Json, Some(member)) => print(&format!("{:#}\n", explain::json_of_organization(&template, &member))),
    }
}
