//! templates/README.md: each generated template as a page that people read before they approve it. Pure.

use lambda::{
    model::time::Span,
    protocol::policy::{DeleteAfter, Delivery, MaxWait, StillInUse},
};
use serde_json::Value as Json;

use crate::{
    cfn::{
        Value, json,
        view::{Statement, View, reasons, text},
    },
    config::Config,
    docs::{
        explain::{Permission, explain},
        graph,
    },
    limits::{Measure, measures},
};

/// One template, and where it comes from.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// The template's file, as seen from the page.
    pub file: &'a str,
    /// What it is generated from.
    pub origin: Origin<'a>,
    /// What that generates.
    pub template: &'a Value,
    /// The template as it is deployed.
    pub document: &'a str,
}

/// What a template is generated from.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    /// What a user wants.
    Configuration {
        /// The configuration's file, as seen from the page.
        file: &'a str,
        /// The configuration.
        config: &'a Config,
    },
    /// Nothing but synth: it has no settings.
    Synth {
        /// The name of its stack.
        stack_name: &'a str,
    },
}

impl Origin<'_> {
    fn stack_name(&self) -> &str {
        match self {
            Self::Configuration { config, .. } => config.stack_name.as_str(),
            Self::Synth { stack_name } => stack_name,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Configuration { file, .. } => link(file),
            Self::Synth { .. } => "`synth` alone".into(),
        }
    }
}

/// The page.
#[must_use]
pub fn page(sheets: &[Sheet<'_>]) -> String {
    let mut out = String::from(
        "# The generated templates\n\nWhat each template makes in an account, and why. Written by `make synth` from the \
         configurations; edit those.\n",
    );
    out += &table(
        &["template", "from", "users", "looks", "delivers by", "size"],
        sheets.iter().map(|sheet| {
            let title = anchor(sheet.file);
            let [users, looks, delivers_by] = match sheet.origin {
                Origin::Configuration { config, .. } => {
                    [config.choice(), code(config.schedule.as_str()), config.policy.delivery.to_string()]
                }
                Origin::Synth { .. } => ["–"; 3].map(str::to_owned),
            };
            vec![
                format!("[{}](#{title})", sheet.file),
                sheet.origin.shown(),
                users,
                looks,
                delivers_by,
                format!("{} bytes", thousands(sheet.document.len())),
            ]
        }),
    );
    out + &sheets.iter().map(Sheet::section).collect::<String>()
}

impl Sheet<'_> {
    fn section(&self) -> String {
        let canonical = json::to_json(self.template);
        let mut out = format!("\n## {}\n\n", self.file);
        out += &format!(
            "[The template]({}), from {}. {}\n",
            self.file,
            self.origin.shown(),
            text(&canonical["Description"])
        );
        if let Origin::Configuration { config, .. } = self.origin {
            out += "\n### The life of one key\n";
            out += &life(config);
        }
        out += "\n### How it fits together\n\n";
        out += &format!("```mermaid\n{}```\n", graph::mermaid(&canonical));
        out += "\n### What it makes\n";
        out += &self.resources(&canonical);
        let permissions = self.permissions();
        if !permissions.is_empty() {
            out += &format!("\n### What it may do\n{permissions}");
        }
        let policies = self.resource_policies(&canonical);
        if !policies.is_empty() {
            out += &format!("\n### What its policies say\n{policies}");
        }
        out += "\n### Parameters and outputs\n";
        out += &names(&canonical);
        out += "\n### Its size\n";
        out + &self.size(&canonical)
    }

    fn resources(&self, canonical: &Json) -> String {
        let why = reasons(self.template);
        table(
            &["resource", "type", "why"],
            View(canonical).resources().map(|resource| {
                let why = why.get(&format!("/Resources/{}", resource.id)).copied().unwrap_or_default();
                vec![code(resource.id), resource.kind.to_owned(), why.to_owned()]
            }),
        )
    }

    fn permissions(&self) -> String {
        let explanation = explain(self.template);
        let mut out = String::new();
        for trust in &explanation.roles {
            let limits = only_if(", ", &trust.conditions);
            out +=
                &format!("\n{}: {} Assumed by {}{limits}.\n", code(&trust.role), trust.why, trust.services.join(", "));
            let statements = explanation.permissions.iter().filter(|permission| permission.role == trust.role);
            let row = |permission: &Permission| {
                let actions: Vec<_> = permission.actions.iter().map(|(action, _)| action.clone()).collect();
                let conditions = only_if("<br>", &permission.conditions);
                vec![
                    permission.sid.clone(),
                    lines(&actions),
                    lines(&permission.resources) + &conditions,
                    permission.why.clone(),
                ]
            };
            out += &table(&["statement", "may", "on", "why"], statements.map(row));
        }
        out
    }

    fn resource_policies(&self, canonical: &Json) -> String {
        let why = reasons(self.template);
        let mut out = String::new();
        for (policy, statements) in View(canonical).resource_policies() {
            out += &format!("\n{}\n", code(policy.id));
            let row = |statement: &Statement<'_>| {
                let principal = text(&statement.body["Principal"]);
                vec![
                    statement.sid().to_owned(),
                    if statement.allows() { "allows" } else { "denies" }.to_owned(),
                    if principal == "*" { "everybody".to_owned() } else { code(&principal) },
                    lines(&statement.texts("Action")),
                    lines(&statement.texts("Resource")) + &only_if("<br>", &statement.conditions()),
                    why.get(&statement.pointer).copied().unwrap_or_default().to_owned(),
                ]
            };
            out += &table(&["statement", "it", "whom", "what", "on", "why"], statements.iter().map(row));
        }
        out
    }

    fn size(&self, canonical: &Json) -> String {
        let all = measures(canonical, self.document, Some(self.origin.stack_name()));
        // Of the counts, the resources' says enough.
        let shown = all.iter().filter(|measure| measure.unit != "entries" || measure.what == "Resources");
        let row = |m: &Measure| {
            let share = m.size * 100 / m.limit.max(1);
            vec![m.what.clone(), thousands(m.size), format!("{} {}", thousands(m.limit), m.unit), format!("{share} %")]
        };
        table(&["of", "is", "may be", "used"], shown.map(row))
    }
}

