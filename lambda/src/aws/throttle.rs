//! Retries for calls that must not be repeated otherwise: if AWS throttled a call, AWS did not carry it out.

use std::time::Duration;

use aws_config::retry::RetryConfig;

use crate::protocol::call_error::{CallError, Effect};

/// The first pause. Each further pause is twice as long, up to [`LONGEST_PAUSE`], plus a random part. All pauses together
/// stay below the time that other calls may take with their retries.
const PAUSE: Duration = Duration::from_millis(400);
/// The longest pause before a throttled call is sent again. [`super::request_rate`] spaces the calls of all users, so a
/// single call does not have to make room for them.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Makes the call, and repeats it while AWS throttles it, up to the usual number of attempts. The SDK itself must try
/// it only once. Each attempt has the time limit of a call of its own, and the pauses take at most 22 seconds together.
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
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            done => return done,
        }
    }
    call().await
}

/// AWS's codes for throttling ("Common Errors"; "Error retries and exponential backoff"). KMS's code in an answer of SNS is
/// not among them: it says nothing about the rate that SNS accepts.
const CODES: [&str; 4] = ["Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"];

fn is_throttling(code: &str) -> bool {
    CODES.contains(&code)
}

/// Whether the body of a refusal has a code for throttling: as an element in XML, or as a type in JSON, after a namespace
/// or alone. The rate depends on it, and nothing else does.
pub(super) fn is_throttling_answer(body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(body);
    CODES.iter().any(|code| {
        body.match_indices(code)
            .any(|(at, _)| body[..at].ends_with(['>', '"', '#']) && body[at + code.len()..].starts_with(['<', '"']))
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::protocol::call_error::ErrorCode;

    #[test]
    fn a_throttling_answer_is_recognised_in_each_protocol() {
        for (body, expected) in [
            ("<Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>", true),
            ("<Error><Code>NoSuchEntity</Code><Message>user Throttling cannot be found</Message></Error>", false),
            (r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#, true),
            (r#"{"__type":"com.amazonaws.secretsmanager#ThrottlingException"}"#, true),
            (r#"{"__type":"ResourceNotFoundException"}"#, false),
            (r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException"}]}"#, true),
        ] {
            assert_eq!(is_throttling_answer(body.as_bytes()), expected, "{body}");
        }
    }

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
