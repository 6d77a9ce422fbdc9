//! The end of an account, and all that is stored of it.

use axum::{
    Json,
    body::{Body, Bytes},
    http::header,
    response::IntoResponse,
};
use chrono::{DateTime, SubsecRound, Utc};
use futures::stream;
use serde::Serialize;
use serde_json::{Value, json};
use store::{Store, accounts::Gone, audit, export};
use tokio::sync::mpsc;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorize::Session,
    error::{Error, Result},
    state::Gateway,
};

/// Chunks of an export that wait for a slow reader.
const AHEAD: usize = 4;

/// Lines of the trail that are read at a time.
const LINES: i64 = 1000;

/// That an account was deleted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Receipt {
    /// The line of the stack's trail that says so; it holds the user's id, these figures and nothing else.
    id: Uuid,
    deleted_at: DateTime<Utc>,
    tasks: i64,
    reminders: i64,
    channels: i64,
    /// Lines of the trail about this user.
    audit_lines: i64,
}

/// Deletes the account with all its data, at once and for good. Needs a log-in of the last five minutes.
#[utoipa::path(
    delete,
    path = "/v1/me",
    operation_id = "deleteMe",
    tag = "accounts",
    responses(
        (status = 200, body = Receipt),
        (status = 403, description = "The log-in was longer than five minutes ago, or there was none."),
    )
)]
pub(super) async fn delete(gateway: Gateway, session: Session) -> Result<Json<Receipt>> {
    let now = Utc::now().trunc_subsecs(6);
    session.must_be_fresh("an account is deleted")?;
    let id = Uuid::now_v7();
    let mut tx = gateway.store.begin().await?;
    let gone = store::accounts::delete(&mut tx, session.user, id, now)
        .await?
        .ok_or_else(Error::no_account)?;
    tx.commit().await?;
    let Gone {
        tasks,
        reminders,
        channels,
        audit_lines,
    } = gone;
    Ok(Json(Receipt {
        id,
        deleted_at: now,
        tasks,
        reminders,
        channels,
        audit_lines,
    }))
}

/// Exports all that is stored of the user, as one JSON document, streamed: `account`, `sessions`,
/// `apiTokens`, `identities`, `passwordResets`, `projects`, `savedFilters`, `tombstones`, `channels`, `unsubscribed`, `quietHours`,
/// `digest`, `tasks`, `deletedTasks` and `audit`, each an array. It has no secrets. What is written meanwhile may be in it or not.
#[utoipa::path(
    get,
    path = "/v1/me/export",
    operation_id = "exportData",
    tag = "accounts",
    responses(
        (status = 200, body = Object),
    )
)]
pub(super) async fn export(gateway: Gateway, session: Session) -> Result<impl IntoResponse> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    // Ends with its reader: nobody takes the next chunk.
    tokio::spawn(async move {
        let mut out = Out { sender };
        match write(&gateway.store, session.user, &mut out).await {
            Ok(()) | Err(Stopped::ByReader) => {}
            Err(Stopped::ByDatabase(error)) => {
                tracing::warn!(%error, "an export was cut short");
                // The connection breaks: half a document must not look like a whole one.
                let _ = out.sender.send(Err(error)).await;
            }
        }
    });
    let body = Body::from_stream(stream::unfold(receiver, async |mut receiver| {
        Some((receiver.recv().await?, receiver))
    }));
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"todostack.json\"",
        ),
    ];
    Ok((headers, body))
}

/// Why an export ends early.
enum Stopped {
    ByReader,
    ByDatabase(sqlx::Error),
}

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Self {
        Self::ByDatabase(error)
    }
}

/// Where the chunks go.
struct Out {
    sender: mpsc::Sender<std::result::Result<Bytes, sqlx::Error>>,
}

impl Out {
    async fn text(&mut self, text: String) -> std::result::Result<(), Stopped> {
        let sent = self.sender.send(Ok(text.into())).await;
        sent.map_err(|_| Stopped::ByReader)
    }

    /// Elements of an array, the first ones or not.
    async fn items(
        &mut self,
        items: impl IntoIterator<Item = Value>,
        first: bool,
    ) -> std::result::Result<(), Stopped> {
        let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
        let comma = if first || items.is_empty() { "" } else { "," };
        self.text(format!("{comma}{}", items.join(","))).await
    }
}

/// Writes the document. No connection is held while the reader takes it.
async fn write(store: &Store, user: Uuid, out: &mut Out) -> std::result::Result<(), Stopped> {
    let small = {
        let mut conn = store.acquire().await?;
        export::small(&mut conn, user).await?
    };
    out.text("{".into()).await?;
    for (name, items) in small {
        out.text(format!("\"{name}\":[")).await?;
        out.items(items, true).await?;
        out.text("],".into()).await?;
    }
    for (name, deleted) in [("tasks", false), ("deletedTasks", true)] {
        out.text(format!("\"{name}\":[")).await?;
        let mut after = None;
        loop {
            let (tasks, next) = {
                let mut conn = store.acquire().await?;
                export::tasks(&mut conn, user, deleted, after).await?
            };
            let items = tasks.into_iter().map(|(task, reminders)| {
                let mut item = json!(task);
                item["reminderHistory"] = reminders;
                item
            });
            out.items(items, after.is_none()).await?;
            after = next;
            if after.is_none() {
                break;
            }
        }
        out.text("],".into()).await?;
    }
    out.text("\"audit\":[".into()).await?;
    let filter = audit::Filter::default();
    let mut cursor = None;
    loop {
        let lines = audit::list(store.pool(), user, &filter, cursor, LINES).await?;
        let items = lines.iter().map(|line| json!(line));
        out.items(items, cursor.is_none()).await?;
        if (lines.len() as i64) < LINES {
            break;
        }
        cursor = lines.last().map(|line| line.seq);
    }
    out.text("]}".into()).await
}
