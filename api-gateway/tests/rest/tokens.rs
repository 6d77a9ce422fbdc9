//! Personal tokens and their scopes.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::app::{App, Caller};

const SCOPES: [&str; 7] = [
    "tasks:read",
    "tasks:write",
    "channels:read",
    "channels:write",
    "account:read",
    "account:write",
    "audit:read",
];

/// A program with a new token of these scopes.
async fn program(user: &Caller, scopes: &[&str]) -> Caller {
    let body = json!({ "name": "script", "scopes": scopes });
    let made = user.post("/v1/tokens", body).await.expect(201);
    let mut program = user.clone();
    program.token = Some(made.body["token"].as_str().unwrap().to_owned());
    program
}

#[tokio::test]
async fn a_token_is_shown_once_and_stored_as_a_hash() {
    let app = App::start().await;
    let user = app.user().await;
    let body = json!({ "name": " script ", "scopes": ["tasks:write", "tasks:read", "tasks:write"], "expiresInDays": 30 });
    let made = user.post("/v1/tokens", body).await.expect(201);
    assert_eq!(made.headers["cache-control"], "no-store");
    let token = made.body["token"].as_str().unwrap();
    assert!(token.starts_with("tds_") && token.len() == 47, "{token}");
    assert_eq!(made.body["name"], "script");
    assert_eq!(made.body["scopes"], json!(["tasks:read", "tasks:write"]));
    assert!(made.body["expiresAt"].is_string());
    let list = user.get("/v1/tokens").await.expect(200).body;
    assert_eq!(list["items"][0]["id"], made.body["id"]);
    assert!(list["items"][0].get("token").is_none());
    let stored: String = sqlx::query_scalar("select t::text from api_tokens t")
        .fetch_one(&*app.pool)
        .await
        .unwrap();
    assert!(!stored.contains(&token[4..]));
}

#[tokio::test]
async fn its_last_use_is_written_once_a_minute() {
    let app = App::start().await;
    let user = app.user().await;
    let program = program(&user, &["tasks:read"]).await;
    let last_use = async || {
        let list = user.get("/v1/tokens").await.expect(200);
        list.body["items"][0]["lastUsedAt"].clone()
    };
    assert_eq!(last_use().await, Value::Null);
    program.get("/v1/tasks").await.expect(200);
    let first = last_use().await;
    assert!(first.is_string());
    program.get("/v1/tasks").await.expect(200);
    assert_eq!(last_use().await, first);
    sqlx::query("update api_tokens set last_used_at = last_used_at - interval '1 minute'")
        .execute(&*app.pool)
        .await
        .unwrap();
    program.get("/v1/tasks").await.expect(200);
    assert!(last_use().await.as_str() > first.as_str());
}

#[tokio::test]
async fn a_token_that_was_deleted_or_is_over_opens_nothing() {
    let app = App::start().await;
    let (user, other) = (app.user().await, app.user().await);
    let [deleted, over, good] = [
        program(&user, &SCOPES).await,
        program(&user, &SCOPES).await,
        program(&user, &SCOPES).await,
    ];
    let list = user.get("/v1/tokens").await.expect(200).body;
    let id = |n: usize| list["items"][n]["id"].as_str().unwrap().to_owned();
    other
        .delete(&format!("/v1/tokens/{}", id(0)))
        .await
        .expect(404);
    user.delete(&format!("/v1/tokens/{}", id(0)))
        .await
        .expect(204);
    sqlx::query("update api_tokens set expires_at = now() where id = $1::uuid")
        .bind(id(1))
        .execute(&*app.pool)
        .await
        .unwrap();
    for caller in [deleted, over] {
        caller.get("/v1/tasks").await.expect(401);
    }
    let task = good.task(json!({ "title": "By a program" })).await;
    user.get(&format!("/v1/tasks/{}", task.id()))
        .await
        .expect(200);
}

