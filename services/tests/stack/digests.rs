//! Digests, from the clock to a receiver.

use std::time::Duration;

use axum::{Json, Router, extract::State, routing::post};
use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::{
    recurrence::{Start, to_instant},
    reminder::ChannelKind,
    task::{Due, Task},
};
use serde_json::Value;
use store::{Store, channels::NewChannel};
use tokio::{net::TcpListener, sync::mpsc};
use uuid::Uuid;

use crate::{
    receivers::{Running, webhooks},
    support::{create, eventually, phase, user},
};

/// The zone of `support::user`.
const ZONE: Tz = Tz::Europe__Berlin;

fn today() -> NaiveDate {
    Utc::now().with_timezone(&ZONE).date_naive()
}

/// A task of `owner` that is due this many days ago, all day.
async fn due(pool: &Store, owner: Uuid, title: &str, days_ago: u64) -> Task {
    let date = today() - Days::new(days_ago);
    let end = to_instant(&Start::On(date + Days::new(1)), ZONE) - chrono::Duration::seconds(1);
    let task = Task {
        due: Some(Due::On { date }),
        due_at: Some(end),
        ..Task::new(Uuid::now_v7(), owner, title, Utc::now())
    };
    create(pool, &task).await;
    task
}

/// A digest at midnight that yesterday has had: today's is due.
async fn wants(pool: &Store, owner: Uuid) {
    sqlx::query(
        "insert into digests (owner_id, at, last_day, next_at) values ($1, '00:00', $2, now())
         on conflict (owner_id) do update set last_day = $2, next_at = now()",
    )
    .bind(owner)
    .bind(today() - Days::new(1))
    .execute(pool.pool())
    .await
    .unwrap();
}

/// A webhook that hands on what it gets; its URL.
async fn receiver() -> (String, mpsc::UnboundedReceiver<Value>) {
    let (sender, got) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let take = async |State(sender): State<mpsc::UnboundedSender<Value>>, Json(body)| {
        sender.send(body).unwrap();
    };
    let router = Router::new().route("/", post(take)).with_state(sender);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, got)
}

/// A new user whose default channel is that webhook.
async fn reader(pool: &Store, url: &str) -> Uuid {
    let owner = user(pool).await;
    let new = NewChannel {
        kind: ChannelKind::Webhook,
        target: url,
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        is_default: true,
    };
    let mut conn = pool.acquire().await.unwrap();
    let made = store::channels::create(&mut conn, owner, new, 1).await;
    made.unwrap().unwrap();
    owner
}

