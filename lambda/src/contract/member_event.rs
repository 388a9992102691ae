//! What a member of an organization sends to the central event bus.
//!
//! No event holds a secret: a member delivers keys only through Secrets Manager, and no field is made for one. An event
//! names no account of its own, except in the document of a notice: AWS stamps the sender's account on each event, and the
//! publisher compares the document with it.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json, json};

use crate::{
    contract::run_summary::RunSummary,
    model::{time::Timestamp, user::UserName},
    protocol::journal::RunId,
};

/// The source of each event. The policy of the bus accepts no other one.
pub const EVENT_SOURCE: &str = "access-key-rotation";

/// The version of the events. A field is never removed and never changes its meaning within a version; a later handler may
/// add fields.
pub const MEMBER_EVENT_VERSION: u64 = 1;

/// The detail-types of the events, which the rules on the bus select by: [`MemberEvent::Notice`] and [`MemberEvent::Run`].
pub const DETAIL_TYPES: [&str; 2] = [NOTICE, RUN];

/// The source of CloudWatch's events, which a rule of each member passes on.
pub const ALARM_SOURCE: &str = "aws.cloudwatch";

/// The type of the event of an alarm whose state changed.
pub const ALARM_EVENT: &str = "CloudWatch Alarm State Change";

const NOTICE: &str = "notice";

const RUN: &str = "run";

/// One event of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberEvent {
    /// A notice, which the publisher mails.
    Notice(MemberNotice),
    /// A run over all users is over. The publisher logs it, for `synth status`.
    Run(MemberRun),
}

/// A notice to publish. Its subject and its text are those of a mail in the member's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberNotice {
    /// The words that filter policies match: see [`crate::selection::routing`]. There is at least one.
    pub to: Vec<String>,
    /// The user that the notice is about; `None` if it is about a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserName>,
    /// The subject of the mail.
    pub subject: String,
    /// The text of the mail.
    pub body: String,
    /// The document for programs, as docs/notice.schema.json describes it.
    pub document: Map<String, Json>,
}

impl MemberNotice {
    /// The account that the document names.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.document.get("account")?.as_str()
    }
}

/// A run over all users of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberRun {
    /// The id of the run. The log of the member's function has it too.
    pub run: RunId,
    /// The name of the member's stack, which is also the name of its function.
    pub stack: String,
    /// The Region of the member's stack.
    pub region: String,
    /// The version of the handler that made the run.
    pub handler: String,
    /// When the run began.
    pub started: Timestamp,
    /// The run in numbers.
    pub summary: RunSummary,
    /// When the next key is due, or the next change to a key, as far as the run knows; `None` if nothing is known to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
}

/// An event that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberEventError {
    /// The event is of a later handler, which sends events that this one does not know.
    #[error("{0} is not known")]
    Unknown(String),
    /// The event breaks the rules of its version.
    #[error("{0}")]
    Invalid(String),
}

impl MemberEvent {
    /// The detail-type of the event.
    #[must_use]
    pub const fn detail_type(&self) -> &'static str {
        match self {
            Self::Notice(_) => NOTICE,
            Self::Run(_) => RUN,
        }
    }

    /// The detail of the event: a JSON object with its version.
    #[must_use]
    pub fn detail(&self) -> Json {
        let mut detail = json!({ VERSION: MEMBER_EVENT_VERSION });
        let content = match self {
            Self::Notice(notice) => json!(notice),
            Self::Run(run) => json!(run),
        };
        if let (Json::Object(detail), Json::Object(content)) = (&mut detail, content) {
            detail.extend(content);
        }
        detail
    }

    /// Reads an event.
    ///
    /// # Errors
    /// [`MemberEventError`] if it is of a later version, or breaks the rules of this one.
    pub fn read(detail_type: &str, detail: Json) -> Result<Self, MemberEventError> {
        let Some(version) = detail[VERSION].as_u64() else {
            return Err(MemberEventError::Invalid(format!("the field {VERSION} is missing or no number")));
        };
        if version != MEMBER_EVENT_VERSION {
            return Err(MemberEventError::Unknown(format!("{VERSION} {version}")));
        }
        match detail_type {
            NOTICE => {
                let notice: MemberNotice = content(detail)?;
                if notice.to.is_empty() {
                    return Err(MemberEventError::Invalid("the field to is empty".to_owned()));
                }
                Ok(Self::Notice(notice))
            }
            RUN => content(detail).map(Self::Run),
            other => Err(MemberEventError::Unknown(format!("detail-type {other:?}"))),
        }
    }
}

const VERSION: &str = "version";

