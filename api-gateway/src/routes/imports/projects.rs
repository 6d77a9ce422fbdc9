//! The projects that tasks of a file go to.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    error::FieldErrors,
    position::Position,
    project::{Project, color, limits, name_key},
    transfer::ProjectEntry,
};
use sqlx::PgConnection;
use store::{
    Owner,
    projects::{Archived, Refused},
};
use uuid::Uuid;

use crate::input::line;

/// The projects of a file in the account, in its order: those of the same name, or new ones, which are not made
/// in a dry run. None where there cannot be one: `say` gets why. The caller has the owner's row for itself.
pub(super) async fn resolve(
    conn: &mut PgConnection,
    owner: Owner,
    wanted: &[ProjectEntry],
    dry_run: bool,
    now: DateTime<Utc>,
    mut say: impl FnMut(String),
) -> sqlx::Result<Vec<Option<Uuid>>> {
    let mut found = vec![None; wanted.len()];
    if wanted.is_empty() {
        return Ok(found);
    }
    let mut there = store::projects::list(conn, owner, Archived::Too).await?;
    // An archived one may have the name of one that is not, if it was there before.
    let mut numbers: Vec<usize> = (0..wanted.len()).collect();
    numbers.sort_by_key(|number| !wanted[*number].archived);
    for number in numbers {
        let entry = &wanted[number];
        let key = name_key(entry.name.trim());
        let same = |project: &&Project| {
            name_key(&project.name) == key && project.archived_at.is_some() == entry.archived
        };
        if let Some(project) = there.iter().find(same) {
            found[number] = Some(project.id);
            continue;
        }
        if let Some(text) = &entry.color
            && color(text).is_none()
        {
            say(format!(
                "the colour {} of the project {} is none such as #db4035: it gets none",
                shown(text),
                shown(&entry.name)
            ));
        }
        // A microsecond apart, for their order to be that of the file.
        let place = now + TimeDelta::microseconds(i64::try_from(number).unwrap_or_default());
        match new(conn, owner, entry, there.len(), dry_run, (now, place)).await? {
            Ok(project) => {
                found[number] = Some(project.id);
                there.push(project);
            }
            Err(why) => say(format!(
                "the project {} is not made: it {why}; its tasks go to the inbox",
                shown(&entry.name)
            )),
        }
    }
    Ok(found)
}

/// What the file says, within a remark.
fn shown(text: &str) -> String {
    let shown: String = text.chars().take(limits::NAME).collect();
    format!("`{shown}`")
}

async fn new(
    conn: &mut PgConnection,
    owner: Owner,
    entry: &ProjectEntry,
    there: usize,
    dry_run: bool,
    (now, place): (DateTime<Utc>, DateTime<Utc>),
) -> sqlx::Result<Result<Project, String>> {
    let mut errors = FieldErrors::default();
    let name = line(&entry.name, "name", limits::NAME, &mut errors);
    if let Some(error) = errors.0.first() {
        return Ok(Err(error.message.clone()));
    }
    if there >= limits::PROJECTS {
        return Ok(Err(format!("would be more than {}", limits::PROJECTS)));
    }
    let id = Uuid::now_v7();
    let project = Project {
        id,
        owner: owner.id(),
        name,
        color: entry.color.as_deref().and_then(color),
        position: Position::last(place, id),
        archived_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let archived_at = entry.archived.then_some(now);
    if dry_run {
        return Ok(Ok(Project {
            archived_at,
            ..project
        }));
    }
    let made = match store::projects::create(conn, &project).await? {
        Ok(Some(project)) => project,
        Ok(None) => return Ok(Err("could not be named anew".into())),
        Err(Refused::NameTaken) => {
            return Ok(Err(
                "is archived, and has the name of one that is not".into()
            ));
        }
        Err(Refused::TooMany | Refused::Changed) => {
            return Ok(Err(format!("would be more than {}", limits::PROJECTS)));
        }
    };
    if archived_at.is_none() {
        return Ok(Ok(made));
    }
    let archived = Project {
        archived_at,
        ..made
    };
    let archived = store::projects::update(conn, &archived, now).await?;
    Ok(archived.map_err(|_| "could not be archived".into()))
}
