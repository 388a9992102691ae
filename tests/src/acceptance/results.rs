//! The table of a run: what was expected, what AWS did, and how long it took. Pure.

use std::time::Duration;

use serde_json::{Value as Json, json};

/// What a row is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    /// The run fails if AWS did something else.
    Check,
    /// An open question about AWS. Any answer is fine.
    Observation,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// AWS did what was expected, or the question has an answer. Holds what AWS did.
    Done(String),
    /// AWS did something else, or a call failed. Holds what happened.
    Failed(String),
    /// It cannot be seen here. Holds the reason.
    NotShown(String),
    /// An earlier step ended the run.
    NotReached,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) kind: RowKind,
    pub(super) expectation: &'static str,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
}

impl Row {
    /// Whether the row makes the run fail.
    fn is_wrong(&self) -> bool {
        self.kind == RowKind::Check && matches!(self.outcome, Outcome::Failed(_) | Outcome::NotReached)
    }

    fn word(&self) -> &'static str {
        match (&self.outcome, self.kind) {
            (Outcome::Done(_), RowKind::Check) => "ok",
            (Outcome::Done(_), RowKind::Observation) => "seen",
            (Outcome::Failed(_), RowKind::Check) => "FAILED",
            (Outcome::Failed(_), RowKind::Observation) => "unknown",
            (Outcome::NotShown(_), _) => "not shown",
            (Outcome::NotReached, _) => "not reached",
        }
    }

    fn said(&self) -> &str {
        match &self.outcome {
            Outcome::Done(said) | Outcome::Failed(said) | Outcome::NotShown(said) => said,
            Outcome::NotReached => "an earlier step ended the run",
        }
    }

    fn seconds(&self) -> f64 {
        (self.took.as_secs_f64() * 10.0).round() / 10.0
    }
}

/// Everything that a run found out.
#[derive(Debug)]
pub(super) struct Results {
    pub(super) account: String,
    pub(super) region: String,
    /// When the run began, in RFC 3339.
    pub(super) began: String,
    /// Whether AWS itself answered.
    pub(super) is_aws: bool,
    pub(super) rows: Vec<Row>,
    /// What AWS deletes later by itself.
    pub(super) later: Vec<String>,
    /// What could not be deleted, and why.
    pub(super) left: Vec<String>,
}

impl Results {
    /// Whether AWS did what was expected, and nothing is left.
    pub(super) fn are_fine(&self) -> bool {
        self.left.is_empty() && !self.rows.iter().any(Row::is_wrong)
    }

    /// The results as one JSON object.
    pub(super) fn json(&self) -> Json {
        let kind = |kind| if kind == RowKind::Check { "check" } else { "observation" };
        let row = |row: &Row| {
            json!({
                "kind": kind(row.kind),
                "expectation": row.expectation,
                "outcome": row.word().to_lowercase().replace(' ', "-"),
                "did": row.said(),
                "seconds": row.seconds(),
            })
        };
        json!({
            "account": self.account,
            "region": self.region,
            "began": self.began,
            "endpoint": if self.is_aws { "aws" } else { "local" },
            "fine": self.are_fine(),
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "deletedLater": self.later,
            "left": self.left,
        })
    }

    /// The results as a table for people.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{:<11} {:>7}  expectation, and what AWS did\n", "", "time");
        for row in &self.rows {
            text += &format!("{:<11} {:>5.1} s  {}\n", row.word(), row.seconds(), row.expectation);
            for line in wrapped(row.said(), 96) {
                text += &format!("{:<21}  {line}\n", "");
            }
        }
        if !self.later.is_empty() {
            text += &format!("\nAWS deletes later:\n{}", list(&self.later));
        }
        if !self.left.is_empty() {
            text += &format!(
                "\nThis is left. The next run tries to delete it again; or delete it yourself:\n{}",
                list(&self.left)
            );
        }
        let wrong = self.rows.iter().filter(|row| row.is_wrong()).count();
        let checks = self.rows.iter().filter(|row| row.kind == RowKind::Check).count();
        let place = if self.is_aws { "" } else { " This was a local AWS, so it proves nothing about AWS." };
        text += &format!("\n{} of {checks} checks are as expected.{place}\n", checks - wrong);
        text
    }
}

fn list(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  {line}\n")).collect::<Vec<_>>().concat()
}

/// The text in lines of at most this width, unless a word is longer.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: RowKind, outcome: Outcome) -> Row {
        Row { kind, expectation: "It works.", outcome, took: Duration::from_millis(1_240) }
    }

    fn results(rows: Vec<Row>) -> Results {
        Results {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            began: "2026-11-29T00:00:00Z".into(),
            is_aws: true,
            rows,
            later: Vec::new(),
            left: Vec::new(),
        }
    }

    #[test]
    fn only_a_check_makes_a_run_fail() {
        use {
            Outcome::{Done, Failed, NotReached, NotShown},
            RowKind::{Check, Observation},
        };
        let said = || "so".to_owned();
        for (kind, outcome, fine, word) in [
            (Check, Done(said()), true, "ok"),
            (Check, Failed(said()), false, "failed"),
            (Check, NotShown(said()), true, "not-shown"),
            (Check, NotReached, false, "not-reached"),
            (Observation, Done(said()), true, "seen"),
            (Observation, Failed(said()), true, "unknown"),
            (Observation, NotShown(said()), true, "not-shown"),
            (Observation, NotReached, true, "not-reached"),
        ] {
            let results = results(vec![row(kind, outcome.clone())]);
            assert_eq!(results.are_fine(), fine, "{kind:?} {outcome:?}");
            assert_eq!(results.json()["rows"][0]["outcome"], word);
        }
        let left = Results { left: vec!["the stack".into()], ..results(Vec::new()) };
        assert!(!left.are_fine());
    }

    #[test]
    fn the_table_has_each_expectation_what_aws_did_and_the_time() {
        let mut results = results(vec![
            row(RowKind::Check, Outcome::Done("yes, ".repeat(30))),
            row(RowKind::Observation, Outcome::NotReached),
        ]);
        results.later = vec!["the KMS key k".into()];
        results.is_aws = false;
        let text = results.text();
        assert!(text.contains("ok            1.2 s  It works.\n"), "{text}");
        assert!(text.contains("not reached   1.2 s  It works.\n"), "{text}");
        assert!(text.contains("AWS deletes later:\n  the KMS key k\n") && !text.contains("This is left"), "{text}");
        assert!(
            text.ends_with("1 of 1 checks are as expected. This was a local AWS, so it proves nothing about AWS.\n")
        );
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        assert_eq!(results.json()["rows"][0]["seconds"], 1.2);
    }
}
