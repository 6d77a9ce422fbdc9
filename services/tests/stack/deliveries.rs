//! Serving channels: signatures, once each, attempts.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use chrono::Utc;
use domain::{event::EventType, webhook::Secret};
use services::{
    consumer::Consumer,
    notifications::{Notifications, webhook::Webhooks},
};
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::support::{Silent, alarm_of, create, events, eventually, phase, service, task, user};

/// A receiver that first answers 500 a few times.
#[derive(Clone, Default)]
struct Receiver {
    refusals: Arc<AtomicU32>,
    seen: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Receiver {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/hook", post(Self::take))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    async fn take(State(this): State<Self>, headers: HeaderMap, body: Bytes) -> StatusCode {
        this.seen.lock().unwrap().push((headers, body));
        let left = this.refusals.load(Ordering::Relaxed);
        if left > 0 {
            this.refusals.store(left - 1, Ordering::Relaxed);
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        StatusCode::OK
    }

    fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

fn secret() -> (String, Secret) {
    let text = Secret::text(&[9; 32]);
    let secret = Secret::parse(&text).unwrap();
    (text, secret)
}

async fn fire(pool: &Store, notifications: &Notifications) -> uuid::Uuid {
    let reminders = service(pool, Arc::new(Silent::default()));
    let reminder = create(pool, &task(user(pool).await, &[Utc::now()])).await[0];
    let alarm = alarm_of(pool, reminder).await;
    reminders.ring(&alarm).await.unwrap();
    for event in events(pool, "reminders").await {
        // At least once: twice, here.
        notifications
            .handle(std::slice::from_ref(&event))
            .await
            .unwrap();
        notifications
            .handle(std::slice::from_ref(&event))
            .await
            .unwrap();
    }
    reminder
}

#[tokio::test]
async fn a_firing_is_delivered_once_and_signed() {
    let pool = store::testing::database().await;
    let receiver = Receiver::default();
    let (_, secret) = secret();
    let url = receiver.start().await;
    let webhooks = Webhooks::new(Some(url), Some(secret.clone()), true).unwrap();
    let notifications = Notifications::new(pool.clone(), webhooks);
    let stop = CancellationToken::new();
    let running = tokio::spawn(notifications.clone().run(stop.clone()));
    let reminder = fire(&pool, &notifications).await;
    eventually("it is delivered", async || {
        phase(&pool, reminder).await == "Delivered"
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.count(), 1);
    let (headers, body) = receiver.seen.lock().unwrap()[0].clone();
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    secret
        .verify(
            &header("webhook-id"),
            header("webhook-timestamp").parse().unwrap(),
            &body,
            &header("webhook-signature"),
            Utc::now().timestamp(),
        )
        .unwrap();
    let kinds: Vec<EventType> = events(&pool, "reminders")
        .await
        .iter()
        .map(|e| e.kind)
        .collect();
    assert_eq!(
        kinds,
        [EventType::ReminderDue, EventType::ReminderDelivered]
    );
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_refused_delivery_is_tried_again_with_the_same_id() {
    let pool = store::testing::database().await;
    let receiver = Receiver::default();
    receiver.refusals.store(1, Ordering::Relaxed);
    let url = receiver.start().await;
    let webhooks = Webhooks::new(Some(url), Some(secret().1), true).unwrap();
    let notifications = Notifications::new(pool.clone(), webhooks);
    let stop = CancellationToken::new();
    let running = tokio::spawn(notifications.clone().run(stop.clone()));
    let reminder = fire(&pool, &notifications).await;
    eventually("the refusal is recorded", async || {
        let error: Option<String> = sqlx::query_scalar("select last_error from deliveries")
            .fetch_one(&*pool)
            .await
            .unwrap();
        error.is_some_and(|error| error.contains("500"))
    })
    .await;
    assert_eq!(phase(&pool, reminder).await, "Fired");
    // Not for five seconds; the test does not wait.
    sqlx::query("update deliveries set next_attempt_at = now()")
        .execute(&*pool)
        .await
        .unwrap();
    eventually("it is delivered", async || {
        phase(&pool, reminder).await == "Delivered"
    })
    .await;
    let seen = receiver.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].0["webhook-id"], seen[1].0["webhook-id"]);
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_users_own_channel_comes_before_the_stacks_and_has_its_own_secret() {
    let pool = store::testing::database().await;
    let (own, stacks) = (Receiver::default(), Receiver::default());
    let (text, secret) = secret();
    let owner = user(&pool).await;
    let mut connection = pool.acquire().await.unwrap();
    let url = own.start().await;
    store::channels::create_webhook(&mut connection, owner, &url, &text, true, 10)
        .await
        .unwrap()
        .unwrap();
    let other = Secret::parse(&Secret::text(&[1; 32])).unwrap();
    let webhooks = Webhooks::new(Some(stacks.start().await), Some(other), true).unwrap();
    let notifications = Notifications::new(pool.clone(), webhooks);
    let stop = CancellationToken::new();
    let running = tokio::spawn(notifications.clone().run(stop.clone()));
    let reminders = service(&pool, Arc::new(Silent::default()));
    let reminder = create(&pool, &task(owner, &[Utc::now()])).await[0];
    let alarm = alarm_of(&pool, reminder).await;
    reminders.ring(&alarm).await.unwrap();
    for event in events(&pool, "reminders").await {
        notifications
            .handle(std::slice::from_ref(&event))
            .await
            .unwrap();
    }
    eventually("it is delivered", async || {
        phase(&pool, reminder).await == "Delivered"
    })
    .await;
    assert_eq!((own.count(), stacks.count()), (1, 0));
    let (headers, body) = own.seen.lock().unwrap()[0].clone();
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let at = header("webhook-timestamp").parse().unwrap();
    secret
        .verify(
            &header("webhook-id"),
            at,
            &body,
            &header("webhook-signature"),
            at,
        )
        .unwrap();
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn without_any_channel_the_reminder_fails_and_says_why() {
    let pool = store::testing::database().await;
    let webhooks = Webhooks::new(None, None, false).unwrap();
    let notifications = Notifications::new(pool.clone(), webhooks);
    let reminder = fire(&pool, &notifications).await;
    assert_eq!(phase(&pool, reminder).await, "Failed");
    let last = events(&pool, "reminders").await.pop().unwrap();
    assert_eq!(last.kind, EventType::ReminderFailed);
    assert!(last.data["reason"].as_str().unwrap().contains("no channel"));
}

#[tokio::test]
async fn first_attempts_are_taken_before_others_and_none_of_a_full_lane() {
    let pool = store::testing::database().await;
    let notifications = Notifications::new(
        pool.clone(),
        Webhooks::new(Some("http://127.0.0.1:9/".into()), Some(secret().1), true).unwrap(),
    );
    let reminders = service(&pool, Arc::new(Silent::default()));
    let (busy, quiet) = (user(&pool).await, user(&pool).await);
    for owner in std::iter::repeat_n(busy, 6).chain([quiet]) {
        let reminder = create(&pool, &task(owner, &[Utc::now()])).await[0];
        let alarm = alarm_of(&pool, reminder).await;
        reminders.ring(&alarm).await.unwrap();
    }
    notifications
        .handle(&events(&pool, "reminders").await)
        .await
        .unwrap();
    // It does not run, so it held none of them. Four of the busy one's were tried before.
    sqlx::query(
        "update deliveries set attempts = 1, next_attempt_at = now() - interval '1 hour'
         where reminder_id in (select reminder_id from deliveries where owner_id = $1 limit 4)",
    )
    .bind(busy)
    .execute(&*pool)
    .await
    .unwrap();
    let me = uuid::Uuid::new_v4();
    let take = async |full: &[String], limit| {
        store::deliveries::take(&pool, me, full, limit)
            .await
            .unwrap()
    };
    let first = take(&[], 4).await;
    let again = first.iter().filter(|delivery| delivery.attempts > 0);
    assert_eq!((first.len(), again.count()), (4, 1));
    assert!(first.iter().all(|delivery| delivery.holder == Some(me)));
    let lane = format!("{busy}/127.0.0.1:9");
    assert!(take(&[lane], 10).await.is_empty());
    // What is taken is not taken again.
    assert_eq!(take(&[], 10).await.len(), 3);
    assert!(take(&[], 10).await.is_empty());
}

#[tokio::test]
async fn what_a_dead_process_held_is_delivered_by_another() {
    let pool = store::testing::database().await;
    let receiver = Receiver::default();
    let url = receiver.start().await;
    let webhooks = || Webhooks::new(Some(url.clone()), Some(secret().1), true).unwrap();
    let reminder = fire(&pool, &Notifications::new(pool.clone(), webhooks())).await;
    let dead = uuid::Uuid::new_v4();
    let mut connection = pool.acquire().await.unwrap();
    store::deliveries::beat(&mut connection, dead, false)
        .await
        .unwrap();
    assert_eq!(
        store::deliveries::take(&pool, dead, &[], 10)
            .await
            .unwrap()
            .len(),
        1
    );
    let notifications = Notifications::new(pool.clone(), webhooks());
    let stop = CancellationToken::new();
    let running = tokio::spawn(notifications.clone().run(stop.clone()));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(receiver.count(), 0, "it may live");
    eventually("it is delivered", async || {
        phase(&pool, reminder).await == "Delivered"
    })
    .await;
    assert_eq!(receiver.count(), 1);
    stop.cancel();
    running.await.unwrap();
    let left: i64 = sqlx::query_scalar("select count(*) from dispatchers")
        .fetch_one(&*pool)
        .await
        .unwrap();
    assert_eq!(left, 0, "who ends says so");
}

#[tokio::test]
async fn what_a_process_noted_while_it_was_taken_for_dead_is_free_when_it_is_back() {
    let pool = store::testing::database().await;
    let webhooks = Webhooks::new(Some("http://127.0.0.1:9/".into()), Some(secret().1), true);
    fire(&pool, &Notifications::new(pool.clone(), webhooks.unwrap())).await;
    let me = uuid::Uuid::new_v4();
    let take = async || {
        store::deliveries::take(&pool, me, &[], 10)
            .await
            .unwrap()
            .len()
    };
    let mut connection = pool.acquire().await.unwrap();
    let mut beat = async || {
        store::deliveries::beat(&mut connection, me, false)
            .await
            .unwrap()
            .known
    };
    assert_eq!(take().await, 1);
    assert!(!beat().await);
    assert_eq!(take().await, 1, "it is free again");
    assert!(beat().await);
    assert_eq!(take().await, 0, "it is held");
}

#[tokio::test]
async fn a_firing_whose_event_does_not_come_is_served_all_the_same_and_once() {
    let store = store::testing::database().await;
    let receiver = Receiver::default();
    let url = receiver.start().await;
    let webhooks = Webhooks::new(Some(url), Some(secret().1), true).unwrap();
    let notifications = Notifications::new(store.clone(), webhooks);
    let stop = CancellationToken::new();
    let running = tokio::spawn(notifications.clone().run(stop.clone()));
    let reminders = service(&store, Arc::new(Silent::default()));
    let reminder = create(&store, &task(user(&store).await, &[Utc::now()])).await[0];
    let alarm = alarm_of(&store, reminder).await;
    reminders.ring(&alarm).await.unwrap();
    // The broker has been away for six seconds.
    sqlx::query("update reminders set fired_at = fired_at - interval '6 s'")
        .execute(&*store)
        .await
        .unwrap();
    eventually("it is delivered", async || {
        phase(&store, reminder).await == "Delivered"
    })
    .await;
    // The broker is back.
    notifications
        .handle(&events(&store, "reminders").await)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.count(), 1);
    stop.cancel();
    running.await.unwrap();
}
