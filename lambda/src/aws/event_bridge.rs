//! The adapter for EventBridge: the events that a member of an organization sends.
//!
//! The SDK's crate for EventBridge has 87,000 lines to build, and adds 1.3 % to the package for this one call. So only the
//! request and the answer are written here. The SDK's runtime still does the work: it resolves credentials, signs, retries and
//! times out.

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_runtime::{
    auth::{
        SigV4OperationSigningConfig,
        sigv4::{SCHEME_ID, SigV4AuthScheme},
    },
    retries::classifiers::AwsErrorCodeClassifier,
};
use aws_sdk_iam::{
    config::{Layer, RuntimeComponentsBuilder, http::HttpResponse},
    error::{BoxError, ErrorMetadata, ProvideErrorMetadata},
};
use aws_sdk_sns::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::client::{
    auth::{AuthSchemeOptionResolverParams, static_resolver::StaticAuthSchemeOptionResolver},
    orchestrator::{HttpRequest, OrchestratorError},
    result::SdkError,
    runtime_plugin::StaticRuntimePlugin,
};
use aws_types::{SigningName, region::SigningRegion, service_config::ServiceConfigKey};
use serde::Deserialize;
use serde_json::json;

use super::{ambiguous_attempts::AmbiguousAttempts, failure, paced_client::ThrottlingWatch};
use crate::{
    contract::{
        event_bus_arn::EventBusArn,
        member_event::{EVENT_SOURCE, MemberEvent},
    },
    protocol::{
        call::Answer,
        call_error::{CallError, bare_code},
    },
    report::run_report::HANDLER_VERSION,
};

/// The name of the service in host names, in signatures and in the environment.
const SERVICE: &str = "events";

const SERVICE_ID: &str = "eventbridge";

/// A client for EventBridge.
pub(super) struct EventBridge {
    pub(super) config: SdkConfig,
    pub(super) watch: ThrottlingWatch,
}

/// The error of a refused request, or of a refused event in a request that EventBridge accepted.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct RefusedEvent(ErrorMetadata);

impl ProvideErrorMetadata for RefusedEvent {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl EventBridge {
    /// Puts one event on a bus.
    pub(super) async fn put_event(&self, bus: &EventBusArn, event: &MemberEvent) -> Result<Answer, CallError> {
        let entry = json!({
            "EventBusName": bus,
            "Source": EVENT_SOURCE,
            "DetailType": event.detail_type(),
            "Detail": event.detail().to_string(),
        });
        let attempts = AmbiguousAttempts::default();
        let sent = self.send(json!({ "Entries": [entry] }).to_string(), attempts.clone()).await;
        sent.map(|()| Answer::Done).map_err(|e| attempts.adjust_effect(failure(&e)))
    }

    async fn send(
        &self,
        body: String,
        attempts: AmbiguousAttempts,
    ) -> Result<(), SdkError<RefusedEvent, HttpResponse>> {
        let config = &self.config;
        let endpoint = self.endpoint().await.map_err(SdkError::construction_failure)?;
        let signing = SigV4OperationSigningConfig {
            region: config.region().cloned().map(SigningRegion::from),
            name: Some(SigningName::from(SERVICE)),
            ..SigV4OperationSigningConfig::default()
        };
        let mut layer = Layer::new("signing");
        layer.store_put(AuthSchemeOptionResolverParams::new(())).store_put(signing);
        let mut components = RuntimeComponentsBuilder::new("signing")
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
            .with_identity_cache(config.identity_cache())
            .with_http_client(config.http_client())
            .with_sleep_impl(config.sleep_impl())
            .with_time_source(config.time_source());
        if let Some(credentials) = config.credentials_provider() {
            components = components.with_identity_resolver(SCHEME_ID, credentials);
        }
        Operation::builder()
            .service_name(SERVICE)
            .operation_name("PutEvents")
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(&endpoint)
            .runtime_plugin(StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components))
            .standard_retry(config.retry_config().unwrap_or(&RetryConfig::standard()))
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(AwsErrorCodeClassifier::<RefusedEvent>::new())
            .retry_classifier(TransientErrorClassifier::<RefusedEvent>::new())
            .timeout_config(config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled))
            .with_connection_poisoning()
            .interceptor(self.watch.clone())
            .interceptor(attempts)
            .serializer(request)
            .deserializer(read)
            .build()
            .invoke(body)
            .await
    }

    /// The URL of the service: the environment can set it. AWS's own has the form of that of SNS, in each partition.
    async fn endpoint(&self) -> Result<String, BoxError> {
        let config = &self.config;
        let key = ServiceConfigKey::builder().service_id(SERVICE_ID).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let own = key.build().ok().and_then(|key| config.service_config()?.load_config(key));
        if let Some(url) = own.or_else(|| config.endpoint_url().map(str::to_owned)) {
            return Ok(url);
        }
        let region = config.region().map(ToString::to_string);
        let params = Params::builder().set_region(region).use_fips(config.use_fips() == Some(true)).build()?;
        let sns = DefaultResolver::new().resolve_endpoint(&params).await?;
        Ok(sns.url().replacen("://sns", &format!("://{SERVICE}"), 1))
    }
}

