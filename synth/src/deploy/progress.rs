//! The progress of an operation on a stack, calculated from CloudFormation's events.

use std::collections::BTreeSet;

use lambda::model::time::{Span, Timestamp};

use crate::deploy::{administrator::STACK_SET, stack_status::StackStatus};

/// The resource type in events about the stack itself.
const STACK: &str = "AWS::CloudFormation::Stack";

/// One event of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The unique id of the event.
    pub id: String,
    /// The time of the event.
    pub at: Timestamp,
    /// The logical id of the resource. For the stack itself, the name of the stack.
    pub resource: String,
    /// The name or ARN of the resource, after it has one. For the stack itself, the ARN of the stack.
    pub physical_id: String,
    /// The type of the resource.
    pub kind: String,
    /// The new status of the resource.
    pub status: StackStatus,
    /// CloudFormation's reason for the status, if it gives one.
    pub reason: Option<String>,
    /// The token of the operation, if the caller gave it one.
    pub token: Option<String>,
    /// The ARN of the stack.
    pub stack_id: String,
}

impl Event {
    /// Whether the event is about the stack itself.
    #[must_use]
    pub fn is_about_stack(&self) -> bool {
        self.kind == STACK && self.physical_id == self.stack_id
    }

    /// Whether the event is the first of an operation.
    fn begins(&self) -> bool {
        let begins = ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS"];
        self.is_about_stack() && begins.contains(&self.status.as_str())
    }
}

/// Identifies an operation on a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// The operation that was started with this token.
    Started(String),
    /// The last operation, regardless of its token.
    Last,
}

/// Whether older events may belong to the operation too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Older {
    /// Older events may belong to the operation, so the next page must be read.
    Maybe,
    /// No older event belongs to the operation.
    None,
}

impl Operation {
    /// The events of a page, newest first, that belong to the operation.
    #[must_use]
    pub fn select(&self, newest_first: &[Event]) -> (Vec<Event>, Older) {
        let end = match self {
            // The events of one operation are consecutive, because a stack has only one operation at a time.
            Self::Started(token) => newest_first.iter().position(|event| event.token.as_ref() != Some(token)),
            Self::Last => newest_first.iter().position(Event::begins).map(|first| first + 1),
        };
        match end {
            Some(end) => (newest_first[..end].to_vec(), Older::None),
            None => (newest_first.to_vec(), Older::Maybe),
        }
    }
}

/// A resource that the operation changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Resource {
    id: String,
    status: StackStatus,
    /// The time when the current work on the resource started.
    since: Timestamp,
}

/// A new event, with the progress after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressUpdate {
    /// The new event.
    pub event: Event,
    /// The number of finished resources and of all resources after the event. `None` during a rollback.
    pub count: Option<(usize, usize)>,
}

/// The progress of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// The resources that the operation changes, as far as they were known before.
    expected: BTreeSet<String>,
    /// The resources in the order of their first events.
    resources: Vec<Resource>,
    seen: BTreeSet<String>,
    /// The last status of the stack itself.
    stack: Option<StackStatus>,
    /// The id of the StackSet among the resources, after it has one.
    stack_set: Option<String>,
    cause: Option<Event>,
}

impl Progress {
    /// The start of an operation that changes these resources.
    #[must_use]
    pub fn of(resources: impl IntoIterator<Item = String>) -> Self {
        Self { expected: resources.into_iter().collect(), ..Self::default() }
    }

    /// Adds events, newest first, as CloudFormation returns them. Returns the new ones, oldest first.
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
        if event.kind == STACK_SET && !event.physical_id.is_empty() {
            self.stack_set = Some(event.physical_id.clone());
        }
        match self.resources.iter_mut().find(|resource| resource.id == event.resource) {
            Some(resource) => {
                // A new phase, such as a rollback, starts the time again. A second IN_PROGRESS is the same work.
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

    /// The number of resources that are finished.
    #[must_use]
    pub fn done(&self) -> usize {
        self.resources.iter().filter(|resource| resource.status.is_success()).count()
    }

    /// The number of resources that the operation changes, as far as is known.
    #[must_use]
    pub fn total(&self) -> usize {
        let others = self.resources.iter().filter(|resource| !self.expected.contains(&resource.id)).count();
        self.expected.len() + others
    }

    /// The resources that CloudFormation is working on, each with the time since it started.
    #[must_use]
    pub fn under_way(&self, now: Timestamp) -> Vec<(&str, Span)> {
        let busy = self.resources.iter().filter(|resource| resource.status.is_in_progress());
        busy.map(|resource| (resource.id.as_str(), now.since(resource.since))).collect()
    }

    /// The progress in one line of text.
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

    /// Whether the operation is being rolled back.
    #[must_use]
    pub fn is_rolling_back(&self) -> bool {
        self.stack.as_ref().is_some_and(StackStatus::is_rollback)
    }

    /// The last status of the stack itself, if the operation may have ended with it.
    #[must_use]
    pub fn end(&self) -> Option<&StackStatus> {
        self.stack.as_ref().filter(|status| !status.is_in_progress())
    }

    /// The id of the StackSet that the operation creates or changes. `None` until it is known.
    #[must_use]
    pub fn stack_set(&self) -> Option<&str> {
        self.stack_set.as_deref()
    }

    /// The first failure. All other resources failed because of it, or were cancelled.
    #[must_use]
    pub fn cause(&self) -> Option<&Event> {
        self.cause.as_ref()
    }
}

/// Whether a resource failed only because another one failed.
fn is_consequence(event: &Event) -> bool {
    let reason = event.reason.as_deref().unwrap_or_default().to_ascii_lowercase();
    // A resource: "Resource creation cancelled", "Resource update cancelled". The stack: "The following resource(s)
    // failed to …".
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
        let events = |news: Vec<ProgressUpdate>| news.into_iter().map(|news| news.event).collect::<Vec<_>>();
        assert_eq!(events(progress.learn(newest_first(&first))), first, "all are new, and in their order");
        assert_eq!(progress.learn(newest_first(&first)), [], "known events are not returned again");
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
        assert_eq!(events(news), rest);
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
        assert_eq!(progress.total(), 3, "unexpected resources are counted too");
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
    fn only_the_events_of_one_operation_are_selected() {
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
