//! The inventory as one self-contained page. It loads nothing: its security policy allows its own style and script only.
//! Without the script, all rows are there.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lambda::model::{access_key::LastUse, time::Span};
use sha2::{Digest as _, Sha256};

use super::kinds_at;
use crate::{
    inventory::{
        Entry, Inventory, InventoryScope, UnreadAccount, finding::FindingKind, holder::HeldKey, holder::Holder,
    },
    screen::counted,
};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The columns of the table: the title, and whether the values are numbers.
const COLUMNS: [(&str, bool); 11] = [
    ("User", false),
    ("Path", false),
    ("Owner, tags", false),
    ("Key", false),
    ("Status", false),
    ("Age in days", true),
    ("Unused for days", true),
    ("Last used in", false),
    ("Managed", false),
    ("Findings", false),
    ("Suggestion", false),
];

/// The inventory as a page.
#[must_use]
pub fn render(inventory: &Inventory) -> String {
    let Inventory { scope, at, limits, configuration, .. } = inventory;
    let account = match scope {
        InventoryScope::Account(account) => format!("account {account}"),
        InventoryScope::Accounts { read, .. } => counted(read.len(), "account"),
    };
    let not_read = each(inventory.not_read(), |UnreadAccount { account, why }| {
        format!("<p>Account {} is not read: {}</p>\n", escaped(account), escaped(why))
    });
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    );
    let managed = configuration.as_ref().map_or_else(String::new, |file| {
        format!("<p>Managed: whether <code>{}</code> rotates the user's keys.</p>\n", escaped(file))
    });
    let account_column = inventory.has_accounts().then_some(("Account", false));
    let heads = each(account_column.into_iter().chain(COLUMNS), |(title, number)| {
        let kind = if number { " data-type=\"number\"" } else { "" };
        format!("<th scope=\"col\"{kind}><button type=\"button\">{title}</button></th>")
    });
    let options = each(FindingKind::ALL, |kind| format!("<option value=\"{kind}\">{kind}</option>"));
    let rows: String = inventory.entries().iter().map(|entry| rows(inventory, entry)).collect();
    let meanings = each(FindingKind::ALL, |kind| {
        format!("<tr><td>{kind}</td><td>{}</td><td>{}</td></tr>\n", kind.meaning(*limits), kind.suggestion())
    });
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Access keys of {account}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>Access keys of {account}</h1>\n{not_read}<p>As of {at}. Limits: age {max_age}, unused {unused}.</p>\n{managed}\
         {cards}\
         <h2>Age and last use of each active key</h2>\n{plot}\
         <h2>Users and keys</h2>\n<div class=\"controls\">\n\
         <label>Filter <input id=\"filter\" type=\"search\" placeholder=\"words in any column\"></label>\n\
         <label>Finding <select id=\"finding\"><option value=\"\">all rows</option>{options}</select></label>\n\
         <span id=\"shown\" role=\"status\"></span>\n</div>\n\
         <table id=\"keys\">\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n\
         <h2>What the findings mean</h2>\n<table>\n<thead><tr><th>Finding</th><th>Meaning</th><th>What to do</th></tr></thead>\n\
         <tbody>\n{meanings}</tbody>\n</table>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        account = escaped(&account),
        at = at.to_minute(),
        max_age = limits.max_age,
        unused = limits.unused,
        cards = cards(inventory),
        plot = plot(inventory),
    )
}

/// The parts for each item, one after the other.
fn each<T>(items: impl IntoIterator<Item = T>, part: impl Fn(T) -> String) -> String {
    items.into_iter().map(part).collect::<Vec<_>>().concat()
}

fn digest(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}

/// Text of the account as text of the page.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn cards(inventory: &Inventory) -> String {
    let card = |number: usize, what: &str, bad: bool| {
        let class = if bad && number > 0 { "card bad" } else { "card" };
        format!("<div class=\"{class}\"><b>{number}</b>{what}</div>\n")
    };
    let findings = FindingKind::ALL.into_iter().map(|kind| (inventory.count(kind), kind));
    let findings = findings.filter(|(count, _)| *count > 0).map(|(count, kind)| card(count, kind.as_str(), true));
    format!(
        "<div class=\"cards\">\n{}{}{}{}</div>\n",
        card(inventory.users(), "users", false),
        card(inventory.keys(), "access keys", false),
        card(inventory.found().count(), "need attention", true),
        findings.collect::<String>()
    )
}

fn rows(inventory: &Inventory, entry: &Entry) -> String {
    let keys = entry.holder.keys.len().max(1);
    (0..keys).map(|at| row(inventory, entry, at)).collect()
}

