//! Creating tasks, in one statement.

use chrono::{DateTime, SubsecRound, Utc};
use chrono_tz::Tz;
use domain::{
    event::{Actor, EventType},
    task::{Task, due_at},
};
use sqlx::{PgConnection, types::Json};

use super::{row::due_columns, write::event_of};
use crate::{outbox::Rows, reminders::Wanted, trace};

/// What became of a task to be created.
#[derive(Debug, Clone, PartialEq)]
pub enum Created {
    /// It is there, with its reminders and its event.
    Task(Box<Task>),
    /// A task of that id was there already, deleted ones included; nothing was written.
    Exists,
    /// Its owner is gone, or has another zone by now; nothing was written.
    OwnerChanged,
    /// Its project is none of its owner's, or is archived; nothing was written.
    NoProject,
}

/// The task, the rows of its reminders and its events, or nothing. The owner's row is kept from changing
/// until the end: a write that computes instants in the owner's zone must not race with a change of it.
const CREATE: &str = "
    with owner as materialized (
        select id from users where id = $2 and ($17::text is null or time_zone = $17) for share),
    project as materialized (
        select p.id from projects p join owner on p.owner_id = owner.id
        where p.id = $25 and ($29 or p.archived_at is null) for key share of p),
    task as (
        insert into tasks (id, owner_id, title, description, priority, tags, due_date, due_local,
            due_zone, due_at, recurrence, series_id, occurrence, reminders, completed_at,
            created_at, updated_at, version, project_id, parent_id, position, following)
        select $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, 1,
            $25, $26, $27, $28
        from owner where $25::uuid is null or exists (select 1 from project)
        on conflict (id) do nothing returning id),
    reminder as (
        insert into reminders (id, origin, owner_id, task_id, message, channels, fire_at, trace)
        select r.id, 'api', $2, task.id, $3, r.channels, r.at, $30
        from task, unnest($18::uuid[], $19::jsonb[], $20::timestamptz[]) as r (id, channels, at)),
    event as (
        insert into outbox (event_id, topic, subject, shard, event)
        select e.id, e.topic, e.subject, (hashtext(e.subject) & 15)::smallint, e.event
        from task, unnest($21::uuid[], $22::text[], $23::text[], $24::jsonb[])
             as e (id, topic, subject, event))
    select exists (select 1 from owner), $25::uuid is null or exists (select 1 from project),
        exists (select 1 from task)";

/// Creates `task` for its owner, who asks for it, provided that their zone is `zone`. One statement is
/// one transaction: outside of another it is durable when this returns, and the caller wakes the relay.
///
/// # Errors
/// Whatever Postgres says.
pub async fn create_in_zone(
    conn: &mut PgConnection,
    task: &Task,
    zone: Tz,
    now: DateTime<Utc>,
) -> sqlx::Result<Created> {
    let actor = Actor::User(task.owner);
    insert(conn, task, zone, Some(zone.name()), actor, now).await
}

/// Creates `task` on the platform's own account; none, and nothing is written, when a task of that id is there already, deleted
/// ones included, or its owner is gone. `zone` is the owner's, whose row the caller has locked.
///
/// # Errors
/// Whatever Postgres says.
pub async fn create(
    conn: &mut PgConnection,
    task: &Task,
    zone: Tz,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Task>> {
    Ok(
        match insert(conn, task, zone, None, Actor::System, now).await? {
            Created::Task(task) => Some(*task),
            Created::Exists | Created::OwnerChanged | Created::NoProject => None,
        },
    )
}

async fn insert(
    conn: &mut PgConnection,
    task: &Task,
    zone: Tz,
    only_in: Option<&str>,
    actor: Actor,
    now: DateTime<Utc>,
) -> sqlx::Result<Created> {
    let now = now.trunc_subsecs(6); // what Postgres keeps
    let task = Task {
        due_at: task.due.as_ref().map(|due| due_at(due, zone)),
        created_at: now,
        updated_at: now,
        version: 1,
        ..task.clone()
    };
    let (due_date, due_local, due_zone) = due_columns(task.due.as_ref());
    let wanted = Wanted::of_new(&task, zone, now);
    let event = event_of(EventType::TaskCreated, &task, now)?.by(actor);
    let events = Rows::of(std::slice::from_ref(&event));
    let (owner, project, created): (bool, bool, bool) = sqlx::query_as(CREATE)
        .bind(task.id)
        .bind(task.owner)
        .bind(&task.title)
        .bind(&task.description)
        .bind(task.priority.number())
        .bind(&task.tags)
        .bind(due_date)
        .bind(due_local)
        .bind(due_zone)
        .bind(task.due_at)
        .bind(task.recurrence.as_ref().map(Json))
        .bind(task.series)
        .bind(&task.occurrence)
        .bind(Json(&task.reminders))
        .bind(task.completed_at)
        .bind(now)
        .bind(only_in)
        .bind(&wanted.ids)
        .bind(&wanted.channels)
        .bind(&wanted.times)
        .bind(&events.ids)
        .bind(&events.topics)
        .bind(&events.subjects)
        .bind(&events.events)
        .bind(task.project)
        .bind(task.parent)
        .bind(task.position.as_str())
        .bind(task.following.as_ref().map(Json))
        // A series goes on in a project that was archived meanwhile.
        .bind(actor == Actor::System)
        .bind(trace::current().map(Json))
        .fetch_one(conn)
        .await?;
    Ok(match (owner, project, created) {
        (true, true, true) => Created::Task(Box::new(task)),
        (true, true, false) => Created::Exists,
        (true, false, _) => Created::NoProject,
        (false, ..) => Created::OwnerChanged,
    })
}
