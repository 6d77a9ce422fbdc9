use axum::{body::Body, http::Method};
use chrono_tz::Tz;
use serde_json::json;

use super::app::{Answer, App};

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn a_new_user_signs_up_logs_in_and_reads_the_account() {
    let app = App::start().await;
    let mut caller = app.anonymous();
    let user =
        json!({ "email": "Ada@Example.com", "password": PASSWORD, "timeZone": "Europe/Berlin" });
    let created = caller.post("/v1/users", user).await.expect(201);
    assert_eq!(created.body["timeZone"], "Europe/Berlin");
    assert!(created.body.get("password").is_none());

    let credentials = json!({ "email": "ada@example.COM", "password": PASSWORD });
    let token = caller.post("/v1/login", credentials).await.expect(200);
    assert_eq!(token.headers["cache-control"], "no-store");
    assert_eq!(token.body["tokenType"], "Bearer");
    assert_eq!(token.body["expiresIn"], 15 * 60);

    caller.token = Some(token.body["accessToken"].as_str().unwrap().to_owned());
    let me = caller.get("/v1/me").await.expect(200);
    for field in ["id", "email", "timeZone", "createdAt"] {
        assert_eq!(me.body[field], created.body[field], "{field}");
    }
    // The answer to the sign-up is a log-in too.
    caller.token = Some(created.body["accessToken"].as_str().unwrap().to_owned());
    caller.get("/v1/me").await.expect(200);
    caller.task(json!({ "title": "First" })).await;
}

#[tokio::test]
async fn an_email_address_has_one_account_whatever_its_case() {
    let app = App::start().await;
    let caller = app.anonymous();
    for (email, status) in [("a@example.com", 201), ("A@EXAMPLE.com", 409)] {
        let user = json!({ "email": email, "password": PASSWORD });
        caller.post("/v1/users", user).await.expect(status);
    }
}

