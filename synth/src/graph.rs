//! A template as a picture, in Mermaid: its resources, what they do with each other, and whom they reach outside. Pure.

use serde_json::Value as Json;

use crate::cfn::view::{How, Reference, Resource, Statement, View, references, text};

/// One arrow. Several reasons for the same arrow stand together on it.
struct Edge {
    from: String,
    to: String,
    says: Vec<String>,
}

/// Someone or something outside the stack.
struct Actor {
    id: &'static str,
    name: &'static str,
    members: Vec<String>,
}

#[derive(Default)]
struct Graph {
    edges: Vec<Edge>,
    actors: Vec<Actor>,
}

/// The groups of the picture, and the types of resources that are in them.
const GROUPS: [(&str, &[&str]); 5] = [
    ("When", &["AWS::Scheduler::", "AWS::Events::"]),
    ("The run", &["AWS::Lambda::Function", "AWS::Lambda::Alias", "AWS::Lambda::Version", "AWS::Logs::"]),
    ("What it may do", &["AWS::IAM::"]),
    ("Who is told", &["AWS::SNS::"]),
    ("What went wrong", &["AWS::SQS::", "AWS::Lambda::EventInvokeConfig", "AWS::CloudWatch::"]),
];

/// The picture.
#[must_use]
pub fn mermaid(template: &Json) -> String {
    let view = View(template);
    let mut graph = Graph::default();
    view.resources().for_each(|resource| graph.resource(view, resource));
    let group = |resource: &Resource<'_>| {
        let is_in = |(_, kinds): &(&str, &[&str])| kinds.iter().any(|kind| resource.kind.starts_with(kind));
        GROUPS.iter().position(is_in)
    };
    let mut out = String::from("flowchart LR\n");
    let titles = GROUPS.iter().map(|(title, _)| *title).enumerate().map(|(index, title)| (Some(index), title));
    for (index, title) in titles.chain([(None, "More")]) {
        let members: Vec<_> = view.resources().filter(|resource| group(resource) == index).collect();
        if !members.is_empty() {
            let nodes: String = members.iter().map(node).collect();
            out += &format!("  subgraph {} [\"{title}\"]\n{nodes}  end\n", title.replace(' ', "_"));
        }
    }
    for actor in &graph.actors {
        out += &format!("  {}([\"<b>{}</b><br/>{}\"])\n", actor.id, actor.name, shortened(&actor.members));
    }
    for Edge { from, to, says } in &graph.edges {
        let says = says.join(", ").replace(", may ", ", ");
        out += &format!("  {} -->|\"{}\"| {}\n", id(from), escape(&says), id(to));
    }
    let outside: Vec<_> = graph.actors.iter().map(|actor| actor.id).collect();
    if !outside.is_empty() {
        out += &format!("  classDef outside stroke-dasharray: 4 3\n  class {} outside\n", outside.join(","));
    }
    out
}

fn node(resource: &Resource<'_>) -> String {
    let kind = resource.kind.strip_prefix("AWS::").unwrap_or(resource.kind).replace("::", " ");
    format!("    {}[\"<b>{}</b><br/>{}\"]\n", id(resource.id), escape(resource.id), escape(&kind))
}

/// The first few, and how many more there are.
fn shortened(members: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut lines: Vec<_> = members.iter().take(SHOWN).map(|member| escape(member)).collect();
    if members.len() > SHOWN {
        lines.push(format!("and {} more", members.len() - SHOWN));
    }
    lines.join("<br/>")
}

