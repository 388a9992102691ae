//! Adapter for EventBridge Scheduler: reads a schedule.

use lambda::model::time::Timestamp;
use serde_json::Value as Json;

use super::{
    AwsError, Session,
    rest::{AwsService, SignedRequest},
};
use crate::deploy::next_run::{Schedule, ScheduleState};

impl Session {
    /// Reads a schedule of the default group.
    ///
    /// # Errors
    /// [`AwsError`] if the schedule does not exist or cannot be read.
    pub async fn schedule(&self, name: &str) -> Result<Schedule, AwsError> {
        let request = SignedRequest {
            service: AwsService::Scheduler,
            method: "GET",
            path: format!("/schedules/{name}"),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let (retry, timeouts) = self.limits();
        let reply = self.send(request, &retry, timeouts).await;
        let reply = reply.map_err(|e| AwsError::of(&format!("read the schedule {name}"), &e))?;
        read(&serde_json::from_slice(&reply.body).unwrap_or_default())
    }
}

/// Reads the response of GetSchedule. Times are Unix seconds with a fraction (Smithy, "timestampFormat trait": the
/// default of JSON protocols).
fn read(answer: &Json) -> Result<Schedule, AwsError> {
    let missing = |what| AwsError::incomplete("GetSchedule", what);
    let text = |name: &str| answer[name].as_str().map(str::to_owned);
    #[allow(clippy::cast_possible_truncation)] // A schedule has whole seconds.
    let time = |name: &str| answer[name].as_f64().map(|seconds| Timestamp::from_unix(seconds.floor() as i64));
    let created = time("CreationDate").ok_or_else(|| missing("creation date"))?;
    Ok(Schedule {
        expression: text("ScheduleExpression").ok_or_else(|| missing("expression"))?,
        time_zone: text("ScheduleExpressionTimezone").unwrap_or_else(|| "UTC".into()),
        state: match answer["State"].as_str() {
            Some("DISABLED") => ScheduleState::Disabled,
            _ => ScheduleState::Enabled,
        },
        created,
        modified: time("LastModificationDate").unwrap_or(created),
        start: time("StartDate"),
        end: time("EndDate"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_response_of_get_schedule_is_read() {
        let full = json!({
            "CreationDate": 1_700_000_000.9,
            "LastModificationDate": 1_700_000_100,
            "StartDate": 1_700_000_200,
            "EndDate": 1_700_000_300,
            "ScheduleExpression": "rate(1 day)",
            "ScheduleExpressionTimezone": "Asia/Tokyo",
            "State": "DISABLED",
        });
        let at = Timestamp::from_unix;
        let expected = Schedule {
            expression: "rate(1 day)".into(),
            time_zone: "Asia/Tokyo".into(),
            state: ScheduleState::Disabled,
            created: at(1_700_000_000),
            modified: at(1_700_000_100),
            start: Some(at(1_700_000_200)),
            end: Some(at(1_700_000_300)),
        };
        assert_eq!(read(&full), Ok(expected));
        let least = read(&json!({ "CreationDate": 5, "ScheduleExpression": "rate(1 day)" })).unwrap();
        assert_eq!((least.modified, least.time_zone.as_str(), least.end), (at(5), "UTC", None));
        assert!(read(&json!({ "ScheduleExpression": "rate(1 day)" })).is_err());
        assert!(read(&json!({ "CreationDate": 5 })).is_err());
    }
}
