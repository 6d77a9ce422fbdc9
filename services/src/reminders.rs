//! The reminders service: keeps the alarm clock in step with the store, fires reminders when alarms
//! ring, and sweeps up what the clock lost.

pub mod internal_api;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use chrono::{DateTime, Utc};
use domain::{
    event::{Event, Topic},
    internal_api::ReminderPut,
    reminder::{Alarm, CatchUp},
};
use sqlx::PgPool;
use store::reminders::{self, Fired, Put};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    alarm::{AlarmClock, settle},
    consumer::Consumer,
};

/// An alarm may still ring by itself within this time; later than this the sweep fires.
const PATIENCE: chrono::Duration = chrono::Duration::seconds(5);

/// The sweep makes sure of the alarms of this time ahead: two of its rounds.
const AHEAD: chrono::Duration = chrono::Duration::seconds(120);

/// How long a round sets alarms, at most: the next round goes on.
const MENDING: Duration = Duration::from_secs(50);

/// A firing that nobody serves after this long is told again.
const UNSERVED: chrono::Duration = chrono::Duration::minutes(5);

/// Rows of one round of the sweep, for each thing that it mends.
const ROUND: i64 = 1000;

/// Later than this a firing counts against the catch-up policy's rate.
const LATE: chrono::Duration = chrono::Duration::seconds(10);

/// The service.
pub struct Reminders {
    /// The store.
    pub pool: PgPool,
    /// The alarm clock.
    pub clock: Arc<dyn AlarmClock>,
    /// What to do with overdue reminders.
    pub policy: CatchUp,
    pace: Pace,
    sweeping: tokio::sync::Mutex<()>,
}

impl Reminders {
    /// A service with this alarm clock.
    pub fn new(pool: PgPool, clock: Arc<dyn AlarmClock>, policy: CatchUp) -> Arc<Self> {
        Arc::new(Self {
            pool,
            clock,
            policy,
            pace: Pace::default(),
            sweeping: tokio::sync::Mutex::default(),
        })
    }

    /// Fires what an alarm stands for, if it still does. A late one that rings beyond the catch-up
    /// rate is left to the sweep, which keeps the rate.
    ///
    /// # Errors
    /// When the store is away: the alarm must ring again.
    pub async fn ring(&self, alarm: &Alarm, path: reminders::Path) -> anyhow::Result<Fired> {
        let now = Utc::now();
        let may_fire = |late| {
            path == reminders::Path::Sweep
                || late <= LATE
                || self.pace.take(now, self.policy.per_second)
        };
        let mut transaction = self.pool.begin().await?;
        let fired =
            reminders::ring(&mut transaction, alarm, path, self.policy, may_fire, now).await?;
        transaction.commit().await?;
        let result = match fired {
            Fired::Now { late } => {
                metrics::histogram!("todostack_reminder_lateness_seconds")
                    .record(late.as_seconds_f64());
                "fired"
            }
            Fired::Suspended => "suspended",
            Fired::Stale => "stale",
            Fired::Early => "early",
            Fired::Deferred => "deferred",
            Fired::Missed => "missed",
            Fired::Failed => "failed",
            Fired::Unknown => "unknown",
        };
        metrics::counter!("todostack_alarms_rung_total", "path" => path.as_str(), "result" => result)
            .increment(1);
        Ok(fired)
    }

    /// What an alarm of the clock comes to: `true` when the clock is done with it.
    ///
    /// # Errors
    /// When the store is away: the alarm must ring again.
    pub async fn on_alarm(&self, alarm: &Alarm) -> anyhow::Result<bool> {
        Ok(self.ring(alarm, reminders::Path::Alarm).await? != Fired::Early)
    }

