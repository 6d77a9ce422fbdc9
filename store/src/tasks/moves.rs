//! Moving a task: to another place in its list, or into another one.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    event::{Actor, EventType},
    position::Position,
    task::Task,
};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    many::{Edit, below_for_update, edit_all},
    place::Place,
    row::{position, tasks_of},
    write::update,
};
use crate::Owner;

/// Where among the others something is put.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Spot<Neighbour> {
    /// Before all of them.
    First,
    /// Behind all of them.
    #[default]
    Last,
    /// Before this one.
    Before(Neighbour),
    /// Behind this one.
    After(Neighbour),
}

/// What became of a move.
#[derive(Debug, Clone, PartialEq)]
pub enum Moved {
    /// It is there.
    To(Box<Task>),
    /// The stored version is another one by now.
    Changed,
    /// Thousands of tasks stand so close together there that there is no room between two of them.
    NoRoom,
}

/// Tasks that get other keys when there is no room at a spot. A list of fewer always has room; a longer one
/// has it after tens of thousands of moves to one spot still.
const WINDOW: i64 = 500;

/// Moves a task to a spot of `place`, which was checked; a neighbour is told by its key in that place. This writes its row
/// and, when the project is another one, those of its subtasks. The caller has the owner's row for itself.
///
/// # Errors
/// Whatever Postgres says.
pub async fn move_to(
    conn: &mut PgConnection,
    task: &Task,
    place: Place,
    spot: Spot<Position>,
    zone: Tz,
    now: DateTime<Utc>,
) -> sqlx::Result<Moved> {
    let owner = Owner::of(task.owner);
    let (after, before) = neighbours(conn, owner, task.id, place, spot).await?;
    let position = Position::between(after.as_ref(), before.as_ref(), now, task.id);
    let position = match position.filter(Position::fits) {
        Some(position) => position,
        None => match make_room(conn, owner, task.id, place, after.as_ref(), now).await? {
            Some(position) => position,
            None => return Ok(Moved::NoRoom),
        },
    };
    let Place { project, parent } = place;
    let moved = Task {
        project,
        parent,
        position,
        ..task.clone()
    };
    Ok(match put(conn, task, &moved, zone, now).await? {
        Some(moved) => Moved::To(Box::new(moved)),
        None => Moved::Changed,
    })
}

/// Writes a task that may stand in another project than before, as [`update`] does, and takes its subtasks
/// there. The caller has the owner's row for itself when it does.
///
/// # Errors
/// Whatever Postgres says.
pub async fn put(
    conn: &mut PgConnection,
    before: &Task,
    task: &Task,
    zone: Tz,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Task>> {
    let Some(written) = update(conn, task, zone, now).await? else {
        return Ok(None);
    };
    if before.project != written.project {
        let below = below_for_update(conn, Owner::of(task.owner), task.id).await?;
        let edits = below
            .into_iter()
            .map(|subtask| Edit::of(subtask, |subtask| subtask.project = written.project));
        let actor = Actor::User(task.owner);
        edit_all(conn, EventType::TaskUpdated, edits.collect(), actor, now).await?;
    }
    Ok(Some(written))
}

/// The keys that a spot lies between. Those that stand where the neighbour does, as the next instance of a
/// series and the one before it, are passed over.
async fn neighbours(
    conn: &mut PgConnection,
    owner: Owner,
    task: Uuid,
    place: Place,
    spot: Spot<Position>,
) -> sqlx::Result<(Option<Position>, Option<Position>)> {
    let mut nearest = async |side, of: Option<&Position>| -> sqlx::Result<Option<Position>> {
        let mut query = others("position", owner, task, place);
        let (beyond, direction) = match side {
            Side::Before => ("<", "desc"),
            Side::Behind => (">", "asc"),
        };
        if let Some(of) = of {
            query.push(format_args!(" and position {beyond} "));
            query.push_bind(of.as_str().to_owned());
        }
        query.push(format_args!(" order by position {direction} limit 1"));
        let row = query.build().fetch_optional(&mut *conn).await?;
        row.map(|row| position(&row, "position")).transpose()
    };
    Ok(match spot {
        Spot::First => (None, nearest(Side::Behind, None).await?),
        Spot::Last => (nearest(Side::Before, None).await?, None),
        Spot::Before(key) => (nearest(Side::Before, Some(&key)).await?, Some(key)),
        Spot::After(key) => {
            let before = nearest(Side::Behind, Some(&key)).await?;
            (Some(key), before)
        }
    })
}

enum Side {
    Before,
    Behind,
}

/// The tasks that stand in `place`, but this one; by tasks_parent, tasks_project or tasks_owner_position.
fn others(columns: &str, owner: Owner, task: Uuid, place: Place) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("select ");
    query.push(columns);
    query.push(" from tasks where deleted_at is null and owner_id = ");
    query
        .push_bind(owner.id())
        .push(" and id <> ")
        .push_bind(task);
    match place {
        Place {
            parent: Some(parent),
            ..
        } => query.push(" and parent_id = ").push_bind(parent),
        Place {
            project: Some(project),
            parent: None,
        } => query
            .push(" and parent_id is null and project_id = ")
            .push_bind(project),
        Place {
            project: None,
            parent: None,
        } => query.push(" and parent_id is null and project_id is null"),
    };
    query
}

/// Gives the tasks behind `after` keys with room between them; the key of the one that is to come first.
async fn make_room(
    conn: &mut PgConnection,
    owner: Owner,
    task: Uuid,
    place: Place,
    after: Option<&Position>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Position>> {
    let mut query = others("*", owner, task, place);
    if let Some(after) = after {
        query
            .push(" and position > ")
            .push_bind(after.as_str().to_owned());
    }
    query
        .push(" order by position, id limit ")
        .push_bind(WINDOW + 1);
    query.push(" for update");
    let mut tasks = tasks_of(&query.build().fetch_all(&mut *conn).await?)?;
    let beyond = (tasks.len() > WINDOW as usize)
        .then(|| tasks.pop())
        .flatten();
    let beyond = beyond.map(|task| task.position);
    let Some(mut keys) = Position::spread(after, beyond.as_ref(), tasks.len() + 1) else {
        return Ok(None);
    };
    if !keys.iter().all(Position::fits) {
        return Ok(None);
    }
    let first = keys.remove(0);
    let edits = tasks
        .into_iter()
        .zip(keys)
        .map(|(task, key)| Edit::of(task, |task| task.position = key));
    let actor = Actor::User(owner.id());
    edit_all(conn, EventType::TaskUpdated, edits.collect(), actor, now).await?;
    Ok(Some(first))
}
