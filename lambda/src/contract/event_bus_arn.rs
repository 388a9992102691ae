//! The ARN of the event bus that the members of an organization send their events to.

use std::str::FromStr;

use crate::model::{
    arn::ArnParts,
    parse_error::{ParseError, text_newtype},
};

/// The ARN of an event bus: `arn:PARTITION:events:REGION:ACCOUNT:event-bus/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventBusArn(String);

text_newtype!(EventBusArn);

impl EventBusArn {
    pub(crate) fn region(&self) -> &str {
        ArnParts::of(&self.0).map_or("", |arn| arn.region)
    }

    pub(crate) fn partition(&self) -> &str {
        ArnParts::of(&self.0).map_or("", |arn| arn.partition)
    }
}

impl FromStr for EventBusArn {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // "PutEvents": EventBusName.
        let is_name = |name: &str| {
            (1..=256).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b))
        };
        let fits = ArnParts::of(text).is_some_and(|arn| {
            arn.service == "events"
                && !arn.region.is_empty()
                && !arn.account.is_empty()
                && arn.resource.strip_prefix("event-bus/").is_some_and(is_name)
        });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(text, "the ARN of an event bus", "arn:aws:events:REGION:ACCOUNT:event-bus/NAME"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bus_is_named_by_its_whole_arn() {
        let bus: EventBusArn = "arn:aws-cn:events:cn-north-1:111122223333:event-bus/keys".parse().unwrap();
        assert_eq!((bus.partition(), bus.region()), ("aws-cn", "cn-north-1"));
        for wrong in [
            "",
            "default",
            "arn:aws:events:eu-west-1:111122223333:event-bus/",
            "arn:aws:events:eu-west-1:111122223333:event-bus/*",
            "arn:aws:events:eu-west-1:111122223333:rule/keys",
            "arn:aws:events::111122223333:event-bus/keys",
            "arn:aws:events:eu-west-1::event-bus/keys",
            "arn:aws:sns:eu-west-1:111122223333:keys",
        ] {
            assert!(wrong.parse::<EventBusArn>().is_err(), "{wrong:?}");
        }
    }
}
