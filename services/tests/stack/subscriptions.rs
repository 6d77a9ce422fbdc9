//! The routes that a sidecar calls.

use std::sync::{Arc, atomic::Ordering};

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::event::{Event, EventType};
use serde_json::{Value, json};
use services::{intake::Intake, subscriptions::routes};
use store::{Store, dead_letters};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::dead_letters::{Counting, event};

async fn post(intake: &Arc<Intake>, path: &str, body: Value) -> (StatusCode, Value) {
    let request = Request::post(path)
        .body(Body::from(body.to_string()))
        .unwrap();
    let answer = routes(intake.clone()).oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn statuses(answer: &Value) -> Vec<&str> {
    let entries = answer["statuses"].as_array().unwrap().iter();
    entries
        .map(|entry| entry["status"].as_str().unwrap())
        .collect()
}

async fn reasons(store: &Store) -> Vec<(Uuid, Option<String>)> {
    let mut connection = store.acquire().await.unwrap();
    let list = dead_letters::list(&mut connection, None, 0, 100).await;
    let letters = list.unwrap().into_iter();
    letters
        .map(|letter| (letter.event_id, letter.reason))
        .collect()
}

#[tokio::test]
async fn each_entry_of_a_batch_gets_its_own_answer_and_the_good_keep_their_order() {
    let store = store::testing::database().await;
    let consumer = Counting::new(&store, "recurrence", true);
    let intake = Intake::new(consumer.clone(), store.pool().clone());
    let events: Vec<Event> = (0..7)
        .map(|place| {
            event(if place == 4 {
                EventType::TaskDeleted
            } else {
                EventType::TaskCreated
            })
        })
        .collect();
    let mut entries: Vec<Value> = events
        .iter()
        .enumerate()
        .map(|(place, event)| json!({"entryId": place.to_string(), "event": event}))
        .collect();
    entries.push(json!({"entryId": "7", "event": {"what": "is this"}}));
    entries.push(json!({"entryId": "8"}));
    let mut newer = serde_json::to_value(&events[0]).unwrap();
    newer["type"] = "task.shared".into();
    entries.push(json!({"entryId": "9", "event": newer}));
    let batch = json!({"id": "b", "entries": entries});
    let (status, answer) = post(&intake, "/events/task-events", batch).await;
    assert_eq!(status, StatusCode::OK);
    let mut expected = ["SUCCESS"; 10];
    expected[4] = "RETRY";
    assert_eq!(statuses(&answer), expected);
    let good: Vec<Uuid> = [0, 1, 2, 3, 5, 6].map(|place| events[place].id).into();
    assert_eq!(consumer.effects(), good);
    // What is no event at all never will be.
    let dead = reasons(&store).await;
    assert_eq!(dead.len(), 2);
    for (_, reason) in dead {
        let reason = reason.unwrap();
        assert!(reason.starts_with("no event of ours: "), "{reason}");
    }
}

#[tokio::test]
async fn a_single_event_is_answered_as_ever() {
    let store = store::testing::database().await;
    let consumer = Counting::new(&store, "recurrence", true);
    let intake = Intake::new(consumer, store.pool().clone());
    let good = serde_json::to_value(event(EventType::TaskCreated)).unwrap();
    let (_, answer) = post(&intake, "/events/task-events", good).await;
    assert_eq!(answer["status"], "SUCCESS");
    let bad = serde_json::to_value(event(EventType::TaskDeleted)).unwrap();
    let (status, _) = post(&intake, "/events/task-events", bad).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let none = json!({"what": "is this"});
    let (_, answer) = post(&intake, "/events/task-events", none).await;
    assert_eq!(answer["status"], "SUCCESS");
    assert_eq!(reasons(&store).await.len(), 1);
}

#[tokio::test]
async fn what_comes_to_the_dead_letter_topic_is_recorded_with_the_reason_in_either_form() {
    let store = store::testing::database().await;
    let consumer = Counting::new(&store, "recurrence", true);
    let intake = Intake::new(consumer.clone(), store.pool().clone());
    let poison = event(EventType::TaskDeleted);
    intake.deliver(std::slice::from_ref(&poison)).await;
    // Another replica gets the letter: it asks the database for the reason.
    let replica = Intake::new(consumer.clone(), store.pool().clone());
    let encoded = |text: &[u8]| STANDARD.encode(text);
    let poison_text = serde_json::to_vec(&poison).unwrap();
    let batch = json!({"entries": [
        {"entryId": "a", "event": encoded(&poison_text), "contentType": "application/octet-stream"},
        {"entryId": "b", "event": encoded(b"no JSON")},
    ]});
    for _ in 0..2 {
        let (status, answer) = post(&replica, "/dead-letters", batch.clone()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(statuses(&answer), ["SUCCESS", "SUCCESS"]);
    }
    let other = event(EventType::TaskDeleted);
    let single = json!({
        "specversion": "1.0", "id": Uuid::new_v4(), "type": "com.dapr.event.sent",
        "data_base64": encoded(&serde_json::to_vec(&other).unwrap()),
    });
    let (_, answer) = post(&replica, "/dead-letters", single).await;
    assert_eq!(answer["status"], "SUCCESS");
    let dead = reasons(&store).await;
    assert_eq!(dead.len(), 3);
    assert_eq!(dead[0], (poison.id, Some("cannot stomach it".into())));
    assert_eq!(dead[2], (other.id, None));

    consumer.broken.store(false, Ordering::Relaxed);
    assert_eq!(dead_letters::replay(&store, None, None).await.unwrap(), 3);
    assert_eq!(replica.replay().await.unwrap(), 2);
    assert_eq!(consumer.effects(), [poison.id, other.id]);

    // What cannot be recorded comes again.
    store.close().await;
    let (_, answer) = post(&replica, "/dead-letters", batch).await;
    assert_eq!(statuses(&answer), ["RETRY", "RETRY"]);
    let (status, _) = post(&replica, "/dead-letters", json!({})).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
}
