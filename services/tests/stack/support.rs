//! What the tests share: a database, a user, a task, a clock that can lose alarms.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    event::Event,
    internal_api::ReminderPut,
    reminder::{Alarm, CatchUp},
    task::{Priority, RemindAt, ReminderSpec, Task},
};
use services::{
    alarm::AlarmClock,
    reminders::Reminders,
    transport::{Outgoing, Publisher, Refusal},
};
use sqlx::{PgPool, types::Json};
use store::Store;
use uuid::Uuid;

pub(crate) async fn user(pool: &PgPool) -> Uuid {
    let mut connection = pool.acquire().await.unwrap();
    let email = format!("{}@example.com", Uuid::new_v4());
    store::users::create(&mut connection, &email, "x", Tz::Europe__Berlin)
        .await
        .unwrap()
        .unwrap()
        .id
}

/// A task of `owner` with a reminder at each of `times`.
pub(crate) fn task(owner: Uuid, times: &[DateTime<Utc>]) -> Task {
    Task {
        priority: Priority::P2,
        reminders: times
            .iter()
            .map(|&at| ReminderSpec {
                when: RemindAt::At { at },
                channels: Vec::new(),
            })
            .collect(),
        ..Task::new(Uuid::now_v7(), owner, "Water the plants", Utc::now())
    }
}

/// Writes a task; the ids of its reminders.
pub(crate) async fn create(pool: &PgPool, task: &Task) -> Vec<Uuid> {
    let mut transaction = pool.begin().await.unwrap();
    store::tasks::create(&mut transaction, task, Tz::Europe__Berlin, Utc::now())
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    sqlx::query_scalar("select id from reminders where task_id = $1 order by fire_at")
        .bind(task.id)
        .fetch_all(pool)
        .await
        .unwrap()
}

pub(crate) async fn phase(pool: &PgPool, reminder: Uuid) -> String {
    sqlx::query_scalar("select phase from reminders where id = $1")
        .bind(reminder)
        .fetch_one(pool)
        .await
        .unwrap()
}

pub(crate) async fn alarm_of(pool: &PgPool, reminder: Uuid) -> Alarm {
    let mut connection = pool.acquire().await.unwrap();
    let work = store::reminders::work_of(&mut connection, reminder)
        .await
        .unwrap();
    work[0].current().0
}

/// The events in the outbox about a reminder or task, by type, in order.
pub(crate) async fn events(pool: &PgPool, topic: &str) -> Vec<Event> {
    sqlx::query_scalar("select event from outbox where topic = $1 order by seq")
        .bind(topic)
        .fetch_all(pool)
        .await
        .unwrap()
        .into_iter()
        .map(|Json(event): Json<Event>| event)
        .collect()
}

/// Waits until `done`, at most 10 s.
pub(crate) async fn eventually<F: AsyncFn() -> bool>(what: &str, done: F) {
    for _ in 0..500 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("in 10 s it did not come about that {what}");
}

/// A clock that never rings, and whose alarms can be lost.
#[derive(Default)]
pub(crate) struct Silent {
    pub(crate) set: Mutex<BTreeSet<String>>,
    pub(crate) broken: std::sync::atomic::AtomicBool,
}

impl Silent {
    fn check(&self) -> anyhow::Result<()> {
        let broken = self.broken.load(std::sync::atomic::Ordering::Relaxed);
        anyhow::ensure!(!broken, "the scheduler is away");
        Ok(())
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.set.lock().unwrap().iter().cloned().collect()
    }
}

#[async_trait]
impl AlarmClock for Silent {
    async fn set(&self, alarm: &Alarm, _at: DateTime<Utc>) -> anyhow::Result<()> {
        self.check()?;
        self.set.lock().unwrap().insert(alarm.name());
        Ok(())
    }

    async fn cancel(&self, alarm: &Alarm) -> anyhow::Result<()> {
        self.check()?;
        self.set.lock().unwrap().remove(&alarm.name());
        Ok(())
    }

    async fn is_set(&self, alarm: &Alarm, _: DateTime<Utc>) -> anyhow::Result<bool> {
        self.check()?;
        Ok(self.set.lock().unwrap().contains(&alarm.name()))
    }
}

pub(crate) fn service(pool: &Store, clock: Arc<dyn AlarmClock>) -> Arc<Reminders> {
    Reminders::new(pool.clone(), clock, CatchUp::default())
}

/// A broker that refuses some entries a few times, and notes what it took.
#[derive(Default)]
pub(crate) struct Moody {
    pub(crate) taken: Mutex<Vec<Outgoing>>,
    pub(crate) calls: Mutex<u32>,
}

#[async_trait]
impl Publisher for Moody {
    async fn publish(&self, batch: &[Outgoing]) -> anyhow::Result<Vec<Result<(), Refusal>>> {
        let call = {
            let mut calls = self.calls.lock().unwrap();
            *calls += 1;
            *calls
        };
        anyhow::ensure!(call != 2, "the broker is away");
        let mut taken = self.taken.lock().unwrap();
        Ok(batch
            .iter()
            .enumerate()
            .map(|(place, entry)| {
                let take = call % 3 == 0 || place % 2 == 0;
                if take {
                    taken.push(entry.clone());
                }
                if take {
                    Ok(())
                } else {
                    Err(Refusal::Transient)
                }
            })
            .collect())
    }
}

/// What a `ReminderJob` with this time and nothing special asks for.
pub(crate) fn asked_for(fire_at: DateTime<Utc>) -> ReminderPut {
    ReminderPut {
        fire_at,
        message: "m".into(),
        task_id: None,
        task: None,
        channels: Vec::new(),
        suspend: false,
        deadline_seconds: None,
        catch_up: None,
        series: None,
        object: "default/r".into(),
    }
}
