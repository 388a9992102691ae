//! `synth template`: generates the template of a configuration.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cmd::{CommandError, config_args::ConfigArgs, print};
use crate::{
    cfn::{json, yaml},
    stack::artifacts,
};

#[derive(Debug, clap::Args)]
pub(super) struct TemplateArgs {
    #[command(flatten)]
    source: ConfigArgs,
    /// Generate the template of the artifact bucket instead
    #[arg(long)]
    artifacts: bool,
    /// Generate the template of the members' stacks instead, for a configuration with an organization
    #[arg(long, conflicts_with = "artifacts")]
    member: bool,
    /// The format of the template
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

pub(super) fn run(args: &TemplateArgs) -> Result<(), CommandError> {
    let template = if args.artifacts {
        let (config, _) = args.source.bundle()?;
        artifacts::template(&config).map_err(|e| CommandError::failure(e.to_string()))?
    } else if args.member {
        args.source.member_template()?
    } else {
        args.source.template()?
    };
    let document = match args.format {
        Format::Yaml => yaml::emit(&template),
        Format::Json => json::emit(&template),
    };
    match &args.output {
        Some(path) => std::fs::write(path, document)
            .map_err(|e| CommandError::failure(format!("{}: cannot be written: {e}", path.display()))),
        None => print(&document),
    }
}
