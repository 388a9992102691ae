//! A template as a picture, in Mermaid: its resources, what they do with each other, and whom they reach outside. Pure.
//!
//! A role that one resource alone acts as is drawn as part of that resource, so that what somebody may do stands beside what it
//! does; with every role by itself each arrow would be there twice.

use lambda::contract::call_permissions::CHOOSING;
use serde_json::Value as Json;

use crate::cfn::view::{How, Reference, Resource, Statement, View, each, references, text};

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

struct Graph<'t> {
    view: View<'t>,
    /// Each role that is drawn as part of another resource, and that resource.
    worn: Vec<(&'t str, &'t str)>,
    edges: Vec<Edge>,
    actors: Vec<Actor>,
}

/// The groups of the picture, and the types of resources that are in them.
const GROUPS: [(&str, &[&str]); 6] = [
    ("When", &["AWS::Scheduler::", "AWS::Events::"]),
    ("The run", &["AWS::Lambda::Function", "AWS::Lambda::Alias", "AWS::Lambda::Version", "AWS::Logs::"]),
    ("What it may do", &["AWS::IAM::"]),
    ("Notifications", &["AWS::SNS::", "AWS::KMS::"]),
    ("Failures and alarms", &["AWS::SQS::", "AWS::Lambda::EventInvokeConfig", "AWS::CloudWatch::"]),
    ("What is deployed", &["AWS::S3::"]),
];

/// The picture.
#[must_use]
pub fn mermaid(template: &Json) -> String {
    let view = View(template);
    let mut graph = Graph { view, worn: worn(view), edges: Vec::new(), actors: Vec::new() };
    view.resources().for_each(|resource| graph.resource(resource));
    let group = |resource: &Resource<'_>| {
        let is_in = |(_, kinds): &(&str, &[&str])| kinds.iter().any(|kind| resource.kind.starts_with(kind));
        GROUPS.iter().position(is_in)
    };
    let mut out = String::from("flowchart LR\n");
    let titles = GROUPS.iter().map(|(title, _)| *title).enumerate().map(|(index, title)| (Some(index), title));
    for (index, title) in titles.chain([(None, "More")]) {
        let members: Vec<_> = view.resources().filter(|r| group(r) == index && graph.drawn(r.id) == r.id).collect();
        if !members.is_empty() {
            let nodes: String = members.iter().map(|resource| graph.node(resource)).collect();
            out += &format!("  subgraph {} [\"{title}\"]\n{nodes}  end\n", title.replace(' ', "_"));
        }
    }
    for actor in &graph.actors {
        out += &format!("  {}([\"<b>{}</b><br/>{}\"])\n", actor.id, actor.name, shortened(&actor.members));
    }
    for Edge { from, to, says } in &graph.edges {
        // What is done comes before what is permitted, which is one line.
        let (may, does): (Vec<_>, Vec<_>) = says.iter().partition(|says| says.starts_with("may "));
        let may: Vec<_> = may.iter().map(|says| says.trim_start_matches("may ")).collect();
        let may = (!may.is_empty()).then(|| format!("may {}", may.join(", ")));
        let lines: Vec<_> = does.into_iter().chain(&may).map(|line| escape(line)).collect();
        out += &format!("  {} -->|\"{}\"| {}\n", id(from), lines.join("<br/>"), id(to));
    }
    let outside: Vec<_> = graph.actors.iter().map(|actor| actor.id).collect();
    if !outside.is_empty() {
        out += &format!("  classDef outside stroke-dasharray: 4 3\n  class {} outside\n", outside.join(","));
    }
    out
}

/// The roles that exactly one other resource acts as.
fn worn(view: View<'_>) -> Vec<(&str, &str)> {
    let acts_as = |resource: &Resource<'_>, role: &str| {
        let names_it = |r: &Reference| r.name == role && (r.at.ends_with("Role") || r.at.ends_with("RoleArn"));
        references(resource.body).iter().any(names_it)
    };
    let wearer = |role: Resource<'_>| {
        let mut all = view.resources().filter(|resource| resource.id != role.id && acts_as(resource, role.id));
        let first = all.next()?;
        all.next().is_none().then_some(first.id)
    };
    view.of("AWS::IAM::Role").filter_map(|role| Some((role.id, wearer(role)?))).collect()
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

