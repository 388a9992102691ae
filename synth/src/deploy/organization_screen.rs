//! The state of a deployment to an organization as text for people: problems first, then the facts, then a table of accounts,
//! and at the end the next command.

use crate::{
    config::MEMBER,
    deploy::{
        command_line::{aws, make},
        member_stack::MemberState,
        organization_status::{MemberCondition, MemberStatus, OrganizationStatus},
        run_counts::RunCounts,
        stack_alarm::AlarmState,
        stack_status::StackState,
        status_facts::{
            SHOWN, alarms_text, configuration_text, fact_lines, mail_facts, next_for_mail_or_configuration,
            outputs_text, problem_lines, stack_problem, unknown,
        },
        status_report::ReportedUsers,
    },
    screen::{Verbosity, counted, few, grouped, table, wrapped},
    shell::quoted,
};

/// How many accounts a line about a problem names.
const NAMED: usize = 4;

/// How many accounts an organization may have before the screen shows only those that are not in order.
const SMALL_ORGANIZATION: usize = 20;

/// The state as text for people.
#[must_use]
pub fn text(status: &OrganizationStatus, users: ReportedUsers, detail: Verbosity) -> String {
    let OrganizationStatus { name, account, region, stack, .. } = status;
    let is_long_shown = users == ReportedUsers::Everyone;
    let screen = OrganizationScreen { status, is_long_shown, accounts: status.accounts() };
    let mut text = format!("{name}, administered by account {account}, {region}: {}\n", stack.status);
    text += &screen.problems();
    text.push('\n');
    text += &fact_lines(screen.facts());
    text += &screen.members();
    if detail == Verbosity::Full {
        text += &outputs_text(stack);
    }
    text.push('\n');
    text += &screen.next_command();
    text
}

struct OrganizationScreen<'s> {
    status: &'s OrganizationStatus,
    is_long_shown: bool,
    accounts: Vec<MemberStatus>,
}

