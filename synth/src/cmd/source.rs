//! The options of every command that begins with a configuration.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use super::Stop;
use crate::{
    cfn::{Value, json, resource::Architecture, yaml},
    check::limits,
    config::{self, Config, Email, Overrides, User},
    stack,
};

#[derive(Debug, clap::Args)]
pub(super) struct Source {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "rotation.yaml")]
    config: PathBuf,
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

/// A list that is one argument.
#[derive(Debug, Clone)]
struct Words<T>(Vec<T>);

fn words<T: FromStr<Err: ToString>>(text: &str) -> Result<Words<T>, String> {
    let words = text.split_whitespace().map(|word| word.parse().map_err(|e: T::Err| e.to_string()));
    let words: Vec<T> = words.collect::<Result<_, _>>()?;
    if words.is_empty() { Err("at least one is needed".into()) } else { Ok(Words(words)) }
}

fn architecture(text: &str) -> Result<Architecture, String> {
    text.parse().map_err(|e: lambda::text::Invalid| e.to_string())
}

impl Source {
    /// Reads the configuration; warnings go to standard error.
    pub(super) fn read(&self) -> Result<Config, Stop> {
        let overrides = Overrides {
            users: self.users.clone().map(|words| words.0),
            emails: self.emails.clone().map(|words| words.0),
            architecture: self.architecture,
        };
        read(&self.config, overrides)
    }

    /// Reads the configuration and generates its template.
    pub(super) fn template(&self) -> Result<Value, Stop> {
        generate(&self.config, &self.read()?)
    }
}

/// Generates a configuration's template; one that AWS would refuse is refused here.
pub(super) fn generate(path: &Path, config: &Config) -> Result<Value, Stop> {
    let file = path.display();
    let template = stack::template(config).map_err(|e| Stop::bad_input(format!("{file}: {e}")))?;
    let measures =
        limits::measures(&json::to_json(&template), &yaml::emit(&template), Some(config.stack_name.as_str()));
    let refused: Vec<_> = measures.iter().filter(|measure| measure.refused && measure.exceeded()).collect();
    if refused.is_empty() {
        return Ok(template);
    }
    let told = refused.iter().map(|measure| format!("error: {file}: {measure}\n  fix: {}\n", measure.fix));
    Err(Stop::bad_input(told.collect()))
}

/// Reads a configuration; warnings go to standard error.
pub(super) fn read(path: &Path, overrides: Overrides) -> Result<Config, Stop> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|e| Stop::bad_input(format!("{file}: cannot be read: {e}; name another file with --config")))?;
    let checked = config::read(&text, overrides).map_err(|p| Stop::bad_input(p.render(&file, &text)))?;
    for warning in &checked.warnings {
        eprint!("{}", warning.render_warning(&file, &text));
    }
    Ok(checked.config)
}
