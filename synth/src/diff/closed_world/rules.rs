//! The rules of harmless changes that depend on values.

use std::collections::BTreeSet;

use lambda::{
    contract::{event::RunRequest, settings::Variable},
    report::metrics::{self, Metric},
    selection::routing::{ENDPOINTS, TO},
};
use serde_json::{Map, Value as Json, json};

use super::{Judge, is_same, kind};
use crate::{
    cfn::{
        text::{Piece, pieces},
        view::{How, Reference, Resource, View, each, references},
    },
    config::{MissedRunsWindow, SHORTEST_TIMEOUT, ScheduleExpression},
    diff::member_change::MemberChange,
    stack::{MEMBER_PARAMETERS, MEMBER_TEMPLATE_VERSION, MemberParameters},
};

/// The longest time between two runs that is harmless, in minutes: the longest month.
const LONGEST_GAP: u32 = 31 * 24 * 60;

/// The new form of a resource.
pub(super) struct Edited<'t> {
    pub(super) id: &'t str,
    pub(super) kind: &'t str,
    pub(super) properties: &'t Map<String, Json>,
    /// Whether the resource may be new.
    pub(super) is_new: bool,
}

/// One changed property or attribute of a resource.
pub(super) struct Edit<'t> {
    pub(super) judge: &'t Judge<'t>,
    pub(super) resource: &'t Edited<'t>,
    pub(super) old: Option<&'t Json>,
    pub(super) new: Option<&'t Json>,
    /// Whether both texts are the same, and only something that they use is another.
    pub(super) is_same: bool,
}

/// The endpoint of a subscription that gets only notices for all endpoints, which never have a secret.
pub(super) fn program_endpoint(subscription: &Map<String, Json>) -> Option<&str> {
    let is_program = literal(subscription.get("Protocol")).is_some_and(|protocol| !protocol.starts_with("email"));
    let filter = subscription.get("FilterPolicy").is_some_and(|filter| *filter == json!({ TO: [ENDPOINTS] }));
    let by_attributes = subscription.get("FilterPolicyScope").is_none_or(|scope| scope == "MessageAttributes");
    let endpoint = literal(subscription.get("Endpoint")).unwrap_or("an endpoint");
    (is_program && filter && by_attributes).then_some(endpoint)
}

/// A text that is the same in every deployment.
pub(super) fn literal(value: Option<&Json>) -> Option<&str> {
    value?.as_str().filter(|text| !text.contains("{{resolve:"))
}

/// A number. AWS reads a text with a leading zero as another number in some places.
fn number(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        value => {
            let text = literal(Some(value))?;
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
            text.parse().ok().filter(|_| is_plain)
        }
    }
}

/// Whether a number is known and does not fall. What is new has no number that it could fall from.
fn is_no_less(is_new: bool, old: Option<&Json>, new: Option<&Json>, absent: f64) -> bool {
    let [old, new] = [old, new].map(|value| value.map_or(Some(absent), number));
    new.is_some() && (is_new || old.zip(new).is_some_and(|(old, new)| new >= old))
}

