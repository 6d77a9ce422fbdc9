//! Password, export and the end of an account.

use axum::{body::Body, http::Method};
use chrono::{DateTime, Utc};
use domain::event::{Event, EventType};
use gateway::{Gateway, SignUp};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use store::audit;
use uuid::Uuid;

use super::app::{Answer, App, Caller};

const PASSWORD: &str = "correct horse battery";
const OTHER: &str = "another horse battery";

async fn sign_up(app: &App, email: &str) -> Caller {
    let body = json!({ "email": email, "password": PASSWORD });
    logged_in(
        app,
        app.anonymous().post("/v1/users", body).await.expect(201),
    )
}

async fn log_in(app: &App, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    app.anonymous().post("/v1/login", body).await
}

fn logged_in(app: &App, answer: Answer) -> Caller {
    let mut caller = app.anonymous();
    caller.token = Some(answer.body["accessToken"].as_str().unwrap().to_owned());
    caller
}

async fn change(caller: &Caller, current: &str, new: &str) -> Answer {
    let body = json!({ "currentPassword": current, "newPassword": new });
    caller.json(Method::PUT, "/v1/me/password", body).await
}

async fn id_of(caller: &Caller) -> Uuid {
    caller.get("/v1/me").await.expect(200).id().parse().unwrap()
}

