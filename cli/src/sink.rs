//! A receiver of webhooks on this machine, for reminders that have no other: it checks each as any
//! receiver should, and passes it on.

use anyhow::Context as _;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use chrono::{DateTime, Utc};
use domain::{reminder::ReminderEvent, webhook::Secret};
use serde::Deserialize;
use tokio::{net::TcpListener, sync::mpsc, task::AbortHandle};

/// A webhook whose signature is right.
pub(crate) struct Received {
    /// When it came.
    pub(crate) at: DateTime<Utc>,
    /// What it says.
    pub(crate) reminder: ReminderEvent,
}

/// A listening receiver.
pub(crate) struct Sink {
    /// Where to post.
    pub(crate) url: String,
    server: AbortHandle,
}

impl Sink {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// When none can be had.
    pub(crate) async fn start() -> anyhow::Result<(Self, Inbox, mpsc::Receiver<Received>)> {
        let (sender, received) = mpsc::channel(64);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let inbox = Inbox::default();
        let router = Router::new()
            .route("/", post(receive))
            .with_state((inbox.clone(), sender));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the receiver of webhooks ended");
            }
        });
        let server = server.abort_handle();
        Ok((Self { url, server }, inbox, received))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The secrets that a receiver knows.
#[derive(Clone, Default)]
pub(crate) struct Inbox(std::sync::Arc<std::sync::OnceLock<Secret>>);

impl Inbox {
    /// Tells the receiver the secret of its channel; once.
    pub(crate) fn trust(&self, secret: Secret) {
        // A second one would be of another channel: the first stays.
        let _ = self.0.set(secret);
    }
}

#[derive(Deserialize)]
struct Body {
    data: ReminderEvent,
}

async fn receive(
    State((inbox, sender)): State<(Inbox, mpsc::Sender<Received>)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let at = Utc::now();
    match check(&inbox, &headers, &body, at) {
        Ok(reminder) => {
            // Nobody listens any more: the process is stopping.
            let _ = sender.send(Received { at, reminder }).await;
            StatusCode::NO_CONTENT
        }
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "a webhook was refused");
            StatusCode::UNAUTHORIZED
        }
    }
}

fn check(
    inbox: &Inbox,
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> anyhow::Result<ReminderEvent> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .with_context(|| format!("there is no header {name}"))
    };
    let secret = inbox.0.get().context("no secret is known yet")?;
    secret.verify(
        header("webhook-id")?,
        header("webhook-timestamp")?.parse()?,
        body,
        header("webhook-signature")?,
        now.timestamp(),
    )?;
    let body: Body = serde_json::from_slice(body)?;
    Ok(body.data)
}
