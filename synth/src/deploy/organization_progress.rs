//! The progress of a deployment to the accounts of an organization, calculated from the operation of its StackSet.

use std::collections::BTreeMap;

use crate::{
    deploy::{
        member_operation::{AccountPhase, AccountResult, MemberOperation, OperationPhase},
        member_stack::{MemberStack, member_cause},
        root_cause::RootCause,
    },
    screen::{COMMAND, counted, few, wrapped},
};

/// The most accounts in progress that a line names.
const NAMED: usize = 2;

/// A large operation is reported in this many parts: one line for each tenth of its accounts.
const PARTS: usize = 10;

/// What an operation does with the members' stacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollout {
    /// It creates or updates them.
    Deployment,
    /// It deletes them.
    Deletion,
}

/// The reason of a failure that AWS does not explain.
const NO_REASON: &str = "AWS gives no reason";

/// The progress of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationProgress {
    operation: MemberOperation,
    /// The number of accounts that the operation was seen to have.
    total: usize,
    accounts: BTreeMap<String, AccountResult>,
}

/// What is new about an operation since the last poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrganizationUpdate {
    /// The operation ended in this account.
    Account {
        /// What it did there.
        result: AccountResult,
        /// The number of accounts in which it succeeded or failed, and of all.
        count: (usize, usize),
    },
    /// Another tenth of the accounts is done.
    Part {
        /// The number of accounts in which it has ended, and of all.
        count: (usize, usize),
        /// The number of accounts in which it failed.
        failed: usize,
    },
}

/// An account in which an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAccount {
    /// The number of the account, 12 digits.
    pub account: String,
    /// Why it failed.
    pub cause: RootCause,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationOutcome {
    /// How the operation as a whole ended.
    pub phase: OperationPhase,
    /// The number of accounts in which it succeeded.
    pub succeeded: usize,
    /// The accounts in which it failed, by number.
    pub failed: Vec<FailedAccount>,
    /// The number of accounts in which it was not begun.
    pub not_begun: usize,
}

impl From<&MemberStack> for FailedAccount {
    fn from(member: &MemberStack) -> Self {
        Self { account: member.account.clone(), cause: member.cause().unwrap_or_else(|| member_cause(NO_REASON)) }
    }
}

impl OrganizationProgress {
    /// The progress of an operation before its first result.
    #[must_use]
    pub fn of(operation: MemberOperation) -> Self {
        Self { operation, total: 0, accounts: BTreeMap::new() }
    }

    /// The id of the operation.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.operation.id
    }

    /// Adds the operation as it is now and the results of its accounts. Returns what is new.
    pub fn learn(&mut self, operation: MemberOperation, results: Vec<AccountResult>) -> Vec<OrganizationUpdate> {
        let before = self.done();
        self.operation = operation;
        let mut ended = Vec::new();
        for result in results {
            let known = self.accounts.insert(result.account.clone(), result.clone());
            if result.phase.has_ended() && known.is_none_or(|known| known.phase != result.phase) {
                ended.push(result);
            }
        }
        self.total = self.total.max(self.accounts.len());
        let count = (self.done(), self.total);
        let mut news: Vec<_> = ended.into_iter().map(|result| OrganizationUpdate::Account { result, count }).collect();
        let part = |done: usize| (done * PARTS).checked_div(self.total).unwrap_or_default();
        if part(self.done()) > part(before) {
            news.push(OrganizationUpdate::Part { count, failed: self.number(AccountPhase::Failed) });
        }
        news
    }

    fn number(&self, phase: AccountPhase) -> usize {
        self.accounts.values().filter(|result| result.phase == phase).count()
    }

    fn done(&self) -> usize {
        self.number(AccountPhase::Succeeded) + self.number(AccountPhase::Failed)
    }

    /// The progress in one line of text.
    #[must_use]
    pub fn summary(&self) -> String {
        if self.operation.phase == OperationPhase::Queued {
            return "the accounts wait for another operation of the StackSet".to_owned();
        }
        let failed = self.number(AccountPhase::Failed);
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let running = self.accounts.values().filter(|result| result.phase == AccountPhase::Running);
        let running: Vec<_> = running.map(|result| result.account.clone()).collect();
        let running = if running.is_empty() { String::new() } else { format!(": {}", few(&running, NAMED)) };
        format!("{} of {} ended{failed}{running}", self.done(), counted(self.total, "account"))
    }

    /// How the operation ended. `None` while it is in progress.
    #[must_use]
    pub fn outcome(&self) -> Option<OrganizationOutcome> {
        let failed = self.accounts.values().filter(|result| result.phase == AccountPhase::Failed);
        self.operation.phase.has_ended().then(|| OrganizationOutcome {
            phase: self.operation.phase,
            succeeded: self.number(AccountPhase::Succeeded),
            failed: failed
                .map(|result| FailedAccount {
                    account: result.account.clone(),
                    cause: member_cause(result.reason.as_deref().unwrap_or(NO_REASON)),
                })
                .collect(),
            not_begun: self.accounts.values().filter(|result| !result.phase.has_ended()).count()
                + self.number(AccountPhase::Cancelled),
        })
    }
}

