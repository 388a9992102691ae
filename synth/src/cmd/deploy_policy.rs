//! `synth deploy-policy`: the IAM policy that a role needs to deploy.

use clap::ValueEnum;
use lambda::model::account_id::AccountId;
use serde_json::Value as Json;

use crate::cmd::{CommandError, config_args::ConfigArgs, note, print};
use crate::{
    cfn::json::to_json,
    config::{Administrator, MEMBER, Region},
    deployer::{AccountRegion, DeployedStack, Partition, policy},
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
    region: Region,
    /// The partition of the account; without it, that of the Region: aws-cn in China, aws-us-gov in GovCloud
    #[arg(long, value_name = "NAME")]
    partition: Option<Partition>,
    /// The format of the output: the policy itself, or what each of its statements is for
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// The policy; or a list of managed policies, if it is too long for the inline policies of a role
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
    if let Some(organization) = config.organization.as_ref().filter(|one| one.region != args.region) {
        let own = &organization.region;
        return Err(CommandError::bad_input(format!(
            "--region: organization.region is {own}, but --region is {}. All stacks of an organization are in its Region: \
             choose --region {own}, or correct organization.region",
            args.region
        )));
    }
    let template = to_json(&template);
    let artifacts = to_json(&artifacts::template(&config).map_err(|e| CommandError::bad_input(e.to_string()))?);
    let place = AccountRegion { partition, account: args.account.clone(), region: args.region.clone() };
    let artifact_stack = artifacts::stack_name(config.stack_name.as_str());
    // The member stack of the management account, if that account administers. An earlier configuration can have selected
    // the account as a member, so the deployer may always read and delete this stack.
    let management_member = match &config.organization {
        Some(organization) if organization.administrator == Administrator::ManagementAccount => {
            args.source.members()?.map(|template| to_json(&template))
        }
        _ => None,
    };
    let member_stack = format!("{}{MEMBER}", config.stack_name.as_str());
    let mut stacks = vec![
        DeployedStack { name: config.stack_name.as_str(), template: &template },
        DeployedStack { name: &artifact_stack, template: &artifacts },
    ];
    stacks.extend(management_member.as_ref().map(|template| DeployedStack { name: &member_stack, template }));
    let policy = policy(&place, &stacks).map_err(|e| CommandError::failure(e.to_string()))?;
    policy.notes.iter().for_each(|text| note(&format!("note: {text}")));
    match args.format {
        Format::Json => {
            let documents = policy.documents();
            print(&match documents.as_slice() {
                [one] => format!("{one:#}\n"),
                all => format!("{:#}\n", Json::from(all)),
            })
        }
        Format::Text => print(&policy.text()),
    }
}
