//! How far an operation on a stack is: a fold over the events that CloudFormation tells of it.

use std::collections::BTreeSet;

use lambda::model::time::{Span, Timestamp};

use crate::deploy::stack_status::StackStatus;

/// The type that a stack itself has among its events.
const STACK: &str = "AWS::CloudFormation::Stack";

/// One event of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What tells it from every other.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The resource's logical id; for the stack itself, its name.
    pub resource: String,
    /// The resource's name or ARN, once it has one; for the stack itself, its ARN.
    pub physical_id: String,
    /// The resource's type.
    pub kind: String,
    /// What is said of it.
    pub status: StackStatus,
    /// Why.
    pub reason: Option<String>,
    /// What whoever started the operation called it.
    pub token: Option<String>,
    /// The stack's ARN.
    pub stack_id: String,
}

impl Event {
    /// Whether it is about the stack itself.
    #[must_use]
    pub fn is_about_stack(&self) -> bool {
        self.kind == STACK && self.physical_id == self.stack_id
    }

    /// Whether it is the first of an operation.
    fn begins(&self) -> bool {
        let begins = ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS"];
        self.is_about_stack() && begins.contains(&self.status.as_str())
    }
}

/// Which operation on a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// The one that was started with this token.
    Started(String),
    /// The last one, whoever started it.
    Last,
}

/// Whether older events may belong to the operation too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Older {
    /// They may.
    Maybe,
    /// None of them does.
    None,
}

impl Operation {
    /// Those of a page of events, the newest first, that belong to the operation.
    #[must_use]
    pub fn select(&self, newest_first: &[Event]) -> (Vec<Event>, Older) {
        let end = match self {
            // The events of one operation stand together: there is never more than one at a time.
            Self::Started(token) => newest_first.iter().position(|event| event.token.as_ref() != Some(token)),
            Self::Last => newest_first.iter().position(Event::begins).map(|first| first + 1),
        };
        match end {
            Some(end) => (newest_first[..end].to_vec(), Older::None),
            None => (newest_first.to_vec(), Older::Maybe),
        }
    }
}

/// A resource of the operation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Resource {
    id: String,
    status: StackStatus,
    /// Since when it is being worked on.
    since: Timestamp,
}

/// An event that was not known before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressUpdate {
    /// The event.
    pub event: Event,
    /// Of how many resources the operation was done by then, and of how many in all; nothing where it is taken back.
    pub count: Option<(usize, usize)>,
}

/// How far an operation is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// What the operation changes, as far as that was known before.
    expected: BTreeSet<String>,
    /// In the order of their first events.
    resources: Vec<Resource>,
    seen: BTreeSet<String>,
    /// What was last said of the stack itself.
    stack: Option<StackStatus>,
    cause: Option<Event>,
}

impl Progress {
    /// Nothing yet, of an operation that changes these resources.
    #[must_use]
    pub fn of(resources: impl IntoIterator<Item = String>) -> Self {
        Self { expected: resources.into_iter().collect(), ..Self::default() }
    }

    /// Learns from events, the newest first as CloudFormation tells them; answers those that are new, the oldest first.
    pub fn learn(&mut self, newest_first: Vec<Event>) -> Vec<ProgressUpdate> {
        let mut news = Vec::new();
        for event in newest_first.into_iter().rev() {
            if self.seen.insert(event.id.clone()) {
                self.fold(&event);
                let count = (!self.is_rolling_back()).then(|| (self.done(), self.total()));
                news.push(ProgressUpdate { event, count });
            }
        }
        news
    }

    fn fold(&mut self, event: &Event) {
        if self.cause.is_none() && event.status.is_failed() && !is_consequence(event) {
            self.cause = Some(event.clone());
        }
        if event.is_about_stack() {
            self.stack = Some(event.status.clone());
            return;
        }
        match self.resources.iter_mut().find(|resource| resource.id == event.resource) {
            Some(resource) => {
                // A new phase, such as a rollback, begins anew; a second IN_PROGRESS is the same work.
                if !resource.status.is_in_progress() {
                    resource.since = event.at;
                }
                resource.status = event.status.clone();
            }
            None => self.resources.push(Resource {
                id: event.resource.clone(),
                status: event.status.clone(),
                since: event.at,
            }),
        }
    }

