//! `synth template`: the template that a configuration stands for.

use std::{
    io::{self, Write},
    path::PathBuf,
    str::FromStr,
};

use clap::ValueEnum;

use super::{Stop, read_input};
use crate::{
    cfn::{json, resource::Architecture, yaml},
    config::{self, Email, Overrides, User},
    stack,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "rotation.yaml")]
    config: PathBuf,
    /// The template's format
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Instead of the configuration's users: names, separated by spaces
    #[arg(long, value_name = "NAMES", value_parser = words::<User>)]
    users: Option<Words<User>>,
    /// Instead of the configuration's emails: addresses, separated by spaces
    #[arg(long, value_name = "ADDRESSES", value_parser = words::<Email>)]
    emails: Option<Words<Email>>,
    /// Instead of the configuration's architecture
    #[arg(long, value_parser = architecture)]
    architecture: Option<Architecture>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

/// A list that is one argument.
#[derive(Debug, Clone)]
struct Words<T>(Vec<T>);

fn words<T: FromStr<Err: ToString>>(text: &str) -> Result<Words<T>, String> {
    let words: Vec<T> = text
        .split_whitespace()
        .map(|word| word.parse().map_err(|e: T::Err| e.to_string()))
        .collect::<Result<_, _>>()?;
    if words.is_empty() { Err("at least one is needed".into()) } else { Ok(Words(words)) }
}

fn architecture(text: &str) -> Result<Architecture, String> {
    text.parse().map_err(|e: lambda::text::Invalid| e.to_string())
}

pub(super) fn run(args: &Args) -> Result<(), Stop> {
    let file = args.config.display().to_string();
    let text = read_input(&args.config)?;
    let overrides = Overrides {
        users: args.users.clone().map(|words| words.0),
        emails: args.emails.clone().map(|words| words.0),
        architecture: args.architecture,
    };
    let checked = config::read(&text, overrides).map_err(|p| Stop::bad_input(p.render(&file, &text)))?;
    for warning in &checked.warnings {
        eprint!("warning: {}", warning.render(&file, &text));
    }
    let template = stack::template(&checked.config).map_err(|e| Stop::bad_input(format!("{file}: {e}")))?;
    let document = match args.format {
        Format::Yaml => yaml::emit(&template),
        Format::Json => json::emit(&template),
    };
    match &args.output {
        Some(path) => std::fs::write(path, document)
            .map_err(|e| Stop::failure(format!("{}: cannot be written: {e}", path.display()))),
        None => match io::stdout().write_all(document.as_bytes()) {
            // Whoever reads has read enough: `synth template | head`.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|e| Stop::failure(format!("standard output: {e}"))),
        },
    }
}
