//! Decides which changes are understood. The comparison of permissions decides some, the other modules of this folder
//! decide the handler's settings, and [`tables`] list harmless changes with their reasons. Every other change is unknown,
//! and needs approval.

mod known_value;
mod rules;
mod silence;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use lambda::{
    contract::{language::Language, publisher_settings::PUBLISH_TO, settings::Variable},
    model::email::Email,
};
use serde_json::{Map, Value as Json};

pub(super) use self::tables::is_harmless;
use self::{
    known_value::is_dynamic,
    rules::{Edit, Edited, literal, program_endpoint},
    tables::{
        Meaning::{self, Asks, AsksUnless, Harmless, HarmlessIf, Parts, Replaces, ReplacesOrIf, Variables, WhenNew},
        SECTIONS, attribute, meaning, properties,
    },
};
use super::{handler_env, member_change::MemberChange, values::Path};
use crate::{
    cfn::{
        text::{self, pieces},
        view::{View, references},
    },
    iam::{grants, template::redefined_names},
};

/// What the tables say about a change of a template.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// The changes that are not understood: each is a place and a reason, in one line.
    pub(super) unknown: Vec<String>,
    /// The harmless changes.
    pub(super) harmless: Vec<HarmlessChange>,
    /// The addresses and endpoints that lose a subscription, each with what it no longer gets.
    pub(super) unsubscribed: BTreeMap<String, BTreeSet<&'static str>>,
}

/// A harmless change of a resource.
#[derive(Debug)]
pub(super) struct HarmlessChange {
    /// The logical id of the resource.
    resource: String,
    /// The part of the resource, with a `.` before each inner property. `None` for a whole resource.
    part: Option<String>,
    /// What is harmless about it.
    pub(super) why: &'static str,
}

impl HarmlessChange {
    /// Whether a difference at this path of a resource belongs to the change.
    pub(super) fn contains(&self, resource: &str, path: &Path) -> bool {
        self.resource == resource && self.part.as_deref().is_none_or(|part| path.is_below(part))
    }
}

/// Judges the change from one template to another. `parameters` names the parameters that get another value. `members`
/// is the change of the members' template, if it is known.
pub(super) fn judge(
    old: &Json,
    new: &Json,
    parameters: &BTreeSet<String>,
    members: Option<&MemberChange>,
) -> Judgement {
    if old == new && parameters.is_empty() {
        return Judgement::default();
    }
    let tainted = &redefined_names(old, new, parameters) | &removed_names(old, new);
    let mut judge = Judge {
        members: members.filter(|members| members.is_named(old, new)),
        old,
        new,
        redefined: redefined_names(old, new, &BTreeSet::new()),
        kept: certain_part(old, new, &tainted),
        tainted,
        judgement: Judgement::default(),
    };
    if [old, new].into_iter().any(|template| View(template).is_rewritten()) {
        judge.unknown("Transform", "a macro can rewrite every part of the template");
    }
    let none = Map::new();
    let section = |template: &'_ Json, name: &str| template.get(name).and_then(Json::as_object).cloned();
    let (before, after) = (old.as_object().unwrap_or(&none), new.as_object().unwrap_or(&none));
    for name in keys(before, after) {
        let is_map =
            |template: &Map<String, Json>| template.get(name).is_none_or(|value| value.is_object() || value.is_null());
        match name.as_str() {
            "Resources" | "Outputs" if is_map(before) && is_map(after) => {
                let (before, after) = (section(old, name).unwrap_or_default(), section(new, name).unwrap_or_default());
                for id in keys(&before, &after) {
                    if name == "Outputs" {
                        judge.output(id, before.get(id), after.get(id));
                    } else {
                        judge.resource(id, before.get(id), after.get(id));
                    }
                }
            }
            "Parameters" if is_map(before) && is_map(after) => {
                let (before, after) = (section(old, name).unwrap_or_default(), section(new, name).unwrap_or_default());
                for (id, parameter) in &after {
                    let Some(old) = before.get(id) else { continue };
                    let (old, new) = (old.get("NoEcho"), parameter.get("NoEcho"));
                    if old == new || new.is_some_and(|hides| *hides == true || hides == "true") {
                        continue;
                    }
                    judge.unknown(&format!("parameter {id}"), "those who may see the stack can read its value");
                }
            }
            known if SECTIONS.contains(&known) && is_map(before) && is_map(after) => {}
            "AWSTemplateFormatVersion" | "Description" | "Transform" => {}
            _ if before.get(name) == after.get(name) => {}
            _ => judge.unknown(name, "this section is not compared"),
        }
    }
    judge.silences();
    judge.judgement
}

