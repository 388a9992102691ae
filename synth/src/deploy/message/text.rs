//! Renders messages as text for people.

use super::{DeployOutcome, Message, Renderer};
use crate::{
    deploy::{
        command_line::{make, more, verbose},
        progress::{Event, ProgressUpdate},
        run_preview::RunPreview,
        run_screen::ScreenUsers,
        subscriptions::{StackSubscription, awaited},
    },
    diff::render::{self, TextView},
    screen::{Verbosity, counted, prose, sentences, table},
};

/// The renderer for lines of text.
#[derive(Debug, Clone, Copy)]
pub struct PlainText {
    /// Whether the text has colours.
    pub colour: bool,
    /// How much the text shows of what is planned.
    pub detail: Verbosity,
}

impl Renderer for PlainText {
    fn render(&self, message: &Message<'_>) -> String {
        match message {
            Message::Place { account, account_name, region, identity, .. } => {
                format!("Account {}, {region}, as {identity}\n", account_name.with_id(account))
            }
            Message::Note(note) => format!("{note}\n"),
            Message::Plan { diff, .. } if diff.is_empty() => String::new(),
            Message::Plan { stack, diff, .. } if diff.is_of_new_stack() && self.detail == Verbosity::Brief => {
                format!("New: {stack} ({})\n", counted(diff.resources.len(), "resource"))
            }
            Message::Plan { stack, diff, next_run, .. } => {
                let consequences = next_run.map(RunPreview::consequences).unwrap_or_default();
                let view = TextView {
                    colour: self.colour,
                    detail: self.detail,
                    more: verbose(),
                    shows_fingerprint: false,
                    consequences: &consequences,
                    command: None,
                };
                format!("\nWhat changes in {stack}\n\n{}\n", render::text(diff, &view))
            }
            // The plan and the first screen contain what counts.
            Message::Preview(_) if self.detail == Verbosity::Brief => String::new(),
            Message::Preview(preview) => format!("{}\n", preview.text(ScreenUsers::All)),
            Message::FirstDeployment(first) => first.text(self.detail, more),
            Message::ProgressUpdate { news, .. } => self::news(news).map(|line| line + "\n").unwrap_or_default(),
            Message::Members(update) => update.text().unwrap_or_default(),
            Message::Unconfirmed([]) => String::new(),
            Message::Unconfirmed(left) => unconfirmed(left),
            Message::Awaited([]) => {
                let says = "All addresses have confirmed. Scheduled runs do what waited. To do it now: ";
                sentences("", &format!("{says}{}", make("run")))
            }
            Message::Awaited(left) => prose(&format!("Waiting for {}", awaited(left))),
            // The status report shows the outputs.
            Message::End(DeployOutcome::Deployed(_)) => "Deployed\n".to_owned(),
            Message::End(DeployOutcome::Unchanged(_)) => "Nothing to change\n".to_owned(),
            // The error message is printed separately.
            Message::End(_) => String::new(),
        }
    }
}

/// The addresses and endpoints that must confirm, and what to do.
fn unconfirmed(left: &[StackSubscription]) -> String {
    let rows = left.iter().map(|StackSubscription { declared, state }| {
        [declared.address.as_str(), declared.topic.as_str(), state.in_words()]
    });
    let rows: Vec<_> = std::iter::once(["ADDRESS", "RECEIVES", "STATE"]).chain(rows).collect();
    let mut says = String::new();
    if left.iter().any(|one| one.declared.is_mail()) {
        says += "For each address that is not confirmed, AWS sent a mail, \"AWS Notification - Subscription Confirmation\". \
                 Follow its link within 48 hours.\n";
    }
    if left.iter().any(|one| !one.declared.is_mail()) {
        says += "An endpoint must confirm its subscription within 48 hours: see docs/notices.md.\n";
    }
    says += "Before that, it gets none of these messages. With unconfirmed_recipients: hold, users without a confirmed \
             recipient wait.\n";
    says += &format!("After 48 hours, or without a subscription, ask for a new request: {}\n", make("resubscribe"));
    says += &format!("After the confirmations, to do at once what waited: {}", make("run"));
    format!("\nWho must confirm\n{}\n{}", table(&rows), prose(&says))
}

/// The line for an event. Only the end of work on a resource and the start of a rollback have one.
fn news(ProgressUpdate { event, count }: &ProgressUpdate) -> Option<String> {
    if event.is_about_stack() {
        let begins = event.status.is_rollback() && event.status.is_in_progress() && event.reason.is_some();
        return begins.then(|| format!("  AWS takes it back: {}", reason(event)));
    }
    if event.status.is_in_progress() {
        return None;
    }
    let count = count.map_or_else(String::new, |(done, total)| format!("{done}/{total}"));
    let line = format!("  {count:>7}  {:<16}  {}  {}", event.status.as_str(), event.resource, event.kind);
    Some(if event.status.is_failed() { format!("{line}\n           {}", reason(event)) } else { line })
}

fn reason(event: &Event) -> &str {
    event.reason.as_deref().unwrap_or("no reason is given").trim()
}
