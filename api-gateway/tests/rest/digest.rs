//! What a user says about the digest.

use axum::http::Method;
use chrono::{Timelike as _, Utc};
use serde_json::{Value, json};

use super::app::App;

const PATH: &str = "/v1/me/digest";

#[tokio::test]
async fn a_digest_is_set_read_changed_and_ended() {
    let app = App::start().await;
    let user = app.user().await;
    assert_eq!(user.get(PATH).await.expect(200).body, Value::Null);
    let new = json!({ "type": "email", "address": "me@example.com" });
    let channel = user.post("/v1/channels", new).await.expect(201).id();
    let digest = json!({ "at": "08:00", "channels": [{ "type": "email", "id": channel }] });
    user.json(Method::PUT, PATH, digest.clone())
        .await
        .expect(204);
    assert_eq!(user.get(PATH).await.expect(200).body, digest);
    let other = json!({ "at": "18:30" });
    user.json(Method::PUT, PATH, other).await.expect(204);
    let shown = json!({ "at": "18:30", "channels": [] });
    assert_eq!(user.get(PATH).await.expect(200).body, shown);
    // Nobody else's.
    let stranger = app.user().await;
    assert_eq!(stranger.get(PATH).await.expect(200).body, Value::Null);
    stranger.delete(PATH).await.expect(204);
    user.get(PATH).await.expect(200);
    user.delete(PATH).await.expect(204);
    assert_eq!(user.get(PATH).await.expect(200).body, Value::Null);
}

#[tokio::test]
async fn what_is_no_digest_is_refused_by_its_field() {
    let app = App::start().await;
    let user = app.user().await;
    let foreign = uuid::Uuid::now_v7();
    let named = |id| json!([{ "type": "email", "id": id }]);
    for (digest, field) in [
        (json!({ "at": "8 o'clock" }), "at"),
        (json!({ "at": "24:00" }), "at"),
        (json!({}), "at"),
        (json!({ "at": "08:00", "zone": "UTC" }), "zone"),
        (
            json!({ "at": "08:00", "channels": named(Some(foreign)) }),
            "channels[0].id",
        ),
        (
            json!({ "at": "08:00", "channels": named(None) }),
            "channels[0].id",
        ),
        (
            json!({ "at": "08:00", "channels": vec![named(None)[0].clone(); 11] }),
            "channels",
        ),
    ] {
        let fields = user.json(Method::PUT, PATH, digest.clone()).await.fields();
        assert_eq!(fields, [field], "{digest}");
    }
}

#[tokio::test]
async fn a_change_of_zone_moves_it() {
    let app = App::start().await;
    let user = app.user().await;
    // An hour ahead in UTC; where the clocks are two hours ahead, it is over for today.
    let at = Utc::now() + chrono::Duration::hours(1);
    let at = format!("{:02}:{:02}", at.hour(), at.minute());
    user.json(Method::PUT, PATH, json!({ "at": at }))
        .await
        .expect(204);
    let next = async || -> chrono::DateTime<Utc> {
        sqlx::query_scalar("select next_at from digests")
            .fetch_one(&*app.pool)
            .await
            .unwrap()
    };
    let ahead = next().await - Utc::now();
    assert!((55..=60).contains(&ahead.num_minutes()), "{ahead}");
    let zone = json!({ "timeZone": "Etc/GMT+2" });
    user.patch("/v1/me", zone).await.expect(200);
    // Two hours later there.
    let later = next().await - Utc::now();
    assert!((175..=180).contains(&later.num_minutes()), "{later}");
}