/// Words that mean something to Mermaid cannot be nodes.
fn id(name: &str) -> String {
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

impl Graph {
    fn edge(&mut self, from: &str, to: &str, says: String) {
        match self.edges.iter_mut().find(|edge| edge.from == from && edge.to == to) {
            Some(edge) if edge.says.contains(&says) => {}
            Some(edge) => edge.says.push(says),
            None => self.edges.push(Edge { from: from.into(), to: to.into(), says: vec![says] }),
        }
    }

    fn actor(&mut self, id: &'static str, name: &'static str, member: String) {
        match self.actors.iter_mut().find(|actor| actor.id == id) {
            Some(actor) if actor.members.contains(&member) => {}
            Some(actor) => actor.members.push(member),
            None => self.actors.push(Actor { id, name, members: vec![member] }),
        }
    }

    fn resource(&mut self, view: View<'_>, resource: Resource<'_>) {
        let role = view.roles().into_iter().find(|role| role.resource.id == resource.id);
        for statement in role.iter().flat_map(|role| &role.policies) {
            self.statement(view, resource.id, statement);
        }
        // What a policy names is shown as what it permits.
        let is_policy = |reference: &Reference| reference.at.contains("Policies.") || reference.at.contains("PolicyDocument.");
        for reference in references(resource.body).into_iter().filter(|r| r.how != How::Condition && !is_policy(r)) {
            if view.resources().any(|other| other.id == reference.name && other.id != resource.id) {
                self.edge(resource.id, &reference.name, meaning(resource.kind, &reference.at).to_owned());
            }
        }
        if resource.kind == "AWS::SNS::Subscription" && text(&resource.properties["Protocol"]).starts_with("email") {
            self.actor("mailboxes", "mailboxes", text(&resource.properties["Endpoint"]));
            self.edge(resource.id, "mailboxes", "mails".into());
        }
    }

    /// An arrow from the role to each thing that the statement is about.
    fn statement(&mut self, view: View<'_>, role: &str, statement: &Statement<'_>) {
        let verb = if statement.allows() { "may" } else { "must not" };
        let what = match statement.sid() {
            "" => statement.texts("Action").join(", "),
            sid => words(sid),
        };
        let named: Vec<_> = references(&statement.body["Resource"]).into_iter().map(|reference| reference.name).collect();
        for target in view.resources().filter(|target| named.iter().any(|name| name == target.id)) {
            self.edge(role, target.id, format!("{verb} {what}"));
        }
        for resource in statement.texts("Resource") {
            let outside = if resource == "*" {
                Some(("everything", "everything", "*".to_owned()))
            } else if let Some((_, user)) = resource.split_once(":user/") {
                Some(("users", "IAM users", user.to_owned()))
            } else if let Some((_, secret)) = resource.split_once(":secret:") {
                Some(("secrets", "secrets", secret.trim_end_matches("-??????").to_owned()))
            } else if !resource.starts_with("${") && !view.resources().any(|r| resource.contains(&format!("${{{}", r.id))) {
                Some(("elsewhere", "elsewhere", resource))
            } else {
                None
            };
            if let Some((id, name, member)) = outside {
                self.actor(id, name, member);
                self.edge(role, id, format!("{verb} {what}"));
            }
        }
    }
}

/// `RotateKeys` as a reader says it.
fn words(sid: &str) -> String {
    let spaced = |c: char| if c.is_ascii_uppercase() { format!(" {}", c.to_ascii_lowercase()) } else { c.into() };
    sid.chars().map(spaced).collect::<String>().trim_start().to_owned()
}

/// What it means that a resource names another at this place.
fn meaning(kind: &str, at: &str) -> &'static str {
    let ends = |property: &str| at.ends_with(property);
    match kind {
        "AWS::Scheduler::Schedule" | "AWS::Events::Rule" if at.contains("DeadLetter") => "undelivered events go to",
        "AWS::Scheduler::Schedule" | "AWS::Events::Rule" if ends("RoleArn") => "acts as",
        "AWS::Scheduler::Schedule" | "AWS::Events::Rule" => "triggers",
        "AWS::Lambda::Function" if ends("Role") => "runs as",
        "AWS::Lambda::Function" if at.contains("LoggingConfig") => "logs to",
        "AWS::Lambda::Function" if at.contains("Environment") => "publishes to",
        "AWS::Lambda::Function" if at.contains("DeadLetterConfig") => "failed runs go to",
        "AWS::Lambda::EventInvokeConfig" if at.contains("Destination") => "keeps them in",
        "AWS::Lambda::EventInvokeConfig" => "watches",
        "AWS::SNS::Subscription" if ends("TopicArn") => "subscribes to",
        "AWS::SNS::Subscription" => "delivers to",
        "AWS::CloudWatch::Alarm" if at.contains("Actions") => "tells",
        "AWS::CloudWatch::Alarm" => "watches",
        "AWS::Lambda::Permission" => "lets it be invoked",
        _ => "refers to",
    }
}
