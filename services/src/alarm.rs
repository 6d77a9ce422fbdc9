//! The alarm clock of reminders, and keeping it in step with the store.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::reminder::Alarm;
use sqlx::PgPool;
use store::reminders::{self, AlarmWork};

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

    /// Whether the alarm is set.
    ///
    /// # Errors
    /// When the clock cannot be reached.
    async fn is_set(&self, alarm: &Alarm) -> anyhow::Result<bool>;
}

/// Makes the clock what the store says, for each of `work`. One that fails leaves the others their
/// turn.
///
/// # Errors
/// The first failure.
pub async fn settle(
    pool: &PgPool,
    clock: &dyn AlarmClock,
    work: &[AlarmWork],
) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    for item in work {
        if let Err(error) = settle_one(pool, clock, item).await {
            outcome = outcome.and(Err(error));
        }
    }
    outcome
}

async fn settle_one(pool: &PgPool, clock: &dyn AlarmClock, item: &AlarmWork) -> anyhow::Result<()> {
    if let Some((alarm, at)) = item.to_set() {
        clock.set(&alarm, at).await?;
        // Set before it is noted: after a crash in between it is set once more, under the same name.
        let mut transaction = pool.begin().await?;
        reminders::mark_armed(&mut transaction, &alarm, Utc::now()).await?;
        transaction.commit().await?;
        metrics::counter!("todostack_alarms_set_total").increment(1);
    }
    if let Some(alarm) = item.to_cancel() {
        clock.cancel(&alarm).await?;
        reminders::mark_disarmed(&mut *pool.acquire().await?, &alarm).await?;
    }
    Ok(())
}
