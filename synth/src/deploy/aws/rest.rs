//! Sends signed requests to S3, Lambda, EventBridge Scheduler and CloudWatch. `synth` uses one or two calls of each.
//!
//! The SDK crates of these services take longer to build than everything else in `synth`. So only the few requests and
//! responses are written here. The SDK's runtime still does the work: it resolves credentials, signs, retries and
//! times out.

use std::collections::BTreeMap;

use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_runtime::{
    auth::{
        SigV4OperationSigningConfig, SigningOptions,
        sigv4::{SCHEME_ID, SigV4AuthScheme},
    },
    retries::classifiers::AwsErrorCodeClassifier,
};
use aws_sdk_cloudformation::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
    stalled_stream_protection::StalledStreamProtectionInterceptor,
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        auth::{AuthSchemeOptionResolverParams, static_resolver::StaticAuthSchemeOptionResolver},
        behavior_version::BehaviorVersion,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        result::SdkError,
        runtime_components::RuntimeComponentsBuilder,
        runtime_plugin::StaticRuntimePlugin,
    },
};
use aws_smithy_types::{
    body::SdkBody,
    config_bag::Layer,
    error::metadata::{ErrorMetadata, ProvideErrorMetadata},
};
use aws_smithy_xml::decode::{Document, try_data};
use aws_types::{
    SigningName,
    region::{Region, SigningRegion},
    service_config::ServiceConfigKey,
};
use lambda::protocol::call_error::{ErrorCode, bare_code};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use super::{AwsError, Session};

/// The characters that a path encodes: all except those that RFC 3986 does not reserve, and the slash between segments.
const ENCODED_IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AwsService {
    CloudWatch,
    Lambda,
    Logs,
    S3,
    Scheduler,
}

impl AwsService {
    /// The name of the service in host names and in signatures.
    const fn name(self) -> &'static str {
        match self {
            Self::CloudWatch => "monitoring",
            Self::Lambda => "lambda",
            Self::Logs => "logs",
            Self::S3 => "s3",
            Self::Scheduler => "scheduler",
        }
    }

    /// The name of the service in the environment and in profiles (AWS SDKs and Tools, "Service-specific endpoints").
    const fn id(self) -> &'static str {
        match self {
            Self::CloudWatch => "cloudwatch",
            Self::Logs => "cloudwatch_logs",
            Self::Lambda | Self::S3 | Self::Scheduler => self.name(),
        }
    }

    /// How a request is signed (Signature Version 4, "Create a canonical request"). S3 needs the path as it was sent,
    /// and the digest of the content.
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

