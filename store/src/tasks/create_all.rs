//! Creating many tasks, of one owner or of several: a statement for their rows,
//! one for their reminders, one for their events.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, NaiveDateTime, SubsecRound, Utc};
use chrono_tz::Tz;
use domain::{
    event::{Actor, Event, EventType},
    recurrence::SeriesSpec,
    task::{Following, ReminderSpec, Task, due_at},
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{row::due_columns, write::event_of};
use crate::{
    outbox,
    reminders::{self, Wanted},
};

/// In the order of their ids: two writers of the same tasks never wait in a circle. A project may be an
/// archived one, in which a series goes on; it is kept from being deleted meanwhile.
const INSERT: &str = "
    with project as materialized (
        select id, owner_id from projects where id = any($14) order by id for key share)
    insert into tasks (id, owner_id, title, description, priority, tags, due_date, due_local, due_zone,
        due_at, recurrence, series_id, occurrence, project_id, parent_id, position, following, reminders,
        completed_at, created_at, updated_at, version)
    select id, owner, title, description, priority, array(select jsonb_array_elements_text(tags)), due_date,
        due_local, due_zone, due_at, recurrence, series, occurrence, project, parent, position, following,
        reminders, completed_at, created, $20, 1
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::smallint[], $6::jsonb[], $7::date[],
             $8::timestamp[], $9::text[], $10::timestamptz[], $11::jsonb[], $12::uuid[], $13::text[],
             $14::uuid[], $15::uuid[], $16::text[], $17::jsonb[], $18::jsonb[], $19::timestamptz[],
             $21::timestamptz[])
         as rows (id, owner, title, description, priority, tags, due_date, due_local, due_zone, due_at,
             recurrence, series, occurrence, project, parent, position, following, reminders, completed_at,
             created)
    where project is null or exists (
        select 1 from project p where p.id = rows.project and p.owner_id = rows.owner)
    order by id on conflict (id) do nothing returning id";

/// Creates tasks on account of `actor`, each with the zone of its owner, whose row the caller has locked. Those
/// that are new, by their ids: one whose id is taken, deleted tasks included, or whose project is none of its
/// owner's, is left out.
///
/// # Errors
/// Whatever Postgres says.
pub async fn create_all(
    conn: &mut PgConnection,
    tasks: Vec<(Task, Tz)>,
    actor: Actor,
    now: DateTime<Utc>,
) -> sqlx::Result<HashMap<Uuid, Task>> {
    let new = tasks.into_iter().map(|(task, zone)| {
        let created_at = now;
        (Task { created_at, ..task }, zone)
    });
    import_all(conn, new.collect(), actor, now).await
}

/// As [`create_all`], of tasks that came to be elsewhere: at their `created_at`.
///
/// # Errors
/// Whatever Postgres says.
pub async fn import_all(
    conn: &mut PgConnection,
    tasks: Vec<(Task, Tz)>,
    actor: Actor,
    now: DateTime<Utc>,
) -> sqlx::Result<HashMap<Uuid, Task>> {
    if tasks.is_empty() {
        return Ok(HashMap::new());
    }
    let now = now.trunc_subsecs(6); // what Postgres keeps
    let tasks: Vec<(Task, Tz)> = tasks
        .into_iter()
        .map(|(task, zone)| {
            let task = Task {
                due_at: task.due.as_ref().map(|due| due_at(due, zone)),
                completed_at: task.completed_at.map(|at| at.trunc_subsecs(6)),
                created_at: task.created_at.trunc_subsecs(6),
                updated_at: now,
                version: 1,
                ..task
            };
            (task, zone)
        })
        .collect();
    let created = insert(conn, &tasks, now).await?;
    let new = tasks.into_iter();
    let new: Vec<(Task, Tz)> = new.filter(|(task, _)| created.contains(&task.id)).collect();
    let wanted = Wanted::of_all_new(new.iter().map(|(task, zone)| (task, *zone)), now);
    reminders::insert_all(conn, wanted).await?;
    let events: Vec<Event> = new
        .iter()
        .map(|(task, _)| Ok(event_of(EventType::TaskCreated, task, now)?.by(actor)))
        .collect::<sqlx::Result<_>>()?;
    outbox::put_all(conn, &events).await?;
    Ok(new.into_iter().map(|(task, _)| (task.id, task)).collect())
}

async fn insert(
    conn: &mut PgConnection,
    tasks: &[(Task, Tz)],
    now: DateTime<Utc>,
) -> sqlx::Result<HashSet<Uuid>> {
    let mut columns = Columns::default();
    for (task, _) in tasks {
        columns.push(task);
    }
    let created: Vec<Uuid> = sqlx::query_scalar(INSERT)
        .bind(columns.ids)
        .bind(columns.owners)
        .bind(columns.titles)
        .bind(columns.descriptions)
        .bind(columns.priorities)
        .bind(columns.tags)
        .bind(columns.due_dates)
        .bind(columns.due_locals)
        .bind(columns.due_zones)
        .bind(columns.due_ats)
        .bind(columns.recurrences)
        .bind(columns.series)
        .bind(columns.occurrences)
        .bind(columns.projects)
        .bind(columns.parents)
        .bind(columns.positions)
        .bind(columns.following)
        .bind(columns.reminders)
        .bind(columns.completed)
        .bind(now)
        .bind(columns.created)
        .fetch_all(conn)
        .await?;
    Ok(created.into_iter().collect())
}

/// The columns of tasks, for `unnest`.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    owners: Vec<Uuid>,
    titles: Vec<&'a str>,
    descriptions: Vec<&'a str>,
    priorities: Vec<i16>,
    /// An array of arrays would have to be a rectangle.
    tags: Vec<Json<&'a [String]>>,
    due_dates: Vec<Option<NaiveDate>>,
    due_locals: Vec<Option<NaiveDateTime>>,
    due_zones: Vec<Option<&'static str>>,
    due_ats: Vec<Option<DateTime<Utc>>>,
    recurrences: Vec<Option<Json<&'a SeriesSpec>>>,
    series: Vec<Option<Uuid>>,
    occurrences: Vec<Option<&'a str>>,
    projects: Vec<Option<Uuid>>,
    parents: Vec<Option<Uuid>>,
    positions: Vec<&'a str>,
    following: Vec<Option<Json<&'a Following>>>,
    reminders: Vec<Json<&'a [ReminderSpec]>>,
    completed: Vec<Option<DateTime<Utc>>>,
    created: Vec<DateTime<Utc>>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, task: &'a Task) {
        let (due_date, due_local, due_zone) = due_columns(task.due.as_ref());
        self.ids.push(task.id);
        self.owners.push(task.owner);
        self.titles.push(&task.title);
        self.descriptions.push(&task.description);
        self.priorities.push(task.priority.number());
        self.tags.push(Json(&task.tags));
        self.due_dates.push(due_date);
        self.due_locals.push(due_local);
        self.due_zones.push(due_zone);
        self.due_ats.push(task.due_at);
        self.recurrences.push(task.recurrence.as_ref().map(Json));
        self.series.push(task.series);
        self.occurrences.push(task.occurrence.as_deref());
        self.projects.push(task.project);
        self.parents.push(task.parent);
        self.positions.push(task.position.as_str());
        self.following.push(task.following.as_ref().map(Json));
        self.reminders.push(Json(&task.reminders));
        self.completed.push(task.completed_at);
        self.created.push(task.created_at);
    }
}
