//! Receivers that hang, fail or are fast, on real sockets: none of them makes another's reminder late.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use chrono::Utc;
use domain::{
    event::{Event, EventType},
    reminder::{Channel, ReminderEvent},
    task::Priority,
    webhook::Secret,
};
use services::consumer::Consumer;
use services::notifications::{Notifications, Senders, webhook::Webhooks};
use store::Store;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{create, eventually, task, user};

/// A receiver that notes when what came.
#[derive(Clone, Default)]
struct Sink {
    broken: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl Sink {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/", post(Self::take))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    async fn take(State(this): State<Self>, headers: HeaderMap) -> StatusCode {
        let id = headers["webhook-id"].to_str().unwrap().to_owned();
        this.seen.lock().unwrap().push((Instant::now(), id));
        if this.broken.load(Ordering::Relaxed) {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        }
    }

    fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

/// Accepts connections and never answers.
async fn hanging() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let open = Arc::new(AtomicUsize::new(0));
    let count = open.clone();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            kept.push(socket);
        }
    });
    (url, open)
}

pub(crate) struct Running {
    service: Arc<Notifications>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// A service that has given its first sign of life.
    pub(crate) async fn start(pool: &Store, senders: impl Into<Senders>) -> Self {
        let service = Notifications::new(pool.clone(), senders);
        let stop = CancellationToken::new();
        let task = tokio::spawn(service.clone().run(stop.clone()));
        eventually("it lives", async || {
            sqlx::query_scalar("select exists (select 1 from dispatchers)")
                .fetch_one(pool.pool())
                .await
                .unwrap()
        })
        .await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        Self {
            service,
            stop,
            task,
        }
    }

