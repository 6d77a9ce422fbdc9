use axum::{body::Body, http::Method};
use serde_json::json;

use super::app::App;

#[tokio::test]
async fn a_long_answer_is_compressed_for_who_takes_it() {
    let app = App::start().await;
    let user = app.user().await;
    let long = json!({ "title": "x", "description": "words ".repeat(500) });
    let task = user.task(long).await;
    let path = format!("/v1/tasks/{}", task.id());
    let get = async |path: &str, takes: &str| {
        let headers = [("accept-encoding", takes)];
        user.send(Method::GET, path, &headers, Body::empty()).await
    };
    let short = get(&path, "gzip, br").await.expect(200);
    assert_eq!(short.headers["content-encoding"], "gzip");
    assert_eq!(short.headers["vary"], "accept-encoding");
    assert_eq!(short.headers["etag"], task.headers["etag"]);
    assert_eq!(short.body, task.body);
    let whole = get(&path, "identity").await.expect(200);
    assert!(!whole.headers.contains_key("content-encoding"));
    assert_eq!(whole.headers["vary"], "accept-encoding");
    let small = get("/v1/me", "gzip").await.expect(200);
    assert!(!small.headers.contains_key("content-encoding"));
    // What is streamed goes as it is.
    let export = get("/v1/me/export", "gzip").await.expect(200);
    assert!(!export.headers.contains_key("content-encoding"));
    let document = get("/openapi.json", "gzip").await.expect(200);
    assert_eq!(document.headers["content-encoding"], "gzip");
}

#[tokio::test]
async fn pages_of_the_origins_that_are_named_may_call_and_no_others() {
    let app = App::start().await;
    let open = app.open_to("https://app.example.com");
    let preflight = async |app: &App, origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", "authorization,if-match"),
        ];
        let method = Method::OPTIONS;
        let nobody = app.anonymous();
        nobody
            .send(method, "/v1/tasks", &headers, Body::empty())
            .await
    };
    let answer = preflight(&open, "https://app.example.com").await;
    assert!(answer.status.is_success(), "{}", answer.status);
    let headers = &answer.headers;
    assert_eq!(
        headers["access-control-allow-origin"],
        "https://app.example.com"
    );
    let methods = headers["access-control-allow-methods"].to_str().unwrap();
    assert!(methods.contains("PATCH"), "{methods}");
    assert!(!headers.contains_key("access-control-allow-credentials"));
    let other = preflight(&open, "https://evil.example.com").await;
    assert!(!other.headers.contains_key("access-control-allow-origin"));
    let closed = preflight(&app, "https://app.example.com").await;
    assert!(!closed.headers.contains_key("access-control-allow-origin"));
    // An answer that is no success can be read by the page, too.
    let from = [("origin", "https://app.example.com")];
    let nobody = open.anonymous();
    let answer = nobody
        .send(Method::GET, "/v1/tasks", &from, Body::empty())
        .await;
    let answer = answer.expect(401);
    assert_eq!(
        answer.headers["access-control-allow-origin"],
        "https://app.example.com"
    );
    let shown = answer.headers["access-control-expose-headers"]
        .to_str()
        .unwrap();
    assert!(shown.contains("etag"), "{shown}");
}