impl OrganizationScreen<'_> {
    fn number(&self, condition: MemberCondition) -> usize {
        self.accounts.iter().filter(|member| member.condition() == condition).count()
    }

    /// The line of problems, and a line of its own for a configuration that is not deployed.
    fn problems(&self) -> String {
        let OrganizationStatus { stack, alarms, members, log, .. } = self.status;
        let mut problems = Vec::from_iter(stack_problem(stack));
        if members.is_err() {
            problems.push("the state of the accounts is unknown".to_owned());
        }
        if log.is_err() {
            problems.push("the runs and alarms of the accounts are unknown".to_owned());
        }
        let number = |condition| self.number(condition);
        let users = number(MemberCondition::UsersNotInOrder);
        for (number, one, many) in [
            (number(MemberCondition::NotUpToDate), "is not up to date", "are not up to date"),
            (users, "has users that are not in order", "have users that are not in order"),
            (number(MemberCondition::Alarm), "has an alarm", "have alarms"),
        ] {
            if number > 0 {
                problems.push(format!("{} {}", counted(number, "account"), if number == 1 { one } else { many }));
            }
        }
        let in_alarm = alarms.iter().flatten().filter(|alarm| alarm.state == AlarmState::Alarm).count();
        if in_alarm > 0 {
            problems.push(format!("{} of the administering account in the state ALARM", counted(in_alarm, "alarm")));
        }
        problem_lines(problems, self.status.topics(), self.status.configuration.as_ref())
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let OrganizationStatus { name, configuration, alarms, members, log, .. } = self.status;
        let mut facts = Vec::new();
        facts.extend(configuration.as_ref().and_then(configuration_text).map(|text| ("Configuration", text)));
        facts.push(("Accounts", members.as_ref().map_or_else(unknown, |_| self.counts())));
        if let Err(problem) = log {
            facts.push(("Runs", unknown(problem)));
        }
        facts.push(("Alarms", alarms.as_ref().map_or_else(unknown, |alarms| alarms_text(alarms, name))));
        facts.extend(mail_facts(self.status.topics(), self.is_long_shown));
        facts
    }

    /// How many accounts are in which condition.
    fn counts(&self) -> String {
        let word = |condition| match condition {
            MemberCondition::NotUpToDate => "not up to date",
            MemberCondition::UsersNotInOrder => "with users not in order",
            MemberCondition::Alarm => "with an alarm",
            MemberCondition::InProgress => "in progress",
            MemberCondition::NoRun => "without a run yet",
            MemberCondition::Suspended => "suspended",
            MemberCondition::InOrder => "in order",
        };
        let parts = MemberCondition::ALL.into_iter().map(|condition| (self.number(condition), condition));
        let parts = parts.filter(|(number, condition)| *number > 0 || *condition == MemberCondition::InOrder);
        let parts: Vec<_> = parts.map(|(number, condition)| format!("{number} {}", word(condition))).collect();
        format!("{}: {}", self.accounts.len(), parts.join(", "))
    }

    /// The table of accounts, and below it what a person must know about those that are not in order.
    fn members(&self) -> String {
        let not_in_order = self.accounts.iter().filter(|member| member.condition() != MemberCondition::InOrder).count();
        let is_long = self.accounts.len() > SMALL_ORGANIZATION && !self.is_long_shown;
        let shown = if is_long { not_in_order.min(SHOWN) } else { self.accounts.len() };
        let shown = &self.accounts[..shown];
        let mut text = String::new();
        if !shown.is_empty() {
            let without_stack = if self.status.members.is_ok() { "no StackSet" } else { "unknown" };
            text += &format!("\n{}", member_table(shown, without_stack));
        }
        if is_long {
            let others = match (not_in_order - shown.len(), self.accounts.len() - not_in_order) {
                (0, in_order) => format!("{} in order", counted(in_order, "account")),
                (more, in_order) => format!("{} not in order, {in_order} in order", counted(more, "other account")),
            };
            text += &format!("\n{others}. All of them: {}\n", make("status ALL=1"));
        }
        let details = self.details(shown);
        if details.is_empty() { text } else { format!("{text}\n{}", details.concat()) }
    }

    /// What is wrong with these accounts. Those with the same problem are named together.
    fn details(&self, members: &[MemberStatus]) -> Vec<String> {
        let mut problems = Vec::new();
        for MemberStatus { account, stack, alarms, last_run } in members {
            let mut add = |text: String| problems.push((text, account.clone()));
            if let Some(stack) = stack {
                let cause = stack.cause().map(|cause| cause.to_string());
                cause.or_else(|| state_text(stack.state).map(str::to_owned)).into_iter().for_each(&mut add);
            }
            let of_users = last_run.as_ref().map(|run| run.counts.problems()).unwrap_or_default();
            if !of_users.is_empty() {
                add(format!("last run: {}", of_users.join(", ")));
            }
            if !alarms.is_empty() {
                let prefix = format!("{}{MEMBER}-", self.status.name);
                let names: Vec<_> = alarms.iter().map(|name| name.strip_prefix(&prefix).unwrap_or(name)).collect();
                add(format!("ALARM: {}", names.join(", ")));
            }
        }
        let detail = |(text, accounts): (String, Vec<String>)| {
            let mut lines = text.lines();
            let first = format!("{}: {}", few(&accounts, NAMED), lines.next().unwrap_or_default());
            lines.fold(wrapped("! ", &first), |text, line| text + &wrapped("  ", line))
        };
        grouped(problems).into_iter().map(detail).collect()
    }

    /// The command that helps most.
    fn next_command(&self) -> String {
        let OrganizationStatus { name, stack, configuration, .. } = self.status;
        let needs_operation =
            |member: &MemberStatus| member.stack.as_ref().is_some_and(|stack| stack.state.needs_another_operation());
        let users = self.accounts.iter().find(|member| member.condition() == MemberCondition::UsersNotInOrder);
        if let StackState::Stuck(remedy) = StackState::of(Some(&stack.status)) {
            format!("Next: {}\n", remedy.for_stack(name))
        } else if self.accounts.iter().any(needs_operation) {
            format!("Next, to bring these accounts up to date: {}\n", make("deploy"))
        } else if let Some(next) = next_for_mail_or_configuration(self.status.topics(), configuration.as_ref()) {
            next
        } else if let Some(MemberStatus { account, .. }) = users {
            let log = quoted(&format!("/aws/lambda/{name}{MEMBER}"));
            let region = &self.status.region;
            format!(
                "Next, in the account {account}, to see its log: aws logs tail {log} --since 2d --region {region}\n"
            )
        } else {
            let publisher = format!("/aws/lambda/{}", self.status.publisher.as_deref().unwrap_or(name));
            format!(
                "Next, to see what the members report: {}\n",
                aws(&format!("logs tail {} --since 2d", quoted(&publisher)))
            )
        }
    }
}

