//! What settings must be to each other, and to AWS's limits.

use lambda::{plan::ROTATION_BUDGET, time::Span};

use super::{Config, document::Document};

/// The retentions that CloudWatch Logs knows ("PutRetentionPolicy": retentionInDays), in days.
const RETENTIONS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// The age at which CIS AWS Foundations and Security Hub (IAM.3) find a key too old.
const AUDITORS_LIMIT: Span = Span::days(90);

pub(super) fn log_retention(document: &mut Document<'_>, span: Span) -> Option<u32> {
    let days = u32::try_from(span.whole_days()).ok().filter(|days| Span::days((*days).into()) == span);
    let known = days.filter(|days| RETENTIONS.contains(days));
    if known.is_none() {
        let all: Vec<_> = RETENTIONS.iter().map(|days| format!("{days}d")).collect();
        document.problem_with(
            "log_retention",
            format!("log_retention: CloudWatch Logs does not know {span}; it knows {}", all.join(", ")),
        );
    }
    known
}

pub(super) fn check(document: &mut Document<'_>, config: &Config) {
    let policy = &config.policy;
    let (rotate_after, overlap, window) = (policy.rotate_after, policy.overlap, config.window());
    if rotate_after < Span::minutes(1) {
        document.problem_with("rotate_after", format!("rotate_after is {rotate_after}; the least is 1m"));
    } else if rotate_after < overlap + window {
        let kept = if window == Span::ZERO { "overlap" } else { "overlap + delete_after" };
        document.problem_with(
            "rotate_after",
            format!(
                "rotate_after is {rotate_after}, but {kept} is {}; IAM allows two keys a user, so the old key \
                 must be gone before the next rotation: make rotate_after at least that long, or {kept} shorter",
                overlap + window
            ),
        );
    }
    if overlap == Span::ZERO && config.waits_for_use() {
        document.warn_about(
            "overlap",
            "overlap is 0, so an old key is deactivated before anybody can be seen to use it: still_in_use: wait has \
             next to no effect; set an overlap, or still_in_use: retire"
                .to_owned(),
        );
    }
    // The verification and the calls around it, and as much again for the users before.
    let (least, most) = (Span::seconds(ROTATION_BUDGET.as_seconds() + 30), Span::minutes(15));
    if config.timeout < least || config.timeout > most {
        document.problem_with(
            "timeout",
            format!("timeout is {}; a rotation needs {least} at least, and Lambda allows {most}", config.timeout),
        );
    }
    if let Some(period) = config.period() {
        if period < config.timeout {
            document.problem_with(
                "schedule",
                format!(
                    "the schedule fires every {period}, but a run may take {} (timeout): make it rarer",
                    config.timeout
                ),
            );
        }
        let oldest = rotate_after + period + overlap;
        if oldest > AUDITORS_LIMIT {
            document.warn_about(
                "rotate_after",
                format!(
                    "a key can live {oldest} (rotate_after + the schedule's period + overlap); auditors (CIS, \
                     Security Hub IAM.3) want at most {AUDITORS_LIMIT}"
                ),
            );
        }
    }
}
