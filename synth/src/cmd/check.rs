//! `synth check`: is a committed template what its configuration generates?

use std::path::PathBuf;

use super::{Stop, source::Source};
use crate::cfn::yaml;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// The committed template, in YAML
    #[arg(long, value_name = "FILE", default_value = "templates/rotation.yaml")]
    template: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Stop> {
    let generated = yaml::emit(&args.source.template()?);
    let path = args.template.display();
    let committed = std::fs::read_to_string(&args.template);
    let problem = match &committed {
        Ok(text) if *text == generated => {
            println!("{path} is what {} generates", args.source.file());
            return Ok(());
        }
        Ok(text) => {
            let same = text.lines().zip(generated.lines()).take_while(|(committed, generated)| committed == generated);
            format!("is stale from line {}", same.count() + 1)
        }
        Err(e) => format!("cannot be read: {e}"),
    };
    Err(Stop::stale(format!("{path} {problem}; write it anew with: make synth")))
}