/// Every operation of the document with what it asks a personal token for: its scope, if there is one.
fn operations() -> Vec<(Method, String, Option<String>)> {
    let document = serde_json::to_value(gateway::document()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let security = operation["security"]
                .as_array()
                .expect("it says what it needs");
            if security.iter().any(|one| *one == json!({})) {
                continue;
            }
            assert!(
                security.contains(&json!({ "token": [] })),
                "{method} {path}"
            );
            let scope = security.iter().find_map(|one| one["apiToken"][0].as_str());
            operations.push((
                method.to_uppercase().parse().unwrap(),
                path.replace("{id}", "00000000-0000-0000-0000-000000000000"),
                scope.map(str::to_owned),
            ));
        }
    }
    assert!(operations.len() >= 34);
    operations
}

#[tokio::test]
async fn each_operation_takes_the_scope_that_the_document_names_and_no_other() {
    let app = App::start().await;
    let user = app.user().await;
    for scope in SCOPES {
        let with = program(&user, &[scope]).await;
        let others: Vec<&str> = SCOPES.into_iter().filter(|other| *other != scope).collect();
        let without = program(&user, &others).await;
        for (method, path, needed) in operations() {
            if needed.as_deref() != Some(scope) {
                continue;
            }
            let send = async |caller: &Caller| {
                caller.send(method.clone(), &path, &[], Body::empty()).await
            };
            let refused = send(&without).await.expect(403);
            assert!(refused.body["detail"].as_str().unwrap().contains(scope));
            let passed = send(&with).await.status.as_u16();
            assert!(![401, 403].contains(&passed), "{method} {path}: {passed}");
        }
    }
}

#[tokio::test]
async fn what_needs_a_session_is_closed_to_every_token() {
    let app = App::start().await;
    let user = app.user().await;
    let program = program(&user, &SCOPES).await;
    let mut closed = 0;
    for (method, path, needed) in operations() {
        if needed.is_none() {
            let answer = program.send(method, &path, &[], Body::empty()).await;
            answer.expect(403);
            closed += 1;
        }
    }
    assert_eq!(closed, 14);
    user.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_wrong_token_is_told_by_its_fields() {
    let app = App::start().await;
    let user = app.user().await;
    for (body, fields) in [
        (json!({ "name": "", "scopes": [] }), vec!["name", "scopes"]),
        (
            json!({ "name": "x".repeat(101), "scopes": ["tasks:read"] }),
            vec!["name"],
        ),
        (
            json!({ "name": "x", "scopes": ["tasks:*"] }),
            vec!["scopes[0]"],
        ),
        (
            json!({ "name": "x", "scopes": ["tasks:read"], "expiresInDays": 0 }),
            vec!["expiresInDays"],
        ),
        (
            json!({ "name": "x", "scopes": ["tasks:read"], "expiresInDays": i64::MAX }),
            vec!["expiresInDays"],
        ),
    ] {
        assert_eq!(
            user.post("/v1/tokens", body.clone()).await.fields(),
            fields,
            "{body}"
        );
    }
    let mut nobody = app.anonymous();
    for token in ["tds_", "tds_x", "TDS_x", "tdr_x"] {
        nobody.token = Some(token.into());
        nobody.get("/v1/tasks").await.expect(401);
    }
}

#[tokio::test]
async fn a_user_has_at_most_fifty() {
    let app = App::start().await;
    let user = app.user().await;
    sqlx::query(
        "insert into api_tokens (id, user_id, name, hash, scopes)
         select gen_random_uuid(), $1, '', sha256(n::text::bytea), '{}' from generate_series(1, 49) n",
    )
    .bind(user.id)
    .execute(&*app.pool)
    .await
    .unwrap();
    let body = json!({ "name": "x", "scopes": ["tasks:read"] });
    user.post("/v1/tokens", body.clone()).await.expect(201);
    user.post("/v1/tokens", body).await.expect(409);
}
