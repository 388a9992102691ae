//! Whether the configuration on this computer is the deployed one.

use serde_json::{Value as Json, json};

use crate::{cfn::view::View, deploy::aws::AwsError, diff};

/// A configuration file, compared with a deployed stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalConfiguration {
    /// The file.
    pub file: String,
    /// How its template differs from the deployed one.
    pub comparison: ConfigurationComparison,
}

/// How the template of a configuration differs from the deployed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigurationComparison {
    /// It does not.
    Same,
    /// Only the function's architecture differs, which an option of the deployment can set. Holds the deployed one.
    OtherArchitecture(String),
    /// It differs: the configuration was changed and not deployed, or it was deployed with other users or addresses.
    Differs,
    /// The templates cannot be compared, for this reason.
    Unknown(String),
}

impl ConfigurationComparison {
    /// Compares the template of a configuration with the deployed one.
    #[must_use]
    pub fn of(local: &Json, deployed: &Result<Json, AwsError>) -> Self {
        let deployed = match deployed {
            Ok(deployed) => deployed,
            Err(problem) => return Self::Unknown(problem.to_string()),
        };
        if diff::compare(deployed, local).is_empty() {
            return Self::Same;
        }
        let mut local = local.clone();
        match set_architecture(&mut local, deployed) {
            Some(architecture) if diff::compare(deployed, &local).is_empty() => Self::OtherArchitecture(architecture),
            _ => Self::Differs,
        }
    }

    /// The comparison as a word, for programs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::OtherArchitecture(_) => "other-architecture",
            Self::Differs => "differs",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// Gives the functions of a template the architecture of the deployed function, and returns it.
fn set_architecture(local: &mut Json, deployed: &Json) -> Option<String> {
    let architectures = View(deployed).of("AWS::Lambda::Function").next()?.properties["Architectures"].clone();
    let resources = local["Resources"].as_object_mut()?.values_mut();
    for function in resources.filter(|resource| resource["Type"] == "AWS::Lambda::Function") {
        function["Properties"]["Architectures"] = architectures.clone();
    }
    architectures[0].as_str().map(str::to_owned)
}

impl LocalConfiguration {
    /// The comparison as JSON for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        let mut json = json!({ "file": self.file, "comparison": self.comparison.as_str() });
        match &self.comparison {
            ConfigurationComparison::OtherArchitecture(deployed) => {
                json["deployedArchitecture"] = deployed.as_str().into();
            }
            ConfigurationComparison::Unknown(why) => json["error"] = why.as_str().into(),
            ConfigurationComparison::Same | ConfigurationComparison::Differs => {}
        }
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cfn::json, config, stack};

    fn template(text: &str) -> Json {
        let config = config::read(text, config::Overrides::default()).unwrap().config;
        json::to_json(&stack::template(&config).unwrap())
    }

    #[test]
    fn a_configuration_is_compared_with_what_is_deployed() {
        let text = "users: [alice]\nemails: [a@example.com]\n";
        let deployed = Ok(template(text));
        let of = |more: &str| ConfigurationComparison::of(&template(&format!("{text}{more}")), &deployed);
        assert_eq!(of(""), ConfigurationComparison::Same);
        assert_eq!(of("architecture: x86_64\n"), ConfigurationComparison::OtherArchitecture("arm64".into()));
        assert_eq!(of("overlap: 9d\n"), ConfigurationComparison::Differs);
        assert_eq!(of("overlap: 9d\narchitecture: x86_64\n"), ConfigurationComparison::Differs);
        let unread = ConfigurationComparison::of(&template(text), &Err(AwsError::Expired));
        assert_eq!(unread, ConfigurationComparison::Unknown(AwsError::Expired.to_string()));
    }
}
