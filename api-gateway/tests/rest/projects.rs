use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::app::{Answer, App, Caller};

/// A new project.
pub(crate) async fn project(user: &Caller, name: &str) -> String {
    let made = user.post("/v1/projects", json!({ "name": name })).await;
    made.expect(201).id()
}

/// The values of a field of a list's items.
pub(crate) fn column(answer: Answer, field: &str) -> Vec<String> {
    let list = answer.expect(200).body;
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item[field].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_project_is_written_read_and_told_of() {
    let app = App::start().await;
    let user = app.user().await;
    let new = json!({ "name": " Home ", "color": "#DB4035" });
    let made = user.post("/v1/projects", new).await.expect(201);
    assert_eq!(made.headers["etag"], "\"1\"");
    assert_eq!(made.body["name"], "Home");
    assert_eq!(made.body["color"], "#db4035");
    let path = format!("/v1/projects/{}", made.id());
    assert_eq!(user.get(&path).await.expect(200).body, made.body);
    let patch = json!({ "name": "House", "color": null });
    let patched = user.patch(&path, patch.clone()).await.expect(200);
    assert_eq!(patched.headers["etag"], "\"2\"");
    assert!(patched.body.get("color").is_none());
    let again = user.patch(&path, patch).await.expect(200);
    assert_eq!(again.body, patched.body);
    let old = [("content-type", "application/json"), ("if-match", "\"1\"")];
    for method in [Method::PATCH, Method::DELETE] {
        let answer = user.send(method, &path, &old, Body::from("{}")).await;
        answer.expect(412);
    }
    let known = [("if-none-match", "\"2\"")];
    let answer = user.send(Method::GET, &path, &known, Body::empty()).await;
    answer.expect(304);
    user.delete(&path).await.expect(204);
    user.get(&path).await.expect(404);
    assert_eq!(
        app.events(&made.id()).await,
        ["project.created", "project.updated", "project.deleted"]
    );
    let notice: Value = sqlx::query_scalar(
        "select event->'data' from outbox where topic = 'task-updates' order by seq desc limit 1",
    )
    .fetch_one(&*app.pool)
    .await
    .unwrap();
    assert_eq!(notice, json!({ "projectId": made.id(), "version": 3 }));
}

#[tokio::test]
async fn every_mistake_of_a_project_is_named() {
    let app = App::start().await;
    let user = app.user().await;
    for (field, body) in [
        ("name", json!({})),
        ("name", json!({ "name": "" })),
        ("name", json!({ "name": "two\nlines" })),
        ("name", json!({ "name": "x".repeat(121) })),
        ("name", json!({ "name": "nul\0" })),
        ("color", json!({ "name": "x", "color": "red" })),
        ("color", json!({ "name": "x", "color": "#12345é" })),
        ("id", json!({ "name": "x", "id": "7" })),
        ("position", json!({ "name": "x", "position": "8" })),
    ] {
        let answer = user.post("/v1/projects", body.clone()).await;
        assert_eq!(answer.fields(), [field], "{body}");
    }
    let id = project(&user, "x").await;
    let path = format!("/v1/projects/{id}");
    assert_eq!(
        user.patch(&path, json!({ "name": null })).await.fields(),
        ["name"]
    );
    assert_eq!(user.patch(&path, json!([])).await.fields(), ["body"]);
    let other = json!({ "id": "00000000-0000-0000-0000-000000000007" });
    assert_eq!(user.patch(&path, other).await.fields(), ["id"]);
    let delete = format!("{path}?tasks=maybe");
    assert_eq!(user.delete(&delete).await.fields(), ["tasks"]);
}

#[tokio::test]
async fn a_name_means_one_project_that_is_not_archived() {
    let app = App::start().await;
    let (ada, eve) = (app.user().await, app.user().await);
    let first = project(&ada, "Büro").await;
    let same = json!({ "name": "BÜRO" });
    assert_eq!(
        ada.post("/v1/projects", same.clone()).await.fields(),
        ["name"]
    );
    eve.post("/v1/projects", same.clone()).await.expect(201);

    let path = format!("/v1/projects/{first}");
    let archived = ada.act(&format!("{path}/archive")).await.expect(200);
    assert!(archived.body["archivedAt"].is_string());
    let again = ada.act(&format!("{path}/archive")).await.expect(200);
    assert_eq!(again.body, archived.body);
    ada.post("/v1/projects", same).await.expect(201);
    assert_eq!(column(ada.get("/v1/projects").await, "name"), ["BÜRO"]);
    let archived = ada.get("/v1/projects?archived=true").await;
    assert_eq!(column(archived, "name"), ["Büro"]);
    assert_eq!(
        ada.act(&format!("{path}/unarchive")).await.fields(),
        ["name"]
    );
    ada.patch(&path, json!({ "name": "Old" })).await.expect(200);
    ada.act(&format!("{path}/unarchive")).await.expect(200);
    let all = ada.get("/v1/projects?archived=all").await;
    assert_eq!(column(all, "name"), ["Old", "BÜRO"]);
}

#[tokio::test]
async fn a_project_that_is_sent_twice_is_made_once() {
    let app = App::start().await;
    let user = app.user().await;
    let new = json!({ "id": "0199f000-0000-7000-8000-000000000001", "name": "Once" });
    let first = user.post("/v1/projects", new.clone()).await.expect(201);
    let second = user.post("/v1/projects", new).await.expect(200);
    assert_eq!(first.body, second.body);
    let other = json!({ "id": first.id(), "name": "Twice" });
    user.post("/v1/projects", other.clone()).await.expect(409);
    app.user()
        .await
        .post("/v1/projects", other)
        .await
        .expect(409);
}

#[tokio::test]
async fn a_user_has_five_hundred_projects_at_most() {
    let app = App::start().await;
    let user = app.user().await;
    sqlx::query(
        "insert into projects (id, owner_id, name, name_key, position, created_at, updated_at)
         select gen_random_uuid(), $1, n::text, n::text, '8' || n || '1', now(), now()
         from generate_series(1, 500) as n",
    )
    .bind(user.id)
    .execute(&*app.pool)
    .await
    .unwrap();
    user.post("/v1/projects", json!({ "name": "one more" }))
        .await
        .expect(409);
    let list = user.get("/v1/projects").await.expect(200);
    assert_eq!(list.body["items"].as_array().unwrap().len(), 500);
}

#[tokio::test]
async fn projects_stand_where_they_are_put() {
    let app = App::start().await;
    let user = app.user().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        ids.push(project(&user, name).await);
    }
    let put =
        async |id: &str, body: Value| user.post(&format!("/v1/projects/{id}/move"), body).await;
    put(&ids[3], json!({ "before": ids[0] })).await.expect(200);
    put(&ids[0], json!({ "after": ids[1] })).await.expect(200);
    put(&ids[1], json!({ "to": "last" })).await.expect(200);
    put(&ids[2], json!({ "to": "first" })).await.expect(200);
    assert_eq!(
        column(user.get("/v1/projects").await, "name"),
        ["c", "d", "a", "b"]
    );
    for (field, body) in [
        ("body", json!({})),
        ("body", json!({ "to": "last", "before": ids[1] })),
        ("to", json!({ "to": "middle" })),
        ("before", json!({ "before": ids[0] })),
        (
            "after",
            json!({ "after": "00000000-0000-0000-0000-000000000007" }),
        ),
    ] {
        assert_eq!(put(&ids[0], body.clone()).await.fields(), [field], "{body}");
    }
}