    /// One round: fires what is overdue, at the catch-up rate; tells again of firings that nobody
    /// serves; sets alarms that are not set; makes sure of those that are about to ring; takes away
    /// those left over. While a round runs, another does nothing.
    ///
    /// # Errors
    /// The first failure, after everything had its turn.
    pub async fn sweep(&self) -> anyhow::Result<()> {
        let Ok(_alone) = self.sweeping.try_lock() else {
            return Ok(());
        };
        let started = std::time::Instant::now();
        let fired = self.fire_overdue().await;
        let told = self.tell_again().await;
        let mended = tokio::time::timeout(MENDING, self.mend_alarms())
            .await
            .unwrap_or_else(|_| {
                Err(anyhow::anyhow!(
                    "setting alarms took longer than {MENDING:?}"
                ))
            });
        metrics::histogram!("todostack_sweep_seconds").record(started.elapsed().as_secs_f64());
        fired.and(told).and(mended)
    }

    async fn tell_again(&self) -> anyhow::Result<()> {
        let now = Utc::now();
        let mut transaction = self.pool.begin().await?;
        let told = reminders::tell_again(&mut transaction, now - UNSERVED, ROUND, now).await?;
        transaction.commit().await?;
        if told > 0 {
            tracing::warn!(
                reminders = told,
                "they fired and nobody served their channels; it is told again"
            );
        }
        Ok(())
    }

    async fn fire_overdue(&self) -> anyhow::Result<()> {
        // A round must end before the next begins; what is left over is the next one's.
        let until = tokio::time::Instant::now() + Duration::from_secs(45);
        let per_second = i64::from(self.policy.per_second.max(1));
        while tokio::time::Instant::now() < until {
            let second = tokio::time::Instant::now() + Duration::from_secs(1);
            let overdue = reminders::overdue(
                &mut *self.pool.acquire().await?,
                Utc::now() - PATIENCE,
                per_second,
            )
            .await?;
            let mut failed = None;
            for item in &overdue {
                let alarm = item.current().0;
                if let Err(error) = self.ring(&alarm, reminders::Path::Sweep).await {
                    tracing::warn!(reminder = %alarm.reminder, error = format!("{error:#}"), "could not fire; the others go on");
                    failed = Some(error);
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
            if (overdue.len() as i64) < per_second {
                return Ok(());
            }
            tokio::time::sleep_until(second).await;
        }
        Ok(())
    }

    async fn mend_alarms(&self) -> anyhow::Result<()> {
        let mut connection = self.pool.acquire().await?;
        let mut work = reminders::unarmed(&mut connection, ROUND).await?;
        work.extend(reminders::left_over(&mut connection, ROUND).await?);
        let now = Utc::now();
        let imminent =
            reminders::imminent(&mut connection, now - PATIENCE, now + AHEAD, ROUND).await?;
        drop(connection);
        let settled = settle(&self.pool, self.clock.as_ref(), &work).await;
        for item in imminent {
            let (alarm, at) = item.current();
            if item.to_set().is_none() && !self.clock.is_set(&alarm).await? && at > Utc::now() {
                tracing::warn!(reminder = %alarm.reminder, "its alarm was lost; it is set again");
                metrics::counter!("todostack_alarms_mended_total").increment(1);
                self.clock.set(&alarm, at).await?;
            }
        }
        settled
    }

    /// Makes a reminder what a `ReminderJob` asks for, and sets its alarm.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn put(&self, id: Uuid, wanted: &ReminderPut) -> Result<Put, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let done = reminders::put(&mut transaction, id, wanted, Utc::now()).await?;
        transaction.commit().await?;
        if done == Put::Changed {
            self.settle(id).await;
        }
        Ok(done)
    }

    /// Cancels a reminder that a `ReminderJob` asked for, and takes its alarm away. `false`: there is no
    /// such reminder.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn cancel(&self, id: Uuid) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let found = reminders::cancel(&mut transaction, id, Utc::now()).await?;
        transaction.commit().await?;
        if found {
            self.settle(id).await;
        }
        Ok(found)
    }

