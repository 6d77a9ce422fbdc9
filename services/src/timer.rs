//! An alarm clock within the process, for `todostack dev`. It forgets its alarms when the process
//! ends; the sweep sets them again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::reminder::Alarm;
use tokio::{sync::mpsc, task::AbortHandle};

use crate::alarm::AlarmClock;

/// The longest that one sleep lasts: a suspended laptop or a clock set by hand is noticed then.
const NAP: Duration = Duration::from_secs(30);

/// The clock.
pub struct Timer {
    alarms: Arc<Mutex<HashMap<Alarm, AbortHandle>>>,
    rings: mpsc::UnboundedSender<Alarm>,
}

impl Timer {
    /// A clock, and what it rings on.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Alarm>) {
        let (rings, ringing) = mpsc::unbounded_channel();
        let alarms = Arc::default();
        (Self { alarms, rings }, ringing)
    }

    fn alarms(&self) -> MutexGuard<'_, HashMap<Alarm, AbortHandle>> {
        // A panic elsewhere leaves the map whole: every change of it is a single call.
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AlarmClock for Timer {
    async fn set(&self, alarm: &Alarm, at: DateTime<Utc>) -> anyhow::Result<()> {
        let alarm = *alarm;
        let rings = self.rings.clone();
        let alarms = self.alarms.clone();
        let task = tokio::spawn(async move {
            while let Ok(left) = (at - Utc::now()).to_std() {
                // Half a millisecond more: a sleep may end early by the clock of the wall.
                tokio::time::sleep(left.min(NAP) + Duration::from_micros(500)).await;
            }
            alarms
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&alarm);
            // No receiver: the process is stopping.
            let _ = rings.send(alarm);
        });
        if let Some(old) = self.alarms().insert(alarm, task.abort_handle()) {
            old.abort();
        }
        if task.is_finished() {
            // It rang before it was noted.
            self.alarms().remove(&alarm);
        }
        Ok(())
    }

    async fn cancel(&self, alarm: &Alarm) -> anyhow::Result<()> {
        if let Some(task) = self.alarms().remove(alarm) {
            task.abort();
        }
        Ok(())
    }

    async fn is_set(&self, alarm: &Alarm, _: DateTime<Utc>) -> anyhow::Result<bool> {
        Ok(self.alarms().contains_key(alarm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn alarm(generation: i64) -> Alarm {
        Alarm {
            reminder: Uuid::nil(),
            occurrence: 0,
            generation,
        }
    }

    #[tokio::test]
    async fn it_rings_at_its_time_and_not_before() {
        let (timer, mut ringing) = Timer::new();
        let at = Utc::now() + Duration::from_millis(50);
        timer.set(&alarm(1), at).await.unwrap();
        assert!(timer.is_set(&alarm(1), at).await.unwrap());
        assert_eq!(ringing.recv().await, Some(alarm(1)));
        assert!(Utc::now() >= at);
        assert!(!timer.is_set(&alarm(1), at).await.unwrap());
    }

    #[tokio::test]
    async fn a_cancelled_alarm_does_not_ring_and_a_past_one_rings_at_once() {
        let (timer, mut ringing) = Timer::new();
        let soon = Utc::now() + Duration::from_millis(30);
        timer.set(&alarm(1), soon).await.unwrap();
        timer.cancel(&alarm(1)).await.unwrap();
        timer
            .set(&alarm(2), Utc::now() - Duration::from_secs(9))
            .await
            .unwrap();
        assert_eq!(ringing.recv().await, Some(alarm(2)));
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert!(ringing.try_recv().is_err());
    }
}
