//! Signed requests to the services of which `synth` uses one or two calls: S3, Lambda and EventBridge Scheduler.
//!
//! The SDK crates of these three take as long to build as everything else in `synth`. The SDK's runtime still does the
//! work: it resolves credentials, signs, retries and times out. Only the few requests and answers are written here.

use std::{collections::BTreeMap, fmt};

use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_runtime::{
    auth::{
        SigV4OperationSigningConfig, SigningOptions,
        sigv4::{SCHEME_ID, SigV4AuthScheme},
    },
    retries::classifiers::AwsErrorCodeClassifier,
};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::client::{
    auth::{AuthSchemeOptionResolverParams, static_resolver::StaticAuthSchemeOptionResolver},
    behavior_version::BehaviorVersion,
    orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
    result::SdkError,
    runtime_components::RuntimeComponentsBuilder,
    runtime_plugin::StaticRuntimePlugin,
};
use aws_smithy_types::{
    body::SdkBody,
    config_bag::Layer,
    error::metadata::{ErrorMetadata, ProvideErrorMetadata},
};
use aws_types::{
    SigningName,
    region::{Region, SigningRegion},
    service_config::ServiceConfigKey,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use super::Session;

/// What RFC 3986 does not reserve stands in a path as it is, and so does the slash between its segments.
const ENCODED_IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// One of the three services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Lambda,
    S3,
    Scheduler,
}

impl Service {
    /// The name in its host names and signatures.
    const fn name(self) -> &'static str {
        match self {
            Self::Lambda => "lambda",
            Self::S3 => "s3",
            Self::Scheduler => "scheduler",
        }
    }

    /// How each is signed (Signature Version 4, "Create a canonical request"): S3 wants the path as it was sent and the
    /// content's digest.
    fn signing_options(self) -> SigningOptions {
        let mut options = SigningOptions::default();
        if self == Self::S3 {
            options.double_uri_encode = false;
            options.normalize_uri_path = false;
            options.content_sha256_header = true;
        }
        options
    }
}

/// One HTTP request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) service: Service,
    pub(super) method: &'static str,
    /// From the first slash, not encoded.
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// What a service answered with a status of 2xx.
#[derive(Debug)]
pub(super) struct Reply {
    headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What a service answered with any other status: its code and its message, where it gave them.
#[derive(Debug)]
pub(super) struct Refusal(ErrorMetadata);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refusal {}

impl ProvideErrorMetadata for Refusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl Session {
    /// Sends a request with these limits instead of the session's own.
    ///
    /// # Errors
    /// The SDK's: no credentials, no connection, no answer in time, or a [`Refusal`].
    pub(super) async fn send(
        &self,
        request: Request,
        retry: &RetryConfig,
        timeouts: TimeoutConfig,
    ) -> Result<Reply, SdkError<Refusal, HttpResponse>> {
        let service = request.service;
        let signing = SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(Region::new(self.region.clone()))),
            name: Some(SigningName::from(service.name())),
            signing_options: service.signing_options(),
            ..SigV4OperationSigningConfig::default()
        };
        let mut config = Layer::new("signing");
        config.store_put(AuthSchemeOptionResolverParams::new(())).store_put(signing);
        let mut components = RuntimeComponentsBuilder::new("signing")
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
            .with_identity_cache(self.config.identity_cache())
            .with_http_client(self.config.http_client())
            .with_sleep_impl(self.config.sleep_impl())
            .with_time_source(self.config.time_source());
        if let Some(credentials) = self.config.credentials_provider() {
            components = components.with_identity_resolver(SCHEME_ID, credentials);
        }
        let signing = StaticRuntimePlugin::new().with_config(config.freeze()).with_runtime_components(components);
        Operation::builder()
            .service_name(service.name())
            .operation_name(request.method)
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(&self.endpoint(service))
            .runtime_plugin(signing)
            .standard_retry(retry)
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(AwsErrorCodeClassifier::<Refusal>::new())
            .retry_classifier(TransientErrorClassifier::<Refusal>::new())
            .timeout_config(timeouts)
            .with_connection_poisoning()
            .serializer(|request: Request| {
                let mut http = HttpRequest::new(SdkBody::from(request.body));
                http.set_method(request.method)?;
                http.set_uri(utf8_percent_encode(&request.path, ENCODED_IN_A_PATH).to_string())?;
                for (name, value) in request.headers {
                    http.headers_mut().try_insert(name, value)?;
                }
                Ok(http)
            })
            .deserializer(read)
            .build()
            .invoke(request)
            .await
    }

    /// The session's own limits.
    pub(super) fn limits(&self) -> (RetryConfig, TimeoutConfig) {
        let retry = self.config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
        (retry, self.config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled))
    }

    /// Where a service is: the URL that the environment or the profile names for it or for every service, else its own.
    fn endpoint(&self, service: Service) -> String {
        let variable = format!("AWS_ENDPOINT_URL_{}", service.name().to_uppercase());
        let key = ServiceConfigKey::builder().service_id(service.name()).env(&variable).profile("endpoint_url").build();
        let own = key.ok().and_then(|key| self.config.service_config()?.load_config(key));
        let given = own.as_deref().or(self.config.endpoint_url());
        let fips = if self.config.use_fips() == Some(true) { "-fips" } else { "" };
        let domain = if self.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        given.map_or_else(|| format!("https://{}{fips}.{}.{domain}", service.name(), self.region), str::to_owned)
    }
}

