//! Moving a project among its owner's.

use chrono::{DateTime, Utc};
use domain::{position::Position, project::Project};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Archived, Refused, list, update};
use crate::{Owner, tasks::Spot};

/// Moves a project, which writes its row and no other. `None`: the neighbour that is named is no project
/// of its owner, or this one. The caller has its owner's row for itself.
///
/// # Errors
/// Whatever Postgres says.
pub async fn move_to(
    conn: &mut PgConnection,
    owner: Owner,
    project: &Project,
    spot: Spot<Uuid>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Result<Project, Refused>>> {
    let mut others = list(conn, owner, Archived::Too).await?;
    others.retain(|other| other.id != project.id);
    let place = match spot {
        Spot::First => Some(0),
        Spot::Last => Some(others.len()),
        Spot::Before(id) => others.iter().position(|other| other.id == id),
        Spot::After(id) => others
            .iter()
            .position(|other| other.id == id)
            .map(|at| at + 1),
    };
    let Some(place) = place else {
        return Ok(None);
    };
    let after = place.checked_sub(1).map(|before| &others[before].position);
    let before = others.get(place).map(|other| &other.position);
    let position = Position::between(after, before, now, project.id).filter(Position::fits);
    if let Some(position) = position {
        let moved = Project {
            position,
            ..project.clone()
        };
        return update(conn, &moved, now).await.map(Some);
    }
    // There is no room between the two, which takes hundreds of moves to the same place: all of them get
    // short keys again.
    let mut all = others;
    all.insert(place, project.clone());
    let fresh = Position::spread(None, None, all.len()).unwrap_or_default();
    let mut written = None;
    for (each, position) in all.iter().zip(fresh) {
        let each = Project {
            position,
            ..each.clone()
        };
        let done = update(conn, &each, now).await?;
        if each.id == project.id {
            written = Some(done);
        }
    }
    Ok(written)
}
