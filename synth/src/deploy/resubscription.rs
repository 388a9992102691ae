//! What `synth resubscribe` did for each subscription of a stack.
//!
//! The subscription resource of CloudFormation keeps the ARN of the first subscription. CloudFormation uses it only to delete
//! the resource, and then a missing subscription counts as deleted. The filter policy of an address never changes, so there is
//! no update that would need it.

use serde_json::{Value as Json, json};

use crate::deploy::{
    aws::AwsError,
    command_line::make,
    subscriptions::{StackSubscription, SubscriptionState},
    table::table,
};

/// A subscription, with what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resubscription {
    /// The subscription with its state before that.
    pub subscription: StackSubscription,
    /// What was done.
    pub outcome: ResubscriptionOutcome,
}

/// What was done about a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResubscriptionOutcome {
    /// Nothing: it is confirmed.
    Kept,
    /// AWS sends a new mail.
    MailRequested,
    /// AWS refused.
    Failed(AwsError),
}

impl ResubscriptionOutcome {
    /// The outcome as a word, for programs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::MailRequested => "mail-requested",
            Self::Failed(_) => "failed",
        }
    }

    const fn text(&self) -> &'static str {
        match self {
            Self::Kept => "nothing",
            Self::MailRequested => "asked AWS for a new mail",
            Self::Failed(_) => "failed, see below",
        }
    }
}

/// Whether AWS must send a new mail for a subscription in this state.
#[must_use]
pub const fn needs_mail(state: SubscriptionState) -> bool {
    match state {
        SubscriptionState::Confirmed => false,
        // The link in the first mail may be too old, or the mail may be lost.
        SubscriptionState::Pending | SubscriptionState::Gone => true,
    }
}

/// Whether AWS refused nothing.
#[must_use]
pub fn is_fine(done: &[Resubscription]) -> bool {
    !done.iter().any(|one| matches!(one.outcome, ResubscriptionOutcome::Failed(_)))
}

/// The result as text for people.
#[must_use]
pub fn text(done: &[Resubscription]) -> String {
    let receives: Vec<_> = done.iter().map(|one| one.subscription.declared.receives()).collect();
    let rows = done.iter().zip(&receives).map(|(Resubscription { subscription, outcome }, receives)| {
        [subscription.declared.address.as_str(), receives, subscription.state.as_str(), outcome.text()]
    });
    let mut text = table([["ADDRESS", "RECEIVES", "STATE", "DONE"]].into_iter().chain(rows));
    for one in done {
        if let ResubscriptionOutcome::Failed(problem) = &one.outcome {
            text.push_str(&format!("{}: {problem}\n", one.subscription.declared.address));
        }
    }
    let mails = done.iter().filter(|one| one.outcome == ResubscriptionOutcome::MailRequested).count();
    text.push_str(&match mails {
        0 if is_fine(done) => "Every subscription is confirmed: no mail is needed\n".to_owned(),
        0 => String::new(),
        _ => format!(
            "AWS sends one mail for each of these subscriptions ({mails}). Follow the link in it within 48 hours. To see the \
             state: {}\n",
            make("status")
        ),
    });
    text
}

/// The result as JSON for programs.
#[must_use]
pub fn json(done: &[Resubscription]) -> Json {
    let one = |Resubscription { subscription, outcome }: &Resubscription| {
        let mut one = subscription.json();
        one["done"] = outcome.as_str().into();
        if let ResubscriptionOutcome::Failed(problem) = outcome {
            one["error"] = problem.to_string().into();
        }
        one
    };
    json!({ "subscriptions": done.iter().map(one).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::subscriptions::{DeclaredSubscription, NoticeRole, StackTopic};

    #[test]
    fn only_what_is_not_confirmed_needs_a_mail() {
        for (state, needs) in
            [(SubscriptionState::Confirmed, false), (SubscriptionState::Pending, true), (SubscriptionState::Gone, true)]
        {
            assert_eq!(needs_mail(state), needs, "{state:?}");
        }
    }

    fn done(
        topic: StackTopic,
        address: &str,
        state: SubscriptionState,
        outcome: ResubscriptionOutcome,
    ) -> Resubscription {
        let roles = match topic {
            StackTopic::Notices => vec![NoticeRole::OwnerOf(vec!["alice".parse().unwrap()])],
            StackTopic::Alarms => Vec::new(),
        };
        let declared = DeclaredSubscription {
            protocol: "email".into(),
            topic,
            address: address.into(),
            roles,
            attributes: std::collections::BTreeMap::new(),
        };
        Resubscription { subscription: StackSubscription { declared, state }, outcome }
    }

    #[test]
    fn the_result_says_what_was_done_for_each_subscription() {
        let refused = AwsError::Denied { doing: "subscribe it".into(), message: "no".into() };
        let all = [
            done(StackTopic::Notices, "dev@example.com", SubscriptionState::Gone, ResubscriptionOutcome::MailRequested),
            done(StackTopic::Alarms, "ops@example.com", SubscriptionState::Confirmed, ResubscriptionOutcome::Kept),
            done(
                StackTopic::Notices,
                "Security@example.com",
                SubscriptionState::Pending,
                ResubscriptionOutcome::Failed(refused.clone()),
            ),
        ];
        let expected = format!(
            "\
\x20 ADDRESS               RECEIVES                        STATE      DONE
  dev@example.com       notices, as the owner of alice  gone       asked AWS for a new mail
  ops@example.com       alarms                          confirmed  nothing
  Security@example.com  notices, as the owner of alice  pending    failed, see below
Security@example.com: {refused}
AWS sends one mail for each of these subscriptions (1). Follow the link in it within 48 hours. To see the state: make status
"
        );
        assert_eq!(text(&all), expected);
        assert!(!is_fine(&all) && is_fine(&all[..2]));
        assert!(text(&all[1..2]).ends_with("\nEvery subscription is confirmed: no mail is needed\n"));
        assert_eq!(
            json(&all)["subscriptions"][2],
            json!({
                "address": "Security@example.com",
                "topic": "notices",
                "administrator": false,
                "ownerOf": ["alice"],
                "state": "pending",
                "done": "failed",
                "error": refused.to_string(),
            })
        );
    }
}