/// The names that only the old template defines. A value that still uses one cannot be resolved.
fn removed_names(old: &Json, new: &Json) -> BTreeSet<String> {
    let names = |template: &Json| -> BTreeSet<String> {
        let sections = ["Parameters", "Mappings", "Conditions", "Resources"].map(|name| template.get(name));
        sections.into_iter().flatten().filter_map(Json::as_object).flat_map(Map::keys).cloned().collect()
    };
    &names(old) - &names(new)
}

/// The new template without each resource that a condition may leave out, unless the resource had that condition before.
fn certain_part(old: &Json, new: &Json, tainted: &BTreeSet<String>) -> Json {
    let condition = |body: &Json| body.get("Condition").cloned();
    let stays = |id: &str, body: &Json| match condition(body) {
        None => true,
        Some(name) => {
            let old = old.get("Resources").and_then(|resources| resources.get(id));
            let is_tainted = name.as_str().is_none_or(|name| tainted.contains(name));
            !is_tainted && old.and_then(condition) == Some(name)
        }
    };
    let mut kept = new.clone();
    if let Some(resources) = kept.get_mut("Resources").and_then(Json::as_object_mut) {
        resources.retain(|id, body| stays(id, body));
    }
    kept
}

/// The keys of both maps.
fn keys<'m>(old: &'m Map<String, Json>, new: &'m Map<String, Json>) -> impl Iterator<Item = &'m String> {
    new.keys().chain(old.keys().filter(|key| !new.contains_key(*key)))
}

/// Whether both values are the same in every deployment, as far as their texts say.
fn is_same(old: Option<&Json>, new: Option<&Json>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) if old != new => match (old, new) {
            (Json::Array(old), Json::Array(new)) => {
                old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_same(Some(old), Some(new)))
            }
            _ => match (pieces(old), pieces(new)) {
                (Some(old), Some(new)) => old == new,
                (None, None) => {
                    let maps = old.as_object().zip(new.as_object());
                    maps.is_some_and(|(old, new)| keys(old, new).all(|key| is_same(old.get(key), new.get(key))))
                }
                _ => false,
            },
        },
        (old, new) => old == new,
    }
}

fn kind(body: &Json) -> &str {
    body.get("Type").and_then(Json::as_str).unwrap_or_default()
}

/// The addresses that a list of addresses loses. `None` if it gains one, or if it has none or is not known.
fn fewer_addresses(old: Option<&Json>, new: Option<&Json>) -> Option<BTreeSet<String>> {
    let read = |list: Option<&Json>| -> Option<BTreeSet<String>> {
        literal(list)?.split(' ').map(|address| Some(address.parse::<Email>().ok()?.small())).collect()
    };
    let (old, new) = (read(old)?, read(new)?);
    new.is_subset(&old).then(|| &old - &new)
}

struct Judge<'t> {
    /// The change of the members' template. `None` if it is not known, or is not that of these two templates.
    members: Option<&'t MemberChange>,
    old: &'t Json,
    new: &'t Json,
    /// The new template without the resources that a condition may leave out of a deployment.
    kept: Json,
    /// The names that have another meaning in the new template.
    redefined: BTreeSet<String>,
    /// The same names, with the parameters that get another value, and with the names that the new template lacks.
    tainted: BTreeSet<String>,
    judgement: Judgement,
}

