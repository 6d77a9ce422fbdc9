//! What the mirror does for one stack.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use crds::{FIELD_MANAGER, ReminderJob};
use domain::internal_api::{Changes, Origin};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    Mirrors, Notice,
    plan::{self, Action, Observed, Shown},
};
use crate::{
    context::Context,
    error::{Doing, Error, Result, is_conflict, is_not_found},
    reminder_job::{plan as job_plan, write_status},
    stack_client::{StackClient, StackError},
};

/// How often the nearest reminders are read although no change was heard of: time alone brings
/// reminders into the horizon.
const PERIOD: Duration = Duration::from_secs(15);
/// Changes that come faster are answered together.
const BREATH: Duration = Duration::from_secs(1);
/// How many changes are taken at once.
const BATCH: usize = 500;
/// Pauses after failures.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub(super) struct Task {
    context: Arc<Context>,
    mirrors: Mirrors,
    shown: watch::Receiver<Shown>,
    cursor: Option<String>,
}

impl Task {
    pub(super) fn new(
        context: Arc<Context>,
        mirrors: Mirrors,
        shown: watch::Receiver<Shown>,
    ) -> Self {
        Self {
            context,
            mirrors,
            shown,
            cursor: None,
        }
    }

    /// Runs until it is dropped.
    pub(super) async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        let mut failing = false;
        loop {
            let Err(error) = self.follow(&mut pause, &mut failing).await;
            self.say(&error, &mut failing, "the mirror stands still");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Counts a failure, and logs the first in a row.
    fn say(&self, error: &Error, failing: &mut bool, what: &str) {
        if !*failing {
            let shown = self.shown.borrow();
            tracing::warn!(%error, namespace = shown.namespace, stack = shown.stack, "{what}; it is tried again");
        }
        *failing = true;
        metrics::counter!("todostack_operator_mirror_errors_total").increment(1);
    }

    /// Follows the stack until something fails.
    async fn follow(
        &mut self,
        pause: &mut Duration,
        failing: &mut bool,
    ) -> Result<std::convert::Infallible> {
        loop {
            let client = {
                let shown = self.shown.borrow_and_update();
                self.context.stacks.of(&shown.namespace, &shown.stack)
            };
            if self.cursor.is_none() {
                // The cursor first: whatever happens while we read the rest is told after it.
                let changes = client
                    .changes(None, Duration::ZERO, BATCH)
                    .await
                    .map_err(stack)?;
                self.cursor = Some(changes.cursor);
                let shown = self.shown.borrow();
                self.context.feed.send(Notice::Missed {
                    namespace: shown.namespace.clone(),
                    stack: shown.stack.clone(),
                });
            }
            let (shown_ids, refused) = self.sync(&client).await?;
            let synced = Instant::now();
            // Until something concerns us, or time is up.
            let until = match refused {
                None => {
                    *pause = FIRST_PAUSE;
                    *failing = false;
                    synced + self.period()
                }
                // What the stack tells is heard all the same: others wait for it.
                Some(error) => {
                    self.say(&error, failing, "the mirror is incomplete");
                    let until = synced + *pause;
                    *pause = (*pause * 2).min(LONGEST_PAUSE);
                    until
                }
            };
            while Instant::now() < until && !self.shown.has_changed().unwrap_or(false) {
                let left = until.saturating_duration_since(Instant::now());
                // In whole seconds, as the interface has it; rounded up, or the last is polled away.
                let wait = Duration::from_secs(left.as_secs() + 1);
                if self.hear(&client, wait, &shown_ids).await? {
                    break;
                }
            }
            tokio::time::sleep(BREATH.saturating_sub(synced.elapsed())).await;
        }
    }

    fn period(&self) -> Duration {
        let (_, mirrors) = self.of_this_stack();
        let expiry = plan::next_expiry(&mirrors)
            .map(|at| (at - Utc::now()).to_std().unwrap_or_default() + BREATH);
        expiry.map_or(PERIOD, |expiry| expiry.min(PERIOD))
    }

    /// Waits for changes and passes them on. Whether one of them concerns what is shown.
    async fn hear(
        &mut self,
        client: &StackClient,
        wait: Duration,
        shown_ids: &HashSet<Uuid>,
    ) -> Result<bool> {
        let poll = client.changes(self.cursor.as_deref(), wait, BATCH);
        let changes = tokio::select! {
            changes = poll => changes,
            _ = self.shown.changed() => return Ok(true),
        };
        let Changes { items, cursor } = match changes {
            Ok(changes) => changes,
            Err(StackError::Refused { detail, .. }) => {
                // The database was replaced, or has forgotten what came after our cursor.
                tracing::info!(detail, "starting the changes afresh");
                self.cursor = None;
                return Ok(true);
            }
            Err(error) => return Err(stack(error)),
        };
        self.cursor = Some(cursor);
        let reminders = self.shown.borrow().reminders.clone();
        let now = Utc::now();
        let mut concerned = false;
        for view in items {
            concerned |= plan::concerns(&view, shown_ids, &reminders, now);
            if view.origin == Origin::Kubernetes {
                self.context.feed.send(Notice::Changed(Box::new(view)));
            }
        }
        Ok(concerned)
    }

    /// Brings the mirrors up to date, as far as the API server lets us; returns which reminders are
    /// shown and the first write that was refused.
    async fn sync(&self, client: &StackClient) -> Result<(HashSet<Uuid>, Option<Error>)> {
        let (shown, mirrors) = self.of_this_stack();
        let limit = usize::try_from(shown.reminders.mirror_limit).unwrap_or(0);
        let horizon = u64::try_from(shown.reminders.mirror_horizon_seconds).unwrap_or(0);
        let upcoming = if limit == 0 || horizon == 0 {
            Vec::new()
        } else {
            client
                .upcoming(Duration::from_secs(horizon), limit)
                .await
                .map_err(stack)?
        };
        let unknown = plan::unknown(&mirrors, &upcoming);
        let others = client.lookup(&unknown).await.map_err(stack)?;
        let mut ids: HashSet<Uuid> = mirrors.iter().filter_map(plan::shown_id).collect();
        ids.extend(upcoming.iter().map(|view| view.id));
        let observed = Observed {
            upcoming,
            others,
            mirrors,
        };
        let api: Api<ReminderJob> = Api::namespaced(self.context.client.clone(), &shown.namespace);
        let mut refused = None;
        for action in plan::plan(&shown, &observed, Utc::now()) {
            if let Err(error) = apply(&api, action).await {
                tracing::debug!(%error, "cannot show a reminder");
                refused.get_or_insert(error);
            }
        }
        Ok((ids, refused))
    }

    fn of_this_stack(&self) -> (Shown, Vec<ReminderJob>) {
        let shown = self.shown.borrow().clone();
        let mirrors = self
            .mirrors
            .state()
            .iter()
            .filter_map(|guard| guard.0.as_ref().ok())
            .filter(|job| {
                job_plan::is_mirror(job)
                    && job.namespace().as_deref() == Some(shown.namespace.as_str())
                    && job
                        .owner_references()
                        .iter()
                        .any(|owner| owner.uid == shown.uid)
            })
            .cloned()
            .collect();
        (shown, mirrors)
    }
}

fn stack(error: StackError) -> Error {
    Error::Stack(error.to_string())
}

async fn apply(api: &Api<ReminderJob>, action: Action) -> Result<()> {
    match action {
        Action::Apply(mut job) => {
            let name = job.name_any();
            let status = job.status.take().unwrap_or_default();
            let parameters = PatchParams::apply(FIELD_MANAGER).force();
            let made = api
                .patch(&name, &parameters, &Patch::Apply(&*job))
                .await
                .doing(|| format!("apply ReminderJob {name}"))?;
            write(api, made, status).await
        }
        Action::Status(mut job) => {
            let status = job.status.take().unwrap_or_default();
            write(api, *job, status).await
        }
        Action::Delete(job) => {
            let name = job.name_any();
            let parameters = DeleteParams {
                preconditions: Some(Preconditions {
                    uid: job.uid(),
                    resource_version: None,
                }),
                ..DeleteParams::background()
            };
            match api.delete(&name, &parameters).await {
                Ok(_) => Ok(()),
                Err(error) if is_not_found(&error) || is_conflict(&error) => Ok(()),
                Err(error) => Err(error).doing(|| format!("delete ReminderJob {name}")),
            }
        }
    }
}

async fn write(
    api: &Api<ReminderJob>,
    job: ReminderJob,
    status: crds::ReminderJobStatus,
) -> Result<()> {
    match write_status(api, job, status).await {
        // Made again meanwhile: the next round sees the new one.
        Err(Error::Kube { source, .. }) if is_conflict(&source) => Ok(()),
        other => other.map(drop),
    }
}
