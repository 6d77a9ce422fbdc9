//! Forgotten passwords, as far as the gateway goes: the e-mail is the notifications service's.

use std::time::Duration;

use chrono::Utc;
use domain::secret_token;
use gateway::Gateway;
use serde_json::json;
use store::password_resets;

use super::app::{Answer, App};

const PASSWORD: &str = "correct horse battery";
const OTHER: &str = "another horse battery";

/// A gateway that mails, with one account, logged in.
async fn start() -> (App, Answer) {
    let app = App::start().await;
    let gateway = Gateway::new(app.pool.clone(), app.keys.clone()).unwrap();
    let app = App {
        router: gateway::router(gateway.with_password_resets(true)),
        ..app
    };
    let body = json!({ "email": "a@example.com", "password": PASSWORD });
    let made = app.anonymous().post("/v1/users", body).await.expect(201);
    (app, made)
}

async fn ask(app: &App, email: &str) -> Answer {
    let body = json!({ "email": email });
    app.anonymous().post("/v1/password-reset", body).await
}

async fn set(app: &App, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "newPassword": password });
    app.anonymous()
        .post("/v1/password-reset/confirm", body)
        .await
}

async fn log_in(app: &App, password: &str) -> Answer {
    let body = json!({ "email": "a@example.com", "password": password });
    app.anonymous().post("/v1/login", body).await
}

/// What the notifications service does when there is an e-mail to send: the token that it would send.
async fn mailed(app: &App, n: u8) -> Option<String> {
    let token = secret_token::text(secret_token::PASSWORD_RESET, [n; 32]);
    let hash = secret_token::hash(&token);
    let mut conn = app.pool.acquire().await.unwrap();
    let mail = password_resets::take(&mut conn, hash, Utc::now())
        .await
        .unwrap()?;
    assert_eq!(mail.email, "a@example.com");
    password_resets::done(&mut conn, hash).await.unwrap();
    Some(token)
}

/// The same, as soon as the request was noted behind its answer.
async fn mail(app: &App, n: u8) -> String {
    for _ in 0..100 {
        if let Some(token) = mailed(app, n).await {
            return token;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody asked for an e-mail");
}

#[tokio::test]
async fn a_forgotten_password_is_set_once_by_the_token_of_the_mail_and_ends_every_session() {
    let (app, session) = start().await;
    assert_eq!(
        ask(&app, " A@Example.com ").await.expect(202).body,
        json!(null)
    );
    let token = mail(&app, 1).await;
    assert_eq!(set(&app, &token, "short").await.fields(), ["newPassword"]);
    set(&app, &token, OTHER).await.expect(204);
    log_in(&app, PASSWORD).await.expect(401);
    log_in(&app, OTHER).await.expect(200);
    let body = json!({ "refreshToken": session.body["refreshToken"] });
    let refreshed = app.anonymous().post("/v1/token/refresh", body).await;
    refreshed.expect(401);
    assert_eq!(set(&app, &token, PASSWORD).await.fields(), ["token"]);
    log_in(&app, OTHER).await.expect(200);
}

#[tokio::test]
async fn an_unknown_address_is_answered_alike_and_gets_nothing() {
    let (app, _) = start().await;
    let known = ask(&app, "a@example.com").await.expect(202);
    mail(&app, 1).await;
    let unknown = ask(&app, "b@example.com").await.expect(202);
    assert_eq!(unknown.body, known.body);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(mailed(&app, 2).await, None);
}

#[tokio::test]
async fn an_account_gets_one_mail_in_five_minutes_and_only_the_newest_counts() {
    let (app, _) = start().await;
    ask(&app, "a@example.com").await.expect(202);
    let first = mail(&app, 1).await;
    ask(&app, "a@example.com").await.expect(202);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(mailed(&app, 2).await, None);
    sqlx::query("update password_resets set requested_at = requested_at - interval '5 minutes'")
        .execute(&*app.pool)
        .await
        .unwrap();
    ask(&app, "a@example.com").await.expect(202);
    let second = mail(&app, 3).await;
    assert_eq!(set(&app, &first, OTHER).await.fields(), ["token"]);
    set(&app, &second, OTHER).await.expect(204);
}

#[tokio::test]
async fn a_token_is_over_after_half_an_hour_and_made_up_ones_are_worth_nothing() {
    let (app, _) = start().await;
    ask(&app, "a@example.com").await.expect(202);
    let token = mail(&app, 1).await;
    sqlx::query("update password_resets set expires_at = expires_at - interval '30 minutes'")
        .execute(&*app.pool)
        .await
        .unwrap();
    for token in [token.as_str(), "", "tdp_x", "\u{1F600}"] {
        assert_eq!(set(&app, token, OTHER).await.fields(), ["token"]);
    }
    log_in(&app, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn mails_and_guesses_are_limited() {
    let (app, _) = start().await;
    for _ in 0..10 {
        ask(&app, "b@example.com").await.expect(202);
    }
    ask(&app, "B@example.com").await.expect(429);
    ask(&app, "c@example.com").await.expect(202);
    assert_eq!(ask(&app, &"x".repeat(300)).await.fields(), ["email"]);
}

#[tokio::test]
async fn a_stack_without_mails_says_so_and_the_page_of_the_link_knows_no_token() {
    let app = App::start().await;
    ask(&app, "a@example.com").await.expect(404);
    let page = app.anonymous().get("/v1/password-reset").await.expect(200);
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    assert!(page.body.as_str().unwrap().contains("location.hash"));
}
