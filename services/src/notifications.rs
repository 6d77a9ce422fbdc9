//! The notifications service: serves the channels of each firing, once for each (reminder,
//! occurrence, channel), with its own table of attempts.
//!
//! What is planned here is attempted here at once ([`dispatcher`] says in which order), and recorded in
//! batches. The database is read only for what waits for another attempt, found no room, or was left
//! over by a process that died.

mod addresses;
pub mod binding;
mod breaker;
mod digests;
mod dispatcher;
pub mod email;
mod http;
pub mod ntfy;
mod password_reset;
mod plan;
mod recorder;
pub mod retry;
mod sender;
mod senders;
pub mod slack;
mod stored;
mod templates;
pub mod web_push;
pub mod webhook;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::Utc;
use store::{
    Store,
    deliveries::{self, Delivery, Outcome},
};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use sender::{Attempt, Blame, Message, Sender};
pub use senders::Senders;

use dispatcher::{Circuit, Dispatcher, Pick, Told};
use recorder::Recorder;
use stored::Stored;

/// How often this process says that it lives, and how often it tries when it could not.
const BEAT: Duration = Duration::from_secs(2);
const BEAT_AGAIN: Duration = Duration::from_millis(500);

/// Without a sign of life for this long nothing is sent: after six seconds another process takes over.
const FRESH: Duration = Duration::from_secs(5);

/// Each of this many beats looks for what a process held that nobody knows.
const THOROUGH: u64 = 5;

/// How often the database is asked for what is due.
const POLL: Duration = Duration::from_millis(250);

/// How often firings are looked for whose event has not come.
const OVERDUE: Duration = Duration::from_secs(1);

/// Most deliveries taken at once.
const TAKE: usize = 500;

/// The service.
pub struct Notifications {
    store: Store,
    senders: Senders,
    stored: Stored,
    /// This process, in the database.
    id: Uuid,
    queue: Mutex<Dispatcher>,
    /// Since when its last sign of life counts; `None`: it does not take deliveries.
    alive: Mutex<Option<Instant>>,
    /// The queue changed.
    changed: Notify,
    /// The database has deliveries that found no room here, or that are free again.
    more: Notify,
}

impl Notifications {
    /// A service that sends through `senders`.
    pub fn new(store: Store, senders: impl Into<Senders>) -> Arc<Self> {
        Arc::new(Self {
            stored: Stored::new(store.pool().clone()),
            store,
            senders: senders.into(),
            id: Uuid::new_v4(),
            queue: Mutex::default(),
            alive: Mutex::default(),
            changed: Notify::new(),
            more: Notify::new(),
        })
    }