fn row(inventory: &Inventory, entry: &Entry, at: usize) -> String {
    let (holder, now) = (&entry.holder, inventory.at);
    let (user, key) = (holder.user(), holder.keys.get(at));
    let kinds: Vec<FindingKind> = kinds_at(entry, at).collect();
    let names: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let tags = user.map_or_else(String::new, |user| {
        // An owner that a tag names is among the tags.
        let is_tagged = |owner: &&String| user.tags.iter().any(|(_, value)| value == *owner);
        let owner = user.owner.iter().filter(|owner| !is_tagged(owner)).map(|owner| format!("{}<br>", escaped(owner)));
        let tags = user.tags.iter().map(|(key, value)| format!("{}={}", escaped(key), escaped(value)));
        owner.collect::<String>() + &format!("<code>{}</code>", tags.collect::<Vec<_>>().join(" "))
    });
    let last_use = key.map_or_else(String::new, |key| match &key.last_use {
        LastUse::Never => "never used".to_owned(),
        LastUse::Unknown => "unknown".to_owned(),
        LastUse::Used { service, region, .. } => format!("{} in {}", escaped(service), escaped(region)),
    });
    // Of several findings about a key, the worst decides what to do first.
    let suggestion = kinds.first().map_or("", |kind| kind.suggestion());
    let text = |text: &str| format!("<td>{text}</td>");
    let number = |days: Option<u64>| match days {
        Some(days) => format!("<td class=\"number\" data-value=\"{days}\">{days}</td>"),
        None => "<td class=\"number\" data-value=\"\"></td>".to_owned(),
    };
    let marks = each(&names, |name| format!("<span class=\"tag\">{name}</span>"));
    let cells = [
        text(&escaped(&user.map_or_else(|| holder.name(), |user| user.name.clone()))),
        text(&escaped(user.and_then(|user| user.path.as_deref()).unwrap_or_default())),
        text(&tags),
        text(&key.map_or_else(String::new, |key| {
            format!("<code>{}</code>", key.id.as_ref().map_or("no id", |id| id.as_str()))
        })),
        text(&key.map_or_else(String::new, |key| key.status().to_owned())),
        number(key.map(|key| key.age(now).whole_days())),
        number(key.and_then(|key| key.unused_for(now)).map(Span::whole_days)),
        text(&last_use),
        text(user.map_or("", |user| user.management.as_str())),
        text(&marks),
        text(suggestion),
    ];
    let account = if inventory.has_accounts() { text(&escaped(&entry.account)) } else { String::new() };
    format!("<tr data-findings=\"{}\">{account}{}</tr>\n", names.join(" "), cells.concat())
}

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 44.0;

/// Each active key as a point: its age to the right, and how long it has not been used upwards. Both axes are logarithmic,
/// so that a day and ten years fit. Keys beyond a dashed line have a finding.
fn plot(inventory: &Inventory) -> String {
    let now = inventory.at;
    let active: Vec<(&Holder, &HeldKey)> = inventory
        .entries()
        .iter()
        .flat_map(|entry| entry.holder.keys.iter().map(|key| (&entry.holder, key)))
        .filter(|(_, key)| key.is_active())
        .collect();
    let limits = inventory.limits;
    let oldest = active.iter().map(|(_, key)| key.age(now).whole_days()).max().unwrap_or_default();
    let most = oldest.max(limits.max_age.whole_days()).max(limits.unused.whole_days()).max(365);
    // The days up to ten years are exact in an f64.
    #[allow(clippy::cast_precision_loss)]
    let share = |days: u64| ((days + 1) as f64).ln() / ((most + 1) as f64).ln();
    let x = |days: u64| LEFT + share(days) * (WIDTH - LEFT - 20.0);
    let y = |days: u64| HEIGHT - BOTTOM - share(days) * (HEIGHT - BOTTOM - 20.0);
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Age and last use of {} active keys\">\n",
        active.len()
    );
    for days in [0, 7, 30, 90, 365, 1_000, 3_650].into_iter().filter(|days| *days <= most) {
        let (x, y, foot) = (x(days), y(days), HEIGHT - BOTTOM);
        out += &format!(
            "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"20\" y2=\"{foot}\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{days}</text>\
             <line class=\"axis\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{days}</text>\n",
            foot + 16.0,
            WIDTH - 20.0,
            LEFT - 8.0,
            y + 4.0
        );
    }
    let (age, unused) = (x(limits.max_age.whole_days()), y(limits.unused.whole_days()));
    out += &format!(
        "<line class=\"limit\" x1=\"{age:.1}\" x2=\"{age:.1}\" y1=\"20\" y2=\"{}\"/>\
         <line class=\"limit\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{unused:.1}\" y2=\"{unused:.1}\"/>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">age in days</text>\
         <text x=\"{LEFT}\" y=\"14\">unused for days</text>\
         <text x=\"{:.1}\" y=\"32\">limit {}</text><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">limit {}</text>\n",
        HEIGHT - BOTTOM,
        WIDTH - 20.0,
        WIDTH - 20.0,
        HEIGHT - 8.0,
        age + 5.0,
        limits.max_age,
        WIDTH - 24.0,
        unused - 5.0,
        limits.unused
    );
    for (holder, key) in active {
        let (age, idle) = (key.age(now), key.unused_for(now).unwrap_or_default());
        let class = if age >= limits.max_age || idle >= limits.unused { "key bad" } else { "key" };
        let (age, idle) = (age.whole_days(), idle.whole_days());
        out += &format!(
            "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"><title>{}: {age} days old, unused for {idle}</title></circle>\n",
            x(age),
            y(idle),
            escaped(&holder.name())
        );
    }
    out + "</svg>\n"
}