    /// Sets or takes away the alarm of one reminder. Its row is written: when the alarm clock is away
    /// the sweep does the rest.
    async fn settle(&self, id: Uuid) {
        let outcome = async {
            let work = reminders::work_of(&mut *self.pool.acquire().await?, id).await?;
            settle(&self.pool, self.clock.as_ref(), &work).await
        };
        if let Err(error) = outcome.await {
            tracing::warn!(reminder = %id, error = format!("{error:#}"), "its alarm is not as it should be yet; the sweep mends it");
        }
    }

    /// Rings as the in-process timer does, until `shutdown`.
    pub async fn listen(
        self: Arc<Self>,
        mut ringing: mpsc::UnboundedReceiver<Alarm>,
        shutdown: CancellationToken,
    ) {
        loop {
            let alarm = tokio::select! {
                Some(alarm) = ringing.recv() => alarm,
                () = shutdown.cancelled() => return,
            };
            let service = self.clone();
            tokio::spawn(async move {
                if let Err(error) = service.ring(&alarm, reminders::Path::Alarm).await {
                    tracing::warn!(reminder = %alarm.reminder, error = format!("{error:#}"), "could not fire; the sweep will");
                }
            });
        }
    }
}

/// How many late firings this second has seen.
#[derive(Default)]
struct Pace {
    second: AtomicI64,
    taken: AtomicU32,
}

impl Pace {
    /// Whether one more is allowed now. Two threads at the turn of a second may allow a few too many.
    fn take(&self, now: DateTime<Utc>, per_second: u32) -> bool {
        let second = now.timestamp();
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.taken.store(0, Ordering::Relaxed);
        }
        self.taken.fetch_add(1, Ordering::Relaxed) < per_second
    }
}

/// A task was written: its reminders' alarms follow.
#[async_trait]
impl Consumer for Reminders {
    fn name(&self) -> &'static str {
        "reminders"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::TaskEvents]
    }

    async fn handle(&self, event: &Event) -> anyhow::Result<()> {
        // It reads the store as it is now, so that an event twice or out of order does no harm:
        // it needs no inbox.
        let task: Uuid = event.subject.parse()?;
        let work = reminders::work_of_task(&mut *self.pool.acquire().await?, task).await?;
        settle(&self.pool, self.clock.as_ref(), &work).await
    }
}

/// `POST /job/<name>`: an alarm rings. `POST /sweep`: Dapr's cron binding.
///
/// Any answer but a 2xx or 404 makes Dapr call again in 5 s; so nothing here answers 404.
pub fn routes(service: Arc<Reminders>) -> Router {
    Router::new()
        .route("/job/{name}", post(on_job))
        .route("/sweep", post(on_sweep).options(async || StatusCode::OK))
        .with_state(service)
}

async fn on_job(State(service): State<Arc<Reminders>>, Path(name): Path<String>) -> StatusCode {
    let Some(alarm) = Alarm::parse(&name) else {
        tracing::error!(name, "a job of this app-id that is not ours: acknowledged");
        return StatusCode::OK;
    };
    match service.on_alarm(&alarm).await {
        Ok(true) => StatusCode::OK,
        Ok(false) => StatusCode::SERVICE_UNAVAILABLE,
        Err(error) => {
            tracing::warn!(reminder = %alarm.reminder, error = format!("{error:#}"), "could not fire; the alarm rings again");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

async fn on_sweep(State(service): State<Arc<Reminders>>) -> StatusCode {
    // The binding's call has a time-out of its own: the round goes on without it.
    tokio::spawn(async move { sweep_logged(&service).await });
    StatusCode::OK
}

/// Sweeps each minute until `shutdown`, beginning now, where no cron binding calls.
pub async fn sweep_each_minute(service: Arc<Reminders>, shutdown: CancellationToken) {
    let mut minute = tokio::time::interval(Duration::from_secs(60));
    minute.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = minute.tick() => sweep_logged(&service).await,
            () = shutdown.cancelled() => return,
        }
    }
}

async fn sweep_logged(service: &Reminders) {
    if let Err(error) = service.sweep().await {
        tracing::warn!(
            error = format!("{error:#}"),
            "the sweep could not do everything; the next one goes on"
        );
    }
}
