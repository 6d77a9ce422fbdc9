//! All that is read and written for one RecurringSchedule.

use std::time::Duration;

use chrono::Utc;
use crds::{
    FIELD_MANAGER, RecurringSchedule, RecurringScheduleStatus, ReminderJob, ReminderJobSpec,
    RemindersSpec, TodoStack,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
    core::DeserializeGuard,
    runtime::{controller::Action, events::EventType, reflector::Store},
};
use serde_json::json;

use super::{
    child,
    counted::{Counted, Owed},
    plan::{self, Plan},
    series, status,
};
use crate::{
    context::Context,
    error::{Doing, Error, Result, is_conflict, is_not_found},
    reminder_job::status::timestamp,
};

/// How soon to plan again on what our cache will have then.
const CACHE_CATCHES_UP: Duration = Duration::from_millis(500);
/// A clock that jumps would else leave a schedule asleep for as long as its next occurrence is away.
const LONGEST_SLEEP: Duration = Duration::from_secs(6 * 3600);

type Children = Store<DeserializeGuard<ReminderJob>>;

/// One schedule.
pub(super) async fn reconcile(
    schedule: &RecurringSchedule,
    context: &Context,
    children: &Children,
    counted: &Counted,
) -> Result<Action> {
    if schedule.metadata.deletion_timestamp.is_some() {
        // Its ReminderJobs are collected with it, and their finalizers cancel the alarms.
        return Ok(Action::await_change());
    }
    let one = One::new(schedule, context);
    let rule = match series::compile(&schedule.spec.schedule) {
        Ok(rule) => rule,
        Err(errors) => {
            let status = status::refused(schedule, &errors.to_string(), Utc::now());
            one.show(status).await?;
            return Ok(Action::await_change());
        }
    };
    let mut jobs: Vec<ReminderJob> = children
        .state()
        .iter()
        .filter_map(|guard| guard.0.as_ref().ok())
        .filter(|job| job.namespace() == schedule.namespace() && child::is_of(job, schedule))
        .cloned()
        .collect();
    let window = one.window().await?;
    let now = Utc::now();
    let owed = counted.recall(&one.uid(), &mut jobs, timestamp(now));
    let plan = plan::plan(schedule, &rule, &jobs, window, now);
    let next = plan.next;
    match one.apply(plan, counted, owed).await {
        // Written by ourselves a moment ago, most often.
        Err(error) if is_stale(&error) => return Ok(Action::requeue(CACHE_CATCHES_UP)),
        applied => applied?,
    }
    Ok(next.map_or_else(Action::await_change, |at| {
        // A little later, so that its time has come by any clock of ours.
        let pause = (at - Utc::now()).to_std().unwrap_or_default() + Duration::from_millis(500);
        Action::requeue(pause.min(LONGEST_SLEEP))
    }))
}

struct One<'a> {
    schedule: &'a RecurringSchedule,
    context: &'a Context,
    name: String,
    namespace: String,
    jobs: Api<ReminderJob>,
}

impl<'a> One<'a> {
    fn new(schedule: &'a RecurringSchedule, context: &'a Context) -> Self {
        let namespace = schedule.namespace().unwrap_or_default();
        Self {
            schedule,
            context,
            name: schedule.name_any(),
            jobs: Api::namespaced(context.client.clone(), &namespace),
            namespace,
        }
    }

    fn uid(&self) -> String {
        self.schedule.uid().unwrap_or_default()
    }

    /// The stack's catch-up window; the usual one while the stack does not exist.
    async fn window(&self) -> Result<chrono::Duration> {
        let name = &self.schedule.spec.stack_ref.name;
        let stacks: Api<DeserializeGuard<TodoStack>> =
            Api::namespaced(self.context.client.clone(), &self.namespace);
        let stack = stacks
            .get_opt(name)
            .await
            .doing(|| format!("get TodoStack {name}"))?;
        let reminders = stack
            .and_then(|guard| guard.0.ok())
            .map_or_else(RemindersSpec::default, |stack| stack.spec.reminders);
        Ok(chrono::Duration::seconds(reminders.catch_up_window_seconds))
    }

    /// First what goes, since a quota may be full; then what makes reminders; then the status, for it
    /// says what is made; what it counts as missed goes last. One write that is refused does not stop
    /// the others. `owed`: what a status that was written before has counted.
    async fn apply(&self, plan: Plan, counted: &Counted, mut owed: Owed) -> Result<()> {
        let mut errors = Vec::new();
        let (late, delete): (Vec<_>, Vec<_>) = plan
            .delete
            .into_iter()
            .partition(|job| plan.counted.contains(&job.name_any()));
        for job in &delete {
            errors.extend(self.delete(job).await.err());
        }
        let mut tried = Vec::new();
        for job in plan.create {
            let at = child::occurrence(&self.name, &job);
            let made = self.create(job).await;
            tried.extend(at.map(|at| (at, made.is_ok())));
            errors.extend(made.err());
        }
        for (job, spec) in &plan.change {
            errors.extend(self.change(job, spec).await.err());
        }
        let mut status = plan.status;
        let stored = self.schedule.status.as_ref();
        let stored = stored.and_then(|stored| stored.made_until);
        status.made_until = status::made_until(stored, status.made_until, &tried);
        // What another changed meanwhile is planned anew in a moment: nobody need know.
        errors.sort_by_key(is_stale);
        if let Some(error) = errors.first().filter(|error| !is_stale(error)) {
            status::overrule(self.schedule, &mut status, error, Utc::now());
        }
        let shown = self.show(status).await;
        if shown.is_ok() {
            let new = Owed {
                mark: plan.count,
                delete: late,
            };
            counted.remember(&self.uid(), &new);
            owed.mark.extend(new.mark);
            owed.delete.extend(new.delete);
        }
        for job in &owed.mark {
            errors.extend(self.mark_counted(job).await.err());
        }
        for job in &owed.delete {
            if job.metadata.deletion_timestamp.is_none() {
                errors.extend(self.delete(job).await.err());
            }
        }
        errors.into_iter().next().map_or(shown, Err)
    }

