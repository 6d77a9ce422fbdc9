//! The reminders service: keeps the alarm clock in step with the store, fires reminders when alarms
//! ring, and sweeps up what the clock lost.

mod dead_letters_api;
pub mod internal_api;
mod routes;
mod second;
mod sweep;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::Utc;
use domain::{
    event::{Event, Topic},
    internal_api::ReminderPut,
    reminder::{Alarm, CLOCK_SKEW, CatchUp, HORIZON, LATE},
};
use store::{
    Store,
    reminders::{self, Fired, Path, Put},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use routes::routes;
pub use sweep::{sweep_each_minute, tick_each_second};

use crate::{
    alarm::{AlarmClock, settle},
    batch::Batcher,
    consumer::Consumer,
};

/// Alarms that ring while a claim is under way share the next transaction, so many at most.
const CLAIMED_AT_ONCE: usize = 500;

/// How long a batch of events may wait for the alarm clock: what is not set by then, the sweep sets.
const SETTLING: Duration = Duration::from_secs(10);

/// The service.
pub struct Reminders {
    /// The store.
    pub store: Store,
    /// The alarm clock.
    pub clock: Arc<dyn AlarmClock>,
    /// What to do with overdue reminders.
    pub policy: CatchUp,
    claims: Batcher<Alarm, Fired>,
    sweeping: tokio::sync::Mutex<()>,
}

impl Reminders {
    /// A service with this alarm clock.
    pub fn new(store: Store, clock: Arc<dyn AlarmClock>, policy: CatchUp) -> Arc<Self> {
        let claiming = store.clone();
        let claims = Batcher::new(CLAIMED_AT_ONCE, move |alarms: Vec<Alarm>| {
            let store = claiming.clone();
            async move {
                let mut transaction = store.begin().await?;
                let now = Utc::now();
                let fired =
                    reminders::ring(&mut transaction, &alarms, Path::Alarm, policy, LATE, now)
                        .await?;
                transaction.commit().await?;
                Ok(fired)
            }
        });
        Arc::new(Self {
            store,
            clock,
            policy,
            claims,
            sweeping: tokio::sync::Mutex::default(),
        })
    }

    /// Fires what an alarm stands for, if it still does. One that rings a little early, by a clock that
    /// is ahead of ours, is waited for; a late one is left to the sweep, which keeps the catch-up rate.
    ///
    /// # Errors
    /// When the store is away: the alarm must ring again.
    pub async fn ring(&self, alarm: &Alarm) -> anyhow::Result<Fired> {
        loop {
            let fired = self.claims.call(*alarm).await?;
            if let Fired::Early { by } = fired
                && by <= CLOCK_SKEW
            {
                tokio::time::sleep(by.to_std().unwrap_or_default()).await;
                continue;
            }
            count(Path::Alarm, fired);
            return Ok(fired);
        }
    }

    /// Makes a reminder what a `ReminderJob` asks for, and sets its alarm.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn put(&self, id: Uuid, wanted: &ReminderPut) -> Result<Put, sqlx::Error> {
        let mut transaction = self.store.begin().await?;
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
        let mut transaction = self.store.begin().await?;
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
            let work = reminders::work_of(&mut *self.store.acquire().await?, id).await?;
            settle(
                &self.store,
                self.clock.as_ref(),
                &work,
                Utc::now() + HORIZON,
            )
            .await
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
                if let Err(error) = service.ring(&alarm).await {
                    tracing::warn!(reminder = %alarm.reminder, error = format!("{error:#}"), "could not fire; the sweep will");
                }
            });
        }
    }
}

fn count(path: Path, fired: Fired) {
    let result = match fired {
        Fired::Now { late } => {
            metrics::histogram!("todostack_reminder_lateness_seconds")
                .record(late.as_seconds_f64());
            "fired"
        }
        Fired::Suspended => "suspended",
        Fired::Stale => "stale",
        Fired::Early { .. } => "early",
        Fired::Deferred => "deferred",
        Fired::Missed => "missed",
        Fired::Failed => "failed",
        Fired::Unknown => "unknown",
    };
    metrics::counter!("todostack_alarms_rung_total", "path" => path.as_str(), "result" => result)
        .increment(1);
}

/// Tasks were written: their reminders' alarms follow.
#[async_trait]
impl Consumer for Reminders {
    fn name(&self) -> &'static str {
        "reminders"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::TaskEvents]
    }

    async fn handle(&self, events: &[Event]) -> anyhow::Result<()> {
        // It reads the store as it is now, so that an event twice or out of order does no harm:
        // it needs no inbox.
        let tasks = events
            .iter()
            .map(|event| event.subject.parse())
            .collect::<Result<Vec<Uuid>, _>>()?;
        let until = Utc::now() + HORIZON;
        let mut connection = self.store.acquire().await?;
        let work = reminders::work_of_tasks(&mut connection, &tasks, until).await?;
        drop(connection);
        let settled = tokio::time::timeout(
            SETTLING,
            settle(&self.store, self.clock.as_ref(), &work, until),
        );
        if let Ok(Err(error)) = settled.await {
            // The rows say which alarms are not set: no need to hold the other events back.
            tracing::warn!(
                error = format!("{error:#}"),
                "some alarms are not set yet; the sweep sets them"
            );
        }
        Ok(())
    }
}
