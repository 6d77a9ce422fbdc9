use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::{
    app::{Answer, App, Caller},
    projects::{column, project},
};

async fn put(user: &Caller, id: &str, body: Value) -> Answer {
    user.post(&format!("/v1/tasks/{id}/move"), body).await
}

async fn titles(user: &Caller, query: &str) -> Vec<String> {
    let path = format!("/v1/tasks?sort=manual&{query}");
    column(user.get(&path).await, "title")
}

async fn tasks(user: &Caller, titles: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for title in titles {
        ids.push(user.task(json!({ "title": title })).await.id());
    }
    ids
}

#[tokio::test]
async fn tasks_stand_where_they_are_put() {
    let app = App::start().await;
    let user = app.user().await;
    let ids = tasks(&user, &["a", "b", "c", "d"]).await;
    assert_eq!(titles(&user, "").await, ["a", "b", "c", "d"]);
    put(&user, &ids[3], json!({ "before": ids[1] }))
        .await
        .expect(200);
    put(&user, &ids[0], json!({ "after": ids[2] }))
        .await
        .expect(200);
    assert_eq!(titles(&user, "").await, ["d", "b", "c", "a"]);
    put(&user, &ids[2], json!({ "to": "first" }))
        .await
        .expect(200);
    put(&user, &ids[1], json!({ "to": "last" }))
        .await
        .expect(200);
    assert_eq!(titles(&user, "").await, ["c", "d", "a", "b"]);
    assert_eq!(titles(&user, "order=desc").await, ["b", "a", "d", "c"]);
    // A move writes one task, and what comes later comes last.
    let moved = app.events(&ids[0]).await;
    assert_eq!(moved, ["task.created", "task.updated"]);
    tasks(&user, &["e"]).await;
    assert_eq!(titles(&user, "").await.last().unwrap(), "e");
    // Page by page.
    let first = user.get("/v1/tasks?sort=manual&limit=3").await.expect(200);
    let cursor = first.body["nextCursor"].as_str().unwrap();
    let rest = titles(&user, &format!("limit=3&cursor={cursor}")).await;
    assert_eq!(rest, ["b", "e"]);
}

#[tokio::test]
async fn a_move_leads_into_other_lists() {
    let app = App::start().await;
    let user = app.user().await;
    let home = project(&user, "Home").await;
    let ids = tasks(&user, &["a", "b", "c"]).await;
    put(&user, &ids[0], json!({ "project": home }))
        .await
        .expect(200);
    put(&user, &ids[1], json!({ "before": ids[0] }))
        .await
        .expect(200);
    assert_eq!(titles(&user, &format!("project={home}")).await, ["b", "a"]);
    let below = put(&user, &ids[2], json!({ "parent": ids[0] }))
        .await
        .expect(200);
    assert_eq!(below.body["project"], json!(home));
    assert_eq!(below.body["parent"], json!(ids[0]));
    let beside = put(&user, &ids[1], json!({ "after": ids[2] }))
        .await
        .expect(200);
    assert_eq!(beside.body["parent"], json!(ids[0]));
    assert_eq!(
        titles(&user, &format!("parent={}", ids[0])).await,
        ["c", "b"]
    );
    let out = put(&user, &ids[1], json!({ "project": null, "to": "first" })).await;
    assert!(out.expect(200).body.get("parent").is_none());
    let up = put(&user, &ids[2], json!({ "parent": null }))
        .await
        .expect(200);
    assert_eq!(up.body["project"], json!(home));
}

#[tokio::test]
async fn every_mistake_of_a_move_is_named() {
    let app = App::start().await;
    let user = app.user().await;
    let ids = tasks(&user, &["a", "b"]).await;
    let nothing = "00000000-0000-0000-0000-000000000007";
    for (field, body) in [
        ("body", json!({})),
        ("body", json!({ "before": ids[1], "after": ids[1] })),
        ("before", json!({ "before": ids[0] })),
        ("after", json!({ "after": nothing })),
        ("after", json!({ "after": ids[1], "project": null })),
        ("to", json!({ "to": "top" })),
        ("project", json!({ "project": nothing })),
        ("parent", json!({ "parent": ids[0] })),
        ("place", json!({ "place": 1 })),
    ] {
        assert_eq!(
            put(&user, &ids[0], body.clone()).await.fields(),
            [field],
            "{body}"
        );
    }
    put(&user, nothing, json!({ "to": "last" }))
        .await
        .expect(404);
    let headers = [("content-type", "application/json"), ("if-match", "\"7\"")];
    let path = format!("/v1/tasks/{}/move", ids[0]);
    let body = Body::from(json!({ "to": "last" }).to_string());
    user.send(Method::POST, &path, &headers, body)
        .await
        .expect(412);
}

#[tokio::test]
async fn moves_to_one_place_at_the_same_time_all_succeed() {
    let app = App::start().await;
    let user = app.user().await;
    let ids = tasks(&user, &["a", "b", "c", "d", "e", "f", "g"]).await;
    let moves: Vec<_> = ids[2..]
        .iter()
        .map(|id| {
            let (user, id, first) = (user.clone(), id.clone(), ids[0].clone());
            tokio::spawn(async move { put(&user, &id, json!({ "after": first })).await })
        })
        .collect();
    for moved in moves {
        moved.await.unwrap().expect(200);
    }
    let order = titles(&user, "").await;
    assert_eq!((order[0].as_str(), order[6].as_str()), ("a", "b"));
}

#[tokio::test]
async fn there_is_always_room_between_two_tasks() {
    let app = App::start().await;
    let user = app.user().await;
    let ids = tasks(&user, &["a", "b", "c", "d"]).await;
    // As after hundreds of moves to the same place, and with two that stand in one.
    let long = format!("8{}1", "0".repeat(118));
    let longer = format!("8{}2", "0".repeat(118));
    for (id, position) in ids.iter().zip([&long, &longer, &longer]) {
        sqlx::query("update tasks set position = $2 where id = $1::uuid")
            .bind(id)
            .bind(position)
            .execute(&*app.pool)
            .await
            .unwrap();
    }
    let moved = put(&user, &ids[3], json!({ "after": ids[0] }))
        .await
        .expect(200);
    assert!(moved.body["position"].as_str().unwrap().len() <= 120);
    let order = titles(&user, "").await;
    assert_eq!(order[..2], ["a", "d"]);
    let moved = put(&user, &ids[0], json!({ "after": ids[3] }))
        .await
        .expect(200);
    assert!(moved.body["position"].as_str().unwrap().len() <= 120);
    assert_eq!(titles(&user, "").await[..2], ["d", "a"]);
}
