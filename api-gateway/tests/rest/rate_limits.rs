//! How many requests callers may make.

use gateway::{Gateway, RateLimits};
use serde_json::json;

use super::app::App;

/// Another gateway on the same database, with these limits.
fn limited(app: &App, user: &str, address: &str) -> App {
    let gateway = Gateway::new(app.pool.clone(), app.keys.clone()).unwrap();
    let limits = RateLimits {
        user: Some(user.parse().unwrap()),
        address: Some(address.parse().unwrap()),
    };
    App {
        router: gateway::router(gateway.with_rate_limits(limits)),
        pool: app.pool.clone(),
        keys: app.keys.clone(),
    }
}

#[tokio::test]
async fn who_makes_too_many_requests_is_told_when_to_come_again_and_others_do_not_notice() {
    let app = App::start().await;
    let limited = limited(&app, "3/300", "100/1");
    let (ada, bob) = (app.user().await.at(&limited), app.user().await.at(&limited));
    for left in [2, 1, 0] {
        let answer = ada.get("/v1/tasks").await.expect(200);
        assert_eq!(answer.headers["ratelimit-policy"], "\"user\";q=3;w=300");
        let standing = answer.headers["ratelimit"].to_str().unwrap();
        assert!(
            standing.starts_with(&format!("\"user\";r={left};t=")),
            "{standing}"
        );
    }
    let refused = ada
        .post("/v1/tasks", json!({ "title": "x" }))
        .await
        .expect(429);
    let wait: u64 = refused.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((95..=100).contains(&wait), "{wait}");
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("at most 3 requests in 300 s"), "{detail}");
    bob.get("/v1/tasks").await.expect(200);
}

#[tokio::test]
async fn what_comes_without_a_valid_token_counts_against_its_address() {
    let app = App::start().await;
    let limited = limited(&app, "100/1", "2/300");
    let ada = app.user().await.at(&limited);
    let mut stranger = ada.clone();
    stranger.token = Some("wrong".into());
    let answer = stranger.get("/v1/tasks").await.expect(401);
    let policy = &answer.headers["ratelimit-policy"];
    assert_eq!(policy, "\"address\";q=2;w=300");
    let log_in = json!({ "email": "a@example.com", "password": "wrong password" });
    let nobody = limited.anonymous();
    nobody.post("/v1/login", log_in.clone()).await.expect(401);
    nobody.post("/v1/login", log_in).await.expect(429);
    stranger.get("/v1/tasks").await.expect(429);
    ada.get("/v1/tasks").await.expect(200);
    // What is no operation of the interface is not counted.
    nobody.get("/healthz").await.expect(200);
}

#[tokio::test]
async fn without_limits_nothing_is_said_of_them() {
    let app = App::start().await;
    let answer = app.user().await.get("/v1/tasks").await.expect(200);
    assert!(!answer.headers.contains_key("ratelimit"));
}