/// The trail learns what the outbox has, as by the audit service.
async fn audit(app: &App, events: &[Event]) {
    let mut transaction = audit::begin(&app.pool).await.unwrap();
    audit::append_all(&mut transaction, events).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn outbox(app: &App) -> Vec<Event> {
    let events: Vec<Value> =
        sqlx::query_scalar("select event from outbox where topic <> 'task-updates' order by seq")
            .fetch_all(&*app.pool)
            .await
            .unwrap();
    let read = |event| serde_json::from_value(event).unwrap();
    events.into_iter().map(read).collect()
}

#[tokio::test]
async fn a_changed_password_is_the_only_one_and_ends_the_other_sessions() {
    let app = App::start().await;
    let caller = sign_up(&app, "a@example.com").await;
    let other = logged_in(
        &app,
        log_in(&app, "a@example.com", PASSWORD).await.expect(200),
    );
    change(&caller, PASSWORD, OTHER).await.expect(204);
    log_in(&app, "a@example.com", PASSWORD).await.expect(401);
    log_in(&app, "a@example.com", OTHER).await.expect(200);
    other.get("/v1/sessions").await.expect(401);
    let left = caller.get("/v1/sessions").await.expect(200);
    assert_eq!(left.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_guesses_are_counted_with_those_of_log_ins() {
    let app = App::start().await;
    let caller = sign_up(&app, "a@example.com").await;
    let short = change(&caller, PASSWORD, "short").await;
    assert_eq!(short.fields(), ["newPassword"]);
    for _ in 0..9 {
        let wrong = change(&caller, "incorrect horse", OTHER).await;
        assert_eq!(wrong.fields(), ["currentPassword"]);
    }
    log_in(&app, "a@example.com", "incorrect horse")
        .await
        .expect(401);
    change(&caller, PASSWORD, OTHER).await.expect(429);
    log_in(&app, "a@example.com", PASSWORD).await.expect(429);
}

#[tokio::test]
async fn a_stack_that_takes_no_new_users_keeps_its_old_ones() {
    let app = App::start().await;
    sign_up(&app, "a@example.com").await;
    let gateway = Gateway::new(app.pool.clone(), app.keys.clone()).unwrap();
    let closed = App {
        router: gateway::router(gateway.with_sign_up(SignUp::Closed)),
        pool: app.pool.clone(),
        keys: app.keys.clone(),
    };
    let body = json!({ "email": "b@example.com", "password": PASSWORD });
    closed.anonymous().post("/v1/users", body).await.expect(403);
    log_in(&closed, "a@example.com", PASSWORD).await.expect(200);
}

/// Gives a user something of everything.
async fn fill(app: &App, caller: &Caller) {
    let channel = json!({ "type": "webhook", "url": "https://example.com/hook" });
    let channel = caller.post("/v1/channels", channel).await.expect(201).id();
    let token = json!({ "name": "script", "scopes": ["tasks:read"] });
    caller.post("/v1/tokens", token).await.expect(201);
    let calendar = caller.post("/v1/me/calendar", Value::Null).await;
    calendar.expect(201);
    let project = json!({ "name": "Secret project" });
    caller.post("/v1/projects", project).await.expect(201);
    let filter = json!({ "name": "Secret filter", "filter": "@secret" });
    caller.post("/v1/filters", filter).await.expect(201);
    let file = Body::from("title,project\nSecret import,Secret\n");
    let path = "/v1/imports?format=csv&dryRun=true";
    let import = caller.send(Method::POST, path, &[], file).await;
    import.expect(202);
    for (path, body) in [
        (
            "/v1/me/quiet-hours",
            json!({ "start": "22:00", "end": "07:30" }),
        ),
        ("/v1/me/digest", json!({ "at": "08:00" })),
    ] {
        caller.json(Method::PUT, path, body).await.expect(204);
    }
    let reminder =
        json!({ "at": "2030-01-01T00:00:00Z", "channels": [{ "type": "webhook", "id": channel }] });
    caller
        .task(json!({ "title": "Secret plan", "reminders": [reminder] }))
        .await;
    let bin = caller.task(json!({ "title": "Old secret" })).await;
    caller
        .delete(&format!("/v1/tasks/{}", bin.id()))
        .await
        .expect(204);
    let key = [("idempotency-key", "once")];
    let path = format!("/v1/tasks/{}/restore", bin.id());
    let done = caller.send(Method::POST, &path, &key, Body::empty());
    done.await.expect(200);
    caller
        .delete(&format!("/v1/tasks/{}", bin.id()))
        .await
        .expect(204);
    let id = id_of(caller).await;
    for statement in [
        "insert into unsubscribed (owner_id, address) values ($1, 'x@example.com')",
        "insert into password_resets (user_id, requested_at) values ($1, now())",
        "insert into identities (id, user_id, issuer, subject, email)
         values (gen_random_uuid(), $1, 'https://id.example.com', 'secret', 'ada@example.com')",
        "insert into tombstones (owner_id, kind, id) values ($1, 'project', gen_random_uuid())",
    ] {
        let written = sqlx::query(statement).bind(id).execute(&*app.pool).await;
        written.unwrap();
    }
}

/// Tables that mention any of these words, wherever.
async fn tables_with(app: &App, words: &[&str]) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.oid::regclass::text from pg_class c
         where relkind = 'r' and relnamespace = current_schema()::regnamespace order by 1",
    )
    .fetch_all(&*app.pool)
    .await
    .unwrap();
    assert!(tables.len() > 20, "{tables:?}");
    let mut found = Vec::new();
    for table in tables {
        let query = format!("select exists (select 1 from {table} t where t::text ilike any($1))");
        let words: Vec<String> = words.iter().map(|word| format!("%{word}%")).collect();
        let has: bool = sqlx::query_scalar(AssertSqlSafe(query))
            .bind(words)
            .fetch_one(&*app.pool)
            .await
            .unwrap();
        if has {
            found.push(table);
        }
    }
    found
}

#[tokio::test]
async fn a_deleted_account_leaves_a_receipt_and_nothing_else_in_any_table() {
    let app = App::start().await;
    let caller = sign_up(&app, "ada@example.com").await;
    let id = id_of(&caller).await;
    fill(&app, &caller).await;
    let events = outbox(&app).await;
    audit(&app, &events).await;
    sqlx::query(
        "insert into dead_letters (consumer, event_id, body, state)
         select 'audit', event_id, event::text, 'dead' from outbox limit 1",
    )
    .execute(&*app.pool)
    .await
    .unwrap();
    let words = [id.to_string(), "ada@example".into(), "secret".into()];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let before = tables_with(&app, &words).await;
    for table in store::export::TABLES
        .into_iter()
        .chain(["outbox", "dead_letters"])
    {
        assert!(before.iter().any(|has| has == table), "{table}: {before:?}");
    }
    let bystander = app.user().await;
    bystander.task(json!({ "title": "Mine" })).await;

    let receipt = caller.delete("/v1/me").await.expect(200);
    assert_eq!(receipt.body["tasks"], 2);
    assert_eq!(receipt.body["reminders"], 1);
    assert_eq!(receipt.body["auditLines"], events.len());

    let left = tables_with(&app, &words).await;
    assert!(
        left.iter().all(|table| table.starts_with("audit_")),
        "{left:?}"
    );
    let lines: Vec<(Uuid, String, Option<Uuid>, Value)> =
        sqlx::query_as("select event_id, type, owner_id, data from audit")
            .fetch_all(&*app.pool)
            .await
            .unwrap();
    let figures = json!({ "tasks": 2, "reminders": 1, "channels": 1, "auditLines": events.len() });
    let id_of_receipt = receipt.id().parse().unwrap();
    assert_eq!(
        lines,
        [(id_of_receipt, "account.deleted".into(), None, figures)]
    );

    // The broker has them still; the trail does not learn them again.
    audit(&app, &events).await;
    let other = Event::new(
        Uuid::now_v7(),
        EventType::TaskCreated,
        "t",
        Some(bystander.id),
        Utc::now(),
        Value::Null,
    );
    audit(&app, std::slice::from_ref(&other)).await;
    let count: i64 = sqlx::query_scalar("select count(*) from audit")
        .fetch_one(&*app.pool)
        .await
        .unwrap();
    assert_eq!(count, 2);
    for path in ["/v1/me", "/v1/sessions"] {
        caller.get(path).await.expect(401);
    }
    caller
        .post("/v1/tasks", json!({ "title": "x" }))
        .await
        .expect(401);
    log_in(&app, "ada@example.com", PASSWORD).await.expect(401);
    sign_up(&app, "ada@example.com").await;
    let tasks = bystander.get("/v1/tasks").await.expect(200);
    assert_eq!(tasks.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_account_is_deleted_by_who_has_just_logged_in() {
    let app = App::start().await;
    let caller = sign_up(&app, "a@example.com").await;
    sqlx::query("update sessions set created_at = created_at - interval '5 minutes'")
        .execute(&*app.pool)
        .await
        .unwrap();
    caller.delete("/v1/me").await.expect(403);
    let again = logged_in(
        &app,
        log_in(&app, "a@example.com", PASSWORD).await.expect(200),
    );
    again.delete("/v1/me").await.expect(200);
}

#[tokio::test]
async fn the_trail_of_others_stays_append_only_after_an_account_was_forgotten() {
    let app = App::start().await;
    let caller = sign_up(&app, "a@example.com").await;
    let id = id_of(&caller).await;
    let mut tx = app.pool.begin().await.unwrap();
    store::accounts::delete(&mut tx, id, Uuid::now_v7(), Utc::now())
        .await
        .unwrap();
    let refused = sqlx::query("delete from audit").execute(&mut *tx).await;
    assert!(refused.unwrap_err().to_string().contains("append-only"));
}

#[tokio::test]
async fn an_export_has_everything_but_secrets() {
    let app = App::start().await;
    let caller = sign_up(&app, "ada@example.com").await;
    fill(&app, &caller).await;
    let events = outbox(&app).await;
    audit(&app, &events).await;
    let other = app.user().await;
    other.task(json!({ "title": "Not Ada's" })).await;

    let export = caller.get("/v1/me/export").await.expect(200);
    assert_eq!(export.headers["content-type"], "application/json");
    let parts = export.body.as_object().expect("one document");
    for (name, count) in [
        ("account", 1),
        ("sessions", 1),
        ("apiTokens", 1),
        ("identities", 1),
        ("passwordResets", 1),
        ("savedFilters", 1),
        ("imports", 1),
        ("tombstones", 1),
        ("channels", 1),
        ("unsubscribed", 1),
        ("quietHours", 1),
        ("digest", 1),
        ("tasks", 1),
        ("deletedTasks", 1),
        ("audit", events.len()),
    ] {
        assert_eq!(parts[name].as_array().map(Vec::len), Some(count), "{name}");
    }
    assert_eq!(parts["account"][0]["email"], "ada@example.com");
    assert_eq!(parts["tasks"][0]["title"], "Secret plan");
    assert_eq!(parts["tasks"][0]["reminderHistory"][0]["phase"], "Pending");
    let text = export.body.to_string();
    for secret in ["whsec_", "argon2", "hash", "Not Ada's"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn an_export_of_many_pages_has_each_task_and_each_line_once() {
    let app = App::start().await;
    let user = app.user().await;
    // Many of the same instant: a page ends between them.
    sqlx::query(
        "insert into tasks (id, owner_id, title, created_at, deleted_at)
         select gen_random_uuid(), $1, n::text, timestamptz 'epoch' + interval '1 h' * (n / 300),
             case when n % 2 = 0 then now() end
         from generate_series(1, 2400) as n",
    )
    .bind(user.id)
    .execute(&*app.pool)
    .await
    .unwrap();
    let event = |n: u128| {
        let id = Uuid::from_u128(n);
        Event::new(
            id,
            EventType::TaskUpdated,
            "t",
            Some(user.id),
            DateTime::UNIX_EPOCH,
            json!({}),
        )
    };
    audit(&app, &(1..=2000).map(event).collect::<Vec<_>>()).await;
    let export = user.get("/v1/me/export").await.expect(200).body;
    for (part, key, count) in [
        ("tasks", "id", 1200),
        ("deletedTasks", "id", 1200),
        ("audit", "eventId", 2000),
    ] {
        let mut ids: Vec<&str> = export[part]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item[key].as_str().unwrap())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{part}");
        assert_eq!(export[part].as_array().unwrap().len(), count, "{part}");
    }
}

#[tokio::test]
async fn an_export_knows_every_table_that_belongs_to_users() {
    let app = App::start().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select distinct conrelid::regclass::text from pg_constraint
         where contype = 'f' and confrelid = 'users'::regclass order by 1",
    )
    .fetch_all(&*app.pool)
    .await
    .unwrap();
    assert!(tables.len() >= 8, "{tables:?}");
    for table in tables {
        assert!(store::export::TABLES.contains(&table.as_str()), "{table}");
    }
}
