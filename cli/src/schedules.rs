//! The RecurringSchedules and ReminderJobs of the manifests, as the operator would follow them: its
//! own pure plan, with the store in place of the API server.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use crds::{RecurringSchedule, ReminderJob, ReminderJobStatus};
use domain::{internal_api::ReminderView, recurrence::Series};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::ResourceExt;
use operator::{
    recurring_schedule::{child, plan, series},
    reminder_job::{plan::phase_of, request},
};
use services::reminders::Reminders;
use sqlx::PgPool;
use store::reminders as stored;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often schedules are planned anew; what is due soon was made long before.
const TICK: Duration = Duration::from_secs(5);

/// Reminders that are read at once.
const PAGE: usize = 500;

/// What waits is read up to this many.
const WAITING_MOST: i64 = 10_000;

/// Follows the manifests.
pub(crate) struct Follower {
    reminders: Arc<Reminders>,
    schedules: Vec<Followed>,
}

struct Followed {
    schedule: RecurringSchedule,
    series: Series,
    jobs: BTreeMap<String, ReminderJob>,
}

impl Follower {
    /// Reads the rules.
    ///
    /// # Errors
    /// Names the field of a rule that cannot be accepted.
    pub(crate) fn new(
        reminders: Arc<Reminders>,
        schedules: Vec<RecurringSchedule>,
    ) -> anyhow::Result<Self> {
        let schedules = schedules
            .into_iter()
            .map(|mut schedule| {
                let name = schedule.name_any();
                let series = series::compile(&schedule.spec.schedule)
                    .map_err(|errors| anyhow::anyhow!("RecurringSchedule {name}: {errors}"))?;
                schedule.metadata.uid = Some(uid("RecurringSchedule", &schedule, "").to_string());
                schedule.metadata.generation = Some(1);
                // Nothing is made up for from before this start.
                schedule.metadata.creation_timestamp = Some(Time(Timestamp::now()));
                Ok(Followed {
                    schedule,
                    series,
                    jobs: BTreeMap::new(),
                })
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            reminders,
            schedules,
        })
    }

    /// Asks for the ReminderJobs, and finds what an earlier run asked for.
    ///
    /// # Errors
    /// From the store, or a job that cannot be accepted.
    pub(crate) async fn begin(&mut self, jobs: Vec<ReminderJob>) -> anyhow::Result<()> {
        let waiting = {
            let mut connection = self.pool().acquire().await?;
            stored::waiting_objects(&mut connection, WAITING_MOST).await?
        };
        let mut wanted = BTreeMap::new();
        for mut job in jobs {
            job.metadata.uid = Some(job_uid(&job)?.to_string());
            wanted.insert(object(&job), request::id(&job).map_err(anyhow::Error::msg)?);
            self.put(&job).await?;
        }
        for view in waiting {
            let Some(name) = view.object.clone() else {
                continue;
            };
            match wanted.get(&name) {
                // It says something else now: the earlier one gives way.
                Some(id) if *id != view.id => self.cancel(view.id).await?,
                Some(_) => {}
                None => {
                    for followed in &mut self.schedules {
                        followed.adopt(&name, &view);
                    }
                }
            }
        }
        self.tick().await
    }