#[tokio::test]
async fn there_is_always_room_between_two_projects() {
    let app = App::start().await;
    let user = app.user().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(project(&user, name).await);
    }
    // As after hundreds of moves to the same place.
    let long = format!("8{}1", "0".repeat(117));
    let longer = format!("8{}11", "0".repeat(117));
    for (id, position) in ids.iter().zip([&long, &longer]) {
        sqlx::query("update projects set position = $2 where id = $1::uuid")
            .bind(id)
            .bind(position)
            .execute(&*app.pool)
            .await
            .unwrap();
    }
    let path = format!("/v1/projects/{}/move", ids[2]);
    let moved = user
        .post(&path, json!({ "after": ids[0] }))
        .await
        .expect(200);
    assert!(moved.body["position"].as_str().unwrap().len() < 10);
    assert_eq!(
        column(user.get("/v1/projects").await, "name"),
        ["a", "c", "b"]
    );
}

#[tokio::test]
async fn a_task_is_in_a_project_or_in_the_inbox() {
    let app = App::start().await;
    let user = app.user().await;
    let (home, work) = (project(&user, "Home").await, project(&user, "Work").await);
    user.task(json!({ "title": "inbox" })).await;
    let task = json!({ "title": "home", "project": home });
    let task = user.task(task).await;
    assert_eq!(task.body["project"], json!(home));
    let list = async |query: &str| column(user.get(&format!("/v1/tasks?{query}")).await, "title");
    assert_eq!(list(&format!("project={home}")).await, ["home"]);
    assert_eq!(list("project=inbox").await, ["inbox"]);

    let path = format!("/v1/tasks/{}", task.id());
    let moved = user
        .patch(&path, json!({ "project": work }))
        .await
        .expect(200);
    assert_eq!(moved.body["project"], json!(work));
    assert!(moved.body["position"].as_str() > task.body["position"].as_str());
    let event: Value = sqlx::query_scalar(
        "select event->'data' from outbox where topic = 'task-events' order by seq desc limit 1",
    )
    .fetch_one(&*app.pool)
    .await
    .unwrap();
    assert_eq!(event["project"], json!(work));
    assert_eq!(
        event["changes"]["project"],
        json!({ "before": home, "after": work })
    );
    let out = user
        .patch(&path, json!({ "project": null }))
        .await
        .expect(200);
    assert!(out.body.get("project").is_none());

    user.act(&format!("/v1/projects/{work}/archive"))
        .await
        .expect(200);
    let nowhere = "00000000-0000-0000-0000-000000000007";
    for project in [work.as_str(), nowhere] {
        let patch = json!({ "project": project });
        assert_eq!(user.patch(&path, patch).await.fields(), ["project"]);
        let new = json!({ "title": "x", "project": project });
        assert_eq!(user.post("/v1/tasks", new).await.fields(), ["project"]);
    }
    // Nor under a task that is in it.
    let sql = "update tasks set project_id = $2::uuid where id = $1::uuid";
    let inside = user.task(json!({ "title": "inside" })).await.id();
    let bound = sqlx::query(sql).bind(&inside).bind(&work);
    bound.execute(&*app.pool).await.unwrap();
    let patch = json!({ "parent": inside });
    assert_eq!(user.patch(&path, patch).await.fields(), ["project"]);
    let bad = user.get("/v1/tasks?project=none").await;
    assert_eq!(bad.fields(), ["project"]);
}

