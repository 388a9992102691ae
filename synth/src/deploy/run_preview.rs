//! What a run of a configuration would do, as text for people and as JSON for programs.

use serde_json::{Value as Json, json};

use crate::{
    deploy::{
        command_line::make,
        received_report::ReceivedReport,
        rotation_plan::RotationPlan,
        run_screen::{LONG, RunScreen, ScreenUsers},
        user_outlook::{OutlookKind, UserOutlook},
    },
    diff::render::Consequence,
    screen::{counted, prose, shortened, wrapped},
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
    /// How many keys the next run changes as long as the stack is not changed. `None` if it is unknown, or the same.
    pub keys_before: Option<usize>,
}

impl RunPreview {
    /// The preview as text for people, with these users.
    #[must_use]
    pub fn text(&self, users: ScreenUsers) -> String {
        let Self { stack, account, region, report, .. } = self;
        let mut text =
            format!("{stack}, account {account}, {region}: what a run would do now with this configuration\n\n");
        text += &RunScreen { users, ..RunScreen::default() }.text(report);
        text.extend(self.plan.as_ref().map(RotationPlan::text));
        if !report.unconfirmed().is_empty() {
            let addresses = shortened(report.unconfirmed(), NAMED);
            text +=
                &wrapped("", &format!("Not confirmed yet: {addresses}. The preview assumes that they have confirmed."));
        }
        text
    }

    /// The next command after a preview with these users.
    #[must_use]
    pub fn next_command(&self, users: ScreenUsers) -> String {
        let mut text = "Nothing was changed.".to_owned();
        if users != ScreenUsers::All && self.report.users().len() > LONG {
            text += &format!(" To see every user: {}\n", make("preview ALL=1"));
        } else {
            text += " ";
        }
        let (says, target) = if self.report.is_fine() {
            ("To deploy this configuration", "deploy")
        } else {
            ("After the correction", "preview")
        };
        prose(&format!("{text}{says}: {}", make(target)))
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
        let change = if self.keys() == 1 { "changes" } else { "change" };
        let mut text = format!("next run: {} {change}", counted(self.keys(), "key"));
        text += &self.keys_before.map_or(String::new(), |before| format!(" (before: {before})"));
        if !changed.is_empty() {
            text += &format!(": {}", shortened(&changed, NAMED));
        }
        all.push(Consequence::plain(text));
        all
    }

    /// How many keys the run creates, deactivates, activates or deletes.
    #[must_use]
    pub fn keys(&self) -> usize {
        let counts = self.report.counts();
        counts.rotated + counts.deactivated + counts.reactivated + counts.deleted
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
    use expect_test::expect_file;
    use lambda::model::time::Span;

    use super::*;
    use crate::deploy::run_screen::tests::{fleet, report, troubled, users_in_order};

    fn run_preview(report: ReceivedReport) -> RunPreview {
        RunPreview {
            stack: "keys".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            selected: report.selected(),
            report,
            users: Vec::new(),
            plan: None,
            keys_before: None,
        }
    }

    #[test]
    fn the_screens_are_the_golden_files() {
        let in_order = run_preview(report(true, &users_in_order(true), &json!({})));
        let unconfirmed = json!({ "unconfirmed": ["security@example.com", "dev@example.com"] });
        let problems = run_preview(report(true, &troubled(true), &unconfirmed));
        let shown = |preview: &RunPreview| preview.text(ScreenUsers::First) + &preview.next_command(ScreenUsers::First);
        let mut many = run_preview(fleet(true));
        many.plan = RotationPlan::new(20, Span::minutes(2), &"rate(1 day)".parse().unwrap());
        expect_file!["../../tests/golden/preview-in-order.txt"].assert_eq(&shown(&in_order));
        expect_file!["../../tests/golden/preview-problems.txt"].assert_eq(&shown(&problems));
        expect_file!["../../tests/golden/preview-500-users.txt"].assert_eq(&shown(&many));
        let everyone = many.text(ScreenUsers::All);
        assert!(many.report.users().iter().all(|user| everyone.contains(&user.user)), "{everyone}");
    }

    #[test]
    fn the_consequences_name_problems_and_the_users_whose_keys_change() {
        let with = |users: &[(&str, OutlookKind)], changes: usize, keys_before| {
            let users = users.iter().map(|(user, kind)| UserOutlook {
                user: (*user).to_owned(),
                kind: *kind,
                text: "because".to_owned(),
            });
            let done: Json = (0..changes).map(|_| json!({ "change": "delivered", "key": "x" })).collect();
            let report =
                report(true, &json!([{ "user": "a", "result": "changed", "why": "…", "done": done }]), &json!({}));
            let preview = RunPreview { users: users.collect(), keys_before, ..run_preview(report) };
            preview.consequences().into_iter().map(|one| (one.is_marked, one.text)).collect::<Vec<_>>()
        };
        let plain = |text: &str| (false, text.to_owned());
        assert_eq!(
            with(&[("a", OutlookKind::NoKeyChange)], 0, Some(2)),
            [plain("next run: 0 keys change (before: 2)")]
        );
        let kinds = [("a", OutlookKind::NewKey), ("b", OutlookKind::Problem), ("c", OutlookKind::KeyChange)];
        let problem = (true, "the next run cannot handle b: because".to_owned());
        assert_eq!(with(&kinds, 1, None), [problem, plain("next run: 1 key changes: a and c")]);
        let many = with(&[("a", OutlookKind::Problem); 5], 0, None);
        assert_eq!(many[PROBLEMS], (true, "the next run cannot handle 2 other users".to_owned()));
    }

    #[test]
    fn the_json_has_the_report_of_the_dry_run() {
        let preview = run_preview(report(true, &users_in_order(true), &json!({})));
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
