//! A gateway on a database of its own, and users who call it.

use std::{
    io::Read as _,
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
};

use axum::{
    Extension, Router,
    body::{Body, Bytes, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use chrono::Utc;
use chrono_tz::Tz;
use domain::refresh_token::RefreshToken;
use gateway::{Gateway, OidcProviders, SignUp};
use runtime::auth::Keys;
use serde_json::{Value, json};
use store::sessions::Device;
use tower::ServiceExt as _;
use uuid::Uuid;

/// The application server's public key of RFC 8291 §5.
pub(crate) const PUSH_KEY: &str =
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

static USERS: AtomicU32 = AtomicU32::new(0);

/// A gateway.
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) pool: store::Store,
    pub(crate) keys: Keys,
}

impl App {
    pub(crate) async fn start() -> Self {
        let pool = store::testing::database().await;
        let keys = Keys::new(&[7; 32]).unwrap();
        let gateway = Gateway::new(pool.clone(), keys.clone()).unwrap();
        let router = gateway::router(gateway.with_push(Some(PUSH_KEY.into())));
        Self { router, pool, keys }
    }

    /// Another gateway on the same database, behind these proxies; `peer` connects to it.
    pub(crate) fn replica(&self, proxies: &str, peer: &str) -> Self {
        let gateway = Gateway::new(self.pool.clone(), self.keys.clone()).unwrap();
        let peer: SocketAddr = peer.parse().unwrap();
        Self {
            router: gateway::router(gateway.behind(proxies.parse().unwrap()))
                .layer(Extension(ConnectInfo(peer))),
            pool: self.pool.clone(),
            keys: self.keys.clone(),
        }
    }

    /// Another gateway on the same database, for users of these issuers, and for new ones or not.
    pub(crate) fn with_oidc(&self, oidc: OidcProviders, sign_up: SignUp) -> Self {
        let gateway = Gateway::new(self.pool.clone(), self.keys.clone()).unwrap();
        Self {
            router: gateway::router(gateway.with_oidc(oidc).with_sign_up(sign_up)),
            pool: self.pool.clone(),
            keys: self.keys.clone(),
        }
    }

    /// Another gateway on the same database, for pages of these origins.
    pub(crate) fn open_to(&self, origins: &str) -> Self {
        let gateway = Gateway::new(self.pool.clone(), self.keys.clone()).unwrap();
        Self {
            router: gateway::router(gateway.open_to(origins.parse().unwrap())),
            pool: self.pool.clone(),
            keys: self.keys.clone(),
        }
    }

    /// Somebody without a token.
    pub(crate) fn anonymous(&self) -> Caller {
        Caller {
            router: self.router.clone(),
            token: None,
            id: Uuid::nil(),
        }
    }

    /// A new user in this zone, logged in. Made in the database: hashing passwords takes time.
    pub(crate) async fn user_in(&self, zone: Tz) -> Caller {
        let email = format!("user-{}@example.com", USERS.fetch_add(1, Ordering::Relaxed));
        let mut conn = self.pool.acquire().await.unwrap();
        let user = store::users::create(&mut conn, &email, "none", zone)
            .await
            .unwrap()
            .expect("a fresh e-mail address");
        let token = RefreshToken::first(random(), random());
        let device = Device {
            user_agent: "tests",
            address: None,
        };
        let session = store::sessions::create(&mut conn, user.id, &token, device, Utc::now())
            .await
            .unwrap();
        Caller {
            token: Some(self.keys.issue(user.id, Some(session)).unwrap()),
            id: user.id,
            ..self.anonymous()
        }
    }

    /// A new user in UTC, logged in.
    pub(crate) async fn user(&self) -> Caller {
        self.user_in(Tz::UTC).await
    }

    /// Types of the events of a subject, in order.
    pub(crate) async fn events(&self, subject: &str) -> Vec<String> {
        sqlx::query_scalar(
            "select event->>'type' from outbox where topic = 'task-events' and subject = $1
             order by seq",
        )
        .bind(subject)
        .fetch_all(&*self.pool)
        .await
        .unwrap()
    }
}

fn gunzipped(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_end(&mut plain)
        .expect("gzip");
    plain
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    bytes
}

/// Who calls.
#[derive(Clone)]
pub(crate) struct Caller {
    router: Router,
    pub(crate) token: Option<String>,
    pub(crate) id: Uuid,
}

impl Caller {
    /// The same who calls another gateway.
    pub(crate) fn at(self, app: &App) -> Self {
        let router = app.router.clone();
        Self { router, ..self }
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The same answer, which must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        if status >= 400 {
            assert_eq!(
                self.headers[header::CONTENT_TYPE],
                "application/problem+json"
            );
            assert_eq!(self.body["status"], status);
        }
        self
    }

    /// The fields that a 422 names.
    #[track_caller]
    pub(crate) fn fields(self) -> Vec<String> {
        let answer = self.expect(422);
        let errors = answer.body["errors"].as_array().expect("errors");
        errors
            .iter()
            .map(|error| error["field"].as_str().expect("a field").to_owned())
            .collect()
    }

    /// The JSON pointers that a 422 names.
    #[track_caller]
    pub(crate) fn pointers(self) -> Vec<String> {
        let answer = self.expect(422);
        let errors = answer.body["errors"].as_array().expect("errors");
        errors
            .iter()
            .map(|error| error["pointer"].as_str().expect("a pointer").to_owned())
            .collect()
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"].as_str().expect("an id").to_owned()
    }
}

impl Caller {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Body::empty()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PATCH, path, body).await
    }

    /// Posts nothing.
    pub(crate) async fn act(&self, path: &str) -> Answer {
        self.send(Method::POST, path, &[], Body::empty()).await
    }

    pub(crate) async fn json(&self, method: Method, path: &str, body: Value) -> Answer {
        self.raw(method, path, body.to_string().into_bytes()).await
    }

    /// Sends bytes that claim to be JSON.
    pub(crate) async fn raw(&self, method: Method, path: &str, body: Vec<u8>) -> Answer {
        let json = [("content-type", "application/json")];
        self.send(method, path, &json, Body::from(body)).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(body).expect("a request");
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let bytes = match parts.headers.get(header::CONTENT_ENCODING) {
            Some(_) => Bytes::from(gunzipped(&bytes)),
            None => bytes,
        };
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)))
        };
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// A new task.
    #[track_caller]
    pub(crate) fn task(&self, body: Value) -> impl Future<Output = Answer> {
        let caller = self.clone();
        async move { caller.post("/v1/tasks", body).await.expect(201) }
    }
}
