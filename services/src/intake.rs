//! Where events come in to one consumer, whatever transport brings them: reads them, hands them over,
//! and keeps account of what fails until it is a dead letter that can be replayed.
//!
//! What succeeds costs no query beside the consumer's own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::event::{Event, EventType, Topic};
use serde::Deserialize;
use sqlx::PgPool;
use store::dead_letters::{self, Letter};
use uuid::Uuid;

use crate::consumer::{Consumer, Outcome, deliver};

/// Events whose failure is remembered, at most: beyond, the reason of a dead letter may not be known.
const REMEMBERED: usize = 10_000;

/// Letters that one transaction replays, at most.
const REPLAYED: i64 = 100;

/// The way in to a consumer.
pub struct Intake {
    consumer: Arc<dyn Consumer>,
    pool: PgPool,
    /// Events that failed here and have not been dealt with since, with the reason.
    failing: Mutex<HashMap<Uuid, String>>,
}

/// What a message is.
pub enum Read {
    /// An event.
    Event(Box<Event>),
    /// An event of a type that a newer version publishes: it is passed over.
    Newer,
    /// No event of ours.
    Unreadable(Box<Letter>),
}

impl Intake {
    /// The way in to `consumer`; its dead letters are kept in `pool`.
    pub fn new(consumer: Arc<dyn Consumer>, pool: PgPool) -> Arc<Self> {
        Arc::new(Self {
            consumer,
            pool,
            failing: Mutex::default(),
        })
    }