/// Reads an answer.
fn read(answer: &HttpResponse) -> Result<Reply, OrchestratorError<Refusal>> {
    let header = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let headers: BTreeMap<_, _> = answer.headers().iter().map(header).collect();
    let body = answer.body().bytes().unwrap_or_default();
    if answer.status().is_success() {
        return Ok(Reply { headers, body: body.to_vec() });
    }
    let (in_body, message) = refusal(body);
    let code = headers.get("x-amzn-errortype").cloned().or(in_body);
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = code {
        // Some services write a namespace before the code and a URL behind it.
        let bare = code.split(':').next().unwrap_or_default();
        metadata = metadata.code(bare.rsplit('#').next().unwrap_or_default());
    }
    if let Some(message) = message {
        metadata = metadata.message(message);
    }
    Err(OrchestratorError::operation(Refusal(metadata.build())))
}

/// The code and the message in the body of an error, which is JSON, or XML as S3 writes it.
fn refusal(body: &[u8]) -> (Option<String>, Option<String>) {
    if let Ok(error) = serde_json::from_slice::<Json>(body) {
        let text = |names: [&str; 2]| names.into_iter().find_map(|name| error[name].as_str()).map(str::to_owned);
        return (text(["__type", "code"]), text(["message", "Message"]));
    }
    let text = String::from_utf8_lossy(body);
    let (mut code, mut message) = (None, None);
    let mut document = aws_smithy_xml::decode::Document::new(&text);
    if let Ok(mut error) = document.root_element() {
        while let Some(mut element) = error.next_tag() {
            let place = match element.start_el().local() {
                "Code" => &mut code,
                "Message" => &mut message,
                _ => continue,
            };
            *place = aws_smithy_xml::decode::try_data(&mut element).ok().map(std::borrow::Cow::into_owned);
        }
    }
    (code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_from_json_and_from_xml() {
        let both = |code: &str, message: &str| (Some(code.to_owned()), Some(message.to_owned()));
        for (body, expected) in [
            (r#"{"__type": "ThrottlingException", "message": "slow down"}"#, both("ThrottlingException", "slow down")),
            (r#"{"code": "AccessDenied", "Message": "no"}"#, both("AccessDenied", "no")),
            (
                "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>a &amp; b</Message><Key>k</Key></Error>",
                both("NoSuchBucket", "a & b"),
            ),
            ("", (None, None)),
            ("<html>502", (None, None)),
        ] {
            assert_eq!(refusal(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn a_code_is_read_without_its_namespace_and_its_url() {
        let mut answer = HttpResponse::new(400.try_into().unwrap(), SdkBody::from("{}"));
        answer.headers_mut().insert("x-amzn-ErrorType", "com.amazon#ResourceNotFoundException:http://x/");
        let error = read(&answer).unwrap_err();
        let refusal = error.as_operation_error().expect("the service's error");
        assert_eq!(refusal.code(), Some("ResourceNotFoundException"));
    }

    #[test]
    fn a_path_is_encoded_but_for_its_slashes() {
        let encoded = utf8_percent_encode("/b/a key+ü~.zip", ENCODED_IN_A_PATH).to_string();
        assert_eq!(encoded, "/b/a%20key%2B%C3%BC~.zip");
    }
}