    /// Attempts deliveries as they fall due, until `shutdown`; then those under way end.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let (recorder, recording) = recorder::start(self.store.clone(), shutdown.clone());
        let ended = CancellationToken::new();
        let mut helpers = JoinSet::new();
        helpers.spawn(self.clone().beat(shutdown.clone(), ended.clone()));
        helpers.spawn(self.clone().feed(shutdown.clone()));
        helpers.spawn(self.clone().look_for_overdue(shutdown.clone()));
        helpers.spawn(self.clone().look_for_digests(shutdown.clone()));
        helpers.spawn(self.clone().look_for_password_resets(shutdown.clone()));
        let mut under_way = JoinSet::new();
        while !shutdown.is_cancelled() {
            while under_way.try_join_next().is_some() {}
            self.start_attempts(&mut under_way, &recorder).await;
            tokio::select! {
                () = self.changed.notified() => {}
                Some(_) = under_way.join_next() => {}
                // A circuit may let a probe through.
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = shutdown.cancelled() => {}
            }
        }
        self.let_go().await;
        while under_way.join_next().await.is_some() {}
        drop(recorder);
        if let Err(error) = recording.await {
            tracing::error!(%error, "recording ended by itself");
        }
        ended.cancel();
        while helpers.join_next().await.is_some() {}
        let retired = async {
            let mut conn = self.store.acquire().await?;
            deliveries::retire(&mut conn, self.id).await
        };
        if let Err(error) = retired.await {
            tracing::warn!(%error, "what this process held is taken over in some seconds");
        }
    }

    async fn start_attempts(self: &Arc<Self>, under_way: &mut JoinSet<()>, recorder: &Recorder) {
        while self.is_alive() {
            let pick = self.queue().pick(Instant::now());
            match pick {
                Some(Pick::Attempt(delivery)) => {
                    let (service, recorder) = (self.clone(), recorder.clone());
                    under_way.spawn(async move { service.attempt(delivery, &recorder).await });
                }
                Some(Pick::Refused(delivery, reason)) => {
                    count(&delivery, "refused");
                    let retry = &self.senders.retry;
                    let outcome = retry.again(reason, None, &delivery, Utc::now());
                    // It ends only with us.
                    let _ = recorder.send((delivery, outcome)).await;
                }
                None => return,
            }
        }
    }

    async fn attempt(&self, delivery: Delivery, recorder: &Recorder) {
        let attempt = self.send(&delivery).await;
        let told = match &attempt {
            Attempt::Retry { error, blame, .. } => Told::Failed(*blame, error.clone()),
            Attempt::Delivered | Attempt::GiveUp(_) | Attempt::Gone(_) => Told::Alive,
        };
        let circuit = self.queue().done(&delivery.lane, &told, Instant::now());
        self.changed.notify_one();
        match circuit {
            Some(Circuit::Opened) => {
                tracing::warn!(lane = delivery.lane, "circuit opened");
            }
            Some(Circuit::Closed) => tracing::info!(lane = delivery.lane, "circuit closed"),
            None => {}
        }
        let outcome = self.senders.retry.judge(attempt, &delivery, Utc::now());
        let tried = delivery.attempts + 1;
        match &outcome {
            Outcome::Delivered => {
                count(&delivery, "delivered");
                let late = (Utc::now() - delivery.body.fire_at)
                    .to_std()
                    .unwrap_or_default();
                metrics::histogram!("todostack_due_to_delivered_seconds")
                    .record(late.as_secs_f64());
                tracing::info!(reminder = %delivery.reminder_id, late_ms = late.as_millis(), attempt = tried, "delivered");
            }
            Outcome::Retry { error, .. } => {
                count(&delivery, "retry");
                tracing::warn!(reminder = %delivery.reminder_id, attempt = tried, error, "not delivered; tried again");
            }
            Outcome::Failed { error } => {
                count(&delivery, "failed");
                tracing::warn!(reminder = %delivery.reminder_id, attempt = tried, error, "not delivered; given up");
            }
        }
        let _ = recorder.send((delivery, outcome)).await;
    }

    async fn send(&self, delivery: &Delivery) -> Attempt {
        let channel = &delivery.target.0;
        let stored = match channel.stored_id().zip(delivery.owner_id) {
            Some((id, owner)) => match self.stored.get(owner, id).await {
                Ok(Some(stored)) => Some(stored),
                Ok(None) => return Attempt::GiveUp("the channel was removed".into()),
                Err(error) => {
                    return Attempt::retry(Blame::Nobody, format!("the database: {error}"));
                }
            },
            None => None,
        };
        if let Some(reason) = stored.as_ref().and_then(|s| s.disabled_reason.as_deref()) {
            return Attempt::GiveUp(format!("the channel is disabled: {reason}"));
        }
        let attempt = self
            .senders
            .send(Message {
                channel,
                stored: stored.as_deref(),
                id: delivery.idempotency_key,
                reminder: &delivery.body,
                wording: self.senders.wording.as_ref(),
                trace: delivery.trace.as_deref(),
            })
            .await;
        if let (Attempt::Gone(reason), Some(stored)) = (&attempt, &stored) {
            // Without the mark the next one finds out by itself.
            if let Err(error) = self.stored.disable(stored, reason).await {
                tracing::warn!(channel = %stored.id, %error, "a channel that is gone could not be marked");
            }
        }
        attempt
    }

    /// Says that this process lives, until it ended; and frees what the dead held.
    async fn beat(self: Arc<Self>, shutdown: CancellationToken, ended: CancellationToken) {
        for turn in 0_u64.. {
            let started = Instant::now();
            let beat = async {
                let mut conn = self.store.acquire().await?;
                deliveries::beat(&mut conn, self.id, turn % THOROUGH == 0).await
            };
            let pause = match beat.await {
                Ok(beat) => {
                    if !beat.known {
                        // They may be another's by now.
                        self.queue().drain();
                    }
                    if beat.freed > 0 {
                        tracing::info!(deliveries = beat.freed, "freed what a dead process held");
                        self.more.notify_one();
                    }
                    if !shutdown.is_cancelled() {
                        *lock(&self.alive) = Some(started);
                    }
                    self.changed.notify_one();
                    BEAT
                }
                Err(error) => {
                    tracing::warn!(%error, "no sign of life could be given");
                    BEAT_AGAIN
                }
            };
            {
                let mut queue = self.queue();
                queue.forget(started);
                metrics::gauge!("todostack_deliveries_waiting").set(queue.waiting() as f64);
                metrics::gauge!("todostack_deliveries_under_way").set(queue.under_way() as f64);
                metrics::gauge!("todostack_circuits_open").set(queue.open_circuits() as f64);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = ended.cancelled() => return,
            }
        }
    }

    /// Brings what is due from the database, until `shutdown`.
    async fn feed(self: Arc<Self>, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let (room, full) = self.queue().appetite();
            if self.is_alive() && room > 0 {
                let limit = room.min(TAKE);
                match deliveries::take(&self.store, self.id, &full, limit as i64).await {
                    Ok(taken) => {
                        let whole = taken.len() >= limit;
                        self.enqueue(taken);
                        if whole {
                            continue;
                        }
                    }
                    Err(error) => tracing::warn!(%error, "cannot read the deliveries"),
                }
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = self.more.notified() => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Serves what fired and whose event does not come, until `shutdown`.
    async fn look_for_overdue(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(OVERDUE) => {}
                () = shutdown.cancelled() => return,
            }
            if !self.is_alive() {
                continue;
            }
            match self.plan_overdue().await {
                Ok(held) => self.enqueue(held),
                Err(error) => tracing::warn!(%error, "cannot look for firings without an event"),
            }
        }
    }

    fn enqueue(&self, taken: Vec<Delivery>) {
        if taken.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut queue = self.queue();
        for delivery in taken {
            queue.push(delivery, now);
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// Leaves what waits here to other processes.
    async fn let_go(&self) {
        *lock(&self.alive) = None;
        let waiting = self.queue().drain();
        let released = async {
            let mut conn = self.store.acquire().await?;
            deliveries::release(&mut conn, self.id, &waiting).await
        };
        if let Err(error) = released.await {
            tracing::warn!(%error, "what waits here is taken over in some seconds");
        }
    }

    fn is_alive(&self) -> bool {
        lock(&self.alive).is_some_and(|since| since.elapsed() < FRESH)
    }

    fn queue(&self) -> MutexGuard<'_, Dispatcher> {
        lock(&self.queue)
    }
}

fn count(delivery: &Delivery, result: &'static str) {
    let kind = delivery.target.kind().as_str();
    metrics::counter!("todostack_deliveries_total", "channel" => kind, "result" => result)
        .increment(1);
}

/// What it guards is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
