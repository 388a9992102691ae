//! The subscriptions to notices. For CloudFormation, a subscription is complete as soon as AWS has sent its mail, and
//! CloudFormation never checks it again. So this module compares the template with SNS.

/// A subscription as SNS lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSubscription {
    /// The protocol, such as `email` or `sqs`.
    pub protocol: String,
    /// The email address, or the ARN of another resource.
    pub endpoint: String,
    /// The ARN of the subscription, or `PendingConfirmation` or `Deleted` instead.
    pub arn: String,
}

/// A subscription that exists, or that should exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The protocol, such as `email` or `sqs`.
    pub protocol: String,
    /// The email address, or the ARN of another resource.
    pub endpoint: String,
    /// The state of the subscription.
    pub state: SubscriptionState,
}

/// The state of a subscription, in the order from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubscriptionState {
    /// The subscription is confirmed and receives messages.
    Confirmed,
    /// The subscription is not confirmed yet: the mail from AWS was not answered.
    Pending,
    /// The template has the subscription, but SNS no longer does.
    Gone,
    /// The template does not have the subscription, but SNS has it and it receives messages.
    Foreign,
    /// The template does not have the subscription any more, or never had it. It was not confirmed, so SNS could not delete it.
    Leftover,
}

impl SubscriptionState {
    /// Whether the subscription receives messages.
    #[must_use]
    pub fn receives_messages(self) -> bool {
        matches!(self, Self::Confirmed | Self::Foreign)
    }

    /// The state as a word, for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Pending => "pending",
            Self::Gone => "gone",
            Self::Foreign => "foreign",
            Self::Leftover => "leftover",
        }
    }

    /// The state as text for people: what it means, and what to do.
    #[must_use]
    pub fn explained(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            // Source: SNS Developer Guide, and the SNS announcement of May 2023.
            Self::Pending => "waits: follow the link in the mail from AWS; unconfirmed, it goes after 48 hours",
            Self::Gone => "gone: unsubscribed, or not confirmed within 48 hours; a deployment does not bring it back",
            Self::Foreign => "receives it too, and is not from this stack's template",
            Self::Leftover => {
                "is not from this stack's template, and not confirmed: AWS cannot delete it, it expires within three days"
            }
        }
    }
}

/// The command that subscribes an address again. `filter` decides whether it has a filter policy.
#[must_use]
pub fn subscribe(topic: &str, address: &str, filter: Filter) -> String {
    let attributes = match filter {
        Filter::None => String::new(),
        Filter::OwnAddress => {
            let policy =
                serde_json::json!({ (lambda::selection::routing::TO): [address.to_ascii_lowercase()] }).to_string();
            format!(" --attributes '{}'", serde_json::json!({ "FilterPolicy": policy }))
        }
    };
    format!("aws sns subscribe --protocol email --topic-arn {topic} --notification-endpoint '{address}'{attributes}")
}

/// The filter policy of a subscription: it decides which messages of the topic arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Every message of the topic, because there is no filter policy.
    None,
    /// Only messages for its address, because of a filter policy.
    OwnAddress,
}

/// Compares the addresses in the deployed template with SNS's list. The addresses of the template come first, in their
/// order.
#[must_use]
pub fn compare(addresses: &[String], listed: &[ListedSubscription]) -> Vec<Subscription> {
    let is_for = |subscription: &ListedSubscription, address: &str| {
        subscription.protocol == "email" && subscription.endpoint.eq_ignore_ascii_case(address)
    };
    let ours = addresses.iter().map(|address| Subscription {
        protocol: "email".into(),
        endpoint: address.clone(),
        // SNS lists a deleted subscription for some time, perhaps next to its successor.
        state: listed
            .iter()
            .filter(|subscription| is_for(subscription, address))
            .map(ListedSubscription::state)
            .min()
            .unwrap_or(SubscriptionState::Gone),
    });
    let others = listed.iter().filter(|subscription| !addresses.iter().any(|address| is_for(subscription, address)));
    let others = others.filter_map(|subscription| {
        let state = match subscription.state() {
            SubscriptionState::Confirmed => SubscriptionState::Foreign,
            SubscriptionState::Pending => SubscriptionState::Leftover,
            _ => return None,
        };
        let ListedSubscription { protocol, endpoint, .. } = subscription.clone();
        Some(Subscription { protocol, endpoint, state })
    });
    ours.chain(others).collect()
}

impl ListedSubscription {
    /// The state that SNS shows.
    #[must_use]
    pub fn state(&self) -> SubscriptionState {
        match self.arn.as_str() {
            "PendingConfirmation" => SubscriptionState::Pending,
            "Deleted" => SubscriptionState::Gone,
            _ => SubscriptionState::Confirmed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_template_and_other_subscriptions_have_their_state() {
        let listed = |protocol: &str, endpoint: &str, arn: &str| ListedSubscription {
            protocol: protocol.into(),
            endpoint: endpoint.into(),
            arn: arn.into(),
        };
        let arn = "arn:aws:sns:eu-west-1:123456789012:keys:1";
        let queue = "arn:aws:sqs:eu-west-1:123456789012:spy";
        let addresses = ["heard", "waits", "lost", "left", "back"].map(|name| format!("{name}@example.com"));
        let subscriptions = compare(
            &addresses,
            &[
                listed("sqs", queue, arn),
                listed("email", "stranger@example.com", "PendingConfirmation"),
                listed("email", "waits@example.com", "PendingConfirmation"),
                listed("email", "Heard@example.com", arn),
                listed("email", "left@example.com", "Deleted"),
                listed("email", "back@example.com", "Deleted"),
                listed("email", "back@example.com", arn),
                // The same address with another protocol.
                listed("email-json", "lost@example.com", arn),
            ],
        );
        let found: Vec<_> = subscriptions.iter().map(|s| (s.endpoint.as_str(), s.state)).collect();
        assert_eq!(
            found,
            [
                ("heard@example.com", SubscriptionState::Confirmed),
                ("waits@example.com", SubscriptionState::Pending),
                ("lost@example.com", SubscriptionState::Gone),
                ("left@example.com", SubscriptionState::Gone),
                ("back@example.com", SubscriptionState::Confirmed),
                (queue, SubscriptionState::Foreign),
                ("stranger@example.com", SubscriptionState::Leftover),
                ("lost@example.com", SubscriptionState::Foreign),
            ]
        );
    }
}
