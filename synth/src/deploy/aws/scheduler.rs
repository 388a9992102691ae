//! EventBridge Scheduler.

use aws_sdk_scheduler::{Client, types::ScheduleState as State};
use aws_smithy_types::DateTime;
use lambda::time::Timestamp;

use super::{Problem, Session};
use crate::deploy::firing::{Schedule, ScheduleState};

impl Session {
    /// A schedule of the default group.
    ///
    /// # Errors
    /// [`Problem`] if it cannot be read, or is not there.
    pub async fn schedule(&self, name: &str) -> Result<Schedule, Problem> {
        let answer = Client::new(&self.config).get_schedule().name(name).send().await;
        let answer = answer.map_err(|e| Problem::of(&format!("read the schedule {name}"), &e))?;
        let time = |time: DateTime| Timestamp::from_unix(time.secs());
        let missing = |what| Problem::incomplete("GetSchedule", what);
        let created = time(answer.creation_date.ok_or_else(|| missing("creation date"))?);
        Ok(Schedule {
            expression: answer.schedule_expression.ok_or_else(|| missing("expression"))?,
            time_zone: answer.schedule_expression_timezone.unwrap_or_else(|| "UTC".into()),
            state: match answer.state {
                Some(State::Disabled) => ScheduleState::Disabled,
                _ => ScheduleState::Enabled,
            },
            created,
            modified: answer.last_modification_date.map_or(created, time),
            start: answer.start_date.map(time),
            end: answer.end_date.map(time),
        })
    }
}
