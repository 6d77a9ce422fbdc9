use domain::webhook::Secret;
use serde_json::json;

use super::app::App;

#[tokio::test]
async fn the_secret_of_a_channel_is_shown_once() {
    let app = App::start().await;
    let user = app.user().await;
    let new = json!({ "type": "webhook", "url": "https://example.com/hook", "isDefault": false });
    let created = user.post("/v1/channels", new).await.expect(201);
    assert_eq!(created.headers["cache-control"], "no-store");
    let secret = created.body["secret"].as_str().unwrap();
    Secret::parse(secret).unwrap();

    let listed = user.get("/v1/channels").await.expect(200);
    let only = &listed.body["items"][0];
    assert_eq!(only["id"], created.body["id"]);
    assert_eq!(only["isDefault"], false);
    assert!(!listed.body.to_string().contains("whsec_"));

    let path = format!("/v1/channels/{}", created.id());
    user.delete(&path).await.expect(204);
    user.delete(&path).await.expect(404);
    let listed = user.get("/v1/channels").await.expect(200);
    assert_eq!(listed.body["items"], json!([]));
}

#[tokio::test]
async fn what_is_not_the_url_of_a_web_server_is_refused() {
    let app = App::start().await;
    let user = app.user().await;
    for url in [
        "",
        "example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "https://",
        "https://user:word@example.com/",
        &format!("https://example.com/{}", "x".repeat(2000)),
    ] {
        let new = json!({ "type": "webhook", "url": url });
        let fields = user.post("/v1/channels", new).await.fields();
        assert_eq!(fields, ["url"], "{url}");
    }
    let new = json!({ "type": "pigeon", "url": "https://example.com" });
    assert_eq!(user.post("/v1/channels", new).await.fields(), ["type"]);
}

#[tokio::test]
async fn a_user_has_at_most_twenty_channels() {
    let app = App::start().await;
    let user = app.user().await;
    let new = json!({ "type": "webhook", "url": "https://example.com" });
    for _ in 0..20 {
        user.post("/v1/channels", new.clone()).await.expect(201);
    }
    user.post("/v1/channels", new).await.expect(409);
}

#[tokio::test]
async fn a_reminder_goes_to_a_channel_by_its_id() {
    let app = App::start().await;
    let user = app.user().await;
    let new = json!({ "type": "webhook", "url": "https://example.com/hook" });
    let channel = user.post("/v1/channels", new).await.expect(201).id();
    let reminder = json!({
        "at": "2030-01-01T00:00:00Z",
        "channels": [{ "type": "webhook", "id": channel }],
    });
    let task = json!({ "title": "x", "reminders": [reminder] });
    let task = user.task(task).await;
    assert_eq!(task.body["reminders"], json!([reminder]));
    let stored: serde_json::Value = sqlx::query_scalar("select channels from reminders")
        .fetch_one(&*app.pool)
        .await
        .unwrap();
    assert_eq!(
        stored,
        json!([{ "type": "webhook", "id": channel, "url": "https://example.com/hook" }])
    );

    // The channel goes; the task can still be edited.
    user.delete(&format!("/v1/channels/{channel}"))
        .await
        .expect(204);
    let path = format!("/v1/tasks/{}", task.id());
    let patched = user.patch(&path, json!({ "title": "y" })).await.expect(200);
    assert_eq!(patched.body["reminders"], json!([reminder]));
    // A new task cannot name it.
    let task = json!({ "title": "x", "reminders": [reminder] });
    assert_eq!(
        user.post("/v1/tasks", task).await.fields(),
        ["reminders[0].channels[0].id"]
    );
}