    /// Of how many resources the operation is done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.resources.iter().filter(|resource| resource.status.is_success()).count()
    }

    /// How many resources the operation changes, as far as is known.
    #[must_use]
    pub fn total(&self) -> usize {
        let others = self.resources.iter().filter(|resource| !self.expected.contains(&resource.id)).count();
        self.expected.len() + others
    }

    /// What is being worked on, and for how long.
    #[must_use]
    pub fn under_way(&self, now: Timestamp) -> Vec<(&str, Span)> {
        let busy = self.resources.iter().filter(|resource| resource.status.is_in_progress());
        busy.map(|resource| (resource.id.as_str(), now.since(resource.since))).collect()
    }

    /// All of it in one line.
    #[must_use]
    pub fn summary(&self, now: Timestamp) -> String {
        let under_way = self.under_way(now);
        let under_way = under_way.iter().map(|(id, span)| format!("{id} {} s", span.as_seconds()));
        let under_way = under_way.collect::<Vec<_>>().join(", ");
        let begin = if self.is_rolling_back() {
            "taking it back".to_owned()
        } else {
            format!("{} of {}", self.done(), self.total())
        };
        if under_way.is_empty() { begin } else { format!("{begin}: {under_way}") }
    }

    /// Whether what was begun is being taken back.
    #[must_use]
    pub fn is_rolling_back(&self) -> bool {
        self.stack.as_ref().is_some_and(StackStatus::is_rollback)
    }

    /// What was last said of the stack itself, if that may be the end: not that something is going on.
    #[must_use]
    pub fn end(&self) -> Option<&StackStatus> {
        self.stack.as_ref().filter(|status| !status.is_in_progress())
    }

    /// The first thing that went wrong. All else that failed did so because of it, or was cancelled.
    #[must_use]
    pub fn cause(&self) -> Option<&Event> {
        self.cause.as_ref()
    }
}

