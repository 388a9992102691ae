//! A template as a picture in Mermaid: every resource, or an overview with one box for each group of resources. Pure.
//!
//! A role that exactly one resource acts as is drawn in that resource's box. So one arrow shows both what the resource does
//! and what it may do.

use serde_json::Value as Json;

use crate::{
    cfn::view::{Reference, Resource, View, references},
    docs::links::{Link, LinkEnd, links},
};

/// Resources that belong together.
struct Group {
    id: &'static str,
    title: &'static str,
    /// The AWS services of the resources.
    services: &'static str,
    /// The beginnings of the resources' types.
    types: &'static [&'static str],
}

const fn group(id: &'static str, title: &'static str, services: &'static str, types: &'static [&'static str]) -> Group {
    Group { id, title, services, types }
}

/// The groups, in the order in which a picture shows them. The topic of the alarms is in `ALARMS`, whatever its type says.
const GROUPS: [Group; 10] = [
    group("Schedule", "Schedule", "EventBridge", &["AWS::Scheduler::"]),
    group(EVENTS, "Events of the members", "EventBridge, SQS", &["AWS::Events::"]),
    group("Handler", "Handler", "Lambda", &["AWS::Lambda::", "AWS::Logs::"]),
    group("Permissions", "Permissions", "IAM", &["AWS::IAM::"]),
    group(NOTIFICATIONS, "Notifications", "SNS", &["AWS::SNS::", "AWS::KMS::"]),
    group("Queue", "Dead-letter queue", "SQS", &["AWS::SQS::"]),
    group(ALARMS, "Alarms", "CloudWatch, SNS", &["AWS::CloudWatch::"]),
    group("Packages", "Packages", "S3", &["AWS::S3::"]),
    group("Members", "Stacks of the members", "CloudFormation", &["AWS::CloudFormation::"]),
    group("Others", "Others", "", &[""]),
];
const ALARMS: &str = "Alarms";
const EVENTS: &str = "Events";
const NOTIFICATIONS: &str = "Notifications";

/// The picture of every resource.
#[must_use]
pub fn full(template: &Json) -> String {
    let view = View(template);
    let mut boxes = String::new();
    for group in GROUPS {
        let nodes: String = members(view, group.id).map(|resource| node(view, resource)).collect();
        if !nodes.is_empty() {
            boxes += &format!("  subgraph group_{} [\"{}\"]\n{nodes}  end\n", group.id, group.title);
        }
    }
    picture(view, &boxes, |resource| resource.id, |_, _, does| Some(does))
}

/// The picture of the groups, readable at first sight.
#[must_use]
pub fn overview(template: &Json) -> String {
    let view = View(template);
    let groups = GROUPS.into_iter().filter(|group| members(view, group.id).next().is_some());
    let boxes = groups.map(|Group { id, title, services, .. }| format!("  {id}[\"<b>{title}</b><br/>{services}\"]\n"));
    picture(view, &boxes.collect::<String>(), |resource| group_of(view, resource), summary)
}

/// The resources that have boxes in a group.
fn members<'t>(view: View<'t>, group: &str) -> impl Iterator<Item = Resource<'t>> {
    view.resources().filter(move |r| drawn_as(view, *r).id == r.id && group_of(view, *r) == group)
}

/// The id of the group of a resource.
fn group_of(view: View<'_>, resource: Resource<'_>) -> &'static str {
    let names = |resource: &Resource<'_>, id: &str| references(resource.body).iter().any(|r| r.name == id);
    // The topic that alarms publish to, its policy and its subscriptions belong to the alarms.
    let mut topics = view.of("AWS::SNS::Topic").filter(|t| t.id == resource.id || names(&resource, t.id));
    let alarm = |topic: Resource<'_>| view.of("AWS::CloudWatch::Alarm").any(|alarm| names(&alarm, topic.id));
    if resource.kind.starts_with("AWS::SNS::") && topics.any(alarm) {
        return ALARMS;
    }
    // The function is outside the stack, and a topic invokes it.
    if resource.kind == "AWS::Lambda::Permission" {
        return NOTIFICATIONS;
    }
    // A queue that a function reads passes on events.
    let mut readers = view.of("AWS::Lambda::EventSourceMapping");
    let is_queue = matches!(resource.kind, "AWS::SQS::Queue" | "AWS::SQS::QueuePolicy");
    if is_queue
        && readers
            .any(|reader| references(reader.body).iter().any(|r| r.name == resource.id || names(&resource, &r.name)))
    {
        return EVENTS;
    }
    let fits = |group: &&Group| group.types.iter().any(|kind| resource.kind.starts_with(kind));
    GROUPS.iter().find(fits).map_or("Others", |group| group.id)
}

/// The resource whose box shows this one: for a role, the only one that acts as it; otherwise the resource itself.
fn drawn_as<'t>(view: View<'t>, resource: Resource<'t>) -> Resource<'t> {
    let is_role = |r: &Reference| r.name == resource.id && (r.at.ends_with("Role") || r.at.ends_with("RoleArn"));
    let mut all =
        view.resources().filter(|other| other.id != resource.id && references(other.body).iter().any(is_role));
    match (all.next(), all.next()) {
        (Some(only), None) if resource.kind == "AWS::IAM::Role" => only,
        _ => resource,
    }
}