#[derive(Debug)]
pub(super) struct SignedRequest {
    pub(super) service: AwsService,
    pub(super) method: &'static str,
    /// The path from the first slash, not encoded.
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// A response with a status of 2xx.
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

/// A response with any other status: its error code and its message, if it has them.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ServiceError(ErrorMetadata);

impl ProvideErrorMetadata for ServiceError {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl Session {
    /// Sends a request with these limits instead of the session's own.
    ///
    /// # Errors
    /// The SDK's error: no credentials, no connection, no response in time, or a [`ServiceError`].
    pub(super) async fn send(
        &self,
        request: SignedRequest,
        retry: &RetryConfig,
        timeouts: TimeoutConfig,
    ) -> Result<Reply, SdkError<ServiceError, HttpResponse>> {
        let service = request.service;
        let endpoint = self.endpoint(service).await.map_err(SdkError::construction_failure)?;
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
        // A function may send nothing for minutes while it runs. The other services respond at once.
        if service != AwsService::Lambda {
            components = components.with_interceptor(StalledStreamProtectionInterceptor::default());
        }
        let signing = StaticRuntimePlugin::new().with_config(config.freeze()).with_runtime_components(components);
        Operation::builder()
            .service_name(service.name())
            .operation_name(request.method)
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(&endpoint)
            .runtime_plugin(signing)
            .standard_retry(retry)
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(AwsErrorCodeClassifier::<ServiceError>::new())
            .retry_classifier(TransientErrorClassifier::<ServiceError>::new())
            .timeout_config(timeouts)
            .with_connection_poisoning()
            .serializer(|request: SignedRequest| {
                let mut http = HttpRequest::new(SdkBody::from(request.body));
                http.set_method(request.method)?;
                http.headers_mut().insert("user-agent", concat!("synth/", env!("CARGO_PKG_VERSION")));
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

    /// The session's retries and timeouts.
    pub(super) fn limits(&self) -> (RetryConfig, TimeoutConfig) {
        let retry = self.config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
        (retry, self.config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled))
    }

    /// The URL of a service. The environment or the profile can set it for one service or for all; otherwise it is
    /// AWS's own.
    async fn endpoint(&self, service: AwsService) -> Result<String, BoxError> {
        let key = ServiceConfigKey::builder().service_id(service.id()).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let own = key.build().ok().and_then(|key| self.config.service_config()?.load_config(key));
        if let Some(url) = own.or_else(|| self.config.endpoint_url().map(str::to_owned)) {
            return Ok(url);
        }
        let [fips, dual_stack] = [self.config.use_fips(), self.config.use_dual_stack()].map(|used| used == Some(true));
        Ok(format!("https://{}", host(service, &self.region, fips, dual_stack).await?))
    }

    /// The URL at which CloudFormation finds the objects of a bucket.
    ///
    /// # Errors
    /// [`AwsError`] if the SDK knows no endpoint for the Region.
    pub async fn s3_address(&self) -> Result<String, AwsError> {
        let host = host(AwsService::S3, &self.region, false, false).await;
        host.map(|host| format!("https://{host}")).map_err(|e| AwsError::Refused {
            doing: format!("find the endpoint of S3 in the Region {}", self.region),
            code: ErrorCode::NotSent,
            message: e.to_string(),
        })
    }
}

/// The name of a service's host (AWS General Reference, "Service endpoints").
async fn host(service: AwsService, region: &str, fips: bool, dual_stack: bool) -> Result<String, BoxError> {
    let (name, fips) = (service.name(), if fips { "-fips" } else { "" });
    Ok(match (dual_stack, service) {
        (true, AwsService::S3) => format!("{name}{fips}.dualstack.{region}.{}", dns_suffix(region, false).await?),
        (_, _) => format!("{name}{fips}.{region}.{}", dns_suffix(region, dual_stack).await?),
    })
}

/// The end of the host names of a Region. The SDK's endpoint rules have it for each partition.
async fn dns_suffix(region: &str, dual_stack: bool) -> Result<String, BoxError> {
    let params = Params::builder().region(region).use_dual_stack(dual_stack).build()?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await?;
    // https://cloudformation.REGION.SUFFIX
    let suffix = endpoint.url().split_once(&format!(".{region}.")).map(|(_, suffix)| suffix.to_owned());
    suffix.ok_or_else(|| format!("the endpoint {} has another form than expected", endpoint.url()).into())
}

/// Reads a response. Any status other than 2xx becomes a [`ServiceError`].
fn read(answer: &HttpResponse) -> Result<Reply, OrchestratorError<ServiceError>> {
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
        metadata = metadata.code(bare_code(&code));
    }
    if let Some(message) = message {
        metadata = metadata.message(message);
    }
    Err(OrchestratorError::operation(ServiceError(metadata.build())))
}

/// The code and the message in the body of an error response. The body is JSON, or XML from S3.
fn refusal(body: &[u8]) -> (Option<String>, Option<String>) {
    if let Ok(error) = serde_json::from_slice::<Json>(body) {
        let text = |names: [&str; 2]| names.into_iter().find_map(|name| error[name].as_str()).map(str::to_owned);
        return (text(["__type", "code"]), text(["message", "Message"]));
    }
    let text = String::from_utf8_lossy(body);
    let (mut code, mut message) = (None, None);
    let mut document = Document::new(&text);
    if let Ok(mut root) = document.root_element() {
        while let Some(mut element) = root.next_tag() {
            let place = match element.start_el().local() {
                "Code" => &mut code,
                "Message" => &mut message,
                _ => continue,
            };
            *place = try_data(&mut element).ok().map(std::borrow::Cow::into_owned);
        }
    }
    (code, message)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_config::SdkConfig;
    use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };

    use super::*;
    use crate::{deploy::aws::bucket::Bucket, package::Sha256Digest};

    /// Responds to every request with one status, and records the requests.
    #[derive(Debug, Clone)]
    struct Stub(u16, Arc<Mutex<Vec<HttpRequest>>>);

    impl HttpConnector for Stub {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            self.1.lock().unwrap().push(request);
            HttpConnectorFuture::ready(Ok(HttpResponse::new(self.0.try_into().unwrap(), SdkBody::from("{}"))))
        }
    }

    fn session(stub: &Stub, fips: bool) -> Session {
        session_in("eu-west-1", stub, fips)
    }

