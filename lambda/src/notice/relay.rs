//! What the publisher does with an event of a member of an organization: decisions only.
//!
//! The publisher believes the account that AWS stamps on an event, and nothing that the event says of it. So no notice is
//! mailed under another account's name.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    contract::{
        member_event::{ALARM_EVENT, ALARM_SOURCE, EVENT_SOURCE, MemberEvent, MemberEventError, MemberNotice},
        publisher_settings::PublisherSettings,
    },
    model::{account_id::AccountId, parse_error::one_line, time::Timestamp, user::UserName},
    notice::text::{Mail, subject_in_account},
    protocol::call_error::CallError,
    report::log_event,
    selection::routing::Audience,
};

/// An event of a bus, as a rule passes it on (EventBridge User Guide, "Events in Amazon EventBridge").
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BusEvent {
    /// The id of the event.
    pub id: String,
    /// The account that sent the event. AWS stamps it.
    pub account: AccountId,
    /// The Region that the event was sent from.
    pub region: String,
    /// When the event was sent.
    pub time: Timestamp,
    source: String,
    detail_type: String,
    detail: Json,
}

/// What the publisher does with one message of its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayedEvent {
    /// The mail to publish; `None` if the event is only logged.
    pub mail: Option<RelayedMail>,
    /// The event for the log.
    pub log: Json,
}

/// A mail to publish for a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayedMail {
    /// The words that filter policies match. A word that no policy has matches nothing.
    pub to: Vec<String>,
    /// The user that the mail is about.
    pub user: Option<UserName>,
    /// The subject. It begins with the account in brackets.
    pub subject: String,
    /// The text of the mail.
    pub body: String,
    /// The document for endpoints, as JSON; `None` if the mail is only for addresses.
    pub document: Option<String>,
}

/// Why the publisher does not mail a member's event to its recipients. The administrators are notified instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventProblem {
    /// The event cannot be read.
    #[error(transparent)]
    Unreadable(#[from] MemberEventError),
    /// The event has a notice that names another account than the one that sent it.
    #[error("the document names {}", .0.as_ref().map_or_else(|| "no account".to_owned(), |named| format!("the account {}", one_line(named))))]
    OtherAccount(Option<String>),
    /// SNS refuses the mail because of what it says. It would refuse each other attempt too.
    #[error("SNS refused the mail: {0}")]
    RefusedBySns(CallError),
}

impl EventProblem {
    /// The problem as one word, for the log.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unreadable(MemberEventError::Unknown(_)) => "later-version",
            Self::Unreadable(MemberEventError::Invalid(_)) => "invalid",
            Self::OtherAccount(_) => "other-account",
            Self::RefusedBySns(_) => "refused-by-sns",
        }
    }
}

/// An alarm of a member that went into ALARM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberAlarm {
    /// The name of the alarm.
    pub name: String,
    /// What the alarm means and what to do, as its template describes it.
    pub description: Option<String>,
    /// Why the alarm is in this state.
    pub reason: String,
}

/// The most bytes that SNS takes for a message with its attributes ("Publish": Message).
const LONGEST_MESSAGE: usize = 262_144;

impl RelayedMail {
    /// The message for SNS.
    #[must_use]
    pub fn message(&self) -> String {
        match &self.document {
            Some(document) => json!({ "default": document, "email": self.body }).to_string(),
            None => self.body.clone(),
        }
    }

    /// The size for SNS in bytes, without the few bytes of the attributes' names.
    fn size(&self) -> usize {
        let words = self.to.iter().map(|word| Json::from(word.as_str()).to_string().len() + 1);
        self.message().len() + self.subject.len() + words.sum::<usize>()
    }
}

/// What the publisher does with a message of its queue. The administrators are notified of each event that it cannot mail,
/// and of a message that is not an event. If the queue offered such a message again, it would hold up all others for hours.
#[must_use]
pub fn relay(message: &str, settings: &PublisherSettings) -> RelayedEvent {
    let event: BusEvent = match serde_json::from_str(message) {
        Ok(event) => event,
        Err(error) => return not_an_event(message, &error, settings),
    };
    let account = &event.account;
    match (event.source.as_str(), event.detail_type.as_str()) {
        (EVENT_SOURCE, kind) => match MemberEvent::read(kind, event.detail.clone()) {
            Ok(MemberEvent::Run(run)) => RelayedEvent { mail: None, log: log_event::member_run(account, &run) },
            Ok(MemberEvent::Notice(notice)) => {
                let log = log_event::member_notice(account, &event.id, &notice);
                match relayed(&event, notice, settings) {
                    Ok(mail) => RelayedEvent { mail: Some(mail), log },
                    Err(problem) => refused(&event, &problem, settings),
                }
            }
            Err(error) => refused(&event, &error.into(), settings),
        },
        (ALARM_SOURCE, ALARM_EVENT) => alarm(&event, settings),
        (source, kind) => {
            let unknown = MemberEventError::Unknown(format!("source {source:?} with detail-type {kind:?}"));
            refused(&event, &unknown.into(), settings)
        }
    }
}

