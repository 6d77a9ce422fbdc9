use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{Json, Router, extract::Path, http::HeaderMap, response::IntoResponse, routing::get};
use domain::{internal_api::Origin, reminder::Phase};
use serde_json::json;

use super::*;

fn view(id: Uuid) -> ReminderView {
    ReminderView {
        id,
        origin: Origin::Kubernetes,
        object: Some("default/a".into()),
        phase: Phase::Scheduled,
        message: "hello".into(),
        task_id: None,
        fire_at: "2027-01-01T00:00:00Z".parse().unwrap(),
        base_at: None,
        fired_at: None,
        lateness_ms: None,
        reason: None,
        generation: 1,
        channels: vec![],
        deliveries: vec![],
    }
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

fn client(base: String) -> StackClient {
    runtime::tls::install_provider();
    StackClient::new(
        reqwest::Client::new(),
        base,
        TokenSource::Fixed("secret-token".into()),
    )
}

#[tokio::test]
async fn a_reminder_is_read_with_the_token() {
    let known = Uuid::from_u128(7);
    let router = Router::new().route(
        "/internal/v1/reminders/{id}",
        get(move |Path(id): Path<Uuid>, headers: HeaderMap| async move {
            assert_eq!(headers["authorization"], "Bearer secret-token");
            if id == known {
                Json(view(id)).into_response()
            } else {
                StatusCode::NOT_FOUND.into_response()
            }
        }),
    );
    let client = client(serve(router).await);
    assert_eq!(client.get(known).await, Ok(Some(view(known))));
    assert_eq!(client.get(Uuid::nil()).await, Ok(None));
}

#[tokio::test]
async fn a_refusal_says_why_and_an_outage_is_told_apart_from_it() {
    let router = Router::new().route(
        "/internal/v1/reminders/{id}",
        get(|Path(id): Path<Uuid>| async move {
            if id.is_nil() {
                (
                    StatusCode::UNPROCESSABLE_ENTITY,
                    Json(json!({"detail": "task.owner: no such user"})),
                )
            } else {
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    Json(json!({"title": "starting"})),
                )
            }
        }),
    );
    let client = client(serve(router).await);
    assert_eq!(
        client.get(Uuid::nil()).await,
        Err(StackError::Refused {
            status: 422,
            detail: "task.owner: no such user".into()
        })
    );
    let outage = client.get(Uuid::from_u128(1)).await.unwrap_err();
    assert!(
        matches!(&outage, StackError::Unavailable(why) if why.contains("starting")),
        "{outage}"
    );
}

#[tokio::test]
async fn a_refused_token_is_read_again_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let router = Router::new().route(
        "/internal/v1/reminders/{id}",
        get(move |Path(id): Path<Uuid>| async move {
            match counted.fetch_add(1, Ordering::SeqCst) {
                0 | 2 => Json(view(id)).into_response(),
                _ => StatusCode::UNAUTHORIZED.into_response(),
            }
        }),
    );
    let client = client(serve(router).await);
    let id = Uuid::from_u128(1);
    assert!(client.get(id).await.is_ok());
    assert!(
        client.get(id).await.is_ok(),
        "the second try has a new token"
    );
    assert_eq!(client.get(id).await, Err(StackError::Unauthorized));
    assert_eq!(calls.load(Ordering::SeqCst), 5, "no hammering");
}

#[tokio::test]
async fn nobody_there_is_an_outage_and_the_token_is_not_told() {
    let client = client("http://127.0.0.1:1".into());
    let error = client.get(Uuid::nil()).await.unwrap_err();
    assert!(matches!(error, StackError::Unavailable(_)));
    assert!(!format!("{error} {error:?}").contains("secret-token"));
}

#[tokio::test]
async fn a_cursor_comes_back_as_it_was() {
    #[derive(serde::Deserialize)]
    struct Query {
        after: Option<String>,
    }
    let router = Router::new().route(
        "/internal/v1/reminders/changes",
        get(|query: axum::extract::Query<Query>| async move {
            Json(Changes {
                items: vec![],
                cursor: format!("{}+&=ä/", query.0.after.unwrap_or_default()),
            })
        }),
    );
    let client = client(serve(router).await);
    let first = client.changes(None, Duration::ZERO, 10).await.unwrap();
    let second = client
        .changes(Some(&first.cursor), Duration::ZERO, 10)
        .await
        .unwrap();
    assert_eq!(second.cursor, "+&=ä/+&=ä/");
}
