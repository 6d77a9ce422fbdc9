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

#[tokio::test]
async fn each_type_has_fields_of_its_own() {
    let app = App::start().await;
    let user = app.user().await;
    let url = "https://ntfy.example.com/plants";
    let slack = "https://hooks.slack.example.com/services/T0/B0/secret";
    for (new, shown) in [
        (
            json!({ "type": "email", "address": "me@example.com" }),
            json!({ "address": "me@example.com" }),
        ),
        (
            json!({ "type": "ntfy", "url": url, "token": "tk_secret" }),
            json!({ "url": url }),
        ),
        (
            json!({ "type": "slack", "url": slack }),
            json!({ "url": "https://hooks.slack.example.com/…" }),
        ),
        (
            json!({ "type": "binding", "name": "sms" }),
            json!({ "name": "sms" }),
        ),
    ] {
        let created = user.post("/v1/channels", new.clone()).await.expect(201);
        assert_eq!(created.body["type"], new["type"]);
        for field in ["url", "address", "name"] {
            assert_eq!(created.body[field], shown[field], "{new}");
        }
        assert_eq!(created.body["secret"], json!(null), "{new}");
        assert!(!created.body.to_string().contains("secret"), "{new}");
        // A reminder can name it.
        let channel = json!({ "type": new["type"], "id": created.id() });
        let reminder = json!({ "at": "2030-01-01T00:00:00Z", "channels": [channel] });
        let task = user
            .task(json!({ "title": "x", "reminders": [reminder] }))
            .await;
        assert_eq!(task.body["reminders"], json!([reminder]));
    }
    let listed = user.get("/v1/channels").await.expect(200);
    assert!(!listed.body.to_string().contains("secret"));
}

#[tokio::test]
async fn what_a_type_does_not_take_is_refused_by_name() {
    let app = App::start().await;
    let user = app.user().await;
    for (new, field) in [
        (json!({ "type": "email" }), "address"),
        (
            json!({ "type": "email", "address": "me@localhost" }),
            "address",
        ),
        (
            json!({ "type": "email", "address": "a b@example.com" }),
            "address",
        ),
        (
            json!({ "type": "email", "address": "a@example.com\r\nBcc: b@example.com" }),
            "address",
        ),
        (
            json!({ "type": "email", "address": "me@example.com", "url": "https://x.example" }),
            "url",
        ),
        (json!({ "type": "ntfy", "url": "https://ntfy.sh/" }), "url"),
        (
            json!({ "type": "ntfy", "url": "https://ntfy.sh/a?b=c" }),
            "url",
        ),
        (
            json!({ "type": "ntfy", "url": "https://ntfy.sh/a", "token": "a\nb" }),
            "token",
        ),
        (
            json!({ "type": "slack", "url": "ftp://example.com" }),
            "url",
        ),
        (
            json!({ "type": "slack", "url": "https://example.com", "token": "x" }),
            "token",
        ),
        (json!({ "type": "binding", "name": "../secrets" }), "name"),
        (
            json!({ "type": "webhook", "name": "sms", "url": "https://example.com" }),
            "name",
        ),
    ] {
        let fields = user.post("/v1/channels", new.clone()).await.fields();
        assert_eq!(fields, [field], "{new}");
    }
    let reminder = json!({ "at": "2030-01-01T00:00:00Z", "channels": [{ "type": "email" }] });
    let task = json!({ "title": "x", "reminders": [reminder] });
    assert_eq!(
        user.post("/v1/tasks", task).await.fields(),
        ["reminders[0].channels[0].id"]
    );
}

#[tokio::test]
async fn who_got_an_e_mail_can_unsubscribe_for_good() {
    let app = App::start().await;
    let user = app.user().await;
    let new = json!({ "type": "email", "address": "Me@example.com" });
    let channel = user.post("/v1/channels", new.clone()).await.expect(201);
    let mut conn = app.pool.acquire().await.unwrap();
    let stored = store::channels::of_owner(&mut conn, user.id).await.unwrap();
    let token = stored[0].unsubscribe_token().unwrap();
    drop(conn);

    let anybody = app.anonymous();
    let path = format!("/v1/unsubscribe/{}/{token}", channel.id());
    // A program that follows links changes nothing.
    anybody.get(&path).await.expect(200);
    let wrong = format!("/v1/unsubscribe/{}/x{token}", channel.id());
    anybody.post(&wrong, json!({})).await.expect(403);
    let listed = user.get("/v1/channels").await.expect(200);
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);

    anybody.post(&path, json!({})).await.expect(200);
    // Again, as a mail program may.
    anybody.post(&path, json!({})).await.expect(200);
    let listed = user.get("/v1/channels").await.expect(200);
    assert_eq!(listed.body["items"], json!([]));
    let new = json!({ "type": "email", "address": "me@example.com" });
    assert_eq!(user.post("/v1/channels", new).await.fields(), ["address"]);
}

#[tokio::test]
async fn what_was_given_up_is_listed_and_sent_again() {
    let app = App::start().await;
    let user = app.user().await;
    let reminder = uuid::Uuid::now_v7();
    sqlx::query(
        "insert into reminders (id, origin, owner_id, message, fire_at, phase, reason)
         values ($1, 'api', $2, 'm', now(), 'Failed', 'x')",
    )
    .bind(reminder)
    .bind(user.id)
    .execute(&*app.pool)
    .await
    .unwrap();
    sqlx::query(
        "insert into deliveries (reminder_id, occurrence, channel, target, body, owner_id,
             idempotency_key, state, attempts, last_error)
         values ($1, 0, 'webhook', '{}', '{}', $2, $1, 'Failed', 9, 'gone')",
    )
    .bind(reminder)
    .bind(user.id)
    .execute(&*app.pool)
    .await
    .unwrap();
    let other = app.user().await;
    let path = "/v1/deliveries/replay";
    let nothing = other.post(path, json!({})).await.expect(200);
    assert_eq!(nothing.body, json!({ "replayed": 0 }));

    let failed = user.get("/v1/deliveries/failed").await.expect(200);
    assert_eq!(failed.body["items"][0]["reminder"], json!(reminder));
    assert_eq!(failed.body["items"][0]["reason"], "gone");
    let wrong = user.post(path, json!({ "reminder": "x" })).await;
    assert_eq!(wrong.fields(), ["reminder"]);
    let replayed = user.post(path, json!({ "reminder": reminder })).await;
    assert_eq!(replayed.expect(200).body, json!({ "replayed": 1 }));
    let failed = user.get("/v1/deliveries/failed").await.expect(200);
    assert_eq!(failed.body["items"], json!([]));
    let stands: (String, String, i32) = sqlx::query_as(
        "select r.phase, d.state, d.attempts from reminders r join deliveries d on r.id = reminder_id",
    )
    .fetch_one(&*app.pool)
    .await
    .unwrap();
    assert_eq!(stands, ("Fired".into(), "Pending".into(), 0));
}