    fn session_in(region: &'static str, stub: &Stub, fips: bool) -> Session {
        let connector = stub.clone();
        let http = http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone()));
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static(region))
            .http_client(http)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("id", "secret", None, None, "test")))
            .retry_config(RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1)))
            .use_fips(fips)
            .build();
        Session { config, account: "123456789012".into(), region: region.into(), identity: String::new() }
    }

    #[tokio::test]
    async fn a_request_to_s3_is_signed_with_its_content_and_sent_again() {
        let stub = Stub(503, Arc::default());
        let bucket = Bucket::of_account(&session(&stub, true), "packages".into());
        bucket.put("a b.zip", Sha256Digest::of(b"content"), b"content".to_vec()).await.unwrap_err();
        let sent = stub.1.lock().unwrap();
        assert_eq!(sent.len(), 3, "a request is retried when the service is unavailable");
        let header =
            |name: &str| sent[2].headers().get(name).unwrap_or_else(|| panic!("no {name}: {sent:?}")).to_owned();
        assert_eq!(
            (sent[2].method(), sent[2].uri()),
            ("PUT", "https://s3-fips.eu-west-1.amazonaws.com/packages/a%20b.zip")
        );
        assert_eq!(header("x-amz-expected-bucket-owner"), "123456789012");
        // printf content | sha256sum; the same in base64.
        let digest = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";
        assert_eq!(header("x-amz-content-sha256"), digest);
        assert_eq!(header("x-amz-checksum-sha256"), "7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M=");
        let signature = header("authorization");
        assert!(
            signature.contains("/eu-west-1/s3/aws4_request") && signature.contains("x-amz-content-sha256"),
            "{signature}"
        );
    }

    #[tokio::test]
    async fn a_function_is_invoked_only_once() {
        let stub = Stub(503, Arc::default());
        session(&stub, false).invoke("rotation", &serde_json::json!({ "a": 1 })).await.unwrap_err();
        let sent = stub.1.lock().unwrap();
        let [request] = sent.as_slice() else { panic!("{sent:?}") };
        let url = "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/rotation/invocations";
        assert_eq!((request.method(), request.uri()), ("POST", url));
        assert_eq!(request.body().bytes(), Some(&br#"{"a":1}"#[..]));
        assert!(request.headers().get("authorization").is_some_and(|text| text.contains("/lambda/aws4_request")));
    }

    #[tokio::test]
    async fn each_partition_and_kind_of_endpoint_has_its_host() {
        use AwsService::{CloudWatch, Lambda, Logs, S3, Scheduler};
        for (service, region, fips, dual_stack, expected) in [
            (S3, "eu-west-1", false, false, "s3.eu-west-1.amazonaws.com"),
            (S3, "eu-west-1", true, true, "s3-fips.dualstack.eu-west-1.amazonaws.com"),
            (Lambda, "eu-west-1", false, true, "lambda.eu-west-1.api.aws"),
            (Lambda, "us-gov-west-1", true, false, "lambda-fips.us-gov-west-1.amazonaws.com"),
            (Lambda, "us-gov-west-1", false, true, "lambda.us-gov-west-1.api.aws"),
            (Scheduler, "cn-north-1", false, false, "scheduler.cn-north-1.amazonaws.com.cn"),
            (Lambda, "cn-north-1", false, true, "lambda.cn-north-1.api.amazonwebservices.com.cn"),
            (S3, "eusc-de-east-1", false, false, "s3.eusc-de-east-1.amazonaws.eu"),
            (S3, "us-iso-east-1", false, false, "s3.us-iso-east-1.c2s.ic.gov"),
            (Scheduler, "us-isob-east-1", false, false, "scheduler.us-isob-east-1.sc2s.sgov.gov"),
            (CloudWatch, "eu-west-1", false, false, "monitoring.eu-west-1.amazonaws.com"),
            (Logs, "us-gov-west-1", false, true, "logs.us-gov-west-1.api.aws"),
            // A Region that is newer than the SDK.
            (S3, "eu-west-99", false, false, "s3.eu-west-99.amazonaws.com"),
        ] {
            assert_eq!(host(service, region, fips, dual_stack).await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn iam_and_secrets_manager_have_the_hosts_of_the_sdk() {
        for (region, iam, signed_for, secrets) in [
            ("eu-west-1", "iam.amazonaws.com", "us-east-1", "secretsmanager.eu-west-1.amazonaws.com"),
            (
                "cn-northwest-1",
                "iam.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
                "secretsmanager.cn-northwest-1.amazonaws.com.cn",
            ),
            (
                "us-gov-east-1",
                "iam.us-gov.amazonaws.com",
                "us-gov-west-1",
                "secretsmanager.us-gov-east-1.amazonaws.com",
            ),
            (
                "eusc-de-east-1",
                "iam.eusc-de-east-1.amazonaws.eu",
                "eusc-de-east-1",
                "secretsmanager.eusc-de-east-1.amazonaws.eu",
            ),
        ] {
            let stub = Stub(400, Arc::default());
            let session = session_in(region, &stub, false);
            session.user_tags(&"a+b".parse().unwrap()).await.unwrap_err();
            session.secrets("keys/").await.unwrap_err();
            let sent = stub.1.lock().unwrap();
            assert_eq!(sent[0].uri(), format!("https://{iam}/"));
            let scope = format!("/{signed_for}/iam/aws4_request");
            assert!(sent[0].headers().get("authorization").unwrap().contains(&scope), "{scope}");
            assert_eq!(sent[1].uri(), format!("https://{secrets}/"));
        }
    }

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