/// What the publisher does with a message after SNS refused its mail. `None`: the queue offers the message again.
///
/// If SNS refuses what the mail says, it refuses each other attempt too. Then the administrators get the event instead, and
/// the message is done. Every other cause can end: a missing permission, the topic, its key, too many requests, the network.
#[must_use]
pub fn relay_refused(message: &str, failure: &CallError, settings: &PublisherSettings) -> Option<RelayedEvent> {
    if !failure.code.is_refusal_of_message() {
        return None;
    }
    let event = serde_json::from_str(message).ok()?;
    Some(refused(&event, &EventProblem::RefusedBySns(failure.clone()), settings))
}

fn relayed(event: &BusEvent, notice: MemberNotice, settings: &PublisherSettings) -> Result<RelayedMail, EventProblem> {
    if notice.account() != Some(event.account.as_str()) {
        return Err(EventProblem::OtherAccount(notice.account().map(str::to_owned)));
    }
    let mail = RelayedMail {
        subject: subject_in_account(event.account.as_str(), &notice.subject),
        to: notice.to,
        user: notice.user,
        // The member chooses its text. So the line about its sender comes first, where the member cannot imitate it.
        body: format!("{}\n\n{}", settings.language.sender(&event.account), notice.body),
        document: Some(json!(notice.document).to_string()),
    };
    let size = mail.size();
    if size > LONGEST_MESSAGE - 1_000 {
        let why = format!("its notice has {size} bytes, which is more than SNS takes");
        return Err(MemberEventError::Invalid(why).into());
    }
    Ok(mail)
}

fn refused(event: &BusEvent, problem: &EventProblem, settings: &PublisherSettings) -> RelayedEvent {
    let mail = settings.language.event_problem(event, problem);
    let log = log_event::member_event_refused(&event.account, &event.id, problem.as_str(), &problem.to_string());
    RelayedEvent { mail: Some(to_administrators(event, mail, settings)), log }
}

/// A message that is not an event of EventBridge. Its sender is unknown, so the subject of the mail names no account.
fn not_an_event(message: &str, error: &serde_json::Error, settings: &PublisherSettings) -> RelayedEvent {
    let Mail { subject, body } = settings.language.not_an_event(&lines(message), &error.to_string());
    let mail = RelayedMail { to: administrators(settings), user: None, subject, body, document: None };
    RelayedEvent {
        mail: Some(mail),
        log: log_event::refused(&format!("the message is not an event of EventBridge: {error}")),
    }
}

/// CloudWatch's field names: "Alarm events and EventBridge".
fn alarm(event: &BusEvent, settings: &PublisherSettings) -> RelayedEvent {
    let text = |pointer: &str| event.detail.pointer(pointer).and_then(Json::as_str);
    let (name, state) = (text("/alarmName"), text("/state/value"));
    let (Some(name), Some(state)) = (name, state) else {
        let missing = "the event of an alarm has no name or no state".to_owned();
        return refused(event, &MemberEventError::Invalid(missing).into(), settings);
    };
    // The alarms of a stack only notify when they go into ALARM.
    let mail = (state == "ALARM").then(|| {
        let alarm = MemberAlarm {
            name: one_line(name),
            description: text("/configuration/description").map(one_line_of_any_length),
            reason: one_line(text("/state/reason").unwrap_or_default()),
        };
        to_administrators(event, settings.language.member_alarm(event, &alarm), settings)
    });
    RelayedEvent { mail, log: log_event::member_alarm(&event.account, name, state) }
}

/// A mail of the publisher itself.
fn to_administrators(event: &BusEvent, mail: Mail, settings: &PublisherSettings) -> RelayedMail {
    RelayedMail {
        to: administrators(settings),
        user: None,
        subject: subject_in_account(event.account.as_str(), &mail.subject),
        body: mail.body,
        document: None,
    }
}

fn administrators(settings: &PublisherSettings) -> Vec<String> {
    Audience::Addresses(settings.administrators.clone()).words()
}

impl BusEvent {
    /// What the event says, in lines that cannot be mistaken for the text of the publisher.
    pub(super) fn lines(&self) -> Vec<String> {
        lines(&serde_json::to_string_pretty(&self.detail).unwrap_or_default())
    }
}

/// The lines of a text from another account, without characters that could change how a mail looks.
fn lines(text: &str) -> Vec<String> {
    text.lines().flat_map(pieces).map(|line| one_line(&line) + "\n").collect()
}

/// The longest piece of a line that is shown as one.
const LONGEST_PIECE: usize = 400;

fn pieces(line: &str) -> Vec<String> {
    let chars: Vec<_> = line.chars().collect();
    chars.chunks(LONGEST_PIECE).map(|piece| piece.iter().collect()).collect()
}

fn one_line_of_any_length(text: &str) -> String {
    pieces(text).iter().map(|piece| one_line(piece)).collect()
}
