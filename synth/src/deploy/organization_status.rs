//! The state of a deployment to an organization: the stack of the administering account, and every member account.
//!
//! [`super::organization_screen`] writes it for people. [`super::organization_reader`] reads it, without a role in the
//! members.

use std::collections::{BTreeMap, BTreeSet};

use lambda::model::time::Timestamp;
use serde_json::{Value as Json, json};

use crate::deploy::{
    aws::{AwsError, cloudformation::Stack},
    former_users,
    local_configuration::LocalConfiguration,
    member_log::{LastMemberRun, MemberLog},
    member_stack::{MemberStack, MemberState},
    stack_alarm::StackAlarm,
    status_report::subscribers,
    subscriptions::TopicSubscriptions,
};

/// The state of a deployment to an organization. A part that could not be read holds the error, and the other parts are
/// still there.
#[derive(Debug, Clone, PartialEq)]
pub struct OrganizationStatus {
    /// The name of the stack in the administering account.
    pub name: String,
    /// The number of the administering account, 12 digits.
    pub account: String,
    /// The code of its Region, such as `eu-central-1`.
    pub region: String,
    /// The stack as CloudFormation shows it.
    pub stack: Stack,
    /// When the state was read.
    pub at: Timestamp,
    /// The configuration on this computer. `None` if it was not compared.
    pub configuration: Option<LocalConfiguration>,
    /// The alarms of the administering account's stack.
    pub alarms: Result<Vec<StackAlarm>, AwsError>,
    /// The subscriptions to notices, including those that are missing.
    pub subscriptions: Result<TopicSubscriptions, AwsError>,
    /// The subscriptions to alarms, including those that are missing.
    pub alarm_subscriptions: Result<TopicSubscriptions, AwsError>,
    /// The stacks in the members' accounts.
    pub members: Result<Vec<MemberStack>, AwsError>,
    /// The name of the function that publishes what the members report. `None` if the stack has none.
    pub publisher: Option<String>,
    /// What the publisher wrote about the members.
    pub log: Result<MemberLog, AwsError>,
}

/// The state of a member account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStatus {
    /// The number of the account, 12 digits.
    pub account: String,
    /// The stack of the account. `None` if it has none: the account left.
    pub stack: Option<MemberStack>,
    /// The last run. `None` if the log has none.
    pub last_run: Option<LastMemberRun>,
    /// The names of the alarms in the state ALARM.
    pub alarms: Vec<String>,
}

/// What is wrong with a member account, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberCondition {
    /// The account has no stack, or not that of the StackSet, and no operation works on it.
    NotUpToDate,
    /// Users failed, need a person or have an overdue key.
    UsersNotInOrder,
    /// An alarm is in the state ALARM.
    Alarm,
    /// An operation works on the stack.
    InProgress,
    /// The log has no run of the account.
    NoRun,
    /// The account is suspended, so nothing runs in it.
    Suspended,
    /// Nothing is wrong.
    InOrder,
}

impl MemberCondition {
    /// Every condition, the worst first.
    pub const ALL: [Self; 7] = [
        Self::NotUpToDate,
        Self::UsersNotInOrder,
        Self::Alarm,
        Self::InProgress,
        Self::NoRun,
        Self::Suspended,
        Self::InOrder,
    ];

    /// The condition as one word, for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotUpToDate => "not-up-to-date",
            Self::UsersNotInOrder => "users-not-in-order",
            Self::Alarm => "alarm",
            Self::InProgress => "in-progress",
            Self::NoRun => "no-run",
            Self::Suspended => "suspended",
            Self::InOrder => "in-order",
        }
    }

    /// Whether a person must do something.
    #[must_use]
    pub const fn is_problem(self) -> bool {
        matches!(self, Self::NotUpToDate | Self::UsersNotInOrder | Self::Alarm)
    }
}

impl MemberStatus {
    /// What is wrong with the account.
    #[must_use]
    pub fn condition(&self) -> MemberCondition {
        let state = self.stack.as_ref().map(|stack| stack.state);
        if state.is_some_and(|state| state.needs_another_operation() || state == MemberState::Inoperable) {
            MemberCondition::NotUpToDate
        } else if state == Some(MemberState::Suspended) {
            MemberCondition::Suspended
        } else if self.last_run.as_ref().is_some_and(|run| !run.counts.problems().is_empty()) {
            MemberCondition::UsersNotInOrder
        } else if !self.alarms.is_empty() {
            MemberCondition::Alarm
        } else if state.is_some_and(MemberState::is_in_progress) {
            MemberCondition::InProgress
        } else if self.last_run.is_none() {
            MemberCondition::NoRun
        } else {
            MemberCondition::InOrder
        }
    }

    fn json(&self) -> Json {
        json!({
            "account": self.account,
            "condition": self.condition().as_str(),
            "stack": self.stack.as_ref().map(MemberStack::json),
            "lastRun": self.last_run.as_ref().map(LastMemberRun::json),
            "alarms": self.alarms,
        })
    }
}

