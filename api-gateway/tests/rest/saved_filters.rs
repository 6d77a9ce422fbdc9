use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::{
    app::{App, Caller},
    projects::column,
};

/// A new saved filter.
async fn saved(user: &Caller, body: Value) -> String {
    user.post("/v1/filters", body).await.expect(201).id()
}

#[tokio::test]
async fn a_filter_is_saved_read_changed_and_deleted() {
    let app = App::start().await;
    let user = app.user().await;
    let new = json!({
        "id": "00000000-0000-7000-8000-000000000001", "name": " Urgent ", "isFavorite": true,
        "filter": "(p1 and (@a & week))", "sort": "due", "order": "desc",
    });
    let made = user.post("/v1/filters", new.clone()).await.expect(201);
    assert_eq!(made.headers["etag"], "\"1\"");
    assert_eq!(made.body["name"], "Urgent");
    assert_eq!(made.body["filter"], "p1 & @a & due: today..+6d");
    assert_eq!(made.body["sort"], "due");
    assert_eq!(made.body["order"], "desc");
    assert_eq!(made.body["isFavorite"], true);
    // The same again is the one that is there; another one under its id is refused.
    assert_eq!(
        user.post("/v1/filters", new.clone()).await.expect(200).body,
        made.body
    );
    let mut other = new;
    other["filter"] = json!("p2");
    user.post("/v1/filters", other.clone()).await.expect(409);
    let somebody = app.user().await;
    somebody.post("/v1/filters", other).await.expect(409);

    let path = format!("/v1/filters/{}", made.id());
    assert_eq!(user.get(&path).await.expect(200).body, made.body);
    let patch = json!({ "filter": "p2", "order": null, "isFavorite": null });
    let patched = user.patch(&path, patch.clone()).await.expect(200);
    assert_eq!(patched.headers["etag"], "\"2\"");
    assert_eq!(patched.body["filter"], "p2");
    assert_eq!(patched.body["sort"], "due");
    assert_eq!(patched.body.get("order"), None);
    assert_eq!(patched.body["isFavorite"], false);
    assert_eq!(
        user.patch(&path, patch).await.expect(200).body,
        patched.body
    );
    let known = [("if-none-match", "\"2\"")];
    let answer = user.send(Method::GET, &path, &known, Body::empty()).await;
    answer.expect(304);
    let old = [("content-type", "application/json"), ("if-match", "\"1\"")];
    for method in [Method::PATCH, Method::DELETE] {
        let answer = user.send(method, &path, &old, Body::from("{}")).await;
        answer.expect(412);
    }
    user.delete(&path).await.expect(204);
    user.get(&path).await.expect(404);
    user.delete(&path).await.expect(404);
}

#[tokio::test]
async fn filters_are_listed_by_name_and_an_idempotency_key_saves_one_once() {
    let app = App::start().await;
    let user = app.user().await;
    for name in ["b", "Ä", "c"] {
        saved(&user, json!({ "name": name, "filter": "all" })).await;
    }
    let key = [
        ("content-type", "application/json"),
        ("idempotency-key", "once"),
    ];
    for _ in 0..2 {
        let body = json!({ "name": "B", "filter": "all" }).to_string();
        let sent = user.send(Method::POST, "/v1/filters", &key, body.into());
        sent.await.expect(201);
    }
    let names = column(user.get("/v1/filters").await, "name");
    assert_eq!(names, ["Ä", "b", "B", "c"]);
}

