//! `synth deploy`: creates or updates the stack of a configuration.

use std::{path::PathBuf, time::Duration};

use lambda::{
    contract::endpoint::{Endpoint, EndpointKind},
    model::time::{Span, Timestamp},
};

use crate::cmd::{
    CommandError, Exit,
    config_args::ConfigArgs,
    confirmations,
    output::OutputFormat,
    package, target,
    terminal::{self, Terminal, ask},
};
use crate::{
    cfn::{Value, json, yaml},
    config::{Administrator, MEMBER},
    deploy::{
        administrator,
        aws::{AwsLocation, Session, cloudformation::CloudFormation},
        command_line,
        deploy_error::DeployError,
        deploy_plan::{Deployment, MemberRelease, Object, PackageOrigin, Release},
        deployed_template,
        first_deployment::FirstDeployment,
        interrupt::Interrupt,
        message::{DeployOutcome, Message, MessageSink},
        open_rotations::open_rotations,
        organization_reader,
        organization_rollout::{self, OutdatedAccounts},
        organization_screen, preview_reader,
        root_cause::RootCause,
        run_preview::RunPreview,
        stack_recipients,
        stacks::{Stacks, TargetStack},
        status_report, status_screen,
    },
    diff::{
        approval::{Approval, Fingerprint, because},
        member_change::MemberChange,
    },
    package::Sha256Digest,
    screen::Verbosity,
    shell::quoted,
    stack::artifacts,
};

/// How often a deployment is repeated that failed for a cause that passes by itself.
const RETRIES: usize = 2;
/// The pause before such a repetition. IAM knows a new role everywhere after seconds, but states no bound.
const PAUSE: Duration = Duration::from_secs(15);

#[derive(Debug, clap::Args)]
pub(super) struct DeployArgs {
    #[command(flatten)]
    source: ConfigArgs,
    #[command(flatten)]
    place: AwsLocation,
    /// The handler's package, built for the configuration's architecture
    #[arg(long, value_name = "ZIP")]
    package: PathBuf,
    /// Deploy the package from this existing bucket, instead of creating an artifact bucket
    #[arg(long, value_name = "NAME")]
    artifact_bucket: Option<String>,
    /// Approve the change and the package with this fingerprint, and no others
    #[arg(long, value_name = "FINGERPRINT")]
    approve: Vec<Fingerprint>,
    /// State that the package was built from the reviewed tree: --approve then takes the fingerprint of the review, as `synth
    /// diff` prints it, which names no package
    #[arg(long)]
    reviewed_package: bool,
    /// Wait until every address has confirmed its subscriptions, at most this long; Ctrl-C ends only the wait
    // The links in the mails are good for 48 hours.
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "48h")]
    wait: Option<Span>,
    /// Show all users, all properties that change, and the whole report about the next run
    #[arg(long)]
    verbose: bool,
    /// The format of the output; JSON is one object per line
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

impl DeployArgs {
    const fn detail(&self) -> Verbosity {
        if self.verbose { Verbosity::Full } else { Verbosity::Brief }
    }
}

pub(super) fn run(args: &DeployArgs) -> Result<(), CommandError> {
    let (release, notify) = release(args)?;
    target::block_on(async {
        let interrupt = Interrupt::listen();
        let mut console = Terminal::with(args.format, args.detail());
        let name = release.bundle.stack.clone();
        let session = tokio::select! {
            session = Session::open(&args.place) => session.map_err(|problem| from_failure(problem.into())),
            _ = interrupt.pressed() => Err(DeployOutcome::Interrupted),
        };
        let (end, left) = match &session {
            Ok(session) => {
                match misplaced_endpoint(&notify, session).or_else(|| misplaced_organization(&release, session)) {
                    None => Box::pin(deploy(args, release, session, &interrupt, &mut console)).await,
                    Some(message) => (DeployOutcome::Failed { message, cause: None, is_about_input: true }, Vec::new()),
                }
            }
            Err(end) => (end.clone(), Vec::new()),
        };
        let mut confirmations = Ok(());
        match (&session, &end) {
            (Ok(session), DeployOutcome::Deployed(_) | DeployOutcome::Unchanged(_)) => {
                if args.format == OutputFormat::Text {
                    console.show(&Message::End(&end));
                    show_status(session, &name, &interrupt, &mut console).await;
                }
                confirmations = confirmations::follow(session, &name, args.wait, &interrupt, &mut console).await;
                if args.format == OutputFormat::Json {
                    console.show(&Message::End(&end));
                }
            }
            _ => console.show(&Message::End(&end)),
        }
        match stop(&name, end) {
            Ok(()) if left.is_empty() => confirmations,
            // A change set that is left over changes nothing, but the user must know about it.
            Ok(()) => Err(CommandError::failure(left.join("\n"))),
            Err(mut stop) => {
                for left in left {
                    stop.message += &format!("\n{left}");
                }
                Err(stop)
            }
        }
    })
}

