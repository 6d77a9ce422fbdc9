use serde_json::{Value, json};

use super::{
    app::{App, Caller},
    projects::{column, project},
};

/// A new subtask of `parent`.
async fn subtask(user: &Caller, parent: &str, title: &str) -> String {
    let new = json!({ "title": title, "parent": parent });
    user.task(new).await.id()
}

async fn read(user: &Caller, id: &str) -> Value {
    user.get(&format!("/v1/tasks/{id}")).await.expect(200).body
}

#[tokio::test]
async fn a_subtask_is_listed_under_its_parent_and_in_its_project() {
    let app = App::start().await;
    let user = app.user().await;
    let home = project(&user, "Home").await;
    let top = user
        .task(json!({ "title": "top", "project": home }))
        .await
        .id();
    let new = json!({
        "id": "0199f000-0000-7000-8000-000000000001", "title": "sub", "parent": top,
    });
    let made = user.task(new.clone()).await;
    assert_eq!(made.body["project"], json!(home));
    assert_eq!(
        user.post("/v1/tasks", new).await.expect(200).body,
        made.body
    );
    let list = async |query: &str| column(user.get(&format!("/v1/tasks?{query}")).await, "title");
    assert_eq!(list(&format!("parent={top}")).await, ["sub"]);
    assert_eq!(list("parent=none").await, ["top"]);
    let elsewhere = json!({ "title": "x", "parent": top, "project": project(&user, "Work").await });
    assert_eq!(
        user.post("/v1/tasks", elsewhere).await.fields(),
        ["project"]
    );
}

#[tokio::test]
async fn subtasks_go_where_their_parent_goes() {
    let app = App::start().await;
    let user = app.user().await;
    let (home, work) = (project(&user, "Home").await, project(&user, "Work").await);
    let top = user
        .task(json!({ "title": "top", "project": home }))
        .await
        .id();
    let middle = subtask(&user, &top, "middle").await;
    let low = subtask(&user, &middle, "low").await;
    let path = format!("/v1/tasks/{top}");
    user.patch(&path, json!({ "project": work }))
        .await
        .expect(200);
    for id in [&middle, &low] {
        assert_eq!(read(&user, id).await["project"], json!(work));
        assert_eq!(app.events(id).await, ["task.created", "task.updated"]);
    }
    // Into another project on its own, it leaves its parent and takes its subtasks along.
    let path = format!("/v1/tasks/{middle}");
    let out = user
        .patch(&path, json!({ "project": home }))
        .await
        .expect(200);
    assert!(out.body.get("parent").is_none());
    assert_eq!(read(&user, &low).await["project"], json!(home));
    // Under another parent it comes into that one's project.
    let back = user
        .patch(&path, json!({ "parent": top }))
        .await
        .expect(200);
    assert_eq!(back.body["project"], json!(work));
    assert_eq!(read(&user, &low).await["project"], json!(work));
    let both = json!({ "parent": top, "project": home });
    assert_eq!(user.patch(&path, both).await.fields(), ["project"]);
    let top_level = user
        .patch(&path, json!({ "parent": null }))
        .await
        .expect(200);
    assert_eq!(top_level.body["project"], json!(work));
}

#[tokio::test]
async fn a_task_is_not_below_itself_nor_too_deep() {
    let app = App::start().await;
    let user = app.user().await;
    let mut chain = vec![user.task(json!({ "title": "1" })).await.id()];
    for title in ["2", "3", "4", "5"] {
        let next = subtask(&user, chain.last().unwrap(), title).await;
        chain.push(next);
    }
    let deeper = json!({ "title": "6", "parent": chain[4] });
    assert_eq!(user.post("/v1/tasks", deeper).await.fields(), ["parent"]);
    let path = format!("/v1/tasks/{}", chain[0]);
    for below in [&chain[0], &chain[3]] {
        let patch = json!({ "parent": below });
        assert_eq!(user.patch(&path, patch).await.fields(), ["parent"]);
    }
    // A task with a subtask makes two levels.
    let other = user.task(json!({ "title": "a" })).await.id();
    subtask(&user, &other, "b").await;
    let path = format!("/v1/tasks/{other}");
    let patch = json!({ "parent": chain[3] });
    assert_eq!(user.patch(&path, patch).await.fields(), ["parent"]);
    let patch = json!({ "parent": chain[2] });
    user.patch(&path, patch).await.expect(200);
}