#[tokio::test]
async fn every_mistake_of_a_sign_up_is_named_at_once() {
    let app = App::start().await;
    let caller = app.anonymous();
    let user = json!({ "email": "nobody", "password": "short", "timeZone": "Mars/Olympus" });
    let fields = caller.post("/v1/users", user).await.fields();
    assert_eq!(fields, ["email", "password", "timeZone"]);
    let user = json!({ "email": "a@example.com" });
    assert_eq!(caller.post("/v1/users", user).await.fields(), ["password"]);
    let user = json!({ "email": "a@example.com", "password": PASSWORD, "admin": true });
    assert_eq!(caller.post("/v1/users", user).await.fields(), ["admin"]);
    let user = json!({ "email": "a@example.com", "password": "x".repeat(2000) });
    assert_eq!(caller.post("/v1/users", user).await.fields(), ["password"]);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_answered_alike() {
    let app = App::start().await;
    let caller = app.anonymous();
    let user = json!({ "email": "a@example.com", "password": PASSWORD });
    caller.post("/v1/users", user).await.expect(201);
    let wrong = json!({ "email": "a@example.com", "password": "incorrect horse" });
    let wrong = caller.post("/v1/login", wrong).await.expect(401);
    let unknown = json!({ "email": "b@example.com", "password": PASSWORD });
    let unknown = caller.post("/v1/login", unknown).await.expect(401);
    assert_eq!(wrong.body, unknown.body);
}

#[tokio::test]
async fn guessing_has_to_wait_after_ten_wrong_passwords() {
    let app = App::start().await;
    let caller = app.anonymous();
    let user = json!({ "email": "a@example.com", "password": PASSWORD });
    caller.post("/v1/users", user).await.expect(201);
    for _ in 0..10 {
        let wrong = json!({ "email": "a@example.com", "password": "incorrect horse" });
        caller.post("/v1/login", wrong).await.expect(401);
    }
    let right = json!({ "email": "a@example.com", "password": PASSWORD });
    let refused = caller.post("/v1/login", right).await.expect(429);
    let wait: u64 = refused.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((200..=300).contains(&wait), "{wait}");
}

/// A wrong password, by way of a proxy that says for whom.
async fn guess(gateway: &App, header: (&str, &str)) -> Answer {
    let body = json!({ "email": "a@example.com", "password": "incorrect horse" });
    let headers = [("content-type", "application/json"), header];
    let body = Body::from(body.to_string());
    let caller = gateway.anonymous();
    caller.send(Method::POST, "/v1/login", &headers, body).await
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_a_limit_of_its_own_at_all_gateways_together() {
    let app = App::start().await;
    let gateways = ["10.0.0.1:1000", "10.0.0.2:1000"].map(|peer| app.replica("10.0.0.0/8", peer));
    for i in 0..10 {
        // What the client wrote itself stands before, another each time.
        let listed = format!("192.0.2.{i}, 203.0.113.5");
        let answer = guess(&gateways[i % 2], ("x-forwarded-for", &listed)).await;
        answer.expect(401);
    }
    for gateway in &gateways {
        for header in [
            ("x-forwarded-for", "203.0.113.5"),
            ("forwarded", "for=\"203.0.113.5:80\";proto=https"),
        ] {
            guess(gateway, header).await.expect(429);
        }
        let other = ("x-forwarded-for", "203.0.113.6");
        guess(gateway, other).await.expect(401);
    }
}

#[tokio::test]
async fn who_is_no_trusted_proxy_cannot_say_who_it_is() {
    let app = App::start().await;
    for proxies in ["", "10.0.0.0/8"] {
        let peer = if proxies.is_empty() {
            "10.0.0.1:1"
        } else {
            "198.51.100.1:1"
        };
        let gateway = app.replica(proxies, peer);
        for i in 0..10 {
            let made_up = format!("203.0.113.{i}");
            let header = ("x-forwarded-for", made_up.as_str());
            guess(&gateway, header).await.expect(401);
        }
        let header = ("x-forwarded-for", "203.0.113.99");
        guess(&gateway, header).await.expect(429);
    }
}

#[tokio::test]
async fn with_the_users_zone_move_all_day_tasks_and_their_reminders() {
    let app = App::start().await;
    let user = app.user_in(Tz::UTC).await;
    let all_day = json!({
        "title": "Pay rent",
        "due": { "date": "2030-12-01" },
        "reminders": [{ "beforeSeconds": 3600 }],
    });
    let all_day = user.task(all_day).await;
    assert_eq!(all_day.body["dueAt"], "2030-12-01T23:59:59Z");
    let timed = json!({ "title": "Call", "due": { "dateTime": "2030-12-01T10:00:00", "timeZone": "Asia/Tokyo" } });
    let timed = user.task(timed).await;

    let me = user.patch("/v1/me", json!({ "timeZone": "America/New_York" }));
    assert_eq!(me.await.expect(200).body["timeZone"], "America/New_York");

    let path = format!("/v1/tasks/{}", all_day.id());
    let moved = user.get(&path).await.expect(200);
    assert_eq!(moved.body["due"], json!({ "date": "2030-12-01" }));
    assert_eq!(moved.body["dueAt"], "2030-12-02T04:59:59Z");
    let reminders = user.get(&format!("{path}/reminders")).await.expect(200);
    assert_eq!(reminders.body["items"][0]["fireAt"], "2030-12-01T13:00:00Z");
    assert_eq!(
        app.events(&all_day.id()).await,
        ["task.created", "task.updated"]
    );

    let path = format!("/v1/tasks/{}", timed.id());
    assert_eq!(user.get(&path).await.expect(200).body, timed.body);
}

#[tokio::test]
async fn a_bad_zone_of_the_account_is_named() {
    let app = App::start().await;
    let user = app.user().await;
    for zone in ["", "Nowhere", "+01:00", "UTC\n"] {
        let answer = user.patch("/v1/me", json!({ "timeZone": zone })).await;
        assert_eq!(answer.fields(), ["timeZone"], "{zone:?}");
    }
}

#[tokio::test]
async fn the_token_of_a_deleted_account_opens_nothing() {
    let app = App::start().await;
    let user = app.user().await;
    sqlx::query("delete from users where id = $1")
        .bind(user.id)
        .execute(&*app.pool)
        .await
        .unwrap();
    user.get("/v1/me").await.expect(401);
    user.post("/v1/tasks", json!({ "title": "x" }))
        .await
        .expect(401);
    let channel = json!({ "type": "webhook", "url": "https://example.com" });
    user.post("/v1/channels", channel).await.expect(401);
}

#[tokio::test]
async fn quiet_hours_are_set_read_and_ended() {
    let app = App::start().await;
    let user = app.user().await;
    let path = "/v1/me/quiet-hours";
    assert_eq!(user.get(path).await.expect(200).body, json!(null));
    let put = async |body| user.json(Method::PUT, path, body).await;
    let hours = json!({ "start": "22:00", "end": "07:30" });
    put(hours.clone()).await.expect(204);
    assert_eq!(user.get(path).await.expect(200).body, hours);
    for (hours, field) in [
        (json!({ "start": "22:00", "end": "24:30" }), "end"),
        (json!({ "start": "ten", "end": "07:30" }), "start"),
        (json!({ "start": "07:30", "end": "07:30" }), "end"),
    ] {
        assert_eq!(put(hours.clone()).await.fields(), [field], "{hours}");
    }
    user.delete(path).await.expect(204);
    assert_eq!(user.get(path).await.expect(200).body, json!(null));
}
