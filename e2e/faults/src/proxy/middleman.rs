//! A middleman between a sidecar and its app.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Largest body that passes: that of a bulk publish.
const BODY: usize = 16 << 20;

/// The latest that a copy of a call comes after the call.
const LATER: Duration = Duration::from_secs(4);

/// How a middleman treats calls; each number is a share of them. Health checks always pass.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Manners {
    /// Made twice at once, and once more later, out of order.
    pub double: f64,
    /// Made, and its answer kept back: the caller gets a 502.
    pub lose_answer: f64,
    /// Not made, and acknowledged.
    pub swallow: f64,
}

/// Passes calls on.
#[derive(Debug)]
pub struct Middleman {
    port: u16,
    shared: Shared,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone)]
struct Shared {
    target: u16,
    client: reqwest::Client,
    state: Arc<Mutex<(Manners, fastrand::Rng)>>,
    swallowed: Arc<Mutex<Option<&'static str>>>,
}

impl Middleman {
    /// Passes calls on to `target`; `seed` decides which of them are treated badly.
    ///
    /// # Errors
    /// When no port is to be had.
    pub async fn open(target: u16, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("a port for a middleman")?;
        let port = listener.local_addr().context("a middleman's port")?.port();
        let rng = fastrand::Rng::with_seed(seed);
        let shared = Shared {
            target,
            // A handler may take its time; the caller's own patience ends the call.
            client: reqwest::Client::builder().no_proxy().build()?,
            state: Arc::new(Mutex::new((Manners::default(), rng))),
            swallowed: Arc::default(),
        };
        let router = Router::new().fallback(pass).with_state(shared.clone());
        let task = tokio::spawn(async move {
            // It ends with its task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { port, shared, task })
    }

    /// Where to call.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes its manners.
    pub fn behave(&self, manners: Manners) {
        self.shared.with(|state| state.0 = manners);
    }

    /// From now on it makes no call to this path, and acknowledges it.
    pub fn swallow(&self, path: &'static str) {
        *self.shared.swallowed() = Some(path);
    }
}

impl Drop for Middleman {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A call as it came in.
#[derive(Debug, Clone)]
struct Call {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// What becomes of one call.
#[derive(Debug, Default)]
struct Fate {
    swallow: bool,
    lose_answer: bool,
    again_after: Option<Duration>,
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut (Manners, fastrand::Rng)) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn swallowed(&self) -> MutexGuard<'_, Option<&'static str>> {
        self.swallowed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Only what changes something is treated badly.
    fn fate(&self, method: &Method) -> Fate {
        if method != Method::POST {
            return Fate::default();
        }
        self.with(|(manners, rng)| Fate {
            swallow: rng.f64() < manners.swallow,
            lose_answer: rng.f64() < manners.lose_answer,
            again_after: (rng.f64() < manners.double).then(|| LATER.mul_f64(rng.f64())),
        })
    }

    async fn call(&self, call: Call) -> Result<Response, reqwest::Error> {
        let path = call.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("http://127.0.0.1:{}{path}", self.target);
        let mut headers = call.headers;
        for own in [
            header::HOST,
            header::CONTENT_LENGTH,
            header::CONNECTION,
            header::TRANSFER_ENCODING,
        ] {
            headers.remove(own);
        }
        let request = self.client.request(call.method, url).headers(headers);
        let answer = request.body(call.body).send().await?;
        let status = answer.status();
        let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
        let body = answer.bytes().await?;
        let mut response = (status, body).into_response();
        if let Some(kind) = kind {
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        Ok(response)
    }
}

/// What the caller takes for success: a job's empty answer, an event's status, or that of each event of
/// a batch.
fn success(call: &Call) -> Response {
    if call.uri.path().starts_with("/v1.0") {
        return StatusCode::NO_CONTENT.into_response();
    }
    let posted: serde_json::Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let answer = match posted["entries"].as_array() {
        Some(entries) => {
            let statuses: Vec<_> = entries
                .iter()
                .map(|entry| serde_json::json!({"entryId": entry["entryId"], "status": "SUCCESS"}))
                .collect();
            serde_json::json!({ "statuses": statuses })
        }
        None => serde_json::json!({"status": "SUCCESS"}),
    };
    axum::Json(answer).into_response()
}

async fn pass(State(shared): State<Shared>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let call = Call {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body,
    };
    let fate = shared.fate(&call.method);
    let path = *shared.swallowed();
    if fate.swallow || path.is_some_and(|path| path == call.uri.path()) {
        return success(&call);
    }
    let answer = if let Some(pause) = fate.again_after {
        let (copies, later) = (shared.clone(), call.clone());
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let _ = copies.call(later).await;
        });
        let (first, _) = tokio::join!(shared.call(call.clone()), shared.call(call));
        first
    } else {
        shared.call(call).await
    };
    match answer {
        Ok(answer) if !fate.lose_answer => answer,
        _ => StatusCode::BAD_GATEWAY.into_response(),
    }
}