/// Prepares what is deployed, and returns it with the endpoints of `notify`. It finds all errors that need no call to AWS.
fn release(args: &DeployArgs) -> Result<(Release, Vec<Endpoint>), CommandError> {
    let (config, template) = args.source.bundle()?;
    let target = |stack: &str, template: &Value| TargetStack {
        stack: stack.to_owned(),
        document: yaml::emit(template),
        template: json::to_json(template),
        parameters: Vec::new(),
    };
    let artifacts = artifacts::template(&config).map_err(|e| CommandError::bad_input(e.to_string()))?;
    let package = package::read(&args.package, config.architecture, &args.source.architecture_origin())?;
    let members = match (config.organization.clone(), args.source.members()?) {
        (Some(organization), Some(template)) => {
            let stack = target(&format!("{}{MEMBER}", config.stack_name.as_str()), &template);
            let content = stack.document.clone().into_bytes();
            let document = Object { digest: Sha256Digest::of(&content), kind: "yaml", content };
            Some(MemberRelease { stack, document, organization })
        }
        _ => None,
    };
    let release = Release {
        bundle: target(config.stack_name.as_str(), &template),
        artifacts: target(&artifacts::stack_name(config.stack_name.as_str()), &artifacts),
        package: Object { digest: package.digest(), kind: "zip", content: package.bytes().to_vec() },
        origin: if args.reviewed_package { PackageOrigin::ReviewedTree } else { PackageOrigin::AnyFile },
        bucket: args.artifact_bucket.clone(),
        members,
    };
    Ok((release, config.notify))
}

/// What is wrong with the first endpoint that the stack cannot subscribe from this account and Region. CloudFormation would
/// find it only in the middle of the deployment.
fn misplaced_endpoint(notify: &[Endpoint], session: &Session) -> Option<String> {
    let Session { account, region, .. } = session;
    notify.iter().find_map(|endpoint| misplaced(endpoint, session.partition(), account, region))
}

/// What is wrong with the Region of the session, if the configuration serves an organization.
fn misplaced_organization(release: &Release, session: &Session) -> Option<String> {
    let region = &release.members.as_ref()?.organization.region;
    (region.as_str() != session.region).then(|| {
        format!(
            "organization.region is {region}, but this deployment is to {}. Deploy with --region {region} (make: REGION={region}), or \
             correct organization.region",
            session.region
        )
    })
}

fn misplaced(endpoint: &Endpoint, partition: &str, account: &str, region: &str) -> Option<String> {
    let arn = endpoint.arn()?;
    let needed = match endpoint.kind() {
        // The stack creates the permission to invoke the function, which it can do only next to itself.
        EndpointKind::Function if (arn.partition, arn.account, arn.region) != (partition, account, region) => {
            format!("a function must be in the stack's account and Region: {account}, {region}")
        }
        EndpointKind::Queue if arn.partition != partition => {
            format!("a queue must be in the stack's partition: {partition}")
        }
        EndpointKind::Function | EndpointKind::Queue | EndpointKind::Https => return None,
    };
    Some(format!("notify: {endpoint}: {needed}. Correct the ARN, or deploy to the other account or Region"))
}