    pub(crate) async fn handle(&self, events: &[Event]) {
        self.service.handle(events).await.unwrap();
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// Webhooks alone, to any address.
pub(crate) fn webhooks() -> Webhooks {
    let secret = Secret::parse(&Secret::text(&[9; 32])).unwrap();
    Webhooks::new(None, Some(secret), true).unwrap()
}

/// Reminders of `owner` that have just fired, to `url`.
async fn fired(pool: &Store, owner: Option<Uuid>, url: &str, count: usize) -> Vec<Event> {
    let channel = Channel::Webhook {
        url: Some(url.into()),
        id: None,
    };
    fired_to(pool, owner, &channel, count).await
}

/// Reminders of `owner` that have just fired, to `channel`.
pub(crate) async fn fired_to(
    pool: &Store,
    owner: Option<Uuid>,
    channel: &Channel,
    count: usize,
) -> Vec<Event> {
    let ids: Vec<Uuid> = std::iter::repeat_with(Uuid::now_v7).take(count).collect();
    sqlx::query(
        // Its channel too: on a slow machine what fired 3 s ago is served from its row.
        "insert into reminders (id, origin, owner_id, message, channels, fire_at, phase, fired_at)
         select id, 'api', $2, 'm', $3, now(), 'Fired', now() from unnest($1::uuid[]) as id",
    )
    .bind(&ids)
    .bind(owner)
    .bind(sqlx::types::Json([channel]))
    .execute(pool.pool())
    .await
    .unwrap();
    let event = |id: &Uuid| {
        let due = ReminderEvent {
            reminder_id: *id,
            occurrence: 0,
            generation: 1,
            task_id: None,
            priority: None,
            message: "Water <b>Ficus</b> & Günter".into(),
            fire_at: Utc::now(),
            fired_at: Some(Utc::now()),
            lateness_ms: Some(0),
            reason: None,
            channels: vec![channel.clone()],
            digest: None,
        };
        let data = serde_json::to_value(due).unwrap();
        let id = Uuid::now_v7();
        Event::new(id, EventType::ReminderDue, "s", owner, Utc::now(), data)
    };
    ids.iter().map(event).collect()
}

/// How many deliveries stand like this.
async fn count(pool: &Store, filter: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
        "select count(*) from deliveries where {filter}"
    )))
    .fetch_one(pool.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn a_hanging_receiver_of_one_user_makes_nobody_elses_reminder_late() {
    let pool = store::testing::database().await;
    let (dead, connections) = hanging().await;
    let sink = Sink::default();
    let url = sink.start().await;
    let running = Running::start(&pool, webhooks()).await;
    let (one, other) = (user(&pool).await, user(&pool).await);
    running
        .handle(&fired(&pool, Some(one), &dead, 200).await)
        .await;
    eventually("attempts hang", async || {
        connections.load(Ordering::Relaxed) > 0
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..5 {
        let events = fired(&pool, Some(other), &url, 1).await;
        let before = sink.count();
        let due = Instant::now();
        running.handle(&events).await;
        eventually("it arrives", async || sink.count() > before).await;
        let late = sink.seen.lock().unwrap()[before].0 - due;
        assert!(late < Duration::from_millis(500), "{late:?} late");
    }
    assert!(
        connections.load(Ordering::Relaxed) < 10,
        "they hold few places"
    );
    running.end().await;
}

#[tokio::test]
async fn many_dead_receivers_of_one_user_do_not_either() {
    let pool = store::testing::database().await;
    let sink = Sink::default();
    let url = sink.start().await;
    let running = Running::start(&pool, webhooks()).await;
    let (one, other) = (user(&pool).await, user(&pool).await);
    for _ in 0..30 {
        let (dead, _) = hanging().await;
        running
            .handle(&fired(&pool, Some(one), &dead, 50).await)
            .await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let events = fired(&pool, Some(other), &url, 1).await;
    let due = Instant::now();
    running.handle(&events).await;
    eventually("it arrives", async || sink.count() > 0).await;
    let late = sink.seen.lock().unwrap()[0].0 - due;
    assert!(late < Duration::from_millis(500), "{late:?} late");
    running.end().await;
}

#[tokio::test]
async fn a_circuit_opens_and_a_probe_closes_it() {
    let pool = store::testing::database().await;
    let sink = Sink::default();
    let url = sink.start().await;
    sink.broken.store(true, Ordering::Relaxed);
    let running = Running::start(&pool, webhooks()).await;
    let owner = Some(user(&pool).await);
    running.handle(&fired(&pool, owner, &url, 100).await).await;
    eventually("all are rescheduled", async || {
        count(
            &pool,
            "attempts = 1 and holder is null and next_attempt_at > now()",
        )
        .await
            == 100
    })
    .await;
    let tried = sink.count();
    assert!((5..=10).contains(&tried), "{tried} attempts");
    let refused = count(
        &pool,
        "last_error = 'circuit open: the receiver answered 503 Service Unavailable'",
    )
    .await;
    assert_eq!(refused, 100 - tried as i64);
    // It is back. Within the retry table's first pause and the circuit's all are there, each once
    // but for those that failed.
    sink.broken.store(false, Ordering::Relaxed);
    eventually("a probe is let through", async || sink.count() > tried).await;
    eventually("nothing is refused any more", async || {
        // The second pause is 30 s; the test does not wait.
        sqlx::query("update deliveries set next_attempt_at = now() where state = 'Pending' and holder is null")
            .execute(&*pool)
            .await
            .unwrap();
        count(&pool, "state = 'Delivered'").await == 100
    })
    .await;
    assert_eq!(sink.count(), tried + 100);
    running.end().await;
}

#[tokio::test]
async fn ten_thousand_reach_one_sink_each_once() {
    let pool = store::testing::database().await;
    let sink = Sink::default();
    let url = sink.start().await;
    let running = Running::start(&pool, webhooks()).await;
    let owner = Some(user(&pool).await);
    let events = fired(&pool, owner, &url, 10_000).await;
    let start = Instant::now();
    for batch in events.chunks(500) {
        running.handle(batch).await;
    }
    let planned = start.elapsed();
    let mut arrived = Duration::ZERO;
    while count(&pool, "state = 'Delivered'").await < 10_000 {
        if sink.count() < 10_000 {
            arrived = start.elapsed();
        }
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{}",
            sink.count()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!(
        "10,000 to one sink: planned {planned:?}, arrived {arrived:?}, recorded {:?}",
        start.elapsed()
    );
    let mut ids: Vec<String> = sink
        .seen
        .lock()
        .unwrap()
        .iter()
        .map(|(_, id)| id.clone())
        .collect();
    assert_eq!(ids.len(), 10_000);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10_000);
    let told: i64 = sqlx::query_scalar(
        "select count(distinct subject) from outbox where event->>'type' = 'reminder.delivered'",
    )
    .fetch_one(&*pool)
    .await
    .unwrap();
    assert_eq!(told, 10_000);
    running.end().await;
}

/// Answers one request on each connection as if it kept it, and closes it when the next one comes.
#[tokio::test]
async fn a_kept_connection_that_was_closed_costs_no_attempt() {
    let pool = store::testing::database().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = requests.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                for request in 0.. {
                    let mut have = Vec::new();
                    // How our body ends.
                    while !have.ends_with(b"\"reminder.due\"}") {
                        match socket.read(&mut buffer).await {
                            Ok(read @ 1..) => have.extend_from_slice(&buffer[..read]),
                            _ => return,
                        }
                    }
                    if request > 0 {
                        return;
                    }
                    seen.fetch_add(1, Ordering::Relaxed);
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                    if socket.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let running = Running::start(&pool, webhooks()).await;
    let owner = Some(user(&pool).await);
    for nth in 1..=4 {
        running.handle(&fired(&pool, owner, &url, 1).await).await;
        eventually("it is delivered", async || {
            count(&pool, "state = 'Delivered' and attempts = 1").await == nth
        })
        .await;
    }
    assert_eq!(requests.load(Ordering::Relaxed), 4);
    running.end().await;
}

#[tokio::test]
async fn in_quiet_hours_a_reminder_waits_for_their_end_unless_its_task_is_urgent() {
    let pool = store::testing::database().await;
    let sink = Sink::default();
    let url = sink.start().await;
    let running = Running::start(&pool, webhooks()).await;
    let owner = user(&pool).await;
    let local = Utc::now().with_timezone(&chrono_tz::Europe::Berlin).time();
    let hours = chrono::Duration::hours;
    let mut conn = pool.acquire().await.unwrap();
    store::quiet_hours::set(&mut conn, owner, local - hours(1), local + hours(2))
        .await
        .unwrap();
    drop(conn);
    let mut urgent = task(owner, &[]);
    urgent.priority = Priority::P1;
    create(&pool, &urgent).await;
    let mut events = fired(&pool, Some(owner), &url, 2).await;
    events[1].data["taskId"] = urgent.id.to_string().into();
    running.handle(&events).await;
    eventually("the urgent one arrives", async || {
        count(&pool, "state = 'Delivered'").await == 1
    })
    .await;
    // Time enough for the other one to be taken, if it could be.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sink.count(), 1);
    let waits = "state = 'Pending' and attempts = 0 and holder is null
         and next_attempt_at between now() + interval '119 minutes' and now() + interval '120 minutes'";
    assert_eq!(count(&pool, waits).await, 1);

    sqlx::query("update deliveries set next_attempt_at = now()")
        .execute(pool.pool())
        .await
        .unwrap();
    eventually("then it arrives too", async || sink.count() == 2).await;
    running.end().await;
}
