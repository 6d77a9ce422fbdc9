//! All that is stored of a user, for themselves.

use chrono::{DateTime, Utc};
use domain::task::Task;
use serde_json::Value;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::tasks::TaskRow;

/// Tasks of one page.
const PAGE: i64 = 500;

/// What is little of each user, as one array each: its name, and the objects of the user `$1`. Secrets, and
/// what they are known by, are left out: who reads an export must not become its user.
const SMALL: [(&str, &str); 15] = [
    (
        "account",
        "select jsonb_build_object('id', id, 'email', email, 'timeZone', time_zone,
             'language', language, 'emailProvedAt', email_proved_at, 'createdAt', created_at) from users where id = $1",
    ),
    (
        "sessions",
        "select jsonb_build_object('id', id, 'userAgent', user_agent, 'address', address,
             'createdAt', created_at, 'lastUsedAt', last_used_at, 'expiresAt', expires_at)
         from sessions where user_id = $1 order by created_at",
    ),
    (
        "apiTokens",
        "select jsonb_build_object('id', id, 'name', name, 'scopes', scopes, 'createdAt', created_at,
             'expiresAt', expires_at, 'lastUsedAt', last_used_at)
         from api_tokens where user_id = $1 order by created_at",
    ),
    (
        "identities",
        "select jsonb_build_object('id', id, 'issuer', issuer, 'subject', subject, 'email', email,
             'createdAt', created_at, 'lastUsedAt', last_used_at)
         from identities where user_id = $1 order by created_at",
    ),
    (
        "calendarFeed",
        "select jsonb_build_object('createdAt', created_at, 'readAt', read_at) from calendar_feeds
         where user_id = $1",
    ),
    (
        "passwordResets",
        "select jsonb_build_object('requestedAt', requested_at) from password_resets
         where user_id = $1",
    ),
    (
        "projects",
        "select jsonb_build_object('id', id, 'name', name, 'color', color, 'position', position,
             'archivedAt', archived_at, 'createdAt', created_at, 'updatedAt', updated_at,
             'version', version)
         from projects where owner_id = $1 order by position, id",
    ),
    (
        "savedFilters",
        "select jsonb_build_object('id', id, 'name', name, 'filter', filter, 'sort', sort,
             'order', case descending when true then 'desc' when false then 'asc' end,
             'isFavorite', is_favorite, 'createdAt', created_at, 'updatedAt', updated_at,
             'version', version)
         from saved_filters where owner_id = $1 order by created_at, id",
    ),
    (
        "imports",
        "select jsonb_build_object('id', id, 'format', format, 'dryRun', dry_run, 'project', project_id,
             'file', file, 'total', total, 'taken', taken, 'created', created, 'existing', existing,
             'refused', refused, 'remarks', remarks, 'createdAt', created_at, 'finishedAt', finished_at)
         from imports where owner_id = $1 order by created_at",
    ),
    (
        "tombstones",
        "select jsonb_build_object('kind', kind, 'id', id, 'deletedAt', deleted_at) from tombstones
         where owner_id = $1 order by deleted_at, id",
    ),
    (
        "channels",
        "select jsonb_build_object('id', id, 'type', kind, 'url', url, 'isDefault', is_default,
             'createdAt', created_at, 'disabledAt', disabled_at, 'disabledReason', disabled_reason)
         from channels where owner_id = $1 order by created_at",
    ),
    (
        "unsubscribed",
        "select jsonb_build_object('address', address, 'createdAt', created_at)
         from unsubscribed where owner_id = $1 order by created_at",
    ),
    (
        "quietHours",
        "select jsonb_build_object('start', starts, 'end', ends) from quiet_hours where owner_id = $1",
    ),
    (
        "digest",
        "select jsonb_build_object('at', at, 'channels', channels) from digests where owner_id = $1",
    ),
    // The answers that go with them are copies of what is here anyway.
    (
        "idempotencyKeys",
        "select jsonb_build_object('key', key, 'status', status, 'createdAt', created_at)
         from idempotency_keys where user_id = $1 order by created_at",
    ),
];

/// The tables with a user's data that an export has; a test compares them with the schema.
pub const TABLES: [&str; 17] = [
    "users",
    "sessions",
    "api_tokens",
    "identities",
    "calendar_feeds",
    "password_resets",
    "projects",
    "saved_filters",
    "imports",
    "tombstones",
    "channels",
    "unsubscribed",
    "quiet_hours",
    "digests",
    "idempotency_keys",
    "tasks",
    "reminders",
];

/// The small parts of an export, each by its name.
///
/// # Errors
/// Whatever Postgres says.
pub async fn small(
    conn: &mut PgConnection,
    user: Uuid,
) -> sqlx::Result<Vec<(&'static str, Vec<Value>)>> {
    let mut parts = Vec::with_capacity(SMALL.len());
    for (name, query) in SMALL {
        let rows = sqlx::query_scalar(query)
            .bind(user)
            .fetch_all(&mut *conn)
            .await?;
        parts.push((name, rows));
    }
    Ok(parts)
}

/// Where a page of tasks ends.
#[derive(Debug, Clone, Copy)]
pub struct After {
    created_at: DateTime<Utc>,
    id: Uuid,
}

#[derive(FromRow)]
struct Exported {
    #[sqlx(flatten)]
    task: TaskRow,
    reminder_rows: Value,
}

/// A page of a user's tasks, or of those that they `deleted`, oldest first, each with what became of its
/// reminders; and where the next page begins, unless this is the last.
///
/// # Errors
/// Whatever Postgres says.
pub async fn tasks(
    conn: &mut PgConnection,
    user: Uuid,
    deleted: bool,
    after: Option<After>,
) -> sqlx::Result<(Vec<(Task, Value)>, Option<After>)> {
    // Each half has an index: tasks_owner_created and, of what nobody lists in that order, the few of
    // tasks_owner_deleted, which are sorted.
    let query = if deleted { EXPORTED_DELETED } else { EXPORTED };
    let rows: Vec<Exported> = sqlx::query_as(query)
        .bind(user)
        .bind(after.map(|after| after.created_at))
        .bind(after.map(|after| after.id))
        .bind(PAGE)
        .fetch_all(conn)
        .await?;
    let next = rows.last().filter(|_| rows.len() as i64 == PAGE);
    let next = next.map(|last| After {
        created_at: last.task.0.created_at,
        id: last.task.0.id,
    });
    let read = |row: Exported| (row.task.0, row.reminder_rows);
    Ok((rows.into_iter().map(read).collect(), next))
}

macro_rules! exported {
    ($which:literal) => {
        concat!(
            "select t.*, coalesce((
                 select jsonb_agg(jsonb_build_object('id', r.id, 'fireAt', r.fire_at, 'phase', r.phase,
                     'firedAt', r.fired_at, 'finishedAt', r.finished_at) order by r.fire_at)
                 from reminders r where r.task_id = t.id), '[]') as reminder_rows
             from tasks t
             where owner_id = $1 and deleted_at is ",
            $which,
            " and ($2::timestamptz is null or (created_at, id) > ($2, $3))
             order by created_at, id limit $4"
        )
    };
}

const EXPORTED: &str = exported!("null");
const EXPORTED_DELETED: &str = exported!("not null");
