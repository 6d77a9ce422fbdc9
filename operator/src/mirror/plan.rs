//! Decides which ReminderJobs show the reminders that users made, and what they show. Pure: no I/O
//! and no clock.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Duration, SubsecRound, Utc};
use crds::{
    LABEL_ORIGIN, LABEL_STACK, ReminderJob, ReminderJobSpec, ReminderJobStatus, RemindersSpec,
    StackRef, TaskRef, conditions,
};
use domain::{
    internal_api::{Origin, ReminderView},
    reminder::Phase,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{ResourceExt, api::ObjectMeta};
use uuid::Uuid;

use crate::reminder_job::{history, plan as job_plan, status as job_status};

/// How long a finished one is shown.
pub const SHOWN_AFTER_FINISH: Duration = Duration::seconds(300);
/// What a ReminderJob can hold of a message.
const MESSAGE_MOST: usize = 2000;

/// The stack whose reminders are shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub stack: String,
    /// Its uid.
    pub uid: String,
    /// Horizon and limit.
    pub reminders: RemindersSpec,
}

/// What was observed.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The waiting reminders within the horizon, nearest first.
    pub upcoming: Vec<ReminderView>,
    /// What the stack knows of those that are shown already but are not among the former.
    pub others: Vec<ReminderView>,
    /// The ReminderJobs that show reminders of this stack.
    pub mirrors: Vec<ReminderJob>,
}

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Make it, or bring its spec up to date, then write its status.
    Apply(Box<ReminderJob>),
    /// Write its status.
    Status(Box<ReminderJob>),
    /// Delete it.
    Delete(Box<ReminderJob>),
}

/// The reminders that are shown and about which `upcoming` does not tell: they are asked for one by one.
pub fn unknown(mirrors: &[ReminderJob], upcoming: &[ReminderView]) -> Vec<Uuid> {
    let told: HashSet<Uuid> = upcoming.iter().map(|view| view.id).collect();
    mirrors
        .iter()
        .filter(|job| !job_plan::is_finished(job))
        .filter_map(shown_id)
        .filter(|id| !told.contains(id))
        .collect()
}

/// The reminder that a mirror shows, from its name.
pub fn shown_id(job: &ReminderJob) -> Option<Uuid> {
    job.name_any().strip_prefix("api-")?.parse().ok()
}

/// A change of this reminder may change what is shown: it is shown already, or fires soon.
pub fn concerns(
    view: &ReminderView,
    shown: &HashSet<Uuid>,
    reminders: &RemindersSpec,
    now: DateTime<Utc>,
) -> bool {
    let soon = now + Duration::seconds(reminders.mirror_horizon_seconds);
    view.origin == Origin::Api
        && (shown.contains(&view.id) || view.phase.is_waiting() && view.fire_at <= soon)
}

/// All writes that are needed, none when nothing changed. What goes comes first: it makes room where
/// a quota is full.
///
/// Waiting and firing reminders are bounded by the limit, and so are, apart from these, the finished
/// ones: else a busy stack would show either no result or no end of them.
pub fn plan(shown: &Shown, observed: &Observed, now: DateTime<Utc>) -> Vec<Action> {
    let limit = usize::try_from(shown.reminders.mirror_limit).unwrap_or(0);
    let limit = if shown.reminders.mirror_horizon_seconds > 0 {
        limit
    } else {
        0
    };
    let mut existing: HashMap<Uuid, &ReminderJob> = HashMap::new();
    let mut actions = Vec::new();
    for job in &observed.mirrors {
        if job.metadata.deletion_timestamp.is_some() {
            continue;
        }
        match shown_id(job) {
            Some(id) => {
                existing.insert(id, job);
            }
            // Named by somebody else; nobody would ever bring it up to date.
            None => actions.push(Action::Delete(Box::new(job.clone()))),
        }
    }
    let leaving: HashSet<Uuid> = observed
        .mirrors
        .iter()
        .filter(|job| job.metadata.deletion_timestamp.is_some())
        .filter_map(shown_id)
        .collect();

    // Firing ones are the nearest of all.
    let firing = observed
        .others
        .iter()
        .filter(|view| view.phase == Phase::Fired && existing.contains_key(&view.id));
    let live: Vec<&ReminderView> = firing.chain(&observed.upcoming).take(limit).collect();
    let mut finished: Vec<(DateTime<Utc>, Uuid, ReminderJobStatus)> = Vec::new();
    for view in observed.others.iter().filter(|v| v.phase.is_finished()) {
        if let Some(job) = existing.get(&view.id) {
            let status = status(Some(job), view, now);
            finished.push((view.fire_at, view.id, status));
        }
    }
    let live_ids: HashSet<Uuid> = live.iter().map(|view| view.id).collect();
    for (id, job) in &existing {
        let known = live_ids.contains(id) || finished.iter().any(|(_, other, _)| other == id);
        if job_plan::is_finished(job) && !known {
            let status = job.status.clone().unwrap_or_default();
            finished.push((job.spec.fire_at, *id, status));
        }
    }
    finished.sort_by_key(|(at, id, _)| (std::cmp::Reverse(*at), *id));
    finished.truncate(limit);

    let mut kept = live_ids;
    for view in live {
        if leaving.contains(&view.id) {
            // Its name is free once it is gone.
            continue;
        }
        actions.extend(bring_up(shown, existing.get(&view.id).copied(), view, now));
    }
    for (_, id, status) in finished {
        let Some(job) = existing.get(&id) else {
            continue;
        };
        if job_plan::expiry(job, &status).is_some_and(|at| at <= now) {
            continue;
        }
        kept.insert(id);
        if job.status.as_ref() != Some(&status) {
            actions.push(Action::Status(with_status(job, status)));
        }
    }
    let mut surplus: Vec<_> = existing
        .iter()
        .filter(|(id, _)| !kept.contains(id))
        .collect();
    surplus.sort_by_key(|(id, _)| **id);
    actions.extend(
        surplus
            .into_iter()
            .map(|(_, job)| Action::Delete(Box::new((*job).clone()))),
    );
    // Stable: the nearest stay ahead of the later ones.
    actions.sort_by_key(|action| !matches!(action, Action::Delete(_)));
    actions
}