impl Graph<'_> {
    /// What a resource is drawn as: itself, or whoever acts as it.
    fn drawn<'i>(&'i self, id: &'i str) -> &'i str {
        self.worn.iter().find(|(role, _)| *role == id).map_or(id, |(_, wearer)| wearer)
    }

    fn node(&self, resource: &Resource<'_>) -> String {
        let kind = resource.kind.strip_prefix("AWS::").unwrap_or(resource.kind).replace("::", " ");
        let roles = self.worn.iter().filter(|(_, wearer)| *wearer == resource.id);
        let roles: Vec<_> = roles.map(|(role, _)| format!("<br/>as {}", escape(role))).collect();
        format!("    {}[\"<b>{}</b><br/>{}{}\"]\n", id(resource.id), escape(resource.id), escape(&kind), roles.concat())
    }

    fn edge(&mut self, from: &str, to: &str, says: String) {
        let (from, to) = (self.drawn(from).to_owned(), self.drawn(to).to_owned());
        if from == to {
            return;
        }
        match self.edges.iter_mut().find(|edge| edge.from == from && edge.to == to) {
            Some(edge) if edge.says.contains(&says) => {}
            Some(edge) => edge.says.push(says),
            None => self.edges.push(Edge { from, to, says: vec![says] }),
        }
    }

    fn actor(&mut self, id: &'static str, name: &'static str, member: String) {
        match self.actors.iter_mut().find(|actor| actor.id == id) {
            Some(actor) if actor.members.contains(&member) => {}
            Some(actor) => actor.members.push(member),
            None => self.actors.push(Actor { id, name, members: vec![member] }),
        }
    }

    fn resource(&mut self, resource: Resource<'_>) {
        let view = self.view;
        let role = view.roles().into_iter().find(|role| role.resource.id == resource.id);
        for statement in role.iter().flat_map(|role| &role.policies) {
            self.statement(resource.id, statement);
        }
        // What a policy names is shown as what it permits.
        let is_policy = |reference: &Reference| {
            ["Policies.", "PolicyDocument.", "KeyPolicy."].iter().any(|part| reference.at.contains(part))
        };
        for reference in references(resource.body).into_iter().filter(|r| r.how != How::Condition && !is_policy(r)) {
            if view.resources().any(|other| other.id == reference.name && other.id != resource.id) {
                let other = reference.name.as_str();
                match meaning(resource.kind, &reference.at) {
                    Meaning::From(MESSAGES) => self.edge(other, resource.id, messages(&resource)),
                    Meaning::To(says) => self.edge(resource.id, other, says.to_owned()),
                    Meaning::From(says) => self.edge(other, resource.id, says.to_owned()),
                }
            }
        }
        if resource.kind == "AWS::SNS::Subscription" && text(&resource.properties["Protocol"]).starts_with("email") {
            self.actor("mailboxes", "mailboxes", text(&resource.properties["Endpoint"]));
            self.edge(resource.id, "mailboxes", "mails".into());
        }
    }

    /// An arrow from the role to each thing that the statement is about.
    fn statement(&mut self, role: &str, statement: &Statement<'_>) {
        let view = self.view;
        let verb = if statement.allows() { "may" } else { "must not" };
        let what = match statement.sid() {
            "" => statement.texts("Action").join(", "),
            sid => words(sid),
        };
        let named: Vec<_> =
            references(&statement.body["Resource"]).into_iter().map(|reference| reference.name).collect();
        for target in view.resources().filter(|target| named.iter().any(|name| name == target.id)) {
            self.edge(role, target.id, format!("{verb} {what}"));
        }
        for resource in statement.texts("Resource") {
            let outside = if resource == "*" && lists_users(statement) {
                Some(("account", "the account", "the lists of its users".to_owned()))
            } else if resource == "*" {
                Some(("everything", "everything", "*".to_owned()))
            } else if let Some((_, user)) = resource.split_once(":user/") {
                Some(("users", "IAM users", users(user, statement)))
            } else if let Some((_, secret)) = resource.split_once(":secret:") {
                Some(("secrets", "secrets", secret.to_owned()))
            } else if let Some((_, key)) = resource.split_once(":key/") {
                Some(("keys", "encryption keys", key.to_owned()))
            } else if !resource.starts_with("${")
                && !view.resources().any(|r| resource.contains(&format!("${{{}", r.id)))
            {
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

/// Whether it is about the lists that the account's users are found in, which IAM has under no name.
fn lists_users(statement: &Statement<'_>) -> bool {
    let actions = statement.texts("Action");
    !actions.is_empty() && actions.iter().all(|action| CHOOSING.iter().any(|(known, _)| known == action))
}

/// Whom a resource behind `user/` means: one, all below a path, or those with a tag.
fn users(resource: &str, statement: &Statement<'_>) -> String {
    const TAG: &str = "aws:ResourceTag/";
    let conditions = statement.body["Condition"]["StringEquals"].as_object();
    let tag = conditions.into_iter().flatten().find_map(|(key, values)| Some((key.strip_prefix(TAG)?, values)));
    match (tag, resource.strip_suffix('*')) {
        (Some((key, values)), _) => {
            format!("tagged {key} = {}", each(values).map(text).collect::<Vec<_>>().join(" or "))
        }
        (None, Some("")) => "everybody".to_owned(),
        (None, Some(path)) if path.ends_with('/') => format!("all below /{path}"),
        _ => resource.to_owned(),
    }
}

/// `RotateKeys` as a reader says it.
fn words(sid: &str) -> String {
    let spaced = |c: char| if c.is_ascii_uppercase() { format!(" {}", c.to_ascii_lowercase()) } else { c.into() };
    sid.chars().map(spaced).collect::<String>().trim_start().to_owned()
}

/// What happens between a resource and one that it names.
enum Meaning {
    /// Something goes to what is named.
    To(&'static str),
    /// Something comes from it.
    From(&'static str),
}

const MESSAGES: &str = "everything";

/// What goes from a topic to this subscription: all of it, or what the filter policy lets through.
fn messages(subscription: &Resource<'_>) -> String {
    let filter = subscription.properties["FilterPolicy"].as_object();
    let conditions = filter.into_iter().flatten().map(|(attribute, values)| {
        let values: Vec<_> = each(values).map(text).collect();
        format!("{attribute} {}", values.join(" or "))
    });
    conditions.reduce(|all, condition| all + ", " + &condition).unwrap_or_else(|| MESSAGES.to_owned())
}

/// What it means that a resource names another at this place.
fn meaning(kind: &str, at: &str) -> Meaning {
    use Meaning::{From, To};
    let ends = |property: &str| at.ends_with(property);
    match kind {
        "AWS::Scheduler::Schedule" | "AWS::Events::Rule" if at.contains("DeadLetter") => To("undelivered events"),
        "AWS::Scheduler::Schedule" | "AWS::Events::Rule" if ends("RoleArn") => To("acts as"),
        "AWS::Scheduler::Schedule" | "AWS::Events::Rule" => To("triggers"),
        "AWS::Lambda::Function" if ends("Role") => To("acts as"),
        "AWS::Lambda::Function" if at.contains("LoggingConfig") => To("logs"),
        "AWS::Lambda::Function" if at.contains("Environment") => To("publishes"),
        "AWS::Lambda::Function" if at.contains("DeadLetterConfig") => To("failed runs"),
        "AWS::Lambda::EventInvokeConfig" if at.contains("Destination") => To("keeps them in"),
        "AWS::Lambda::EventInvokeConfig" => From("failed runs"),
        "AWS::SNS::Subscription" if ends("TopicArn") => From(MESSAGES),
        "AWS::SNS::Subscription" => To("delivers"),
        "AWS::SNS::Topic" if ends("KmsMasterKeyId") => To("is encrypted with"),
        "AWS::SNS::TopicPolicy" | "AWS::SQS::QueuePolicy" => To("says who may use"),
        "AWS::CloudWatch::Alarm" if at.contains("Actions") => To("tells"),
        "AWS::CloudWatch::Alarm" => From("is watched by"),
        "AWS::CloudWatch::Dashboard" => From("is shown on"),
        "AWS::Lambda::Permission" => To("lets it be invoked"),
        "AWS::S3::BucketPolicy" => To("guards"),
        _ => To("refers to"),
    }
}
