//! The tags of a user's tasks, counted, renamed and taken away.

use chrono::{DateTime, Utc};
use domain::event::{Actor, EventType};
use sqlx::{FromRow, PgConnection};

use crate::{
    Owner,
    tasks::{Edit, edit_all, tasks_of},
};

/// Tasks that one transaction writes, at most.
const STEP: i64 = 500;

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Tag {
    /// As it is written.
    pub name: String,
    /// Open tasks that have it.
    pub open: i64,
    /// Tasks that have it, completed ones included.
    pub total: i64,
}

/// The tags of a user by name, those behind `after`, at most `limit`.
///
/// # Errors
/// Whatever Postgres says.
pub async fn list(
    conn: &mut PgConnection,
    owner: Owner,
    after: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<Tag>> {
    // By tasks_tagged: counts need a look at each task with a tag.
    sqlx::query_as(
        "select tag as name, count(*) filter (where completed_at is null) as open, count(*) as total
         from tasks, unnest(tags) as tag
         where owner_id = $1 and tags <> '{}' and deleted_at is null
             and ($2::text is null or tag collate \"C\" > $2)
         group by tag order by tag collate \"C\" limit $3",
    )
    .bind(owner.id())
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// One tag; none when no task has it.
///
/// # Errors
/// Whatever Postgres says.
pub async fn get(conn: &mut PgConnection, owner: Owner, name: &str) -> sqlx::Result<Option<Tag>> {
    // By tasks_tagged.
    let tag: Tag = sqlx::query_as(
        "select $2 as name, count(*) filter (where completed_at is null) as open, count(*) as total
         from tasks
         where owner_id = $1 and tags <> '{}' and deleted_at is null and $2 = any(tags)",
    )
    .bind(owner.id())
    .bind(name)
    .fetch_one(conn)
    .await?;
    Ok((tag.total > 0).then_some(tag))
}

/// Writes another tag, or none, in the place of `name` in the next tasks that have it; false when none are
/// left. A task that has the other one already has it once.
///
/// # Errors
/// Whatever Postgres says.
pub async fn replace_step(
    conn: &mut PgConnection,
    owner: Owner,
    name: &str,
    with: Option<&str>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    // By tasks_owner_created: it looks at each of the owner's tasks, for a tag may be one that only the
    // instances after a task have.
    let rows = sqlx::query(
        "select * from tasks
         where owner_id = $1 and deleted_at is null
             and ($2 = any(tags) or following->'tags' ? $2)
         order by id limit $3 for update",
    )
    .bind(owner.id())
    .bind(name)
    .bind(STEP)
    .fetch_all(&mut *conn)
    .await?;
    let tasks = tasks_of(&rows)?;
    let more = i64::try_from(tasks.len()).is_ok_and(|count| count == STEP);
    let edits = tasks.into_iter().map(|task| {
        Edit::of(task, |task| {
            replace(&mut task.tags, name, with);
            if let Some(following) = &mut task.following {
                replace(&mut following.tags, name, with);
            }
        })
    });
    let actor = Actor::User(owner.id());
    edit_all(conn, EventType::TaskUpdated, edits.collect(), actor, now).await?;
    if !more {
        // Nobody sees those that are deleted, so that no version and no event tells of it.
        sqlx::query(
            "update tasks set tags = array(select distinct tag collate \"C\"
                 from unnest(array_remove(tags, $2) || $3::text[]) as tag order by 1)
             where owner_id = $1 and tags <> '{}' and deleted_at is not null and $2 = any(tags)",
        )
        .bind(owner.id())
        .bind(name)
        .bind(with.as_slice())
        .execute(conn)
        .await?;
    }
    Ok(more)
}

fn replace(tags: &mut Vec<String>, name: &str, with: Option<&str>) {
    if !tags.iter().any(|tag| tag == name) {
        return;
    }
    tags.retain(|tag| tag != name);
    tags.extend(with.map(str::to_owned));
    tags.sort_unstable();
    tags.dedup();
}
