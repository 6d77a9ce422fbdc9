//! The relay: nothing lost, nothing marked that was not taken, the order of a subject kept.

use std::{collections::HashMap, sync::Arc};

use chrono::Utc;
use domain::event::Topic;
use services::{
    relay::Relay,
    transport::{Outgoing, Publisher, Refusal},
};
use store::{dead_letters, outbox};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{Moody, create, eventually, task, user};

#[tokio::test]
async fn every_event_is_published_once_taken_and_in_order_for_each_task() {
    let pool = store::testing::database().await;
    let owner = user(&pool).await;
    let broker = Arc::new(Moody::default());
    let stop = CancellationToken::new();
    // Two of them: the shards are shared out, never held twice.
    let relays: Vec<_> = (0..2)
        .map(|_| {
            let relay = Relay {
                store: pool.clone(),
                publisher: broker.clone(),
                source: "/todostack/default/test".into(),
            };
            tokio::spawn(relay.run(stop.clone()))
        })
        .collect();
    let mut tasks = Vec::new();
    for _ in 0..10 {
        let mut task = task(owner, &[]);
        create(&pool, &task).await;
        for edit in 0..5 {
            task.title = format!("edit {edit}");
            let mut transaction = pool.begin().await.unwrap();
            task = store::tasks::update(&mut transaction, &task, chrono_tz::UTC, Utc::now())
                .await
                .unwrap()
                .unwrap();
            transaction.commit().await.unwrap();
        }
        tasks.push(task.id);
    }
    eventually("the outbox is empty", async || {
        store::outbox::backlog(&pool).await.unwrap().0 == 0
    })
    .await;
    stop.cancel();
    for relay in relays {
        relay.await.unwrap();
    }
    let taken = broker.taken.lock().unwrap();
    let mut versions: HashMap<(Topic, String), Vec<i64>> = HashMap::new();
    let mut ids = std::collections::HashSet::<Uuid>::new();
    for outgoing in taken.iter() {
        assert_eq!(outgoing.event.source, "/todostack/default/test");
        assert!(
            ids.insert(outgoing.event.id),
            "published twice although taken"
        );
        versions
            .entry((outgoing.topic, outgoing.event.subject.clone()))
            .or_default()
            .push(outgoing.event.data["version"].as_i64().unwrap());
    }
    for task in tasks {
        for topic in [Topic::TaskEvents, Topic::TaskUpdates] {
            assert_eq!(versions[&(topic, task.to_string())], [1, 2, 3, 4, 5, 6]);
        }
    }
}

/// A broker that never takes the events of one task.
struct Choosy {
    refuses: Uuid,
    taken: std::sync::Mutex<Vec<Uuid>>,
}

#[async_trait::async_trait]
impl Publisher for Choosy {
    async fn publish(&self, batch: &[Outgoing]) -> anyhow::Result<Vec<Result<(), Refusal>>> {
        let mut taken = self.taken.lock().unwrap();
        Ok(batch
            .iter()
            .map(|entry| {
                if entry.event.subject == self.refuses.to_string() {
                    return Err(Refusal::Permanent("message too large".into()));
                }
                taken.push(entry.event.id);
                Ok(())
            })
            .collect())
    }
}

#[tokio::test]
async fn an_event_that_the_broker_never_takes_is_a_dead_letter_and_can_be_put_back() {
    let store = store::testing::database().await;
    let owner = user(&store).await;
    let bad = task(owner, &[]);
    create(&store, &bad).await;
    for _ in 0..3 {
        create(&store, &task(owner, &[])).await;
    }
    let broker = Arc::new(Choosy {
        refuses: bad.id,
        taken: std::sync::Mutex::default(),
    });
    let stop = CancellationToken::new();
    let relay = Relay {
        store: store.clone(),
        publisher: broker.clone(),
        source: "/todostack/default/test".into(),
    };
    let running = tokio::spawn(relay.run(stop.clone()));
    eventually("nothing waits", async || {
        outbox::backlog(&store).await.unwrap().0 == 0
    })
    .await;
    // The event and its notice for devices.
    let mut connection = store.acquire().await.unwrap();
    let list = dead_letters::list(&mut connection, Some("relay"), 0, 10).await;
    let aside = list.unwrap();
    assert_eq!(aside.len(), 2);
    assert_eq!(aside[0].subject, Some(bad.id.to_string()));
    assert_eq!(aside[0].reason.as_deref(), Some("message too large"));
    assert_eq!(aside[0].attempts, 5);
    assert_eq!(broker.taken.lock().unwrap().len(), 6);

    stop.cancel();
    running.await.unwrap();
    let ids: Vec<i64> = aside.iter().map(|letter| letter.id).collect();
    let back = dead_letters::replay(&store, None, Some(&ids)).await;
    assert_eq!(back.unwrap(), 2);
    let list = dead_letters::list(&mut connection, None, 0, 10).await;
    assert!(list.unwrap().is_empty());
    assert_eq!(outbox::backlog(&store).await.unwrap().0, 2);
}
