//! The internal API over its router.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode},
};
use chrono::{Duration, SecondsFormat, Utc};
use serde_json::{Value, json};
use services::reminders::internal_api::router;
use tower::ServiceExt;
use uuid::Uuid;

use crate::support::{Silent, create, eventually, service, task, user};

struct Api {
    router: Router,
    clock: Arc<Silent>,
}

impl Api {
    fn new(pool: &store::Store) -> Self {
        let clock = Arc::new(Silent::default());
        let router = router(service(pool, clock.clone()), "secret");
        Self { router, clock }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        self.call_as("secret", method, path, body).await
    }

    async fn call_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(match path.strip_prefix("/internal") {
                Some(_) => path.to_owned(),
                None => format!("/internal/v1/reminders{path}"),
            })
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

fn wanted(seconds: i64) -> Value {
    let at = Utc::now() + Duration::seconds(seconds);
    json!({
        "fireAt": at.to_rfc3339_opts(SecondsFormat::Nanos, true),
        "message": "Stand up",
        "object": "default/standup",
    })
}

#[tokio::test]
async fn put_is_idempotent_and_an_edit_is_a_new_generation() {
    let pool = store::testing::database().await;
    let api = Api::new(&pool);
    let id = Uuid::new_v4();
    let path = format!("/{id}");
    let body = wanted(3600);
    let (status, first) = api.call(Method::PUT, &path, Some(body.clone())).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(first["phase"], "Scheduled");
    let (_, again) = api.call(Method::PUT, &path, Some(body)).await;
    assert_eq!(again, first);
    let (_, edited) = api.call(Method::PUT, &path, Some(wanted(7200))).await;
    assert_eq!(edited["generation"], 2);
    assert_eq!(api.clock.names(), [format!("r.{id}.0.2")]);

    let mut held = wanted(7200);
    held["suspend"] = json!(true);
    let (_, held) = api.call(Method::PUT, &path, Some(held)).await;
    assert_eq!(held["phase"], "Pending");
    assert!(api.clock.names().is_empty());

    let (status, cancelled) = api.call(Method::DELETE, &path, None).await;
    assert_eq!(
        (status, &cancelled["phase"]),
        (StatusCode::OK, &json!("Cancelled"))
    );
    let (status, _) = api.call(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::OK);
    let (_, revived) = api.call(Method::PUT, &path, Some(wanted(60))).await;
    assert_eq!(revived["phase"], "Scheduled");
    assert_eq!(api.clock.names(), [format!("r.{id}.1.4")]);
}

#[tokio::test]
async fn a_reminder_job_is_snoozed_and_its_object_asked_for_again_leaves_it_so() {
    let pool = store::testing::database().await;
    let api = Api::new(&pool);
    let id = Uuid::new_v4();
    let path = format!("/{id}");
    let body = wanted(3600);
    api.call(Method::PUT, &path, Some(body.clone())).await;
    let snooze = format!("{path}/snooze");
    let until = json!({"until": wanted(7200)["fireAt"]});
    let (status, put_off) = api.call(Method::POST, &snooze, Some(until)).await;
    assert_eq!(status, StatusCode::OK, "{put_off}");
    // Its alarm is set at once.
    assert_eq!(put_off["phase"], "Scheduled");
    assert!(api.clock.names().contains(&format!("r.{id}.1.2")));
    let (_, again) = api.call(Method::PUT, &path, Some(body.clone())).await;
    assert_eq!(again, put_off);
    let mut held = body;
    held["suspend"] = json!(true);
    let (_, held) = api.call(Method::PUT, &path, Some(held)).await;
    assert_eq!(held["fireAt"], put_off["fireAt"]);
    let minutes = Some(json!({"minutes": 10}));
    let (status, problem) = api.call(Method::POST, &snooze, minutes.clone()).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(problem["detail"].as_str().unwrap().contains("spec.suspend"));
    let (_, edited) = api.call(Method::PUT, &path, Some(wanted(1800))).await;
    assert_eq!(edited["phase"], "Scheduled");
    assert_ne!(edited["fireAt"], put_off["fireAt"]);

    let (status, ledger) = api
        .call(Method::GET, &format!("{path}/history"), None)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(ledger["id"], id.to_string());
    let summary = ledger["summary"].as_str().unwrap();
    assert!(summary.ends_with("its alarm is set"), "{summary}");

    for (body, field) in [
        (json!({"minutes": 0}), "minutes"),
        (json!({}), "minutes"),
        (json!({"until": "soon"}), "until"),
    ] {
        let (status, problem) = api.call(Method::POST, &snooze, Some(body)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["field"], field);
    }
    let nobody = Uuid::new_v4();
    let (status, _) = api
        .call(Method::POST, &format!("/{nobody}/snooze"), minutes.clone())
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = api
        .call(Method::GET, &format!("/{nobody}/history"), None)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    api.call(Method::DELETE, &path, None).await;
    let (status, _) = api.call(Method::POST, &snooze, minutes).await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_reminder_of_the_past_that_a_user_made_belongs_to_the_user() {
    let pool = store::testing::database().await;
    let api = Api::new(&pool);
    let soon = Utc::now() + Duration::minutes(5);
    let own = create(&pool, &task(user(&pool).await, &[soon])).await[0];
    let (status, _) = api
        .call(Method::PUT, &format!("/{own}"), Some(wanted(60)))
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, _) = api.call(Method::DELETE, &format!("/{own}"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (_, list) = api
        .call(Method::GET, "/upcoming?horizonSeconds=600&limit=10", None)
        .await;
    assert_eq!(list["items"][0]["id"], own.to_string());
    let (_, none) = api
        .call(Method::GET, "/upcoming?horizonSeconds=60&limit=10", None)
        .await;
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn a_follower_is_told_of_every_change_once() {
    let pool = store::testing::database().await;
    let api = Api::new(&pool);
    let (_, begin) = api.call(Method::GET, "/changes", None).await;
    let cursor = begin["cursor"].as_str().unwrap().to_owned();
    let ids: Vec<Uuid> = (0..5).map(|_| Uuid::new_v4()).collect();
    for id in &ids {
        api.call(Method::PUT, &format!("/{id}"), Some(wanted(3600)))
            .await;
    }
    let mut after = cursor;
    let mut seen = Vec::new();
    // A change is told when no transaction of the server can precede it any more: other tests have some.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let path = format!("/changes?after={after}&waitSeconds=1&limit=2");
        let (status, page) = api.call(Method::GET, &path, None).await;
        assert_eq!(status, StatusCode::OK);
        let items = page["items"].as_array().unwrap().clone();
        if items.is_empty() {
            if seen.len() >= ids.len() || std::time::Instant::now() > end {
                break;
            }
            continue;
        }
        assert!(items.len() <= 2);
        seen.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        after = page["cursor"].as_str().unwrap().to_owned();
    }
    let mut expected: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    expected.sort();
    seen.sort();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn mistakes_name_the_field_and_strangers_are_refused() {
    let pool = store::testing::database().await;
    let api = Api::new(&pool);
    let id = Uuid::new_v4();
    let (status, _) = api
        .call_as("guess", Method::GET, &format!("/{id}"), None)
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, _) = api.call(Method::GET, &format!("/{id}"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let mut bad = wanted(60);
    bad["message"] = json!("");
    bad["taskId"] = json!(Uuid::new_v4());
    let (status, problem) = api.call(Method::PUT, &format!("/{id}"), Some(bad)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["field"], "message");
    let mut bad = wanted(60);
    bad["taskId"] = json!(Uuid::new_v4());
    let (_, problem) = api.call(Method::PUT, &format!("/{id}"), Some(bad)).await;
    assert_eq!(problem["errors"][0]["field"], "taskId");
    let (status, problem) = api.call(Method::GET, "/changes?after=x", None).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["field"], "after");
    let many: Vec<Uuid> = (0..501).map(|_| Uuid::new_v4()).collect();
    let (status, _) = api
        .call(Method::POST, "/lookup", Some(json!({"ids": many})))
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_cursor_of_another_server_is_refused_and_alarms_are_set_again_after_a_restore() {
    let pool = store::testing::database().await;
    let api = Api::new(&pool);
    let id = Uuid::new_v4();
    let (status, _) = api
        .call(Method::PUT, &format!("/{id}"), Some(wanted(7200)))
        .await;
    assert_eq!(status, StatusCode::OK);
    let (_, changes) = api.call(Method::GET, "/changes", None).await;
    let cursor = changes["cursor"].as_str().unwrap().to_owned();
    let path = format!("/changes?after={cursor}");
    assert_eq!(api.call(Method::GET, &path, None).await.0, StatusCode::OK);
    let service = service(&pool, api.clock.clone());
    service.sweep().await.unwrap();

    // Dump and restore: another database, whose transactions are numbered otherwise.
    let restored = store::testing::restored(&pool).await;
    let api = Api::new(&restored);
    let (status, problem) = api.call(Method::GET, &path, None).await;
    assert_eq!(status, StatusCode::GONE, "{problem}");
    let service = crate::support::service(&restored, api.clock.clone());
    assert!(api.clock.names().is_empty());
    service.sweep().await.unwrap();
    assert_eq!(api.clock.names().len(), 1);
    let (_, changes) = api.call(Method::GET, "/changes", None).await;
    let path = format!("/changes?after={}", changes["cursor"].as_str().unwrap());
    let (status, _) = api.call(Method::DELETE, &format!("/{id}"), None).await;
    assert_eq!(status, StatusCode::OK);
    // As soon as no transaction of the server can precede it any more: other tests have some.
    eventually("the change is told", async || {
        let (_, changes) = api.call(Method::GET, &path, None).await;
        changes["items"][0]["phase"] == "Cancelled"
    })
    .await;
}

#[tokio::test]
async fn dead_letters_are_listed_by_pages_and_replayed() {
    const LIST: &str = "/internal/v1/dead-letters";
    const REPLAY: &str = "/internal/v1/dead-letters/replay";
    let store = store::testing::database().await;
    let api = Api::new(&store);
    let consumer = crate::dead_letters::Counting::new(&store, "audit", false);
    let intake = services::intake::Intake::new(consumer.clone(), store.pool().clone());
    let events: Vec<_> = (0..3)
        .map(|_| crate::dead_letters::event(domain::event::EventType::TaskCreated))
        .collect();
    intake.give_up(&events).await.unwrap();

    let (status, page) = api
        .call(Method::GET, &format!("{LIST}?consumer=audit&limit=2"), None)
        .await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    assert_eq!(page["items"][0]["consumer"], "audit");
    assert_eq!(page["items"][0]["type"], "task.created");
    let next = page["next"].as_i64().unwrap();
    let (_, rest) = api
        .call(Method::GET, &format!("{LIST}?after={next}"), None)
        .await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_eq!(rest["next"], Value::Null);

    let id = rest["items"][0]["id"].clone();
    let (status, answer) = api
        .call(Method::POST, REPLAY, Some(json!({"ids": [id]})))
        .await;
    assert_eq!((status, &answer["replaying"]), (StatusCode::OK, &json!(1)));
    let (_, answer) = api
        .call(Method::POST, REPLAY, Some(json!({"consumer": "audit"})))
        .await;
    assert_eq!(answer["replaying"], 2);
    let (_, answer) = api
        .call(Method::POST, REPLAY, Some(json!({"consumer": "sync"})))
        .await;
    assert_eq!(answer["replaying"], 0);
    assert_eq!(intake.replay().await.unwrap(), 3);
    assert_eq!(consumer.effects().len(), 3);

    for (path, field) in [
        ("?consumer=nobody", "consumer"),
        ("?limit=0", "limit"),
        ("?limit=501", "limit"),
        ("?after=-1", "after"),
        ("?after=x", "after"),
    ] {
        let (status, problem) = api.call(Method::GET, &format!("{LIST}{path}"), None).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    for (body, field) in [
        (json!({"consumer": "nobody"}), "consumer"),
        (json!({"ids": vec![1; 501]}), "ids"),
    ] {
        let (status, problem) = api.call(Method::POST, REPLAY, Some(body)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let (status, _) = api.call_as("wrong", Method::GET, LIST, None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
