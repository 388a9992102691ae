//! docs/configuration.md: each setting of rotation.yaml on one page. Pure.
//!
//! Meanings, defaults, examples and rules come from the declarations that the reader uses. Written here is only what concerns
//! several settings: how users are selected, the life of a key, precedence, and the command line.

use lambda::{contract::user_entry::TAGS, model::time::Span};

use crate::config::{FIELDS, Group, ORGANIZATION_FIELDS, Setting, Severity, constraints, settings};

/// The longest line, in characters. Tables and examples are not wrapped.
const WIDTH: usize = 120;

/// What the command line can override: the setting, make's variable, and the option of `synth`.
const COMMAND_LINE: [(&str, &str, &str); 3] = [
    ("users", "USERS=\"alice /ci/\"", "--users \"alice /ci/\""),
    ("emails", "EMAIL=\"ops@example.com\"", "--emails \"ops@example.com\""),
    ("architecture", "ARCH=x86_64", "--architecture x86_64"),
];

/// The heading of the section about the order in which values count.
const PRECEDENCE: &str = "Precedence";

/// The page.
#[must_use]
pub fn page() -> String {
    let mut out = String::from("# Configuration\n\n");
    out += &paragraph(
        "For the person who writes `rotation.yaml`. `make synth` generates this page from the declarations in \
         `synth/src/config/`, so do not edit it.",
    );
    out += &paragraph(&format!(
        "A file must set {}. All other settings have a default:",
        list(settings().iter().filter(|setting| setting.default.is_none()).map(|setting| code(setting.name)))
    ));
    out += &yaml("users: [alice, /ci/deployer]\nemails: [security@example.com]\n");
    out += &paragraph(
        "A duration is a whole number with a unit: `d`, `h`, `m` or `s` (days, hours, minutes, seconds). `make check` reports \
         what is wrong in a file. An editor with a YAML language server reports it too, if the file has the first line of \
         [rotation.yaml](../rotation.yaml).",
    );
    out += &contents();
    for group in Group::ALL {
        out += &format!("## {}\n\n{}", title(group), introduction(group));
        out += &settings().iter().filter(|setting| setting.group == group).map(section).collect::<String>();
    }
    out += &precedence();
    out += &command_line();
    out.trim_end().to_owned() + "\n"
}

/// The heading of a group. No setting has this name, so no two headings have the same anchor.
const fn title(group: Group) -> &'static str {
    match group {
        Group::Users => "Which users are selected",
        Group::Notices => "Who is notified",
        Group::Schedule => "When the handler runs",
        Group::Life => "The life of a key",
        Group::Delivery => "How a key is delivered",
        Group::Stack => "The stack and its function",
        Group::Organization => "Many accounts",
        Group::Company => "What your company demands",
    }
}

fn contents() -> String {
    let mut out = String::from("## Contents\n\n");
    for group in Group::ALL {
        out += &paragraph(&format!("**{}**", link(title(group))));
        let members = settings().iter().filter(|setting| setting.group == group);
        let line = |setting: &Setting| {
            let default = setting.default.map_or("required".to_owned(), code);
            item(&format!("[{}](#{}) ({default}): {}.", code(setting.name), setting.name, setting.summary()))
        };
        out += &members.map(line).collect::<String>();
        out += "\n";
    }
    out += &paragraph("**More**");
    out += &[PRECEDENCE, OVERRIDES].map(|heading| item(&link(heading))).concat();
    out + "\n"
}

/// What concerns several settings of a group.
fn introduction(group: Group) -> String {
    match group {
        Group::Users => selection(),
        Group::Life => life(),
        Group::Notices => paragraph(
            "The owner of a user is set in its entry of [`users`](#users). \
             [The runbook](operations.md) lists the alarms and says what to do about each.",
        ),
        Group::Delivery => paragraph(
            "[SECURITY.md](../SECURITY.md#where-the-secrets-are) says who can read a new key with each delivery, and what \
             [a KMS key of your own](../SECURITY.md#a-kms-key-of-your-own) needs. [pick-up.md](pick-up.md) shows how a \
             workload fetches its key.",
        ),
        Group::Company => paragraph(
            "[SECURITY.md](../SECURITY.md#rules-of-your-company) says what these settings change for an attacker, and answers \
             the findings of a linter.",
        ),
        Group::Organization => organization(),
        Group::Schedule | Group::Stack => String::new(),
    }
}

