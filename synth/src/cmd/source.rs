//! The options of every command that begins with a configuration.

use std::{path::PathBuf, str::FromStr};

use super::Stop;
use crate::{
    cfn::{Value, resource::Architecture},
    config::{self, Config, Email, Overrides, Place, Problem, User},
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
    /// The configuration's file, as messages name it.
    pub(super) fn file(&self) -> String {
        self.config.display().to_string()
    }

    /// Reads the configuration; warnings go to standard error.
    pub(super) fn read(&self) -> Result<Config, Stop> {
        Ok(self.read_text()?.0)
    }

    /// The configuration, and the text that it was read from.
    fn read_text(&self) -> Result<(Config, String), Stop> {
        let file = self.file();
        let bytes = std::fs::read(&self.config)
            .map_err(|e| Stop::bad_input(format!("{file}: cannot be read: {e}; name another file with --config")))?;
        let text = String::from_utf8(bytes).map_err(|e| {
            let before = String::from_utf8_lossy(&e.as_bytes()[..e.utf8_error().valid_up_to()]);
            let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
            let place = Place { line: before.matches('\n').count() + 1, column };
            let message = "this is not UTF-8 text: save the file as UTF-8".to_owned();
            Stop::bad_input(Problem { place, message }.render(&file, &before))
        })?;
        let overrides = Overrides {
            users: self.users.clone().map(|words| words.0),
            emails: self.emails.clone().map(|words| words.0),
            architecture: self.architecture,
        };
        let checked = config::read(&text, overrides).map_err(|p| Stop::bad_input(p.render(&file, &text)))?;
        for warning in &checked.warnings {
            eprint!("warning: {}", warning.render(&file, &text));
        }
        Ok((checked.config, text))
    }

    /// Reads the configuration and generates its template.
    pub(super) fn template(&self) -> Result<Value, Stop> {
        let (config, text) = self.read_text()?;
        stack::template(&config).map_err(|unfit| {
            if self.users.is_some() && unfit.setting() == "users" {
                return Stop::bad_input(format!("--users: {unfit}"));
            }
            let problem = Problem::with(unfit.setting(), &text, &unfit.to_string());
            Stop::bad_input(problem.render(&self.file(), &text))
        })
    }
}