fn request(body: String) -> Result<HttpRequest, BoxError> {
    let mut http = HttpRequest::new(body.into());
    http.set_method("POST")?;
    http.set_uri("/")?;
    let headers = http.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.1");
    headers.insert("x-amz-target", "AWSEvents.PutEvents");
    headers.try_insert("user-agent", format!("access-key-rotation/{HANDLER_VERSION}"))?;
    Ok(http)
}

/// The answer to an accepted request ("PutEvents": Response Elements).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEventsAnswer {
    failed_entry_count: u32,
    #[serde(default)]
    entries: Vec<EntryAnswer>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct EntryAnswer {
    error_code: Option<String>,
    error_message: Option<String>,
}

/// The body of a refusal.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    #[serde(rename = "__type")]
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

/// EventBridge accepts a request, and refuses the event in it. That is a failure like a refused request, so that the SDK
/// retries it if it was throttled.
fn read(answer: &HttpResponse) -> Result<(), OrchestratorError<RefusedEvent>> {
    let body = answer.body().bytes().unwrap_or_default();
    let (code, message) = if answer.status().is_success() {
        let answer: PutEventsAnswer = serde_json::from_slice(body).map_err(OrchestratorError::other)?;
        if answer.failed_entry_count == 0 {
            return Ok(());
        }
        let failed = answer.entries.into_iter().find(|entry| entry.error_code.is_some()).unwrap_or_default();
        (failed.error_code, failed.error_message)
    } else {
        let Refusal { code, message } = serde_json::from_slice(body).unwrap_or_default();
        (answer.headers().get("x-amzn-errortype").map(str::to_owned).or(code), message)
    };
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = code {
        metadata = metadata.code(bare_code(&code));
    }
    if let Some(message) = message {
        metadata = metadata.message(message);
    }
    Err(OrchestratorError::operation(RefusedEvent(metadata.build())))
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };

    use aws_config::Region;
    use aws_sdk_iam::config::{Credentials, SharedCredentialsProvider};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use serde_json::Value as Json;

    use super::*;
    use crate::{
        aws::{request_rate::RequestRate, sdk_config},
        contract::{member_event::MemberRun, run_summary::RunSummary},
        model::time::Timestamp,
        protocol::call_error::Effect,
    };

    const TAKEN: &str = r#"{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}"#;

    /// Gives each request the next answer, and records it.
    #[derive(Debug, Clone, Default)]
    struct Stub {
        answers: Arc<Mutex<Vec<(u16, &'static str)>>>,
        requests: Arc<Mutex<Vec<HttpRequest>>>,
    }

    impl HttpConnector for Stub {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            self.requests.lock().unwrap().push(request);
            let (status, body) = self.answers.lock().unwrap().remove(0);
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), body.into())))
        }
    }

    fn event() -> MemberEvent {
        MemberEvent::Run(MemberRun {
            run: "run".parse().unwrap(),
            stack: "keys".into(),
            region: "eu-west-1".into(),
            handler: "0.2.0".into(),
            started: Timestamp::from_unix(1_795_490_200),
            summary: RunSummary::default(),
            next: None,
        })
    }

    fn client(stub: &Stub, region: &'static str, fips: bool) -> EventBridge {
        let connector = stub.clone();
        let http = http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone()));
        let config = sdk_config::config()
            .into_builder()
            .region(Region::from_static(region))
            .http_client(http)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("id", "secret", None, None, "test")))
            .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
            .use_fips(fips)
            .build();
        EventBridge { config, watch: ThrottlingWatch(RequestRate::default()) }
    }

    async fn put(answers: &[(u16, &'static str)]) -> (Result<Answer, CallError>, Vec<HttpRequest>, bool) {
        let stub = Stub { answers: Arc::new(Mutex::new(answers.to_vec())), ..Stub::default() };
        let client = client(&stub, "eu-west-1", false);
        let bus = "arn:aws:events:eu-west-1:123456789012:event-bus/keys".parse().unwrap();
        let answer = client.put_event(&bus, &event()).await;
        let requests = std::mem::take(&mut *stub.requests.lock().unwrap());
        (answer, requests, client.watch.0.is_limit())
    }

    #[tokio::test]
    async fn an_event_is_one_signed_request() {
        let (answer, requests, is_limit) = put(&[(200, TAKEN)]).await;
        assert_eq!((answer, requests.len(), is_limit), (Ok(Answer::Done), 1, false));
        let request = &requests[0];
        assert_eq!((request.method(), request.uri()), ("POST", "https://events.eu-west-1.amazonaws.com/"));
        let header = |name| request.headers().get(name).unwrap_or_default();
        assert_eq!(header("x-amz-target"), "AWSEvents.PutEvents");
        assert!(header("authorization").contains("/eu-west-1/events/aws4_request"), "{}", header("authorization"));
        let body: Json = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let entry = &body["Entries"][0];
        let bus = "arn:aws:events:eu-west-1:123456789012:event-bus/keys";
        let fields = ["EventBusName", "Source", "DetailType"].map(|field| entry[field].as_str().unwrap());
        assert_eq!(fields, [bus, "access-key-rotation", "run"]);
        let detail: Json = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        assert_eq!(detail, event().detail());
    }

    /// A refused event is a failure, although the request is a success. What was throttled is sent again.
    #[tokio::test]
    async fn each_refusal_is_a_failure_and_throttling_is_retried() {
        const DENIED: &str = r#"{"__type":"com.amazonaws.events#AccessDeniedException","Message":"no"}"#;
        const THROTTLED: &str = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
        const ENTRY: &str =
            r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException","ErrorMessage":"Rate exceeded"}]}"#;
        const REFUSED: &str =
            r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"MalformedDetail","ErrorMessage":"no"}]}"#;
        for (answers, code, effect, throttled) in [
            (vec![(400, DENIED)], Some("AccessDeniedException"), Effect::None, false),
            (vec![(400, THROTTLED), (200, TAKEN)], None, Effect::None, true),
            (vec![(200, ENTRY), (200, TAKEN)], None, Effect::None, true),
            (vec![(200, ENTRY), (200, ENTRY), (200, ENTRY)], Some("ThrottlingException"), Effect::Unknown, true),
            (vec![(200, REFUSED)], Some("MalformedDetail"), Effect::Unknown, false),
            (vec![(200, r#"{"FailedEntryCount":1}"#)], Some("UnknownError"), Effect::Unknown, false),
            (vec![(500, ""), (400, DENIED)], Some("AccessDeniedException"), Effect::Unknown, false),
            (vec![(200, "{}")], Some("UnreadableAnswer"), Effect::Unknown, false),
        ] {
            let expected = answers.len();
            let (answer, requests, is_limit) = put(&answers).await;
            let failure = answer.as_ref().err();
            assert_eq!(failure.map(|failure| failure.code.as_str()), code, "{answers:?}");
            assert!(failure.is_none_or(|failure| failure.effect == effect), "{answers:?}: {answer:?}");
            assert_eq!((requests.len(), is_limit), (expected, throttled), "{answers:?}");
        }
    }

    #[tokio::test]
    async fn each_partition_has_its_own_host() {
        for (region, fips, host) in [
            ("eu-west-1", false, "https://events.eu-west-1.amazonaws.com"),
            ("us-east-1", true, "https://events-fips.us-east-1.amazonaws.com"),
            ("us-gov-west-1", true, "https://events.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", false, "https://events.cn-north-1.amazonaws.com.cn"),
            ("us-isof-south-1", false, "https://events.us-isof-south-1.csp.hci.ic.gov"),
        ] {
            assert_eq!(client(&Stub::default(), region, fips).endpoint().await.unwrap(), host);
        }
    }
}
