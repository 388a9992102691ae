//! Types of values that have limits or words: durations, sizes, and choices.

use std::str::FromStr;

use lambda::{
    contract::{
        account_name::AccountName, digest_frequency::DigestFrequency, language::Language, secret_prefix::SecretPrefix,
        user_tags::UserTags,
    },
    model::{parse_error::ParseError, time::Span},
    protocol::{
        planner::ROTATION_BUDGET,
        policy::{DeleteAfter, Delivery, DisabledUsers, MaxWait, StillInUse, UnconfirmedRecipients, UnusedAfter},
    },
};
use serde_json::{Value as Json, json};

use crate::cfn::resource::Architecture;
use crate::config::{
    pattern,
    setting_type::{SettingType, ValueProblem, ValueRule, Word},
    suggest,
    tree::{Content, Node},
};

/// The age at which a key is replaced: at least one minute.
#[derive(Debug, Clone, Copy)]
pub(super) struct RotateAfter(pub(super) Span);

impl RotateAfter {
    const LEAST: Span = Span::minutes(1);
}

impl FromStr for RotateAfter {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let invalid = || ParseError {
            value: text.to_owned(),
            what: "an age at which a key can be replaced",
            allowed: "a whole number with d, h, m or s, such as 90d or 12h, from 1m to 3653d",
        };
        text.parse().ok().filter(|span| *span >= Self::LEAST).map(Self).ok_or_else(invalid)
    }
}

/// The time that one rotation needs, and half a minute to read the users before it.
pub(crate) const SHORTEST_TIMEOUT: Span = Span::seconds(ROTATION_BUDGET.as_seconds() + 30);

/// How long one run may take: from two minutes to fifteen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeout(pub(super) Span);

impl Timeout {
    const LEAST: Span = SHORTEST_TIMEOUT;
    /// Lambda quotas, "Function timeout".
    const MOST: Span = Span::minutes(15);
}

impl FromStr for Timeout {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let invalid = || ParseError {
            value: text.to_owned(),
            what: "a time that a run can be given",
            allowed: "a whole number with m or s, such as 10m, from 2m, which a rotation needs, to 15m, which Lambda allows",
        };
        text.parse().ok().filter(|span| (Self::LEAST..=Self::MOST).contains(span)).map(Self).ok_or_else(invalid)
    }
}

/// A pattern for the durations from `least` to `most`, in each unit.
fn durations(least: Span, most: Span) -> String {
    let forms = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)].into_iter().filter_map(|(unit, seconds)| {
        let (from, to) = (least.as_seconds().div_ceil(seconds), most.as_seconds() / seconds);
        (from <= to).then(|| format!("0*{}{unit}", pattern::range(from, to)))
    });
    forms.collect::<Vec<_>>().join("|")
}

