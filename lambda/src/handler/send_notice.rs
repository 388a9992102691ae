//! Sends a notice: to the topic of the stack, or as an event if the stack is a member of an organization.

use crate::{
    contract::{member_event::MemberEvent, settings::Settings},
    handler::{aws_api::Aws, pace::Pace},
    model::time::Span,
    notice::Publication,
    protocol::{
        call::Answer,
        call_error::{CallError, ErrorCode},
    },
    selection::routing::Envelope,
};

/// Sends a notice. A mail waits for its turn, at most for this time. An event does not: the publisher keeps the pace of all
/// members together.
///
/// # Errors
/// [`CallError`] if the topic or the bus did not accept the notice. Then it counts as not told.
pub(super) async fn send(
    aws: &impl Aws,
    settings: &Settings,
    (pace, within): (&Pace, Span),
    envelope: &Envelope,
    publication: Publication,
) -> Result<Answer, CallError> {
    let Some(link) = &settings.organization else {
        let _turn = pace.turn(envelope.to.addresses(), within).await?;
        return aws.publish(&settings.topic, envelope, publication).await;
    };
    let notice = publication.into_member_notice(envelope).ok_or_else(|| {
        CallError::without_effect(ErrorCode::NotSent, "a member of an organization sends no key to other accounts")
    })?;
    aws.put_event(&link.bus, &MemberEvent::Notice(notice)).await
}