/// Whether something failed only because something else did.
fn is_consequence(event: &Event) -> bool {
    let reason = event.reason.as_deref().unwrap_or_default().to_ascii_lowercase();
    // "Resource creation cancelled", "Resource update cancelled"; and of the stack: "The following resource(s) failed to …".
    reason.ends_with("cancelled") || (event.is_about_stack() && reason.contains("resource(s) failed to"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: u32, resource: &str, status: &str, reason: &str) -> Event {
        let kind = if resource == "bundle" { STACK } else { "AWS::SQS::Queue" };
        Event {
            id: id.to_string(),
            at: Timestamp::from_unix(i64::from(id)),
            resource: resource.into(),
            physical_id: if resource == "bundle" { "arn".into() } else { String::new() },
            kind: kind.into(),
            status: StackStatus::new(status),
            reason: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
            token: Some("ours".into()),
            stack_id: "arn".into(),
        }
    }

    fn newest_first(events: &[Event]) -> Vec<Event> {
        events.iter().rev().cloned().collect()
    }

    #[test]
    fn a_creation_from_beginning_to_end() {
        let mut progress = Progress::of(["Queue".to_owned(), "Role".to_owned()]);
        assert_eq!((progress.done(), progress.total(), progress.end()), (0, 2, None));
        let first = [
            event(10, "bundle", "CREATE_IN_PROGRESS", "User Initiated"),
            event(11, "Queue", "CREATE_IN_PROGRESS", ""),
            event(12, "Queue", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
            event(13, "Role", "CREATE_IN_PROGRESS", ""),
        ];
        let told = |news: Vec<ProgressUpdate>| news.into_iter().map(|news| news.event).collect::<Vec<_>>();
        assert_eq!(told(progress.learn(newest_first(&first))), first, "all are new, and told in their order");
        assert_eq!(progress.learn(newest_first(&first)), [], "what is known is not told again");
        let now = Timestamp::from_unix(20);
        assert_eq!(progress.under_way(now), [("Queue", Span::seconds(9)), ("Role", Span::seconds(7))]);
        assert_eq!(progress.summary(now), "0 of 2: Queue 9 s, Role 7 s");
        let rest = [
            event(14, "Role", "CREATE_COMPLETE", ""),
            event(15, "Queue", "CREATE_COMPLETE", ""),
            event(16, "bundle", "CREATE_COMPLETE", ""),
        ];
        let more: Vec<_> = rest.iter().rev().chain(first.iter().rev()).cloned().collect();
        let news = progress.learn(more);
        assert_eq!(news.iter().map(|news| news.count).collect::<Vec<_>>(), [Some((1, 2)), Some((2, 2)), Some((2, 2))]);
        assert_eq!(told(news), rest);
        assert_eq!((progress.done(), progress.total()), (2, 2));
        assert!(progress.under_way(now).is_empty() && progress.cause().is_none() && !progress.is_rolling_back());
        assert_eq!(progress.end().map(StackStatus::as_str), Some("CREATE_COMPLETE"));
    }

    #[test]
    fn the_first_cause_is_found_among_the_consequences() {
        let mut progress = Progress::of(["Queue".to_owned()]);
        let events = [
            event(1, "bundle", "UPDATE_IN_PROGRESS", "User Initiated"),
            event(2, "Topic", "UPDATE_FAILED", "Resource update cancelled"),
            event(3, "Role", "UPDATE_FAILED", "not authorized to perform: iam:PutRolePolicy"),
            event(4, "Queue", "UPDATE_FAILED", "and another"),
            event(5, "bundle", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Role]. "),
            event(6, "Role", "UPDATE_COMPLETE", ""),
            event(7, "bundle", "UPDATE_ROLLBACK_COMPLETE", ""),
        ];
        progress.learn(newest_first(&events));
        assert_eq!(progress.cause().map(|cause| cause.resource.as_str()), Some("Role"));
        assert!(progress.is_rolling_back());
        assert_eq!(progress.summary(Timestamp::from_unix(9)), "taking it back");
        assert!(progress.end().is_some_and(|end| !end.is_success()));
        assert_eq!(progress.total(), 3, "what was not expected is counted too");
    }

    #[test]
    fn a_stack_that_failed_without_a_resource_is_its_own_cause() {
        let mut progress = Progress::default();
        let failed = |reason| event(1, "bundle", "CREATE_FAILED", reason);
        progress.learn(vec![failed("The following resource(s) failed to create: [Queue].")]);
        assert_eq!(progress.cause(), None);
        let cause = Event { id: "2".into(), ..failed("Validation failed") };
        progress.learn(vec![cause.clone()]);
        assert_eq!(progress.cause(), Some(&cause));
    }

    #[test]
    fn only_one_operation_is_looked_at() {
        let other = |event: Event| Event { token: None, ..event };
        let events = [
            other(event(1, "bundle", "CREATE_IN_PROGRESS", "User Initiated")),
            other(event(2, "Queue", "CREATE_COMPLETE", "")),
            other(event(3, "bundle", "CREATE_COMPLETE", "")),
            event(4, "bundle", "UPDATE_IN_PROGRESS", "User Initiated"),
            event(5, "Queue", "UPDATE_IN_PROGRESS", ""),
            event(6, "bundle", "UPDATE_ROLLBACK_IN_PROGRESS", ""),
        ];
        let newest = newest_first(&events);
        let ids = |operation: Operation, page: &[Event]| {
            let (events, older) = operation.select(page);
            (events.into_iter().map(|event| event.id).collect::<Vec<_>>().join(" "), older)
        };
        let ours = Operation::Started("ours".into());
        assert_eq!(ids(ours.clone(), &newest), ("6 5 4".into(), Older::None));
        assert_eq!(ids(ours, &newest[..2]), ("6 5".into(), Older::Maybe), "the rest may be on the next page");
        assert_eq!(ids(Operation::Started("not yet".into()), &newest), (String::new(), Older::None));
        assert_eq!(ids(Operation::Last, &newest), ("6 5 4".into(), Older::None));
        assert_eq!(ids(Operation::Last, &newest[3..]), ("3 2 1".into(), Older::None));
    }
}
