//! `Idempotency-Key`.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use chrono::Utc;
use serde_json::{Value, json};
use store::idempotency;

use super::{
    app::{Answer, App, Caller},
    isolation::everything,
};

async fn post(caller: &Caller, key: &str, path: &str, body: &Value) -> Answer {
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    let body = Body::from(body.to_string());
    caller.send(Method::POST, path, &headers, body).await
}

async fn tasks(app: &App) -> i64 {
    let count = sqlx::query_scalar("select count(*) from tasks");
    count.fetch_one(&*app.pool).await.unwrap()
}

async fn keys(app: &App) -> i64 {
    let count = sqlx::query_scalar("select count(*) from idempotency_keys");
    count.fetch_one(&*app.pool).await.unwrap()
}

#[tokio::test]
async fn a_request_with_a_key_is_done_once_and_answered_the_same() {
    let app = App::start().await;
    let user = app.user().await;
    let body = json!({ "title": "Once" });
    let first = post(&user, "\"k-1\"", "/v1/tasks", &body).await.expect(201);
    // With or without the quotes of a structured field it is one key.
    for key in ["\"k-1\"", "k-1"] {
        let again = post(&user, key, "/v1/tasks", &body).await.expect(201);
        assert_eq!(again.body, first.body);
        assert_eq!(again.headers["etag"], first.headers["etag"]);
        assert_eq!(again.headers["content-type"], "application/json");
        assert_ne!(again.headers["x-request-id"], first.headers["x-request-id"]);
    }
    assert_eq!(tasks(&app).await, 1);
    // Of another user it is another key.
    let other = app.user().await;
    let theirs = post(&other, "k-1", "/v1/tasks", &body).await.expect(201);
    assert_ne!(theirs.id(), first.id());
}

#[tokio::test]
async fn what_would_be_done_twice_is_skipped_once() {
    let app = App::start().await;
    let user = app.user().await;
    let task = json!({ "title": "x", "due": { "date": "2030-01-01" }, "recurrence": { "rrule": "FREQ=DAILY" } });
    let path = format!("/v1/tasks/{}/skip", user.task(task).await.id());
    let first = post(&user, "k", &path, &Value::Null).await.expect(200);
    assert_eq!(first.body["due"]["date"], "2030-01-02");
    let again = post(&user, "k", &path, &Value::Null).await.expect(200);
    assert_eq!(again.body, first.body);
    let next = post(&user, "k2", &path, &Value::Null).await.expect(200);
    assert_eq!(next.body["due"]["date"], "2030-01-03");
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let app = App::start().await;
    let user = app.user().await;
    let body = json!({ "title": "x" });
    post(&user, "k", "/v1/tasks", &body).await.expect(201);
    for (path, body) in [
        ("/v1/tasks", json!({ "title": "y" })),
        ("/v1/tasks?x=1", body),
        ("/v1/projects", json!({ "name": "x" })),
    ] {
        let answer = post(&user, "k", path, &body).await;
        assert_eq!(answer.fields(), ["Idempotency-Key"], "{path}");
    }
    assert_eq!(tasks(&app).await, 1);
}