/// Deploys. Returns how it ended, and messages about change sets that could not be deleted.
async fn deploy(
    args: &DeployArgs,
    release: Release,
    session: &Session,
    interrupt: &Interrupt,
    console: &mut Terminal,
) -> (DeployOutcome, Vec<String>) {
    let Session { account, region, identity, .. } = session;
    let TargetStack { stack, template, .. } = &release.bundle;
    let account_name = deployed_template::account_name(template);
    console.show(&Message::Place { account, account_name, region, identity, stack });
    let mut stacks = Stacks::new(CloudFormation::new(session), interrupt.clone(), console);
    let (name, administrator) = (release.bundle.stack.clone(), administrator::of_template(&release.bundle.template));
    let organization = release.members.as_ref().map(|members| members.organization.clone());
    let mut end = Box::pin(attempt(args, release, session, interrupt, &mut stacks)).await;
    if let (Ok(deployed), Some(administrator)) = (&end, administrator) {
        let outdated = match deployed {
            DeployOutcome::Deployed(_) => Some(OutdatedAccounts::Report),
            DeployOutcome::Unchanged(_) => Some(OutdatedAccounts::Update),
            _ => None,
        };
        if let Some(outdated) = outdated
            && let Err(failure) = update_members(session, &name, administrator, outdated, interrupt, &mut stacks).await
        {
            end = Err(failure);
        }
        if let (Some(organization), true) = (organization, end.is_ok()) {
            match organization_rollout::unselected_management_member(session, &name, &organization).await {
                Ok(stack) => stack.iter().for_each(|stack| stacks.note(&still_rotates(stack))),
                Err(failure) => end = Err(failure.into()),
            }
        }
    }
    let left = stacks.withdraw().await.err().unwrap_or_default();
    (end.unwrap_or_else(from_failure), left)
}

/// Says that the management account's member stack rotates keys although the configuration does not select the account.
fn still_rotates(stack: &str) -> String {
    let delete = command_line::aws(&format!("cloudformation delete-stack --stack-name {stack}"));
    format!(
        "The configuration does not select this account, but its stack {stack} still rotates keys. To delete it, run:\n{delete}"
    )
}

/// Follows the organization's accounts to their end, after the stack of the administering account is done.
async fn update_members(
    session: &Session,
    name: &str,
    administrator: Administrator,
    outdated: OutdatedAccounts,
    interrupt: &Interrupt,
    stacks: &mut Stacks<'_>,
) -> Result<(), DeployError> {
    let Some(stack) = CloudFormation::new(session).stack(name).await? else { return Ok(()) };
    let sets = organization_rollout::stack_sets(session, &stack, administrator).await?;
    organization_rollout::update_outdated(sets, outdated, interrupt, stacks).await
}

/// Shows what CloudFormation does not know, such as when the next run is, and what it would do. A program calls
/// `synth status` for that. The deployment is done, so a failure here does not change how it ended.
async fn show_status(session: &Session, name: &str, interrupt: &Interrupt, console: &mut Terminal) {
    let users = status_report::ReportedUsers::Due;
    let gather = async {
        let stack = target::stack(session, name).await?.ok_or_else(|| target::stack_not_found(name, session))?;
        let template = stack_recipients::template(session, &stack).await;
        if let Some(administrator) = template.as_ref().ok().and_then(administrator::of_template) {
            let now = Timestamp::now();
            let status = organization_reader::gather(session, name, stack, &template?, administrator, now).await;
            return Ok(organization_screen::text(&status, users, Verbosity::Full));
        }
        let state = Box::pin(status_report::gather(session, name, stack, users, Timestamp::now())).await;
        Ok::<_, CommandError>(status_screen::text(&state, users, Verbosity::Full))
    };
    tokio::select! {
        state = gather => console.show(&Message::Note(&match state {
            Ok(text) => format!("\n{}", text.trim_end()),
            Err(stop) => stop.to_string(),
        })),
        _ = interrupt.pressed() => {}
    }
}

