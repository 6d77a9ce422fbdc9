//! Dapr Jobs as the alarm clock: one Job for all alarms of a second.
//!
//! Reminders crowd on full hours and minutes, and each Job costs Dapr's scheduler a handful of writes to
//! its etcd, once to be set and once to ring. With a Job for each second, ten thousand reminders at nine
//! o'clock cost one, and a horizon of 24 h never holds more than 86,400. What is to fire within a second
//! is read from the store when its Job rings, a moment before ([`LEAD`]), and fires at its own instant. An
//! edit or a cancellation leaves nothing behind: the store says what is due, the Job only when to look.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::reminder::Alarm;
use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};

use crate::{alarm::AlarmClock, dapr::Sidecar};

/// The Job of a second rings so long before it: time to read what is due.
pub const LEAD: TimeDelta = TimeDelta::milliseconds(200);

/// A reminder nearer than this has its Job set anew: that of its second may have rung already.
const NEAR: TimeDelta = TimeDelta::seconds(2);

/// A Job that was set no longer ago is taken to be there without asking. What the scheduler lost
/// within that time the next sweep finds missing.
const TRUSTED: Duration = Duration::from_secs(60);

/// A Job that was seen no longer ago is not asked for again: a sweep asks for each of a thousand alarms.
const SEEN: Duration = Duration::from_secs(5);

/// Name of the Job of the second that begins at `second`: `s.<Unix time>`.
pub fn name(second: DateTime<Utc>) -> String {
    format!("s.{}", second.timestamp())
}

/// Reads a name that [`name`] wrote.
pub fn parse(name: &str) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(name.strip_prefix("s.")?.parse().ok()?, 0)
}

/// The beginning of an instant's second.
fn second_of(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at)
}

/// Several alarms of a second wait for one call; its error is told to all of them.
type Setting = Shared<BoxFuture<'static, Result<(), String>>>;

/// The Jobs that this process set.
#[derive(Default)]
struct Known {
    /// By second: since when, and the call.
    set: HashMap<i64, (Instant, Setting)>,
    /// By second: when the scheduler last said that it has it.
    seen: HashMap<i64, Instant>,
}

/// The clock.
pub struct JobClock {
    sidecar: Sidecar,
    known: Mutex<Known>,
}