fn any_duration(words: &[&'static str]) -> ValueRule {
    let pattern = format!("(?:0|{})", durations(Span::ZERO, Span::MAX));
    ValueRule { words: words.to_vec(), zero: true, ..ValueRule::pattern(&pattern) }
}

/// Implements [`Word`] for types that are durations: the rule, and other names of their words.
macro_rules! duration_words {
    ($($type:ty: $rule:expr $(, $aliases:expr)?;)+) => {
        $(impl Word for $type {
            const NUMBERS: bool = true;
            $(const ALIASES: &[(&str, &str)] = &$aliases;)?

            fn rule() -> ValueRule {
                $rule
            }

            fn guesses(text: &str) -> Vec<String> {
                suggest::durations(text)
            }
        })+
    };
}

duration_words! {
    RotateAfter: ValueRule::pattern(&format!("(?:{})", durations(Self::LEAST, Span::MAX)));
    Timeout: ValueRule::pattern(&format!("(?:{})", durations(Self::LEAST, Self::MOST)));
    Span: any_duration(&[]);
    DeleteAfter: any_duration(&["next-rotation"]);
    MaxWait: any_duration(&["forever"]), [("always", "forever"), ("infinite", "forever"), ("unlimited", "forever")];
    UnusedAfter: ValueRule {
        words: vec!["never"],
        ..ValueRule::pattern(&format!("(?:{})", durations(Span::seconds(1), Span::MAX)))
    }, [("forever", "never"), ("no", "never"), ("none", "never"), ("off", "never"), ("false", "never")];
}

/// How long the log of the function is kept, in days. CloudWatch Logs allows only some numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogRetention(pub(super) u32);

macro_rules! retentions {
    ($($days:literal)+) => { [$((concat!($days, "d"), $days)),+] };
}

/// The retentions that CloudWatch Logs allows ("PutRetentionPolicy": retentionInDays).
const RETENTIONS: [(&str, u32); 22] =
    retentions!(1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 2192 2557 2922 3288 3653);

impl FromStr for LogRetention {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let known = RETENTIONS.iter().find(|(word, _)| *word == text);
        known.map(|(_, days)| Self(*days)).ok_or_else(|| ParseError {
            value: text.to_owned(),
            what: "a retention that CloudWatch Logs allows",
            allowed: "1d, 3d, 5d, 7d, 14d, 30d, 60d, 90d, 120d, 150d, 180d, 365d, 400d, 545d, 731d, 1096d, 1827d, 2192d, \
                      2557d, 2922d, 3288d or 3653d",
        })
    }
}

impl Word for LogRetention {
    const NUMBERS: bool = true;

    fn rule() -> ValueRule {
        ValueRule::words(RETENTIONS.iter().map(|(word, _)| *word))
    }

    /// The nearest retention that CloudWatch Logs allows.
    fn guesses(text: &str) -> Vec<String> {
        let spans = suggest::durations(text).into_iter().filter_map(|text| text.parse::<Span>().ok());
        let nearest = |span: Span| {
            let known = RETENTIONS.iter().min_by_key(|(_, days)| span.whole_days().abs_diff((*days).into()));
            known.map(|(word, _)| (*word).to_owned())
        };
        spans.filter_map(nearest).collect()
    }
}

/// The memory of the function, in MiB (Lambda quotas, "Function memory allocation").
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory(pub(super) u32);

impl Memory {
    const LEAST: u32 = 128;
    const MOST: u32 = 10_240;

    fn fits(text: &str) -> Option<Self> {
        text.parse().ok().filter(|mib| (Self::LEAST..=Self::MOST).contains(mib)).map(Self)
    }

    /// The number of MiB that `"128"`, `128 MB` or `1 GB` stands for.
    fn guess(text: &str) -> Option<u32> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let mib = match text[digits..].trim().to_lowercase().as_str() {
            "" | "m" | "mb" | "mib" => 1,
            "g" | "gb" | "gib" => 1_024,
            _ => return None,
        };
        let mib = text[..digits].parse::<u32>().ok()?.checked_mul(mib)?;
        Self::fits(&mib.to_string()).map(|memory| memory.0)
    }
}

impl SettingType for Memory {
    fn read(node: &Node) -> Result<Self, Vec<ValueProblem>> {
        let (shown, meant) = match &node.content {
            Content::Number(digits) => match Self::fits(digits) {
                Some(memory) => return Ok(memory),
                None => (digits.clone(), None),
            },
            Content::Text(text) => (format!("{text:?}"), Self::guess(text).map(|mib| mib.to_string())),
            Content::Other(text) => (text.clone(), None),
            _ => ("this".into(), None),
        };
        let (least, most) = (Self::LEAST, Self::MOST);
        let wrong = ValueProblem::new(format!("{shown} is not a whole number from {least} to {most}"));
        Err(vec![ValueProblem { meant, ..wrong.allowed(format!("allowed: a number of MiB from {least} to {most}")) }])
    }

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": Self::LEAST, "maximum": Self::MOST })
    }

    fn allowed() -> String {
        format!("a whole number from {} to {}", Self::LEAST, Self::MOST)
    }

    fn json(text: &str) -> Json {
        text.parse::<u32>().map_or(Json::Null, Json::from)
    }
}

