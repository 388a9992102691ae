//! Shows which keys are replaced, deactivated or deleted earlier, or although no recipient has confirmed. The two
//! configurations decide it, not the age of today's keys: a key that is young today is old one day.

use std::collections::BTreeMap;

use lambda::{
    contract::{listed_user::ListedUser, settings::Settings, user_entry::TAGS, user_tags::UserTags},
    model::time::Span,
    protocol::policy::{DeleteAfter, DisabledUsers, MaxWait, Policy, StillInUse, UnconfirmedRecipients, UnusedAfter},
};
use serde_json::Value as Json;

use crate::{
    cfn::view::View,
    config::ScheduleExpression,
    diff::{
        handler_change::{HandlerChange, Handlers, same_values},
        possible_users::{PossibleUser, Users},
        schedule_density::{Density, density},
    },
};

/// What happens to keys earlier than before. Each is a sentence without a full stop.
pub(super) fn earlier_steps(handlers: &Handlers, old: &Json, new: &Json) -> Vec<String> {
    let by_settings = handlers.changes.iter().flat_map(|change| match &change.old {
        Some(old) => {
            let endpoints = new_endpoints(old, &change.new);
            let of_all = of_all(&old.policy, &change.new.policy).into_iter().chain(endpoints);
            of_all.chain(of_some(change)).collect()
        }
        None => vec![begins(&change.new.policy)],
    });
    let by_schedule = if handlers.is_there { more_runs(old, new) } else { Vec::new() };
    by_settings.chain(by_schedule).collect()
}

/// The sentence about a new function.
fn begins(Policy { rotate_after, overlap, still_in_use, delete_after, .. }: &Policy) -> String {
    format!(
        "a new function rotates keys: rotate_after {rotate_after}, overlap {overlap}, still_in_use {still_in_use}, \
         delete_after {delete_after}"
    )
}

