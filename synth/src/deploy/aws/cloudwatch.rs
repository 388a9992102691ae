//! Adapter for CloudWatch and CloudWatch Logs: reads the states of alarms, and the end of the last run.

use lambda::{
    model::time::Timestamp,
    report::log_event::{MEMBER_ALARM, MEMBER_RUN},
};
use serde_json::{Value as Json, json};

use super::{
    AwsError, Session,
    rest::{AwsService, SignedRequest},
};
use crate::deploy::{
    last_run::{LOG_SEARCHED, LastRun, PATTERN, SEARCHED},
    member_log::MemberLog,
    stack_alarm::{AlarmState, StackAlarm},
};

/// The most alarms that one call describes.
const MOST_NAMES: usize = 100;

/// The most pages that a search of the log reads in one step. A page can be empty although more follow.
const MOST_PAGES: usize = 50;

impl Session {
    /// Reads the states of these alarms. An alarm that does not exist is [`AlarmState::Missing`].
    ///
    /// # Errors
    /// [`AwsError`] if CloudWatch cannot be asked.
    pub async fn alarms(&self, names: Vec<String>) -> Result<Vec<StackAlarm>, AwsError> {
        let mut described = Vec::new();
        for names in names.chunks(MOST_NAMES) {
            let request = json!({ "AlarmNames": names, "MaxRecords": MOST_NAMES });
            let call = "DescribeAlarms";
            let reply = self.json_call(
                AwsService::CloudWatch,
                call,
                "read the states of the alarms (cloudwatch:DescribeAlarms)",
                &request,
            );
            described.extend(reply.await?["MetricAlarms"].as_array().cloned().unwrap_or_default());
        }
        let state = |name: &str| {
            let alarm = described.iter().find(|alarm| alarm["AlarmName"] == name);
            alarm.map_or(AlarmState::Missing, |alarm| AlarmState::of(alarm["StateValue"].as_str().unwrap_or_default()))
        };
        Ok(names.into_iter().map(|name| StackAlarm { state: state(&name), name }).collect())
    }

    /// Finds the last run in the log of a function. `None` if the log has none.
    ///
    /// # Errors
    /// [`AwsError`] if the log cannot be read.
    pub async fn last_run(&self, function: &str, now: Timestamp) -> Result<Option<LastRun>, AwsError> {
        let mut end = None;
        for span in SEARCHED {
            let start = now.before(span);
            let found = self.last_run_between(function, start, end).await?;
            if found.is_some() {
                return Ok(found);
            }
            end = Some(start);
        }
        Ok(None)
    }

    async fn last_run_between(
        &self,
        function: &str,
        start: Timestamp,
        end: Option<Timestamp>,
    ) -> Result<Option<LastRun>, AwsError> {
        let mut last: Option<LastRun> = None;
        self.log_lines(function, PATTERN, (start, end), |line, at| {
            last = last.take().into_iter().chain(LastRun::of_line(line, at)).max_by_key(|run| run.at);
        })
        .await?;
        Ok(last)
    }

    /// Reads what the publisher of an organization wrote about the members: until a run of each of these accounts is found,
    /// and all alarms.
    ///
    /// # Errors
    /// [`AwsError`] if the log cannot be read.
    pub async fn member_log(&self, publisher: &str, accounts: &[&str], now: Timestamp) -> Result<MemberLog, AwsError> {
        let mut log = MemberLog::default();
        let searched = (now.before(LOG_SEARCHED), None);
        self.log_lines(publisher, MEMBER_ALARM, searched, |line, at| log.learn(line, at)).await?;
        let mut end = None;
        for span in SEARCHED {
            let start = now.before(span);
            self.log_lines(publisher, MEMBER_RUN, (start, end), |line, at| log.learn(line, at)).await?;
            if accounts.iter().all(|account| log.run(account).is_some()) {
                break;
            }
            end = Some(start);
        }
        Ok(log)
    }

    /// Passes on each line of a function's log about this event, in any order, with its time.
    async fn log_lines(
        &self,
        function: &str,
        event: &str,
        (start, end): (Timestamp, Option<Timestamp>),
        mut learn: impl FnMut(&str, Timestamp),
    ) -> Result<(), AwsError> {
        let millis = |time: Timestamp| time.unix().saturating_mul(1_000);
        let mut request = json!({
            "logGroupName": format!("/aws/lambda/{function}"),
            "startTime": millis(start),
            "filterPattern": format!("{{ $.event = \"{event}\" }}"),
        });
        if let Some(end) = end {
            request["endTime"] = millis(end).into();
        }
        for _ in 0..MOST_PAGES {
            let purpose = "read the log of the function (logs:FilterLogEvents)";
            let page = self.json_call(AwsService::Logs, "FilterLogEvents", purpose, &request).await?;
            for event in page["events"].as_array().into_iter().flatten() {
                let at = Timestamp::from_unix(event["timestamp"].as_i64().unwrap_or_default() / 1_000);
                learn(event["message"].as_str().unwrap_or_default(), at);
            }
            match page["nextToken"].as_str() {
                Some(next) => request["nextToken"] = next.into(),
                None => break,
            }
        }
        Ok(())
    }

    /// Makes a call in AWS's JSON protocol (Smithy, "AWS JSON 1.1 protocol").
    async fn json_call(&self, service: AwsService, call: &str, doing: &str, request: &Json) -> Result<Json, AwsError> {
        let (version, target) = match service {
            AwsService::CloudWatch => ("1.0", "GraniteServiceVersion20100801"),
            _ => ("1.1", "Logs_20140328"),
        };
        let request = SignedRequest {
            service,
            method: "POST",
            path: "/".into(),
            headers: vec![
                ("content-type", format!("application/x-amz-json-{version}")),
                ("x-amz-target", format!("{target}.{call}")),
            ],
            body: request.to_string().into_bytes(),
        };
        let (retry, timeouts) = self.limits();
        let reply = self.send(request, &retry, timeouts).await.map_err(|e| AwsError::of(doing, &e))?;
        serde_json::from_slice(&reply.body).map_err(|_| AwsError::incomplete(call, "JSON"))
    }
}
