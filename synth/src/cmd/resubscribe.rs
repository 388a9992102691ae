//! `synth resubscribe`: asks AWS for a new mail to each address that has not confirmed its subscription.

use lambda::model::email::Email;

use crate::cmd::{
    CommandError,
    config_args::{Words, words},
    print, target,
    terminal::OutputFormat,
};
use crate::deploy::{
    aws::{AwsError, Session, cloudformation::Stack},
    resubscription::{self, Resubscription, ResubscriptionOutcome},
    stack_recipients,
    subscriptions::{self, StackSubscription},
};

#[derive(Debug, clap::Args)]
pub(super) struct ResubscribeArgs {
    /// Only these addresses, separated by spaces
    #[arg(long, value_name = "ADDRESSES", value_parser = words::<Email>)]
    email: Option<Words<Email>>,
    #[command(flatten)]
    target: target::Target,
    /// The format of the output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    format: OutputFormat,
}

pub(super) fn run(args: &ResubscribeArgs) -> Result<(), CommandError> {
    let name = args.target.stack_name()?;
    let named = args.email.as_ref().map_or(&[][..], |words| &words.0);
    target::block_on(async {
        let session = args.target.open().await?;
        let stack = target::stack(&session, name.as_str()).await?;
        let stack = stack.ok_or_else(|| target::stack_not_found(name.as_str(), &session))?;
        let template = stack_recipients::template(&session, &stack).await?;
        let mut all = stack_recipients::of_stack(&session, &stack, &template).await?;
        // An endpoint gets no mail; docs/notices.md says how it gets another request to confirm.
        all.retain(|subscription| subscription.declared.is_mail());
        let selected =
            subscriptions::of_addresses(all, named).map_err(|unknown| not_subscribed(name.as_str(), &unknown))?;
        let mut done = Vec::new();
        for subscription in selected {
            let outcome = resubscribe(&session, &stack, &subscription).await;
            done.push(Resubscription { subscription, outcome });
        }
        print(&match args.format {
            OutputFormat::Text => resubscription::text(&done),
            OutputFormat::Json => format!("{:#}\n", resubscription::json(&done)),
        })?;
        if resubscription::is_fine(&done) {
            return Ok(());
        }
        let advice = "if it says \"already exists with different attributes\", see docs/operations.md#subscriptions";
        Err(CommandError::failure(format!("error: AWS refused to subscribe at least one address: see above; {advice}")))
    })
}

async fn resubscribe(session: &Session, stack: &Stack, subscription: &StackSubscription) -> ResubscriptionOutcome {
    let StackSubscription { declared, state } = subscription;
    if !resubscription::needs_mail(*state) {
        return ResubscriptionOutcome::Kept;
    }
    let requested = match stack.topic(declared.topic) {
        Some(topic) => session.subscribe(topic, declared).await,
        None => Err(AwsError::NoTopic(declared.topic.output())),
    };
    requested.map_or_else(ResubscriptionOutcome::Failed, |()| ResubscriptionOutcome::MailRequested)
}

fn not_subscribed(stack: &str, unknown: &[Email]) -> CommandError {
    let unknown: Vec<_> = unknown.iter().map(Email::as_str).collect();
    CommandError::bad_input(format!(
        "error: --email: the stack {stack} does not subscribe {}; add the address to the configuration, then deploy it (make \
         deploy)",
        unknown.join(", ")
    ))
}