impl OrganizationStatus {
    /// Every account that the StackSet or the log knows, the worst first. Only those of the log if the StackSet could not be
    /// read.
    #[must_use]
    pub fn accounts(&self) -> Vec<MemberStatus> {
        let mut stacks: BTreeMap<&str, &MemberStack> = BTreeMap::new();
        for stack in self.members.iter().flatten() {
            // An account can have stacks in two Regions only while one of them is being removed.
            let known = stacks.entry(&stack.account).or_insert(stack);
            if stack.state < known.state {
                *known = stack;
            }
        }
        let log = self.log.as_ref().ok();
        let names: BTreeSet<&str> =
            stacks.keys().copied().chain(log.into_iter().flat_map(MemberLog::accounts)).collect();
        let status = |account: &str| MemberStatus {
            account: account.to_owned(),
            stack: stacks.get(account).map(|stack| (*stack).clone()),
            last_run: log.and_then(|log| log.run(account)).cloned(),
            alarms: log.map(|log| log.raised_alarms(account)).unwrap_or_default(),
        };
        let mut all: Vec<_> = names.into_iter().map(status).collect();
        // The order of accounts of the same condition stays.
        all.sort_by_key(MemberStatus::condition);
        all
    }

    /// The subscriptions to each topic.
    pub(super) fn topics(&self) -> [&Result<TopicSubscriptions, AwsError>; 2] {
        [&self.subscriptions, &self.alarm_subscriptions]
    }