fn life(config: &Config) -> String {
    let policy = &config.policy;
    let (handed_over, mail) = match policy.delivery {
        Delivery::SecretsManager => ("stored in Secrets Manager", "a mail says so"),
        Delivery::Email => ("mailed", "the secret is in the mail"),
        Delivery::EmailEncrypted => ("mailed", "the secret is in the mail, encrypted to its reader's key"),
    };
    let retired = policy.rotate_after + policy.overlap;
    let mut rows = vec![vec!["0".into(), "created".into(), String::new()]];
    if policy.warn_before > Span::ZERO {
        let warned = policy.rotate_after.less(policy.warn_before);
        rows.push(vec![warned.to_string(), "works; a mail says that it will be replaced".into(), String::new()]);
    }
    rows.extend([vec![
        policy.rotate_after.to_string(),
        if policy.overlap == Span::ZERO { "works until the other is delivered" } else { "works on" }.into(),
        format!("created, tried three times, {handed_over}; {mail}"),
    ]]);
    let patience = match (policy.still_in_use, policy.wait_at_most) {
        (StillInUse::Retire, _) => "deactivated, in use or not".to_owned(),
        (StillInUse::Wait, MaxWait::Forever) => {
            format!(
                "deactivated once it was left alone for {}; until then each run says by what it is used",
                policy.required_idle_time()
            )
        }
        (StillInUse::Wait, MaxWait::AtMost(span)) => {
            format!(
                "deactivated once it was left alone for {}, at {} at the latest",
                policy.required_idle_time(),
                retired + span
            )
        }
    };
    rows.push(vec![retired.to_string(), patience, "works".into()]);
    match policy.delete_after {
        DeleteAfter::Window(window) if window == Span::ZERO => {
            rows.push(vec![retired.to_string(), "deleted".into(), "works".into()]);
        }
        DeleteAfter::Window(window) => {
            let row = vec![
                (retired + window).to_string(),
                "deleted; until shortly before, `make undo` reactivates it".into(),
                "works".into(),
            ];
            rows.push(row);
        }
        DeleteAfter::NextRotation => {
            rows.push(vec!["later".into(), "deleted when the next rotation needs its place".into(), "is due".into()]);
        }
    }
    let looks = format!(
        "\nThe handler looks at {} ({}), so each step comes with the first run after its time.\n",
        code(config.schedule.as_str()),
        config.time_zone.as_str()
    );
    table(&["age", "the key", "its successor"], rows) + &looks
}

fn names(canonical: &Json) -> String {
    let rows = ["Parameters", "Outputs"].into_iter().flat_map(|section| {
        let kind = section.trim_end_matches('s').to_lowercase();
        View(canonical)
            .section(section)
            .map(move |(name, body)| vec![code(name), kind.clone(), text(&body["Description"])])
    });
    table(&["name", "is", "what"], rows)
}

fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| {
        format!("| {} |\n", cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | "))
    };
    let head: Vec<_> = head.iter().map(|&cell| cell.to_owned()).collect();
    let mut out = format!("\n{}|{}\n", line(&head), "---|".repeat(head.len()));
    rows.into_iter().for_each(|row| out += &line(&row));
    out
}

fn only_if(before: &str, conditions: &[String]) -> String {
    conditions.iter().map(|condition| format!("{before}only if {}", code(condition))).collect::<Vec<_>>().concat()
}

fn lines(list: &[String]) -> String {
    list.iter().map(|line| code(line)).collect::<Vec<_>>().join("<br>")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn link(file: &str) -> String {
    format!("[{}]({file})", file.trim_start_matches("../"))
}

/// The anchor that a heading has on GitHub.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// 10240 as 10,240.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let groups = (first..digits.len()).step_by(3).map(|at| &digits[at..at + 3]);
    let first = (first > 0).then(|| &digits[..first]);
    first.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, shown) in [(0, "0"), (128, "128"), (1_000, "1,000"), (51_200, "51,200"), (1_000_000, "1,000,000")]
        {
            assert_eq!(thousands(number), shown);
        }
    }
}
