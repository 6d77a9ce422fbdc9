//! All that is read and written for one ReminderJob, in the order in which the plan wants it.

use crds::{FIELD_MANAGER, FINALIZER_CANCEL, ReminderJob, ReminderJobStatus, TodoStack};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    runtime::{controller::Action, events::EventType},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    State,
    observe::{self, Seen},
    plan::{self, Farewell, Next, Outcome},
    request,
    stacks::StackState,
    status,
};
use crate::{
    context::Context,
    error::{Doing, Error, Result, is_conflict, is_not_found},
    stack_client::{StackClient, StackError},
};

/// How soon to look again at what our cache will have then.
const CACHE_CATCHES_UP: std::time::Duration = std::time::Duration::from_millis(500);

/// One job, on its way or on its way out.
pub(super) async fn reconcile(
    job: std::sync::Arc<ReminderJob>,
    context: &Context,
    state: &State,
) -> Result<Action> {
    let job = ReminderJob::clone(&job);
    let namespace = job.namespace().unwrap_or_default();
    let one = One {
        context,
        state,
        api: Api::namespaced(context.client.clone(), &namespace),
        id: request::id(&job).map_err(Error::Invalid)?,
        client: context.stacks.of(&namespace, &job.spec.stack_ref.name),
        namespace,
    };
    let done = if job.metadata.deletion_timestamp.is_some() {
        one.leave(job).await
    } else if plan::is_mirror(&job) {
        // The mirror writes these.
        Ok(Action::await_change())
    } else if plan::is_finished(&job) {
        one.over(job).await
    } else {
        one.follow(job).await
    };
    match done {
        // Written by ourselves a moment ago, most often.
        Err(Error::Kube { source, .. }) if is_conflict(&source) => {
            Ok(Action::requeue(CACHE_CATCHES_UP))
        }
        done => done,
    }
}

struct One<'a> {
    context: &'a Context,
    state: &'a State,
    api: Api<ReminderJob>,
    client: std::sync::Arc<StackClient>,
    namespace: String,
    id: Uuid,
}

