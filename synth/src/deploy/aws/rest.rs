//! Sends signed requests to S3, Lambda, EventBridge Scheduler, Secrets Manager and IAM. `synth` uses one or two calls of
//! each.
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
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
    stalled_stream_protection::StalledStreamProtectionInterceptor,
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
use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};
use aws_types::{
    SigningName,
    region::{Region, SigningRegion},
    service_config::ServiceConfigKey,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use super::Session;

/// The characters that a path encodes: all except those that RFC 3986 does not reserve, and the slash between segments.
const ENCODED_IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AwsService {
    Iam,
    Lambda,
    S3,
    Scheduler,
    SecretsManager,
}

impl AwsService {
    /// The name of the service in host names and signatures.
    const fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Lambda => "lambda",
            Self::S3 => "s3",
            Self::Scheduler => "scheduler",
            Self::SecretsManager => "secretsmanager",
        }
    }

    /// The id of the service in the environment and in profiles (AWS SDKs and Tools, "Service-specific endpoints").
    const fn id(self) -> &'static str {
        if let Self::SecretsManager = self { "Secrets Manager" } else { self.name() }
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
        let signing = SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(Region::new(self.signing_region(service).to_owned()))),
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
            .endpoint_url(&self.endpoint(service))
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

    /// The Region whose name is in the signature. IAM has one Region in each partition.
    fn signing_region(&self, service: AwsService) -> &str {
        match service {
            AwsService::Iam => iam_region(&self.partition).unwrap_or(&self.region),
            _ => &self.region,
        }
    }

    /// The URL of a service. The environment or the profile can set it for one service or for all; otherwise it is
    /// AWS's own.
    fn endpoint(&self, service: AwsService) -> String {
        let key = ServiceConfigKey::builder().service_id(service.id()).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let own = key.build().ok().and_then(|key| self.config.service_config()?.load_config(key));
        own.or_else(|| self.config.endpoint_url().map(str::to_owned)).unwrap_or_else(|| {
            let [fips, dual_stack] =
                [self.config.use_fips(), self.config.use_dual_stack()].map(|used| used == Some(true));
            format!("https://{}", host(service, &self.region, &self.partition, fips, dual_stack))
        })
    }
}

/// The name of a service's host (AWS General Reference, "Service endpoints"; the SDK's table of partitions).
fn host(service: AwsService, region: &str, partition: &str, fips: bool, dual_stack: bool) -> String {
    let (suffix, dual_stack_suffix) = match partition {
        "aws-cn" => ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
        "aws-eusc" => ("amazonaws.eu", "api.amazonwebservices.eu"),
        "aws-iso" => ("c2s.ic.gov", "api.aws.ic.gov"),
        "aws-iso-b" => ("sc2s.sgov.gov", "api.aws.scloud"),
        "aws-iso-e" => ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
        "aws-iso-f" => ("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
        _ => ("amazonaws.com", "api.aws"),
    };
    let (name, fips) = (service.name(), if fips { "-fips" } else { "" });
    if service == AwsService::Iam {
        return iam_host(region, partition, fips, if dual_stack { dual_stack_suffix } else { suffix }, dual_stack);
    }
    match (dual_stack, service) {
        (false, _) => format!("{name}{fips}.{region}.{suffix}"),
        (true, AwsService::S3) => format!("{name}{fips}.dualstack.{region}.{suffix}"),
        (true, _) => format!("{name}{fips}.{region}.{dual_stack_suffix}"),
    }
}

/// The Region of IAM in a partition (IAM's endpoint rules in the SDK). `None` for a partition that is not known here.
fn iam_region(partition: &str) -> Option<&'static str> {
    Some(match partition {
        "aws" => "us-east-1",
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-eusc" => "eusc-de-east-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        _ => return None,
    })
}

/// The name of IAM's host, which follows no single pattern (IAM's endpoint rules in the SDK). `fips` is the end of the
/// service's name, `suffix` that of the host's.
fn iam_host(region: &str, partition: &str, fips: &str, suffix: &str, dual_stack: bool) -> String {
    let between = match (partition, dual_stack, !fips.is_empty()) {
        ("aws-us-gov", _, _) => return format!("iam.us-gov.{suffix}"),
        ("aws", true, _) | ("aws-cn" | "aws-eusc", true, false) => ".global",
        ("aws", false, _)
        | ("aws-cn" | "aws-eusc" | "aws-iso-e" | "aws-iso-f", _, true)
        | ("aws-iso" | "aws-iso-b" | "aws-iso-e" | "aws-iso-f", true, _) => "",
        _ => return format!("iam{fips}.{}.{suffix}", iam_region(partition).unwrap_or(region)),
    };
    format!("iam{fips}{between}.{suffix}")
}

/// The name of the host at which CloudFormation finds the objects of a bucket.
pub(in crate::deploy) fn bucket_host(region: &str, partition: &str) -> String {
    host(AwsService::S3, region, partition, false, false)
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
        // Some services write a namespace before the code and a URL after it.
        let bare = code.split(':').next().unwrap_or_default();
        metadata = metadata.code(bare.rsplit('#').next().unwrap_or_default());
    }
    if let Some(message) = message {
        metadata = metadata.message(message);
    }
    Err(OrchestratorError::operation(ServiceError(metadata.build())))
}

