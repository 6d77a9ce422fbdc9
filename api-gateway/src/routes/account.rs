//! The end of an account, and all that is stored of it.

use axum::{Json, http::header, response::IntoResponse};
use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use store::{Store, accounts::Gone, audit, export};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    authorize::Session,
    error::{Error, Result},
    state::Gateway,
    stream::{self, Out, Stopped},
};

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
/// `apiTokens`, `identities`, `passwordResets`, `projects`, `savedFilters`, `imports`, `tombstones`, `channels`, `unsubscribed`, `quietHours`,
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
    let body = stream::body(|out| write(gateway.store, session.user, out));
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

/// Elements of an array, the first ones or not.
async fn items(
    out: &mut Out,
    items: impl IntoIterator<Item = Value>,
    first: bool,
) -> std::result::Result<(), Stopped> {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    let comma = if first || items.is_empty() { "" } else { "," };
    out.text(format!("{comma}{}", items.join(","))).await
}

/// Writes the document. No connection is held while the reader takes it.
async fn write(store: Store, user: Uuid, mut out: Out) -> std::result::Result<(), Stopped> {
    let small = {
        let mut conn = store.acquire().await?;
        export::small(&mut conn, user).await?
    };
    out.text("{".into()).await?;
    for (name, items) in small {
        out.text(format!("\"{name}\":[")).await?;
        self::items(&mut out, items, true).await?;
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
            self::items(&mut out, items, after.is_none()).await?;
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
        self::items(&mut out, items, cursor.is_none()).await?;
        if (lines.len() as i64) < LINES {
            break;
        }
        cursor = lines.last().map(|line| line.seq);
    }
    out.text("]}".into()).await
}
