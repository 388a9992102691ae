//! The options of the commands that read a configuration, and how they read it.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use lambda::model::email::Email;

use super::{CommandError, Exit, note};
use crate::{
    cfn::{Value, resource::Architecture},
    config::{self, Config, ConfiguredUsers, Overrides, Problem, Problems},
    shell::quoted,
    stack::{self, StackError},
};

#[derive(Debug, clap::Args)]
pub(super) struct ConfigArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "rotation.yaml")]
    config: PathBuf,
    /// Override users: names, paths or tags, separated by spaces; entries that are also in the file keep their settings
    #[arg(long, value_name = "NAMES", value_parser = words::<ConfiguredUsers>)]
    users: Option<Words<ConfiguredUsers>>,
    /// Override emails: addresses, separated by spaces
    #[arg(long, value_name = "ADDRESSES", value_parser = words::<Email>)]
    emails: Option<Words<Email>>,
    /// Override architecture: arm64 or x86_64
    #[arg(long, value_parser = architecture)]
    architecture: Option<Architecture>,
}

/// A list in one argument, with spaces between the items.
#[derive(Debug, Clone)]
pub(super) struct Words<T>(pub(super) Vec<T>);

/// Reads the list. It needs at least one item.
pub(super) fn words<T: FromStr<Err: ToString>>(text: &str) -> Result<Words<T>, String> {
    let words = text.split_whitespace().map(|word| word.parse().map_err(|e: T::Err| e.to_string()));
    let words: Vec<T> = words.collect::<Result<_, _>>()?;
    if words.is_empty() { Err("at least one is needed".into()) } else { Ok(Words(words)) }
}

pub(super) fn architecture(text: &str) -> Result<Architecture, String> {
    text.parse().map_err(|e: lambda::model::parse_error::ParseError| e.to_string())
}

impl ConfigArgs {
    /// Reads the configuration; warnings go to standard error.
    pub(super) fn read(&self) -> Result<Config, CommandError> {
        Ok(read(&self.config, self.overrides())?.config)
    }

    /// The configuration file.
    pub(super) fn path(&self) -> &Path {
        &self.config
    }

    /// The variables of make that choose this configuration and what overrides it.
    pub(super) fn make_variables(&self) -> Vec<String> {
        let config = (self.config != Path::new("rotation.yaml")).then(|| self.config.display().to_string());
        let list = |items: Vec<String>| items.join(" ");
        let users = self.users.as_ref().map(|users| list(users.0.iter().map(|one| one.selector.to_string()).collect()));
        let emails = self.emails.as_ref().map(|emails| list(emails.0.iter().map(Email::to_string).collect()));
        let architecture = self.architecture.map(|architecture| architecture.as_str().to_owned());
        let all = [("CONFIG", config), ("USERS", users), ("EMAIL", emails), ("ARCH", architecture)];
        all.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", quoted(&value?)))).collect()
    }

    /// Generates the template of the configuration.
    pub(super) fn template(&self) -> Result<Value, CommandError> {
        Ok(self.bundle()?.1)
    }

    /// Generates the template of the configuration, and that of the members' stacks, if it serves an organization.
    pub(super) fn templates(&self) -> Result<(Value, Option<Value>), CommandError> {
        Ok((self.template()?, self.members()?))
    }

    /// Generates the template of the members' stacks.
    pub(super) fn member_template(&self) -> Result<Value, CommandError> {
        let missing = || {
            let file = self.config.display();
            CommandError::bad_input(format!("{file}: there are no members: set organization, or leave out --member"))
        };
        read(&self.config, self.overrides())?.member_template()?.ok_or_else(missing)
    }

    /// Generates the template of the members' stacks, if the configuration serves an organization. It prints no warnings:
    /// [`Self::bundle`] has printed them.
    pub(super) fn members(&self) -> Result<Option<Value>, CommandError> {
        read_file(&self.config, self.overrides())?.0.member_template()
    }

    /// The option or file that sets the architecture, for messages.
    #[cfg(feature = "deploy")]
    pub(super) fn architecture_origin(&self) -> String {
        self.architecture.map_or_else(|| self.config.display().to_string(), |_| "--architecture".to_owned())
    }