fn selection() -> String {
    let mut out = paragraph(
        "An entry of `users` selects users that exist now and users that are created later. The function's role is limited \
         to them:",
    );
    out += &table(
        ["entry", "selects", "limit of the role"],
        &[
            [
                "`alice`, `/ci/deployer`",
                "this user; its path is part of the entry, if it has one",
                "the ARN of the user",
            ],
            ["`/ci/`", "every user below the path", "the ARN `user/ci/*`"],
            ["`/`", "every user of the account", "the ARN `user/*`"],
            ["`tag:rotate=yes`", "every user with this tag", "a condition on `aws:ResourceTag/rotate`"],
            ["`group:people`, only in `exempt`", "every member of the group", "none"],
        ],
    );
    out += &paragraph(
        "`exempt` excludes users that `users` selects. The handler skips them, but the role is not limited by `exempt`. A \
         group is possible only there, because IAM has no condition on the groups of a user.",
    );
    out += &paragraph(
        "If `users` has a path or a tag, if `exempt` has a tag or a group, or with `user_tags: honoured`, the handler reads \
         lists of the whole account. [SECURITY.md](../SECURITY.md#what-the-roles-can-do) says what they contain. Otherwise \
         the role has no permission to read them.",
    );
    out += &paragraph("An entry of `users` can be a mapping, with settings for the users that it selects:");
    out += &FIELDS.map(|(name, meaning)| item(&format!("{}: {meaning}", code(name)))).concat();
    out += "\n";
    out += &yaml(
        "users:\n  - name: /machines/\n    owner: platform@example.com\n  - name: /machines/ci/\n    rotate_after: 30d\n    \
         overlap: 2d\n  - name: /machines/payments/exporter\n    owner: payments@example.com\n",
    );
    out + &paragraph(&format!(
        "Here the owner of `/machines/ci/deployer` is `platform@example.com`, and its key is replaced after 30 days. {} says \
         which value counts.",
        link(PRECEDENCE)
    ))
}

fn organization() -> String {
    let mut out = paragraph(
        "One configuration can serve an organization. Each selected account gets a stack with a function, roles, a schedule \
         and secrets of its own. So no member can touch the users of another account. The administering account gets the \
         topics, the alarms and a function that sends the notices of all accounts.",
    );
    out += &paragraph("The setting is `none`, or a mapping:");
    out += &ORGANIZATION_FIELDS.map(|(name, meaning)| item(&format!("{}: {meaning}", code(name)))).concat();
    out + "\n"
}

/// The life of a key with the defaults, in a drawing.
fn life() -> String {
    let default = |name: &str| {
        let setting = settings().iter().find(|setting| setting.name == name);
        setting.and_then(|setting| setting.default?.parse::<Span>().ok()).unwrap_or(Span::ZERO)
    };
    let replaced = default("rotate_after");
    let deactivated = replaced + default("overlap");
    let deleted = deactivated + default("delete_after");
    let [replaced, deactivated, deleted] = [replaced, deactivated, deleted].map(|age| age.whole_days().to_string());
    let mut out = paragraph("With the defaults and a run each day:");
    out += &format!(
        "```text\n\
         day      0         {replaced:<10}{deactivated:<16}{deleted}\n\
         \u{20}        |─────────|─────────|───────────────|\n\
         old key  active    active    inactive        deleted\n\
         \u{20}                  (both     (can be\n\
         \u{20}                   work)     reactivated)\n\
         new key            created, verified, delivered, announced\n\
         ```\n\n"
    );
    out + &paragraph(
        "The days are the earliest. Each step is done by the first run after its time. An old key that is still used stays \
         active longer, see [`still_in_use`](#still_in_use).",
    )
}

/// The section of one setting.
fn section(setting: &Setting) -> String {
    let name = setting.name;
    let mut out = format!("### {}\n\n", code(name));
    out += &paragraph(&linked(setting.meaning(), name));
    out += &item(&match setting.default {
        Some(default) => format!("Default: {}", code(default)),
        None => "Default: none; the file must set it.".to_owned(),
    });
    out += &item(&format!("Allowed: {}.", escaped(&(setting.allowed)())));
    if COMMAND_LINE.iter().any(|(setting, ..)| *setting == name) {
        out += &item(&format!("Can be overridden on the command line: {}.", link(OVERRIDES)));
    }
    let overrides = user_overrides(name);
    if !overrides.is_empty() {
        out += &item(&format!("Can be overridden for some users: {}. {}", overrides.join(" or "), link(PRECEDENCE)));
    }
    for constraint in constraints().iter().filter(|constraint| constraint.settings.contains(&name)) {
        let severity = match constraint.severity {
            Severity::Error => "Rule",
            Severity::Warning => "Warning",
        };
        out += &item(&format!("{severity}: {}", linked(constraint.text, name)));
    }
    out += "\n";
    let examples: Vec<_> = setting.examples.iter().filter(|example| setting.default != Some(example)).collect();
    if !examples.is_empty() {
        let lines: Vec<_> = examples.iter().map(|example| format!("{name}: {example}\n")).collect();
        out += &yaml(&lines.join("# or\n"));
    }
    out
}

/// What can override a setting for some users.
fn user_overrides(name: &str) -> Vec<String> {
    let is_field = FIELDS.iter().any(|(field, _)| *field == name);
    let field = is_field.then(|| "by their entry of [`users`](#users)".to_owned());
    let tag = TAGS.iter().find(|tag| tag.rsplit(':').next().is_some_and(|word| word.replace('-', "_") == name));
    let tag = tag.map(|tag| format!("by the tag `{tag}`, with [`user_tags: honoured`](#user_tags)"));
    [field, tag].into_iter().flatten().collect()
}

