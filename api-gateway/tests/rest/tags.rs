use axum::http::Method;
use serde_json::{Value, json};

use super::{
    app::{App, Caller},
    projects::column,
};

async fn counts(user: &Caller) -> Vec<Value> {
    let list = user.get("/v1/tags").await.expect(200).body;
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|tag| json!([tag["name"], tag["open"], tag["total"]]))
        .collect()
}

async fn tagged(user: &Caller, tags: &[&str]) -> String {
    user.task(json!({ "title": "x", "tags": tags })).await.id()
}

#[tokio::test]
async fn tags_are_counted_page_by_page() {
    let app = App::start().await;
    let (user, other) = (app.user().await, app.user().await);
    tagged(&user, &["b", "a"]).await;
    let done = tagged(&user, &["b", "Ä/ö"]).await;
    user.act(&format!("/v1/tasks/{done}/complete"))
        .await
        .expect(200);
    let gone = tagged(&user, &["gone"]).await;
    user.delete(&format!("/v1/tasks/{gone}")).await.expect(204);
    tagged(&other, &["b"]).await;
    assert_eq!(
        counts(&user).await,
        [json!(["a", 1, 1]), json!(["b", 1, 2]), json!(["Ä/ö", 0, 1])]
    );
    let first = user.get("/v1/tags?limit=2").await.expect(200).body;
    let cursor = first["nextCursor"].as_str().unwrap();
    let rest = user.get(&format!("/v1/tags?limit=2&cursor={cursor}")).await;
    assert!(rest.body.get("nextCursor").is_none());
    assert_eq!(column(rest, "name"), ["Ä/ö"]);
}

#[tokio::test]
async fn a_tag_is_renamed_in_every_task_and_told_of() {
    let app = App::start().await;
    let (user, other) = (app.user().await, app.user().await);
    let theirs = tagged(&other, &["old"]).await;
    let (one, both) = (
        tagged(&user, &["old"]).await,
        tagged(&user, &["zoo", "old", "new"]).await,
    );
    let gone = tagged(&user, &["old", "new", "a"]).await;
    user.delete(&format!("/v1/tasks/{gone}")).await.expect(204);
    let renamed = user.patch("/v1/tags/old", json!({ "name": " new " })).await;
    let expected = json!({ "name": "new", "open": 2, "total": 2 });
    assert_eq!(renamed.expect(200).body, expected);
    let read =
        async |user: &Caller, id: &str| user.get(&format!("/v1/tasks/{id}")).await.expect(200).body;
    let task = read(&user, &one).await;
    assert_eq!(
        (&task["tags"], &task["version"]),
        (&json!(["new"]), &json!(2))
    );
    assert_eq!(read(&user, &both).await["tags"], json!(["new", "zoo"]));
    assert_eq!(app.events(&both).await, ["task.created", "task.updated"]);
    assert_eq!(read(&other, &theirs).await["tags"], json!(["old"]));
    let restored = user.act(&format!("/v1/tasks/{gone}/restore")).await;
    assert_eq!(restored.expect(200).body["tags"], json!(["a", "new"]));
    user.patch("/v1/tags/old", json!({ "name": "new" }))
        .await
        .expect(404);
    // To itself: nothing is written.
    let same = user.patch("/v1/tags/new", json!({ "name": "new" })).await;
    assert_eq!(same.expect(200).body["open"], 3);
    assert_eq!(read(&user, &one).await["version"], 2);
}

#[tokio::test]
async fn a_tag_is_taken_away_from_more_tasks_than_one_transaction_writes() {
    let app = App::start().await;
    let user = app.user().await;
    sqlx::query(
        "insert into tasks (id, owner_id, title, tags)
         select gen_random_uuid(), $1, 'x', '{gone,kept}' from generate_series(1, 1203)",
    )
    .bind(user.id)
    .execute(&*app.pool)
    .await
    .unwrap();
    user.delete("/v1/tags/gone").await.expect(204);
    assert_eq!(counts(&user).await, [json!(["kept", 1203, 1203])]);
    let events: i64 = sqlx::query_scalar("select count(*) from outbox where topic = 'task-events'")
        .fetch_one(&*app.pool)
        .await
        .unwrap();
    assert_eq!(events, 1203);
    user.delete("/v1/tags/gone").await.expect(404);
}

#[tokio::test]
async fn a_tag_of_any_characters_has_its_path() {
    let app = App::start().await;
    let user = app.user().await;
    tagged(&user, &["a/b ü?"]).await;
    let path = "/v1/tags/a%2Fb%20%C3%BC%3F";
    let renamed = user.patch(path, json!({ "name": "plain" })).await;
    assert_eq!(renamed.expect(200).body["name"], "plain");
    for path in [
        "/v1/tags/%00",
        "/v1/tags/a%0Ab",
        "/v1/tags/%ff",
        "/v1/tags/%20%20",
    ] {
        let answer = user.send(Method::DELETE, path, &[], axum::body::Body::empty());
        let status = answer.await.status.as_u16();
        assert!([404, 422].contains(&status), "{path}: {status}");
    }
    for body in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "x".repeat(65) }),
    ] {
        let answer = user.patch("/v1/tags/plain", body).await;
        assert_eq!(answer.fields(), ["name"]);
    }
}
