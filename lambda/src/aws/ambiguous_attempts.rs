//! Whether a call that was refused in the end had its effect in an earlier attempt.
//!
//! The SDK reports the last attempt only. If the answer to the first one was lost and the second one was throttled, the
//! call looks refused, and yet the secret may be out: taking its key back would leave its owner with a dead one.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aws_sdk_iam::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::FinalizerInterceptorContextRef},
    error::BoxError,
};

use crate::protocol::call::{Effect, Failure};

/// Watches the attempts at one call.
#[derive(Debug, Clone, Default)]
pub(super) struct AmbiguousAttempts(Arc<AtomicBool>);

impl Intercept for AmbiguousAttempts {
    fn name(&self) -> &'static str {
        "Doubt"
    }

    fn read_after_attempt(
        &self,
        attempt: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // A refusal alone is certain. An attempt that AWS accepted, but whose answer broke off, is tried again as well.
        let refused = attempt.response().is_some_and(|response| (400..500).contains(&response.status().as_u16()));
        self.0.fetch_or(!refused, Ordering::Relaxed);
        Ok(())
    }
}

impl AmbiguousAttempts {
    /// What the failure means if every attempt is looked at.
    pub(super) fn weigh(&self, failure: Failure) -> Failure {
        if self.0.load(Ordering::Relaxed) { Failure { effect: Effect::Unknown, ..failure } } else { failure }
    }
}