impl Edit<'_> {
    fn target(&self, value: &Json) -> Option<(String, &str)> {
        self.judge.target(value)
    }

    /// Whether the schedule is known before, and starts a run each month after.
    pub(super) fn keeps_a_monthly_run(&self) -> bool {
        let schedule = literal(self.new).and_then(|text| text.parse::<ScheduleExpression>().ok());
        let runs = schedule.and_then(|schedule| schedule.runs());
        let is_known = self.old.is_none() || literal(self.old).is_some();
        is_known && runs.is_some_and(|runs| runs.longest_gap() <= LONGEST_GAP)
    }

    /// Whether no other resource of the type has the new value of this property, which is a name. If two alarms or two statements
    /// of a bus have one name, the later one replaces the other.
    pub(super) fn is_unique(&self, property: &str) -> bool {
        let is_plain = |piece: &Piece| match piece {
            Piece::Literal(_) => true,
            Piece::Reference(name) => name.starts_with("AWS::"),
        };
        let is_other =
            |other: &Resource<'_>| other.id == self.resource.id || !is_same(other.properties.get(property), self.new);
        self.new.and_then(pieces).is_some_and(|pieces| pieces.iter().all(is_plain))
            && [self.judge.old, self.judge.new]
                .into_iter()
                .all(|template| View(template).of(self.resource.kind).all(|other| is_other(&other)))
    }

    /// Whether the configuration accepts the time that a run has, or a run has no less time than before.
    pub(super) fn is_long_enough(&self) -> bool {
        // Without a timeout, a run has three seconds.
        let is_enough = self.new.and_then(Json::as_u64).is_some_and(|seconds| seconds >= SHORTEST_TIMEOUT.as_seconds())
            || !self.resource.is_new && self.no_less(self.old, self.new, 3.0);
        // A queue hands out a message again if its reader takes longer than the queue's own timeout.
        let is_this = |function: &Json| self.target(function).is_none_or(|(id, _)| id == self.resource.id);
        let reads_a_queue = View(self.judge.new)
            .of("AWS::Lambda::EventSourceMapping")
            .any(|mapping| mapping.properties.get("FunctionName").is_some_and(is_this));
        is_enough && (!reads_a_queue || self.no_less(self.new, self.old, 3.0))
    }

    /// Whether at least one run can take place.
    pub(super) fn can_run(&self) -> bool {
        self.new.is_none_or(|runs| runs.as_u64().is_some_and(|runs| runs >= 1))
    }

    /// Whether each of these numbers of a map does not fall. Each has the number that holds where none is set.
    pub(super) fn each_grows(&self, numbers: &[(&str, f64)]) -> bool {
        let known = |map: Option<&Json>| {
            map.is_none_or(|map| {
                let known = |name: &String| numbers.iter().any(|(known, _)| name == known);
                map.as_object().is_some_and(|map| map.keys().all(known))
            })
        };
        let part = |map: Option<&'_ Json>, name: &str| map.and_then(|map| map.get(name)).cloned();
        known(self.old)
            && known(self.new)
            && numbers.iter().all(|(name, absent)| {
                let (old, new) = (part(self.old, name), part(self.new, name));
                self.no_less(old.as_ref(), new.as_ref(), *absent)
            })
    }

    /// Whether a number of the settings of a function does not fall. Without such settings, `absent` holds.
    pub(super) fn grows_for_its_function(&self, absent: f64) -> bool {
        let function = self.resource.properties.get("FunctionName").and_then(|name| self.target(name));
        let is_new = function.is_some_and(|(id, _)| {
            self.judge.old.get("Resources").is_none_or(|resources| resources.get(&id).is_none())
        });
        is_no_less(is_new, self.old, self.new, absent)
    }

    /// Whether a number does not fall. `absent` is the number that holds where none is set.
    pub(super) fn grows(&self, absent: f64) -> bool {
        self.no_less(self.old, self.new, absent)
    }

    fn no_less(&self, old: Option<&Json>, new: Option<&Json>, absent: f64) -> bool {
        is_no_less(self.resource.is_new, old, new, absent)
    }

    /// Whether each action is a topic of the template.
    pub(super) fn only_notifies(&self) -> bool {
        let is_topic = |action: &Json| self.target(action).is_some_and(|(_, kind)| kind == "AWS::SNS::Topic");
        let empty = Vec::new();
        let [before, after] = [self.old, self.new].map(|actions| actions.map_or(Some(&empty), Json::as_array));
        let (Some(before), Some(after)) = (before, after) else { return false };
        // Without an action that it had, the alarm tells others less.
        after.iter().all(is_topic) && before.iter().all(|action| after.contains(action))
    }

    /// Whether a resource that is not new has the same queue as before, if it had one. An alarm watches that queue.
    fn keeps_its_queue(&self, queue: impl Fn(&Json) -> Option<Json>) -> bool {
        self.resource.is_new
            || self.old.is_none_or(|old| {
                let of = |config: &Json| queue(config).and_then(|queue| pieces(&queue));
                let new = self.new.and_then(of);
                new.is_some() && of(old) == new
            })
    }

    /// Whether what fails goes to a queue of the template. Its policy says who reads it.
    pub(super) fn keeps_failures(&self) -> bool {
        let of = |config: &'_ Json| -> Option<Json> {
            ["/Arn", "/OnFailure/Destination"].into_iter().find_map(|path| config.pointer(path)).cloned()
        };
        if !self.keeps_its_queue(of) {
            return false;
        }
        let queue = ["/Arn", "/OnFailure/Destination"].into_iter().find_map(|path| self.new?.pointer(path));
        let is_only = self.new.is_some_and(|config| {
            let one = |value: &Json| value.as_object().is_some_and(|map| map.len() == 1);
            one(config) && config.get("OnFailure").is_none_or(one)
        });
        is_only && queue.and_then(|queue| self.target(queue)).is_some_and(|(_, kind)| kind == "AWS::SQS::Queue")
    }

    /// Whether the value is this parameter, in which the deployer names a part of the package.
    pub(super) fn is_given_as(&self, parameter: &str) -> bool {
        let pieces = self.new.and_then(pieces).unwrap_or_default();
        let [Piece::Reference(name)] = pieces.as_slice() else { return false };
        name == parameter && self.is_given(name) && (!self.is_same || !self.judge.redefined.contains(name))
    }

    /// Whether the name is that of a parameter without a default, so the deployer gives its value.
    fn is_given(&self, name: &str) -> bool {
        let parameter = self.judge.new.get("Parameters").and_then(|parameters| parameters.get(name));
        parameter.is_some_and(|parameter| {
            parameter.get("Type").is_some_and(|kind| kind == "String") && parameter.get("Default").is_none()
        })
    }

    /// Whether each name in the new value means the same as before, or is one of these parameters with a value from the
    /// deployer.
    fn only_changes_parameters(&self, parameters: &[&str]) -> bool {
        let names = self.new.into_iter().flat_map(references).map(|reference| reference.name);
        names.filter(|name| self.judge.tainted.contains(name)).all(|name| {
            parameters.contains(&name.as_str()) && self.is_given(&name) && !self.judge.redefined.contains(&name)
        })
    }

    /// Whether the members get the same parameters as before, but another package.
    pub(super) fn only_passes_on_the_package(&self) -> bool {
        let MemberParameters { code_bucket, code_key, code_version, .. } = MEMBER_PARAMETERS;
        self.is_same && self.only_changes_parameters(&[code_bucket, code_key, code_version])
    }

    /// Whether the change of the members' template is known, and needs no approval.
    pub(super) fn is_harmless_in_each_account(&self) -> bool {
        let is_harmless = self.judge.members.is_some_and(MemberChange::is_harmless);
        is_harmless && self.only_changes_parameters(&[MEMBER_PARAMETERS.code_bucket, MEMBER_TEMPLATE_VERSION])
    }

    /// Whether each run does the same as before.
    pub(super) fn asks_for_the_same(&self) -> bool {
        let request = |value: Option<&Json>| {
            let event = value.map_or(Some("{}"), |_| literal(value))?;
            let request = RunRequest::read(serde_json::from_str(event).ok()?, "id").ok()?;
            Some((request.users, request.action, request.dry_run))
        };
        let (old, new) = (request(self.old), request(self.new));
        old.is_some() && old == new
    }

    /// Whether every object belongs to the owner of the bucket, so that access control lists have no effect.
    pub(super) fn owns_its_objects(&self) -> bool {
        let rules = self.new.and_then(|controls| controls.get("Rules")).and_then(Json::as_array);
        let is_enforced = |rule: &Json| rule.get("ObjectOwnership").is_some_and(|owner| owner == "BucketOwnerEnforced");
        rules.is_some_and(|rules| !rules.is_empty() && rules.iter().all(is_enforced))
    }

    pub(super) fn blocks_the_public(&self) -> bool {
        let ways = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
        self.new.is_some_and(|block| ways.iter().all(|way| block.get(*way) == Some(&Json::Bool(true))))
    }

    /// Whether CloudFormation still creates and changes the resource only after all resources of its old `DependsOn`. Those that
    /// are deleted do not count. CloudFormation also waits for each resource that this one names, directly or through others.
    pub(super) fn waits_for_as_much(&self) -> bool {
        let names = |id: &str| {
            let body = self.judge.kept.get("Resources").and_then(|all| all.get(id))?;
            let waits = |one: &Reference| match one.how {
                How::DependsOn => true,
                How::Value => one.at.starts_with("Properties") && !one.at.contains("Fn::If"),
                _ => false,
            };
            Some(references(body).into_iter().filter(waits).map(|one| one.name).collect::<Vec<_>>())
        };
        let (mut before, mut open) = (BTreeSet::new(), vec![self.resource.id.to_owned()]);
        while let Some(id) = open.pop() {
            let new = names(&id).into_iter().flatten().filter(|name| before.insert(name.clone()));
            open.extend(new);
        }
        let waited = self.old.into_iter().flat_map(each).filter_map(Json::as_str);
        let is_left = |id: &&str| self.judge.new.get("Resources").is_some_and(|all| all.get(*id).is_some());
        waited.filter(is_left).all(|id| before.contains(id))
    }

    /// Whether a deletion or a replacement keeps as much as before.
    pub(super) fn keeps_as_much(&self) -> bool {
        let keeps = |policy: Option<&Json>| {
            let Some(policy) = policy else { return Some(0) };
            ["Delete", "Snapshot", "RetainExceptOnCreate", "Retain"].iter().position(|known| policy == known)
        };
        let (old, new) = (keeps(self.old), keeps(self.new));
        new.is_some() && (self.resource.is_new || old.is_some() && new >= old)
    }

    /// Whether the rules of a bucket are the same, but for longer times.
    pub(super) fn keeps_objects_longer(&self) -> bool {
        self.resource.is_new || self.old.zip(self.new).is_some_and(|(old, new)| is_longer("", old, new))
    }

    /// Whether a new resource belongs to a resource of this template, and no other one of its type does. It would replace
    /// the settings of a function elsewhere.
    pub(super) fn is_only_for_its_function(&self) -> bool {
        let Some((function, "AWS::Lambda::Function")) = self.new.and_then(|name| self.target(name)) else {
            return false;
        };
        let all = View(self.judge.new).of(self.resource.kind);
        let same =
            all.filter(|other| self.target(&other.properties["FunctionName"]).is_some_and(|(id, _)| id == function));
        same.count() == 1
    }

    /// Whether the alarm about missed runs waits as long as the generator says for the schedule, before and after.
    pub(super) fn follows_the_schedule(&self) -> bool {
        let follows = |template: &Json| -> Option<bool> {
            let View(resources) = View(template);
            let alarm = resources.get("Resources")?.get(self.resource.id)?.get("Properties")?;
            let mut schedules = View(template).of("AWS::Scheduler::Schedule");
            let schedule = schedules.next().filter(|_| schedules.next().is_none())?;
            let schedule: ScheduleExpression =
                literal(Some(&schedule.properties["ScheduleExpression"]))?.parse().ok()?;
            let window = MissedRunsWindow::over(&schedule)?;
            let expected = json!({
                "Namespace": metrics::NAMESPACE,
                "MetricName": Metric::SuccessfulRun.name(),
                "EvaluationPeriods": window.periods,
                "Period": window.period,
                "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": window.warm_up_minutes()},
            });
            let expected = expected.as_object()?;
            Some(expected.iter().all(|(name, value)| is_same(alarm.get(name), Some(value))))
        };
        self.resource.is_new
            || [self.judge.old, self.judge.new].into_iter().all(|template| follows(template) == Some(true))
    }

    /// Whether notices for endpoints that were not delivered go to a queue of the template.
    pub(super) fn keeps_notices(&self) -> bool {
        let queue = self
            .new
            .and_then(|policy| policy.as_object().filter(|policy| policy.len() == 1)?.get("deadLetterTargetArn"));
        if !self.keeps_its_queue(|policy| policy.get("deadLetterTargetArn").cloned()) {
            return false;
        }
        let is_queue = queue.and_then(|queue| self.target(queue)).is_some_and(|(_, kind)| kind == "AWS::SQS::Queue");
        is_queue && program_endpoint(self.resource.properties).is_some()
    }

    /// Whether messages that were received too often go to a queue of the template, as before, and after as many tries.
    pub(super) fn gives_up_no_earlier(&self) -> bool {
        let queue = |policy: &Json| policy.get("deadLetterTargetArn").cloned();
        let tries = |policy: Option<&Json>| policy?.get("maxReceiveCount").and_then(number);
        let is_whole = self.new.and_then(Json::as_object).is_some_and(|policy| policy.len() == 2);
        let is_queue = |arn: Json| self.target(&arn).is_some_and(|(_, kind)| kind == "AWS::SQS::Queue");
        // In a queue that keeps the order, a message that is tried again holds up the next ones.
        let keeps_order = self.resource.properties.get("FifoQueue").is_some_and(|fifo| *fifo != false);
        let is_more = |old, new| if keeps_order { new == old } else { new >= old };
        let is_kept = self.resource.is_new || self.old.is_some() && is_more(tries(self.old), tries(self.new));
        is_whole && is_kept && self.keeps_its_queue(queue) && self.new.and_then(queue).is_some_and(is_queue)
    }

    /// Whether an address gets all that names it as a recipient and nothing else, or all alarms.
    pub(super) fn gets_only_its_own(&self) -> bool {
        let property = |name: &str| self.resource.properties.get(name);
        let is_mail = literal(property("Protocol")).is_some_and(|protocol| protocol == "email");
        let Some(address) = literal(property("Endpoint")).filter(|_| is_mail) else { return false };
        let topic = property("TopicArn").and_then(|topic| self.target(topic));
        let Some((topic, "AWS::SNS::Topic")) = topic else { return false };
        if self.judge.carries_only_alarms(&topic) {
            return property("FilterPolicy").is_none() && self.judge.is_administrator(address);
        }
        let own = json!({ TO: [address.to_ascii_lowercase()] });
        property("FilterPolicy") == Some(&own)
            && property("FilterPolicyScope").is_none_or(|scope| scope == "MessageAttributes")
    }
}

