//! Sessions: refresh tokens, the list, and the end.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::app::{Answer, App, Caller};

const PASSWORD: &str = "correct horse battery";

/// Signs up, or logs in where the account is there.
async fn log_in(app: &App, email: &str, agent: &str) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD }).to_string();
    let headers = [("content-type", "application/json"), ("user-agent", agent)];
    let caller = app.anonymous();
    let post = async |path| {
        let body = Body::from(body.clone());
        caller.send(Method::POST, path, &headers, body).await
    };
    let made = post("/v1/users").await;
    if made.status == 201 {
        return made;
    }
    post("/v1/login").await.expect(200)
}

fn refresh_token(answer: &Answer) -> String {
    answer.body["refreshToken"].as_str().unwrap().to_owned()
}

async fn refresh(app: &App, token: &str) -> Answer {
    let body = json!({ "refreshToken": token });
    app.anonymous().post("/v1/token/refresh", body).await
}

/// Whoever has the access token of an answer.
fn with(app: &App, answer: &Answer) -> Caller {
    let mut caller = app.anonymous();
    caller.token = Some(answer.body["accessToken"].as_str().unwrap().to_owned());
    caller
}

/// Lets the time pass in which an answer may have been lost.
async fn wait_out_the_grace(app: &App) {
    sqlx::query("update sessions set last_used_at = last_used_at - interval '31 seconds'")
        .execute(&*app.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_session_goes_on_by_refresh_tokens_each_of_which_is_good_once() {
    let app = App::start().await;
    let first = log_in(&app, "a@example.com", "tests").await;
    assert_eq!(first.headers["cache-control"], "no-store");
    assert_eq!(first.body["refreshExpiresIn"], 30 * 24 * 3600);
    let mut token = refresh_token(&first);
    for _ in 0..3 {
        let next = refresh(&app, &token).await.expect(200);
        assert_eq!(next.headers["cache-control"], "no-store");
        assert_eq!(next.body["sessionId"], first.body["sessionId"]);
        let me = with(&app, &next).get("/v1/me").await.expect(200);
        assert_eq!(me.body["email"], "a@example.com");
        assert_ne!(refresh_token(&next), token);
        token = refresh_token(&next);
    }
}

#[tokio::test]
async fn nothing_of_a_token_is_stored() {
    let app = App::start().await;
    let first = log_in(&app, "a@example.com", "tests").await;
    refresh(&app, &refresh_token(&first)).await.expect(200);
    let stored: String = sqlx::query_scalar("select string_agg(s::text, '') from sessions s")
        .fetch_one(&*app.pool)
        .await
        .unwrap();
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let token = refresh_token(&first);
    let bytes = URL_SAFE_NO_PAD.decode(&token["tdr_".len()..]).unwrap();
    for half in bytes.chunks(32) {
        let hex: String = half.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!stored.contains(&hex));
    }
}

#[tokio::test]
async fn a_lost_answer_is_given_again_and_two_tabs_at_once_get_the_same() {
    let app = App::start().await;
    let first = log_in(&app, "a@example.com", "tests").await;
    let token = refresh_token(&first);
    let (one, other) = tokio::join!(refresh(&app, &token), refresh(&app, &token));
    let one = refresh_token(&one.expect(200));
    assert_eq!(one, refresh_token(&other.expect(200)));
    assert_eq!(one, refresh_token(&refresh(&app, &token).await.expect(200)));
    refresh(&app, &one).await.expect(200);
}

#[tokio::test]
async fn a_token_that_was_used_ends_its_session_and_no_other() {
    let app = App::start().await;
    let stolen = log_in(&app, "a@example.com", "phone").await;
    let other = log_in(&app, "a@example.com", "laptop").await;
    let thief = refresh(&app, &refresh_token(&stolen)).await.expect(200);
    wait_out_the_grace(&app).await;
    refresh(&app, &refresh_token(&stolen)).await.expect(401);
    refresh(&app, &refresh_token(&thief)).await.expect(401);
    // What lasts is closed to its access token at once.
    with(&app, &thief).get("/v1/sessions").await.expect(401);
    refresh(&app, &refresh_token(&other)).await.expect(200);
}

#[tokio::test]
async fn a_token_of_long_ago_ends_the_session_too_even_within_the_grace_of_another() {
    let app = App::start().await;
    let first = log_in(&app, "a@example.com", "tests").await;
    let second = refresh(&app, &refresh_token(&first)).await.expect(200);
    let third = refresh(&app, &refresh_token(&second)).await.expect(200);
    refresh(&app, &refresh_token(&first)).await.expect(401);
    refresh(&app, &refresh_token(&third)).await.expect(401);
}

#[tokio::test]
async fn a_session_that_was_not_used_for_a_month_is_over() {
    let app = App::start().await;
    let first = log_in(&app, "a@example.com", "tests").await;
    sqlx::query("update sessions set expires_at = now()")
        .execute(&*app.pool)
        .await
        .unwrap();
    refresh(&app, &refresh_token(&first)).await.expect(401);
    with(&app, &first).get("/v1/sessions").await.expect(401);
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused_and_says_nothing() {
    let app = App::start().await;
    let first = log_in(&app, "a@example.com", "tests").await;
    let unknown = format!("tdr_{}", "A".repeat(86));
    for wrong in [
        "",
        "x",
        "tdr_",
        &unknown,
        first.body["accessToken"].as_str().unwrap(),
    ] {
        let refused = refresh(&app, wrong).await.expect(401);
        assert!(!refused.body.to_string().contains("tdr_AAA"));
    }
    let caller = app.anonymous();
    let none = caller.post("/v1/token/refresh", json!({})).await;
    assert_eq!(none.fields(), ["refreshToken"]);
    refresh(&app, &refresh_token(&first)).await.expect(200);
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let app = App::start().await;
    let phone = log_in(&app, "a@example.com", "phone/1.0").await;
    let laptop = log_in(&app, "a@example.com", &"x".repeat(1000)).await;
    let stranger = log_in(&app, "b@example.com", "other").await;
    let caller = with(&app, &laptop);
    let list = caller.get("/v1/sessions").await.expect(200).body;
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["current"], true);
    assert_eq!(items[0]["userAgent"].as_str().unwrap().len(), 200);
    assert_eq!(items[1]["userAgent"], "phone/1.0");
    assert!(!list.to_string().contains("Hash"));

    let path = |answer: &Answer| {
        format!(
            "/v1/sessions/{}",
            answer.body["sessionId"].as_str().unwrap()
        )
    };
    caller.delete(&path(&stranger)).await.expect(404);
    caller.delete(&path(&phone)).await.expect(204);
    refresh(&app, &refresh_token(&phone)).await.expect(401);
    caller.delete(&path(&laptop)).await.expect(204);
    caller.get("/v1/sessions").await.expect(401);
    // Its access token reads tasks until it expires.
    caller.get("/v1/tasks").await.expect(200);
    refresh(&app, &refresh_token(&stranger)).await.expect(200);
}

#[tokio::test]
async fn a_log_out_ends_the_session_and_is_the_same_twice() {
    let app = App::start().await;
    let first = log_in(&app, "a@example.com", "tests").await;
    let next = refresh(&app, &refresh_token(&first)).await.expect(200);
    for token in [refresh_token(&first), refresh_token(&next), "x".into()] {
        let body = json!({ "refreshToken": token });
        let answer = app.anonymous().post("/v1/logout", body).await;
        assert_eq!(answer.expect(204).body, Value::Null);
    }
    refresh(&app, &refresh_token(&next)).await.expect(401);
}

#[tokio::test]
async fn the_session_used_least_recently_makes_room() {
    let app = App::start().await;
    let user = app.user().await;
    let first = user.get("/v1/sessions").await.expect(200).body["items"][0]["id"].clone();
    sqlx::query(
        "insert into sessions (id, user_id, family_hash, token_hash, user_agent, expires_at)
         select gen_random_uuid(), $1, sha256(n::text::bytea), '', '', now() + interval '1 day'
         from generate_series(1, 99) as n",
    )
    .bind(user.id)
    .execute(&*app.pool)
    .await
    .unwrap();
    sqlx::query("update users set email = 'full@example.com', password_hash = $1 where id = $2")
        .bind(gateway::hash_password(PASSWORD).await.unwrap())
        .bind(user.id)
        .execute(&*app.pool)
        .await
        .unwrap();
    let newest = log_in(&app, "full@example.com", "tests").await;
    let list = with(&app, &newest)
        .get("/v1/sessions")
        .await
        .expect(200)
        .body;
    let ids: Vec<&Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["id"])
        .collect();
    assert_eq!(ids.len(), 100);
    assert!(!ids.contains(&&first));
}

#[tokio::test]
async fn a_token_without_a_session_opens_nothing_that_lasts() {
    let app = App::start().await;
    let mut user = app.user().await;
    user.token = Some(app.keys.issue(user.id, None).unwrap());
    user.get("/v1/tasks").await.expect(200);
    user.get("/v1/sessions").await.expect(401);
}