impl Judge<'_> {
    fn unknown(&mut self, place: &str, why: &str) {
        self.judgement.unknown.push(format!("{place}: {why}"));
    }

    fn harmless(&mut self, resource: &str, part: Option<&str>, why: &'static str) {
        let (resource, part) = (resource.to_owned(), part.map(str::to_owned));
        self.judgement.harmless.push(HarmlessChange { resource, part, why });
    }

    /// A name that the value uses and that has another meaning than before.
    fn taint(&self, value: &Json) -> Option<String> {
        references(value).into_iter().map(|reference| reference.name).find(|name| self.tainted.contains(name))
    }

    /// An output changes nothing in the account. But other stacks use what is exported, and people and `synth` the rest.
    fn output(&mut self, name: &str, old: Option<&Json>, new: Option<&Json>) {
        let (Some(new), place) = (new, format!("output {name}")) else { return };
        let part = |output: Option<&Json>, part: &str| output.and_then(|output| output.get(part)).cloned();
        let value = part(Some(new), "Value");
        if !is_same(part(old, "Export").as_ref(), part(Some(new), "Export").as_ref()) {
            self.unknown(&place, "other stacks use what is exported");
        } else if old.is_none() && !value.is_some_and(|value| known_value::is_known(self.new, &value)) {
            self.unknown(&place, "it may show a value that is known only in a deployment");
        } else if old.is_some()
            && (!is_same(part(old, "Value").as_ref(), part(Some(new), "Value").as_ref()) || self.taint(new).is_some())
        {
            self.unknown(&place, "it has another value");
        }
    }

    fn resource(&mut self, id: &str, old: Option<&Json>, new: Option<&Json>) {
        let body = new.or(old).unwrap_or(&Json::Null);
        let kind = kind(body);
        // These two take plain texts only.
        let differs = |part: &str| old.zip(new).is_some_and(|(old, new)| old.get(part) != new.get(part));
        if differs("Type") {
            return self.unknown(id, "it has another type");
        }
        if is_same(old, new) && !differs("Condition") && self.taint(body).is_none() {
            return;
        }
        let Some(_) = properties(kind) else {
            return self.unknown(id, &format!("changes of the type {kind} are not compared"));
        };
        let Some(new) = new else {
            // Policies that are deleted beside a principal that is not may have denied it something.
            let keeps = body.get("DeletionPolicy").is_some_and(|policy| policy != "Delete");
            if keeps && matches!(kind, "AWS::IAM::Group" | "AWS::IAM::Role" | "AWS::IAM::User") {
                self.unknown(id, "it stays in the account, without the stack");
            }
            if kind == "AWS::SNS::Subscription" {
                self.unsubscribed(id, &body["Properties"]);
            }
            return;
        };
        let empty = Map::new();
        let of = |body: Option<&'_ Json>| body.and_then(Json::as_object).cloned();
        let (before, after) = (of(old).unwrap_or_default(), of(Some(new)).unwrap_or_default());
        // With another condition, the resource may be new.
        let condition = |body: &Map<String, Json>| body.get("Condition").cloned();
        let may_be_new = condition(&before) != condition(&after)
            || condition(&after).is_some_and(|name| name.as_str().is_some_and(|name| self.tainted.contains(name)));
        if old.is_some() && may_be_new {
            let parts = self.changed_parts(&before, &after);
            if !parts.is_empty() {
                // Where the condition was fulfilled before, each change is one of an existing resource.
                let why = format!("it changes together with the condition: {}", parts.join(", "));
                return self.unknown(id, &why);
            }
            if condition(&after).is_none() {
                return self.unknown(id, "it is created where its old condition was not fulfilled");
            }
        }
        let existed = old.is_some();
        let old = old.filter(|_| !may_be_new);
        let properties = after.get("Properties").and_then(Json::as_object).unwrap_or(&empty);
        let resource = Edited { id, kind, properties, is_new: old.is_none() };
        for name in keys(&before, &after).filter(|name| !matches!(name.as_str(), "Condition" | "Properties" | "Type")) {
            self.decide(&resource, name, attribute(name), (before.get(name), after.get(name)));
        }
        let within = |body: Option<&'_ Json>| body.and_then(|body| body.get("Properties")).cloned();
        let (before, after) = (within(old), within(Some(new)));
        // AWS acts for a new resource with a role, and all that it may do is shown as new.
        if old.is_none() && after.as_ref().is_some_and(|after| grants::acting_role(kind, after).is_some()) {
            return;
        }
        let is_map = |value: &Option<Json>| value.as_ref().is_none_or(Json::is_object);
        if !is_map(&before) || !is_map(&after) {
            return self.unknown(id, "its properties are known only in a deployment");
        }
        if old.is_none()
            && kind == "AWS::SNS::Subscription"
            && let Some(endpoint) = program_endpoint(properties)
        {
            return self.unknown(id, &format!("{endpoint} gets every notice, but no secret"));
        }
        let unknown = self.judgement.unknown.len();
        let harmless = self.judgement.harmless.len();
        self.parts(&resource, "", before.as_ref().and_then(Json::as_object).unwrap_or(&empty), properties);
        if old.is_none() && self.judgement.unknown.len() == unknown && grants::reads_nothing(kind) {
            self.judgement.harmless.truncate(harmless);
            if !existed {
                self.harmless(id, None, "new resources that allow nothing");
            }
        }
    }

    /// The parts of a resource that change, except its condition: its attributes and its properties.
    fn changed_parts(&self, old: &Map<String, Json>, new: &Map<String, Json>) -> Vec<String> {
        let changes = |old: Option<&Json>, new: Option<&Json>| {
            !is_same(old, new) || [old, new].into_iter().flatten().any(|value| self.taint(value).is_some())
        };
        let mut parts = Vec::new();
        for name in keys(old, new).filter(|name| *name != "Condition") {
            let (old, new) = (old.get(name), new.get(name));
            match (name.as_str(), old.and_then(Json::as_object), new.and_then(Json::as_object)) {
                ("Properties", Some(old), Some(new)) => {
                    parts.extend(keys(old, new).filter(|name| changes(old.get(*name), new.get(*name))).cloned());
                }
                _ if changes(old, new) => parts.push(name.clone()),
                _ => {}
            }
        }
        parts
    }

    fn parts(&mut self, resource: &Edited<'_>, prefix: &str, old: &Map<String, Json>, new: &Map<String, Json>) {
        for name in keys(old, new) {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            self.part(resource, &path, old.get(name), new.get(name));
        }
    }

    fn part(&mut self, resource: &Edited<'_>, path: &str, old: Option<&Json>, new: Option<&Json>) {
        if !grants::reads(resource.kind, path) {
            self.decide(resource, path, meaning(resource.kind, path), (old, new));
        } else if !is_same(old, new) && [old, new].into_iter().flatten().any(is_dynamic) {
            self.unknown(&format!("{}.{path}", resource.id), "a part of it is stored elsewhere");
        }
    }

    /// Decides a changed property or attribute by its meaning.
    fn decide(
        &mut self,
        resource: &Edited<'_>,
        path: &str,
        meaning: Option<&'static Meaning>,
        (old, new): (Option<&Json>, Option<&Json>),
    ) {
        let taint = [old, new].into_iter().flatten().find_map(|value| self.taint(value));
        let is_same = is_same(old, new);
        if is_same && taint.is_none() {
            return;
        }
        let place = format!("{}.{path}", resource.id);
        // The value can be the secret of a key, and the place can be one that others read.
        let has_parts = matches!(meaning, Some(Parts | Variables));
        if !has_parts && meaning.is_some() && new.is_some_and(|new| !known_value::is_known(self.new, new)) {
            return self.unknown(&place, "a part of it is known only in a deployment");
        }
        let unknown = |what: &str| match &taint {
            Some(name) if is_same => format!("{name}, which it uses, is another than before"),
            _ => what.to_owned(),
        };
        let edit = Edit { judge: self, resource, old, new, is_same };
        match meaning {
            Some(Harmless(why)) => self.harmless(resource.id, Some(path), why),
            Some(HarmlessIf(holds, why) | ReplacesOrIf(holds, why) | AsksUnless(holds, why, _)) if holds(&edit) => {
                self.harmless(resource.id, Some(path), why);
            }
            Some(WhenNew(why)) if resource.is_new => self.harmless(resource.id, Some(path), why),
            Some(Replaces) => {}
            Some(ReplacesOrIf(..)) if !resource.is_new => {}
            Some(Parts | Variables) => {
                let is_plain =
                    |value: Option<&Json>| value.is_none_or(|v| v.is_object() && text::intrinsic(v).is_none());
                if !is_plain(old) || !is_plain(new) {
                    return self.unknown(&place, "its parts are known only in a deployment");
                }
                let of = |value: Option<&Json>| value.and_then(Json::as_object).cloned().unwrap_or_default();
                let (old, new) = (of(old), of(new));
                if matches!(meaning, Some(Parts)) {
                    return self.parts(resource, path, &old, &new);
                }
                let is_publisher = [&old, &new].iter().any(|variables| variables.contains_key(PUBLISH_TO));
                for name in keys(&old, &new) {
                    let (old, new) = (old.get(name), new.get(name));
                    let is_language = name == Variable::Language.name()
                        && literal(new).is_some_and(|word| word.parse::<Language>().is_ok());
                    let gone = (name == Variable::Administrators.name()).then(|| fewer_addresses(old, new)).flatten();
                    if let Some(gone) = gone.filter(|_| is_publisher) {
                        for address in gone {
                            self.judgement.unsubscribed.entry(address).or_default().insert("notices");
                        }
                    } else if is_publisher && !is_language && old != new {
                        let place = format!("{}.Environment.Variables.{name}", resource.id);
                        self.unknown(
                            &place,
                            match name.as_str() {
                                PUBLISH_TO => "the notices of the members go to another topic",
                                _ => "mails about members go to others, come from somewhere else, or stop",
                            },
                        );
                    } else {
                        self.variable(resource.id, name, old, new);
                    }
                }
            }
            Some(Asks(why) | AsksUnless(_, _, why)) => self.unknown(&place, &unknown(why)),
            Some(HarmlessIf(_, why) | ReplacesOrIf(_, why)) => {
                self.unknown(&place, &unknown(&format!("only harmless for {why}")));
            }
            Some(WhenNew(_)) => self.unknown(&place, &unknown("it changes for what is already there")),
            None => self.unknown(&place, &unknown("this part is not compared")),
        }
    }

    /// A variable of a function's environment.
    fn variable(&mut self, id: &str, name: &str, old: Option<&Json>, new: Option<&Json>) {
        let taint = [old, new].into_iter().flatten().find_map(|value| self.taint(value));
        if is_same(old, new) && taint.is_none() {
            return;
        }
        let place = format!("{id}.Environment.Variables.{name}");
        let is_literal = |value: Option<&Json>| value.is_none_or(|value| value.is_string() && !is_dynamic(value));
        if name == Variable::TopicArn.name() {
            self.unknown(&place, "notices, and new keys that are mailed, go to another topic");
        } else if name == Variable::EventBusArn.name() {
            self.unknown(&place, "notices and the results of runs go to another event bus");
        } else if name == Variable::AccountId.name() {
            self.unknown(&place, "the handler takes another account for its own: in its policies, and in its notices");
        } else if !handler_env::compared(name) {
            self.unknown(&place, "the handler does not read this variable, but AWS's libraries may");
        } else if !is_literal(old) || !is_literal(new) {
            self.unknown(&place, "its value is known only in a deployment");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diff::test_templates;

    fn unknown(old: &Json, new: &Json) -> Vec<String> {
        judge(old, new, &BTreeSet::new(), None).unknown
    }

    #[test]
    fn what_cannot_be_resolved_is_unknown() {
        let template = test_templates::template("users: [alice]\nemails: [a@b.co]\ndelivery: email\n");
        let with = |path: &str, value: &Json| {
            let mut new = template.clone();
            let (parent, key) = path.rsplit_once('/').unwrap();
            new.pointer_mut(parent).unwrap_or_else(|| panic!("{path}"))[key] = value.clone();
            new
        };
        let variables = "/Resources/Function/Properties/Environment/Variables";
        let input = "/Resources/Schedule/Properties/Target/Input";
        let mail = "/Resources/MailToAAtBDotCo/Properties";
        for (path, value, place) in [
            (
                format!("{variables}/AWS_ENDPOINT_URL"),
                json!("https://x"),
                "Function.Environment.Variables.AWS_ENDPOINT_URL",
            ),
            (
                format!("{variables}/AWS_LAMBDA_EXEC_WRAPPER"),
                json!("/opt/x"),
                "Function.Environment.Variables.AWS_LAMBDA_EXEC_WRAPPER",
            ),
            (
                format!("{variables}/TOPIC_ARN"),
                json!({"Ref": "AlarmTopic"}),
                "Function.Environment.Variables.TOPIC_ARN",
            ),
            (format!("{variables}/DELIVERY"), json!({"Ref": "CodeKey"}), "Function.Environment.Variables.DELIVERY"),
            (format!("{variables}/USERS"), json!("{{resolve:ssm:users}}"), "Function.Environment.Variables.USERS"),
            (variables.to_owned(), json!({"Fn::If": ["A", {}, {}]}), "Function.Environment.Variables"),
            (
                "/Resources/Function/Properties/Environment".into(),
                json!({"Fn::If": ["A", {}, {}]}),
                "Function.Environment",
            ),
            ("/Resources/Function/Properties/Code/S3Bucket".into(), json!("theirs"), "Function.Code.S3Bucket"),
            ("/Resources/Function/Properties/Code/ZipFile".into(), json!("code"), "Function.Code.ZipFile"),
            (input.into(), json!("{\"action\":\"undo\"}"), "Schedule.Target.Input"),
            (input.into(), json!("{\"users\":[\"alice\"]}"), "Schedule.Target.Input"),
            (input.into(), json!({"Ref": "CodeKey"}), "Schedule.Target.Input"),
            ("/Resources/Schedule/Properties/State".into(), json!("DISABLED"), "Schedule.State"),
            ("/Resources/Schedule/Properties/Target/Arn".into(), json!("arn:x"), "Schedule.Target.Arn"),
            (format!("{mail}/FilterPolicy"), json!({"to": ["a@b.co", "c@d.co"]}), "MailToAAtBDotCo.FilterPolicy"),
            (format!("{mail}/FilterPolicy"), json!({"to": [{"anything-but": ["x"]}]}), "MailToAAtBDotCo.FilterPolicy"),
            (format!("{mail}/FilterPolicyScope"), json!("MessageBody"), "MailToAAtBDotCo.FilterPolicyScope"),
            (format!("{mail}/Endpoint"), json!("c@d.co"), "MailToAAtBDotCo.Endpoint"),
            (format!("{mail}/Protocol"), json!("https"), "MailToAAtBDotCo.Protocol"),
            (format!("{mail}/RedrivePolicy"), json!({"deadLetterTargetArn": "x"}), "MailToAAtBDotCo.RedrivePolicy"),
            (
                "/Resources/NotificationTopic/Properties/KmsMasterKeyId".into(),
                json!("alias/x"),
                "NotificationTopic.KmsMasterKeyId",
            ),
            (
                "/Resources/FailedRuns/Properties/DestinationConfig/OnSuccess".into(),
                json!({"Destination": "x"}),
                "FailedRuns.DestinationConfig",
            ),
            (
                "/Resources/FunctionRole/Properties/MaxSessionDuration".into(),
                json!(43200),
                "FunctionRole.MaxSessionDuration",
            ),
            (
                "/Resources/FunctionRole/Properties/PermissionsBoundary".into(),
                json!("{{resolve:ssm:boundary}}"),
                "FunctionRole.PermissionsBoundary",
            ),
            ("/Resources/X".into(), json!({"Type": "AWS::EC2::Instance"}), "X"),
            ("/Outputs/TopicArn/Value".into(), json!("arn:x"), "output TopicArn"),
            ("/Outputs/TopicArn/Export".into(), json!({"Name": "x"}), "output TopicArn"),
            ("/Outputs/X".into(), json!({"Value": {"Fn::GetAtt": ["K", "SecretAccessKey"]}}), "output X"),
        ] {
            let new = with(&path, &value);
            let found = unknown(&template, &new);
            // What a role can no longer do is tested elsewhere.
            let of_parts = found.iter().filter(|line| !line.starts_with("the role of"));
            let places: Vec<_> = of_parts.filter_map(|line| line.split_once(": ")).map(|(place, _)| place).collect();
            assert_eq!(places, [place], "{path} {value}: {found:?}");
            assert!(found.iter().all(|line| !line.contains('\n')), "{found:?}");
            // A value that is unknown is no change by itself.
            assert_eq!(unknown(&new, &new), [""; 0], "{path}");
        }
    }

    /// A text may stay the same although its meaning changes.
    #[test]
    fn another_meaning_of_a_name_is_followed() {
        let template = |default: &str, own: &str| {
            json!({
                "Parameters": {"P": {"Type": "String", "Default": default}},
                "Mappings": {"M": {"a": {"b": own}}},
                "Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, "x"]}, "D": {"Condition": "C"}},
                "Resources": {
                    "F": {"Type": "AWS::Lambda::Function", "Properties": {"Handler": {"Ref": "P"}, "Description": {"Ref": "P"}}},
                    "G": {"Type": "AWS::Lambda::Function", "Properties": {"Handler": {"Fn::FindInMap": ["M", "a", "b"]}}},
                    "H": {"Type": "AWS::Lambda::Url", "Condition": "D", "Properties": {"InvokeMode": "x"}},
                    "K": {"Type": "AWS::EC2::Instance", "Properties": {"UserData": {"Fn::Sub": "a ${P}"}}},
                },
            })
        };
        let places = |old: &Json, new: &Json, parameters: &[&str]| {
            let parameters = parameters.iter().map(|name| (*name).to_owned()).collect();
            let found = judge(old, new, &parameters, None).unknown;
            found.iter().map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        let same = template("x", "y");
        assert_eq!(places(&same, &same, &[]), [""; 0]);
        let expected = ["F.Handler", "H.InvokeMode", "K"];
        assert_eq!(places(&same, &template("z", "y"), &[]), expected);
        assert_eq!(places(&same, &same, &["P"]), expected);
        assert_eq!(places(&same, &template("x", "z"), &[]), ["G.Handler"]);
    }

    #[test]
    fn a_parameter_that_is_missing_but_used_is_unknown() {
        let template = test_templates::template("users: [alice]\nemails: [a@b.co]\n");
        for parameters in [json!({}), json!(null)] {
            let mut new = template.clone();
            new["Parameters"] = parameters;
            assert!(unknown(&template, &new).iter().any(|line| line.starts_with("Function.Code.S3Key: ")), "{new:#}");
        }
    }

    /// A release changes only the values of the parameters that name the package.
    #[test]
    fn only_the_deployer_names_the_package() {
        let template = test_templates::template("users: [alice]\nemails: [a@b.co]\n");
        let release = BTreeSet::from(["CodeBucket".to_owned(), "CodeKey".to_owned(), "CodeVersion".to_owned()]);
        assert_eq!(judge(&template, &template, &release, None).unknown, [""; 0]);
        let mut versioned = template.clone();
        versioned["Parameters"]["CodeVersion"] = json!({"Type": "String"});
        versioned["Resources"]["Function"]["Properties"]["Code"]["S3ObjectVersion"] = json!({"Ref": "CodeVersion"});
        assert_eq!(unknown(&template, &versioned), [""; 0]);
        for parameter in
            [json!({"Type": "String", "Default": "x"}), json!({"Type": "AWS::SSM::Parameter::Value<String>"})]
        {
            versioned["Parameters"]["CodeVersion"] = parameter;
            assert_eq!(unknown(&template, &versioned).len(), 1, "{versioned:#}");
        }
    }
}
