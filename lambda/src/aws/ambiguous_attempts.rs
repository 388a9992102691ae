//! Finds out whether a call that AWS refused in its last attempt may have taken effect in an earlier one.
//!
//! The SDK reports only the last attempt. If the answer to the first attempt was lost and the second one was throttled,
//! the call seems refused. But the secret may have been delivered. If the key were then withdrawn, its owner would have
//! a key that does not work.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aws_sdk_iam::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::FinalizerInterceptorContextRef},
    error::BoxError,
};

use crate::protocol::call_error::{CallError, Effect};

/// Watches the attempts at one call.
#[derive(Debug, Clone, Default)]
pub(super) struct AmbiguousAttempts(Arc<AtomicBool>);

impl Intercept for AmbiguousAttempts {
    fn name(&self) -> &'static str {
        "AmbiguousAttempts"
    }

    fn read_after_attempt(
        &self,
        attempt: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Only a refusal is certain. The SDK also retries an attempt that AWS accepted if the answer broke off.
        let refused = attempt.response().is_some_and(|response| (400..500).contains(&response.status().as_u16()));
        self.0.fetch_or(!refused, Ordering::Relaxed);
        Ok(())
    }
}

impl AmbiguousAttempts {
    /// The failure with its effect set to unknown if any attempt may have taken effect.
    pub(super) fn adjust_effect(&self, failure: CallError) -> CallError {
        if self.0.load(Ordering::Relaxed) { CallError { effect: Effect::Unknown, ..failure } } else { failure }
    }
}
