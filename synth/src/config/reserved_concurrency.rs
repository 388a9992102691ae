//! The setting `reserved_concurrency`: how many runs at once are reserved for the function, if any.

use serde_json::{Value as Json, json};

use crate::config::{
    setting_type::{SettingType, ValueProblem},
    tree::{Content, Node},
};

/// The number of runs at once that are reserved for the function. No other number is possible then. `None` without a reservation,
/// which is the default: AWS refuses a reservation that leaves fewer than 100 for the other functions of the Region, and a new
/// account has 10 in all (Lambda Developer Guide, "Configuring reserved concurrency").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReservedConcurrency(pub(super) Option<u32>);

const NONE: &str = "none";
const LEAST: u32 = 1;
/// An account has 1,000 by default, and 100 must stay unreserved.
const MOST: u32 = 900;

impl SettingType for ReservedConcurrency {
    fn read(node: &Node) -> Result<Self, Vec<ValueProblem>> {
        let fits = |text: &str| text.parse().ok().filter(|number| (LEAST..=MOST).contains(number));
        let (shown, meant) = match &node.content {
            Content::Text(word) if word == NONE => return Ok(Self(None)),
            Content::Number(digits) => match fits(digits) {
                Some(number) => return Ok(Self(Some(number))),
                None => (digits.clone(), None),
            },
            Content::Text(text) => (format!("{text:?}"), fits(text).map(|number| number.to_string())),
            Content::Other(text) => (text.clone(), None),
            _ => ("this".into(), None),
        };
        let wrong = ValueProblem::new(format!("{shown} is not a number of runs at once"));
        Err(vec![ValueProblem { meant, ..wrong.allowed(format!("allowed: {}", Self::allowed())) }])
    }

    fn schema() -> Json {
        json!({ "anyOf": [
            { "type": "string", "enum": [NONE] },
            { "type": "integer", "minimum": LEAST, "maximum": MOST },
        ] })
    }

    fn allowed() -> String {
        format!("{NONE}, or a whole number from {LEAST} to {MOST}")
    }

    fn json(text: &str) -> Json {
        text.parse::<u32>().map_or_else(|_| text.into(), Json::from)
    }
}
