//! What makes up for a lost or late alarm: each second what is overdue fires, and what is near gets
//! its alarm; each minute everything that the clock should have is compared with what it has.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::reminder::HORIZON;
use store::{reminders, seen_on};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{Reminders, count};
use crate::alarm::{mend, settle};

/// An alarm may still ring by itself within this time; later than this the reminder is fired without.
const PATIENCE: chrono::Duration = chrono::Duration::seconds(3);

/// Whoever wrote a reminder has its alarm set within this time; later than this it is done here.
const SETTLED_BY_WRITER: chrono::Duration = chrono::Duration::seconds(3);

/// The sweep makes sure of the alarms of this time ahead: two of its rounds.
const AHEAD: chrono::Duration = chrono::Duration::seconds(120);

/// How long a round sets alarms, at most: the next round goes on.
const MENDING: Duration = Duration::from_secs(50);

/// How long a round writes words, at most: the next round goes on.
const REWORDING: Duration = Duration::from_secs(5);

/// A firing that nobody serves after this long is redelivered.
const UNSERVED: chrono::Duration = chrono::Duration::minutes(5);

/// Reminders that are over, with their firings and deliveries, are kept for so long.
const KEEP: chrono::Duration = chrono::Duration::days(30);

/// Rows of one step, for each thing that is mended.
const STEP: i64 = 1000;

impl Reminders {
    /// Fires what is overdue, as far as the catch-up rate allows in this second, and sets alarms of the
    /// near future that nobody has set. How many it fired.
    ///
    /// # Errors
    /// The first failure, after both had their turn.
    pub async fn tick(&self) -> anyhow::Result<usize> {
        let fired = self.catch_up().await;
        let armed = self.arm(AHEAD, Utc::now() - SETTLED_BY_WRITER).await;
        armed.and(fired)
    }