#[tokio::test]
async fn what_is_no_key_is_refused_by_its_name() {
    let app = App::start().await;
    let user = app.user().await;
    let body = json!({ "title": "x" });
    let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
    for key in [
        "",
        "\"\"",
        "two words",
        "quo\"te",
        "back\\slash",
        "é",
        &too_long,
    ] {
        let answer = post(&user, key, "/v1/tasks", &body).await.expect(422);
        assert_eq!(answer.body["errors"][0]["parameter"], "Idempotency-Key");
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let answer = user.send(Method::POST, "/v1/tasks", &twice, Body::empty());
    assert_eq!(answer.await.fields(), ["Idempotency-Key"]);
    assert_eq!(tasks(&app).await, 0);
    post(&user, &longest, "/v1/tasks", &body).await.expect(201);
    // Where answers hold secrets, or nobody is known whose key it could be.
    for path in ["/v1/tokens", "/v1/channels", "/v1/login", "/v1/logout"] {
        let answer = post(&user, "k", path, &json!({})).await;
        assert_eq!(answer.fields(), ["Idempotency-Key"], "{path}");
    }
    assert_eq!(keys(&app).await, 1);
    // Who is not known has no keys.
    let nobody = app.anonymous();
    post(&nobody, "", "/v1/tasks", &body).await.expect(401);
}

/// A request of each POST route that takes a key, each to something of its own.
async fn requests(app: &App, user: &Caller) -> Vec<(&'static str, String, Value)> {
    let daily = json!({
        "title": "Daily", "due": { "date": "2030-01-01" }, "recurrence": { "rrule": "FREQ=DAILY" },
        "reminders": [{ "beforeSeconds": 0 }],
    });
    let mut requests = vec![
        ("/v1/tasks", String::new(), json!({ "title": "x" })),
        (
            "/v1/tasks/quick",
            String::new(),
            json!({ "line": "pay rent tomorrow" }),
        ),
        ("/v1/projects", String::new(), json!({ "name": "Another" })),
        (
            "/v1/imports",
            String::new(),
            json!({ "format": "todostack-tasks", "version": 1, "tasks": [{ "title": "x" }] }),
        ),
        (
            "/v1/filters",
            String::new(),
            json!({ "name": "Urgent", "filter": "p1" }),
        ),
        (
            "/v1/tasks/bulk",
            String::new(),
            json!({ "operations": [{ "op": "create", "task": { "title": "y" } }] }),
        ),
    ];
    for path in [
        "/v1/tasks/{id}/complete",
        "/v1/tasks/{id}/skip",
        "/v1/tasks/{id}/reopen",
        "/v1/tasks/{id}/restore",
        "/v1/tasks/{id}/move",
        "/v1/series/{id}/end",
        "/v1/reminders/{id}/snooze",
    ] {
        let mut id = user.task(daily.clone()).await.id();
        let of_task = format!("/v1/tasks/{id}");
        let mut body = Value::Null;
        if path.ends_with("reopen") {
            user.act(&format!("{of_task}/complete")).await.expect(200);
        } else if path.ends_with("restore") {
            user.delete(&of_task).await.expect(204);
        } else if path.ends_with("move") {
            body = json!({ "to": "first" });
        } else if path.ends_with("snooze") {
            let reminders = user.get(&format!("{of_task}/reminders")).await.expect(200);
            id = reminders.body["items"][0]["id"]
                .as_str()
                .unwrap()
                .to_owned();
            body = json!({ "minutes": 5 });
            // One that has rung.
            sqlx::query("update reminders set phase = 'Fired' where id = $1::uuid")
                .bind(&id)
                .execute(&*app.pool)
                .await
                .unwrap();
        }
        requests.push((path, id, body));
    }
    for path in [
        "/v1/projects/{id}/move",
        "/v1/projects/{id}/archive",
        "/v1/projects/{id}/unarchive",
    ] {
        let new = json!({ "name": path });
        let id = user.post("/v1/projects", new).await.expect(201).id();
        let mut body = Value::Null;
        if path.ends_with("unarchive") {
            user.act(&format!("/v1/projects/{id}/archive"))
                .await
                .expect(200);
        } else if path.ends_with("move") {
            body = json!({ "to": "first" });
        }
        requests.push((path, id, body));
    }
    // A delivery that was given up.
    let daily = user.task(daily).await.id();
    let reminders = user
        .get(&format!("/v1/tasks/{daily}/reminders"))
        .await
        .expect(200);
    let reminder = reminders.body["items"][0]["id"].clone();
    sqlx::query(
        "insert into deliveries (reminder_id, occurrence, channel, target, body, owner_id,
             idempotency_key, state, attempts)
         values ($1::uuid, 0, 'none', '{}', '{}', $2, gen_random_uuid(), 'Failed', 1)",
    )
    .bind(reminder.as_str().unwrap())
    .bind(user.id)
    .execute(&*app.pool)
    .await
    .unwrap();
    requests.push((
        "/v1/deliveries/replay",
        String::new(),
        json!({ "reminder": reminder }),
    ));
    requests
}

/// Where a request of a route goes.
fn address(path: &str, id: &str) -> String {
    match path {
        "/v1/imports" => format!("{path}?format=json"),
        _ => path.replace("{id}", id),
    }
}