    /// Follows until `shutdown`.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = shutdown.cancelled() => return,
            }
            if let Err(error) = self.tick().await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the schedules are behind; they are planned again"
                );
            }
        }
    }

    fn pool(&self) -> &PgPool {
        &self.reminders.store
    }

    async fn tick(&mut self) -> anyhow::Result<()> {
        let window = chrono::Duration::seconds(self.reminders.policy.window_seconds);
        for index in 0..self.schedules.len() {
            self.observe(index).await?;
            let followed = &mut self.schedules[index];
            let jobs: Vec<ReminderJob> = followed.jobs.values().cloned().collect();
            let plan = plan::plan(
                &followed.schedule,
                &followed.series,
                &jobs,
                window,
                Utc::now(),
            );
            followed.schedule.status = Some(plan.status);
            for job in plan.delete {
                self.schedules[index].jobs.remove(&job.name_any());
                self.cancel(request::id(&job).map_err(anyhow::Error::msg)?)
                    .await?;
            }
            for mut job in plan.create {
                job.metadata.uid = Some(job_uid(&job)?.to_string());
                self.put(&job).await?;
                self.schedules[index].jobs.insert(job.name_any(), job);
            }
            for (mut job, spec) in plan.change {
                job.spec = spec;
                self.put(&job).await?;
                self.schedules[index].jobs.insert(job.name_any(), job);
            }
            for job in plan.count {
                if let Some(job) = self.schedules[index].jobs.get_mut(&job.name_any()) {
                    job.annotations_mut()
                        .insert(child::COUNTED.into(), "true".into());
                }
            }
        }
        Ok(())
    }

    /// Reads the phases of a schedule's ReminderJobs.
    async fn observe(&mut self, index: usize) -> anyhow::Result<()> {
        let ids: Vec<Uuid> = self.schedules[index]
            .jobs
            .values()
            .filter_map(|job| request::id(job).ok())
            .collect();
        let mut views = BTreeMap::new();
        for page in ids.chunks(PAGE) {
            let mut connection = self.pool().acquire().await?;
            for view in stored::lookup(&mut connection, page).await? {
                views.insert(view.id.to_string(), view);
            }
        }
        for job in self.schedules[index].jobs.values_mut() {
            if let Some(view) = job.uid().and_then(|uid| views.remove(&uid)) {
                show(job, &view);
            }
        }
        Ok(())
    }

    async fn put(&self, job: &ReminderJob) -> anyhow::Result<()> {
        let id = request::id(job).map_err(anyhow::Error::msg)?;
        let wanted = request::desired(job)
            .map_err(|error| anyhow::anyhow!("ReminderJob {}: {error}", job.name_any()))?;
        self.reminders.put(id, &wanted).await?;
        Ok(())
    }

    async fn cancel(&self, id: Uuid) -> anyhow::Result<()> {
        self.reminders.cancel(id).await?;
        Ok(())
    }
}

impl Followed {
    /// Takes in a waiting reminder that an earlier run asked for, if it is of this schedule.
    fn adopt(&mut self, object: &str, view: &ReminderView) {
        let schedule = &self.schedule;
        let Some((namespace, name)) = object.split_once('/') else {
            return;
        };
        if schedule.namespace().as_deref() != Some(namespace) {
            return;
        }
        let several = child::offsets(schedule).len() > 1;
        let mut job = child::job(schedule, view.fire_at, chrono::Duration::zero(), several);
        job.metadata.name = Some(name.into());
        let Some(occurrence) = child::occurrence(&schedule.name_any(), &job) else {
            return;
        };
        let jitter = child::jitter(schedule, occurrence).unwrap_or(0);
        let at = view.wanted_at() - chrono::Duration::seconds(jitter);
        job.spec = child::job(schedule, occurrence, occurrence - at, several).spec;
        job.spec.message.clone_from(&view.message);
        job.metadata.uid = Some(view.id.to_string());
        show(&mut job, view);
        self.jobs.insert(name.into(), job);
    }
}

fn show(job: &mut ReminderJob, view: &ReminderView) {
    job.status = Some(ReminderJobStatus {
        phase: Some(phase_of(view.phase)),
        fired_at: view.fired_at,
        lateness_ms: view.lateness_ms,
        ..ReminderJobStatus::default()
    });
}

fn object(job: &ReminderJob) -> String {
    format!("{}/{}", job.namespace().unwrap_or_default(), job.name_any())
}

/// An object's identity, which an API server would give it: its name, and what cannot be changed.
fn uid(kind: &str, object: &impl ResourceExt, content: &str) -> Uuid {
    let namespace = object.namespace().unwrap_or_default();
    let text = format!(
        "todostack.dev/{kind}/{namespace}/{}/{content}",
        object.name_any()
    );
    Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes())
}

fn job_uid(job: &ReminderJob) -> anyhow::Result<Uuid> {
    let mut fixed = job.spec.clone();
    fixed.fire_at = DateTime::UNIX_EPOCH;
    fixed.suspend = false;
    fixed.deadline_seconds = None;
    fixed.ttl_seconds_after_finished = None;
    Ok(uid("ReminderJob", job, &serde_json::to_string(&fixed)?))
}
