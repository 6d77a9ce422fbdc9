//! The reminder that a ReminderJob stands for, as the stack is told of it. Pure.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use crds::{CatchUpPolicy, ChannelSpec, ChannelType, ReminderJob, TaskPriority};
use domain::{
    internal_api::{ReminderPut, TaskTemplate},
    reminder::{CatchUpMode, Channel},
    task::Priority,
};
use kube::ResourceExt;
use uuid::Uuid;

/// Id of the reminder at the service: the object's uid.
///
/// # Errors
/// The uid is not a UUID; no API server makes such a one.
pub fn id(job: &ReminderJob) -> Result<Uuid, String> {
    let uid = job.metadata.uid.as_deref().unwrap_or_default();
    Uuid::parse_str(uid).map_err(|_| format!("metadata.uid {uid:?} is not a UUID"))
}

/// The reminder that this job stands for.
///
/// # Errors
/// The uid of the job or its schedule is not a UUID.
pub fn desired(job: &ReminderJob) -> Result<ReminderPut, String> {
    let spec = &job.spec;
    let task_id = match &spec.task_ref {
        Some(task) => Some(
            Uuid::parse_str(&task.id)
                .map_err(|_| format!("spec.taskRef.id {:?} is not a UUID", task.id))?,
        ),
        None => None,
    };
    Ok(ReminderPut {
        fire_at: fire_at(job),
        message: spec.message.clone(),
        task_id,
        task: task(job)?,
        channels: spec.channels.iter().map(channel).collect(),
        suspend: spec.suspend,
        deadline_seconds: spec.deadline_seconds,
        catch_up: spec.catch_up.map(catch_up),
        series: schedule(job)?,
        object: format!("{}/{}", job.namespace().unwrap_or_default(), job.name_any()),
    })
}

/// When the stack is to fire it: `fireAt` and the delay.
pub fn fire_at(job: &ReminderJob) -> DateTime<Utc> {
    let delay = Duration::seconds(job.spec.delay_seconds.unwrap_or(0));
    let at = job.spec.fire_at;
    // Postgres keeps microseconds: sent finer, the time would look different for ever.
    at.checked_add_signed(delay).unwrap_or(at).trunc_subsecs(6)
}

/// The same mode as the services name it.
pub fn catch_up(policy: CatchUpPolicy) -> CatchUpMode {
    match policy {
        CatchUpPolicy::Skip => CatchUpMode::Skip,
        CatchUpPolicy::Latest => CatchUpMode::Latest,
        CatchUpPolicy::All => CatchUpMode::All,
    }
}

/// The uid of the schedule that made it.
fn schedule(job: &ReminderJob) -> Result<Option<Uuid>, String> {
    job.owner_references()
        .iter()
        .find(|owner| owner.kind == "RecurringSchedule")
        .map(|owner| {
            Uuid::parse_str(&owner.uid).map_err(|_| format!("{:?} is not a UUID", owner.uid))
        })
        .transpose()
}

/// The task that the firing creates. Its id comes from the schedule and the occurrence, so that
/// several reminders of one occurrence make one task; that of a job of its own from the job, so
/// that moving `fireAt` does not change it.
fn task(job: &ReminderJob) -> Result<Option<TaskTemplate>, String> {
    let Some(wanted) = &job.spec.task_template else {
        return Ok(None);
    };
    let namespace = schedule(job)?.map_or_else(|| id(job), Ok)?;
    let name = wanted
        .occurrence
        .map(|at| at.timestamp().to_string())
        .unwrap_or_default();
    let occurrence = wanted.occurrence.unwrap_or(job.spec.fire_at);
    let template = &wanted.template;
    Ok(Some(TaskTemplate {
        id: Uuid::new_v5(&namespace, name.as_bytes()),
        owner: template.owner.clone(),
        title: template.title.clone(),
        priority: priority(template.priority),
        tags: template.tags.clone(),
        due_at: occurrence
            .checked_add_signed(chrono::Duration::seconds(template.due_offset_seconds)),
        time_zone: wanted.time_zone.clone(),
    }))
}

fn priority(priority: TaskPriority) -> Priority {
    match priority {
        TaskPriority::P1 => Priority::P1,
        TaskPriority::P2 => Priority::P2,
        TaskPriority::P3 => Priority::P3,
        TaskPriority::P4 => Priority::P4,
    }
}

fn channel(spec: &ChannelSpec) -> Channel {
    match spec.kind {
        ChannelType::Webhook => Channel::Webhook {
            url: spec.url.clone(),
            id: None,
        },
    }
}