/// Whether both rules of a bucket are the same, but for longer times. `name` is the name of the value.
fn is_longer(name: &str, old: &Json, new: &Json) -> bool {
    match (old, new) {
        (Json::Object(old), Json::Object(new)) => {
            old.len() == new.len()
                && old.iter().all(|(name, old)| new.get(name).is_some_and(|new| is_longer(name, old, new)))
        }
        (Json::Array(old), Json::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_longer(name, old, new))
        }
        (Json::Number(old), Json::Number(new)) if matches!(name, "ExpirationInDays" | "NoncurrentDays") => {
            old.as_f64() <= new.as_f64()
        }
        (old, new) => old == new,
    }
}

impl Judge<'_> {
    /// The resource of the new template to which a value refers, by `Ref` or by the attribute `Arn`: its id and its type.
    pub(super) fn target(&self, value: &Json) -> Option<(String, &str)> {
        let pieces = pieces(value)?;
        let [Piece::Reference(name)] = pieces.as_slice() else { return None };
        let id = name.strip_suffix(".Arn").unwrap_or(name);
        let body = self.new.get("Resources")?.get(id)?;
        Some((id.to_owned(), kind(body)))
    }

    /// Whether an address is one of the handler's administrators, who get all alarms.
    fn is_administrator(&self, address: &str) -> bool {
        let name = Variable::Administrators.name();
        View(self.new).of("AWS::Lambda::Function").any(|function| {
            let all = literal(function.properties["Environment"]["Variables"].get(name)).unwrap_or_default();
            all.split(' ').any(|one| one.eq_ignore_ascii_case(address))
        })
    }

    /// Whether nothing of the template but alarms uses a topic. Policies and subscriptions do not publish.
    pub(super) fn carries_only_alarms(&self, topic: &str) -> bool {
        let uses = |resource: &Resource<'_>| {
            let publishes = ["AWS::CloudWatch::Alarm", "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy"];
            !publishes.contains(&resource.kind)
                && references(resource.body).iter().any(|reference| reference.name == topic)
        };
        !View(self.new).resources().any(|resource| uses(&resource))
    }
}