#[tokio::test]
async fn the_tasks_of_a_deleted_project_are_kept_or_go_with_it() {
    let app = App::start().await;
    let user = app.user().await;
    let (kept, gone) = (project(&user, "Kept").await, project(&user, "Gone").await);
    let mut tasks = Vec::new();
    for project in [&kept, &gone] {
        let parent = user
            .task(json!({ "title": "parent", "project": project }))
            .await;
        let child = json!({ "title": "child", "parent": parent.id() });
        let child = user.task(child).await;
        assert_eq!(child.body["project"], json!(project));
        tasks.push((parent.id(), child.id()));
    }
    // Deleted before its project is.
    let early = user
        .task(json!({ "title": "early", "project": kept }))
        .await;
    user.delete(&format!("/v1/tasks/{}", early.id()))
        .await
        .expect(204);

    user.delete(&format!("/v1/projects/{kept}"))
        .await
        .expect(204);
    user.delete(&format!("/v1/projects/{gone}?tasks=delete"))
        .await
        .expect(204);
    let inbox = user.get("/v1/tasks?project=inbox").await;
    assert_eq!(
        column(inbox, "id"),
        [tasks[0].0.clone(), tasks[0].1.clone()]
    );
    assert_eq!(
        app.events(&tasks[0].1).await,
        ["task.created", "task.updated"]
    );
    assert_eq!(
        app.events(&tasks[1].1).await,
        ["task.created", "task.deleted"]
    );
    // What was deleted comes back into the inbox, a task with its subtasks.
    let parent = format!("/v1/tasks/{}", tasks[1].0);
    let back = user.act(&format!("{parent}/restore")).await.expect(200);
    assert!(back.body.get("project").is_none());
    let child = user.get(&format!("/v1/tasks/{}", tasks[1].1)).await;
    assert_eq!(child.expect(200).body["parent"], json!(tasks[1].0));
    let early = format!("/v1/tasks/{}/restore", early.id());
    user.act(&early).await.expect(200);
}