async fn attempt(
    args: &DeployArgs,
    release: Release,
    session: &Session,
    interrupt: &Interrupt,
    stacks: &mut Stacks<'_>,
) -> Result<DeployOutcome, DeployError> {
    if let Some(administrator) = administrator::of_template(&release.bundle.template) {
        organization_rollout::check_access(session, administrator).await?;
    }
    let mut deployment = Box::pin(release.clone().plan(session, stacks)).await?;
    if let Some(outputs) = deployment.unchanged() {
        return Ok(DeployOutcome::Unchanged(outputs.clone()));
    }
    // In an organization, the runs are in the members.
    let is_organization = deployment.member_change().is_some();
    let preview = if is_organization { None } else { read_preview(&deployment, session, interrupt, stacks).await? };
    for (plan, approval) in deployment.plans() {
        let stack = &plan.target.stack;
        let next_run = preview.as_ref().filter(|preview| preview.stack == *stack);
        stacks.say(&Message::Plan { stack, diff: &plan.diff, approval: approval.as_ref(), next_run });
    }
    // The approval of the rotation stack covers this change, because that stack names the template by its hash.
    if let Some(diff) = deployment.member_change().and_then(MemberChange::diff) {
        stacks.say(&Message::Plan { stack: "each member account", diff, approval: None, next_run: None });
    }
    if let Some(accounts) = deployment.moved_accounts() {
        return Err(DeployError::MovesAccounts(accounts.clone()));
    }
    if let Some(preview) = &preview {
        stacks.say(&Message::Preview(preview));
    }
    let planned = deployment.planned();
    let first = deployment.is_first().then(|| FirstDeployment::of(planned.name, planned.template, preview.as_ref()));
    // An error is an error of the preview too, which is shown above.
    if let Some(Ok(first)) = &first {
        stacks.say(&Message::FirstDeployment(first));
    }
    let (function, leaving) = (deployment.function(), deployment.leaving());
    let open = open_rotations(session, function, &leaving, interrupt, |line| stacks.note(line)).await?;
    for sentence in &open {
        stacks.note(sentence);
    }
    let approvals = deployment.approvals();
    let package = deployment.approved_package();
    let approved: Vec<Fingerprint> = approvals.iter().map(|(_, approval)| approval.fingerprint).collect();
    match Decision::of(&approved, &args.approve, &open) {
        Decision::Ask | Decision::AskIfPossible if terminal::can_ask() => {
            let package = package.filter(|_| !approvals.is_empty());
            if !ask(interrupt, &question(deployment.is_first(), package, &open)).await? {
                return Ok(DeployOutcome::Declined);
            }
        }
        // Without a terminal, what becomes of the users that leave was shown, and the change needs no approval.
        Decision::Go | Decision::AskIfPossible => {}
        Decision::Ask => return Ok(needs_approval(approvals, package)),
        Decision::Refuse => {
            stacks.note(match package {
                Some(_) => "The approval is for another change or another package",
                None => "The approval is for another change",
            });
            return Ok(needs_approval(approvals, package));
        }
    }
    for _ in 0..RETRIES {
        match Box::pin(deployment.carry_out(&approved, stacks)).await {
            Err(DeployError::Failed { cause: Some(cause), .. }) if cause.passes() => {
                let RootCause { resource, reason, .. } = cause.as_ref();
                stacks.note(&format!(
                    "{resource}: {}. A new role is not known everywhere yet. Trying again in {} s",
                    reason.trim().trim_end_matches('.'),
                    PAUSE.as_secs()
                ));
                // The failed attempt has left something: a stack in ROLLBACK_COMPLETE, for example.
                let left = |_| DeployError::Left { stack: release.bundle.stack.clone() };
                interrupt.sleep(PAUSE).await.map_err(left)?;
                deployment = Box::pin(release.clone().plan(session, stacks)).await?;
                let mut approvals = deployment.approvals().into_iter();
                if let Some((stack, approval)) = approvals.find(|(_, more)| !approved.contains(&more.fingerprint)) {
                    return Err(DeployError::NotApproved { stack, approval, package });
                }
            }
            deployed => return deployed.map(DeployOutcome::Deployed),
        }
    }
    Box::pin(deployment.carry_out(&approved, stacks)).await.map(DeployOutcome::Deployed)
}

