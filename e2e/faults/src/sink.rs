//! The far end of every reminder: takes webhooks, checks their signatures by the Standard Webhooks
//! scheme (<https://www.standardwebhooks.com>), and remembers everything.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use tokio::{net::TcpListener, task::JoinHandle};
use uuid::Uuid;

use crate::history::{Post, Time};

#[derive(Debug, Default)]
struct Memory {
    secrets: HashMap<String, Vec<u8>>,
    posts: Vec<Post>,
    refusing: bool,
}

/// The receiver.
#[derive(Debug)]
pub struct Sink {
    port: u16,
    memory: Arc<Mutex<Memory>>,
    task: JoinHandle<()>,
}

/// Channels with this prefix are answered 410: they are gone for good.
pub const GONE: &str = "gone-";

impl Sink {
    /// Starts it on a port of the loopback interface.
    ///
    /// # Errors
    /// When no port is to be had.
    pub async fn open() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("a port for the sink")?;
        let port = listener.local_addr().context("the sink's port")?.port();
        let memory = Arc::new(Mutex::new(Memory::default()));
        let router = Router::new()
            .route("/hook/{channel}", post(receive))
            .with_state(memory.clone());
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { port, memory, task })
    }

    /// The address of a channel.
    pub fn url(&self, channel: &str) -> String {
        format!("http://127.0.0.1:{}/hook/{channel}", self.port)
    }

    /// Tells it the secret (`whsec_…`) that signs what comes by a channel.
    ///
    /// # Errors
    /// When it is none.
    pub fn trust(&self, channel: &str, secret: &str) -> Result<()> {
        let key = secret
            .strip_prefix("whsec_")
            .and_then(|text| STANDARD.decode(text).ok())
            .context("a channel's secret is whsec_ and base64")?;
        self.with(|memory| memory.secrets.insert(channel.into(), key));
        Ok(())
    }

    /// Whether it answers everything with 503.
    pub fn refuse(&self, refusing: bool) {
        self.with(|memory| memory.refusing = refusing);
    }

    /// What it was sent so far.
    pub fn posts(&self) -> Vec<Post> {
        self.with(|memory| memory.posts.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Memory) -> T) -> T {
        act(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Deserialize)]
struct Envelope {
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    reminder_id: Uuid,
    occurrence: i32,
    task_id: Uuid,
    fire_at: Time,
}

async fn receive(
    State(memory): State<Arc<Mutex<Memory>>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let received = Utc::now();
    let Ok(Envelope { data }) = serde_json::from_slice(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    let secret = memory.secrets.get(&channel);
    let signed = secret.is_some_and(|secret| is_signed(secret, &headers, &body));
    let status = if channel.starts_with(GONE) {
        StatusCode::GONE
    } else if memory.refusing {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    memory.posts.push(Post {
        received,
        channel,
        webhook_id: text(&headers, "webhook-id").to_owned(),
        signed,
        taken: status.is_success(),
        task: data.task_id,
        reminder: data.reminder_id,
        occurrence: data.occurrence,
        fire_at: data.fire_at,
    });
    status
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// HMAC-SHA256 over `id.timestamp.body`, one of the space-separated `v1,<base64>` of the header.
fn is_signed(secret: &[u8], headers: &HeaderMap, body: &[u8]) -> bool {
    let (id, time) = (
        text(headers, "webhook-id"),
        text(headers, "webhook-timestamp"),
    );
    text(headers, "webhook-signature")
        .split(' ')
        .filter_map(|part| STANDARD.decode(part.strip_prefix("v1,")?).ok())
        .any(|tag| {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
                return false;
            };
            mac.update(format!("{id}.{time}.").as_bytes());
            mac.update(body);
            mac.verify_slice(&tag).is_ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn the_reference_vector_is_signed_and_a_changed_body_is_not() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            (
                "webhook-signature",
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        assert!(is_signed(&secret, &headers, br#"{"test": 2432232314}"#));
        assert!(!is_signed(&secret, &headers, br#"{"test": 2432232315}"#));
    }
}
