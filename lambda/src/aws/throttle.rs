//! What AWS throttled it has not done: a call that must not be repeated otherwise may be repeated then.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use aws_config::retry::RetryConfig;

use crate::{
    model::user::UserName,
    protocol::call::{Effect, Failure},
};

/// The first pause; each further one is twice as long, and a random part longer. Four of them stay well below what any other
/// call may take with its retries.
const PAUSE: Duration = Duration::from_millis(400);

/// Makes the call, which the SDK must try once only, again while it is throttled, as often as any call is tried.
pub(super) async fn patiently<T>(
    retries: Option<&RetryConfig>,
    user: &UserName,
    call: impl AsyncFn() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut pause = PAUSE;
    for _ in 1..retries.map_or(1, RetryConfig::max_attempts) {
        match call().await {
            Err(failure) if failure.effect == Effect::None && is_throttling(&failure.code) => {
                // Not all that were throttled together come again together.
                let part = RandomState::new().hash_one(user) % 100;
                tokio::time::sleep(pause + pause * u32::try_from(part).unwrap_or(0) / 100).await;
                pause *= 2;
            }
            done => return done,
        }
    }
    call().await
}

/// What AWS calls it ("Common Errors"; "Error retries and exponential backoff").
fn is_throttling(code: &str) -> bool {
    ["Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"].contains(&code)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_was_surely_not_done_is_done_again() {
        let failure = |effect, code: &str| Failure { effect, code: code.into(), message: String::new() };
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
            let answer = patiently(Some(&retries), &"alice".parse().unwrap(), call).await;
            assert_eq!(
                (answer.as_ref().map_err(|failure| failure.code.as_str()), made.into_inner()),
                (last.as_ref().map_err(|code| *code), calls)
            );
        }
    }
}
