//! The relay: nothing lost, nothing marked that was not taken, the order of a subject kept.

use std::{collections::HashMap, sync::Arc};

use chrono::Utc;
use domain::event::Topic;
use services::relay::Relay;
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
