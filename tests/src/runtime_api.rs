//! Lambda's Runtime API for one invocation of the real binary. The clock of the process can be moved, and the process
//! can be killed.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use lambda::{
    contract::settings::{Settings, VariableValue},
    model::time::Timestamp,
};
use serde_json::Value as Json;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::TcpListener,
    process::{Child, Command},
    sync::Notify,
};

use crate::{LocalAws, local_aws::REGION, stack, tool};

/// The handler's binary, unpacked from the package of cargo-lambda.
#[derive(Debug)]
pub struct Handler {
    bootstrap: PathBuf,
    faketime: PathBuf,
}

/// The environment variables of a handler with these settings, which uses this AWS as root. `attempts` is the number of
/// attempts for each call.
#[must_use]
pub fn environment(aws: &LocalAws, settings: Settings, attempts: u8) -> Vec<(String, String)> {
    let text = |value| match value {
        VariableValue::Text(text) | VariableValue::Reference(text) => text,
    };
    let settings = settings.into_environment().into_iter().map(|(name, value)| (name.name().to_owned(), text(value)));
    let client = [
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", aws.proxy.port)),
        ("AWS_ACCESS_KEY_ID", "test".into()),
        ("AWS_SECRET_ACCESS_KEY", "test".into()),
        ("AWS_REGION", REGION.into()),
        ("AWS_MAX_ATTEMPTS", attempts.to_string()),
    ];
    settings.chain(client.map(|(name, value)| (name.to_owned(), value))).collect()
}

/// The result of an invocation.
#[derive(Debug)]
pub struct Outcome {
    /// The response or the error. `None` if the process was killed before that.
    pub response: Option<Json>,
    /// Everything that the process printed.
    pub output: String,
}

impl Handler {
    /// Unpacks the binary into `folder`.
    ///
    /// # Panics
    /// If the package is missing.
    #[must_use]
    pub fn unpack(folder: &Path) -> Self {
        let python = |arguments: &[&str]| {
            let output = std::process::Command::new(tool("python")).args(arguments).output().expect("python starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let unpack = "import sys, zipfile, os; z = zipfile.ZipFile(sys.argv[1]); z.extractall(sys.argv[2]); \
                      os.chmod(os.path.join(sys.argv[2], 'bootstrap'), 0o755)";
        python(&["-c", unpack, &stack::package().display().to_string(), &folder.display().to_string()]);
        let library = "import libfaketime, os; print(os.path.join(os.path.dirname(libfaketime.__file__), \
                       'vendor/libfaketime/src/libfaketime.so.1'))";
        Self { bootstrap: folder.join("bootstrap"), faketime: PathBuf::from(python(&["-c", library])) }
    }

    /// Runs one invocation in its own process, whose clock is `shift` seconds ahead of the real time. The process is
    /// killed as soon as `kill` is ready.
    ///
    /// # Panics
    /// If the process cannot be started.
    pub async fn invoke(
        &self,
        environment: &[(String, String)],
        event: &Json,
        shift: i64,
        kill: impl Future<Output = ()>,
    ) -> Outcome {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
        let address = listener.local_addr().expect("its address");
        let api = Arc::new(Api { event: event.to_string(), shift, response: Mutex::default(), done: Notify::new() });
        let server = tokio::spawn(serve(listener, Arc::clone(&api)));
        let mut process: Child = Command::new(&self.bootstrap)
            .env_clear()
            .env("AWS_LAMBDA_FUNCTION_NAME", "test")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "test")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "test")
            .env("LD_PRELOAD", &self.faketime)
            .env("FAKETIME", format!("{shift:+}"))
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the handler starts");
        // The output is read while the process runs, because a full pipe would stop it.
        let output = [drain(process.stdout.take()), drain(process.stderr.take())];
        let mut ended = false;
        tokio::select! {
            () = api.done.notified() => {}
            () = kill => {}
            _ = process.wait() => ended = true,
        }
        let _ = process.kill().await;
        server.abort();
        let [out, err] = output;
        let output = format!("{}{}", out.await.unwrap_or_default(), err.await.unwrap_or_default());
        assert!(!ended, "the handler ended by itself: {output}");
        let response = api.response.lock().unwrap_or_else(PoisonError::into_inner).take();
        Outcome { response, output }
    }
}

fn drain(pipe: Option<impl AsyncRead + Send + Unpin + 'static>) -> tokio::task::JoinHandle<String> {
    tokio::spawn(async move {
        let mut output = String::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_string(&mut output).await;
        }
        output
    })
}

struct Api {
    event: String,
    shift: i64,
    response: Mutex<Option<Json>>,
    done: Notify,
}

async fn serve(listener: TcpListener, api: Arc<Api>) {
    while let Ok((stream, _)) = listener.accept().await {
        let api = Arc::clone(&api);
        let service = service_fn(move |request| {
            let api = Arc::clone(&api);
            async move { api.handle(request).await }
        });
        tokio::spawn(async move {
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Api {
    async fn handle(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        if *request.method() == Method::GET {
            if self.response.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                // There is no second event, so this waits forever.
                std::future::pending::<()>().await;
            }
            let deadline = (Timestamp::now().unix() + self.shift + 600) * 1000;
            let mut reply = Response::new(Full::new(self.event.clone().into()));
            let headers = [
                ("lambda-runtime-aws-request-id", "11111111-2222-3333-4444-555555555555".to_owned()),
                ("lambda-runtime-deadline-ms", deadline.to_string()),
                (
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:eu-west-1:123456789012:function:test".to_owned(),
                ),
            ];
            for (name, value) in headers {
                if let Ok(value) = value.parse() {
                    reply.headers_mut().insert(name, value);
                }
            }
            return Ok(reply);
        }
        let body = request.into_body().collect().await?.to_bytes();
        let response = serde_json::from_slice(&body).unwrap_or_default();
        *self.response.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
        self.done.notify_one();
        let mut reply = Response::new(Full::default());
        *reply.status_mut() = hyper::StatusCode::ACCEPTED;
        Ok(reply)
    }
}
