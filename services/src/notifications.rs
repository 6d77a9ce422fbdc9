//! The notifications service: serves the channels of each firing, once for each (reminder,
//! occurrence, channel), with its own table of attempts.

pub mod webhook;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::Utc;
use domain::{
    event::{Event, EventType, Topic},
    reminder::{Channel, ReminderEvent},
};
use store::{
    Store, channels,
    deliveries::{self, Delivery, Outcome},
    inbox,
};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::consumer::Consumer;
use webhook::{Attempt, Webhooks};

/// Attempts under way at once.
const CONCURRENCY: usize = 32;

/// A delivery is another process's again this long after it was taken: longer than an attempt.
const LEASE: chrono::Duration = chrono::Duration::seconds(60);

/// Pauses after the first, second, … failed attempt, in seconds
/// (the schedule that the Standard Webhooks specification recommends). After the last, it has failed.
const PAUSES: [i64; 8] = [5, 30, 300, 1800, 7200, 18_000, 36_000, 36_000];

/// The service.
pub struct Notifications {
    store: Store,
    webhooks: Webhooks,
    planned: Notify,
}

impl Notifications {
    /// A service that posts through `webhooks`.
    pub fn new(store: Store, webhooks: Webhooks) -> Arc<Self> {
        Arc::new(Self {
            store,
            webhooks,
            planned: Notify::new(),
        })
    }

