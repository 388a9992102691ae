//! What a run of a configuration would do, as text for people and as JSON for programs.

use serde_json::{Value as Json, json};

use crate::{
    deploy::{
        received_report::ReceivedReport,
        rotation_plan::RotationPlan,
        user_outlook::{OutlookKind, UserOutlook},
    },
    diff::render::Consequence,
    screen::{counted, shortened},
};

/// The most problems that are shown one by one.
const PROBLEMS: usize = 3;
/// The most users that are named.
const NAMED: usize = 5;

/// What a run would do.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPreview {
    /// The name of the stack.
    pub stack: String,
    /// The number of the account, 12 digits.
    pub account: String,
    /// The code of the Region, such as `eu-central-1`.
    pub region: String,
    /// The report of the dry run. The dry run assumes that every address has confirmed.
    pub report: ReceivedReport,
    /// What the run would do for each user that it handles.
    pub users: Vec<UserOutlook>,
    /// The number of selected users, without those that are exempt. For most of them, nothing may be due.
    pub selected: usize,
    /// How the rotations that are due spread over runs. `None` if one run is enough.
    pub plan: Option<RotationPlan>,
}

impl RunPreview {
    /// The preview as text for people.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { stack, account, region, report, .. } = self;
        let mut text = format!(
            "What a run of {stack} would do now with this configuration, in account {account}, Region {region}\n"
        );
        report.text().lines().for_each(|line| text.push_str(&format!("  {line}\n")));
        if !report.unconfirmed().is_empty() {
            let addresses = report.unconfirmed().join(", ");
            text.push_str(&format!("Not confirmed yet: {addresses}. The preview assumes that they have confirmed.\n"));
        }
        text.extend(self.plan.as_ref().map(RotationPlan::text));
        text + "Nothing was changed.\n"
    }

    /// What the next run does, for a change of a stack. Problems come first.
    #[must_use]
    pub fn consequences(&self) -> Vec<Consequence> {
        let (problems, others): (Vec<_>, Vec<_>) =
            self.users.iter().partition(|user| user.kind == OutlookKind::Problem);
        let shown = problems.iter().take(PROBLEMS);
        let mut all: Vec<_> = shown
            .map(|user| Consequence::marked(format!("the next run cannot handle {}: {}", user.user, user.text)))
            .collect();
        if problems.len() > PROBLEMS {
            let more = counted(problems.len() - PROBLEMS, "other user");
            all.push(Consequence::marked(format!("the next run cannot handle {more}")));
        }
        let changed = others.iter().filter(|user| user.kind.changes_keys());
        let changed: Vec<_> = changed.map(|user| user.user.clone()).collect();
        all.push(Consequence::plain(if changed.is_empty() {
            "the next run changes no key".to_owned()
        } else {
            let users = counted(changed.len(), "user");
            format!("the next run changes the keys of {users}: {}", shortened(&changed, NAMED))
        }));
        all
    }

    /// The preview as JSON for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        json!({
            "stack": { "name": self.stack, "account": self.account, "region": self.region },
            "dryRun": self.report.document,
            "plan": self.plan.as_ref().map(RotationPlan::json),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_preview(unconfirmed: &[&str]) -> RunPreview {
        let report = json!({
            "statusCode": 200,
            "body": "1 user: 1 rotated",
            "dryRun": true,
            "users": [{
                "user": "alice",
                "result": "changed",
                "why": "the old key stays active",
                "found": [{ "id": "AKIA1", "status": "active", "created": "2026-01-01T00:00:00Z" }],
                "done": [{ "change": "created", "key": "KEY_OF_A_DRY_RUN" }],
            }],
            "unconfirmed": unconfirmed,
        });
        RunPreview {
            stack: "keys".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            report: ReceivedReport::read(report).unwrap(),
            users: Vec::new(),
            selected: 1,
            plan: None,
        }
    }

    #[test]
    fn the_text_says_what_would_be_done_and_what_it_assumes() {
        let expected = "\
What a run of keys would do now with this configuration, in account 123456789012, Region eu-west-1
  alice: would change, the old key stays active
      AKIA1 active, created 2026-01-01 00:00 UTC
      would be created: KEY_OF_A_DRY_RUN
  A run would change no key (1 user)
Not confirmed yet: a@example.com, b@example.com. The preview assumes that they have confirmed.
Nothing was changed.
";
        assert_eq!(run_preview(&["b@example.com", "a@example.com"]).text(), expected);
        let sure = run_preview(&[]).text();
        assert_eq!(
            sure,
            expected.lines().filter(|line| !line.starts_with("Not ")).collect::<Vec<_>>().join("\n") + "\n"
        );
    }

    #[test]
    fn the_consequences_name_problems_and_the_users_whose_keys_change() {
        let with = |users: &[(&str, OutlookKind)]| {
            let users = users.iter().map(|(user, kind)| UserOutlook {
                user: (*user).to_owned(),
                kind: *kind,
                text: "because".to_owned(),
            });
            let preview = RunPreview { users: users.collect(), ..run_preview(&[]) };
            preview.consequences().into_iter().map(|one| (one.is_marked, one.text)).collect::<Vec<_>>()
        };
        let plain = |text: &str| (false, text.to_owned());
        assert_eq!(with(&[("a", OutlookKind::NoKeyChange)]), [plain("the next run changes no key")]);
        let found = with(&[("a", OutlookKind::NewKey), ("b", OutlookKind::Problem), ("c", OutlookKind::KeyChange)]);
        let problem = (true, "the next run cannot handle b: because".to_owned());
        assert_eq!(found, [problem, plain("the next run changes the keys of 2 users: a and c")]);
        let many = with(&[("a", OutlookKind::Problem); 5]);
        assert_eq!(many[PROBLEMS], (true, "the next run cannot handle 2 other users".to_owned()));
    }

    #[test]
    fn the_json_has_the_report_of_the_dry_run() {
        let preview = run_preview(&["a@example.com"]);
        assert_eq!(
            preview.json(),
            json!({
                "stack": { "name": "keys", "account": "123456789012", "region": "eu-west-1" },
                "dryRun": preview.report.document,
                "plan": null,
            })
        );
    }
}