/// When to plan again although nothing changes: the time to live of a finished one is over then.
pub fn next_expiry(mirrors: &[ReminderJob]) -> Option<DateTime<Utc>> {
    mirrors
        .iter()
        .filter_map(|job| job_plan::expiry(job, job.status.as_ref()?))
        .min()
}

fn bring_up(
    shown: &Shown,
    existing: Option<&ReminderJob>,
    view: &ReminderView,
    now: DateTime<Utc>,
) -> Option<Action> {
    let mut wanted = mirror(shown, view);
    wanted.status = Some(status(existing, view, now));
    let Some(existing) = existing else {
        return Some(Action::Apply(Box::new(wanted)));
    };
    let (old, new) = (&existing.spec, &wanted.spec);
    if old.message != new.message || old.task_ref != new.task_ref || old.stack_ref != new.stack_ref
    {
        // These cannot be changed. It is made again once it is gone.
        return Some(Action::Delete(Box::new(existing.clone())));
    }
    let labelled = wanted
        .labels()
        .iter()
        .all(|(key, value)| existing.labels().get(key) == Some(value));
    if old != new || !labelled {
        return Some(Action::Apply(Box::new(wanted)));
    }
    (existing.status != wanted.status)
        .then(|| Action::Status(with_status(existing, wanted.status.unwrap_or_default())))
}

fn with_status(job: &ReminderJob, status: ReminderJobStatus) -> Box<ReminderJob> {
    let mut job = job.clone();
    job.status = Some(status);
    Box::new(job)
}

/// The ReminderJob that shows a reminder. Channels are left out: a user's webhook address may hold a
/// secret, and etcd is read by others than the user.
fn mirror(shown: &Shown, view: &ReminderView) -> ReminderJob {
    let message: String = view.message.chars().take(MESSAGE_MOST).collect();
    ReminderJob {
        metadata: ObjectMeta {
            name: Some(format!("api-{}", view.id)),
            namespace: Some(shown.namespace.clone()),
            labels: Some(BTreeMap::from([
                (LABEL_ORIGIN.into(), Origin::Api.as_str().into()),
                (LABEL_STACK.into(), shown.stack.clone()),
                (
                    "app.kubernetes.io/managed-by".into(),
                    crds::FIELD_MANAGER.into(),
                ),
            ])),
            owner_references: Some(vec![OwnerReference {
                api_version: "todostack.dev/v1alpha1".into(),
                kind: "TodoStack".into(),
                name: shown.stack.clone(),
                uid: shown.uid.clone(),
                controller: Some(true),
                block_owner_deletion: None,
            }]),
            ..ObjectMeta::default()
        },
        spec: ReminderJobSpec {
            stack_ref: StackRef {
                name: shown.stack.clone(),
            },
            fire_at: view.fire_at.trunc_subsecs(6),
            message: if message.is_empty() {
                "(no message)".into()
            } else {
                message
            },
            task_ref: view.task_id.map(|id| TaskRef { id: id.to_string() }),
            task_template: None,
            channels: Vec::new(),
            suspend: false,
            deadline_seconds: None,
            catch_up: None,
            delay_seconds: None,
            ttl_seconds_after_finished: Some(SHOWN_AFTER_FINISH.num_seconds()),
        },
        status: None,
    }
}

fn status(
    existing: Option<&ReminderJob>,
    view: &ReminderView,
    now: DateTime<Utc>,
) -> ReminderJobStatus {
    let mut status = existing
        .and_then(|job| job.status.clone())
        .unwrap_or_default();
    job_status::copy_view(&mut status, view);
    for delivery in &mut status.deliveries {
        delivery.channel = without_path(&delivery.channel);
        // It may quote the address.
        delivery.last_error = delivery
            .last_error
            .take()
            .filter(|why| !why.contains("://"));
    }
    // So may this, and it is kept longer.
    let why = view.reason.as_deref().filter(|why| !why.contains("://"));
    history::note(&mut status, view, why, false, now);
    let phase = job_plan::phase_of(view.phase);
    let at = job_status::timestamp(now);
    let ready = job_status::view_verdict(view.phase, view.reason.as_deref(), false);
    // No generation: nobody asked for this object by a spec.
    conditions::set(&mut status.conditions, job_status::READY, ready, None, at);
    let finished = job_status::finished_verdict(phase);
    conditions::set(
        &mut status.conditions,
        job_status::FINISHED,
        finished,
        None,
        at,
    );
    status
}

/// `webhook:https://host/secret` without what comes after the host.
fn without_path(channel: &str) -> String {
    let Some((scheme, rest)) = channel.split_once("://") else {
        return channel.into();
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
