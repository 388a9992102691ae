//! The end of `synth deploy`: which addresses must still confirm, and the wait for them.

use std::time::{Duration, Instant};

use lambda::model::time::Span;
use serde_json::Value as Json;

use crate::cmd::{CommandError, target, terminal::Terminal};
use crate::deploy::{
    aws::{AwsError, Session, cloudformation::Stack},
    command_line::make,
    interrupt::{Interrupt, Interrupted},
    message::{Message, MessageSink},
    stack_recipients,
    subscriptions::{StackSubscription, awaited},
};

/// The time between two looks at the subscriptions. SNS allows 30 calls a second to list those of a topic.
const POLL: Duration = Duration::from_secs(3);

/// Shows which subscriptions of a deployed stack are not confirmed. With a limit, it also waits until all are. Without one, a
/// failure here is only a warning, because the deployment is done.
pub(super) async fn follow(
    session: &Session,
    name: &str,
    limit: Option<Span>,
    interrupt: &Interrupt,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let found = tokio::select! {
        found = Recipients::find(session, name) => found,
        Interrupted = interrupt.pressed() => return limit.map_or(Ok(()), |_| Err(interrupted(""))),
    };
    let (recipients, left) = match (found, limit) {
        (Ok(found), _) => found,
        (Err(problem), Some(_)) => return Err(problem),
        (Err(problem), None) => {
            terminal.show(&Message::Note(&format!("warning: who must confirm is not known: {}", problem.message)));
            return Ok(());
        }
    };
    terminal.show(&Message::Unconfirmed(&left));
    let Some(limit) = limit else { return Ok(()) };
    let waited = recipients.wait(left, limit, interrupt, terminal).await;
    terminal.watch(None);
    waited
}

fn interrupted(left: &str) -> CommandError {
    CommandError::interrupted(&format!("The stack is deployed.{left} To see the state: {}", make("status")))
}

/// The recipients of a deployed stack.
struct Recipients<'a> {
    session: &'a Session,
    stack: Stack,
    template: Json,
}

impl<'a> Recipients<'a> {
    /// Finds the recipients of a stack, and those that are not confirmed.
    async fn find(session: &'a Session, name: &str) -> Result<(Self, Vec<StackSubscription>), CommandError> {
        let stack = target::stack(session, name).await?.ok_or_else(|| target::stack_not_found(name, session))?;
        let template = stack_recipients::template(session, &stack).await?;
        let recipients = Self { session, stack, template };
        let left = recipients.unconfirmed().await?;
        Ok((recipients, left))
    }

    async fn unconfirmed(&self) -> Result<Vec<StackSubscription>, AwsError> {
        let mut all = stack_recipients::of_stack(self.session, &self.stack, &self.template).await?;
        all.retain(|subscription| subscription.state.is_unconfirmed());
        Ok(all)
    }

    /// Waits until all are confirmed. It also waits for an address without a subscription, because a person can subscribe it
    /// again meanwhile.
    async fn wait(
        &self,
        mut left: Vec<StackSubscription>,
        limit: Span,
        interrupt: &Interrupt,
        terminal: &mut Terminal,
    ) -> Result<(), CommandError> {
        let began = Instant::now();
        loop {
            terminal.show(&Message::Awaited(&left));
            if left.is_empty() {
                return Ok(());
            }
            let before = left.clone();
            while left == before {
                terminal.watch(Some(awaited(&left)));
                let rest = limit.std().saturating_sub(began.elapsed());
                if rest.is_zero() {
                    return Err(CommandError::failure(format!(
                        "the stack is deployed, but after {limit} it still waits for {}. For new mails: {}",
                        awaited(&left),
                        make("resubscribe")
                    )));
                }
                let unconfirmed = async {
                    interrupt.sleep(POLL.min(rest)).await?;
                    tokio::select! {
                        unconfirmed = self.unconfirmed() => Ok(unconfirmed),
                        interrupted = interrupt.pressed() => Err(interrupted),
                    }
                };
                match unconfirmed.await {
                    Ok(Ok(unconfirmed)) => left = unconfirmed,
                    // The network may be back before the limit.
                    Ok(Err(AwsError::NoConnection { .. })) => {}
                    Ok(Err(problem)) => return Err(problem.into()),
                    Err(Interrupted) => {
                        return Err(interrupted(&format!(" It still waits for {}.", awaited(&left))));
                    }
                }
            }
        }
    }
}
