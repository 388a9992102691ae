//! The terminal: how commands that change something show their progress, and how they ask for confirmation.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::oneshot;

use super::{
    CommandError, Exit, note,
    output::{CommandOutput, OutputFormat},
    takes_colour,
};
use crate::{
    deploy::{
        interrupt::{Interrupt, Interrupted},
        message::{JsonMessages, Message, MessageSink, PlainText, Renderer},
    },
    screen::Verbosity,
};

/// Standard output, and in a terminal a line that shows the current step.
pub(super) struct Terminal {
    renderer: Box<dyn Renderer>,
    /// Whether standard output is for a document.
    is_beside_document: bool,
    is_watched: bool,
    /// The line, while there is a step to show.
    bar: Option<ProgressBar>,
}

impl Terminal {
    pub(super) fn new(format: OutputFormat) -> Self {
        Self::with(format, Verbosity::Full)
    }

    /// A terminal that shows this much of what is planned.
    pub(super) fn with(format: OutputFormat, detail: Verbosity) -> Self {
        let renderer: Box<dyn Renderer> = match format {
            OutputFormat::Text => Box::new(PlainText { colour: takes_colour(), detail }),
            OutputFormat::Json => Box::new(JsonMessages),
        };
        let is_watched = format == OutputFormat::Text && io::stderr().is_terminal();
        Self { renderer, is_beside_document: false, is_watched, bar: None }
    }

    /// A terminal for text beside another output. If a program reads that, the text goes to standard error.
    pub(super) fn beside(CommandOutput(format): CommandOutput) -> Self {
        let mut terminal = Self::new(OutputFormat::Text);
        terminal.is_beside_document = format == OutputFormat::Json;
        terminal
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// The line must not stay behind when a command ends early.
impl Drop for Terminal {
    fn drop(&mut self) {
        self.watch(None);
    }
}

impl MessageSink for Terminal {
    fn show(&mut self, message: &Message<'_>) {
        let text = self.renderer.render(message);
        let mut stream: Box<dyn Write> =
            if self.is_beside_document { Box::new(io::stderr()) } else { Box::new(io::stdout()) };
        // If the reader closed the pipe, the deployment continues anyway.
        let mut print = || stream.write_all(text.as_bytes()).and_then(|()| stream.flush()).unwrap_or_default();
        match &self.bar {
            Some(bar) => bar.suspend(&mut print),
            None => print(),
        }
    }

    fn watch(&mut self, now: Option<String>) {
        match now {
            Some(now) if self.is_watched => self.bar.get_or_insert_with(spinner).set_message(now),
            Some(_) => {}
            None => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
            }
        }
    }
}

/// A question before a change, for a command with the option `--yes`.
pub(super) struct Confirmation<'a> {
    pub(super) question: &'a str,
    /// The `make` command that does not ask.
    pub(super) make: &'a str,
    /// The sentence for a person who declines.
    pub(super) declined: &'a str,
}

impl Confirmation<'_> {
    /// Asks the question. Any answer but yes ends the command.
    pub(super) async fn ask(&self, interrupt: &Interrupt) -> Result<(), CommandError> {
        let Self { question, make, declined } = self;
        if !can_ask() {
            return Err(CommandError::new(
                Exit::NeedsApproval,
                format!("cannot ask for confirmation: not a terminal; pass --yes, or run: {make}"),
            ));
        }
        match ask(interrupt, question).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(CommandError::declined((*declined).to_owned())),
            Err(Interrupted) => Err(CommandError::interrupted(declined)),
        }
    }
}

/// Whether a person at a terminal can see and answer a question.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question in the terminal. Any answer but y or yes means no.
pub(super) async fn ask(interrupt: &Interrupt, question: &str) -> Result<bool, Interrupted> {
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let (sender, answer) = oneshot::channel();
    // The answer is read in a thread of its own, so that Ctrl-C need not wait for it.
    thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        let yes = read.is_ok() && ["y", "yes"].contains(&line.trim().to_ascii_lowercase().as_str());
        sender.send(yes)
    });
    tokio::select! {
        yes = answer => Ok(yes.unwrap_or(false)),
        interrupted = interrupt.pressed() => {
            note("");
            Err(interrupted)
        }
    }
}