/// Reads what a run would do after the deployment, as far as the deployer may read what it would find. That permission is
/// optional, so the deployment does not depend on it.
async fn read_preview(
    deployment: &Deployment,
    session: &Session,
    interrupt: &Interrupt,
    stacks: &mut Stacks<'_>,
) -> Result<Option<RunPreview>, DeployError> {
    let (planned, before) = (deployment.planned(), deployment.before());
    let read = preview_reader::preview_of_change(session, planned, before, interrupt, |now| stacks.watch(now)).await?;
    if let Err(problem) = &read {
        stacks.note(&format!("No preview of what a run would do: {problem}\nThe deployment continues without it."));
    }
    Ok(read.ok())
}

/// The question before a deployment, with what the answer covers. The text above it has the reasons.
fn question(is_first: bool, package: Option<Sha256Digest>, open: &[String]) -> String {
    let mut lines = Vec::new();
    if is_first {
        lines.push("A new stack always needs approval.".to_owned());
    }
    lines.extend(package.map(covered));
    if !open.is_empty() {
        lines.push("A user leaves in the middle of a rotation, and no run finishes it.".to_owned());
    }
    lines.push("Deploy?".to_owned());
    lines.join("\n")
}

/// What to do with the approvals that were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Go,
    Ask,
    /// Ask at a terminal; otherwise go.
    AskIfPossible,
    /// The approvals are for another change.
    Refuse,
}

impl Decision {
    fn of(needed: &[Fingerprint], given: &[Fingerprint], open_rotations: &[String]) -> Self {
        if needed.is_empty() && given.is_empty() && !open_rotations.is_empty() {
            Self::AskIfPossible
        } else if needed.iter().all(|fingerprint| given.contains(fingerprint)) {
            Self::Go
        } else if given.is_empty() {
            Self::Ask
        } else {
            Self::Refuse
        }
    }
}

fn because_of(approvals: &[(String, Approval)]) -> String {
    let mut reasons: Vec<_> = approvals.iter().flat_map(|(_, approval)| approval.reasons.clone()).collect();
    reasons.dedup();
    because(&reasons)
}

/// The sentence about the package that an approval covers.
fn covered(package: Sha256Digest) -> String {
    format!("The approval also covers the package with this SHA-256:\n  {package}")
}

fn needs_approval(approvals: Vec<(String, Approval)>, package: Option<Sha256Digest>) -> DeployOutcome {
    let fingerprints = approvals.iter().map(|(_, approval)| approval.fingerprint);
    let command = command(std::env::args(), fingerprints);
    DeployOutcome::NeedsApproval { approvals, package, command }
}

/// The command line with these approvals instead of its own.
fn command(arguments: impl Iterator<Item = String>, approvals: impl Iterator<Item = Fingerprint>) -> String {
    let mut words = Vec::new();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        if argument == "--approve" {
            arguments.next();
        } else if !argument.starts_with("--approve=") {
            words.push(quoted(&argument));
        }
    }
    words.extend(approvals.map(|fingerprint| format!("--approve {fingerprint}")));
    words.join(" ")
}

fn from_failure(failure: DeployError) -> DeployOutcome {
    match failure {
        DeployError::Interrupted => DeployOutcome::Interrupted,
        DeployError::Left { stack } => DeployOutcome::Left(stack),
        DeployError::NotApproved { stack, approval, package } => needs_approval(vec![(stack, approval)], package),
        failure => DeployOutcome::Failed {
            message: failure.to_string(),
            cause: failure.cause().cloned(),
            is_about_input: failure.is_about_input(),
        },
    }
}

