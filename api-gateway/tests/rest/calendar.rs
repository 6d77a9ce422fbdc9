//! The calendar of a user's tasks.

use axum::{
    body::{Body, to_bytes},
    http::{Request, Response},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::app::{App, Caller};

async fn read(app: &App, path: &str, tag: Option<&str>) -> Response<Body> {
    let mut request = Request::get(path);
    if let Some(tag) = tag {
        request = request.header("if-none-match", tag);
    }
    let request = request.body(Body::empty()).unwrap();
    app.router.clone().oneshot(request).await.unwrap()
}

async fn text(answer: Response<Body>) -> String {
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["content-type"],
        "text/calendar; charset=utf-8"
    );
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec())
        .unwrap()
        .replace("\r\n ", "")
}

async fn address(user: &Caller) -> String {
    let made = user.post("/v1/me/calendar", Value::Null).await.expect(201);
    assert_eq!(made.headers["cache-control"], "no-store");
    made.body["path"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_has_the_address_reads_what_is_due_and_nobody_else_s() {
    let app = App::start().await;
    let (ada, eve) = (app.user().await, app.user().await);
    let due = json!({ "dateTime": "2030-03-01T09:00:00", "timeZone": "Europe/Berlin" });
    ada.task(json!({
        "title": "Water\nBEGIN:VEVENT".replace('\n', " "), "description": "a\r\nBEGIN:VEVENT\r\nx", "due": due,
        "recurrence": { "rrule": "FREQ=WEEKLY" }, "reminders": [{ "beforeSeconds": 600 }],
    }))
    .await;
    ada.task(json!({ "title": "Some day" })).await;
    let done = ada
        .task(json!({ "title": "Done", "due": { "date": "2030-01-01" } }))
        .await;
    ada.act(&format!("/v1/tasks/{}/complete", done.id()))
        .await
        .expect(200);
    eve.task(json!({ "title": "Eve's", "due": { "date": "2030-01-01" } }))
        .await;

    ada.get("/v1/me/calendar").await.expect(404);
    let path = address(&ada).await;
    let calendar = text(read(&app, &path, None).await).await;
    assert_eq!(
        calendar.matches("\r\nBEGIN:VEVENT\r\n").count(),
        1,
        "{calendar}"
    );
    assert!(calendar.contains("\r\nDTSTART;TZID=Europe/Berlin:20300301T090000\r\n"));
    assert!(calendar.contains("\r\nRRULE:FREQ=WEEKLY\r\n"));
    assert!(calendar.contains("\r\nTRIGGER:-PT10M\r\n"));
    assert!(calendar.contains("\r\nTZID:Europe/Berlin\r\n"));
    let todos = text(read(&app, &format!("{path}?as=todos"), None).await).await;
    assert_eq!(todos.matches("\r\nBEGIN:VTODO\r\n").count(), 1);
    let seen = ada.get("/v1/me/calendar").await.expect(200).body;
    assert!(seen["readAt"].is_string() && seen["path"].is_null());
    let stored: String = sqlx::query_scalar("select f::text from calendar_feeds f")
        .fetch_one(&*app.pool)
        .await
        .unwrap();
    assert!(!stored.contains(&path["/v1/calendars/tdc_".len()..][..20]));
}

#[tokio::test]
async fn a_calendar_that_is_as_it_was_is_not_sent_again() {
    let app = App::start().await;
    let ada = app.user().await;
    ada.task(json!({ "title": "x", "due": { "date": "2030-01-01" } }))
        .await;
    let path = address(&ada).await;
    let tag = read(&app, &path, None).await.headers()["etag"].clone();
    let again = read(&app, &path, tag.to_str().ok()).await;
    assert_eq!(again.status(), 304);
    ada.task(json!({ "title": "y", "due": { "date": "2030-01-02" } }))
        .await;
    let changed = read(&app, &path, tag.to_str().ok()).await;
    assert_eq!(changed.status(), 200);
}

#[tokio::test]
async fn an_address_that_was_replaced_or_taken_away_leads_nowhere() {
    let app = App::start().await;
    let ada = app.user().await;
    let first = address(&ada).await;
    let second = address(&ada).await;
    assert_eq!(read(&app, &first, None).await.status(), 404);
    assert_eq!(
        read(&app, second.trim_end_matches(".ics"), None)
            .await
            .status(),
        200
    );
    ada.delete("/v1/me/calendar").await.expect(204);
    ada.delete("/v1/me/calendar").await.expect(404);
    for path in [&second, "/v1/calendars/%FF", "/v1/calendars/tdc_"] {
        assert_eq!(read(&app, path, None).await.status(), 404, "{path}");
    }
    app.anonymous()
        .get("/v1/calendars/x?as=pages")
        .await
        .expect(422);
}
