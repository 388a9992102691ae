//! `templates/README.md`: what people read before they approve a generated template. Pure.
//!
//! The first template is shown in full; each other one by what it has instead. So a change shows once in a review.

use lambda::{
    delivery::secret_policy::{self, Readers},
    model::{principal::PrincipalArn, time::Span},
    protocol::policy::{DeleteAfter, Delivery, MaxWait, StillInUse, UnusedAfter},
};
use serde_json::Value as Json;

use crate::{
    cfn::{
        Value, json,
        view::{StatementView, View, reasons, text},
    },
    config::Config,
    docs::graph,
    limits::{Measure, measures},
};

/// One template and its origin.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// The template's file, relative to the page.
    pub file: &'a str,
    /// What it is generated from.
    pub origin: Origin<'a>,
    /// The template.
    pub template: &'a Value,
    /// The template's text as it is deployed.
    pub document: &'a str,
}

/// What a template is generated from.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    /// A configuration.
    Configuration {
        /// The configuration's file, relative to the page.
        file: &'a str,
        /// The configuration.
        config: &'a Config,
    },
    /// A configuration too, but the stack has no handler: it is that of the artifact bucket, or of the administering account.
    WithoutHandler {
        /// The configuration's file, relative to the page.
        file: &'a str,
        /// The name of the stack.
        stack_name: &'a str,
    },
}

impl<'a> Origin<'a> {
    fn stack_name(&self) -> &str {
        match self {
            Self::Configuration { config, .. } => config.stack_name.as_str(),
            Self::WithoutHandler { stack_name, .. } => stack_name,
        }
    }

    const fn config(&self) -> Option<&'a Config> {
        match self {
            Self::Configuration { config, .. } => Some(config),
            Self::WithoutHandler { .. } => None,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Configuration { file, .. } | Self::WithoutHandler { file, .. } => link(file),
        }
    }
}

/// A table of the page. Its first `keys` columns tell its rows apart.
struct Table {
    title: &'static str,
    head: &'static [&'static str],
    keys: usize,
    rows: Vec<Vec<String>>,
}

/// The page.
#[must_use]
pub fn page(sheets: &[Sheet<'_>]) -> String {
    let mut out = String::from(
        "# The generated templates\n\nWhat each template creates in an account, and why. `make synth` writes this page and \
         the templates from the\nconfigurations; edit those.\n",
    );
    let row = |sheet: &Sheet<'_>| {
        let dash = || "–".to_owned();
        let config = sheet.origin.config();
        vec![
            sheet.heading(),
            sheet.origin.shown(),
            config.map_or_else(dash, Config::selection_summary),
            config.map_or_else(dash, |config| {
                format!("{} ({})", code(config.schedule.as_str()), config.time_zone.as_str())
            }),
            config.map_or_else(dash, |config| config.policy.delivery.to_string()),
        ]
    };
    out += &table(&["template", "from", "users", "runs", "delivers by"], sheets.iter().map(row));
    out += &lives(sheets);
    let mut first: Option<(&Sheet<'_>, [Table; 4])> = None;
    for sheet in sheets {
        let canonical = json::to_json(sheet.template);
        let own = tables(sheet.template, View(&canonical));
        let (file, from) = (sheet.file, sheet.origin.shown());
        out += &format!("\n## {file}\n\n[The template]({file}), from {from}. {}\n", text(&canonical["Description"]));
        match &first {
            Some((base, tables)) if sheet.origin.config().is_some() => {
                out += &format!("\nIt is like {}, except for this:\n\n{}", base.heading(), differences(tables, &own));
            }
            Some(_) => out += &format!("\nIt contains:\n\n{}", listed(&own)),
            None => {
                out += &format!("\n### Picture\n\n```mermaid\n{}```\n", graph::full(&canonical));
                out += "\n`synth graph FILE` draws another template. `synth graph --overview` draws only the groups.\n";
                for Table { title, head, rows, .. } in &own {
                    out += &format!("\n### {title}\n{}", table(head, rows.iter().cloned()));
                }
                first = Some((sheet, own));
            }
        }
    }
    if sheets.iter().filter_map(|sheet| sheet.origin.config()).any(|config| !config.mail_is_delivery()) {
        out += &secret_policy();
    }
    out + &sizes(sheets)
}

impl Sheet<'_> {
    /// A link to the sheet's heading.
    fn heading(&self) -> String {
        format!("[{}](#{})", self.file, anchor(self.file))
    }
}

