//! One step of an import: some tasks, in one transaction with how far it has come.

use std::collections::HashSet;

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::{
    error::FieldErrors,
    event::Actor,
    recurrence::Start,
    task::{Following, RemindAt, ReminderSpec, Task, limits},
    transfer::{Entry, File, Node, ProjectEntry, REMARKS, Remark},
};
use runtime::Problem;
use store::{
    Owner,
    imports::{self, Import, Step},
};
use uuid::Uuid;

use super::{count, place::Places, projects};
use crate::{
    error::Result,
    input::{Content, Context},
    routes::tasks::{now, writer_alone},
    state::Gateway,
    view::{DueInput, ReminderInput, TaskInput},
};

/// Tasks of one step.
const TASKS: usize = 500;

/// An import as a gateway works on it.
pub(super) struct Run {
    import: Import,
    nodes: Vec<Node>,
    /// Where each task stands in `nodes`, by its number.
    places_of: Vec<usize>,
    projects: Vec<ProjectEntry>,
    /// What the tasks of the file are named by means something in this space only.
    space: Uuid,
    places: Places,
}

impl Run {
    pub(super) fn new(import: Import, file: File, nodes: Vec<Node>) -> Self {
        let space = if file.names_are_its_own {
            import.id
        } else {
            import.owner_id
        };
        let mut places_of = vec![0; nodes.len()];
        for (place, node) in nodes.iter().enumerate() {
            places_of[node.number] = place;
        }
        Self {
            import,
            nodes,
            places_of,
            projects: file.projects,
            space,
            places: Places::default(),
        }
    }

    fn taken(&self) -> usize {
        usize::try_from(self.import.taken).unwrap_or_default()
    }

    /// Does the next step; false when there is none after it, or another gateway has gone on with it.
    ///
    /// # Errors
    /// Why it was not done; nothing of it is then.
    pub(super) async fn step(&mut self, gateway: &Gateway) -> Result<bool> {
        let owner = Owner::of(self.import.owner_id);
        let now = now();
        let mut tx = gateway.store.begin().await?;
        let zone = writer_alone(&mut tx, owner.id()).await?.zone();
        let mut step = Step::default();
        let dry_run = self.import.dry_run;
        let is_first = self.import.taken == 0;
        let projects = {
            let say = |detail: String| {
                if is_first {
                    step.remarks.push(Remark {
                        line: 0,
                        refused: false,
                        detail,
                    });
                }
            };
            projects::resolve(&mut tx, owner, &self.projects, dry_run, now, say).await?
        };
        let begin = self.taken().min(self.nodes.len());
        let end = (begin + TASKS).min(self.nodes.len());
        let nodes: Vec<Node> = self.nodes[begin..end].to_vec();
        step.taken = count(nodes.len());
        let own = self.own(&mut tx, owner, &nodes).await?;
        let mut tasks: Vec<(Task, Tz)> = Vec::new();
        for node in nodes {
            let id = self.id(&node, &own);
            if own.contains(&id) {
                step.existing += 1;
                continue;
            }
            let created_at = self.created_at(&node, now);
            // A microsecond apart, for the manual order to be that of the file.
            let place = self.import.created_at
                + TimeDelta::microseconds(i64::try_from(node.number).unwrap_or_default());
            let (mut task, following) = match content(&node.entry, zone) {
                Ok((content, following)) => {
                    (content.into_task(id, owner.id(), zone, place), following)
                }
                Err(errors) => {
                    step.refused += 1;
                    step.remarks.push(refusal(node.line, &errors));
                    continue;
                }
            };
            let series = node
                .entry
                .series
                .as_deref()
                .map(|name| self.named(name, &own));
            task.completed_at = node.entry.completed_at;
            task.created_at = created_at;
            if let Some(series) = series {
                task.series = Some(series);
                task.occurrence = node.entry.occurrence.clone();
            }
            task.following = following;
            let parent = node.parent.map(|number| self.parent_id(number, &own));
            if let Some(parent) = parent.filter(|parent| own.contains(parent)) {
                self.places.meet(&mut tx, owner, parent).await?;
            }
            let project = match node.entry.project {
                Some(number) => projects.get(number).copied().flatten(),
                None => self.import.project_id,
            };
            let open = task.completed_at.is_none();
            let (parent, project, why) = self.places.put(id, open, parent, project);
            (task.parent, task.project) = (parent, project);
            if let Some(why) = why {
                step.remarks.push(Remark {
                    line: node.line,
                    refused: false,
                    detail: format!("{why}: it is no subtask"),
                });
            }
            step.created += 1;
            tasks.push((task, zone));
        }
        if !dry_run {
            let made = tasks.len();
            let actor = Actor::User(owner.id());
            let created = store::tasks::import_all(&mut tx, tasks, actor, now).await?;
            // Ids are made of the user's, and projects cannot go while the user's row is ours.
            if created.len() != made {
                let why = "tasks of an import have ids or projects of somebody else";
                return Err(Problem::internal(why).into());
            }
        }
        let room = REMARKS.saturating_sub(self.import.remarks.len());
        step.remarks.truncate(room);
        if !imports::note(&mut tx, self.import.id, self.import.taken, &step, now).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.commit().await?;
        self.import.taken += step.taken;
        self.import.remarks.extend(step.remarks);
        Ok(self.taken() < self.nodes.len())
    }

