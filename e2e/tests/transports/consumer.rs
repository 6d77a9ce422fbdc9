//! A consumer whose effects are rows, and whose failures are asked for.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use domain::event::{Event, Topic};
use services::consumer::Consumer;
use store::{Store, inbox};
use uuid::Uuid;

/// Writes a row for each event, once, in the transaction of its inbox.
pub(crate) struct Recording {
    store: Store,
    name: &'static str,
    /// Events that fail so many times more.
    failing: Mutex<HashMap<Uuid, u32>>,
    /// Every event that was handed over, as often as it was.
    pub(crate) seen: Mutex<Vec<Uuid>>,
}

/// Fails until it is told otherwise.
pub(crate) const ALWAYS: u32 = u32::MAX;

impl Recording {
    pub(crate) fn new(store: &Store, name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            store: store.clone(),
            name,
            failing: Mutex::default(),
            seen: Mutex::default(),
        })
    }

    /// Makes an event fail so many times; 0: never again.
    pub(crate) fn fail(&self, event: Uuid, times: u32) {
        self.failing.lock().unwrap().insert(event, times);
    }

    /// The effects in their order: which event, of which subject, which one of it.
    pub(crate) async fn effects(&self) -> Vec<(Uuid, String, i64)> {
        sqlx::query_as(
            "select event_id, subject, number from effects where consumer = $1 order by seq",
        )
        .bind(self.name)
        .fetch_all(self.store.pool())
        .await
        .unwrap()
    }

    /// Which events had their effect.
    pub(crate) async fn done(&self) -> HashSet<Uuid> {
        self.effects()
            .await
            .into_iter()
            .map(|(id, ..)| id)
            .collect()
    }
}

/// Makes the table of effects.
pub(crate) async fn prepare(store: &Store) {
    sqlx::raw_sql(
        "create table effects (seq bigint generated always as identity, consumer text, event_id uuid,
             subject text, number bigint)",
    )
    .execute(store.pool())
    .await
    .unwrap();
}

#[async_trait]
impl Consumer for Recording {
    fn name(&self) -> &'static str {
        self.name
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::TaskEvents]
    }

    async fn handle(&self, events: &[Event]) -> anyhow::Result<()> {
        let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
        self.seen.lock().unwrap().extend(&ids);
        let mut transaction = self.store.begin().await?;
        let mut accepted = inbox::accept(&mut transaction, self.name, &ids).await?;
        for event in events.iter().filter(|event| accepted.take(event.id)) {
            sqlx::query(
                "insert into effects (consumer, event_id, subject, number) values ($1, $2, $3, $4)",
            )
            .bind(self.name)
            .bind(event.id)
            .bind(&event.subject)
            .bind(event.data["version"].as_i64().unwrap_or_default())
            .execute(&mut *transaction)
            .await?;
        }
        // Late, so that a transaction that was begun is what fails.
        let poison = {
            let mut failing = self.failing.lock().unwrap();
            // An attempt is one alone: a batch is taken apart until what fails stands alone.
            ids.iter()
                .find(|id| failing.get(id).is_some_and(|times| *times > 0))
                .inspect(|id| {
                    if ids.len() == 1
                        && let Some(times) = failing.get_mut(id)
                        && *times != ALWAYS
                    {
                        *times -= 1;
                    }
                })
                .copied()
        };
        anyhow::ensure!(poison.is_none(), "asked to fail");
        transaction.commit().await?;
        Ok(())
    }
}