    /// Whether all parts could be read, every account is up to date, and every user is fine. As for one account, an alarm and
    /// a missing permission to read the log or the alarms do not count as a problem.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        let is_read = |problem: Option<&AwsError>| problem.is_none_or(former_users::is_optional);
        let is_fine = |member: &MemberStatus| {
            !matches!(member.condition(), MemberCondition::NotUpToDate | MemberCondition::UsersNotInOrder)
        };
        self.topics().iter().all(|found| found.is_ok())
            && self.members.is_ok()
            && is_read(self.alarms.as_ref().err())
            && is_read(self.log.as_ref().err())
            && self.accounts().iter().all(is_fine)
    }

    /// The state as JSON for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        let error = |problem: &AwsError| json!({ "error": problem.to_string() });
        let accounts = self.accounts();
        let number = |condition| accounts.iter().filter(|member| member.condition() == condition).count();
        let counts: BTreeMap<_, _> =
            MemberCondition::ALL.into_iter().map(|condition| (condition.as_str(), number(condition))).collect();
        json!({
            "stack": {
                "name": self.name,
                "account": self.account,
                "region": self.region,
                "status": self.stack.status.as_str(),
            },
            "at": self.at,
            "configuration": self.configuration.as_ref().map(LocalConfiguration::json),
            "alarms": match &self.alarms {
                Ok(alarms) => alarms.iter().map(StackAlarm::json).collect(),
                Err(problem) => error(problem),
            },
            "outputs": self.stack.outputs,
            "subscriptions": subscribers(&self.subscriptions),
            "alarmSubscriptions": subscribers(&self.alarm_subscriptions),
            "accounts": match &self.members {
                Ok(_) => accounts.iter().map(MemberStatus::json).collect(),
                Err(problem) => error(problem),
            },
            "counts": counts,
            "log": self.log.as_ref().err().map(error),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use lambda::report::log_event::{MEMBER_ALARM, MEMBER_RUN};

    use super::*;
    use crate::deploy::{
        local_configuration::ConfigurationComparison,
        stack_alarm::AlarmState,
        stack_status::StackStatus,
        status_report::tests::{at, paths, topic},
        subscriptions::{StackTopic, SubscriptionState},
    };

    pub(in crate::deploy) fn account(number: usize) -> String {
        format!("1111{number:08}")
    }

    pub(in crate::deploy) fn member(number: usize, state: MemberState, reason: Option<&str>) -> MemberStack {
        MemberStack {
            account: account(number),
            region: "eu-west-1".into(),
            unit: Some("ou-abcd-11112222".into()),
            state,
            reason: reason.map(str::to_owned),
        }
    }

    pub(in crate::deploy) fn ran(log: &mut MemberLog, number: usize, summary: &Json) {
        let line = json!({ "event": MEMBER_RUN, "account": account(number), "summary": summary });
        log.learn(&line.to_string(), at("2026-11-29T00:00:09Z"));
    }

    pub(in crate::deploy) fn raised(log: &mut MemberLog, number: usize, alarm: &str) {
        let line = json!({ "event": MEMBER_ALARM, "account": account(number), "alarm": alarm, "state": "ALARM" });
        log.learn(&line.to_string(), at("2026-11-29T00:00:09Z"));
    }

    /// An organization of this many accounts in which all is in order.
    pub(in crate::deploy) fn in_order(accounts: usize) -> OrganizationStatus {
        let mut log = MemberLog::default();
        (1..=accounts).for_each(|number| ran(&mut log, number, &json!({ "users": 50 })));
        let security = [("security@example.com", SubscriptionState::Confirmed)];
        OrganizationStatus {
            name: "keys".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            stack: Stack { id: "arn".into(), status: StackStatus::new("UPDATE_COMPLETE"), outputs: BTreeMap::new() },
            at: at("2026-11-29T10:00:00Z"),
            configuration: Some(LocalConfiguration {
                file: "rotation.yaml".into(),
                comparison: ConfigurationComparison::Same,
            }),
            alarms: Ok(vec![StackAlarm { name: "keys-publisher-failed".into(), state: AlarmState::Ok }]),
            subscriptions: Ok(topic(StackTopic::Notices, &security)),
            alarm_subscriptions: Ok(topic(StackTopic::Alarms, &security)),
            members: Ok((1..=accounts).map(|number| member(number, MemberState::Current, None)).collect()),
            publisher: Some("keys-publisher".into()),
            log: Ok(log),
        }
    }

    #[test]
    fn the_worst_account_is_first_and_each_condition_is_found() {
        let mut status = in_order(7);
        let (Ok(members), Ok(log)) = (&mut status.members, &mut status.log) else { unreachable!() };
        members[1].state = MemberState::Suspended;
        members[2].state = MemberState::Running;
        members[4].state = MemberState::Failed;
        members.push(member(8, MemberState::Current, None));
        ran(log, 4, &json!({ "users": 50, "overdue": 1 }));
        raised(log, 6, "keys-member-users-failed");
        let found: Vec<_> =
            status.accounts().iter().map(|member| (member.account.clone(), member.condition())).collect();
        let expected = [
            (5, MemberCondition::NotUpToDate),
            (4, MemberCondition::UsersNotInOrder),
            (6, MemberCondition::Alarm),
            (3, MemberCondition::InProgress),
            (8, MemberCondition::NoRun),
            (2, MemberCondition::Suspended),
            (1, MemberCondition::InOrder),
            (7, MemberCondition::InOrder),
        ];
        assert_eq!(found, expected.map(|(number, condition)| (account(number), condition)));
    }

    #[test]
    fn only_what_could_not_be_read_and_what_needs_a_person_is_a_problem() {
        let denied = || AwsError::Denied { doing: "read".into(), message: "no".into() };
        let with = |change: &dyn Fn(&mut OrganizationStatus)| {
            let mut status = in_order(3);
            change(&mut status);
            status
        };
        let stack = |state| move |status: &mut OrganizationStatus| status.members.as_mut().unwrap()[0].state = state;
        for (status, fine) in [
            (in_order(3), true),
            (with(&|status| status.log = Err(denied())), true),
            (with(&|status| status.log = Err(AwsError::Expired)), false),
            (with(&|status| status.members = Err(denied())), false),
            (with(&|status| status.alarm_subscriptions = Err(denied())), false),
            (with(&|status| raised(status.log.as_mut().unwrap(), 1, "keys-member-users-failed")), true),
            (with(&|status| ran(status.log.as_mut().unwrap(), 1, &json!({ "failed": 1 }))), false),
            (with(&|status| ran(status.log.as_mut().unwrap(), 1, &json!({ "overdue": 1 }))), false),
            (with(&stack(MemberState::Failed)), false),
            (with(&stack(MemberState::Inoperable)), false),
            (with(&stack(MemberState::Running)), true),
            (with(&stack(MemberState::Suspended)), true),
        ] {
            assert_eq!(status.is_fine(), fine, "{:#}", status.json());
        }
    }

    #[test]
    fn an_account_that_left_is_seen_in_the_log() {
        let mut status = in_order(1);
        ran(status.log.as_mut().unwrap(), 9, &json!({ "users": 2 }));
        let accounts = status.accounts();
        assert_eq!((accounts.len(), accounts[1].stack.as_ref()), (2, None));
        assert_eq!(status.json()["accounts"][1]["stack"], Json::Null);
    }

    /// Programs depend on the fields: `docs/operations.md` has a row for each of them, and for no other one.
    #[test]
    fn the_runbook_documents_each_field_of_the_json() {
        let mut fields = BTreeSet::new();
        let mut most = in_order(2);
        most.members.as_mut().unwrap()[0].reason = Some("why".into());
        raised(most.log.as_mut().unwrap(), 1, "keys-member-users-failed");
        let least = OrganizationStatus { members: Err(AwsError::Expired), log: Err(AwsError::Expired), ..in_order(1) };
        for status in [most, least] {
            let json = status.json();
            for name in ["accounts", "counts", "log"] {
                paths(&json[name], name, &mut fields);
            }
        }
        let text = include_str!("../../../docs/operations.md");
        let title = "The JSON of the status of an organization\n";
        let section = text.split("\n## ").find(|section| section.starts_with(title)).unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let documented: BTreeSet<_> = rows.map(|(field, _)| field.to_owned()).collect();
        let difference: Vec<_> = fields.symmetric_difference(&documented).collect();
        assert!(difference.is_empty(), "not in both: {difference:#?}");
    }
}