/// The code and the message in the body of an error response. The body is JSON, or XML from S3 and IAM.
fn refusal(body: &[u8]) -> (Option<String>, Option<String>) {
    if let Ok(error) = serde_json::from_slice::<Json>(body) {
        let text = |names: [&str; 2]| names.into_iter().find_map(|name| error[name].as_str()).map(str::to_owned);
        return (text(["__type", "code"]), text(["message", "Message"]));
    }
    let text = String::from_utf8_lossy(body);
    let (mut code, mut message) = (None, None);
    let mut document = Document::new(&text);
    if let Ok(mut root) = document.root_element() {
        if root.start_el().local() != "ErrorResponse" {
            read_refusal(&mut root, &mut code, &mut message);
        }
        // IAM's error is one element deeper.
        while let Some(mut element) = root.next_tag() {
            if element.start_el().local() == "Error" {
                read_refusal(&mut element, &mut code, &mut message);
            }
        }
    }
    (code, message)
}

/// Reads the code and the message from the elements of an error.
fn read_refusal(error: &mut ScopedDecoder<'_, '_>, code: &mut Option<String>, message: &mut Option<String>) {
    while let Some(mut element) = error.next_tag() {
        let place = match element.start_el().local() {
            "Code" => &mut *code,
            "Message" => &mut *message,
            _ => continue,
        };
        *place = try_data(&mut element).ok().map(std::borrow::Cow::into_owned);
    }
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
    use crate::deploy::aws::bucket::Bucket;

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
        let connector = stub.clone();
        let http = http_client_fn(move |_, _| SharedHttpConnector::new(connector.clone()));
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("id", "secret", None, None, "test")))
            .retry_config(RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1)))
            .use_fips(fips)
            .build();
        Session {
            config,
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            partition: "aws".into(),
            identity: String::new(),
        }
    }

    #[tokio::test]
    async fn a_request_to_s3_is_signed_with_its_content_and_sent_again() {
        let stub = Stub(503, Arc::default());
        let bucket = Bucket::of_account(&session(&stub, true), "packages".into());
        bucket.put("a b.zip", b"content".to_vec()).await.unwrap_err();
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

    #[test]
    fn each_partition_and_kind_of_endpoint_has_its_host() {
        use AwsService::{Iam, Lambda, S3, Scheduler, SecretsManager};
        for (service, region, partition, fips, dual_stack, expected) in [
            (S3, "eu-west-1", "aws", false, false, "s3.eu-west-1.amazonaws.com"),
            (S3, "eu-west-1", "aws", true, true, "s3-fips.dualstack.eu-west-1.amazonaws.com"),
            (Lambda, "us-gov-west-1", "aws-us-gov", true, false, "lambda-fips.us-gov-west-1.amazonaws.com"),
            (Scheduler, "cn-north-1", "aws-cn", false, false, "scheduler.cn-north-1.amazonaws.com.cn"),
            (Lambda, "eu-west-1", "aws", false, true, "lambda.eu-west-1.api.aws"),
            (Lambda, "cn-north-1", "aws-cn", false, true, "lambda.cn-north-1.api.amazonwebservices.com.cn"),
            (S3, "eusc-de-east-1", "aws-eusc", false, false, "s3.eusc-de-east-1.amazonaws.eu"),
            (SecretsManager, "eu-west-1", "aws", true, false, "secretsmanager-fips.eu-west-1.amazonaws.com"),
            (Iam, "eu-west-1", "aws", false, false, "iam.amazonaws.com"),
            (Iam, "eu-west-1", "aws", true, false, "iam-fips.amazonaws.com"),
            (Iam, "eu-west-1", "aws", true, true, "iam-fips.global.api.aws"),
            (Iam, "cn-northwest-1", "aws-cn", false, false, "iam.cn-north-1.amazonaws.com.cn"),
            (Iam, "cn-northwest-1", "aws-cn", false, true, "iam.global.api.amazonwebservices.com.cn"),
            (Iam, "us-gov-east-1", "aws-us-gov", true, false, "iam.us-gov.amazonaws.com"),
            (Iam, "us-gov-east-1", "aws-us-gov", false, true, "iam.us-gov.api.aws"),
            (Iam, "eusc-de-east-1", "aws-eusc", false, false, "iam.eusc-de-east-1.amazonaws.eu"),
            (Iam, "us-iso-west-1", "aws-iso", true, false, "iam-fips.us-iso-east-1.c2s.ic.gov"),
            (Iam, "eu-isoe-west-1", "aws-iso-e", true, false, "iam-fips.cloud.adc-e.uk"),
        ] {
            assert_eq!(host(service, region, partition, fips, dual_stack), expected);
        }
    }

    #[tokio::test]
    async fn a_request_to_iam_is_signed_for_its_own_region() {
        let stub = Stub(200, Arc::default());
        session(&stub, false).user_tags(&"a+b".parse().unwrap()).await.unwrap_err();
        let sent = stub.1.lock().unwrap();
        assert_eq!(sent[0].uri(), "https://iam.amazonaws.com/");
        assert_eq!(sent[0].body().bytes(), Some(&b"Action=ListUserTags&Version=2010-05-08&UserName=a%2Bb"[..]));
        assert!(sent[0].headers().get("authorization").unwrap().contains("/us-east-1/iam/aws4_request"));
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
            (
                "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>none</Message>\
                 </Error><RequestId>r</RequestId></ErrorResponse>",
                both("NoSuchEntity", "none"),
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