    /// Attempts deliveries as they fall due, until `shutdown`; then those under way end.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut under_way = JoinSet::new();
        while !shutdown.is_cancelled() {
            while under_way.try_join_next().is_some() {}
            let room = CONCURRENCY - under_way.len();
            let taken = deliveries::take(&self.store, Utc::now() + LEASE, room as i64).await;
            match taken {
                Ok(taken) if !taken.is_empty() => {
                    for delivery in taken {
                        let service = self.clone();
                        under_way.spawn(async move { service.attempt(delivery).await });
                    }
                    if under_way.len() < CONCURRENCY {
                        continue;
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "cannot read the deliveries"),
            }
            tokio::select! {
                () = self.planned.notified() => {}
                Some(_) = under_way.join_next() => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = shutdown.cancelled() => {}
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn attempt(&self, delivery: Delivery) {
        let outcome = match self.send(&delivery).await {
            Ok(attempt) => judge(attempt, delivery.attempts, Utc::now()),
            Err(error) => judge(
                Attempt::Retry(format!("{error:#}")),
                delivery.attempts,
                Utc::now(),
            ),
        };
        let result = match &outcome {
            Outcome::Delivered => "delivered",
            Outcome::Retry { .. } => "retry",
            Outcome::Failed { .. } => "failed",
        };
        metrics::counter!("todostack_deliveries_total", "channel" => "webhook", "result" => result)
            .increment(1);
        if outcome == Outcome::Delivered {
            let late = (Utc::now() - delivery.body.fire_at)
                .to_std()
                .unwrap_or_default();
            metrics::histogram!("todostack_due_to_delivered_seconds").record(late.as_secs_f64());
            tracing::info!(reminder = %delivery.reminder_id, late_ms = late.as_millis(), attempt = delivery.attempts, "delivered");
        }
        if let Outcome::Retry { error, .. } | Outcome::Failed { error } = &outcome {
            tracing::warn!(reminder = %delivery.reminder_id, attempt = delivery.attempts, error, result, "not delivered");
        }
        let recorded = async {
            let mut transaction = self.store.begin().await?;
            deliveries::record(&mut transaction, &delivery, &outcome, Utc::now()).await?;
            transaction.commit().await
        };
        if let Err(error) = recorded.await {
            // The lease ends and it is sent again, under the same idempotency key.
            tracing::warn!(reminder = %delivery.reminder_id, %error, "an attempt could not be recorded");
        }
    }

    async fn send(&self, delivery: &Delivery) -> anyhow::Result<Attempt> {
        let Channel::Webhook { url, id } = &delivery.target.0;
        let stored = match (id, delivery.owner_id) {
            (Some(id), Some(owner)) => {
                channels::get(&mut *self.store.acquire().await?, owner, *id).await?
            }
            _ => None,
        };
        if id.is_some() && stored.is_none() {
            return Ok(Attempt::GiveUp("the channel was removed".into()));
        }
        self.webhooks
            .post(
                stored
                    .as_ref()
                    .map(|channel| channel.url.as_str())
                    .or(url.as_deref()),
                stored.as_ref().map(|channel| channel.secret.as_str()),
                delivery.idempotency_key,
                &delivery.body.0,
            )
            .await
    }

    /// The channels of a firing: those it names; else its owner's default ones; else the stack's.
    async fn channels_of(
        &self,
        connection: &mut sqlx::PgConnection,
        event: &Event,
        due: &ReminderEvent,
    ) -> Result<Vec<Channel>, sqlx::Error> {
        if !due.channels.is_empty() {
            return Ok(due.channels.clone());
        }
        let mut own = Vec::new();
        if let Some(owner) = event.owner {
            own = channels::of_owner(connection, owner)
                .await?
                .into_iter()
                .filter(|channel| channel.is_default)
                .map(|channel| Channel::Webhook {
                    url: None,
                    id: Some(channel.id),
                })
                .collect();
        }
        if own.is_empty() && self.webhooks.has_default() {
            own.push(Channel::Webhook {
                url: None,
                id: None,
            });
        }
        Ok(own)
    }
}

/// What an attempt means for the delivery.
fn judge(attempt: Attempt, attempts: i32, now: chrono::DateTime<Utc>) -> Outcome {
    match attempt {
        Attempt::Delivered => Outcome::Delivered,
        Attempt::GiveUp(error) => Outcome::Failed { error },
        Attempt::Retry(error) => {
            let pause = usize::try_from(attempts - 1)
                .ok()
                .and_then(|failed| PAUSES.get(failed));
            match pause {
                Some(&seconds) => Outcome::Retry {
                    at: now + chrono::Duration::seconds(seconds),
                    error,
                },
                None => Outcome::Failed { error },
            }
        }
    }
}

#[async_trait]
impl Consumer for Notifications {
    fn name(&self) -> &'static str {
        "notifications"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::Reminders]
    }

    async fn handle(&self, events: &[Event]) -> anyhow::Result<()> {
        let mut due: Vec<(&Event, ReminderEvent)> = Vec::new();
        for event in events {
            if event.kind == EventType::ReminderDue {
                due.push((event, serde_json::from_value(event.data.clone())?));
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        let ids: Vec<uuid::Uuid> = due.iter().map(|(event, _)| event.id).collect();
        let mut transaction = self.store.begin().await?;
        let mut accepted = inbox::accept(&mut transaction, self.name(), &ids).await?;
        for (event, due) in &due {
            if accepted.remove(&event.id) {
                let channels = self.channels_of(&mut transaction, event, due).await?;
                deliveries::plan(&mut transaction, event.owner, due, &channels, Utc::now()).await?;
            }
        }
        transaction.commit().await?;
        self.planned.notify_one();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_attempt_is_tried_again_until_the_schedule_ends() {
        let now = Utc::now();
        let retry = |attempts| judge(Attempt::Retry("no".into()), attempts, now);
        assert_eq!(
            retry(1),
            Outcome::Retry {
                at: now + chrono::Duration::seconds(5),
                error: "no".into()
            }
        );
        assert!(matches!(retry(8), Outcome::Retry { .. }));
        assert_eq!(retry(9), Outcome::Failed { error: "no".into() });
    }

    #[test]
    fn gone_is_not_tried_again() {
        let outcome = judge(Attempt::GiveUp("gone".into()), 1, Utc::now());
        assert_eq!(
            outcome,
            Outcome::Failed {
                error: "gone".into()
            }
        );
    }
}
