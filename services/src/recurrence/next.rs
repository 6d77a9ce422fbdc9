//! What follows completed instances, of many series at once: a few statements however many they are.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    event::Actor,
    instances::{next_instances, subtasks_for},
    recurrence::MAX_OPEN_INSTANCES,
    task::{Task, limits},
};
use sqlx::PgConnection;
use store::{
    Owner,
    series::{self, Of},
    tasks, users,
};
use uuid::Uuid;

/// Tasks that are read or written at once, give or take those that belong to one completion: what a batch
/// takes of memory is bounded.
const AT_ONCE: usize = 500;

/// A completed instance with what its rule says of what follows.
struct Step {
    done: Task,
    zone: Tz,
    instances: Vec<Task>,
}

impl Step {
    fn series(&self) -> Of {
        let series = self.done.series.unwrap_or(self.done.id);
        (Owner::of(self.done.owner), series)
    }
}

/// Makes what follows completed instances of series, each where it stands now and as if they had come one
/// after the other: nothing when it was deleted, its series was ended, or the task that it is a subtask of is
/// done, too.
///
/// # Errors
/// From the database.
pub(super) async fn continue_all(
    conn: &mut PgConnection,
    completed: Vec<Task>,
) -> anyhow::Result<()> {
    if completed.is_empty() {
        return Ok(());
    }
    let owners: BTreeSet<Uuid> = completed.iter().map(|task| task.owner).collect();
    let owners: Vec<Uuid> = owners.into_iter().collect();
    // The owners' rows first: what is read behind them stays as it is.
    let zones = users::zones_locked(conn, &owners).await?;
    let ids: Vec<(Owner, Uuid)> = completed
        .iter()
        .map(|task| (Owner::of(task.owner), task.id))
        .collect();
    let standing = series::going_on(conn, &ids).await?;
    let going_on: Vec<(Owner, Uuid)> = ids
        .into_iter()
        .filter(|(_, id)| standing.contains_key(id))
        .collect();
    let below = tasks::lock_below_all(conn, &going_on).await?;
    let mut steps = completed.into_iter().filter_map(|task| {
        let zone = *zones.get(&task.owner)?;
        let stands = standing.get(&task.id)?;
        let done = Task {
            project: stands.place.project,
            parent: stands.place.parent,
            position: stands.position.clone(),
            ..task
        };
        let instances = following(&done, zone);
        Some(Step {
            done,
            zone,
            instances,
        })
    });
    let now = Utc::now();
    loop {
        let mut some = Vec::new();
        let mut wanted = 0;
        while wanted < AT_ONCE
            && let Some(step) = steps.next()
        {
            wanted += step.instances.len() + below.get(&step.done.id).map_or(0, Vec::len);
            some.push(step);
        }
        if some.is_empty() {
            return Ok(());
        }
        make(conn, some, &below, now).await?;
    }
}

fn following(done: &Task, zone: Tz) -> Vec<Task> {
    next_instances(done, zone).unwrap_or_else(|error| {
        // It was checked when it was written: a rule that a newer version refuses ends here.
        tracing::error!(task = %done.id, %error, "a stored rule cannot be read; the series ends");
        Vec::new()
    })
}

/// Makes the instances that are missing, with the subtasks of those that they follow.
async fn make(
    conn: &mut PgConnection,
    steps: Vec<Step>,
    below: &HashMap<Uuid, Vec<Uuid>>,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let mut seen = Seen::of(conn, &steps).await?;
    let of: BTreeSet<Uuid> = steps
        .iter()
        .filter_map(|step| below.get(&step.done.id))
        .flatten()
        .copied()
        .collect();
    let subtasks = tasks::locked(conn, &of).await?;
    let mut tops: Vec<(Task, Tz)> = Vec::new();
    // Of those that have subtasks: what they follow.
    let mut follows: Vec<(Task, Task, Tz)> = Vec::new();
    for step in steps {
        let series = step.series();
        for instance in step.instances {
            if let Some(instance) = seen.add(series, &step.done, instance) {
                if below.contains_key(&step.done.id) {
                    follows.push((step.done.clone(), instance.clone(), step.zone));
                }
                tops.push((instance, step.zone));
            }
        }
    }
    let created = tasks::create_all(conn, tops, Actor::System, now).await?;
    let mut again: Vec<(Task, Tz)> = Vec::new();
    for (done, instance, zone) in follows {
        if !created.contains_key(&instance.id) {
            continue;
        }
        let of: Vec<Task> = below[&done.id]
            .iter()
            .filter_map(|id| subtasks.get(id).cloned())
            .collect();
        let copies = parents_first(subtasks_for(&done, &instance, &of), instance.id);
        again.extend(copies.into_iter().map(|copy| (copy, zone)));
        if again.len() >= AT_ONCE {
            tasks::create_all(conn, std::mem::take(&mut again), Actor::System, now).await?;
        }
    }
    tasks::create_all(conn, again, Actor::System, now).await?;
    Ok(())
}

/// What is there of the series that are continued, with what this batch adds.
struct Seen {
    open: HashMap<Of, usize>,
    occurrences: HashSet<(Of, String)>,
    ids: HashSet<Uuid>,
}

impl Seen {
    async fn of(conn: &mut PgConnection, steps: &[Step]) -> sqlx::Result<Self> {
        let mut series = HashSet::new();
        let mut occurrences = Vec::new();
        let mut ids = Vec::new();
        for step in steps {
            series.insert(step.series());
            for instance in &step.instances {
                occurrences.extend(instance.occurrence.as_deref());
                ids.extend([instance.id, told_apart(&step.done, instance)]);
            }
        }
        occurrences.sort_unstable();
        occurrences.dedup();
        Ok(Self {
            open: series::open(conn, &series).await?,
            occurrences: series::there(conn, &series, &occurrences).await?,
            ids: tasks::taken(conn, &ids).await?,
        })
    }

    /// The instance, to be made; none where it is there, or its series has no room.
    fn add(&mut self, of: Of, done: &Task, mut instance: Task) -> Option<Task> {
        let open = self.open.entry(of).or_default();
        let occurrence = instance
            .occurrence
            .clone()
            .map(|occurrence| (of, occurrence));
        if *open >= MAX_OPEN_INSTANCES
            || occurrence
                .as_ref()
                .is_some_and(|it| self.occurrences.contains(it))
        {
            return None;
        }
        if self.ids.contains(&instance.id) {
            instance.id = told_apart(done, &instance);
        }
        if !self.ids.insert(instance.id) {
            return None;
        }
        *open += 1;
        self.occurrences.extend(occurrence);
        Some(instance)
    }
}

/// Id of an instance whose own id another has that was moved to another occurrence: the one that it is made
/// behind tells it apart from that.
fn told_apart(done: &Task, instance: &Task) -> Uuid {
    Uuid::new_v5(&done.id, instance.id.as_bytes())
}

/// The tasks below `top`, each behind the one that it is a subtask of; at most as many as a task may have.
fn parents_first(mut tasks: Vec<Task>, top: Uuid) -> Vec<Task> {
    let mut sorted: Vec<Task> = Vec::with_capacity(tasks.len());
    let mut above = vec![top];
    while !above.is_empty() {
        let (next, rest): (Vec<Task>, Vec<Task>) = tasks
            .into_iter()
            .partition(|task| task.parent.is_some_and(|parent| above.contains(&parent)));
        above = next.iter().map(|task| task.id).collect();
        sorted.extend(next);
        tasks = rest;
    }
    sorted.truncate(limits::SUBTASKS);
    sorted
}
