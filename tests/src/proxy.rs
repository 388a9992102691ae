//! The proxy between the emulator and its clients, mostly the handler. It records every call, adds what the emulator
//! lacks, and injects faults.
//!
//! It adds the sign of TLS that policies require, the last use of a key, and lists in pages. It also adds subscribers who
//! have not confirmed, a latency and throttling.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Body, Bytes, Incoming},
    client::conn::http1 as client,
    header::{AUTHORIZATION, HeaderValue},
    http::request::Parts,
    server::conn::http1 as server,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use lambda::{
    contract::{
        list_scope::ListScope,
        permissions::{NoticeChannel, UsersLimit, permissions},
    },
    model::{
        kms_key::KmsKey,
        time::{Span, Timestamp},
    },
    protocol::policy::{
        DeleteAfter, Delivery, DisabledUsers, MaxWait, Policy, StillInUse, UnconfirmedRecipients, UnusedAfter,
    },
};
use serde_json::Value as Json;
use tokio::net::{TcpListener, TcpStream};

use crate::recording::{Author, Exchange};

type Reply = Response<Full<Bytes>>;

/// One API call that went through the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The service, such as `iam`.
    pub service: String,
    /// The operation, such as `CreateAccessKey`.
    pub operation: String,
    /// The user, secret, key, stack, bucket or object of the call, or the page of a list. Empty if the request names
    /// none.
    pub about: String,
    /// The id of the access key that signed the call.
    pub signer: String,
    /// The HTTP status of the response. 0 if the response was dropped.
    pub status: u16,
}