#[tokio::test]
async fn a_digest_tells_what_is_due_once_however_often_it_is_looked_at() {
    let pool = store::testing::database().await;
    let (url, mut got) = receiver().await;
    let owner = reader(&pool, &url).await;
    let rent = due(&pool, owner, "Rent", 0).await;
    let taxes = due(&pool, owner, "Taxes", 3).await;
    due(&pool, owner, "Next week", 0).await;
    // Neither what is done, nor what is another day's, nor another user's.
    sqlx::query("update tasks set completed_at = now() where title = 'Next week'")
        .execute(pool.pool())
        .await
        .unwrap();
    let other = user(&pool).await;
    due(&pool, other, "Not mine", 0).await;
    wants(&pool, owner).await;
    let running = Running::start(&pool, webhooks()).await;
    let body = got.recv().await.unwrap();
    assert_eq!(body["type"], "digest.due");
    let data = &body["data"];
    assert_eq!(data["message"], "Today: 1 due, 1 overdue");
    assert_eq!(data["digest"]["day"], today().to_string());
    let task = |part: &str| data["digest"][part]["tasks"][0]["id"].clone();
    assert_eq!(task("due"), rent.id.to_string());
    assert_eq!(task("overdue"), taxes.id.to_string());
    let id: Uuid = serde_json::from_value(data["reminderId"].clone()).unwrap();
    assert_eq!(id, domain::digest::id(owner, today()));
    eventually("it is told", async || phase(&pool, id).await == "Delivered").await;

    let next: DateTime<Utc> = sqlx::query_scalar("select next_at from digests")
        .fetch_one(pool.pool())
        .await
        .unwrap();
    assert_eq!(next, to_instant(&Start::On(today() + Days::new(1)), ZONE));
    // A backup that was restored knows nothing of it; its firing is there.
    wants(&pool, owner).await;
    eventually("it was looked at", async || {
        sqlx::query_scalar::<_, bool>("select next_at > now() from digests")
            .fetch_one(pool.pool())
            .await
            .unwrap()
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(got.try_recv().is_err());
    running.end().await;
}

#[tokio::test]
async fn two_processes_make_many_digests_each_once_and_none_for_an_empty_day() {
    const USERS: usize = 250;
    let pool = store::testing::database().await;
    let (url, mut got) = receiver().await;
    let mut wanted = std::collections::BTreeSet::new();
    for nth in 0..USERS {
        let owner = reader(&pool, &url).await;
        if nth % 5 > 0 {
            due(&pool, owner, "Rent", nth as u64 % 2).await;
            wanted.insert(domain::digest::id(owner, today()).to_string());
        }
        wants(&pool, owner).await;
    }
    let a = Running::start(&pool, webhooks()).await;
    let b = Running::start(&pool, webhooks()).await;
    let mut came = std::collections::BTreeSet::new();
    while came.len() < wanted.len() {
        let next = tokio::time::timeout(Duration::from_secs(30), got.recv());
        let body = next.await.expect("another digest").unwrap();
        let id = body["data"]["reminderId"].as_str().unwrap().to_owned();
        assert!(came.insert(id.clone()), "{id} twice");
    }
    assert_eq!(came, wanted);
    let open: i64 = sqlx::query_scalar("select count(*) from digests where next_at <= now()")
        .fetch_one(pool.pool())
        .await
        .unwrap();
    assert_eq!(open, 0);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(got.try_recv().is_err());
    a.end().await;
    b.end().await;
}

#[tokio::test]
async fn what_an_edit_means_for_today() {
    let pool = store::testing::database().await;
    let owner = user(&pool).await;
    let at = |text: &str| domain::digest::Daily {
        at: text.parse().unwrap(),
        zone: ZONE,
    };
    let utc = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let mut set = async |daily, now| {
        store::digests::set(&mut conn, owner, daily, &[], utc(now))
            .await
            .unwrap();
        let wanted = store::digests::get(&mut conn, owner).await.unwrap();
        wanted.unwrap().next_at
    };
    // Before its time, after it, and as it was.
    let first = set(at("08:00:00"), "2026-11-21T06:00:00Z").await;
    assert_eq!(first, utc("2026-11-21T07:00:00Z"));
    let overdue = set(at("08:00:00"), "2026-11-21T07:30:00Z").await;
    assert_eq!(overdue, utc("2026-11-21T07:00:00Z"), "it still comes");
    let passed = set(at("07:00:00"), "2026-11-21T07:30:00Z").await;
    assert_eq!(passed, utc("2026-11-22T06:00:00Z"));
    // Today counts as served since the edit before: once a day.
    let evening = set(at("18:00:00"), "2026-11-21T07:30:00Z").await;
    assert_eq!(evening, utc("2026-11-22T17:00:00Z"));
    // It moves with the zone.
    store::digests::rezone(&mut conn, owner, Tz::UTC, utc("2026-11-21T08:00:00Z"))
        .await
        .unwrap();
    let wanted = store::digests::get(&mut conn, owner).await.unwrap();
    assert_eq!(wanted.unwrap().next_at, utc("2026-11-22T18:00:00Z"));
    store::digests::clear(&mut conn, owner).await.unwrap();
    assert!(
        store::digests::get(&mut conn, owner)
            .await
            .unwrap()
            .is_none()
    );
}