/// All that a template creates and permits.
fn tables(template: &Value, view: View<'_>) -> [Table; 4] {
    let why = reasons(template);
    let why = |pointer: &str| why.get(pointer).copied().unwrap_or_default().to_owned();
    let may = |s: &StatementView<'_>| format!("{}{}", if s.allows() { "" } else { "not " }, lines(&s.texts("Action")));
    let who = |s: &StatementView<'_>| {
        let who = s.principals().into_iter().map(|who| if who == "*" { "everyone".into() } else { code(&who) });
        who.collect::<Vec<_>>().join("<br>")
    };
    let (mut permissions, mut policies) = (Vec::new(), Vec::new());
    for role in view.roles() {
        let (id, reason) = (code(role.resource.id), why(&role.resource.pointer()));
        policies.extend(role.trust.iter().map(|s| {
            let cells = [&id, "trust policy", &who(s), &may(s), "this role", &lines(&s.conditions()), &reason];
            cells.map(str::to_owned).to_vec()
        }));
        permissions.extend(role.policies.iter().map(|s| {
            let (on, conditions) = (lines(&s.texts("Resource")), lines(&s.conditions()));
            vec![id.clone(), s.sid().into(), may(s), on, conditions, why(&s.pointer)]
        }));
    }
    for (resource, statements) in view.resource_policies() {
        policies.extend(statements.iter().map(|s| {
            let (on, conditions) = (lines(&s.texts("Resource")), lines(&s.conditions()));
            vec![code(resource.id), s.sid().into(), who(s), may(s), on, conditions, why(&s.pointer)]
        }));
    }
    let resources = view.resources().map(|r| vec![code(r.id), r.kind.to_owned(), why(&r.pointer())]).collect();
    let names = ["Parameters", "Outputs"].into_iter().flat_map(|section| {
        let kind = section.trim_end_matches('s').to_lowercase();
        view.section(section).map(move |(name, body)| vec![code(name), kind.clone(), text(&body["Description"])])
    });
    let table = |title, head, keys, rows| Table { title, head, keys, rows };
    let policy_head = &["policy of", "statement", "who", "may", "on", "only if", "why"];
    [
        table("Resources", &["resource", "type", "why"], 1, resources),
        table("Permissions of the roles", &["role", "statement", "may", "on", "only if", "why"], 2, permissions),
        table("Policies of the resources", policy_head, 2, policies),
        table("Parameters and outputs", &["name", "is", "what"], 2, names.collect()),
    ]
}

impl Table {
    fn find(&self, row: &[String]) -> Option<&Vec<String>> {
        self.rows.iter().find(|other| other[..self.keys] == row[..self.keys])
    }

    /// A row as one item of a list, without the cells that are the same in `base`.
    fn item(&self, row: &[String], base: Option<&Vec<String>>) -> String {
        let cells = self.head.iter().zip(row).enumerate().skip(self.keys);
        let cells = cells.filter(|(index, (_, cell))| base.map_or(!cell.is_empty(), |base| base[*index] != **cell));
        let cells = cells.map(|(_, (head, cell))| {
            let cell = if cell.is_empty() { "–".to_owned() } else { cell.replace("<br>", ", ") };
            format!("{head}: {cell}")
        });
        format!("{}: {}", row[..self.keys].join(" "), cells.collect::<Vec<_>>().join("; "))
    }
}

/// What differs from the first template.
fn differences(base: &[Table], own: &[Table]) -> String {
    let (mut missing, mut others) = (Vec::new(), String::new());
    for (base, own) in base.iter().zip(own) {
        let is_missing = |row: &&Vec<String>| own.find(row).is_none();
        missing.extend(base.rows.iter().filter(is_missing).map(|row| row[..own.keys].join(" ")));
        for row in own.rows.iter().filter(|row| base.find(row) != Some(row)) {
            let known = base.find(row);
            let word = if known.is_some() { "Different" } else { "Added" };
            others += &format!("- {word}: {}\n", own.item(row, known));
        }
    }
    let missing = if missing.is_empty() { String::new() } else { format!("- Missing: {}\n", missing.join(", ")) };
    missing + &others
}

/// All that a template has, as a list.
fn listed(own: &[Table]) -> String {
    own.iter().flat_map(|table| table.rows.iter().map(|row| format!("- {}\n", table.item(row, None)))).collect()
}