/// A fault of the next calls of an operation, until it is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// AWS refuses the call: it has no effect, and the response has this status and error code.
    Refuse(u16, &'static str),
    /// The call has no effect, and this XML is returned as if it came from AWS.
    Answer(String),
    /// The call has no effect, and these headers are returned as if they came from AWS.
    AnswerHeaders(Vec<(&'static str, String)>),
    /// The call takes effect, and the connection breaks before the response.
    LoseAnswer,
    /// The call takes effect, and the connection breaks in the middle of the response.
    BreakOffAnswer,
    /// The call has no effect, and there is never a response. The test can then kill the caller.
    HangBefore,
    /// The call takes effect, and there is never a response. The test can then kill the caller.
    HangAfter,
}

/// A fault and the calls that have it.
#[derive(Debug)]
struct Injected {
    operation: &'static str,
    /// The user, key or address of the calls. Empty means any.
    about: String,
    fault: Fault,
    /// How many more calls have the fault.
    calls: usize,
}

impl Injected {
    fn hits(&self, call: &Call) -> bool {
        self.calls > 0 && self.operation == call.operation && (self.about.is_empty() || self.about == call.about)
    }
}

/// The running proxy. It stops when this value is dropped.
#[derive(Debug)]
pub struct Proxy {
    /// The port of the proxy on the loopback address.
    pub port: u16,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: u16,
    /// The difference between the emulator's clock and the real time, in seconds.
    shift: Arc<AtomicI64>,
    state: Mutex<State>,
    /// Notified when a call hangs.
    hanging: tokio::sync::Notify,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    uses: HashMap<String, (Timestamp, String, String)>,
    faults: Vec<Injected>,
    /// The fault of the call with this number.
    fault_at: Option<(usize, Fault)>,
    /// Every secret that IAM returned.
    secrets: Vec<String>,
    /// Every action that the handler has called.
    actions: BTreeSet<String>,
    /// When each mail arrived, and the addresses of its recipients in lower case.
    mails: Vec<(Instant, Vec<String>)>,
    /// Addresses that have not confirmed their subscription.
    pending: BTreeSet<String>,
    /// The number of entries in one page of an IAM list, by operation. Other lists have only one page.
    pages: HashMap<&'static str, usize>,
    /// The delay of each response.
    latency: Duration,
    limit: Option<Limit>,
}

/// A token bucket: each call takes a token, and this number of tokens is added each second.
#[derive(Debug)]
struct Limit {
    rate: f64,
    tokens: f64,
    filled: Instant,
}

impl Limit {
    fn takes(&mut self) -> bool {
        let now = Instant::now();
        self.tokens = (self.tokens + now.duration_since(self.filled).as_secs_f64() * self.rate).min(self.rate);
        self.filled = now;
        let takes = self.tokens >= 1.0;
        self.tokens -= if takes { 1.0 } else { 0.0 };
        takes
    }
}

/// The error code of IAM and Secrets Manager for too many calls.
pub const THROTTLED: &str = "ThrottlingException";

/// The number of subscriptions in one page. AWS returns a hundred. With so few, every test reads several pages.
const PAGE: usize = 2;

impl Proxy {
    /// Starts the proxy in front of the emulator's port.
    ///
    /// # Panics
    /// If no port of the loopback address is free.
    pub async fn start(upstream: u16, shift: Arc<AtomicI64>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
        let port = listener.local_addr().expect("its address").port();
        let (state, hanging) = (Mutex::default(), tokio::sync::Notify::new());
        let shared = Arc::new(Shared { upstream, shift, state, hanging });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { port, shared, task }
    }

    /// Every call since the last [`Proxy::forget`].
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// Forgets the calls so far.
    pub fn forget(&self) {
        self.shared.state().calls.clear();
    }

    /// From now on, calls of `operation` about `about` have this fault. An empty `about` means all.
    pub fn inject(&self, operation: &'static str, about: &str, fault: Fault) {
        self.inject_times(usize::MAX, operation, about, fault);
    }

    /// The next `calls` calls of `operation` about `about` have this fault. An empty `about` means all.
    pub fn inject_times(&self, calls: usize, operation: &'static str, about: &str, fault: Fault) {
        self.shared.state().faults.push(Injected { operation, about: about.to_owned(), fault, calls });
    }

    /// The call with this number, counted from now, has this fault.
    pub fn inject_at(&self, number: usize, fault: Fault) {
        let mut state = self.shared.state();
        state.calls.clear();
        state.fault_at = Some((number, fault));
    }

    /// Waits until a call hangs.
    pub async fn hang(&self) {
        self.shared.hanging.notified().await;
    }

    /// Removes all faults.
    pub fn heal(&self) {
        let mut state = self.shared.state();
        state.faults.clear();
        state.fault_at = None;
    }

    /// From now on, this address has not confirmed its subscription. For the emulator, every address is confirmed.
    pub fn leave_unconfirmed(&self, address: &str) {
        self.shared.state().pending.insert(address.to_owned());
    }

    /// From now on, this address has confirmed its subscription.
    pub fn confirm(&self, address: &str) {
        self.shared.state().pending.remove(address);
    }

    /// From now on, a response of this IAM operation has at most this number of entries, and a marker for the next
    /// page.
    pub fn turn_pages(&self, operation: &'static str, entries: usize) {
        self.shared.state().pages.insert(operation, entries);
    }

    /// From now on, AWS has this latency and accepts this number of calls a second of all services together. It
    /// throttles the others.
    pub fn be_far_and_busy(&self, latency: Duration, calls_a_second: u32) {
        let rate = f64::from(calls_a_second);
        let mut state = self.shared.state();
        state.latency = latency;
        state.limit = Some(Limit { rate, tokens: rate, filled: Instant::now() });
    }

    /// The times at which the mails to this address arrived, in order.
    #[must_use]
    pub fn mails_to(&self, address: &str) -> Vec<Instant> {
        let is_to = |(_, to): &&(Instant, Vec<String>)| to.iter().any(|other| other.eq_ignore_ascii_case(address));
        self.shared.state().mails.iter().filter(is_to).map(|(at, _)| *at).collect()
    }

    /// Every secret that IAM returned through this proxy.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.shared.state().secrets.clone()
    }
}

impl Drop for Proxy {
    /// Checks at the end of every test that the handler has called only actions that it declares.
    fn drop(&mut self) {
        self.task.abort();
        let declared = declared();
        let undeclared: Vec<_> = self.shared.state().actions.difference(&declared).cloned().collect();
        assert!(
            undeclared.is_empty() || std::thread::panicking(),
            "{undeclared:?} is not in lambda::contract::permissions"
        );
    }
}

/// The actions that the handler declares, for all policies together.
fn declared() -> BTreeSet<String> {
    let policy = |delivery, still_in_use| Policy {
        rotate_after: Span::ZERO,
        overlap: Span::ZERO,
        delete_after: DeleteAfter::NextRotation,
        still_in_use,
        wait_at_most: MaxWait::Forever,
        disabled_users: DisabledUsers::Skip,
        unused_after: UnusedAfter::Never,
        unconfirmed_recipients: UnconfirmedRecipients::Hold,
        delivery,
        warn_before: Span::ZERO,
    };
    let deliveries = [Delivery::SecretsManager, Delivery::Email];
    let policies = deliveries.into_iter().flat_map(|d| [policy(d, StillInUse::Wait), policy(d, StillInUse::Retire)]);
    // Secrets Manager uses a customer managed key, not the handler.
    let of = |policy: &Policy, channel| {
        permissions(policy, &KmsKey::AwsManaged, ListScope::Account, UsersLimit::Arns, channel)
    };
    let channels = [NoticeChannel::Topic, NoticeChannel::EventBus];
    let declared = policies.flat_map(|policy| channels.map(|channel| of(&policy, channel)).concat());
    declared.flat_map(|p| p.actions).map(str::to_owned).collect()
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move { shared.handle(request).await }
        });
        tokio::spawn(async move {
            // The client may close a connection early, or a test may have injected that fault.
            let _ = server::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The error that drops a response, so that the connection breaks.
#[derive(Debug, thiserror::Error)]
#[error("answer dropped")]
struct Dropped;

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> Timestamp {
        Timestamp::from_unix(Timestamp::now().unix() + self.shift.load(Ordering::Relaxed))
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Reply, Dropped> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
        let mut call = describe(&head, &body);
        let exchange = Exchange::new(&call.service, &head, &body);
        let fault = {
            let mut state = self.state();
            // Parallel calls may have the same number, and then another number has none.
            let number = state.calls.len();
            let fault = state.faults.iter_mut().find(|injected| injected.hits(&call)).map(|injected| {
                injected.calls -= 1;
                injected.fault.clone()
            });
            let now = state.fault_at.take_if(|(at, _)| *at <= number).map(|(_, fault)| fault);
            if matches!(now, Some(Fault::HangBefore | Fault::HangAfter)) {
                state.calls.push(call.clone());
            }
            now.or(fault)
        };
        let request = Request::from_parts(head, Full::new(body));
        let (latency, throttled) = {
            let mut state = self.state();
            (state.latency, state.limit.as_mut().is_some_and(|limit| !limit.takes()))
        };
        tokio::time::sleep(latency).await;
        let fault = if throttled { Some(Fault::Refuse(400, THROTTLED)) } else { fault };
        let reply = match fault {
            Some(Fault::Refuse(status, code)) => Some(refusal(&call.service, status, code, "a fault of the test")),
            Some(Fault::Answer(answer)) => Some(xml(200, answer)),
            Some(Fault::AnswerHeaders(headers)) => Some(with_headers(headers)),
            Some(Fault::LoseAnswer) => {
                self.answer(&call, request).await;
                None
            }
            Some(Fault::BreakOffAnswer) => Some(one_byte_short(self.answer(&call, request).await)),
            Some(Fault::HangBefore) => {
                self.record(exchange, None).await;
                return self.hang_forever().await;
            }
            Some(Fault::HangAfter) => {
                self.answer(&call, request).await;
                self.record(exchange, None).await;
                return self.hang_forever().await;
            }
            None => Some(self.answer(&call, request).await),
        };
        self.record(exchange, reply.as_ref()).await;
        call.status = reply.as_ref().map_or(0, |reply| reply.status().as_u16());
        if (200..300).contains(&call.status) && call.signer.starts_with("AKIA") {
            let region = "eu-west-1".to_owned();
            self.state().uses.insert(call.signer.clone(), (self.clock(), call.service.clone(), region));
        }
        let mut state = self.state();
        // Only the handler calls with a role. Calls of a new key to STS need no permission.
        if call.signer.starts_with("ASIA") {
            state.actions.insert(format!("{}:{}", call.service, call.operation));
        }
        state.calls.push(call);
        reply.ok_or(Dropped)
    }

    /// Records a request and the response that its client gets.
    async fn record(&self, exchange: Exchange, reply: Option<&Reply>) {
        // At the end of a test, the emulator may end before its clients. Then there is no answer of AWS to compare.
        let exchange = match reply.filter(|reply| reply.status() != StatusCode::BAD_GATEWAY) {
            None => exchange,
            Some(reply) => {
                let author = reply.extensions().get().copied().unwrap_or(Author::Emulator);
                let Ok(body) = reply.body().clone().collect().await;
                exchange.answered(author, reply.status().as_u16(), reply.headers(), &body.to_bytes())
            }
        };
        exchange.write(&self.state().secrets);
    }

    async fn hang_forever(&self) -> Result<Reply, Dropped> {
        self.hanging.notify_one();
        std::future::pending().await
    }

    /// The response that AWS would give.
    async fn answer(&self, call: &Call, request: Request<Full<Bytes>>) -> Reply {
        match call.operation.as_str() {
            "CreateAccessKey" => {
                let reply = self.forward(request).await;
                let Ok(body) = reply.body().clone().collect().await;
                let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
                let secret = body.split_once("<SecretAccessKey>").and_then(|(_, rest)| rest.split_once('<'));
                self.state().secrets.extend(secret.map(|(secret, _)| secret.to_owned()));
                reply
            }
            "GetAccessKeyLastUsed" => {
                // The emulator checks the permission, and the proxy gives the response.
                let reply = self.forward(request).await;
                if reply.status().is_success() { self.last_use(&call.about) } else { reply }
            }
            "ListSubscriptionsByTopic" => {
                let Ok(form) = request.body().clone().collect().await;
                let form = form.to_bytes();
                let token = form_urlencoded::parse(&form).find(|(field, _)| field == "NextToken");
                let from = token.and_then(|(_, token)| token.parse().ok()).unwrap_or(0);
                let reply = self.forward(request).await;
                if reply.status().is_success() { self.page_of_subscribers(reply, from).await } else { reply }
            }
            "Publish" => {
                let Ok(form) = request.body().clone().collect().await;
                let form = form.to_bytes();
                let to = form_urlencoded::parse(&form).find_map(|(_, value)| serde_json::from_str(&value).ok());
                self.state().mails.push((Instant::now(), to.unwrap_or_default()));
                self.forward(request).await
            }
            "ListAccessKeys" => self.in_pages(call, request, "AccessKeyMetadata").await,
            "ListUserTags" => self.in_pages(call, request, "Tags").await,
            "GetAccountAuthorizationDetails" => self.in_pages(call, request, "UserDetailList").await,
            _ => self.forward(request).await,
        }
    }

    /// The response of a list operation of IAM: one page if the operation has pages.
    async fn in_pages(&self, call: &Call, request: Request<Full<Bytes>>, list: &str) -> Reply {
        let Ok(form) = request.body().clone().collect().await;
        let form = form.to_bytes();
        let marker = form_urlencoded::parse(&form).find(|(field, _)| field == "Marker");
        let from = marker.and_then(|(_, marker)| marker.parse().ok()).unwrap_or(0);
        let size = self.state().pages.iter().find(|(operation, _)| **operation == call.operation).map(|(_, n)| *n);
        let reply = self.forward(request).await;
        let Some(size) = size.filter(|_| reply.status().is_success()) else { return reply };
        let Ok(body) = reply.into_body().collect().await;
        xml(200, page(&String::from_utf8_lossy(&body.to_bytes()), list, from, size))
    }

    /// One page of the subscriptions. Those that are not confirmed have no ARN.
    async fn page_of_subscribers(&self, reply: Reply, from: usize) -> Reply {
        let Ok(body) = reply.into_body().collect().await;
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        let members = members(&body);
        let pending = self.state().pending.clone();
        let shown = members.iter().skip(from).take(PAGE).map(|member| {
            let waits = pending.iter().any(|address| member.contains(&format!("<Endpoint>{address}</Endpoint>")));
            let (before, rest) = member.split_once("<SubscriptionArn>").unwrap_or_default();
            let (arn, after) = rest.split_once('<').unwrap_or_default();
            let arn = if waits { "PendingConfirmation" } else { arn };
            format!("{before}<SubscriptionArn>{arn}<{after}")
        });
        let shown: String = shown.collect();
        let next = from + PAGE;
        let next = if next < members.len() { format!("<NextToken>{next}</NextToken>") } else { String::new() };
        xml(
            200,
            format!(
                "<ListSubscriptionsByTopicResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\
                 <ListSubscriptionsByTopicResult><Subscriptions>{shown}</Subscriptions>{next}\
                 </ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>"
            ),
        )
    }

    fn last_use(&self, key: &str) -> Reply {
        let last_use = match self.state().uses.get(key) {
            None => "<Region>N/A</Region><ServiceName>N/A</ServiceName>".to_owned(),
            Some((at, service, region)) => format!(
                "<LastUsedDate>{at}</LastUsedDate><Region>{region}</Region><ServiceName>{service}</ServiceName>"
            ),
        };
        xml(
            200,
            format!(
                "<GetAccessKeyLastUsedResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
                 <GetAccessKeyLastUsedResult><AccessKeyLastUsed>{last_use}</AccessKeyLastUsed>\
                 </GetAccessKeyLastUsedResult></GetAccessKeyLastUsedResponse>"
            ),
        )
    }

    async fn forward(&self, mut request: Request<Full<Bytes>>) -> Reply {
        // Policies require TLS, which this connection on one machine does not need. The header makes the emulator treat
        // it as TLS.
        request.headers_mut().insert("x-forwarded-proto", HeaderValue::from_static("https"));
        let sent = async {
            let stream = TcpStream::connect(("127.0.0.1", self.upstream)).await.map_err(|e| e.to_string())?;
            let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
            tokio::spawn(connection);
            let reply = sender.send_request(request).await.map_err(|e| e.to_string())?;
            let (head, body) = reply.into_parts();
            let body = body.collect().await.map_err(|e| e.to_string())?.to_bytes();
            Ok::<_, String>(Response::from_parts(head, Full::new(body)))
        };
        sent.await.unwrap_or_else(|e| refusal("", 502, "EmulatorUnreachable", &e))
    }
}

/// A response with `size` entries of its list, starting at `from`, and the start of the next page.
fn page(answer: &str, list: &str, from: usize, size: usize) -> String {
    let (open, close) = (format!("<{list}>"), format!("</{list}>"));
    let Some((before, rest)) = answer.split_once(&open) else { return answer.to_owned() };
    let Some((entries, after)) = rest.split_once(&close) else { return answer.to_owned() };
    let entries = members(entries);
    let shown: String = entries.iter().skip(from).take(size).copied().collect();
    let next = from + size;
    let after = if next < entries.len() {
        let more = format!("<IsTruncated>true</IsTruncated><Marker>{next}</Marker>");
        after.replace("<IsTruncated>false</IsTruncated>", &more)
    } else {
        after.to_owned()
    };
    format!("{before}{open}{shown}{close}{after}")
}

/// The outermost `<member>` elements of an XML text.
fn members(mut rest: &str) -> Vec<&str> {
    let (open, close) = ("<member>", "</member>");
    let mut members = Vec::new();
    while let Some(begin) = rest.find(open) {
        let (mut depth, mut at) = (0_usize, begin);
        loop {
            let (opens, closes) = (rest[at..].find(open), rest[at..].find(close));
            match (opens, closes) {
                (Some(opens), Some(closes)) if opens < closes => {
                    depth += 1;
                    at += opens + open.len();
                }
                (_, Some(closes)) => {
                    depth -= 1;
                    at += closes + close.len();
                }
                (_, None) => return members,
            }
            if depth == 0 {
                break;
            }
        }
        members.push(&rest[begin..at]);
        rest = &rest[at..];
    }
    members
}

/// Announces one byte more than the response has, so that the connection ends before the response.
fn one_byte_short(mut reply: Reply) -> Reply {
    let length = reply.body().size_hint().lower() + 1;
    reply.headers_mut().remove("transfer-encoding");
    reply.headers_mut().insert("content-length", length.into());
    reply
}

/// The call that a request makes.
fn describe(head: &Parts, body: &[u8]) -> Call {
    let text = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    // AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …
    let scope = text(AUTHORIZATION.as_str()).split("Credential=").nth(1).unwrap_or_default();
    let mut scope = scope.split(['/', ',']);
    let signer = scope.next().unwrap_or_default().to_owned();
    let service = scope.nth(2).unwrap_or_default().to_owned();
    let (operation, about) = if let Some((_, operation)) = text("x-amz-target").split_once('.') {
        let body: Json = serde_json::from_slice(body).unwrap_or_default();
        let about = ["SecretId", "Name"].iter().find_map(|field| body[field].as_str());
        // An event about a user names it in its detail, which is a text.
        let detail = body["Entries"][0]["Detail"].as_str().and_then(|text| serde_json::from_str::<Json>(text).ok());
        let about = about.map(str::to_owned).or_else(|| Some(detail?["user"].as_str()?.to_owned()));
        (operation.to_owned(), about.unwrap_or_default())
    } else if service == "s3" {
        let about = head.uri.path().trim_matches('/');
        let of = if about.contains('/') { "Object" } else { "Bucket" };
        let verb = head.method.as_str();
        (format!("{}{}{of}", &verb[..1], verb[1..].to_lowercase()), about.to_owned())
    } else if service == "lambda" || service == "scheduler" {
        let name = head.uri.path().trim_end_matches("/invocations").rsplit('/').find(|part| *part != "configuration");
        let operation = match (service.as_str(), head.method.as_str()) {
            ("lambda", "POST") => "Invoke",
            ("lambda", _) => "GetFunctionConfiguration",
            _ => "GetSchedule",
        };
        (operation.to_owned(), name.unwrap_or_default().to_owned())
    } else {
        let form: HashMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
        let fields = ["UserName", "AccessKeyId", "NextToken", "StackName"];
        let about = fields.iter().find_map(|field| form.get(*field));
        // A mail names its user in an attribute, at any position in the list of attributes.
        let mails_user = form.iter().find_map(|(field, value)| {
            let entry = field.strip_suffix(".Name").filter(|_| value == lambda::selection::routing::USER)?;
            form.get(&format!("{entry}.Value.StringValue"))
        });
        let about = about.or(mails_user);
        (form.get("Action").cloned().unwrap_or_default(), about.cloned().unwrap_or_default())
    };
    Call { service, operation, about, signer, status: 0 }
}

/// An error response in the protocol of the service. The services with JSON have their own code and status for a call that
/// is not permitted.
fn refusal(service: &str, status: u16, code: &str, message: &str) -> Reply {
    let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    match service {
        "secretsmanager" | "events" => {
            let denied = (400, "AccessDeniedException");
            let (status, code) = if code == "AccessDenied" { denied } else { (status, code) };
            let body = serde_json::json!({ "__type": code, "message": message }).to_string();
            made_up(status, "application/x-amz-json-1.1", body)
        }
        "lambda" | "scheduler" => {
            let body = serde_json::json!({ "message": message }).to_string();
            let mut reply = made_up(status, "application/json", body);
            reply.headers_mut().insert("x-amzn-errortype", HeaderValue::from_str(code).expect("a code is one word"));
            reply
        }
        "s3" => xml(status, error),
        _ => xml(status, format!("<ErrorResponse>{error}</ErrorResponse>")),
    }
}

/// A response without a body.
fn with_headers(headers: Vec<(&'static str, String)>) -> Reply {
    let mut reply = made_up(200, "binary/octet-stream", String::new());
    for (name, value) in headers {
        reply.headers_mut().insert(name, value.parse().expect("a header has visible characters"));
    }
    reply
}

fn xml(status: u16, body: String) -> Reply {
    made_up(status, "text/xml", body)
}

fn made_up(status: u16, content_type: &'static str, body: String) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    reply.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
    reply.extensions_mut().insert(Author::Proxy);
    reply
}
