//! The stack, deployed through CloudFormation into the local AWS.

use std::{collections::HashMap, path::PathBuf};

use serde_json::Value as Json;
use synth::{
    cfn::{resource::Architecture, yaml},
    config::{self, Config, Overrides},
};

use crate::{LocalAws, root};

/// A deployed stack.
#[derive(Debug)]
pub struct Stack {
    /// What it was generated from.
    pub config: Config,
    /// Its outputs.
    pub outputs: HashMap<String, String>,
}

impl Stack {
    /// Generates the template and deploys it with the handler that cargo-lambda has packaged.
    ///
    /// # Panics
    /// If the configuration is wrong, the package is missing or CloudFormation refuses.
    #[must_use]
    pub fn deploy(aws: &LocalAws, configuration: &str, users: &[&str]) -> Self {
        let users = users.iter().map(|user| user.parse().expect("a user name")).collect();
        Self::deploy_with(aws, configuration, Overrides { users: Some(users), ..Overrides::default() })
    }

    /// The same, with more than the users in place of the configuration's.
    ///
    /// # Panics
    /// Likewise.
    #[must_use]
    pub fn deploy_with(aws: &LocalAws, configuration: &str, overrides: Overrides) -> Self {
        let overrides = Overrides { architecture: Some(host_architecture()), ..overrides };
        let config = config::read(configuration, overrides).unwrap_or_else(|problems| panic!("{problems}")).config;
        let name = config.stack_name.as_str().to_owned();
        let template = aws.folder.path().join("template.yaml");
        std::fs::write(&template, yaml::emit(&synth::stack::template(&config).expect("a template"))).expect("written");
        let package = package();
        assert!(package.exists(), "{} is missing: run `make build`", package.display());
        aws.cli(&[
            "s3api",
            "create-bucket",
            "--bucket",
            "artifacts",
            "--create-bucket-configuration",
            "LocationConstraint=eu-west-1",
        ]);
        aws.cli(&[
            "s3api",
            "put-object",
            "--bucket",
            "artifacts",
            "--key",
            "handler.zip",
            "--body",
            &package.display().to_string(),
        ]);
        aws.cli(&[
            "cloudformation",
            "deploy",
            "--stack-name",
            &name,
            "--template-file",
            &template.display().to_string(),
            "--capabilities",
            "CAPABILITY_IAM",
            "--parameter-overrides",
            "CodeBucket=artifacts",
            "CodeKey=handler.zip",
        ]);
        let outputs = outputs(aws, &name);
        Self { config, outputs }
    }

    /// The stack's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.config.stack_name.as_str()
    }

    /// Invokes the function and waits for its response.
    ///
    /// # Panics
    /// If the function cannot be invoked.
    #[must_use]
    pub fn invoke(&self, aws: &LocalAws, event: &Json) -> Json {
        let file = aws.folder.path().join("response.json");
        let (event, response) = (event.to_string(), file.display().to_string());
        aws.cli(&["lambda", "invoke", "--function-name", self.name(), "--payload", &event, &response]);
        serde_json::from_str(&std::fs::read_to_string(&file).expect("a response")).expect("a JSON response")
    }

    /// Everything the function has logged.
    #[must_use]
    pub fn log(&self, aws: &LocalAws) -> Vec<String> {
        let group = &self.outputs["LogGroupName"];
        let events = aws.cli(&["logs", "filter-log-events", "--log-group-name", group]);
        let events = events["events"].as_array().cloned().unwrap_or_default();
        events.iter().filter_map(|event| event["message"].as_str()).map(str::to_owned).collect()
    }
}

/// A stack's outputs.
#[must_use]
pub fn outputs(aws: &LocalAws, name: &str) -> HashMap<String, String> {
    let described = aws.cli(&["cloudformation", "describe-stacks", "--stack-name", name]);
    let outputs = described["Stacks"][0]["Outputs"].as_array().cloned().unwrap_or_default();
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    outputs.iter().map(|output| (text(&output["OutputKey"]), text(&output["OutputValue"]))).collect()
}

/// The handler's package for this machine.
#[must_use]
pub fn package() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("lambda").join(std::env::consts::ARCH).join("lambda/bootstrap.zip")
}

/// What this machine, and so the emulator, can run.
#[must_use]
pub fn host_architecture() -> Architecture {
    if cfg!(target_arch = "aarch64") { Architecture::Arm64 } else { Architecture::X86_64 }
}