/// The life of one key under each configuration.
fn lives(sheets: &[Sheet<'_>]) -> String {
    let configs: Vec<_> = sheets.iter().filter_map(|sheet| Some((sheet.file, sheet.origin.config()?))).collect();
    let row = |what: &str, cell: fn(&Config) -> String| {
        std::iter::once(what.to_owned()).chain(configs.iter().map(|(_, config)| cell(config))).collect()
    };
    let head: Vec<_> = std::iter::once("at this age of the key").chain(configs.iter().map(|(file, _)| *file)).collect();
    let rows = [
        row("a mail announces the rotation", |config| match config.policy.warn_before {
            Span::ZERO => "–".into(),
            before => config.policy.rotate_after.less(before).to_string(),
        }),
        row("the successor is created, tried three times and delivered", |config| {
            config.policy.rotate_after.to_string()
        }),
        row("how it is delivered", |config| {
            match config.policy.delivery {
                Delivery::SecretsManager => "stored in Secrets Manager; a mail announces it",
                Delivery::Email => "the mail contains the secret",
                Delivery::EmailEncrypted => "the mail contains the secret, encrypted to its recipient's public key",
            }
            .into()
        }),
        row("the key is deactivated", |config| retired(config).to_string()),
        row("if it was used after the delivery", |config| {
            match (config.policy.still_in_use, config.policy.wait_at_most) {
                (StillInUse::Retire, _) => "it is deactivated anyway".into(),
                (StillInUse::Wait, wait) => {
                    let latest = match wait {
                        MaxWait::Forever => String::new(),
                        MaxWait::AtMost(span) => format!(", at most until {}", retired(config) + span),
                    };
                    format!(
                        "it stays active until it was not used for {}{latest}; each run reports what uses it",
                        config.policy.required_idle_time()
                    )
                }
            }
        }),
        row("if it has no successor yet and is unused", |config| match config.policy.unused_after {
            UnusedAfter::Never => "it is replaced like any other".into(),
            UnusedAfter::After(limit) => format!(
                "it is deactivated {limit} after its last use or its delivery; a mail announces it {} before",
                config.policy.disuse_notice()
            ),
        }),
        row("the key is deleted", |config| match config.policy.delete_after {
            DeleteAfter::Window(Span::ZERO) => retired(config).to_string(),
            DeleteAfter::Window(window) => {
                format!("{}; `make undo` works until shortly before", retired(config) + window)
            }
            DeleteAfter::NextRotation => "when the next rotation needs its place in the quota".into(),
        }),
    ];
    format!(
        "\n## The life of one key\n{}\nThe ages are the earliest: each step happens in the first run after it. Settings of single \
         users can override them.\n",
        table(&head, rows)
    )
}

fn retired(config: &Config) -> Span {
    config.policy.rotate_after + config.policy.overlap
}

/// The policy that the handler writes at run time, so that no template has it.
fn secret_policy() -> String {
    let arn = |text: &str| text.parse::<PrincipalArn>().ok();
    let example = arn("arn:aws:iam::111122223333:user/alice").zip(arn("arn:aws:iam::111122223333:role/key-reader"));
    let document = example.map(|(user, reader)| secret_policy::document(&user, &Readers(vec![reader])));
    let document: Json = document.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    format!(
        "\n## The policy of each user's secret\n\nNo template contains it. The handler writes it at each rotation, with the \
         permission `WriteSecretPolicies`. This is the\npolicy for the user `alice`, with one role in \
         `secret_readers`:\n\n```json\n{document:#}\n```\n\n\
         - `TheUser` lets the user read its own secret. So it can fetch its next key with its present one.\n\
         - `Readers` lets the principals in `secret_readers` read it too. If there are none, the statement is left out.\n\
         - It denies nothing. A `Deny` for everyone else would also lock out the administrators who repair the policy.\n  \
           The account's IAM policies decide who else may read the secret.\n\
         - Each rotation replaces the whole policy, and so undoes manual changes. If a user was deleted and created again,\n  \
           it also names the new user, which is another one for IAM.\n"
    )
}

/// The size of each limited part, in each template.
fn sizes(sheets: &[Sheet<'_>]) -> String {
    let measured = sheets.iter().map(|sheet| {
        let all = measures(&json::to_json(sheet.template), sheet.document, Some(sheet.origin.stack_name()));
        // The count of resources is the only count that matters.
        all.into_iter().filter(|measure| measure.unit != "entries" || measure.what == "Resources").collect()
    });
    let measured: Vec<Vec<Measure>> = measured.collect();
    let mut parts: Vec<&Measure> = Vec::new();
    for measure in measured.iter().flatten() {
        if parts.iter().all(|known| known.what != measure.what) {
            parts.push(measure);
        }
    }
    let row = |part: &Measure| {
        let size = |all: &Vec<Measure>| {
            let measure = all.iter().find(|measure| measure.what == part.what);
            measure
                .map_or_else(|| "–".into(), |m| format!("{} ({} %)", thousands(m.size), m.size * 100 / m.limit.max(1)))
        };
        let limit = format!("{} {}", thousands(part.limit), part.unit);
        [part.what.clone(), limit].into_iter().chain(measured.iter().map(size)).collect()
    };
    let head: Vec<_> = ["part", "limit"].into_iter().chain(sheets.iter().map(|sheet| sheet.file)).collect();
    format!("\n## Sizes and AWS's limits\n{}", table(&head, parts.into_iter().map(row)))
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
