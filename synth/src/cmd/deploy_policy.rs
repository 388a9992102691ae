//! `synth deploy-policy`: the IAM policy that a role needs to deploy.

use clap::ValueEnum;

use crate::cmd::{CommandError, config_args::ConfigArgs, note, print};
use crate::{
    cfn::json::to_json,
    deployer::{AccountId, AccountRegion, DeployedStack, Partition, RegionName, policy},
    stack::artifacts,
};

#[derive(Debug, clap::Args)]
pub(super) struct DeployPolicyArgs {
    #[command(flatten)]
    source: ConfigArgs,
    /// The account to deploy to
    #[arg(long, value_name = "NUMBER")]
    account: AccountId,
    /// The Region to deploy to
    #[arg(long, value_name = "NAME")]
    region: RegionName,
    /// The partition of the account; without it, that of the Region: aws-cn in China, aws-us-gov in GovCloud
    #[arg(long, value_name = "NAME")]
    partition: Option<Partition>,
    /// The format of the output: the policy itself, or what each of its statements is for
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// The policy
    Json,
    /// What each statement is for
    Text,
}

pub(super) fn run(args: &DeployPolicyArgs) -> Result<(), CommandError> {
    let partition = args.partition.clone().unwrap_or_else(|| args.region.partition());
    if !args.region.fits(&partition) {
        return Err(CommandError::bad_input(format!(
            "--partition: the Region {} is in the partition {}, not in {partition}; leave --partition out",
            args.region,
            args.region.partition()
        )));
    }
    let (config, template) = args.source.bundle()?;
    let template = to_json(&template);
    let artifacts = to_json(&artifacts::template(&config).map_err(|e| CommandError::bad_input(e.to_string()))?);
    let place = AccountRegion { partition, account: args.account.clone(), region: args.region.clone() };
    let artifact_stack = artifacts::stack_name(config.stack_name.as_str());
    let stacks = [
        DeployedStack { name: config.stack_name.as_str(), template: &template },
        DeployedStack { name: &artifact_stack, template: &artifacts },
    ];
    let policy = policy(&place, &stacks).map_err(|e| CommandError::failure(e.to_string()))?;
    policy.notes.iter().for_each(|text| note(&format!("note: {text}")));
    match args.format {
        Format::Json => print(&format!("{:#}\n", policy.json())),
        Format::Text => print(&policy.text()),
    }
}
