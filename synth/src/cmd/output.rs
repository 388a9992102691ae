//! The output of a command about a deployed stack: text for a person while it runs, and a document for a program at its
//! end.

use clap::ValueEnum;

use crate::cmd::{CommandError, note, print};
use crate::deploy::command_document::CommandDocument;

/// The format of what a command prints on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// For a person
    Text,
    /// For a program
    Json,
}

/// The output of a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct CommandOutput(pub(super) OutputFormat);

impl CommandOutput {
    /// Prints text for a person. If a program reads standard output, the text goes to standard error.
    pub(super) fn say(self, text: &str) -> Result<(), CommandError> {
        match self.0 {
            OutputFormat::Text => print(text),
            OutputFormat::Json => {
                note(text.trim_end());
                Ok(())
            }
        }
    }

    /// Ends the command with its result. A program gets the document.
    pub(super) fn end(self, document: &CommandDocument, result: Result<(), CommandError>) -> Result<(), CommandError> {
        if self.0 == OutputFormat::Json {
            let error = result.as_ref().err();
            let exit = error.map_or(0, |error| error.exit as u8);
            print(&format!("{:#}\n", document.json(exit, error.map(|error| error.message.as_str()))))?;
        }
        result
    }
}