/// What one group does with another, in place of all that their resources do. `None` if an overview need not show it.
fn summary(from: &str, to: &str, does: String) -> Option<String> {
    let summary = match (from, to) {
        ("Schedule" | "Events", "Handler") => "starts",
        ("Schedule", "Queue") => "keeps failed starts in",
        ("Handler", "Queue") => "keeps failed runs in",
        ("Handler", "users") => "rotates keys of",
        ("Handler", "secrets") => "stores new keys in",
        ("Handler", "account") => "lists the users of",
        ("Handler", "keys") => "encrypts new keys with",
        ("Handler", "Notifications") => "sends notices to",
        ("Events", "Queue") => "keeps undelivered events in",
        ("Handler" | "Queue" | "Events", "Alarms") => "is watched by",
        ("Notifications" | "Alarms", "people") => "are mailed to",
        ("Notifications", "programs") => "are sent to",
        ("Notifications", "Queue") => "keeps undelivered notices in",
        // Both topics are encrypted with one key.
        ("Alarms", "Notifications") => return None,
        _ => return Some(does),
    };
    Some(summary.into())
}

/// The boxes, what is outside the stack, and one arrow for all links between the same two boxes.
fn picture<'t>(
    view: View<'t>,
    boxes: &str,
    box_of: impl Fn(Resource<'t>) -> &'t str,
    label: impl Fn(&str, &str, String) -> Option<String>,
) -> String {
    let mut outside: Vec<(&str, &str, Vec<String>)> = Vec::new();
    let mut arrows: Vec<(&str, &str, Vec<String>)> = Vec::new();
    for Link { from, to, does } in view.resources().flat_map(|resource| links(view, resource)) {
        let [from, to] = [from, to].map(|end| match end {
            LinkEnd::Resource(resource) => box_of(drawn_as(view, resource)),
            LinkEnd::Outside { id, title, member } => {
                match outside.iter_mut().find(|(known, ..)| *known == id) {
                    Some((.., members)) if members.contains(&member) => {}
                    Some((.., members)) => members.push(member),
                    None => outside.push((id, title, vec![member])),
                }
                id
            }
        });
        let Some(label) = label(from, to, does).filter(|_| from != to) else { continue };
        match arrows.iter_mut().find(|(a, b, _)| *a == from && *b == to) {
            Some((.., labels)) if labels.contains(&label) => {}
            Some((.., labels)) => labels.push(label),
            None => arrows.push((from, to, vec![label])),
        }
    }
    let mut out = format!("flowchart LR\n{boxes}");
    for (id, title, members) in &outside {
        out += &format!("  {id}([\"<b>{title}</b><br/>{}\"])\n", shortened(members));
    }
    for (from, to, labels) in &arrows {
        // First what is done; then, on one line, what is permitted.
        let (may, mut lines): (Vec<_>, Vec<_>) = labels.iter().map(|l| escape(l)).partition(|l| l.starts_with("may "));
        let may: Vec<_> = may.iter().map(|label| label.trim_start_matches("may ")).collect();
        lines.extend((!may.is_empty()).then(|| format!("may {}", may.join(", "))));
        out += &format!("  {} -->|\"{}\"| {}\n", node_id(from), lines.join("<br/>"), node_id(to));
    }
    if !outside.is_empty() {
        let ids: Vec<_> = outside.iter().map(|(id, ..)| *id).collect();
        out += &format!("  classDef outside stroke-dasharray: 4 3\n  class {} outside\n", ids.join(","));
    }
    out
}

fn node(view: View<'_>, resource: Resource<'_>) -> String {
    let kind = resource.kind.strip_prefix("AWS::").unwrap_or(resource.kind).replace("::", " ");
    let roles = view.resources().filter(|role| role.id != resource.id && drawn_as(view, *role).id == resource.id);
    let roles = roles.map(|role| format!("<br/>as {}", escape(role.id))).collect::<Vec<_>>().concat();
    format!("    {}[\"<b>{}</b><br/>{}{roles}\"]\n", node_id(resource.id), escape(resource.id), escape(&kind))
}

/// The first few members, and how many more there are.
fn shortened(members: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut lines: Vec<_> = members.iter().take(SHOWN).map(|member| escape(member)).collect();
    if members.len() > SHOWN {
        lines.push(format!("and {} more", members.len() - SHOWN));
    }
    lines.join("<br/>")
}

/// Mermaid's own words cannot be ids of nodes.
fn node_id(name: &str) -> String {
    let reserved = ["end", "graph", "subgraph", "flowchart", "class", "click", "style", "default", "call", "direction"];
    if reserved.contains(&name) { format!("{name}_") } else { name.to_owned() }
}

fn escape(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' => "#quot;".into(),
        '#' => "#35;".into(),
        '<' => "#lt;".into(),
        '>' => "#gt;".into(),
        c => String::from(c),
    };
    text.chars().map(escaped).collect()
}
