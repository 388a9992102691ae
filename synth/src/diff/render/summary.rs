//! Renders a change of one of our stacks for a decision. It shows the settings that change, what that means, what becomes of
//! the resources, and whether the change needs approval.

use super::{
    Action, Consequence, Diff, EntryChange, Impact, RED, ResourceChange, TextView, fingerprint, harmless, line, sign,
    text::TextRenderer,
};
use crate::{
    diff::{
        Change,
        approval::Approval,
        leaving::{FATE, NO_LONGER_SELECTED},
        setting_changes::{SettingChange, ValueChange},
    },
    iam::compare::Verdict,
    screen::{Verbosity, counted, few, printable, wrapped},
};

/// The most items of a list that are shown.
const ITEMS: usize = 12;
/// The most resources that are named for each kind of change.
const NAMED: usize = 5;

/// The whole text.
pub(super) fn render(diff: &Diff, settings: &[SettingChange], view: &TextView<'_>) -> String {
    let paint = TextRenderer { colour: view.colour };
    let mut out = settings_text(settings, &paint);
    let consequences: Vec<Consequence> = consequences(diff).into_iter().chain(view.consequences.to_vec()).collect();
    let resting = resting(diff);
    if !consequences.is_empty() || !resting.is_empty() {
        out += "\nWhat that means\n";
    }
    let (marked, plain): (Vec<_>, Vec<_>) = consequences.into_iter().partition(|consequence| consequence.is_marked);
    for consequence in &marked {
        out += &paint.consequence(consequence);
    }
    let mut shown = 0;
    for (sentence, changes) in &resting {
        out += &paint.consequence(&Consequence::marked(sentence.as_str()));
        for change in changes {
            out += &wrapped("      ", &line(change));
            shown += 1;
        }
    }
    for consequence in &plain {
        out += &paint.consequence(consequence);
    }
    out += &resources(diff);
    let all: usize = diff.resources.iter().map(|resource| resource.changes.len()).sum::<usize>()
        + diff.entries.iter().map(|entry| entry.changes.len()).sum::<usize>();
    if view.detail == Verbosity::Brief && all > shown {
        out += &format!("           {} shows {}\n", view.more, changes(all));
    }
    if let Some(line) = harmless(diff) {
        out += &wrapped("           ", &line);
    }
    out + &decision(diff, view, &paint)
}

fn changes(number: usize) -> String {
    counted(number, "property change")
}

/// The settings, each with its values.
fn settings_text(settings: &[SettingChange], paint: &TextRenderer) -> String {
    if settings.is_empty() {
        return "  No setting of the configuration changes, only the template\n".to_owned();
    }
    let width = settings.iter().map(|change| change.setting.len()).max().unwrap_or_default();
    let mut out = String::new();
    for change in settings {
        for (number, (action, value)) in values(&change.change).into_iter().enumerate() {
            let name = if number == 0 { change.setting } else { "" };
            let lines = wrapped(&format!("  {name:width$}  "), &printable(&value));
            out += &(paint.action(action, lines.trim_end()) + "\n");
        }
    }
    out
}

/// A setting as lines of plain text: `overlap: 7d → 10d`.
pub(super) fn setting_lines(SettingChange { setting, change }: &SettingChange) -> Vec<String> {
    values(change).into_iter().map(|(_, value)| format!("{setting}: {value}")).collect()
}

/// How a value changes, as a line for each kind of change.
fn values(change: &ValueChange) -> Vec<(Action, String)> {
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "no value".to_owned());
    match change {
        ValueChange::Value { before: None, after } => vec![(Action::Changed, or_none(after))],
        ValueChange::Value { before, after } => {
            vec![(Action::Changed, format!("{} → {}", or_none(before), or_none(after)))]
        }
        ValueChange::Items { added, removed } if added.is_empty() && removed.is_empty() => {
            vec![(Action::Changed, "another order".to_owned())]
        }
        ValueChange::Items { added, removed } => {
            let lists = [(Action::Added, added), (Action::Removed, removed)].into_iter();
            let lists = lists.filter(|(_, items)| !items.is_empty());
            lists.map(|(action, items)| (action, format!("{} {}", sign(action), few(items, ITEMS)))).collect()
        }
    }
}