#[tokio::test]
async fn every_mistake_of_a_saved_filter_is_named_and_the_filter_s_by_its_place() {
    let app = App::start().await;
    let user = app.user().await;
    for (field, body) in [
        ("name", json!({ "filter": "p1" })),
        ("name", json!({ "name": "two\nlines", "filter": "p1" })),
        ("name", json!({ "name": "x".repeat(121), "filter": "p1" })),
        ("filter", json!({ "name": "x" })),
        ("filter", json!({ "name": "x", "filter": "" })),
        ("filter", json!({ "name": "x", "filter": "p1 (" })),
        (
            "filter",
            json!({ "name": "x", "filter": "p1|".repeat(400) }),
        ),
        (
            "sort",
            json!({ "name": "x", "filter": "p1", "sort": "relevance" }),
        ),
        (
            "order",
            json!({ "name": "x", "filter": "p1", "order": "up" }),
        ),
        ("id", json!({ "name": "x", "filter": "p1", "id": "7" })),
        ("color", json!({ "name": "x", "filter": "p1", "color": "" })),
    ] {
        let answer = user.post("/v1/filters", body.clone()).await;
        assert_eq!(answer.fields(), [field], "{body}");
    }
    let wrong = json!({ "name": "x", "filter": "(p1 | overdeu) & #home" });
    let answer = user.post("/v1/filters", wrong).await.expect(422);
    let detail = answer.body["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("characters 6 to 13: "), "{detail}");
    assert!(detail.ends_with("did you mean `overdue`?"), "{detail}");

    let id = saved(&user, json!({ "name": "x", "filter": "p1" })).await;
    let path = format!("/v1/filters/{id}");
    for (field, patch) in [
        ("body", json!([])),
        ("filter", json!({ "filter": null })),
        ("filter", json!({ "filter": "p5" })),
        (
            "id",
            json!({ "id": "00000000-0000-0000-0000-000000000007" }),
        ),
    ] {
        assert_eq!(user.patch(&path, patch).await.fields(), [field]);
    }
}

#[tokio::test]
async fn a_user_has_at_most_a_hundred() {
    let app = App::start().await;
    let user = app.user().await;
    sqlx::query(
        "insert into saved_filters (id, owner_id, name, filter, created_at, updated_at)
         select gen_random_uuid(), $1, 'x', 'p1', now(), now() from generate_series(1, 99)",
    )
    .bind(user.id)
    .execute(&*app.pool)
    .await
    .unwrap();
    let new = json!({ "name": "x", "filter": "p1" });
    saved(&user, new.clone()).await;
    user.post("/v1/filters", new).await.expect(409);
}

#[tokio::test]
async fn a_list_by_a_saved_filter_is_what_it_means_in_its_order() {
    let app = App::start().await;
    let user = app.user().await;
    for (title, priority, date) in [
        ("first", "P1", "2030-01-01"),
        ("second", "P1", "2030-01-02"),
        ("third", "P2", "2030-01-03"),
    ] {
        user.task(json!({ "title": title, "priority": priority, "due": { "date": date } }))
            .await;
    }
    let done = user
        .task(json!({ "title": "done", "priority": "P1" }))
        .await;
    user.act(&format!("/v1/tasks/{}/complete", done.id()))
        .await
        .expect(200);
    let by_due = json!({ "name": "x", "filter": "open & p1", "sort": "due", "order": "desc" });
    let id = saved(&user, by_due).await;
    let titles = async |query: &str| {
        let path = format!("/v1/tasks?savedFilter={id}{query}");
        column(user.get(&path).await, "title")
    };
    assert_eq!(titles("").await, ["second", "first"]);
    // What the request says goes before the filter's order, and narrows what it means.
    assert_eq!(titles("&order=asc").await, ["first", "second"]);
    assert_eq!(titles("&sort=created").await, ["first", "second"]);
    assert_eq!(titles("&filter=due:2030-01-02").await, ["second"]);
    assert_eq!(titles("&q=first").await, ["first"]);
    assert_eq!(titles("&priority=P2").await, [""; 0]);

    let page = user
        .get(&format!("/v1/tasks?savedFilter={id}&limit=1"))
        .await
        .expect(200)
        .body;
    let cursor = page["nextCursor"].as_str().unwrap();
    assert_eq!(titles(&format!("&cursor={cursor}")).await, ["first"]);

    // As with `filter`, what says neither open nor done means both.
    let both = saved(&user, json!({ "name": "x", "filter": "p1" })).await;
    let all = user.get(&format!("/v1/tasks?savedFilter={both}")).await;
    assert_eq!(column(all, "title"), ["first", "second", "done"]);
    let completed = json!({ "name": "x", "filter": "p1", "sort": "completed" });
    let completed = saved(&user, completed).await;
    let path = format!("/v1/tasks?savedFilter={completed}");
    assert_eq!(column(user.get(&path).await, "title"), ["done"]);

    for wrong in ["x", "00000000-0000-0000-0000-000000000007"] {
        let answer = user.get(&format!("/v1/tasks?savedFilter={wrong}")).await;
        assert_eq!(answer.fields(), ["savedFilter"], "{wrong}");
    }
    user.delete(&format!("/v1/filters/{id}")).await.expect(204);
    let gone = user.get(&format!("/v1/tasks?savedFilter={id}")).await;
    assert_eq!(gone.fields(), ["savedFilter"]);
}
