//! The rotation stack, deployed to the local AWS through CloudFormation.

use std::{collections::HashMap, path::PathBuf};

use serde_json::Value as Json;
use synth::{
    cfn::resource::Architecture,
    config::{self, Config, Overrides},
};

use crate::{
    LocalAws,
    deployer::{self, Run},
    local_aws::ACCOUNT,
    root,
};

/// A deployed stack.
#[derive(Debug)]
pub struct Stack {
    /// The configuration that the stack was generated from.
    pub config: Config,
    /// The outputs of the stack, by name.
    pub outputs: HashMap<String, String>,
    /// The output of the deployment.
    pub deployment: Run,
}

impl Stack {
    /// Deploys a configuration for these users, with the handler that cargo-lambda has packaged.
    ///
    /// # Panics
    /// In the same cases as [`Stack::deploy_as_it_is`].
    #[must_use]
    pub fn deploy(aws: &LocalAws, configuration: &str, users: &[&str]) -> Self {
        let parsed = users.iter().map(|user| user.parse().expect("a user name")).collect();
        let overrides = Overrides { users: Some(parsed), ..Overrides::default() };
        Self::deploy_with(aws, configuration, &["--users", &users.join(" ")], overrides)
    }

    /// Deploys a configuration for the users that it names.
    ///
    /// # Panics
    /// If the configuration is wrong, the package is missing or the deployment fails.
    #[must_use]
    pub fn deploy_as_it_is(aws: &LocalAws, configuration: &str) -> Self {
        Self::deploy_with(aws, configuration, &[], Overrides::default())
    }

    fn deploy_with(aws: &LocalAws, configuration: &str, options: &[&str], overrides: Overrides) -> Self {
        let file = aws.folder.path().join("rotation.yaml").display().to_string();
        std::fs::write(&file, configuration).expect("written");
        let package = package();
        assert!(package.exists(), "{} is missing: run `make build-local`", package.display());
        let package = package.display().to_string();
        let all = ["--config", &file, "--architecture", host_architecture_name(), "--package", &package];
        let deployed = deployer::deploy(aws, &[&all, options].concat());
        assert_eq!(deployed.result()["result"], "deployed", "{}", deployed.text);
        // From here on, the calls are mostly the handler's.
        aws.proxy.forget();
        let outputs = deployed.result()["outputs"].as_object().into_iter().flatten();
        let outputs = outputs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
        let overrides = Overrides { architecture: Some(host_architecture()), ..overrides };
        let config = config::read(configuration, overrides).unwrap_or_else(|problems| panic!("{problems}")).config;
        Self { config, outputs, deployment: deployed }
    }

    /// The name of the stack.
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
        self.invoke_or_fail(aws, event).0
    }

    /// Invokes the function. Returns its response, and whether Lambda counts it as an error.
    ///
    /// # Panics
    /// If the function cannot be invoked.
    #[must_use]
    pub fn invoke_or_fail(&self, aws: &LocalAws, event: &Json) -> (Json, bool) {
        invoke(aws, ACCOUNT, self.name(), event)
    }

    /// Invokes the function of a member of the organization. Returns its response, and whether Lambda counts it as an error.
    ///
    /// # Panics
    /// If the function cannot be invoked.
    #[must_use]
    pub fn invoke_member(&self, aws: &LocalAws, account: &str, event: &Json) -> (Json, bool) {
        invoke(aws, account, &self.member_function(), event)
    }

    /// The name of a member's function.
    #[must_use]
    pub fn member_function(&self) -> String {
        format!("{}{}", self.name(), config::MEMBER)
    }

    /// Everything that the function has logged.
    #[must_use]
    pub fn log(&self, aws: &LocalAws) -> Vec<String> {
        log(aws, ACCOUNT, &self.outputs["LogGroupName"])
    }
}

/// Invokes a function of an account. Returns its response, and whether Lambda counts it as an error.
fn invoke(aws: &LocalAws, account: &str, function: &str, event: &Json) -> (Json, bool) {
    let file = aws.folder.path().join(format!("response-{account}.json"));
    let (event, response) = (event.to_string(), file.display().to_string());
    let command =
        ["lambda", "invoke", "--function-name", function, "--payload", &event, "--cli-read-timeout", "0", &response];
    let answer = aws.cli_in(account, &command);
    let response = std::fs::read_to_string(&file).expect("a response");
    (serde_json::from_str(&response).expect("a JSON response"), answer["FunctionError"].is_string())
}

/// Everything in a log group of an account.
#[must_use]
pub fn log(aws: &LocalAws, account: &str, group: &str) -> Vec<String> {
    let events = aws.cli_in(account, &["logs", "filter-log-events", "--log-group-name", group]);
    let events = events["events"].as_array().cloned().unwrap_or_default();
    events.iter().filter_map(|event| event["message"].as_str()).map(str::to_owned).collect()
}

/// The path of the handler's package for this machine: the file in HANDLER_PACKAGE, otherwise the release build.
#[must_use]
pub fn package() -> PathBuf {
    if let Some(package) = std::env::var_os("HANDLER_PACKAGE") {
        return root().join(package);
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("lambda").join(std::env::consts::ARCH).join("lambda/bootstrap.zip")
}

/// The architecture of this machine, on which the emulator runs the handler.
#[must_use]
pub fn host_architecture() -> Architecture {
    if cfg!(target_arch = "aarch64") { Architecture::Arm64 } else { Architecture::X86_64 }
}

/// The architecture of this machine, as the command line writes it.
#[must_use]
pub fn host_architecture_name() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}