impl OrganizationUpdate {
    /// The update as a line for people. Accounts in which the operation succeeded have none: there may be a thousand.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Account { result, count: (done, total) } if result.phase == AccountPhase::Failed => {
                let cause = member_cause(result.reason.as_deref().unwrap_or(NO_REASON));
                // The end of the operation has the advice, once for each cause.
                let cause = RootCause { advice: None, ..cause };
                let count = format!("{done}/{total}");
                Some(format!("  {count:>9}  failed  {}\n{}", result.account, indented(&cause)))
            }
            Self::Account { .. } => None,
            Self::Part { count: (done, total), failed } => {
                let count = format!("{done}/{total}");
                let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
                Some(format!("  {count:>9}  accounts ended{failed}\n"))
            }
        }
    }
}

impl OrganizationOutcome {
    /// Whether every account has what was deployed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.phase == OperationPhase::Succeeded && self.failed.is_empty() && self.not_begun == 0
    }

    /// What an operation that is not complete left, and what to do next, as text for people. `again` is the command that
    /// continues it.
    #[must_use]
    pub fn text(&self, rollout: Rollout, again: &str) -> String {
        let all = self.succeeded + self.failed.len() + self.not_begun;
        let all = counted(all, "account");
        let (mut first, rest) = match rollout {
            Rollout::Deployment => (format!("{} of {all} up to date", self.succeeded), "are not up to date"),
            Rollout::Deletion => (format!("{} of {all} without a stack", self.succeeded), "still have a stack"),
        };
        if !self.failed.is_empty() {
            first += &format!(", {} failed", self.failed.len());
        }
        if self.not_begun > 0 {
            first += &format!(", {} not begun", self.not_begun);
        }
        first += match self.phase {
            OperationPhase::Failed => ": more accounts failed than the StackSet tolerates, so AWS stopped",
            OperationPhase::Stopped => ": a person stopped the operation",
            _ => "",
        };
        let mut text = wrapped("", &first);
        for (cause, accounts) in self.by_cause() {
            text += &wrapped("  ", &format!("{}:", few(&accounts, FEW)));
            text += &indented(cause);
        }
        let next = if self.failed.is_empty() { "Then" } else { "Remove the causes. Then" };
        text + &format!("{next} run:\n{COMMAND}{again}\nIt continues with the accounts that {rest}.\n")
    }

    /// The failures with the same cause together, the most frequent first. In a large organization, most accounts fail for
    /// the same reason.
    fn by_cause(&self) -> Vec<(&RootCause, Vec<String>)> {
        let mut causes: Vec<(&RootCause, Vec<String>)> = Vec::new();
        for FailedAccount { account, cause } in &self.failed {
            match causes.iter_mut().find(|(known, _)| without_numbers(known) == without_numbers(cause)) {
                Some((_, accounts)) => accounts.push(account.clone()),
                None => causes.push((cause, vec![account.clone()])),
            }
        }
        causes.sort_by_key(|(_, accounts)| std::cmp::Reverse(accounts.len()));
        causes
    }
}

/// The most accounts that a line about a cause names.
const FEW: usize = 5;

/// A cause without what differs between accounts: their numbers and the ids of requests.
fn without_numbers(cause: &RootCause) -> String {
    let text = format!("{} {}", cause.resource, cause.reason);
    let words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 3);
    words.collect::<Vec<_>>().join(" ")
}

