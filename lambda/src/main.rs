//! The Lambda function. Everything it does is in the library.

use lambda::{
    aws::Sdk,
    log,
    run::{self, Invocation},
    settings::Settings,
    time::Timestamp,
};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = Settings::from_environment(|name| std::env::var(name).ok());
    let aws = Sdk::from_environment().await;
    let (settings, aws) = (&settings, &aws);
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<serde_json::Value>| {
        let (event, context) = event.into_parts();
        let ends = Timestamp::from_unix(i64::try_from(context.deadline / 1000).unwrap_or(i64::MAX));
        let report = match settings {
            Ok(settings) => {
                let invocation =
                    Invocation { request: &context.request_id, function: &context.env_config.function_name, ends };
                run::run(aws, settings, event, invocation).await.map_err(Error::from)
            }
            Err(bad) => Err(bad.clone().into()),
        };
        report.inspect_err(|refused| log::refused(&refused.to_string()))
    }))
    .await
}