    /// The consumer's name.
    pub fn name(&self) -> &'static str {
        self.consumer.name()
    }

    /// The topics that it reads.
    pub fn topics(&self) -> &'static [Topic] {
        self.consumer.topics()
    }

    /// Reads a message of a topic (without the stack's prefix) and counts what is none for us.
    pub fn read(&self, topic: &str, message: &[u8]) -> Read {
        let error = match serde_json::from_slice(message) {
            Ok(event) => return Read::Event(Box::new(event)),
            Err(error) => error,
        };
        if is_newer(message) {
            self.count_unknown("passed over");
            return Read::Newer;
        }
        tracing::error!(consumer = self.name(), topic, %error, "no event of ours: a dead letter");
        self.count_unknown("dead");
        let mut letter = self.letter(message);
        letter.topic = Some(topic.into());
        letter.reason = Some(format!("no event of ours: {error}"));
        Read::Unreadable(Box::new(letter))
    }

    fn count_unknown(&self, result: &'static str) {
        metrics::counter!("todostack_events_consumed_total",
            "consumer" => self.name(), "type" => "unknown", "result" => result)
        .increment(1);
    }

    /// Deals with messages, in their order. What came of each; what is not done must come again.
    pub async fn take(&self, messages: Vec<Read>) -> Vec<Outcome> {
        let mut events = Vec::with_capacity(messages.len());
        let mut letters = Vec::new();
        // `None`: it depends on the delivery.
        let mut known = Vec::with_capacity(messages.len());
        for message in messages {
            known.push(match message {
                Read::Event(event) => {
                    events.push(*event);
                    None
                }
                Read::Newer => Some(Outcome::Done),
                Read::Unreadable(letter) => {
                    letters.push(*letter);
                    Some(Outcome::GivenBack)
                }
            });
        }
        if !letters.is_empty() && self.note_dead(&letters).await.is_ok() {
            known
                .iter_mut()
                .flatten()
                .for_each(|of| *of = Outcome::Done);
        }
        let mut delivered = self.deliver(&events).await.into_iter();
        known
            .into_iter()
            .map(|known| {
                known
                    .or_else(|| delivered.next())
                    .unwrap_or(Outcome::GivenBack)
            })
            .collect()
    }

    /// Hands events to the consumer. What came of each, in their order.
    pub async fn deliver(&self, events: &[Event]) -> Vec<Outcome> {
        let outcomes = deliver(self.consumer.as_ref(), events).await;
        let mut failed = Vec::new();
        let mut mended = Vec::new();
        {
            let mut failing = self.failing();
            for (event, outcome) in events.iter().zip(&outcomes) {
                match outcome {
                    Outcome::Failed(reason) => {
                        if failing.len() < REMEMBERED || failing.contains_key(&event.id) {
                            failing.insert(event.id, reason.clone());
                        }
                        failed.push(self.letter_of(event, None, Some(reason.clone())));
                    }
                    Outcome::Done if failing.remove(&event.id).is_some() => mended.push(event.id),
                    Outcome::Done | Outcome::GivenBack => {}
                }
            }
        }
        if let Err(error) = self.note(&failed, &mended).await {
            tracing::warn!(consumer = self.name(), %error, "what failed could not be noted");
        }
        outcomes
    }

    async fn note(&self, failed: &[Letter], mended: &[Uuid]) -> Result<(), sqlx::Error> {
        if failed.is_empty() && mended.is_empty() {
            return Ok(());
        }
        let mut connection = self.pool.acquire().await?;
        dead_letters::note(&mut connection, self.name(), failed).await?;
        if !mended.is_empty() {
            dead_letters::forget(&mut connection, self.name(), mended).await?;
        }
        Ok(())
    }

    /// Records messages that come no more: events that failed too often, or that are none.
    ///
    /// # Errors
    /// From the database: they must come again.
    pub async fn bury(&self, messages: Vec<Vec<u8>>) -> Result<(), sqlx::Error> {
        let letters: Vec<Letter> = messages.iter().map(|body| self.letter(body)).collect();
        self.note_dead(&letters).await
    }

    /// Records events that come no more.
    ///
    /// # Errors
    /// From the database.
    pub async fn give_up(&self, events: &[Event]) -> Result<(), sqlx::Error> {
        let letters: Vec<Letter> = events
            .iter()
            .map(|event| {
                let body = serde_json::to_string(event).ok();
                self.letter_of(event, body, self.failing().get(&event.id).cloned())
            })
            .collect();
        self.note_dead(&letters).await
    }

    async fn note_dead(&self, letters: &[Letter]) -> Result<(), sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let new = dead_letters::bury(&mut connection, self.name(), letters).await?;
        metrics::counter!("todostack_dead_letters_total", "consumer" => self.name()).increment(new);
        if new > 0 {
            tracing::error!(
                consumer = self.name(),
                events = new,
                "dead letters: `todostack-services dlq list` names them"
            );
        }
        let mut failing = self.failing();
        for letter in letters {
            failing.remove(&letter.event_id);
        }
        Ok(())
    }

    /// A letter from a message, which may be no event of ours.
    fn letter(&self, message: &[u8]) -> Letter {
        let body = String::from_utf8_lossy(message).into_owned();
        if let Ok(event) = serde_json::from_slice::<Event>(message) {
            let reason = self.failing().get(&event.id).cloned();
            return self.letter_of(&event, Some(body), reason);
        }
        /// What can be told of something like a CloudEvent.
        #[derive(Default, Deserialize)]
        struct Loose {
            id: Option<Uuid>,
            #[serde(rename = "type")]
            kind: Option<String>,
            subject: Option<String>,
        }
        let loose: Loose = serde_json::from_slice(message).unwrap_or_default();
        Letter {
            // The same message gets the same id however often it comes.
            event_id: loose
                .id
                .unwrap_or_else(|| Uuid::new_v5(&Uuid::NAMESPACE_OID, message)),
            topic: match self.topics() {
                [only] => Some(only.as_str().into()),
                _ => None,
            },
            kind: loose.kind,
            subject: loose.subject,
            body: Some(body),
            reason: None,
        }
    }

    fn letter_of(&self, event: &Event, body: Option<String>, reason: Option<String>) -> Letter {
        let topic = match self.topics() {
            // A notice for devices is of the same type as the event that it tells of.
            [only] => *only,
            _ => event.kind.topic(),
        };
        Letter {
            event_id: event.id,
            topic: Some(topic.as_str().into()),
            kind: Some(event.kind.as_str().into()),
            subject: Some(event.subject.clone()),
            body,
            reason,
        }
    }

    /// Hands dead letters whose replay was asked for to the consumer. How many it dealt with.
    ///
    /// # Errors
    /// From the database; nothing is lost then, and the inbox knows what was dealt with.
    pub async fn replay(&self) -> Result<usize, sqlx::Error> {
        let mut total = 0;
        loop {
            // The rows are held until their outcome is written: other replicas take others.
            let mut transaction = self.pool.begin().await?;
            let letters = dead_letters::take(&mut transaction, self.name(), REPLAYED).await?;
            if letters.is_empty() {
                return Ok(total);
            }
            let mut done = Vec::new();
            let mut failed = Vec::new();
            let mut ids = Vec::new();
            let mut events = Vec::new();
            for letter in letters {
                match serde_json::from_str::<Event>(&letter.body) {
                    Ok(event) => {
                        ids.push(letter.id);
                        events.push(event);
                    }
                    Err(_) if is_newer(letter.body.as_bytes()) => done.push(letter.id),
                    Err(error) => failed.push((letter.id, format!("no event of ours: {error}"))),
                }
            }
            let outcomes = deliver(self.consumer.as_ref(), &events).await;
            let mut given_back = false;
            for (id, outcome) in ids.into_iter().zip(outcomes) {
                match outcome {
                    Outcome::Done => done.push(id),
                    Outcome::Failed(reason) => failed.push((id, reason)),
                    Outcome::GivenBack => given_back = true,
                }
            }
            dead_letters::settle(&mut transaction, &done, &failed).await?;
            transaction.commit().await?;
            tracing::info!(
                consumer = self.name(),
                done = done.len(),
                failed = failed.len(),
                "replayed dead letters"
            );
            total += done.len();
            if given_back {
                return Ok(total);
            }
        }
    }

    fn failing(&self) -> MutexGuard<'_, HashMap<Uuid, String>> {
        // A panic elsewhere leaves the map whole: every change of it is a single call.
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a message is a CloudEvent of a type that only a newer version knows.
fn is_newer(message: &[u8]) -> bool {
    /// What every CloudEvent says of itself.
    #[derive(Deserialize)]
    struct Head {
        specversion: String,
        #[serde(rename = "type")]
        kind: String,
    }
    serde_json::from_slice(message).is_ok_and(|head: Head| {
        head.specversion == "1.0"
            && (head.kind.starts_with("task.") || head.kind.starts_with("reminder."))
            && serde_json::from_value::<EventType>(head.kind.into()).is_err()
    })
}