fn precedence() -> String {
    let mut out = format!("## {PRECEDENCE}\n\n");
    out += &paragraph(
        "The owner, `rotate_after` and `overlap` can be set in several places. For each of them, the first place in this list \
         that sets it counts:",
    );
    let places = [
        "the entry of `users` that names the user;",
        "the tags on the user, with `user_tags: honoured`;",
        "the entry of `users` with a path or tag that selects the user; of several paths, the longest;",
        "the setting for all users.",
    ];
    for (number, place) in (1..).zip(places) {
        out += &wrapped(&format!("{number}. "), place);
    }
    out += "\n";
    out += &paragraph(
        "The owner has no setting for all users. Only the administrators are notified of a user without an owner.",
    );
    out += &paragraph("`encrypt_to` in the entry that names the user replaces the setting `encrypt_to`.");
    out + &paragraph(
        "`exempt` always wins: an exempt user is skipped, whatever entry selects it. The command line cannot override it.",
    )
}

/// The heading of the section about the command line.
const OVERRIDES: &str = "Overrides on the command line";

fn command_line() -> String {
    let mut out = format!("## {OVERRIDES}\n\n");
    out += &paragraph(
        "`make preview`, `make diff` and `make deploy` take variables that override the file, for example to try the rotation \
         on one user. They are not stored: the next deployment without them uses the file again.",
    );
    let mut rows: Vec<_> =
        COMMAND_LINE.iter().map(|(setting, variable, option)| [code(variable), code(option), code(setting)]).collect();
    rows.push(["`CONFIG=pilot.yaml`", "`--config pilot.yaml`", "the file itself"].map(str::to_owned));
    out += &table(["make", "synth", "overrides"], &rows);
    out += &paragraph(
        "An entry in `USERS=` that is also in the file keeps the settings that it has there. `make rotate` and `make undo` \
         need a `USERS=` of another meaning: the names of the users to act on.",
    );
    out
}

/// Links the first mention of each other setting, `name` or `name: value`, to its section.
fn linked(text: &str, own: &str) -> String {
    let mut seen = vec![own];
    let mut link = |(index, part): (usize, &str)| {
        // Between backticks are the parts with an odd number.
        if index % 2 == 0 {
            return part.to_owned();
        }
        let name = part.split(':').next().unwrap_or_default();
        match settings().iter().find(|setting| setting.name == name && !seen.contains(&setting.name)) {
            Some(setting) => {
                seen.push(setting.name);
                format!("[{}](#{name})", code(part))
            }
            None => code(part),
        }
    };
    text.split('`').enumerate().map(&mut link).collect()
}

fn table<const N: usize>(head: [&str; N], rows: &[[impl AsRef<str>; N]]) -> String {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut out = format!("{}|{}\n", line(head.to_vec()), "---|".repeat(N));
    out.extend(rows.iter().map(|row| line(row.iter().map(AsRef::as_ref).collect())));
    out + "\n"
}

fn yaml(lines: &str) -> String {
    format!("```yaml\n{lines}```\n\n")
}

fn paragraph(text: &str) -> String {
    wrapped("", text) + "\n"
}

fn item(text: &str) -> String {
    wrapped("- ", text)
}

/// The text in lines of at most [`WIDTH`] characters, with a mark before it. A code span is not broken.
fn wrapped(mark: &str, text: &str) -> String {
    let indent = " ".repeat(mark.chars().count());
    let (mut out, mut line) = (String::new(), mark.to_owned());
    let (mut word, mut in_code) = (String::new(), false);
    let mut put = |line: &mut String, word: &mut String| {
        let is_first = line == mark || *line == indent;
        if !is_first && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out += &format!("{line}\n");
            line.clone_from(&indent);
        } else if !is_first {
            line.push(' ');
        }
        *line += word;
        word.clear();
    };
    for c in text.chars() {
        in_code ^= c == '`';
        if c == ' ' && !in_code { put(&mut line, &mut word) } else { word.push(c) }
    }
    put(&mut line, &mut word);
    format!("{out}{line}\n")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn link(heading: &str) -> String {
    format!("[{heading}](#{})", anchor(heading))
}

/// The anchor that GitHub gives to a heading of letters and spaces.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().replace(' ', "-")
}

/// A text without markup, outside of code spans: Markdown must not take its stars for emphasis.
fn escaped(text: &str) -> String {
    text.replace('*', "\\*")
}

/// `a`, `a and b`, `a, b and c`.
fn list(words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_outside_of_code() {
        let word = "x".repeat(59);
        assert_eq!(wrapped("- ", &format!("{word} {word}")), format!("- {word}\n  {word}\n"));
        assert_eq!(wrapped("", &format!("{word} {word}")), format!("{word} {word}\n"));
        let span = format!("`{word} {word}`");
        assert_eq!(wrapped("", &format!("a {span} b")), format!("a\n{span}\nb\n"));
    }
}