    /// The ids that the file may mean and that are those of the user's tasks.
    async fn own(
        &self,
        conn: &mut sqlx::PgConnection,
        owner: Owner,
        nodes: &[Node],
    ) -> sqlx::Result<HashSet<Uuid>> {
        let mut ids = Vec::new();
        for node in nodes {
            ids.push(self.id(node, &HashSet::new()));
            if let Some(parent) = node.parent {
                ids.push(self.parent_id(parent, &HashSet::new()));
            }
            let Entry {
                id, parent, series, ..
            } = &node.entry;
            for name in [id, parent, series].into_iter().flatten() {
                ids.push(self.named(name, &HashSet::new()));
                ids.extend(uuid_of(name));
            }
        }
        Ok(imports::own(conn, owner, &ids).await?.into_iter().collect())
    }

    /// The id that a task of the file has in the account.
    fn id(&self, node: &Node, own: &HashSet<Uuid>) -> Uuid {
        match &node.entry.id {
            Some(name) => self.named(name, own),
            None => Uuid::new_v5(&self.import.id, format!("task {}", node.number).as_bytes()),
        }
    }

    fn parent_id(&self, number: usize, own: &HashSet<Uuid>) -> Uuid {
        self.id(&self.nodes[self.places_of[number]], own)
    }

    /// The id of what the file gives this name: that of the user's own task of this id, or one made of both, so
    /// that the same name means the same task each time that it comes.
    fn named(&self, name: &str, own: &HashSet<Uuid>) -> Uuid {
        match uuid_of(name) {
            Some(id) if own.contains(&id) => id,
            _ => Uuid::new_v5(&self.space, name.as_bytes()),
        }
    }

    fn created_at(&self, node: &Node, now: DateTime<Utc>) -> DateTime<Utc> {
        let said = node.entry.created_at.unwrap_or(now);
        said.min(now)
    }
}

/// The id in the name of a task that was exported here.
fn uuid_of(name: &str) -> Option<Uuid> {
    name.parse().ok()
}

/// What a task of the file holds, checked as if its owner had sent it.
fn content(
    entry: &Entry,
    zone: Tz,
) -> std::result::Result<(Content, Option<Following>), FieldErrors> {
    let context = Context {
        zone,
        channels: &[],
    };
    let mut errors = FieldErrors::default();
    for (field, at) in [
        ("completedAt", entry.completed_at),
        ("createdAt", entry.created_at),
    ] {
        if at.is_some_and(|at| !limits::YEARS.contains(&at.year())) {
            errors.push(field, "must lie in the years 1970 to 9998");
        }
    }
    if let Some(occurrence) = &entry.occurrence
        && occurrence.parse::<Start>().is_err()
    {
        errors.push("occurrence", "must be a local time or a date");
    }
    let mut following = None;
    if let Some(followed) = &entry.following {
        let input = TaskInput {
            priority: followed.priority,
            due: entry.due.as_ref().map(DueInput::from),
            ..input(
                &followed.title,
                &followed.description,
                &followed.tags,
                &followed.reminders,
            )
        };
        match input.check(&context) {
            Ok(content) => following = Some(of_content(content)),
            Err(found) => {
                for error in found.0 {
                    errors.push(format!("following.{}", error.field), error.message);
                }
            }
        }
    }
    let recurrence = entry.recurrence.as_ref().map(serde_json::to_value);
    let input = TaskInput {
        priority: entry.priority,
        due: entry.due.as_ref().map(DueInput::from),
        // Its keys are text.
        recurrence: recurrence.transpose().unwrap_or_default(),
        ..input(
            &entry.title,
            &entry.description,
            &entry.tags,
            &entry.reminders,
        )
    };
    match input.check(&context) {
        Ok(content) => errors.into_result((content, following)),
        Err(found) => {
            errors.0.extend(found.0);
            Err(errors)
        }
    }
}

fn input(title: &str, description: &str, tags: &[String], reminders: &[RemindAt]) -> TaskInput {
    TaskInput {
        id: None,
        title: title.to_owned(),
        description: description.to_owned(),
        priority: Default::default(),
        tags: tags.to_vec(),
        project: None,
        parent: None,
        due: None,
        recurrence: None,
        reminders: reminders
            .iter()
            .map(|when| {
                // For the default channels.
                ReminderInput::from(&ReminderSpec {
                    when: *when,
                    channels: Vec::new(),
                })
            })
            .collect(),
    }
}

fn of_content(content: Content) -> Following {
    Following {
        title: content.title,
        description: content.description,
        priority: content.priority,
        tags: content.tags,
        reminders: content.reminders,
    }
}

fn refusal(line: u32, errors: &FieldErrors) -> Remark {
    let details = errors.0.iter().take(5);
    let details: Vec<String> = details
        .map(|error| format!("{}: {}", error.field, error.message))
        .collect();
    Remark {
        line,
        refused: true,
        detail: details.join("; "),
    }
}
