//! `synth graph`: draws a template.

use std::path::PathBuf;

use crate::cmd::{CommandError, config_args::ConfigArgs, print};
use crate::{cfn::json, docs::graph};

#[derive(Debug, clap::Args)]
pub(super) struct GraphArgs {
    /// Draw this template, in YAML or JSON, instead of the one that the configuration generates
    #[arg(value_name = "TEMPLATE")]
    template: Option<PathBuf>,
    /// Draw one box for each group of resources, instead of every resource
    #[arg(long)]
    overview: bool,
    #[command(flatten)]
    source: ConfigArgs,
}

pub(super) fn run(args: &GraphArgs) -> Result<(), CommandError> {
    let template = match &args.template {
        Some(path) => super::check::read_template(path)?.1,
        None => json::to_json(&args.source.template()?),
    };
    print(&if args.overview { graph::overview(&template) } else { graph::full(&template) })
}
