//! Who hears of a new key. CloudFormation counts a subscription as made once AWS has sent its mail, and never looks again.

/// A subscription as SNS lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSubscription {
    /// `email`, `sqs` and so on.
    pub protocol: String,
    /// The address, or another resource's ARN.
    pub endpoint: String,
    /// An ARN, or a word in its place: `PendingConfirmation`, `Deleted`.
    pub arn: String,
}

/// A subscription that there is, or should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// `email`, `sqs` and so on.
    pub protocol: String,
    /// The address, or another resource's ARN.
    pub endpoint: String,
    /// How it stands.
    pub standing: SubscriptionState,
}

/// How a subscription stands, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubscriptionState {
    /// What is published arrives.
    Confirmed,
    /// The mail that AWS sent has not been answered yet.
    Pending,
    /// The template names it and SNS has it no more.
    Gone,
    /// The template does not name it, and what is published arrives there.
    Foreign,
}

impl SubscriptionState {
    /// Whether what is published arrives.
    #[must_use]
    pub fn hears(self) -> bool {
        matches!(self, Self::Confirmed | Self::Foreign)
    }

    /// The word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Pending => "pending",
            Self::Gone => "gone",
            Self::Foreign => "foreign",
        }
    }

    /// For people: what it means, and what to do about it.
    #[must_use]
    pub fn explained(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            // SNS Developer Guide and its announcement of May 2023.
            Self::Pending => "waits: follow the link in the mail from AWS; unconfirmed, it goes after 48 hours",
            Self::Gone => "gone: unsubscribed, or not confirmed within 48 hours; a deployment does not bring it back",
            Self::Foreign => "receives it too, and is not from this stack's template",
        }
    }
}

/// The command that subscribes an address anew, to get what its filter policy lets through, or everything.
#[must_use]
pub fn subscribe(topic: &str, address: &str, gets: Gets) -> String {
    let filter = match gets {
        Gets::Everything => String::new(),
        Gets::WhatNamesIt => {
            let policy =
                serde_json::json!({ (lambda::selection::routing::TO): [address.to_ascii_lowercase()] }).to_string();
            format!(" --attributes '{}'", serde_json::json!({ "FilterPolicy": policy }))
        }
    };
    format!("aws sns subscribe --protocol email --topic-arn {topic} --notification-endpoint '{address}'{filter}")
}

/// What of a topic reaches a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gets {
    /// All of it.
    Everything,
    /// What names its address.
    WhatNamesIt,
}

/// Compares the addresses that the deployed template names with what SNS lists. Theirs come first, in their order.
#[must_use]
pub fn compare(addresses: &[String], listed: &[ListedSubscription]) -> Vec<Subscription> {
    let is_for = |subscription: &ListedSubscription, address: &str| {
        subscription.protocol == "email" && subscription.endpoint.eq_ignore_ascii_case(address)
    };
    let ours = addresses.iter().map(|address| Subscription {
        protocol: "email".into(),
        endpoint: address.clone(),
        // One that was deleted is listed for a while yet, perhaps beside its successor.
        standing: listed
            .iter()
            .filter(|subscription| is_for(subscription, address))
            .map(ListedSubscription::standing)
            .min()
            .unwrap_or(SubscriptionState::Gone),
    });
    let others = listed.iter().filter(|subscription| {
        subscription.standing() == SubscriptionState::Confirmed
            && !addresses.iter().any(|address| is_for(subscription, address))
    });
    let others = others.map(|ListedSubscription { protocol, endpoint, .. }| Subscription {
        protocol: protocol.clone(),
        endpoint: endpoint.clone(),
        standing: SubscriptionState::Foreign,
    });
    ours.chain(others).collect()
}

impl ListedSubscription {
    fn standing(&self) -> SubscriptionState {
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
    fn each_address_and_whoever_else_listens() {
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
                // The same mailbox in another format.
                listed("email-json", "lost@example.com", arn),
            ],
        );
        let found: Vec<_> = subscriptions.iter().map(|s| (s.endpoint.as_str(), s.standing)).collect();
        assert_eq!(
            found,
            [
                ("heard@example.com", SubscriptionState::Confirmed),
                ("waits@example.com", SubscriptionState::Pending),
                ("lost@example.com", SubscriptionState::Gone),
                ("left@example.com", SubscriptionState::Gone),
                ("back@example.com", SubscriptionState::Confirmed),
                (queue, SubscriptionState::Foreign),
                ("lost@example.com", SubscriptionState::Foreign),
            ]
        );
    }
}
