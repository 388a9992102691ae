//! `synth resubscribe`: asks AWS for a new request to confirm, for each subscription that is not confirmed.

use lambda::{contract::endpoint::Endpoint, model::email::Email};

use crate::cmd::{
    CommandError,
    config_args::{Words, words},
    output::{CommandOutput, OutputFormat},
    target,
};
use crate::deploy::{
    aws::{AwsError, Session, cloudformation::Stack},
    command_document::CommandDocument,
    command_line::make,
    deletion_summary::StackLocation,
    resubscription::{self, Resubscription, ResubscriptionOutcome},
    stack_recipients,
    subscriptions::{self, StackSubscription},
};

#[derive(Debug, clap::Args)]
pub(super) struct ResubscribeArgs {
    /// Only these addresses, separated by spaces
    #[arg(long, value_name = "ADDRESSES", value_parser = words::<Email>)]
    email: Option<Words<Email>>,
    /// Only these endpoints of notify, separated by spaces
    #[arg(long, value_name = "URLS", value_parser = words::<Endpoint>)]
    endpoint: Option<Words<Endpoint>>,
    #[command(flatten)]
    target: target::Target,
    /// The format of the output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

impl ResubscribeArgs {
    /// The addresses and endpoints that the command line names.
    fn named(&self) -> Vec<String> {
        let emails = self.email.iter().flat_map(|words| &words.0).map(ToString::to_string);
        emails.chain(self.endpoint.iter().flat_map(|words| &words.0).map(ToString::to_string)).collect()
    }
}

pub(super) fn run(args: &ResubscribeArgs) -> Result<(), CommandError> {
    let name = args.target.stack_name()?;
    target::block_on(async {
        let session = args.target.open().await?;
        let output = CommandOutput(args.format);
        let mut document = CommandDocument::new("resubscribe", name.as_str(), StackLocation::from(&session));
        let result = resubscribe_all(name.as_str(), &args.named(), &session, output, &mut document).await;
        output.end(&document, result)
    })
}

async fn resubscribe_all(
    name: &str,
    named: &[String],
    session: &Session,
    output: CommandOutput,
    document: &mut CommandDocument,
) -> Result<(), CommandError> {
    let stack = target::stack(session, name).await?;
    let stack = stack.ok_or_else(|| target::stack_not_found(name, session))?;
    let template = stack_recipients::template(session, &stack).await?;
    let all = stack_recipients::of_stack(session, &stack, &template).await?;
    let selected = subscriptions::of_addresses(all, named).map_err(|unknown| not_subscribed(name, &unknown))?;
    for subscription in selected {
        let outcome = resubscribe(session, &stack, &subscription).await;
        document.subscriptions.push(Resubscription { subscription, outcome });
    }
    output.say(&resubscription::text(&document.subscriptions))?;
    if resubscription::is_fine(&document.subscriptions) {
        return Ok(());
    }
    let advice = "if it says \"already exists with different attributes\", see docs/operations.md#subscriptions";
    Err(CommandError::failure(format!("AWS refused at least one subscription: see above; {advice}")))
}

async fn resubscribe(session: &Session, stack: &Stack, subscription: &StackSubscription) -> ResubscriptionOutcome {
    let StackSubscription { declared, state } = subscription;
    if !state.is_unconfirmed() {
        return ResubscriptionOutcome::Kept;
    }
    let declared = resubscription::with_arns(declared, &stack.outputs, session.partition());
    let requested = match stack.topic(declared.topic) {
        Some(topic) => session.subscribe(topic, &declared).await,
        None => Err(AwsError::NoTopic(declared.topic.output())),
    };
    requested.map_or_else(ResubscriptionOutcome::Failed, |()| ResubscriptionOutcome::Requested)
}

fn not_subscribed(stack: &str, unknown: &[String]) -> CommandError {
    CommandError::bad_input(format!(
        "the stack {stack} does not subscribe {}. Add it to the configuration, then deploy it: {}",
        unknown.join(", "),
        make("deploy")
    ))
}