/// A cause below the account that it is about.
fn indented(cause: &RootCause) -> String {
    let indent = " ".repeat(4);
    cause.to_string().lines().map(|line| wrapped(&indent, line)).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use lambda::model::time::Timestamp;

    use super::*;
    use crate::screen::WIDTH;

    fn operation(phase: OperationPhase) -> MemberOperation {
        MemberOperation { id: "one".into(), phase, requested: Timestamp::from_unix(0) }
    }

    fn result(number: usize, phase: AccountPhase, reason: Option<&str>) -> AccountResult {
        AccountResult { account: format!("{number:012}"), phase, reason: reason.map(str::to_owned) }
    }

    const CAUSE: &str = "ResourceLogicalId:Function, ResourceType:AWS::Lambda::Function, ResourceStatusReason:Resource handler \
                         returned message: \"Function already exist: access-key-rotation (Service: Lambda, Status Code: 409, \
                         Request ID: 0a1b2c3d-0000-4000-8000-00000000000N)\" (HandlerErrorCode: AlreadyExists).";

    /// What a person reads: each new line, the line that shows the current state, and the end.
    fn shown(progress: &mut OrganizationProgress, steps: Vec<(OperationPhase, Vec<AccountResult>)>) -> String {
        let mut text = String::new();
        for (phase, results) in steps {
            for news in progress.learn(operation(phase), results) {
                text += &news.text().unwrap_or_default();
            }
            text += &format!("  … {}\n", progress.summary());
        }
        if let Some(end) = progress.outcome().filter(|end| !end.is_complete()) {
            text += &format!("\n{}", end.text(Rollout::Deployment, "make deploy"));
        }
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line:?} in\n{text}");
        }
        text
    }

    #[test]
    fn the_screens_are_the_golden_files() {
        let (pending, running, done) = (AccountPhase::Pending, AccountPhase::Running, AccountPhase::Succeeded);
        let accounts =
            |of: &dyn Fn(usize) -> AccountPhase| (1..=40).map(|n| result(n, of(n), None)).collect::<Vec<_>>();
        let steps = vec![
            (OperationPhase::Queued, Vec::new()),
            (OperationPhase::Running, accounts(&|n| if n == 1 { running } else { pending })),
            (OperationPhase::Running, accounts(&|n| if n == 1 { done } else { running })),
            (OperationPhase::Running, accounts(&|n| if n <= 18 { done } else { running })),
            (OperationPhase::Running, accounts(&|n| if n <= 39 { done } else { running })),
            (OperationPhase::Succeeded, accounts(&|_| done)),
        ];
        let mut progress = OrganizationProgress::of(operation(OperationPhase::Queued));
        let text = shown(&mut progress, steps);
        assert!(progress.outcome().is_some_and(|end| end.is_complete()));
        expect_file!["../../tests/golden/organization-in-progress.txt"].assert_eq(&text);

        let failing = |n: usize| match n {
            3 | 5 | 9 => result(n, AccountPhase::Failed, Some(&CAUSE.replace('N', &n.to_string()))),
            7 => result(
                n,
                AccountPhase::Failed,
                Some(
                    "Account 000000000007 should have 'stacksets-exec-1f2e' role with trust relationship to CloudFormation service.",
                ),
            ),
            1..10 => result(n, done, None),
            _ => result(n, AccountPhase::Cancelled, Some("Cancelled since failure tolerance has exceeded")),
        };
        let begun = |n: usize| if n < 10 { result(n, running, None) } else { result(n, pending, None) };
        let steps = vec![
            (OperationPhase::Running, (1..=40).map(begun).collect()),
            (OperationPhase::Failed, (1..=40).map(failing).collect()),
        ];
        let mut progress = OrganizationProgress::of(operation(OperationPhase::Running));
        let text = shown(&mut progress, steps);
        expect_file!["../../tests/golden/organization-failed.txt"].assert_eq(&text);
    }

    #[test]
    fn an_account_is_reported_once_for_each_end() {
        let mut progress = OrganizationProgress::of(operation(OperationPhase::Running));
        let failed = result(1, AccountPhase::Failed, Some("no"));
        let running = result(2, AccountPhase::Running, None);
        let accounts = |news: Vec<OrganizationUpdate>| {
            news.iter().filter(|news| matches!(news, OrganizationUpdate::Account { .. })).count()
        };
        let results = vec![failed.clone(), running];
        assert_eq!(accounts(progress.learn(operation(OperationPhase::Running), results.clone())), 1);
        assert_eq!(accounts(progress.learn(operation(OperationPhase::Running), results)), 0);
        // A page of the results may be missing.
        let rest = vec![result(2, AccountPhase::Succeeded, None)];
        assert_eq!(accounts(progress.learn(operation(OperationPhase::Succeeded), rest)), 1);
        let end = progress.outcome().unwrap();
        assert_eq!((end.succeeded, end.failed.len(), end.not_begun), (1, 1, 0));
        assert!(!end.is_complete(), "within the tolerance, a failed account is still not up to date");
        assert_eq!(end.failed[0].cause.reason, "no");
    }

    #[test]
    fn an_operation_without_accounts_is_complete() {
        let mut progress = OrganizationProgress::of(operation(OperationPhase::Running));
        assert_eq!(progress.learn(operation(OperationPhase::Succeeded), Vec::new()), []);
        assert!(progress.outcome().is_some_and(|end| end.is_complete()));
    }
}