fn content<T: DeserializeOwned>(detail: Json) -> Result<T, MemberEventError> {
    serde_json::from_value(detail).map_err(|e| MemberEventError::Invalid(e.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn notice() -> MemberNotice {
        let Json::Object(document) = json!({ "version": 1, "event": "rotated", "account": "111122223333" }) else {
            unreachable!()
        };
        MemberNotice {
            to: vec!["a@b.co".into(), "endpoints".into()],
            user: Some("alice".parse().unwrap()),
            subject: "AWS access key rotated: alice".into(),
            body: "What to do: \u{1f511}\n".into(),
            document,
        }
    }

    fn run() -> MemberRun {
        MemberRun {
            run: "d32c5kddcf5bb8c3".parse().unwrap(),
            stack: "keys".into(),
            region: "eu-west-1".into(),
            handler: "0.2.0".into(),
            started: Timestamp::from_unix(1_795_490_200),
            summary: RunSummary { users: 50, overdue: 1, unconfirmed: Some(2), ..RunSummary::default() },
            next: Some(Timestamp::from_unix(1_795_576_600)),
        }
    }

    fn read(event: &MemberEvent, change: impl FnOnce(&mut Json)) -> Result<MemberEvent, MemberEventError> {
        let mut detail = event.detail();
        change(&mut detail);
        MemberEvent::read(event.detail_type(), detail)
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let about_run = MemberNotice { user: None, ..notice() };
        let quiet = MemberRun { summary: RunSummary::default(), next: None, ..run() };
        let notices = [notice(), about_run].map(MemberEvent::Notice);
        for event in notices.into_iter().chain([run(), quiet].map(MemberEvent::Run)) {
            assert_eq!(read(&event, |_| ()), Ok(event.clone()));
            assert!(DETAIL_TYPES.contains(&event.detail_type()));
            // A later handler may add fields within a version.
            assert_eq!(read(&event, |detail| detail["more"] = json!([1])), Ok(event));
        }
        assert_eq!(notice().account(), Some("111122223333"));
        assert_eq!(
            MemberEvent::Run(run()).detail(),
            json!({
                "version": 1,
                "run": "d32c5kddcf5bb8c3",
                "stack": "keys",
                "region": "eu-west-1",
                "handler": "0.2.0",
                "started": "2026-11-24T03:16:40Z",
                "summary": {
                    "users": 50, "rotated": 0, "deactivated": 0, "deleted": 0, "failed": 0, "needsAttention": 0,
                    "overdue": 1, "unsent": 0, "unconfirmed": 2,
                },
                "next": "2026-11-25T03:16:40Z",
            })
        );
    }

    #[test]
    fn an_event_that_cannot_be_read_says_why() {
        let (notice, run) = (MemberEvent::Notice(notice()), MemberEvent::Run(run()));
        let invalid = |event: &MemberEvent, field: &str, value: Json| match read(event, |d| d[field] = value) {
            Err(MemberEventError::Invalid(why)) => why,
            other => panic!("{field}: {other:?}"),
        };
        assert!(invalid(&notice, "to", json!([])).contains("the field to is empty"));
        assert!(invalid(&notice, "user", json!("a b")).contains("an IAM user name"));
        assert!(invalid(&notice, "document", json!("text")).contains("expected a map"));
        assert!(invalid(&run, "started", json!("now")).contains("a time"));
        assert!(invalid(&run, "summary", json!({})).contains("users"));
        assert!(invalid(&run, "version", json!("1")).contains("the field version"));
        let later = |event: &MemberEvent| read(event, |detail| detail["version"] = json!(2));
        for event in [&notice, &run] {
            assert_eq!(later(event), Err(MemberEventError::Unknown("version 2".to_owned())));
        }
        let other = MemberEvent::read("alarm", run.detail());
        assert_eq!(other, Err(MemberEventError::Unknown("detail-type \"alarm\"".to_owned())));
    }

    proptest! {
        #[test]
        fn any_notice_is_read_as_it_was_written(
            to in prop::collection::vec(".{0,40}", 1..4), subject in any::<String>(), body in any::<String>(),
            key in any::<String>(), value in any::<String>(),
        ) {
            let document = Map::from_iter([(key, Json::from(value))]);
            let event = MemberEvent::Notice(MemberNotice { to, subject, body, document, ..notice() });
            // What EventBridge passes on is text.
            let text = event.detail().to_string();
            let read = MemberEvent::read(event.detail_type(), serde_json::from_str(&text).unwrap());
            prop_assert_eq!(read, Ok(event));
        }
    }
}
