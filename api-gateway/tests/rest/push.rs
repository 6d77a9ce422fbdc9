//! Subscriptions of browsers.

use serde_json::{Value, json};

use super::app::{App, PUSH_KEY};

/// A subscription's keys of RFC 8291 §5.
const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
/// Others.
const AUTH_2: &str = "AAAAAAAAAAAAAAAAAAAAAA";

fn subscription(endpoint: &str, auth: &str) -> Value {
    json!({ "type": "webPush", "endpoint": endpoint, "keys": { "p256dh": P256DH, "auth": auth } })
}

#[tokio::test]
async fn a_browser_that_subscribes_again_is_the_same_channel_and_no_secret_is_shown() {
    let app = App::start().await;
    let user = app.user().await;
    let key = user.get("/v1/push/key").await.expect(200);
    assert_eq!(key.body, json!({ "applicationServerKey": PUSH_KEY }));
    let endpoint = "https://push.example/send/capability";
    let first = user
        .post("/v1/channels", subscription(endpoint, AUTH))
        .await
        .expect(201);
    assert_eq!(first.body["url"], "https://push.example/…");
    let id = first.id();
    let mut conn = app.pool.acquire().await.unwrap();
    let stored = store::channels::of_owner(&mut conn, user.id).await.unwrap();
    assert_eq!(stored[0].secret, format!("{P256DH}.{AUTH}"));
    assert!(!format!("{:?}", stored[0]).contains("capability"));

    // It is gone; a mark of what was there before another subscription came marks nothing.
    let gone = async |auth: &str| {
        let mut conn = app.pool.acquire().await.unwrap();
        let secret = format!("{P256DH}.{auth}");
        store::channels::disable(&mut conn, stored[0].id, &secret, "410")
            .await
            .unwrap();
    };
    gone(AUTH_2).await;
    let listed = async || user.get("/v1/channels").await.expect(200).body["items"].clone();
    assert_eq!(listed().await[0]["disabledReason"], Value::Null);
    gone(AUTH).await;
    assert_eq!(listed().await[0]["disabledReason"], "410");
    assert!(listed().await[0]["disabledAt"].is_string());

    let again = user
        .post("/v1/channels", subscription(endpoint, AUTH_2))
        .await
        .expect(201);
    assert_eq!(again.id(), id);
    assert_eq!(again.body["disabledReason"], Value::Null);
    let all = listed().await;
    assert_eq!(all.as_array().unwrap().len(), 1);
    for secret in ["capability", AUTH, AUTH_2, P256DH] {
        assert!(!all.to_string().contains(secret), "{secret}");
        assert!(!again.body.to_string().contains(secret), "{secret}");
    }
    // Another user of the same browser has a channel of their own.
    let other = app.user().await;
    let theirs = other
        .post("/v1/channels", subscription(endpoint, AUTH))
        .await;
    assert_ne!(theirs.expect(201).id(), id);
}

#[tokio::test]
async fn a_user_with_all_channels_can_subscribe_the_same_browser_again() {
    let app = App::start().await;
    let user = app.user().await;
    let endpoint = |n: i32| format!("https://push.example/{n}");
    for n in 0..20 {
        let new = subscription(&endpoint(n), AUTH);
        user.post("/v1/channels", new).await.expect(201);
    }
    let again = subscription(&endpoint(7), AUTH_2);
    user.post("/v1/channels", again).await.expect(201);
    let another = subscription(&endpoint(20), AUTH);
    user.post("/v1/channels", another).await.expect(409);
}

#[tokio::test]
async fn what_is_no_subscription_is_refused_by_its_field() {
    let app = App::start().await;
    let user = app.user().await;
    let good = subscription("https://push.example/x", AUTH);
    for (field, value, fault) in [
        ("endpoint", Value::Null, "endpoint"),
        ("endpoint", json!("http://push.example/x"), "endpoint"),
        ("endpoint", json!("x"), "endpoint"),
        ("url", json!("https://push.example/x"), "url"),
        ("keys", Value::Null, "keys"),
        (
            "keys",
            json!({ "p256dh": "AAAA", "auth": AUTH }),
            "keys.p256dh",
        ),
        (
            "keys",
            json!({ "p256dh": P256DH, "auth": "AAAA" }),
            "keys.auth",
        ),
        ("token", json!("x"), "token"),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        let fields = user.post("/v1/channels", bad.clone()).await.fields();
        assert_eq!(fields, [fault], "{bad}");
    }
    let mail = json!({ "type": "email", "address": "me@example.com", "keys": good["keys"] });
    assert_eq!(user.post("/v1/channels", mail).await.fields(), ["keys"]);
}

#[tokio::test]
async fn a_stack_without_web_push_says_so() {
    let app = App::start().await;
    let user = app.replica("", "127.0.0.1:1").user().await;
    user.get("/v1/push/key").await.expect(404);
    let new = subscription("https://push.example/x", AUTH);
    assert_eq!(user.post("/v1/channels", new).await.fields(), ["type"]);
}