impl Word for SecretPrefix {
    fn rule() -> ValueRule {
        let (edge, middle) = ("[A-Za-z0-9_+=.@-]", "[A-Za-z0-9/_+=.@-]");
        ValueRule::pattern(&format!("{edge}(?:{middle}{{0,254}}{edge})?"))
    }

    fn guesses(text: &str) -> Vec<String> {
        vec![text.trim_matches(['/', ' ']).replace(' ', "-")]
    }
}

impl Word for AccountName {
    fn rule() -> ValueRule {
        ValueRule { words: vec!["none"], ..ValueRule::pattern("(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*") }
    }

    fn guesses(text: &str) -> Vec<String> {
        let is_alias = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let parts: Vec<_> =
            text.split(|c: char| !is_alias(c.to_ascii_lowercase())).filter(|part| !part.is_empty()).collect();
        vec![parts.join("-").to_ascii_lowercase()]
    }
}

impl Word for Delivery {
    fn rule() -> ValueRule {
        ValueRule::words(Self::WORDS.iter().copied())
    }
}

impl Word for StillInUse {
    fn rule() -> ValueRule {
        ValueRule::words(Self::WORDS.iter().copied())
    }
}

impl Word for DisabledUsers {
    fn rule() -> ValueRule {
        ValueRule::words(Self::WORDS.iter().copied())
    }
}

impl Word for UnconfirmedRecipients {
    fn rule() -> ValueRule {
        ValueRule::words(Self::WORDS.iter().copied())
    }
}

impl Word for UserTags {
    const ALIASES: &[(&str, &str)] =
        &[("true", "honoured"), ("yes", "honoured"), ("honored", "honoured"), ("false", "ignored"), ("no", "ignored")];

    fn rule() -> ValueRule {
        ValueRule::words(Self::WORDS.iter().copied())
    }
}

impl Word for DigestFrequency {
    const ALIASES: &[(&str, &str)] = &[("true", "always"), ("yes", "always"), ("false", "never"), ("no", "never")];

    fn rule() -> ValueRule {
        ValueRule::words(Self::WORDS.iter().copied())
    }
}

impl Word for Language {
    const ALIASES: &[(&str, &str)] = &[("japanese", "ja"), ("日本語", "ja"), ("english", "en")];

    fn rule() -> ValueRule {
        ValueRule::words(Self::WORDS.iter().copied())
    }
}

impl FromStr for Architecture {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let known = Self::ALL.iter().find(|(word, _)| *word == text);
        known.map(|(_, architecture)| *architecture).ok_or_else(|| ParseError {
            value: text.to_owned(),
            what: "an architecture",
            allowed: "arm64 or x86_64",
        })
    }
}

impl Word for Architecture {
    const ALIASES: &[(&str, &str)] =
        &[("aarch64", "arm64"), ("amd64", "x86_64"), ("x64", "x86_64"), ("x86", "x86_64"), ("intel", "x86_64")];

    fn rule() -> ValueRule {
        ValueRule::words(Self::ALL.iter().map(|(word, _)| *word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_read_names_the_limits_that_are_enforced() {
        let allowed = |refused: ParseError| refused.allowed;
        let timeout = allowed("".parse::<Timeout>().unwrap_err());
        assert!(timeout.contains(&Timeout::LEAST.to_string()) && timeout.contains(&Timeout::MOST.to_string()));
        let age = allowed("".parse::<RotateAfter>().unwrap_err());
        assert!(age.contains(&RotateAfter::LEAST.to_string()) && age.contains(&Span::MAX.to_string()));
        let retention = allowed("".parse::<LogRetention>().unwrap_err()).replace(" or ", ", ");
        assert_eq!(retention, RETENTIONS.map(|(word, _)| word).join(", "));
    }
}