    async fn catch_up(&self) -> anyhow::Result<usize> {
        let before = Utc::now() - PATIENCE;
        if !reminders::is_overdue(&mut *self.store.acquire().await?, before).await? {
            return Ok(0);
        }
        match self.catch_up_together().await {
            // What one of them fails with must not keep the others from firing.
            Err(error) if !crate::consumer::is_away(&error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "could not fire what is overdue together; one by one"
                );
                self.catch_up_one_by_one().await
            }
            done => done,
        }
    }

    async fn catch_up_together(&self) -> anyhow::Result<usize> {
        let now = Utc::now();
        let mut transaction = self.store.begin().await?;
        let done = reminders::catch_up(&mut transaction, now - PATIENCE, self.policy, now).await?;
        transaction.commit().await?;
        for (_, fired) in &done {
            count(reminders::Path::Sweep, *fired);
        }
        Ok(done.len())
    }

    async fn catch_up_one_by_one(&self) -> anyhow::Result<usize> {
        let now = Utc::now();
        // The turn is taken before they fire: it counts whatever becomes of each.
        let mut turn = self.store.begin().await?;
        let overdue = reminders::take_turn(&mut turn, now - PATIENCE, self.policy).await?;
        turn.commit().await?;
        let mut fired = 0;
        for alarm in overdue {
            let mut transaction = self.store.begin().await?;
            let outcome = reminders::ring(
                &mut transaction,
                &[alarm],
                reminders::Path::Sweep,
                self.policy,
                chrono::Duration::MAX,
                now,
            )
            .await;
            match outcome {
                Ok(outcomes) => {
                    transaction.commit().await?;
                    for outcome in outcomes {
                        count(reminders::Path::Sweep, outcome);
                    }
                    fired += 1;
                }
                Err(error) => {
                    tracing::error!(reminder = %alarm.reminder, %error, "could not fire; the others go on");
                }
            }
        }
        Ok(fired)
    }

    /// Sets the alarms of the time ahead that nobody has set, a step of them, for reminders written
    /// until `settled`. Whether there may be more.
    async fn arm(&self, ahead: chrono::Duration, settled: DateTime<Utc>) -> anyhow::Result<bool> {
        let now = Utc::now();
        let until = now + ahead;
        let mut connection = self.store.acquire().await?;
        // What is overdue fires without an alarm.
        let span = now - PATIENCE..until;
        let work = reminders::unarmed(&mut connection, span, settled, STEP).await?;
        drop(connection);
        settle(&self.store, self.clock.as_ref(), &work, until).await?;
        Ok(work.len() as i64 == STEP)
    }

    /// One round: redelivers firings that nobody serves; sets alarms that are not set; makes sure of
    /// those that are about to ring; takes away those left over; forgets what is long over. While one
    /// replica does so, the others do nothing.
    ///
    /// # Errors
    /// The first failure, after everything had its turn.
    pub async fn sweep(&self) -> anyhow::Result<()> {
        let Ok(_alone) = self.sweeping.try_lock() else {
            return Ok(());
        };
        // Its own connection, closed at the end of this round: the lock goes with it.
        let mut lock = self.store.acquire().await?.detach();
        if !reminders::try_lock_sweep(&mut lock).await? {
            return Ok(());
        }
        let started = Instant::now();
        let restored = self.notice_restore().await;
        let redelivered = self.redeliver().await;
        let mended = tokio::time::timeout(MENDING, self.mend_alarms())
            .await
            .unwrap_or_else(|_| {
                Err(anyhow::anyhow!(
                    "setting alarms took longer than {MENDING:?}"
                ))
            });
        let rezoned = self.rezone().await;
        let reworded = self.reword().await;
        let pruned = self.prune().await;
        metrics::histogram!("todostack_sweep_seconds").record(started.elapsed().as_secs_f64());
        restored
            .and(redelivered)
            .and(mended)
            .and(rezoned)
            .and(reworded)
            .and(pruned)
    }

    async fn notice_restore(&self) -> anyhow::Result<()> {
        let mut transaction = self.store.begin().await?;
        let moved = seen_on::observe(&mut transaction).await?;
        transaction.commit().await?;
        if moved {
            tracing::warn!(
                "the database was restored or has failed over: every alarm is set again"
            );
        }
        Ok(())
    }

    async fn redeliver(&self) -> anyhow::Result<()> {
        let now = Utc::now();
        let mut transaction = self.store.begin().await?;
        let count = reminders::redeliver(&mut transaction, now - UNSERVED, STEP, now).await?;
        transaction.commit().await?;
        if count > 0 {
            tracing::warn!(
                reminders = count,
                "they fired and nobody served their channels; redelivered"
            );
        }
        Ok(())
    }

    async fn mend_alarms(&self) -> anyhow::Result<()> {
        let now = Utc::now();
        let mut connection = self.store.acquire().await?;
        let left_over = reminders::left_over(&mut connection, STEP).await?;
        let set = reminders::imminent(&mut connection, now, now + AHEAD, STEP).await?;
        drop(connection);
        // The nearest first: they are what a lost alarm would make late.
        let mended = mend(self.clock.as_ref(), &set).await.map(drop);
        let settled = settle(&self.store, self.clock.as_ref(), &left_over, now).await;
        while self.arm(HORIZON, Utc::now()).await? {}
        mended.and(settled)
    }

    /// Goes on with changes of zone that a gateway has begun.
    async fn rezone(&self) -> anyhow::Result<()> {
        while store::tasks::rezone_step(&self.store, None, Utc::now()).await? {}
        Ok(())
    }

    /// Goes on with words that a gateway has begun to write, or that no version before has written.
    async fn reword(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < REWORDING && store::tasks::reword_step(&self.store, None).await? {}
        Ok(())
    }

    async fn prune(&self) -> anyhow::Result<()> {
        let before = Utc::now() - KEEP;
        while reminders::prune(&self.store, before, STEP).await? == STEP.unsigned_abs() {}
        Ok(())
    }

    pub(super) async fn sweep_logged(&self) {
        if let Err(error) = self.sweep().await {
            tracing::warn!(
                error = format!("{error:#}"),
                "the sweep could not do everything; the next one goes on"
            );
        }
    }
}

/// Ticks each second until `shutdown`.
pub async fn tick_each_second(service: Arc<Reminders>, shutdown: CancellationToken) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut quiet_until = Instant::now();
    loop {
        tokio::select! {
            _ = second.tick() => {}
            () = shutdown.cancelled() => return,
        }
        if let Err(error) = service.tick().await
            && Instant::now() >= quiet_until
        {
            quiet_until = Instant::now() + Duration::from_secs(30);
            tracing::warn!(
                error = format!("{error:#}"),
                "could not look after overdue reminders; tried again each second"
            );
        }
    }
}

/// Sweeps each minute until `shutdown`, beginning now, where no cron binding calls.
pub async fn sweep_each_minute(service: Arc<Reminders>, shutdown: CancellationToken) {
    let mut minute = tokio::time::interval(Duration::from_secs(60));
    minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = minute.tick() => service.sweep_logged().await,
            () = shutdown.cancelled() => return,
        }
    }
}
