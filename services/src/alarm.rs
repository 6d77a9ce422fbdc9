//! The alarm clock of reminders, and keeping it in step with the store.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::reminder::Alarm;
use futures::{StreamExt, stream};
use store::{
    Store,
    reminders::{self, AlarmWork},
};

/// Calls to the alarm clock under way at once.
const CONCURRENCY: usize = 32;

/// Alarms that are set before it is noted, at most: what a crash in between makes set once more.
const NOTED_AT_ONCE: usize = 256;

/// Rings at a time. It may ring late, twice, or lose an alarm: the claim and the sweep see to that.
#[async_trait]
pub trait AlarmClock: Send + Sync + 'static {
    /// Sets an alarm, or sets it again.
    ///
    /// # Errors
    /// When the clock cannot be reached.
    async fn set(&self, alarm: &Alarm, at: DateTime<Utc>) -> anyhow::Result<()>;

    /// Takes an alarm away; one that is not there is no error.
    ///
    /// # Errors
    /// When the clock cannot be reached.
    async fn cancel(&self, alarm: &Alarm) -> anyhow::Result<()>;

    /// Whether the alarm is set for that time.
    ///
    /// # Errors
    /// When the clock cannot be reached.
    async fn is_set(&self, alarm: &Alarm, at: DateTime<Utc>) -> anyhow::Result<bool>;
}

/// Makes the clock what the store says, for each of `work`; what fires at `until` or later gets no
/// alarm yet. One that fails leaves the others their turn.
///
/// # Errors
/// The first failure.
pub async fn settle(
    store: &Store,
    clock: &dyn AlarmClock,
    work: &[AlarmWork],
    until: DateTime<Utc>,
) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    for part in work.chunks(NOTED_AT_ONCE) {
        let wanted = part.iter().filter_map(|item| item.to_set(until)).collect();
        let (set, failed) = set_all(clock, wanted).await;
        outcome = outcome.and(failed);
        if !set.is_empty() {
            // Set before it is noted: after a crash in between it is set once more, under the same
            // name.
            let mut transaction = store.begin().await?;
            reminders::mark_armed(&mut transaction, &set, Utc::now()).await?;
            transaction.commit().await?;
            metrics::counter!("todostack_alarms_set_total").increment(set.len() as u64);
        }
        let unwanted = part.iter().filter_map(AlarmWork::to_cancel).collect();
        let (gone, failed) = cancel_all(clock, unwanted).await;
        outcome = outcome.and(failed);
        if !gone.is_empty() {
            reminders::mark_disarmed(&mut *store.acquire().await?, &gone).await?;
        }
    }
    outcome
}

/// Sets alarms that should be set and are not; how many were lost.
///
/// # Errors
/// The first failure, after all had their turn.
pub async fn mend(clock: &dyn AlarmClock, set: &[AlarmWork]) -> anyhow::Result<usize> {
    let set: Vec<(Alarm, DateTime<Utc>)> = set.iter().map(AlarmWork::current).collect();
    let lost = stream::iter(set)
        .map(|(alarm, at)| async move {
            if at <= Utc::now() || clock.is_set(&alarm, at).await? {
                return anyhow::Ok(None);
            }
            tracing::warn!(reminder = %alarm.reminder, "its alarm was lost; it is set again");
            clock.set(&alarm, at).await?;
            Ok(Some(alarm))
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    let (lost, failed) = split(lost);
    metrics::counter!("todostack_alarms_mended_total").increment(lost.len() as u64);
    failed.map(|()| lost.len())
}

type Outcome = (Vec<Alarm>, anyhow::Result<()>);

async fn set_all(clock: &dyn AlarmClock, wanted: Vec<(Alarm, DateTime<Utc>)>) -> Outcome {
    let done = stream::iter(wanted)
        .map(|(alarm, at)| async move { clock.set(&alarm, at).await.map(|()| Some(alarm)) })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    split(done)
}

async fn cancel_all(clock: &dyn AlarmClock, unwanted: Vec<Alarm>) -> Outcome {
    let done = stream::iter(unwanted)
        .map(|alarm| async move { clock.cancel(&alarm).await.map(|()| Some(alarm)) })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    split(done)
}

/// What succeeded, and the first failure.
fn split(outcomes: Vec<anyhow::Result<Option<Alarm>>>) -> Outcome {
    let mut failed = Ok(());
    let mut done = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        match outcome {
            Ok(alarm) => done.extend(alarm),
            Err(error) => failed = failed.and(Err(error)),
        }
    }
    (done, failed)
}