impl JobClock {
    /// A clock that sets Jobs of this sidecar's app.
    pub fn new(sidecar: Sidecar) -> Self {
        Self {
            sidecar,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic elsewhere leaves the maps whole: every change is a single call.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call that sets the Job of a second: one under way or done lately, or a new one.
    fn setting(&self, second: DateTime<Utc>, anew: bool) -> Setting {
        let now = Instant::now();
        let mut known = self.known();
        known.set.retain(|_, (since, _)| now - *since < TRUSTED);
        if let Some((_, setting)) = known.set.get(&second.timestamp())
            && (!anew || setting.peek().is_none())
        {
            return setting.clone();
        }
        let sidecar = self.sidecar.clone();
        let setting = async move {
            let due = second - LEAD;
            let set = sidecar.set_job(&name(second), due).await;
            set.map_err(|error| format!("{error:#}"))
        };
        let setting = setting.boxed().shared();
        known.set.insert(second.timestamp(), (now, setting.clone()));
        setting
    }

    fn forget(&self, second: DateTime<Utc>) {
        let mut known = self.known();
        known.set.remove(&second.timestamp());
        known.seen.remove(&second.timestamp());
    }
}

#[async_trait]
impl AlarmClock for JobClock {
    async fn set(&self, _: &Alarm, at: DateTime<Utc>) -> anyhow::Result<()> {
        let second = second_of(at);
        let anew = at - Utc::now() < NEAR;
        let set = self.setting(second, anew).await;
        if set.is_err() {
            self.forget(second);
        }
        set.map_err(anyhow::Error::msg)
    }

    /// The Job stays: it is that of every other reminder of its second too, and finds nothing to do
    /// where there is none.
    async fn cancel(&self, _: &Alarm) -> anyhow::Result<()> {
        Ok(())
    }

    async fn is_set(&self, _: &Alarm, at: DateTime<Utc>) -> anyhow::Result<bool> {
        let second = second_of(at);
        let seen = self.known().seen.get(&second.timestamp()).copied();
        if seen.is_some_and(|seen| seen.elapsed() < SEEN) {
            return Ok(true);
        }
        let there = self.sidecar.has_job(&name(second)).await?;
        if there {
            let now = Instant::now();
            let mut known = self.known();
            known.seen.retain(|_, seen| now - *seen < SEEN);
            known.seen.insert(second.timestamp(), now);
        } else {
            // It was lost: the next alarm sets it.
            self.forget(second);
        }
        Ok(there)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Router, extract::State, http::StatusCode, routing::any};
    use uuid::Uuid;

    use super::*;

    /// A sidecar that counts calls and answers each with the status set.
    async fn sidecar(status: Arc<Mutex<StatusCode>>) -> (Sidecar, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let answer = move |State(status): State<Arc<Mutex<StatusCode>>>| async move {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            (*status.lock().unwrap(), "not found")
        };
        let router = Router::new()
            .route("/v1.0-alpha1/jobs/{name}", any(answer))
            .with_state(status);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (Sidecar::new(port).unwrap(), calls)
    }

    fn alarm() -> Alarm {
        Alarm {
            reminder: Uuid::new_v4(),
            occurrence: 0,
            generation: 1,
        }
    }

    /// A second that begins in an hour.
    fn in_an_hour() -> DateTime<Utc> {
        second_of(Utc::now() + TimeDelta::hours(1))
    }

    #[test]
    fn a_jobs_name_can_be_read_back() {
        let second = in_an_hour();
        assert_eq!(parse(&name(second)), Some(second));
        for bad in ["", "s.", "s.x", "r.1", "s.1.2", "s.99999999999999999"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn all_alarms_of_a_second_share_a_job() {
        let (sidecar, calls) = sidecar(Arc::new(Mutex::new(StatusCode::NO_CONTENT))).await;
        let clock = JobClock::new(sidecar);
        let second = in_an_hour();
        let set = (0..50).map(|n| {
            let at = second + TimeDelta::milliseconds(n * 19);
            let clock = &clock;
            async move { clock.set(&alarm(), at).await }
        });
        for set in futures::future::join_all(set).await {
            set.unwrap();
        }
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        let next = second + TimeDelta::seconds(1);
        clock.set(&alarm(), next).await.unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        clock.cancel(&alarm()).await.unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_near_alarm_has_its_job_set_anew() {
        let (sidecar, calls) = sidecar(Arc::new(Mutex::new(StatusCode::NO_CONTENT))).await;
        let clock = JobClock::new(sidecar);
        for n in 1..4 {
            clock.set(&alarm(), Utc::now()).await.unwrap();
            assert_eq!(calls.load(Ordering::Relaxed), n);
        }
    }

    #[tokio::test]
    async fn a_job_that_could_not_be_set_or_was_lost_is_set_again() {
        let status = Arc::new(Mutex::new(StatusCode::INTERNAL_SERVER_ERROR));
        let (sidecar, calls) = sidecar(status.clone()).await;
        let clock = JobClock::new(sidecar);
        let at = in_an_hour();
        clock.set(&alarm(), at).await.unwrap_err();
        *status.lock().unwrap() = StatusCode::NO_CONTENT;
        clock.set(&alarm(), at).await.unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 2);

        assert!(clock.is_set(&alarm(), at).await.unwrap());
        assert!(clock.is_set(&alarm(), at).await.unwrap());
        assert_eq!(calls.load(Ordering::Relaxed), 3);

        let later = at + TimeDelta::seconds(1);
        clock.set(&alarm(), later).await.unwrap();
        *status.lock().unwrap() = StatusCode::INTERNAL_SERVER_ERROR; // with "not found"
        assert!(!clock.is_set(&alarm(), later).await.unwrap());
        *status.lock().unwrap() = StatusCode::NO_CONTENT;
        let before = calls.load(Ordering::Relaxed);
        clock.set(&alarm(), later).await.unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), before + 1);
    }
}
