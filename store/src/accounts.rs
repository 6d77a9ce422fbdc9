//! The end of an account.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::audit;

/// What went with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Gone {
    /// Tasks, deleted ones included.
    pub tasks: i64,
    /// Reminders, those that were over included.
    pub reminders: i64,
    /// Ways to be reached.
    pub channels: i64,
    /// Lines of the trail.
    pub audit_lines: i64,
}

/// Deletes an account with all that belongs to it: its rows, its lines of the trail, its events that wait
/// or were published lately, and its dead letters. The trail keeps one line, without an owner and without
/// anything that its user wrote: the receipt, under the id `receipt`. None when there is no such account.
///
/// Nothing of it fires afterwards: an alarm that rings finds no reminder, an event that still comes no row
/// to write about, and the trail takes no line of an account that has a receipt. Call it in a transaction.
///
/// # Errors
/// Whatever Postgres says.
pub async fn delete(
    conn: &mut PgConnection,
    user: Uuid,
    receipt: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Gone>> {
    // Whoever writes for this user waits, and then finds no user.
    let there = sqlx::query("select 1 from users where id = $1 for update")
        .bind(user)
        .fetch_optional(&mut *conn)
        .await?;
    if there.is_none() {
        return Ok(None);
    }
    audit::lock_owners(conn, [Some(user)]).await?;
    let gone: Gone = sqlx::query_as(
        "select (select count(*) from tasks where owner_id = $1) as tasks,
             (select count(*) from reminders where owner_id = $1) as reminders,
             (select count(*) from channels where owner_id = $1) as channels,
             audit_forget($1) as audit_lines",
    )
    .bind(user)
    .fetch_one(&mut *conn)
    .await?;
    // These have no index by owner, nor has what goes with the user by its keys: an account ends once, and
    // each would make every write of the others dearer.
    sqlx::query("delete from dead_letters where strpos(body, $1) > 0")
        .bind(user.to_string())
        .execute(&mut *conn)
        .await?;
    sqlx::query("delete from outbox where event->>'owner' = $1")
        .bind(user.to_string())
        .execute(&mut *conn)
        .await?;
    sqlx::query("delete from users where id = $1")
        .bind(user)
        .execute(&mut *conn)
        .await?;
    audit::append_receipt(conn, receipt, user, json!(gone), now).await?;
    Ok(Some(gone))
}
