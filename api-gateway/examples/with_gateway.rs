//! Runs a program beside a gateway on a database of its own: `with_gateway PROGRAM [ARGUMENT…]`. The program
//! finds the gateway's address in `TODOSTACK_URL`, and in `TODOSTACK_TOKEN` the access token of a user who has
//! something of everything.

use std::{net::SocketAddr, process::ExitCode};

use anyhow::{Context, bail};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, header},
};
use gateway::Gateway;
use runtime::auth::Keys;
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command};
use tower::ServiceExt as _;

/// The application server's public key of RFC 8291 §5.
const PUSH_KEY: &str =
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next();
    let program = program.context("usage: with_gateway PROGRAM [ARGUMENT…]")?;
    let store = store::testing::database().await;
    let gateway = Gateway::new(store.clone(), Keys::new(&[7; 32])?)?
        .with_push(Some(PUSH_KEY.into()))
        .with_password_resets(true);
    let router = gateway::router(gateway);
    let token = user(&router).await?;
    // What can be done within minutes of a log-in alone is refused: one call of `DELETE /v1/me` would leave
    // nobody to make the other calls.
    sqlx::query("update sessions set created_at = created_at - interval '1 hour'")
        .execute(store.pool())
        .await?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = tokio::spawn(async move { axum::serve(listener, service).await });

    let status = Command::new(&program)
        .args(arguments)
        .envs([("TODOSTACK_URL", url), ("TODOSTACK_TOKEN", token)])
        .status()
        .await
        .with_context(|| format!("cannot run {program}"))?;
    served.abort();
    store.close().await;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A new user who has something of everything; the access token.
async fn user(router: &Router) -> anyhow::Result<String> {
    let new = json!({ "email": "ada@example.com", "password": "correct horse battery" });
    let account = call(router, None, "/v1/users", new).await?;
    let token = account["accessToken"].as_str().context("no token")?;
    let make = async |path, body| call(router, Some(token), path, body).await;
    let project = make("/v1/projects", json!({ "name": "Home" })).await?;
    let webhook = json!({ "type": "webhook", "url": "https://example.com/hook" });
    make("/v1/channels", webhook).await?;
    let task = json!({
        "title": "Water the cactus", "tags": ["plants"], "project": project["id"],
        "due": { "dateTime": "2030-01-01T09:00:00", "timeZone": "Europe/Berlin" },
        "recurrence": { "rrule": "FREQ=WEEKLY" }, "reminders": [{ "beforeSeconds": 600 }],
    });
    make("/v1/tasks", task).await?;
    Ok(token.to_owned())
}

async fn call(
    router: &Router,
    token: Option<&str>,
    path: &str,
    body: Value,
) -> anyhow::Result<Value> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::from(body.to_string()))?;
    let response = router.clone().oneshot(request).await?;
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await?;
    if !status.is_success() {
        bail!("{path}: {status} {}", String::from_utf8_lossy(&bytes));
    }
    Ok(serde_json::from_slice(&bytes)?)
}