/// The result of the process: success, or an error with its exit code.
fn stop(stack: &str, end: DeployOutcome) -> Result<(), CommandError> {
    let untouched = format!("Nothing was changed in {stack}.");
    match end {
        DeployOutcome::Deployed(_) | DeployOutcome::Unchanged(_) => Ok(()),
        DeployOutcome::NeedsApproval { approvals, package, command } => {
            let package = package.map(|package| format!("\n{}", covered(package))).unwrap_or_default();
            let because = because_of(&approvals);
            let mut message = format!("{because}.\n{untouched}{package}\nTo approve this change, run:\n    {command}");
            if std::env::var_os("MAKELEVEL").is_some() {
                let fingerprints: Vec<_> =
                    approvals.iter().map(|(_, approval)| approval.fingerprint.to_string()).collect();
                message += &format!("\nor the same make deploy with APPROVE={}", quoted(&fingerprints.join(" ")));
            }
            Err(CommandError::new(Exit::NeedsApproval, message))
        }
        DeployOutcome::Declined => Err(CommandError::declined(untouched)),
        DeployOutcome::Failed { message, is_about_input, .. } => {
            Err(CommandError::new(Exit::of(is_about_input), message))
        }
        DeployOutcome::Interrupted => Err(CommandError::interrupted(&untouched)),
        DeployOutcome::Left(stack) => {
            let continues = "continues at AWS; run the same command again to follow it";
            Err(CommandError::interrupted(&format!("What was started in {stack} {continues}.")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(digit: char) -> Fingerprint {
        digit.to_string().repeat(32).parse().unwrap()
    }

    #[test]
    fn an_endpoint_that_the_stack_cannot_subscribe_is_refused() {
        for (endpoint, says) in [
            ("arn:aws:lambda:eu-west-1:111122223333:function:f", None),
            (
                "arn:aws:lambda:eu-west-1:999999999999:function:f",
                Some("in the stack's account and Region: 111122223333"),
            ),
            (
                "arn:aws:lambda:us-east-1:111122223333:function:f",
                Some("in the stack's account and Region: 111122223333"),
            ),
            ("arn:aws:sqs:us-east-1:999999999999:q", None),
            ("arn:aws-cn:sqs:cn-north-1:111122223333:q", Some("in the stack's partition: aws")),
            ("https://hooks.example.com/", None),
        ] {
            let found = misplaced(&endpoint.parse().unwrap(), "aws", "111122223333", "eu-west-1");
            assert_eq!(found.is_some(), says.is_some(), "{endpoint}: {found:?}");
            assert!(found.is_none_or(|found| found.contains(says.unwrap_or_default())), "{endpoint}");
        }
    }

    #[test]
    fn an_approval_is_for_one_change() {
        let (a, b) = (fingerprint('a'), fingerprint('b'));
        let of = |needed: &[_], given: &[_]| Decision::of(needed, given, &[]);
        assert_eq!(of(&[], &[]), Decision::Go);
        assert_eq!(of(&[], &[b]), Decision::Go, "none is needed, and one too many does no harm");
        assert_eq!(of(&[a], &[]), Decision::Ask);
        assert_eq!(of(&[a], &[a]), Decision::Go);
        assert_eq!(of(&[a], &[b]), Decision::Refuse);
        assert_eq!(of(&[a, b], &[a]), Decision::Refuse);
        assert_eq!(of(&[a, b], &[b, a]), Decision::Go);
    }

    #[test]
    fn a_rotation_that_no_run_will_finish_is_part_of_the_question() {
        let (a, open) = (fingerprint('a'), ["alice has two active keys".to_owned()]);
        assert_eq!(Decision::of(&[], &[], &open), Decision::AskIfPossible, "a deployment without a terminal continues");
        assert_eq!(Decision::of(&[a], &[], &open), Decision::Ask);
        assert_eq!(Decision::of(&[a], &[a], &open), Decision::Go);
        let says = "A user leaves in the middle of a rotation, and no run finishes it.\nDeploy?";
        assert_eq!(question(false, None, &open), says);
        let package = Sha256Digest::of(b"package");
        let covered = format!("The approval also covers the package with this SHA-256:\n  {package}");
        assert_eq!(question(false, Some(package), &open), format!("{covered}\n{says}"));
        assert_eq!(question(true, None, &[]), "A new stack always needs approval.\nDeploy?");
    }

    #[test]
    fn the_command_that_approves_is_the_same_command() {
        let words =
            ["synth", "deploy", "--users", "alice it's", "--approve", "old", "--approve=older", "--format", "json"];
        let command = command(words.into_iter().map(str::to_owned), [fingerprint('a')].into_iter());
        let expected = format!(r#"synth deploy --users "alice it's" --format json --approve {}"#, fingerprint('a'));
        assert_eq!(command, expected);
    }
}
