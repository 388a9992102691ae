//! The endpoints of `notify`: a subscription for each of them, with what SNS needs to deliver.

use lambda::{
    contract::endpoint::{Endpoint, EndpointKind},
    selection::routing::{ENDPOINTS, TO},
};
use sha2::{Digest, Sha256};

use crate::{
    cfn::{
        Dependency, Handle, LogicalId, Template,
        policy_document::{Condition, Principal, Statement},
        resource::{FilterPolicy, FilterPolicyScope, Permission, Protocol, Queue, RedrivePolicy, Subscription, Topic},
    },
    config::Config,
};

/// Adds the subscriptions of the endpoints, and returns what a run needs of them. Without endpoints, there is nothing to add.
/// The policy of the dead-letter queue must have [`keeps_undelivered`].
///
/// Their filter policy matches the word for all endpoints, which no publication with a secret has.
pub(super) fn subscriptions(
    t: &mut Template,
    config: &Config,
    topic: &Handle<Topic>,
    dead_letters: &Handle<Queue>,
) -> Vec<Dependency> {
    let mut before_runs = Vec::new();
    for endpoint in &config.notify {
        if endpoint.kind() == EndpointKind::Function {
            let permission = Permission {
                action: "lambda:InvokeFunction",
                function_name: endpoint.to_string(),
                principal: "sns.amazonaws.com",
                source_arn: topic.reference(),
            };
            let may = t.add(
                logical_id("LetNoticesInvoke", endpoint),
                "Lets the topic for notices invoke this function. It must be in the stack's account.",
                permission,
            );
            before_runs.push(may.dependency());
        }
        let (protocol, why) = match endpoint.kind() {
            EndpointKind::Queue => (
                Protocol::Queue,
                "Gets every notice as JSON, and no secret. The policy of the queue must let the topic send to it.",
            ),
            EndpointKind::Function => (Protocol::Function, "Gets every notice as JSON, and no secret."),
            EndpointKind::Https => {
                (Protocol::Https, "Gets every notice as JSON, and no secret. It must confirm the subscription.")
            }
        };
        let subscription = Subscription {
            topic_arn: topic.reference(),
            protocol,
            endpoint: endpoint.to_string(),
            filter_policy_scope: Some(FilterPolicyScope::MessageAttributes),
            filter_policy: Some(FilterPolicy(vec![(TO, vec![ENDPOINTS.to_owned()])])),
            redrive_policy: Some(RedrivePolicy(dead_letters.arn())),
        };
        before_runs.push(t.add(logical_id("NoticesTo", endpoint), why, subscription).dependency());
    }
    before_runs
}

/// The statement that lets the topic put notices into the dead-letter queue. `None` without endpoints.
pub(super) fn keeps_undelivered(
    config: &Config,
    topic: &Handle<Topic>,
    dead_letters: &Handle<Queue>,
) -> Option<Statement> {
    let only_topic =
        Condition { operator: "ArnEquals", key: "aws:SourceArn".into(), values: vec![topic.reference().into()] };
    (!config.notify.is_empty()).then(|| {
        Statement::grant(
            Principal::Sns,
            "KeepUndeliveredNotices",
            "Only the topic for notices may send to the queue.",
            vec!["sqs:SendMessage"],
            vec![dead_letters.arn().into()],
            vec![only_topic],
        )
    })
}

/// The logical id of a resource for an endpoint. It is derived only from the endpoint: its kind, and a hash of it, because an
/// ARN or a URL can be too long.
fn logical_id(prefix: &'static str, endpoint: &Endpoint) -> LogicalId {
    let kind = match endpoint.kind() {
        EndpointKind::Queue => "Queue",
        EndpointKind::Function => "Function",
        EndpointKind::Https => "Url",
    };
    let hash = Sha256::digest(endpoint.as_str());
    let id = hash.iter().take(6).fold(format!("{prefix}{kind}"), |id, byte| format!("{id}{byte:02x}"));
    LogicalId::derived(id).unwrap_or(const { LogicalId::new("NoticesTo") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_has_its_own_stable_logical_id() {
        let id = |text: &str| logical_id("NoticesTo", &text.parse().unwrap()).as_str().to_owned();
        let queue = "arn:aws:sqs:eu-west-1:123456789012:events";
        assert_eq!(id(queue), id(queue));
        let alike = [queue, "arn:aws:sqs:eu-west-1:123456789012:Events", "https://a.example/x", "https://a.example/X"];
        let ids: std::collections::HashSet<_> = alike.iter().map(|text| id(text)).collect();
        assert_eq!(ids.len(), alike.len(), "{ids:?}");
        assert!(id(queue).starts_with("NoticesToQueue"), "{}", id(queue));
    }
}
