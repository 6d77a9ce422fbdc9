//! Receivers of webhooks: one that notes what comes and when, and one that never answers.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use uuid::Uuid;

/// A reminder as it reached the sink.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    /// When its last byte had come.
    pub(crate) at: DateTime<Utc>,
    /// The reminder.
    pub(crate) reminder: Uuid,
    /// When it was due.
    pub(crate) fire_at: DateTime<Utc>,
}

impl Received {
    /// Milliseconds after its time.
    pub(crate) fn late(&self) -> f64 {
        between(self.fire_at, self.at)
    }
}

/// Milliseconds from one instant to another.
pub(crate) fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).as_seconds_f64() * 1000.0
}

#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    reminder_id: Uuid,
    fire_at: DateTime<Utc>,
}

/// A listening receiver on a thread of its own.
pub(crate) struct Sink {
    /// Where to post.
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    /// The thread ends when this goes.
    _stop: oneshot::Sender<()>,
}

impl Sink {
    /// One that takes everything.
    ///
    /// # Errors
    /// When there is no port.
    pub(crate) fn start() -> anyhow::Result<Self> {
        Self::listen(true)
    }

    /// One that reads and never answers.
    ///
    /// # Errors
    /// When there is no port.
    pub(crate) fn silent() -> anyhow::Result<Self> {
        Self::listen(false)
    }

    fn listen(answers: bool) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}/", listener.local_addr()?);
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let (stop, stopped) = oneshot::channel();
        let threads = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let noted = received.clone();
        thread::spawn(move || {
            threads.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else {
                    return;
                };
                let accept = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(serve(stream, noted.clone(), answers));
                    }
                };
                tokio::select! {
                    () = accept => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self {
            url,
            received,
            _stop: stop,
        })
    }

    fn memory(&self) -> MutexGuard<'_, Vec<Received>> {
        lock(&self.received)
    }

    /// How many came.
    pub(crate) fn count(&self) -> usize {
        self.memory().len()
    }

    /// Takes what came.
    pub(crate) fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.memory())
    }
}

fn lock(received: &Mutex<Vec<Received>>) -> MutexGuard<'_, Vec<Received>> {
    // A push leaves the vector whole.
    received.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(mut stream: TcpStream, received: Arc<Mutex<Vec<Received>>>, answers: bool) {
    // The sender is gone: so is this connection.
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::with_capacity(8 * 1024);
    while let Ok(Some(length)) = read(&mut stream, &mut buffer).await {
        if !answers {
            std::future::pending::<()>().await;
        }
        let at = Utc::now();
        let status = match note(&buffer[..length], at) {
            Ok(one) => {
                lock(&received).push(one);
                "204 No Content"
            }
            Err(_) => "400 Bad Request\r\ncontent-length: 0",
        };
        buffer.drain(..length);
        let answer = format!("HTTP/1.1 {status}\r\n\r\n");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads until a whole request is there; its length. None at the end.
async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<Option<usize>> {
    loop {
        if let Some(head) = head(buffer) {
            let text = std::str::from_utf8(&buffer[..head])?.to_ascii_lowercase();
            let length: usize = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .context("a request without a length")?
                .trim()
                .parse()?;
            if buffer.len() >= head + length {
                return Ok(Some(head + length));
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn head(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

fn note(request: &[u8], at: DateTime<Utc>) -> anyhow::Result<Received> {
    let body = head(request).context("a whole request")?;
    let Body { data } = serde_json::from_slice(&request[body..])?;
    Ok(Received {
        at,
        reminder: data.reminder_id,
        fire_at: data.fire_at,
    })
}