#[tokio::test]
async fn two_tasks_that_are_put_below_each_other_at_once_make_no_circle() {
    let app = App::start().await;
    let user = app.user().await;
    for _ in 0..5 {
        let a = user.task(json!({ "title": "a" })).await.id();
        let b = user.task(json!({ "title": "b" })).await.id();
        let put = |task: &str, parent: &str| {
            let (user, path) = (user.clone(), format!("/v1/tasks/{task}"));
            let patch = json!({ "parent": parent });
            tokio::spawn(async move { user.patch(&path, patch).await.status.as_u16() })
        };
        let (one, two) = (put(&a, &b), put(&b, &a));
        let mut statuses = [one.await.unwrap(), two.await.unwrap()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 422]);
    }
}

#[tokio::test]
async fn a_task_has_two_hundred_open_subtasks_at_most() {
    let app = App::start().await;
    let user = app.user().await;
    let top = user.task(json!({ "title": "top" })).await.id();
    sqlx::query(
        "insert into tasks (id, owner_id, title, parent_id)
         select gen_random_uuid(), $1, 'x', $2::uuid from generate_series(1, 199)",
    )
    .bind(user.id)
    .bind(&top)
    .execute(&*app.pool)
    .await
    .unwrap();
    let last = subtask(&user, &top, "200").await;
    let more = json!({ "title": "201", "parent": last });
    assert_eq!(user.post("/v1/tasks", more).await.fields(), ["parent"]);
    user.act(&format!("/v1/tasks/{last}/complete"))
        .await
        .expect(200);
    subtask(&user, &top, "again 200").await;
}

#[tokio::test]
async fn completing_a_task_completes_its_subtasks_and_reopening_one_opens_what_is_above_it() {
    let app = App::start().await;
    let user = app.user().await;
    let top = user.task(json!({ "title": "top" })).await.id();
    let middle = subtask(&user, &top, "middle").await;
    let reminded = json!({
        "title": "low", "parent": middle,
        "due": { "date": "2030-01-01" }, "reminders": [{ "beforeSeconds": 0 }],
    });
    let low = user.task(reminded).await.id();
    let done = user.act(&format!("/v1/tasks/{top}/complete")).await;
    done.expect(200);
    for id in [&top, &middle, &low] {
        assert!(read(&user, id).await["completedAt"].is_string());
        assert_eq!(app.events(id).await, ["task.created", "task.completed"]);
    }
    let reminders = user.get(&format!("/v1/tasks/{low}/reminders")).await;
    assert_eq!(column(reminders, "phase"), ["Cancelled"]);
    let parent = json!({ "title": "x", "parent": top });
    assert_eq!(user.post("/v1/tasks", parent).await.fields(), ["parent"]);

    let open = user.act(&format!("/v1/tasks/{middle}/reopen")).await;
    assert_eq!(open.expect(200).id(), middle);
    assert!(read(&user, &top).await.get("completedAt").is_none());
    assert!(read(&user, &low).await["completedAt"].is_string());
    assert_eq!(app.events(&top).await.last().unwrap(), "task.restored");
}

#[tokio::test]
async fn a_task_is_deleted_and_restored_with_its_subtasks() {
    let app = App::start().await;
    let user = app.user().await;
    let top = user.task(json!({ "title": "top" })).await.id();
    let (a, b) = (
        subtask(&user, &top, "a").await,
        subtask(&user, &top, "b").await,
    );
    let below = subtask(&user, &b, "below b").await;
    let path = |id: &str| format!("/v1/tasks/{id}");
    // Deleted on its own, it is not restored with the others.
    user.delete(&path(&a)).await.expect(204);
    user.delete(&path(&top)).await.expect(204);
    user.get(&path(&below)).await.expect(404);
    user.act(&format!("{}/restore", path(&top)))
        .await
        .expect(200);
    assert_eq!(read(&user, &below).await["parent"], json!(b));
    user.get(&path(&a)).await.expect(404);
    assert_eq!(
        app.events(&below).await,
        ["task.created", "task.deleted", "task.restored"]
    );
    // Without its parent it comes to the top.
    user.delete(&path(&top)).await.expect(204);
    let alone = user.act(&format!("{}/restore", path(&b))).await.expect(200);
    assert!(alone.body.get("parent").is_none());
    assert_eq!(read(&user, &below).await["parent"], json!(b));
}
