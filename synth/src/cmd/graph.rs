//! `synth graph`: a template as a picture.

use std::path::PathBuf;

use crate::cmd::{Stop, config_args::Source, print};
use crate::{cfn::json, docs::graph};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A template, in YAML or JSON, instead of what the configuration generates
    #[arg(value_name = "TEMPLATE")]
    template: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

pub(super) fn run(args: &Args) -> Result<(), Stop> {
    let template = match &args.template {
        Some(path) => super::check::read_template(path)?.1,
        None => json::to_json(&args.source.template()?),
    };
    print(&graph::mermaid(&template))
}