/// What the change means for people and permissions.
fn consequences(diff: &Diff) -> Vec<Consequence> {
    let moved = diff.moved_accounts.iter().map(ToString::to_string);
    let mut all: Vec<_> = moved.map(Consequence::marked).collect();
    all.extend(diff.new_readers.iter().map(Consequence::marked));
    let (more, less): (Vec<_>, Vec<_>) = diff.role.iter().partition(|change| change.is_new);
    let is_wider = matches!(diff.iam.verdict, Verdict::Broader | Verdict::Unknown);
    all.extend(
        more.iter().map(|change| Consequence { is_marked: is_wider, text: format!("the role may {}", change.what) }),
    );
    for place in &diff.iam.places {
        let example = place.comparison.example.as_deref();
        let example = example.map(|example| format!(", such as {example}")).unwrap_or_default();
        let place_name = &place.place;
        all.push(match place.comparison.verdict() {
            Verdict::Broader => Consequence::marked(format!("{place_name}: more than before{example}")),
            Verdict::Unknown => Consequence::marked(format!("{place_name}: perhaps more than before{example}")),
            Verdict::Narrower => Consequence::plain(format!("{place_name}: less than before")),
            Verdict::None | Verdict::Equivalent => Consequence::plain(format!("{place_name}: the same as before")),
        });
    }
    all.extend(less.iter().map(|change| Consequence::plain(format!("the role may no longer {}", change.what))));
    all.extend(diff.newly_notified.iter().chain(&diff.newly_rotated).chain(&diff.earlier).map(Consequence::marked));
    all.extend(diff.unsubscribed.iter().map(Consequence::plain));
    all.extend(leaving(&diff.leaving).map(Consequence::plain));
    all.extend((!diff.leaving.is_empty()).then(|| Consequence::plain(FATE.trim_end_matches('.'))));
    all
}

/// The users that leave. Those that are only no longer selected share a line.
fn leaving(all: &[String]) -> impl Iterator<Item = String> {
    let is_plain = |line: &&String| line.ends_with(NO_LONGER_SELECTED);
    let (plain, others): (Vec<_>, Vec<_>) = all.iter().partition(is_plain);
    let names: Vec<_> = plain.iter().map(|line| line.trim_end_matches(NO_LONGER_SELECTED).to_owned()).collect();
    let together = match plain.as_slice() {
        [] => None,
        [one] => Some((*one).clone()),
        _ => Some(format!("{} are no longer selected", few(&names, ITEMS))),
    };
    together.into_iter().chain(others.into_iter().cloned())
}

/// The changes that the decision rests on, each after its reason: what is not compared, and what replaces or deletes a
/// resource. The reviewer decides about them, so they are always shown.
fn resting(diff: &Diff) -> Vec<(String, Vec<&Change>)> {
    let unknown = diff.unknown.iter().map(|line| (format!("not compared: {line}"), of_unknown(diff, line)));
    let severe = diff.resources.iter().filter(|resource| resource.impact >= Impact::MayReplace).map(|resource| {
        let does = match resource.impact {
            Impact::MayReplace => "may be replaced",
            Impact::Replaces => "is replaced",
            _ => "is deleted",
        };
        let about = [format!("{} ({}) {does}", resource.id, resource.kind)].into_iter().chain(resource.notes.clone());
        let changes = resource.changes.iter().filter(|change| change.impact >= Impact::MayReplace);
        (about.collect::<Vec<_>>().join("; "), changes.collect())
    });
    unknown.chain(severe).collect()
}

