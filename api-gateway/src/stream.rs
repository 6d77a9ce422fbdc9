//! Documents that are written while they are sent, so that none is ever in memory as a whole.

use axum::body::{Body, Bytes};
use futures::stream;
use tokio::sync::mpsc;

/// Chunks that wait for a slow reader.
const AHEAD: usize = 4;

/// Why a document ends early.
pub(crate) enum Stopped {
    /// Nobody takes the next chunk.
    ByReader,
    ByDatabase(sqlx::Error),
}

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Self {
        Self::ByDatabase(error)
    }
}

impl From<serde_json::Error> for Stopped {
    fn from(error: serde_json::Error) -> Self {
        sqlx::Error::Encode(error.into()).into()
    }
}

/// Where the chunks go.
pub(crate) struct Out {
    sender: mpsc::Sender<Result<Bytes, sqlx::Error>>,
}

impl Out {
    pub(crate) async fn text(&mut self, text: String) -> Result<(), Stopped> {
        let sent = self.sender.send(Ok(text.into())).await;
        sent.map_err(|_| Stopped::ByReader)
    }
}

/// The body that `write` writes, which ends with its reader.
pub(crate) fn body<F>(write: impl FnOnce(Out) -> F) -> Body
where
    F: Future<Output = Result<(), Stopped>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(AHEAD);
    let writing = write(Out {
        sender: sender.clone(),
    });
    tokio::spawn(async move {
        match writing.await {
            Ok(()) | Err(Stopped::ByReader) => {}
            Err(Stopped::ByDatabase(error)) => {
                tracing::warn!(%error, "an export was cut short");
                // The connection breaks: half a document must not look like a whole one.
                let _ = sender.send(Err(error)).await;
            }
        }
    });
    Body::from_stream(stream::unfold(receiver, async |mut receiver| {
        Some((receiver.recv().await?, receiver))
    }))
}
