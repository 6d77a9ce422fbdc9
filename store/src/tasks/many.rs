//! Writing several tasks at once: a row for each, and an event for each, in a statement each.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::{
    changes,
    event::{Actor, Event, EventType},
    task::Task,
};
use serde_json::{Value, json};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{
    row::{TaskRow, tasks_of},
    write::{changed, event_of},
};
use crate::{Owner, outbox, reminders};

/// A task before and after a write.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    before: Task,
    pub(super) after: Task,
}

impl Edit {
    /// What `write` makes of a task whose row the caller has locked.
    pub(crate) fn of(before: Task, write: impl FnOnce(&mut Task)) -> Self {
        let mut after = before.clone();
        write(&mut after);
        Self { before, after }
    }
}

/// Writes place, tags, recurrence and completion of tasks whose rows the caller has locked. What follows
/// for their reminders is the caller's, too. Their new versions, in the same order.
pub(crate) async fn edit_all(
    conn: &mut PgConnection,
    kind: EventType,
    edits: Vec<Edit>,
    actor: Actor,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Task>> {
    let mut written = Vec::with_capacity(edits.len());
    let mut events = Vec::with_capacity(edits.len());
    for Edit { before, after } in edits {
        let after = Task {
            updated_at: now,
            version: before.version + 1,
            ..after
        };
        let event = changed(
            event_of(kind, &after, now)?,
            changes::between(&before, &after),
        );
        events.push(event.by(actor));
        written.push(after);
    }
    let ids: Vec<Uuid> = written.iter().map(|task| task.id).collect();
    let projects: Vec<Option<Uuid>> = written.iter().map(|task| task.project).collect();
    let parents: Vec<Option<Uuid>> = written.iter().map(|task| task.parent).collect();
    let positions: Vec<&str> = written.iter().map(|task| task.position.as_str()).collect();
    let tags: Vec<_> = written.iter().map(|task| Json(&task.tags)).collect();
    let completed: Vec<_> = written.iter().map(|task| task.completed_at).collect();
    let recurrences: Vec<_> = written
        .iter()
        .map(|task| task.recurrence.as_ref().map(Json))
        .collect();
    let following: Vec<_> = written
        .iter()
        .map(|task| task.following.as_ref().map(Json))
        .collect();
    sqlx::query(
        "update tasks set project_id = project, parent_id = parent, position = place,
             tags = array(select jsonb_array_elements_text(words)), completed_at = completed,
             recurrence = rule, following = next, updated_at = $9, version = version + 1
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::jsonb[], $6::timestamptz[],
                  $7::jsonb[], $8::jsonb[])
              as rows (task, project, parent, place, words, completed, rule, next)
         where id = rows.task",
    )
    .bind(ids)
    .bind(projects)
    .bind(parents)
    .bind(positions)
    .bind(tags)
    .bind(completed)
    .bind(recurrences)
    .bind(following)
    .bind(now)
    .execute(&mut *conn)
    .await?;
    outbox::put_all(conn, &events).await?;
    Ok(written)
}

/// Deletes tasks of a user whose rows the caller has locked; `with` is what they can be restored with.
pub(crate) async fn delete_all(
    conn: &mut PgConnection,
    owner: Owner,
    tasks: &[Uuid],
    with: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let rows = sqlx::query(
        "update tasks set deleted_at = $4, deleted_with = $3, updated_at = $4, version = version + 1
         where id = any($1) and owner_id = $2 and deleted_at is null
         returning *",
    )
    .bind(tasks)
    .bind(owner.id())
    .bind(with)
    .bind(now)
    .fetch_all(&mut *conn)
    .await?;
    closed_all(
        conn,
        EventType::TaskDeleted,
        &tasks_of(&rows)?,
        "deletedAt",
        now,
    )
    .await
}

/// What follows from a write by their owner that has closed tasks: their reminders end, and an event for
/// each. `field` tells what was set to `now`.
pub(super) async fn closed_all(
    conn: &mut PgConnection,
    kind: EventType,
    tasks: &[Task],
    field: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = tasks.iter().map(|task| task.id).collect();
    reminders::cancel_for_tasks(conn, &ids, now).await?;
    let told = |task: &Task| {
        let changes = changes::of(field, Value::Null, json!(now));
        Ok(changed(event_of(kind, task, now)?, changes).by(Actor::User(task.owner)))
    };
    let events: Vec<Event> = tasks.iter().map(told).collect::<sqlx::Result<_>>()?;
    outbox::put_all(conn, &events).await
}

/// The tasks below one, at any depth, which the caller may write until the transaction ends: not those
/// that are deleted.
///
/// # Errors
/// Whatever Postgres says.
pub(super) async fn below_for_update(
    conn: &mut PgConnection,
    owner: Owner,
    id: Uuid,
) -> sqlx::Result<Vec<Task>> {
    // By tasks_parent.
    let rows: Vec<TaskRow> = sqlx::query_as(
        "with recursive below as (
             select id from tasks where parent_id = $1 and owner_id = $2 and deleted_at is null
             union
             select t.id from tasks t join below on t.parent_id = below.id where t.deleted_at is null)
         select t.* from tasks t join below using (id) order by id for update of t",
    )
    .bind(id)
    .bind(owner.id())
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// The tasks below each of several, at any depth, by the one that they are below: not those that are deleted.
/// The caller may write them until the transaction ends. They are locked in the order of their ids, so that
/// two batches never wait in a circle.
///
/// # Errors
/// Whatever Postgres says.
pub async fn lock_below_all(
    conn: &mut PgConnection,
    roots: &[(Owner, Uuid)],
) -> sqlx::Result<HashMap<Uuid, Vec<Uuid>>> {
    let (owners, ids): (Vec<Uuid>, Vec<Uuid>) =
        roots.iter().map(|(owner, id)| (owner.id(), *id)).unzip();
    // By tasks_parent.
    let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "with recursive below as (
             select r.id as root, t.id from unnest($1::uuid[], $2::uuid[]) as r (owner, id)
             join tasks t on t.parent_id = r.id and t.owner_id = r.owner and t.deleted_at is null
             union
             select below.root, t.id from tasks t join below on t.parent_id = below.id
             where t.deleted_at is null)
         select below.root, t.id from tasks t join below using (id) order by t.id for update of t",
    )
    .bind(owners)
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let mut below: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for (root, id) in rows {
        below.entry(root).or_default().push(id);
    }
    Ok(below)
}

/// The tasks of these ids that are not deleted, by their ids; of one batch, whose rows the caller has locked.
///
/// # Errors
/// Whatever Postgres says.
pub async fn locked(
    conn: &mut PgConnection,
    ids: &BTreeSet<Uuid>,
) -> sqlx::Result<HashMap<Uuid, Task>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = ids.iter().copied().collect();
    let rows = sqlx::query("select * from tasks where id = any($1) and deleted_at is null")
        .bind(ids)
        .fetch_all(conn)
        .await?;
    let tasks = tasks_of(&rows)?;
    Ok(tasks.into_iter().map(|task| (task.id, task)).collect())
}
