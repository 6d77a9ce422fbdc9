//! A trace, from the request that wants a reminder to the webhook that it ends in.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, extract::State, http::HeaderMap, http::Request, routing::post};
use chrono::Utc;
use domain::{event::EventType, webhook::Secret};
use gateway::Gateway;
use runtime::auth::Keys;
use serde_json::json;
use services::notifications::webhook::Webhooks;
use store::Store;
use tower::ServiceExt as _;

use crate::{
    receivers::Running,
    support::{Silent, alarm_of, events, eventually, service, user},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

type Seen = Arc<Mutex<Vec<HeaderMap>>>;

async fn receiver(seen: Seen) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let take = async |State(seen): State<Seen>, headers: HeaderMap| {
        seen.lock().unwrap().push(headers);
    };
    let router = Router::new().route("/", post(take)).with_state(seen);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Makes a task with a reminder that is due at once, by a request with these headers.
async fn ask(pool: &Store, headers: &[(&str, &str)]) {
    let keys = Keys::new(&[7; 32]).unwrap();
    let token = keys.issue(user(pool).await, None).unwrap();
    let router = gateway::router(Gateway::new(pool.clone(), keys).unwrap());
    let body = json!({ "title": "Traced", "reminders": [{ "at": Utc::now() }] });
    let mut request = Request::post("/v1/tasks")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_string())).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 201);
}

#[tokio::test]
async fn a_trace_goes_from_the_request_to_the_webhook() {
    let pool = store::testing::database().await;
    let seen = Seen::default();
    let url = receiver(seen.clone()).await;
    let secret = Secret::parse(&Secret::text(&[9; 32])).unwrap();
    let webhooks = Webhooks::new(Some(url), Some(secret), true).unwrap();
    let notifications = Running::start(&pool, webhooks).await;

    let states = [
        ("traceparent", PARENT),
        ("tracestate", "a=1"),
        ("tracestate", "b=2"),
    ];
    ask(&pool, &states).await;
    let mut parents = Vec::new();
    for topic in ["task-events", "task-updates"] {
        let event = events(&pool, topic).await.remove(0);
        let trace = event.trace.expect("an event of the request has its trace");
        assert_eq!(trace.trace_id(), TRACE);
        assert_eq!(trace.tracestate(), Some("a=1,b=2"));
        parents.push(trace.traceparent().to_owned());
    }
    // One span is the request's: both events name it, and it is not the caller's.
    assert_eq!(parents[0], parents[1]);
    assert_ne!(parents[0], PARENT);

    let reminder = sqlx::query_scalar("select id from reminders")
        .fetch_one(&*pool)
        .await
        .unwrap();
    let alarm = alarm_of(&pool, reminder).await;
    service(&pool, Arc::new(Silent::default()))
        .ring(&alarm)
        .await
        .unwrap();
    let due = events(&pool, "reminders").await;
    let due: Vec<_> = due
        .into_iter()
        .filter(|event| event.kind == EventType::ReminderDue)
        .collect();
    assert_eq!(due.len(), 1);
    let trace = due[0]
        .trace
        .clone()
        .expect("a firing has the trace of its task's write");
    assert_eq!(trace.traceparent(), parents[0]);
    notifications.handle(&due).await;
    eventually("it is delivered", async || !seen.lock().unwrap().is_empty()).await;
    let headers = seen.lock().unwrap()[0].clone();
    let sent = headers["traceparent"].to_str().unwrap().to_owned();
    assert!(
        sent.starts_with(&format!("00-{TRACE}-")) && sent.ends_with("-01"),
        "{sent}"
    );
    assert_ne!(sent, parents[0]);
    assert_eq!(headers["tracestate"], "a=1,b=2");
    tokio::time::sleep(Duration::from_millis(50)).await;
    notifications.end().await;
}

#[tokio::test]
async fn a_header_that_cannot_be_read_is_passed_over() {
    let pool = store::testing::database().await;
    for headers in [
        &[][..],
        &[("traceparent", "00-0-0-01"), ("tracestate", "a=1")],
        &[("traceparent", PARENT), ("traceparent", PARENT)],
        &[("tracestate", "a=1")],
    ] {
        ask(&pool, headers).await;
    }
    for topic in ["task-events", "task-updates"] {
        let events = events(&pool, topic).await;
        assert_eq!(events.len(), 4);
        assert!(events.iter().all(|event| event.trace.is_none()));
    }
}
