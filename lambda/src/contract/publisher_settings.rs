//! The settings of the publisher: its environment variables, declared once.
//!
//! The publisher is the handler's program in the administering account of an organization. It turns the events of the
//! members into mails. The program is the publisher if [`PUBLISH_TO`] is set.

use crate::{
    contract::{
        language::Language,
        settings::{SettingError, SettingProblem, Variable, VariableValue, list, read, words},
        topic_arn::TopicArn,
    },
    model::email::Email,
};

/// The environment variable with [`PublisherSettings::topic`]. Only the publisher has it.
pub const PUBLISH_TO: &str = "PUBLISH_TO";

/// All settings of the publisher. `Reference` is the type that names the topic, as in
/// [`crate::contract::settings::Settings`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherSettings<Reference = TopicArn> {
    /// The central topic, which has the subscriptions.
    pub topic: Reference,
    /// The administrators' addresses. They get the alarms of the members, and the notices of the publisher itself.
    pub administrators: Vec<Email>,
    /// The language of these mails.
    pub language: Language,
}

impl<Reference> PublisherSettings<Reference> {
    /// The environment variables from which the publisher reads exactly these settings, by their names.
    pub fn into_environment(self) -> Vec<(&'static str, VariableValue<Reference>)> {
        vec![
            (PUBLISH_TO, VariableValue::Reference(self.topic)),
            (Variable::Administrators.name(), VariableValue::Text(words(&self.administrators))),
            (Variable::Language.name(), VariableValue::Text(self.language.to_string())),
        ]
    }
}

impl PublisherSettings {
    /// Reads the settings from the environment variables that `lookup` returns.
    ///
    /// # Errors
    /// [`SettingError`] for the first variable that is missing or not valid.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let wrong = |problem| SettingError { name: PUBLISH_TO, problem };
        let topic = lookup(PUBLISH_TO).ok_or(SettingProblem::Missing).map_err(wrong)?;
        Ok(Self {
            topic: topic.parse().map_err(SettingProblem::Invalid).map_err(wrong)?,
            administrators: list(&lookup, Variable::Administrators)?,
            language: read(&lookup, Variable::Language)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_publisher_reads_what_synth_writes() {
        let settings = PublisherSettings {
            topic: "arn:aws:sns:eu-west-1:123456789012:keys".parse::<TopicArn>().unwrap(),
            administrators: ["a@b.co", "C@d.co"].map(|address| address.parse().unwrap()).into(),
            language: Language::Japanese,
        };
        let text = |value| match value {
            VariableValue::Text(text) => text,
            VariableValue::Reference(arn) => TopicArn::to_string(&arn),
        };
        let written: HashMap<_, _> =
            settings.clone().into_environment().into_iter().map(|(name, value)| (name, text(value))).collect();
        assert_eq!(PublisherSettings::from_environment(|name| written.get(name).cloned()), Ok(settings));
        for &name in written.keys() {
            for wrong in [None, Some("/ not:right")] {
                let lookup = |n: &str| if n == name { wrong.map(str::to_owned) } else { written.get(n).cloned() };
                assert_eq!(PublisherSettings::from_environment(lookup).unwrap_err().name, name);
            }
        }
    }
}