/// What a state means that has no reason of AWS. `None` if the table says enough.
const fn state_text(state: MemberState) -> Option<&'static str> {
    match state {
        MemberState::Inoperable => {
            Some("a deletion failed, so StackSets no longer changes the stack. To remove it, see docs/organization.md")
        }
        MemberState::Failed => Some("the last operation failed, and AWS gives no reason"),
        MemberState::Cancelled => Some("the last operation ended before it reached the account"),
        MemberState::Outdated => Some("the stack does not have the template that was deployed last"),
        MemberState::Suspended => Some("the account is suspended, so no run rotates its keys"),
        MemberState::Pending | MemberState::Running | MemberState::Current => None,
    }
}

/// The table of accounts. `without_stack` is the state of an account that has no known stack.
fn member_table(members: &[MemberStatus], without_stack: &str) -> String {
    let number = |number: usize| if number == 0 { "-".to_owned() } else { number.to_string() };
    let row = |member: &MemberStatus| {
        let MemberStatus { account, stack, last_run, alarms } = member;
        let counts = last_run.as_ref().map(|run| run.counts);
        let of = |part: fn(&RunCounts) -> usize| counts.as_ref().map_or("-".to_owned(), |counts| number(part(counts)));
        let mark = if member.condition().is_problem() { "!" } else { " " };
        [
            format!("{mark} {account}"),
            stack.as_ref().map_or(without_stack, |stack| stack.state.as_str()).to_owned(),
            last_run.as_ref().map_or("none".to_owned(), |run| run.at.to_minute()),
            of(|counts| counts.users),
            of(|counts| counts.overdue),
            of(|counts| counts.failed),
            of(|counts| counts.needs_attention),
            number(alarms.len()),
        ]
    };
    let header =
        ["  ACCOUNT", "STACK", "LAST RUN", "USERS", "OVERDUE", "FAILED", "ATTENTION", "ALARMS"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(header).chain(members.iter().map(row)).collect();
    table(&rows)
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use serde_json::json;

    use super::*;
    use crate::{
        deploy::{
            aws::AwsError,
            local_configuration::ConfigurationComparison,
            organization_status::tests::{in_order, member, raised, ran},
            stack_status::StackStatus,
            status_report::tests::topic,
            subscriptions::{StackTopic, SubscriptionState},
        },
        screen::WIDTH,
    };

    const CAUSE: &str = "ResourceLogicalId:Function, ResourceType:AWS::Lambda::Function, ResourceStatusReason:Resource handler \
                         returned message: \"Function already exist: keys (Service: Lambda, Status Code: 409)\" \
                         (HandlerErrorCode: AlreadyExists).";

    /// An organization of this many accounts with many problems.
    fn troubled(accounts: usize) -> OrganizationStatus {
        let mut status = in_order(accounts);
        let (Ok(members), Ok(log)) = (&mut status.members, &mut status.log) else { unreachable!() };
        for (number, state, reason) in [
            (3, MemberState::Failed, Some(CAUSE)),
            (5, MemberState::Failed, Some(CAUSE)),
            (6, MemberState::Cancelled, Some("Cancelled since failure tolerance has exceeded")),
            (7, MemberState::Outdated, None),
            (8, MemberState::Inoperable, None),
            (9, MemberState::Suspended, None),
            (10, MemberState::Running, None),
        ] {
            members[number - 1] = member(number, state, reason);
        }
        members.push(member(accounts + 1, MemberState::Current, None));
        ran(log, 1, &json!({ "users": 50, "overdue": 3, "failed": 1, "needsAttention": 12 }));
        ran(log, 2, &json!({ "users": 5000, "overdue": 1 }));
        raised(log, 2, "keys-member-overdue-keys");
        raised(log, 4, "keys-member-users-failed");
        raised(log, 4, "keys-member-missed-runs");
        status.stack.status = StackStatus::new("UPDATE_ROLLBACK_COMPLETE");
        if let Some(configuration) = &mut status.configuration {
            configuration.comparison = ConfigurationComparison::Differs;
        }
        let pending =
            [("ops@example.com", SubscriptionState::Gone), ("security@example.com", SubscriptionState::Pending)];
        status.subscriptions = Ok(topic(StackTopic::Notices, &pending));
        status
    }

    /// An organization of 1,000 accounts, of which 40 are not in order.
    fn large() -> OrganizationStatus {
        let mut status = in_order(1_000);
        let (Ok(members), Ok(log)) = (&mut status.members, &mut status.log) else { unreachable!() };
        for number in (1..=1_000).step_by(25) {
            match number % 4 {
                1 => members[number - 1] = member(number, MemberState::Failed, Some(CAUSE)),
                2 => ran(log, number, &json!({ "users": 50, "overdue": 1 })),
                3 => ran(log, number, &json!({ "users": 50, "failed": 2 })),
                _ => raised(log, number, "keys-member-users-failed"),
            }
        }
        status
    }

    fn assert_width(text: &str) {
        for line in text.lines().filter(|line| !["make ", "aws "].iter().any(|copied| line.contains(copied))) {
            assert!(line.chars().count() <= WIDTH, "{} columns: {line}", line.chars().count());
        }
    }

    #[test]
    fn the_screens_are_the_golden_files() {
        let (few, all) = (ReportedUsers::Due, ReportedUsers::Everyone);
        let text = |status: &OrganizationStatus, users| text(status, users, Verbosity::Brief);
        expect_file!["../../tests/golden/organization-in-order.txt"].assert_eq(&text(&in_order(4), few));
        expect_file!["../../tests/golden/organization-problems.txt"].assert_eq(&text(&troubled(12), few));
        expect_file!["../../tests/golden/organization-1000-accounts.txt"].assert_eq(&text(&large(), few));
        for status in [in_order(4), troubled(12), large()] {
            for users in [few, all] {
                assert_width(&text(&status, users));
            }
        }
        let everyone = text(&large(), all);
        assert!(large().accounts().iter().all(|member| everyone.contains(&member.account)));
    }

    #[test]
    fn what_could_not_be_read_does_not_hide_the_rest() {
        let denied = AwsError::Denied { doing: "look".into(), message: "cloudformation:ListStackInstances".into() };
        let without_members = OrganizationStatus { members: Err(denied.clone()), ..troubled(12) };
        let without_log = OrganizationStatus { log: Err(denied), ..troubled(12) };
        for (status, says) in [
            (
                without_members,
                ["the state of the accounts is unknown", "ALARM: missed-runs, users-failed", "111100000001 unknown"],
            ),
            (without_log, ["the runs and alarms of the accounts are unknown", "Function already exist", "cancelled"]),
        ] {
            let text = text(&status, ReportedUsers::Due, Verbosity::Brief);
            assert_width(&text);
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for says in says {
                assert!(words.contains(says), "{says}: {text}");
            }
        }
    }
}