impl One<'_> {
    async fn follow(&self, job: ReminderJob) -> Result<Action> {
        let heard = self.state.memory.heard(self.id);
        let stack = self
            .state
            .stacks
            .state(&self.namespace, &job.spec.stack_ref.name);
        let (job, outcome) = if stack == StackState::Ready {
            let job = match status::first_status(&job, chrono::Utc::now()) {
                // Whoever watches sees that it was taken up before the stack answers.
                Some(status) => self.show(job, status).await?,
                None => job,
            };
            let seen = observe::seen(&job, self.id, heard, &self.client).await;
            self.offer(job, seen).await?
        } else {
            (job, Outcome::NotAsked(stack))
        };
        let now = chrono::Utc::now();
        let mut latest = job.clone();
        self.state.memory.recall_history(self.id, &mut latest);
        let status = status::status(&latest, &outcome, now);
        let job = self.show(job, status.clone()).await?;
        if plan::is_finished(&job) {
            self.release(&job).await?;
            self.state.memory.forget(self.id);
        }
        let next = plan::next(&job, &status, Some(&outcome), now);
        tracing::debug!(job = job.name_any(), %outcome, ?next, "followed");
        match next {
            Next::Retry => Err(Error::Stack(format!("{outcome}"))),
            next => self.then(&job, next).await,
        }
    }

    /// Sends the reminder to the stack where that is needed, under the finalizer.
    async fn offer(&self, job: ReminderJob, seen: Seen) -> Result<(ReminderJob, Outcome)> {
        let put = match plan::request(&job, &seen) {
            Ok(Some(put)) => put,
            Ok(None) => {
                let outcome = match seen {
                    Seen::View(view) => Outcome::View(view),
                    Seen::Failed(error) => Outcome::from_error(&error),
                    // The plan sends where nothing is known, so there is nothing else to tell.
                    Seen::NotAsked | Seen::Gone => Outcome::NotAsked(StackState::NotReady),
                };
                return Ok((job, outcome));
            }
            Err(why) => return Ok((job, Outcome::Refused(why))),
        };
        let job = self.hold(job).await?;
        let outcome = match self.client.put(self.id, &put).await {
            Ok(view) => Outcome::View(Box::new(view)),
            Err(error @ StackError::Refused { .. }) => {
                // It may have been refused because it has fired meanwhile.
                match self.client.get(self.id).await {
                    Ok(Some(view)) if !view.phase.is_waiting() => Outcome::View(Box::new(view)),
                    _ => Outcome::from_error(&error),
                }
            }
            Err(error) => Outcome::from_error(&error),
        };
        Ok((job, outcome))
    }

    /// A job that is over: only its time to live is left.
    async fn over(&self, job: ReminderJob) -> Result<Action> {
        let now = chrono::Utc::now();
        let status = status::finished_status(&job, now);
        let job = self.show(job, status.clone()).await?;
        self.release(&job).await?;
        self.state.memory.forget(self.id);
        self.then(&job, plan::next(&job, &status, None, now)).await
    }

    /// A job that is being deleted.
    async fn leave(&self, job: ReminderJob) -> Result<Action> {
        if !job.finalizers().iter().any(|f| f == FINALIZER_CANCEL) {
            self.state.memory.forget(self.id);
            return Ok(Action::await_change());
        }
        let mut stack = self
            .state
            .stacks
            .state(&self.namespace, &job.spec.stack_ref.name);
        if stack == StackState::Missing {
            stack = self.really_missing(&job).await?;
        }
        let why = match plan::farewell(&job, stack) {
            Farewell::Hold => {
                let why = "the reminders service of its TodoStack does not run";
                let status = status::held_status(&job, why, chrono::Utc::now());
                self.show(job, status).await?;
                // The stack wakes us when it comes back or goes.
                return Ok(Action::requeue(plan::BACKSTOP));
            }
            Farewell::Nothing | Farewell::StackGone => None,
            Farewell::TryCancel => {
                // Its services may have stopped already; their database row goes with the stack.
                if let Err(error) = self.client.delete(self.id).await {
                    tracing::info!(%error, job = job.name_any(), "not cancelled: its stack is being deleted");
                }
                None
            }
            Farewell::Cancel => match self.client.delete(self.id).await {
                Ok(_) => None,
                Err(error @ StackError::Refused { .. }) => {
                    tracing::warn!(%error, job = job.name_any(), "the stack will not cancel it; it goes all the same");
                    None
                }
                Err(error) => Some(error.to_string()),
            },
        };
        match why {
            None => {
                self.release(&job).await?;
                self.state.memory.forget(self.id);
                Ok(Action::await_change())
            }
            Some(why) => {
                let status = status::held_status(&job, &why, chrono::Utc::now());
                self.show(job, status).await?;
                Err(Error::Retry {
                    reason: "CancelPending".into(),
                    message: why,
                    after: None,
                })
            }
        }
    }

    /// Our cache may be behind, and an alarm that nobody can cancel any more would be left.
    async fn really_missing(&self, job: &ReminderJob) -> Result<StackState> {
        let name = &job.spec.stack_ref.name;
        let stacks: Api<TodoStack> = Api::namespaced(self.context.client.clone(), &self.namespace);
        let stack = stacks
            .get_opt(name)
            .await
            .doing(|| format!("get TodoStack {name}"))?;
        Ok(StackState::of(stack.as_ref()))
    }

    async fn then(&self, job: &ReminderJob, next: Next) -> Result<Action> {
        match next {
            Next::After(pause) => Ok(Action::requeue(pause)),
            Next::Wait | Next::Retry => Ok(Action::await_change()),
            Next::Delete => {
                let parameters = DeleteParams {
                    preconditions: Some(Preconditions {
                        uid: job.uid(),
                        resource_version: None,
                    }),
                    ..DeleteParams::background()
                };
                match self.api.delete(&job.name_any(), &parameters).await {
                    Ok(_) => Ok(Action::await_change()),
                    Err(error) if is_not_found(&error) => Ok(Action::await_change()),
                    other => other
                        .doing(|| format!("delete ReminderJob {}", job.name_any()))
                        .map(|_| Action::await_change()),
                }
            }
        }
    }

    /// Writes the status where it is another than before, and tells what is new.
    async fn show(&self, job: ReminderJob, status: ReminderJobStatus) -> Result<ReminderJob> {
        let memory = &self.state.memory;
        if !memory.is_new(self.id, &status, job.status.as_ref()) {
            return Ok(job);
        }
        let news = status::news(job.status.as_ref(), &status);
        let written = write_status(&self.api, job, status.clone()).await?;
        memory.shown(self.id, &status);
        let Some(mut job) = written else {
            // Deleted meanwhile.
            memory.forget(self.id);
            return Err(Error::Retry {
                reason: "Deleted".into(),
                message: "the object went while it was reconciled".into(),
                after: None,
            });
        };
        job.managed_fields_mut().clear();
        if let Some(news) = news {
            let kind = if news.warning {
                EventType::Warning
            } else {
                EventType::Normal
            };
            self.context
                .event(&job, kind, &news.reason, "Reconcile", &news.note)
                .await;
        }
        Ok(job)
    }

    async fn hold(&self, job: ReminderJob) -> Result<ReminderJob> {
        if job.finalizers().iter().any(|f| f == FINALIZER_CANCEL) {
            return Ok(job);
        }
        let mut finalizers = job.finalizers().to_vec();
        finalizers.push(FINALIZER_CANCEL.into());
        self.set_finalizers(job, &finalizers).await
    }

    async fn release(&self, job: &ReminderJob) -> Result<()> {
        let left: Vec<String> = job
            .finalizers()
            .iter()
            .filter(|f| *f != FINALIZER_CANCEL)
            .cloned()
            .collect();
        if left.len() == job.finalizers().len() {
            return Ok(());
        }
        match self.set_finalizers(job.clone(), &left).await {
            Err(Error::Kube { source, .. }) if is_not_found(&source) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Only if the object is still as we know it: the list is written as a whole.
    async fn set_finalizers(&self, job: ReminderJob, finalizers: &[String]) -> Result<ReminderJob> {
        let name = job.name_any();
        let patch = json!({"metadata": {
            "resourceVersion": job.resource_version(),
            "finalizers": finalizers,
        }});
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.into()),
            ..PatchParams::default()
        };
        self.api
            .patch(&name, &parameters, &Patch::Merge(&patch))
            .await
            .doing(|| format!("set the finalizers of ReminderJob {name}"))
    }
}

/// Applies the status of a job, as its only writer; none when the job is gone.
pub(crate) async fn write_status(
    api: &Api<ReminderJob>,
    job: ReminderJob,
    status: ReminderJobStatus,
) -> Result<Option<ReminderJob>> {
    let name = job.name_any();
    let patch = json!({
        "apiVersion": "todostack.dev/v1alpha1",
        "kind": "ReminderJob",
        // Of this one, not of another that has taken its name.
        "metadata": {"name": name, "uid": job.uid()},
        "status": status,
    });
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    match api
        .patch_status(&name, &parameters, &Patch::Apply(&patch))
        .await
    {
        Ok(job) => Ok(Some(job)),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(error).doing(|| format!("apply the status of ReminderJob {name}")),
    }
}
