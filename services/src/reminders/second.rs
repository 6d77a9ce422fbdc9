//! A Job of the alarm clock rings: everything of its second fires, each at its own instant.

use chrono::{DateTime, TimeDelta, Utc};
use domain::reminder::{Alarm, CLOCK_SKEW};
use futures::future::join_all;
use store::reminders::{self, AlarmWork};

use super::Reminders;
use crate::jobs::LEAD;

/// Reminders read at once.
const PAGE: i64 = 5_000;

impl Reminders {
    /// Fires what is due in the second that begins at `second`, each at its instant, and returns when that
    /// is done. `false`: it rings much too early, by a clock that is ahead of ours.
    ///
    /// # Errors
    /// When the store is away: the Job must ring again.
    pub async fn on_second(&self, second: DateTime<Utc>) -> anyhow::Result<bool> {
        if second - Utc::now() > LEAD + CLOCK_SKEW {
            return Ok(false);
        }
        let span = second..second + TimeDelta::seconds(1);
        let mut after = None;
        loop {
            let mut connection = self.store.acquire().await?;
            let page = reminders::due_within(&mut connection, span.clone(), after, PAGE).await?;
            drop(connection);
            let Some(last) = page.last() else {
                return Ok(true);
            };
            let whole = page.len() as i64 == PAGE;
            after = Some(last.place());
            self.fire_each_at_its_instant(&page).await?;
            if !whole {
                return Ok(true);
            }
        }
    }

    /// Of reminders in the order of their instants.
    async fn fire_each_at_its_instant(&self, due: &[AlarmWork]) -> anyhow::Result<()> {
        let due: Vec<(Alarm, DateTime<Utc>)> = due.iter().map(AlarmWork::current).collect();
        let mut outcome = Ok(());
        let mut rest = due.as_slice();
        while let Some((_, next)) = rest.first() {
            if let Ok(left) = (*next - Utc::now()).to_std() {
                tokio::time::sleep(left).await;
            }
            // Those that have come meanwhile share a claim; at least the one that was waited for.
            let now = Utc::now().max(*next);
            let come = rest.partition_point(|(_, at)| *at <= now);
            let (ready, later) = rest.split_at(come);
            rest = later;
            for fired in join_all(ready.iter().map(|(alarm, _)| self.ring(alarm))).await {
                outcome = outcome.and(fired.map(drop));
            }
        }
        outcome
    }
}