/// The settings that are the same for all users.
fn of_all(old: &Policy, new: &Policy) -> Vec<String> {
    [
        used_keys(old, new),
        deleted_keys(old, new),
        disabled_users(old, new),
        unused_keys(old, new),
        unconfirmed(old, new),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn used_keys(old: &Policy, new: &Policy) -> Option<String> {
    /// How long after the overlap a key in use stays active. `None` has no end.
    fn kept(policy: &Policy) -> Option<Span> {
        match (policy.still_in_use, policy.wait_at_most) {
            (StillInUse::Retire, _) => Some(Span::ZERO),
            (StillInUse::Wait, MaxWait::AtMost(span)) => Some(span),
            (StillInUse::Wait, MaxWait::Forever) => None,
        }
    }
    let (before, after) = (kept(old), kept(new)?);
    if before.is_some_and(|before| before <= after) {
        return None;
    }
    Some(match (new.still_in_use, before) {
        (StillInUse::Retire, _) => {
            "an old key that is still in use is deactivated after the overlap (still_in_use: retire)".to_owned()
        }
        (StillInUse::Wait, Some(before)) => format!(
            "an old key that is still in use is deactivated {after} after the overlap, not {before} (wait_at_most)"
        ),
        (StillInUse::Wait, None) => format!(
            "an old key that is still in use is deactivated {after} after the overlap, and not kept (wait_at_most)"
        ),
    })
}

fn deleted_keys(old: &Policy, new: &Policy) -> Option<String> {
    match (old.delete_after, new.delete_after) {
        (DeleteAfter::Window(before), DeleteAfter::Window(after)) if after < before => {
            Some(format!("a deactivated key is deleted after {after} instead of {before} (delete_after)"))
        }
        (DeleteAfter::NextRotation, DeleteAfter::Window(after)) => {
            Some(format!("a deactivated key is deleted after {after}, before the next rotation (delete_after)"))
        }
        // The next rotation waits for the end of the window, but for no key without one.
        (DeleteAfter::Window(before), DeleteAfter::NextRotation) if before > Span::ZERO => {
            Some(format!("the next rotation may delete a deactivated key before {before} are over (delete_after)"))
        }
        _ => None,
    }
}

fn disabled_users(old: &Policy, new: &Policy) -> Option<String> {
    let begins = old.disabled_users == DisabledUsers::Skip && new.disabled_users == DisabledUsers::Replace;
    begins.then(|| "users with only inactive keys get a new active key (disabled_users: replace)".to_owned())
}

fn unused_keys(old: &Policy, new: &Policy) -> Option<String> {
    let UnusedAfter::After(after) = new.unused_after else { return None };
    let is_earlier = match old.unused_after {
        UnusedAfter::Never => true,
        UnusedAfter::After(before) => after < before,
    };
    is_earlier.then(|| {
        format!("a key that is unused for {after} is deactivated, and its user gets no new key (unused_after)")
    })
}

fn unconfirmed(old: &Policy, new: &Policy) -> Option<String> {
    use UnconfirmedRecipients::{Hold, Proceed};
    ((old.unconfirmed_recipients, new.unconfirmed_recipients) == (Hold, Proceed)).then(|| {
        "keys are replaced and deactivated although no recipient has confirmed (unconfirmed_recipients: proceed)"
            .to_owned()
    })
}

/// A user waits as long as none of its recipients has confirmed. An endpoint is a recipient of every user, but it gets no
/// secret: a new key by mail still waits for its address.
fn new_endpoints(old: &Settings, new: &Settings) -> Option<String> {
    let added: Vec<_> = new.endpoints.iter().filter(|endpoint| !old.endpoints.contains(endpoint)).collect();
    let names: Vec<_> = added.iter().map(|endpoint| endpoint.as_str()).collect();
    let counts = if added.len() == 1 { "counts as a recipient" } else { "count as recipients" };
    let effect = if new.policy.delivery.is_mail() {
        "keys are deactivated and deleted although no address has confirmed; a new key still waits for its address"
    } else {
        "keys are replaced, deactivated and deleted although no address has confirmed"
    };
    (!added.is_empty()).then(|| format!("{} {counts} of notices: {effect} (notify)", names.join(", ")))
}

/// The settings that a user can have of its own, with the users for which they are shorter.
fn of_some(change: &HandlerChange) -> Vec<String> {
    let mut sentences: BTreeMap<String, Users<'_>> = BTreeMap::new();
    for user in &change.users {
        let (Some(old), new) = change.settings_for(user) else { continue };
        for sentence in own_times(old, new, user) {
            sentences.entry(sentence).or_default().add(user);
        }
    }
    sentences.iter().map(|(sentence, users)| format!("{sentence}: {users}")).collect()
}

fn own_times(old: &Settings, new: &Settings, user: &PossibleUser) -> Vec<String> {
    let policy = |settings: &Settings| settings.subject(&user.listed).map(|(_, policy)| policy);
    // Unclear settings are in `selection.rs`.
    let (Ok(before), Ok(after)) = (policy(old), policy(new)) else { return Vec::new() };
    let mut all = Vec::new();
    if after.rotate_after < before.rotate_after {
        let (before, after) = (before.rotate_after, after.rotate_after);
        all.push(format!("a key is replaced after {after} instead of {before} (rotate_after)"));
    }
    if after.overlap < before.overlap {
        let (before, after) = (before.overlap, after.overlap);
        all.push(format!("an old key stays active for {after} instead of {before} (overlap)"));
    }
    let [_, rotate_after, overlap] = TAGS;
    // That tags are honoured at all is in `selection.rs`.
    for tag in [rotate_after, overlap].into_iter().filter(|_| old.user_tags == UserTags::Honoured) {
        if obeys(new, &user.listed, tag) && !obeys(old, &user.listed, tag) {
            all.push(format!("the tag {tag} on a user can shorten the life of its keys"));
        }
    }
    all
}

/// Whether this tag on the user decides about its keys.
fn obeys(settings: &Settings, listed: &ListedUser, tag: &str) -> bool {
    let by_tag = |value: &str| {
        let mut listed = listed.clone();
        listed.tags.push((tag.to_owned(), value.to_owned()));
        // A time that is too short for the others is refused, but it is obeyed.
        settings.subject(&listed).map(|(subject, _)| subject.overrides)
    };
    by_tag("3652d") != by_tag("3653d")
}

/// The schedules that start runs more often.
fn more_runs(old: &Json, new: &Json) -> Vec<String> {
    let of =
        |template| View(template).of("AWS::Scheduler::Schedule").map(|schedule| (schedule.id, schedule.properties));
    let before: BTreeMap<&str, &Json> = of(old).collect();
    let same_values = same_values(old, new);
    of(new)
        .filter_map(|(id, after)| {
            let before = before.get(id).copied().unwrap_or(&Json::Null);
            let is_same = same_values && EXPRESSION.iter().all(|property| before[*property] == after[*property]);
            if is_same { None } else { Starts::of(before).to(&Starts::of(after), id) }
        })
        .collect()
}

/// The properties that say when a schedule starts runs. A change of the time zone moves all runs once, by hours.
const EXPRESSION: [&str; 2] = ["ScheduleExpression", "State"];

/// When a schedule starts runs.
enum Starts {
    Never,
    By(ScheduleExpression),
    /// The schedule has no form that this program reads.
    Unclear,
}

impl Starts {
    fn of(properties: &Json) -> Self {
        let [expression, state] = EXPRESSION.map(|property| &properties[property]);
        match expression.as_str().map(str::parse) {
            _ if expression.is_null() || state == "DISABLED" => Self::Never,
            Some(Ok(expression)) if state.is_null() || state == "ENABLED" => Self::By(expression),
            _ => Self::Unclear,
        }
    }

    /// The sentence about the change of a schedule to `new`. `None` if no run starts earlier.
    fn to(&self, new: &Self, id: &str) -> Option<String> {
        match (self, new) {
            (_, Self::Never) => None,
            (Self::Never, Self::By(new)) => Some(format!("{id} starts runs: {}", new.as_str())),
            (Self::By(old), Self::By(new)) => {
                let (density, old, new) = (density(old, new), old.as_str(), new.as_str());
                match density {
                    Density::NoDenser => None,
                    Density::Denser => Some(format!(
                        "runs start more often, so each step comes earlier: {new} instead of {old} (schedule)"
                    )),
                    Density::Unknown => Some(format!("runs may start more often: {new} instead of {old} (schedule)")),
                }
            }
            (Self::Unclear, _) | (_, Self::Unclear) => Some(format!("runs may start more often: {id} (schedule)")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::test_templates::template;

    fn earlier(old: &Json, new: &Json) -> Vec<String> {
        earlier_steps(&Handlers::of(old, new), old, new)
    }

    /// What is earlier with the new settings, and with the old ones.
    fn both_ways(old: &str, new: &str) -> [Vec<String>; 2] {
        let [old, new] = [old, new].map(|more| {
            let users = if more.contains("users: [") { "" } else { "users: [alice, bob]\n" };
            template(&format!("emails: [a@b.co]\n{users}{more}\n"))
        });
        [earlier(&old, &new), earlier(&new, &old)]
    }

    #[test]
    fn what_comes_earlier_is_shown_and_what_comes_later_is_not() {
        let retire = "an old key that is still in use is deactivated after the overlap (still_in_use: retire)";
        for (old, new, expected) in [
            ("rotate_after: 60d", "rotate_after: 1440h", ""),
            (
                "rotate_after: 60d",
                "rotate_after: 59d",
                "a key is replaced after 59d instead of 60d (rotate_after): alice, bob",
            ),
            ("overlap: 7d", "overlap: 0", "an old key stays active for 0 instead of 7d (overlap): alice, bob"),
            (
                "delete_after: 14d",
                "delete_after: 13d",
                "a deactivated key is deleted after 13d instead of 14d (delete_after)",
            ),
            ("still_in_use: wait", "still_in_use: retire", retire),
            ("wait_at_most: 0", "still_in_use: retire", ""),
            (
                "wait_at_most: forever",
                "wait_at_most: 30d",
                "an old key that is still in use is deactivated 30d after the overlap, and not kept (wait_at_most)",
            ),
            (
                "wait_at_most: 30d",
                "wait_at_most: 3d",
                "an old key that is still in use is deactivated 3d after the overlap, not 30d (wait_at_most)",
            ),
            ("still_in_use: retire", "still_in_use: retire\nwait_at_most: 3d", ""),
            (
                "disabled_users: skip",
                "disabled_users: replace",
                "users with only inactive keys get a new active key (disabled_users: replace)",
            ),
            (
                "unused_after: never",
                "unused_after: 45d",
                "a key that is unused for 45d is deactivated, and its user gets no new key (unused_after)",
            ),
            (
                "unused_after: 45d",
                "unused_after: 30d",
                "a key that is unused for 30d is deactivated, and its user gets no new key (unused_after)",
            ),
            ("unused_after: 45d", "unused_after: 1080h", ""),
            (
                "unconfirmed_recipients: hold",
                "unconfirmed_recipients: proceed",
                "keys are replaced and deactivated although no recipient has confirmed (unconfirmed_recipients: proceed)",
            ),
            (
                "notify: []",
                "notify: ['https://a.example.com/']",
                "https://a.example.com/ counts as a recipient of notices: keys are replaced, deactivated and deleted although no \
                 address has confirmed (notify)",
            ),
            (
                "delivery: email\nnotify: []",
                "delivery: email\nnotify: ['https://a.example.com/']",
                "https://a.example.com/ counts as a recipient of notices: keys are deactivated and deleted although no address \
                 has confirmed; a new key still waits for its address (notify)",
            ),
            (
                "schedule: rate(1 day)",
                "schedule: rate(1 hour)",
                "runs start more often, so each step comes earlier: rate(1 hour) instead of rate(1 day) (schedule)",
            ),
            // The users that have times of their own.
            (
                "users: [{name: alice, rotate_after: 80d}, bob]",
                "users: [{name: alice, rotate_after: 70d}, bob]",
                "a key is replaced after 70d instead of 80d (rotate_after): alice",
            ),
            (
                "users: [{name: /ci/, overlap: 10d}, /ci/eu/]",
                "users: [{name: /ci/, overlap: 10d}, {name: /ci/eu/, overlap: 9d}]",
                "an old key stays active for 9d instead of 10d (overlap): /ci/eu/",
            ),
            ("users: [{name: alice, rotate_after: 80d}, bob]", "users: [bob]", ""),
        ] {
            let [there, back] = both_ways(old, new);
            assert_eq!(there.join("; "), expected, "{old} -> {new}");
            assert_eq!(back, [""; 0], "{new} -> {old}");
        }
    }

    /// The next rotation waits for the end of a window. Without one, it may delete the key at once, or much later.
    #[test]
    fn a_window_and_none_are_each_earlier_for_some_keys() {
        let [there, back] = both_ways("delete_after: 14d", "delete_after: next-rotation");
        assert_eq!(there, ["the next rotation may delete a deactivated key before 14d are over (delete_after)"]);
        assert_eq!(back, ["a deactivated key is deleted after 14d, before the next rotation (delete_after)"]);
        let [there, _] = both_ways("delete_after: 0", "delete_after: next-rotation");
        assert_eq!(there, [""; 0]);
    }

    /// The next run after such a change deleted nine keys.
    #[test]
    fn the_shortest_times_of_all_ask() {
        let [there, back] = both_ways(
            "rotate_after: 60d\noverlap: 7d\ndelete_after: 14d\nstill_in_use: wait",
            "rotate_after: 1d\noverlap: 0\ndelete_after: 0\nstill_in_use: retire\nwarn_before: 0",
        );
        let expected = [
            "an old key that is still in use is deactivated after the overlap (still_in_use: retire)",
            "a deactivated key is deleted after 0 instead of 14d (delete_after)",
            "a key is replaced after 1d instead of 60d (rotate_after): alice, bob",
            "an old key stays active for 0 instead of 7d (overlap): alice, bob",
        ];
        assert_eq!((there, back), (expected.map(str::to_owned).to_vec(), Vec::new()));
    }

    #[test]
    fn a_tag_that_begins_to_count_is_shown() {
        let tags = "user_tags: honoured";
        let own = format!("{tags}\nusers: [{{name: alice, rotate_after: 60d, overlap: 7d}}, bob]");
        let [there, back] = both_ways(&own, tags);
        let says = |tag: &str| format!("the tag key-rotation:{tag} on a user can shorten the life of its keys: alice");
        assert_eq!((there, back), (vec![says("overlap"), says("rotate-after")], Vec::new()));
    }

    #[test]
    fn a_schedule_that_begins_or_is_unclear_is_shown() {
        let old = template("emails: [a@b.co]\nusers: [alice]\n");
        let with = |property: &str, value: Json| {
            let mut template = old.clone();
            template["Resources"]["Schedule"]["Properties"][property] = value;
            template
        };
        let off = with("State", "DISABLED".into());
        assert_eq!(
            (earlier(&old, &off), earlier(&off, &old)),
            (vec![], vec!["Schedule starts runs: rate(1 day)".into()])
        );
        let mut none = old.clone();
        none["Resources"].as_object_mut().unwrap().shift_remove("Schedule");
        assert_eq!(
            (earlier(&old, &none), earlier(&none, &old)),
            (vec![], vec!["Schedule starts runs: rate(1 day)".into()])
        );
        for odd in [
            with("ScheduleExpression", serde_json::json!({"Ref": "AWS::Region"})),
            with("ScheduleExpression", "often".into()),
            with("State", serde_json::json!({"Ref": "AWS::Region"})),
        ] {
            let expected = ["runs may start more often: Schedule (schedule)"];
            assert_eq!(
                (earlier(&old, &odd), earlier(&odd, &old)),
                (expected.map(str::to_owned).to_vec(), expected.map(str::to_owned).to_vec())
            );
            assert_eq!(earlier(&odd, &odd), [""; 0]);
        }
        let [_, from_nothing] = [&old, &Json::Null].map(|before| earlier(before, &old));
        let expected = [
            "a new function rotates keys: rotate_after 60d, overlap 7d, still_in_use wait, delete_after 14d",
            "Schedule starts runs: rate(1 day)",
        ];
        assert_eq!(from_nothing, expected);
    }
}