    /// Reads the configuration and generates its template.
    pub(super) fn bundle(&self) -> Result<(Config, Value), CommandError> {
        let overrides = self.overrides();
        let users_are_given = overrides.users.is_some();
        let read = read(&self.config, overrides)?;
        let template = stack::template(&read.config).map_err(|error| {
            if users_are_given && error.setting() == "users" {
                return CommandError::bad_input(format!("--users: {error}"));
            }
            read.stack_error(&error)
        })?;
        Ok((read.config, template))
    }

    /// The name of the stack in the configuration.
    #[cfg(feature = "deploy")]
    pub(super) fn stack_name(&self) -> Result<config::StackName, CommandError> {
        stack_name(&self.config)
    }

    fn overrides(&self) -> Overrides {
        Overrides {
            users: self.users.clone().map(|words| words.0),
            emails: self.emails.clone().map(|words| words.0),
            architecture: self.architecture,
        }
    }
}

/// A configuration, and the file that it was read from.
pub(super) struct Read {
    pub(super) config: Config,
    file: String,
    text: String,
}

/// Reads a configuration; warnings go to standard error.
pub(super) fn read(path: &Path, overrides: Overrides) -> Result<Read, CommandError> {
    let (read, warnings) = read_file(path, overrides)?;
    for warning in &warnings {
        note(warning.render_warning(&read.file, &read.text).trim_end());
    }
    Ok(read)
}

/// The name of the stack in a configuration. It prints no warnings: they are for commands that generate a template.
#[cfg(feature = "deploy")]
pub(super) fn stack_name(path: &Path) -> Result<config::StackName, CommandError> {
    Ok(read_file(path, Overrides::default())?.0.config.stack_name)
}

/// The name of the function that rotates keys: that of the stack, or in an organization that of each member's function.
#[cfg(feature = "deploy")]
pub(super) fn function_name(path: &Path) -> Result<String, CommandError> {
    let config = read_file(path, Overrides::default())?.0.config;
    let name = config.stack_name.as_str();
    Ok(if config.organization.is_some() { format!("{name}{}", config::MEMBER) } else { name.to_owned() })
}

/// The template of a configuration, to compare it with another one. It prints no warnings.
#[cfg(feature = "deploy")]
pub(super) fn template_to_compare(path: &Path) -> Result<Value, CommandError> {
    read_file(path, Overrides::default())?.0.template()
}

fn read_file(path: &Path, overrides: Overrides) -> Result<(Read, Vec<Problem>), CommandError> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|e| {
        CommandError::bad_input(format!("{file}: cannot be read: {e}; name another file with --config"))
    })?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let before = String::from_utf8_lossy(&e.as_bytes()[..e.utf8_error().valid_up_to()]);
        let problem = Problem::behind(&before, "this is not UTF-8 text", "save the file as UTF-8");
        CommandError::diagnostics(Exit::BadInput, Problems::from(problem).render(&file, &before))
    })?;
    let checked = config::read(&text, overrides)
        .map_err(|p| CommandError::diagnostics(Exit::BadInput, p.render(&file, &text)))?;
    Ok((Read { config: checked.config, file, text }, checked.warnings))
}

impl Read {
    /// Generates the template of the configuration.
    pub(super) fn template(&self) -> Result<Value, CommandError> {
        stack::template(&self.config).map_err(|error| self.stack_error(&error))
    }

    /// Generates the template of the members' stacks, if the configuration serves an organization.
    pub(super) fn member_template(&self) -> Result<Option<Value>, CommandError> {
        stack::member_template(&self.config).map_err(|error| self.stack_error(&error))
    }

    /// The error for a configuration that cannot become a stack, at the setting that causes it.
    fn stack_error(&self, error: &StackError) -> CommandError {
        let problem = Problem::with(error.setting(), &self.text, &error.to_string());
        CommandError::diagnostics(Exit::BadInput, Problems::from(problem).render(&self.file, &self.text))
    }
}
