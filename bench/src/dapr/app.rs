//! An app behind a sidecar that takes every event and does nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use serde::Deserialize;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

/// A running app, on a thread of its own.
pub(super) struct App {
    /// Where it listens.
    pub(super) port: u16,
    count: Arc<AtomicU64>,
    /// The thread ends when this goes.
    _stop: oneshot::Sender<()>,
}

#[derive(Deserialize)]
struct Batch {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    entry_id: String,
}

impl App {
    /// Listens.
    ///
    /// # Errors
    /// When there is no port.
    pub(super) fn start() -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let count = Arc::<AtomicU64>::default();
        let (stop, stopped) = oneshot::channel();
        let threads = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let counted = count.clone();
        thread::spawn(move || {
            threads.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else {
                    return;
                };
                let accept = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(serve(stream, counted.clone()));
                    }
                };
                tokio::select! {
                    () = accept => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self {
            port,
            count,
            _stop: stop,
        })
    }

    /// How many events came.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

async fn serve(mut stream: TcpStream, count: Arc<AtomicU64>) {
    let mut buffer = Vec::with_capacity(64 * 1024);
    loop {
        let Some((head, length)) = whole(&buffer) else {
            match stream.read_buf(&mut buffer).await {
                Ok(more) if more > 0 => continue,
                _ => return,
            }
        };
        let answer = match serde_json::from_slice::<Batch>(&buffer[head..length]) {
            Ok(batch) => {
                count.fetch_add(batch.entries.len() as u64, Ordering::Relaxed);
                let statuses: Vec<_> = batch
                    .entries
                    .iter()
                    .map(|entry| json!({"entryId": entry.entry_id, "status": "SUCCESS"}))
                    .collect();
                json!({"statuses": statuses}).to_string()
            }
            // What else a sidecar asks its app: its subscriptions, its settings.
            Err(_) => "[]".to_owned(),
        };
        buffer.drain(..length);
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Lengths of the head and of the whole request, once it is there.
fn whole(bytes: &[u8]) -> Option<(usize, usize)> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head])
        .ok()?
        .to_ascii_lowercase();
    let length: usize = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(Some(0), |value| value.trim().parse().ok())?;
    (bytes.len() >= head + length).then_some((head, head + length))
}
