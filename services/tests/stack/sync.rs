//! Live updates.

use std::time::Duration;

use axum::{body::Body, http::Request};
use chrono::Utc;
use futures::StreamExt;
use runtime::auth::Keys;
use services::{consumer::Consumer, sync::Sync};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

use crate::support::{create, events, task, user};

async fn open(sync: &Sync, token: &str, last: Option<Uuid>) -> axum::body::BodyDataStream {
    let mut request = Request::get("/v1/stream").header("authorization", format!("Bearer {token}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last.to_string());
    }
    let request = request.body(Body::empty()).unwrap();
    let answer = sync.router().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body().into_data_stream()
}

async fn next(stream: &mut axum::body::BodyDataStream) -> Option<String> {
    let chunk = tokio::time::timeout(Duration::from_secs(3), stream.next())
        .await
        .ok()??;
    Some(String::from_utf8(chunk.unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn a_device_sees_its_own_users_changes_and_what_it_missed() {
    let pool = store::testing::database().await;
    let keys = Keys::new(&[3; 32]).unwrap();
    let stop = CancellationToken::new();
    let sync = Sync::new(pool.pool().clone(), keys.clone(), stop.clone());
    tokio::spawn(sync.clone().listen());
    tokio::time::sleep(Duration::from_millis(300)).await;

    let (mine, theirs) = (user(&pool).await, user(&pool).await);
    let mut stream = open(&sync, &keys.issue(mine, None).unwrap(), None).await;
    let (first, second) = (task(mine, &[]), task(mine, &[Utc::now()]));
    create(&pool, &task(theirs, &[])).await;
    create(&pool, &first).await;
    for event in events(&pool, "task-updates").await {
        sync.handle(std::slice::from_ref(&event)).await.unwrap();
    }
    let line = next(&mut stream).await.unwrap();
    assert!(line.contains("event: task.created"), "{line}");
    assert!(line.contains(&first.id.to_string()), "{line}");
    let last = line
        .lines()
        .find_map(|line| line.strip_prefix("id: "))
        .unwrap()
        .to_owned();

    // It was away for a moment.
    drop(stream);
    create(&pool, &second).await;
    let mut stream = open(&sync, &keys.issue(mine, None).unwrap(), last.parse().ok()).await;
    let line = next(&mut stream).await.unwrap();
    assert!(line.contains(&second.id.to_string()), "{line}");

    // It was away for so long that nobody remembers.
    let mut stream = open(
        &sync,
        &keys.issue(mine, None).unwrap(),
        Some(Uuid::new_v4()),
    )
    .await;
    assert!(next(&mut stream).await.unwrap().contains("event: reset"));

    stop.cancel();
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn without_a_token_there_is_no_stream() {
    let pool = store::testing::database().await;
    let sync = Sync::new(
        pool.pool().clone(),
        Keys::new(&[3; 32]).unwrap(),
        CancellationToken::new(),
    );
    let request = Request::get("/v1/stream").body(Body::empty()).unwrap();
    let answer = sync.router().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let pool = store::testing::database().await;
    let keys = Keys::new(&[3; 32]).unwrap();
    let sync = Sync::new(pool.pool().clone(), keys.clone(), CancellationToken::new());
    let user = user(&pool).await;
    let short = keys.lasting(Duration::from_secs(2));
    let mut stream = open(&sync, &short.issue(user, None).unwrap(), None).await;
    let end = tokio::time::timeout(Duration::from_secs(5), stream.next()).await;
    assert!(matches!(end, Ok(None)), "{end:?}");
}

#[tokio::test]
async fn a_user_has_so_many_streams() {
    let pool = store::testing::database().await;
    let keys = Keys::new(&[3; 32]).unwrap();
    let sync = Sync::new(pool.pool().clone(), keys.clone(), CancellationToken::new());
    let token = keys.issue(user(&pool).await, None).unwrap();
    let mut streams = Vec::new();
    for _ in 0..50 {
        streams.push(open(&sync, &token, None).await);
    }
    let request = || {
        let request = Request::get("/v1/stream").header("authorization", format!("Bearer {token}"));
        request.body(Body::empty()).unwrap()
    };
    let answer = sync.router().oneshot(request()).await.unwrap();
    assert_eq!(answer.status(), 429);
    streams.pop();
    let answer = sync.router().oneshot(request()).await.unwrap();
    assert_eq!(answer.status(), 200);
}
