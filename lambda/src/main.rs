//! The Lambda function. Everything it does is in the library.

use lambda::{
    aws::Sdk,
    contract::{
        publisher_settings::{PUBLISH_TO, PublisherSettings},
        settings::{SettingError, Settings},
    },
    handler::{
        invocation::{self, Invocation},
        log,
        publisher::{self, NotABatchError},
    },
    model::time::Timestamp,
    report::log_event,
};
use lambda_runtime::{Context, Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

/// What the program is, by its environment.
#[allow(clippy::large_enum_variant)] // There is one in the process.
enum Program {
    /// It rotates the keys of an account.
    Handler(Settings),
    /// It mails what the members of an organization send.
    Publisher(PublisherSettings),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok();
    let program = match variable(PUBLISH_TO) {
        None => Settings::from_environment(variable).map(Program::Handler),
        Some(_) => PublisherSettings::from_environment(variable).map(Program::Publisher),
    };
    let aws = Sdk::from_environment();
    let (program, aws) = (&program, &aws);
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
        let (event, context) = event.into_parts();
        match program {
            Err(bad) => Err(refused(SettingError::NAME, bad.to_string())),
            Ok(program) => answer(aws, program, event, &context).await,
        }
    }))
    .await
}

async fn answer(aws: &Sdk, program: &Program, event: Value, context: &Context) -> Result<Value, Diagnostic> {
    let ends = Timestamp::from_unix(i64::try_from(context.deadline / 1000).unwrap_or(i64::MAX));
    match program {
        Program::Handler(settings) => {
            let (request, function) = (&context.request_id, &context.env_config.function_name);
            let invocation = Invocation { request, function, ends, log: log::line };
            // Without the box, the future is nested too deeply for the compiler.
            let report = Box::pin(invocation::run(aws, settings, event, invocation)).await;
            report.map(|report| json!(report)).map_err(|stop| refused(stop.as_str(), stop.to_string()))
        }
        Program::Publisher(settings) => {
            let result = publisher::publish(aws, settings, event, ends, log::line).await;
            result.map(|result| json!(result)).map_err(|error| refused(NotABatchError::NAME, error.to_string()))
        }
    }
}

fn refused(error_type: &str, why: String) -> Diagnostic {
    log::line(log_event::refused(&why));
    Diagnostic { error_type: error_type.into(), error_message: why }
}
