//! The Lambda function. Everything it does is in the library.

use lambda::{
    aws::Sdk,
    contract::settings::{SettingError, Settings},
    handler::{
        invocation::{self, Invocation},
        log,
    },
    model::time::Timestamp,
    report::log_event,
};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = Settings::from_environment(|name| std::env::var(name).ok());
    let aws = Sdk::from_environment();
    let (settings, aws) = (&settings, &aws);
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<serde_json::Value>| {
        let (event, context) = event.into_parts();
        let ends = Timestamp::from_unix(i64::try_from(context.deadline / 1000).unwrap_or(i64::MAX));
        let refused = |error_type: &str, why: String| {
            log::line(log_event::refused(&why));
            Diagnostic { error_type: error_type.into(), error_message: why }
        };
        let settings = settings.as_ref().map_err(|bad| refused(SettingError::NAME, bad.to_string()))?;
        let (request, function) = (&context.request_id, &context.env_config.function_name);
        let invocation = Invocation { request, function, ends, log: log::line };
        invocation::run(aws, settings, event, invocation).await.map_err(|stop| refused(stop.as_str(), stop.to_string()))
    }))
    .await
}