    /// Made, not applied: an object of that name that is not ours must stay as it is.
    async fn create(&self, job: ReminderJob) -> Result<()> {
        let name = job.name_any();
        let parameters = PostParams {
            field_manager: Some(FIELD_MANAGER.into()),
            ..PostParams::default()
        };
        match self.jobs.create(&parameters, &job).await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(&error) => {
                let there = self
                    .jobs
                    .get_opt(&name)
                    .await
                    .doing(|| format!("get ReminderJob {name}"))?;
                match there {
                    // Our cache was behind.
                    Some(there) if child::is_of(&there, self.schedule) => Ok(()),
                    Some(_) => Err(name_taken(&name)),
                    None => Err(error).doing(|| format!("create ReminderJob {name}")),
                }
            }
            Err(error) => Err(error).doing(|| format!("create ReminderJob {name}")),
        }
    }

    async fn change(&self, job: &ReminderJob, spec: &ReminderJobSpec) -> Result<()> {
        let name = job.name_any();
        // Null takes a field away.
        let patch = json!({
            "metadata": {"uid": job.uid(), "resourceVersion": job.resource_version()},
            "spec": {
                "fireAt": spec.fire_at,
                "suspend": spec.suspend,
                "deadlineSeconds": spec.deadline_seconds,
                "ttlSecondsAfterFinished": spec.ttl_seconds_after_finished,
            },
        });
        self.patch(&name, &patch).await
    }

    /// Whatever else changed in it meanwhile: it is counted already.
    async fn mark_counted(&self, job: &ReminderJob) -> Result<()> {
        let patch = json!({"metadata": {
            "uid": job.uid(),
            "annotations": {child::COUNTED: "true"},
        }});
        self.patch(&job.name_any(), &patch).await
    }

    /// Only an object that is still the one that the plan was made for.
    async fn patch(&self, name: &str, patch: &serde_json::Value) -> Result<()> {
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.into()),
            ..PatchParams::default()
        };
        match self
            .jobs
            .patch(name, &parameters, &Patch::Merge(patch))
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if is_not_found(&error) => Ok(()),
            Err(error) => Err(error).doing(|| format!("change ReminderJob {name}")),
        }
    }

    async fn delete(&self, job: &ReminderJob) -> Result<()> {
        let name = job.name_any();
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                uid: job.uid(),
                resource_version: None,
            }),
            ..DeleteParams::background()
        };
        match self.jobs.delete(&name, &parameters).await {
            Ok(_) => Ok(()),
            Err(error) if is_not_found(&error) || is_conflict(&error) => Ok(()),
            Err(error) => Err(error).doing(|| format!("delete ReminderJob {name}")),
        }
    }

    /// Writes the status where it is another than before. Only on top of the one that it was counted
    /// up from: by a stale one, occurrences would count as missed twice.
    async fn show(&self, status: RecurringScheduleStatus) -> Result<()> {
        if self.schedule.status.as_ref() == Some(&status) {
            return Ok(());
        }
        let patch = json!({
            "apiVersion": "todostack.dev/v1alpha1",
            "kind": "RecurringSchedule",
            "metadata": {
                "name": self.name,
                "uid": self.schedule.uid(),
                "resourceVersion": self.schedule.resource_version(),
            },
            "status": status,
        });
        let schedules: Api<RecurringSchedule> =
            Api::namespaced(self.context.client.clone(), &self.namespace);
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        match schedules
            .patch_status(&self.name, &parameters, &Patch::Apply(&patch))
            .await
        {
            Ok(_) => {}
            Err(error) if is_not_found(&error) => return Ok(()),
            Err(error) => {
                return Err(error)
                    .doing(|| format!("apply the status of RecurringSchedule {}", self.name));
            }
        }
        for news in status::news(self.schedule.status.as_ref(), &status) {
            let kind = if news.warning {
                EventType::Warning
            } else {
                EventType::Normal
            };
            self.context
                .event(self.schedule, kind, &news.reason, "Reconcile", &news.note)
                .await;
        }
        Ok(())
    }
}

/// The object changed since the plan was made.
fn is_stale(error: &Error) -> bool {
    matches!(error, Error::Kube { source, .. } if is_conflict(source))
}

fn name_taken(name: &str) -> Error {
    Error::Retry {
        reason: "NameTaken".into(),
        message: format!(
            "a ReminderJob {name} exists that is not of this RecurringSchedule: delete or rename it"
        ),
        after: Some(Duration::from_secs(30)),
    }
}