/// The changes that a line of [`Diff::unknown`] is about. The line begins with the resource, or with the resource and a part
/// of it. If it names no changed part, all changes of the resource are shown.
fn of_unknown<'d>(diff: &'d Diff, line: &str) -> Vec<&'d Change> {
    let begins_with = |name: &str| {
        line.strip_prefix(name).filter(|rest| rest.starts_with(['.', ':'])).map(|rest| rest.trim_start_matches('.'))
    };
    let of_resource = diff.resources.iter().find_map(|resource| Some((resource, begins_with(&resource.id)?)));
    if let Some((ResourceChange { changes, .. }, rest)) = of_resource {
        let part = rest.split_once(": ").map_or("", |(part, _)| part);
        let of_part: Vec<_> = changes.iter().filter(|change| change.path.is_below(part)).collect();
        return if of_part.is_empty() { changes.iter().collect() } else { of_part };
    }
    let is_meant = |entry: &&EntryChange| {
        begins_with(&entry.section).is_some() || begins_with(&format!("output {}", entry.name)).is_some()
    };
    diff.entries.iter().filter(is_meant).flat_map(|entry| &entry.changes).collect()
}

/// What becomes of the resources, in numbers.
fn resources(diff: &Diff) -> String {
    let named = |is: &dyn Fn(&ResourceChange) -> bool| {
        let ids: Vec<_> = diff.resources.iter().filter(|r| is(r)).map(|resource| printable(&resource.id)).collect();
        let listed = if ids.is_empty() { String::new() } else { format!(" ({})", few(&ids, NAMED)) };
        (ids.len(), listed)
    };
    let has = |impact: Impact| move |resource: &ResourceChange| resource.impact == impact;
    let stays = |resource: &ResourceChange| resource.action == Action::Removed && resource.impact < Impact::Deletes;
    let updated = |resource: &ResourceChange| {
        resource.action == Action::Changed && matches!(resource.impact, Impact::None | Impact::Create | Impact::Update)
    };
    let kinds = [
        ("created", named(&|resource| resource.action == Action::Added && resource.impact <= Impact::Update), false),
        ("updated in place", named(&updated), true),
        ("removed", named(&stays), false),
        ("may be replaced", named(&has(Impact::MayReplace)), false),
        ("replaced", named(&has(Impact::Replaces)), true),
        ("deleted", named(&has(Impact::Deletes)), true),
    ];
    let shown = kinds.into_iter().filter(|(_, (number, _), always)| *always || *number > 0);
    let kinds: Vec<_> = shown.map(|(what, (number, names), _)| format!("{number} {what}{names}")).collect();
    let mut out = format!("\n{}", wrapped("Resources  ", &kinds.join(", ")));
    if !diff.entries.is_empty() {
        let others: Vec<_> = diff.entries.iter().map(|entry| format!("{} {}", entry.section, entry.name)).collect();
        out += &wrapped("Others     ", &printable(few(&others, NAMED).trim_end()));
    }
    out
}

/// Whether the change needs approval, and the command that deploys it.
fn decision(diff: &Diff, view: &TextView<'_>, paint: &TextRenderer) -> String {
    let mut out = match Approval::needed(diff) {
        Some(approval) => {
            let reasons: Vec<String> = approval.reasons.iter().map(ToString::to_string).collect();
            let text = wrapped("", &format!("Needs approval: {}", reasons.join("; ")));
            format!("\n{}\n", paint.paint(RED, text.trim_end()))
        }
        None => "\nNeeds no approval\n".to_owned(),
    };
    if let Some(fingerprint) = fingerprint(diff).filter(|_| view.shows_fingerprint) {
        out += &format!("Fingerprint: {fingerprint}\n");
    }
    if let Some(command) = view.command {
        out += &format!("  {command}\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_that_are_no_longer_selected_share_a_line() {
        let lines =
            |all: &[&str]| leaving(&all.iter().map(ToString::to_string).collect::<Vec<_>>()).collect::<Vec<_>>();
        let one = ["alice is no longer selected"];
        assert_eq!(lines(&one), one);
        let all =
            [one[0], "bob is exempt now", "/ci/ is no longer selected, except /ci/eu/", "carol is no longer selected"];
        assert_eq!(lines(&all), ["alice, carol are no longer selected", all[1], all[2]]);
    }
}
