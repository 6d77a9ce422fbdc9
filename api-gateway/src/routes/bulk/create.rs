//! Creating many tasks: in as many statements as one.

use std::collections::{HashMap, HashSet};

use axum::http::StatusCode;
use chrono::TimeDelta;
use chrono_tz::Tz;
use domain::{event::Actor, task::Task};
use store::{Owner, projects::Archived, tasks::Misplaced};
use uuid::Uuid;

use super::operation::TASK;
use crate::{
    error::Result,
    input::{Content, Context},
    routes::{
        place::misplaced,
        tasks::{Written, channels_for, id_is_taken, names_channels, now},
    },
    state::Gateway,
    view::TaskInput,
};

/// Creates tasks that are no subtasks, each or not, as `POST /v1/tasks` would. The row of their owner, whose zone
/// is `zone`, is locked.
pub(super) async fn all(
    gateway: &Gateway,
    owner: Uuid,
    zone: Tz,
    inputs: Vec<Result<TaskInput>>,
) -> Result<Vec<Result<Option<Written>>>> {
    let now = now();
    let mut conn = gateway.store.acquire().await?;
    let channels = if inputs.iter().flatten().any(names_channels) {
        channels_for(&mut conn, owner, None).await?
    } else {
        Vec::new()
    };
    let projects: HashSet<Uuid> = if inputs.iter().flatten().any(|input| input.project.is_some()) {
        let open = store::projects::list(&mut conn, Owner::of(owner), Archived::No).await?;
        open.into_iter().map(|project| project.id).collect()
    } else {
        HashSet::new()
    };
    let context = Context {
        zone,
        channels: &channels,
    };
    let check = |input: TaskInput| -> Result<(Uuid, Content)> {
        let id = input.id.unwrap_or_else(Uuid::now_v7);
        let content = input.check(&context)?;
        match content.project {
            Some(project) if !projects.contains(&project) => Err(misplaced(Misplaced::NoProject)),
            _ => Ok((id, content)),
        }
    };
    let check = |input: Result<TaskInput>| {
        let checked = input.map(check)?;
        checked.map_err(|error| error.within(TASK))
    };
    let checked: Vec<Result<(Uuid, Content)>> = inputs.into_iter().map(check).collect();

    let mut ids = HashSet::new();
    let new = checked.iter().flatten().filter(|(id, _)| ids.insert(*id));
    // A microsecond apart, for the manual order to be that in which they are asked for.
    let times = (0..).map(|i| now + TimeDelta::microseconds(i));
    let new = new.zip(times).map(|((id, content), time)| {
        let task = content.clone().into_task(*id, owner, zone, time);
        (task, zone)
    });
    let actor = Actor::User(owner);
    let mut created = store::tasks::create_all(&mut conn, new.collect(), actor, now).await?;
    // Of an id that comes twice the second one finds what the first one made.
    let mut first: HashSet<Uuid> = created.keys().copied().collect();
    let again = checked.iter().flatten().filter(|(id, _)| !first.remove(id));
    let again: Vec<Uuid> = again.map(|(id, _)| *id).collect();
    let there: HashMap<Uuid, Task> = if again.is_empty() {
        HashMap::new()
    } else {
        store::tasks::get_all(&mut conn, owner, &again).await?
    };
    conn.release();

    let mut answer = |(id, content): (Uuid, Content)| {
        if let Some(task) = created.remove(&id) {
            return Ok(Some(Written(StatusCode::CREATED, task)));
        }
        let there = there.get(&id).filter(|task| content.is_of(task));
        let there = there.cloned().ok_or_else(id_is_taken)?;
        Ok(Some(Written(StatusCode::OK, there)))
    };
    Ok(checked
        .into_iter()
        .map(|checked| checked.and_then(&mut answer))
        .collect())
}