#[tokio::test]
async fn every_route_of_the_document_that_takes_a_key_is_one_transaction_with_its_answer() {
    let app = App::start().await;
    let user = app.user().await;
    let requests = requests(&app, &user).await;
    let document = serde_json::to_value(gateway::document()).unwrap();
    let takes = |(_, item): &(&String, &Value)| {
        let parameters = item["post"]["parameters"].as_array().cloned();
        let mut parameters = parameters.unwrap_or_default().into_iter();
        parameters.any(|parameter| parameter["name"] == "Idempotency-Key")
    };
    let paths = document["paths"].as_object().unwrap();
    let mut documented: Vec<&str> = paths
        .iter()
        .filter(takes)
        .map(|(path, _)| &**path)
        .collect();
    let mut tried: Vec<&str> = requests.iter().map(|(path, ..)| *path).collect();
    documented.sort_unstable();
    tried.sort_unstable();
    assert_eq!(tried, documented, "give each route a request above");

    // The answer cannot be kept, as in a crash before that: nothing is done either.
    let break_it = "
        create function broken() returns trigger language plpgsql as
            $$ begin raise exception 'broken'; end $$;
        create trigger broken before insert on idempotency_keys
            for each row execute function broken()";
    sqlx::raw_sql(break_it).execute(&*app.pool).await.unwrap();
    let before = everything(&app).await;
    for (path, id, body) in &requests {
        let path = address(path, id);
        post(&user, &path, &path, body).await.expect(500);
        assert_eq!(everything(&app).await, before, "{path}");
    }
    let mend = sqlx::raw_sql("drop trigger broken on idempotency_keys");
    mend.execute(&*app.pool).await.unwrap();
    for (path, id, body) in &requests {
        let path = address(path, id);
        let before = everything(&app).await;
        let first = post(&user, &path, &path, body).await;
        assert!(first.status.is_success(), "{path}: {}", first.body);
        let done = everything(&app).await;
        assert_ne!(done, before, "{path}");
        let again = post(&user, &path, &path, body).await;
        assert_eq!(
            (again.status, &again.body),
            (first.status, &first.body),
            "{path}"
        );
        assert_eq!(again.headers.get("etag"), first.headers.get("etag"));
        assert_eq!(everything(&app).await, done, "{path}");
    }
}

/// Waits until a request has claimed its key.
async fn claimed(app: &App) {
    for _ in 0..500 {
        let held: bool = sqlx::query_scalar(
            "select exists (select 1 from pg_locks where locktype = 'advisory' and database =
                 (select oid from pg_database where datname = current_database()))",
        )
        .fetch_one(&*app.pool)
        .await
        .unwrap();
        if held {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no request has claimed its key");
}

#[tokio::test]
async fn while_it_is_under_way_it_is_not_begun_again_and_what_was_cut_short_is_done_anew() {
    let app = App::start().await;
    let user = app.user().await;
    let body = json!({ "name": "x" });
    for cut in [true, false] {
        // What the request has to wait for.
        let mut lock = app.pool.begin().await.unwrap();
        sqlx::query("select 1 from users where id = $1 for update")
            .bind(user.id)
            .execute(&mut *lock)
            .await
            .unwrap();
        let (caller, sent) = (user.clone(), body.clone());
        let first = tokio::spawn(async move { post(&caller, "k", "/v1/projects", &sent).await });
        claimed(&app).await;
        let meanwhile = post(&user, "k", "/v1/projects", &body).await.expect(409);
        assert_eq!(meanwhile.headers["retry-after"], "1");
        if cut {
            first.abort();
            assert!(first.await.unwrap_err().is_cancelled());
            lock.rollback().await.unwrap();
            assert_eq!(keys(&app).await, 0);
        } else {
            lock.rollback().await.unwrap();
            let first = first.await.unwrap().expect(201);
            let again = post(&user, "k", "/v1/projects", &body).await.expect(201);
            assert_eq!(again.body, first.body);
        }
    }
    let made = user.get("/v1/projects").await.expect(200);
    assert_eq!(made.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_kept_with_the_key_and_undoes_nothing_else() {
    let app = App::start().await;
    let user = app.user().await;
    let id = "01890000-0000-7000-8000-000000000001";
    let path = format!("/v1/tasks/{id}/complete");
    let first = post(&user, "k", &path, &Value::Null).await.expect(404);
    user.task(json!({ "id": id, "title": "x" })).await;
    let again = post(&user, "k", &path, &Value::Null).await.expect(404);
    assert_eq!(again.body, first.body);
    assert_eq!(again.headers["content-type"], "application/problem+json");
    post(&user, "k2", &path, &Value::Null).await.expect(200);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let app = App::start().await;
    let user = app.user().await;
    for title in ["x", "y"] {
        let body = json!({ "title": title });
        let first = post(&user, "k", "/v1/tasks", &body).await;
        assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
        post(&user, "k", "/v1/tasks", &body).await.expect(201);
        let age = "update idempotency_keys set created_at = created_at - interval '24 hours'";
        sqlx::query(age).execute(&*app.pool).await.unwrap();
    }
    assert_eq!((tasks(&app).await, keys(&app).await), (2, 1));
    let body = json!({ "title": "z" });
    post(&user, "k2", "/v1/tasks", &body).await.expect(201);
    let over = Utc::now() - idempotency::KEPT;
    let pruned = idempotency::prune(app.pool.pool(), over, 10).await;
    assert_eq!((pruned.unwrap(), keys(&app).await), (1, 1));
}
