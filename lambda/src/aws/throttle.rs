//! Retries for calls that must not be repeated otherwise: if AWS throttled a call, AWS did not carry it out.

use std::time::Duration;

use aws_config::retry::RetryConfig;

use crate::protocol::call_error::{CallError, Effect};

/// The first pause. Each further pause is twice as long, plus a random part. Four pauses stay well below the time that
/// other calls may take with their retries.
const PAUSE: Duration = Duration::from_millis(400);

/// Makes the call, and repeats it while AWS throttles it, up to the usual number of attempts. The SDK itself must try
/// it only once.
pub(super) async fn patiently<T>(
    retries: Option<&RetryConfig>,
    call: impl AsyncFn() -> Result<T, CallError>,
) -> Result<T, CallError> {
    let mut pause = PAUSE;
    for _ in 1..retries.map_or(1, RetryConfig::max_attempts) {
        match call().await {
            Err(failure) if failure.effect == Effect::None && is_throttling(failure.code.as_str()) => {
                // Calls that were throttled together must not be repeated together.
                tokio::time::sleep(pause + pause * fastrand::u32(0..100) / 100).await;
                pause *= 2;
            }
            done => return done,
        }
    }
    call().await
}

/// Whether this is one of AWS's codes for throttling ("Common Errors"; "Error retries and exponential backoff").
fn is_throttling(code: &str) -> bool {
    ["Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"].contains(&code)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::protocol::call_error::ErrorCode;

    #[tokio::test(start_paused = true)]
    async fn only_a_throttled_call_is_repeated() {
        let failure =
            |effect, code: &str| CallError { effect, code: ErrorCode::Aws(code.to_owned()), message: String::new() };
        let throttled = || failure(Effect::None, "Throttling");
        for (answers, calls, last) in [
            (vec![Err(throttled()), Err(throttled()), Ok(7)], 3, Ok(7)),
            (vec![Err(failure(Effect::None, "LimitExceeded")), Ok(7)], 1, Err("LimitExceeded")),
            (vec![Err(failure(Effect::Unknown, "Throttling")), Ok(7)], 1, Err("Throttling")),
            (vec![Err(throttled()), Err(throttled()), Err(throttled()), Ok(7)], 3, Err("Throttling")),
        ] {
            let (left, made) = (RefCell::new(answers.into_iter()), RefCell::new(0));
            let call = async || {
                *made.borrow_mut() += 1;
                left.borrow_mut().next().unwrap()
            };
            let retries = RetryConfig::standard().with_max_attempts(3);
            let answer = patiently(Some(&retries), call).await;
            assert_eq!(
                (answer.as_ref().map_err(|failure| failure.code.as_str()), made.into_inner()),
                (last.as_ref().map_err(|code| *code), calls)
            );
        }
    }
}
