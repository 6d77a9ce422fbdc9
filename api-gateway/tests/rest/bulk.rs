//! Many writes of tasks in one request.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::app::{Answer, App, Caller};

async fn bulk(user: &Caller, atomic: bool, operations: Value) -> Answer {
    let body = json!({ "atomic": atomic, "operations": operations });
    user.post("/v1/tasks/bulk", body).await
}

async fn titles(user: &Caller) -> Vec<String> {
    let list = user.get("/v1/tasks?status=all&limit=200").await.expect(200);
    let items = list.body["items"].as_array().unwrap().clone();
    let title = |task: &Value| task["title"].as_str().unwrap().to_owned();
    items.iter().map(title).collect()
}

fn statuses(body: &Value) -> Vec<u64> {
    let items = body["items"].as_array().unwrap();
    let status = |item: &Value| item["status"].as_u64().unwrap();
    items.iter().map(status).collect()
}

#[tokio::test]
async fn each_operation_is_answered_as_its_route_would() {
    let app = App::start().await;
    let user = app.user().await;
    let daily = json!({ "title": "Daily", "due": { "date": "2030-01-01" }, "recurrence": { "rrule": "FREQ=DAILY" } });
    let (a, b) = (
        user.task(daily).await.id(),
        user.task(json!({ "title": "B" })).await.id(),
    );
    let operations = json!([
        { "op": "create", "task": { "title": "New", "parent": b } },
        { "op": "patch", "id": b, "patch": { "title": "Better" }, "ifMatch": "\"1\"" },
        { "op": "patch", "id": b, "patch": { "title": "Late" }, "ifMatch": "\"1\"" },
        { "op": "patch", "id": a, "patch": { "title": "Today" }, "scope": "this" },
        { "op": "skip", "id": a },
        { "op": "move", "id": b, "place": { "before": a } },
        { "op": "complete", "id": b },
        { "op": "reopen", "id": b },
        { "op": "delete", "id": b },
        { "op": "restore", "id": b },
        { "op": "delete", "id": "01890000-0000-7000-8000-000000000001" },
    ]);
    let answer = bulk(&user, false, operations).await.expect(200).body;
    assert_eq!(
        statuses(&answer),
        [201, 200, 412, 200, 200, 200, 200, 200, 204, 200, 404],
        "{answer}"
    );
    let items = &answer["items"];
    assert_eq!(items[1]["etag"], "\"2\"");
    assert_eq!(items[2]["body"]["status"], 412);
    assert_eq!(items[4]["body"]["due"]["date"], "2030-01-02");
    assert!(items[6]["body"]["completedAt"].is_string());
    assert_eq!(items[8], json!({ "status": 204 }));
    let there = user.get(&format!("/v1/tasks/{b}")).await.expect(200);
    assert_eq!(items[9]["body"], there.body);
    assert_eq!(items[9]["etag"], there.headers["etag"].to_str().unwrap());
    let mut now = titles(&user).await;
    now.sort();
    assert_eq!(now, ["Better", "Daily", "New"]);
    // Each has its events, in the order of what was done.
    assert_eq!(
        app.events(&b).await,
        [
            "task.created",
            "task.updated",
            "task.updated",
            "task.completed",
            "task.restored",
            "task.deleted",
            "task.restored"
        ]
    );
}

#[tokio::test]
async fn what_is_wrong_with_an_operation_is_told_by_its_place_in_the_request() {
    let app = App::start().await;
    let user = app.user().await;
    let id = user.task(json!({ "title": "x" })).await.id();
    let wrong = [
        (
            json!({ "op": "create", "task": { "title": "" } }),
            "/task/title",
        ),
        (
            json!({ "op": "create", "task": { "title": "x", "tags": ["a", 5] } }),
            "/task/tags/1",
        ),
        (
            json!({ "op": "create", "task": { "title": "x", "project": id } }),
            "/task/project",
        ),
        (
            json!({ "op": "create", "task": { "title": "x", "parent": "y" } }),
            "/task/parent",
        ),
        (json!({ "op": "create", "task": 5 }), "/task"),
        (json!({ "op": "create" }), "/task"),
        (
            json!({ "op": "patch", "id": id, "patch": { "due": {} } }),
            "/patch/due",
        ),
        (json!({ "op": "patch", "id": id, "patch": 5 }), "/patch"),
        (
            json!({ "op": "patch", "id": id, "patch": {}, "scope": "all" }),
            "/scope",
        ),
        (json!({ "op": "complete", "id": "x" }), "/id"),
        (json!({ "op": "complete", "id": id, "patch": {} }), "/patch"),
        (
            json!({ "op": "delete", "id": id, "ifMatch": "\n" }),
            "/ifMatch",
        ),
        (json!({ "op": "move", "id": id, "place": {} }), "/place"),
        (
            json!({ "op": "move", "id": id, "place": { "before": id } }),
            "/place/before",
        ),
        (json!({ "op": "explode" }), "/op"),
        (json!(5), ""),
    ];
    let operations = json!(wrong.each_ref().map(|(operation, _)| operation));
    let answer = bulk(&user, false, operations).await.expect(200).body;
    for (i, (operation, place)) in wrong.iter().enumerate() {
        let item = &answer["items"][i];
        assert_eq!(item["status"], 422, "{operation}: {item}");
        let pointer = &item["body"]["errors"][0]["pointer"];
        assert_eq!(pointer, &format!("#/operations/{i}{place}"), "{item}");
        let alone = bulk(&user, true, json!([operation])).await;
        assert_eq!(alone.pointers(), [format!("#/operations/0{place}")]);
    }
    assert_eq!(titles(&user).await, ["x"]);
}

#[tokio::test]
async fn an_atomic_request_is_done_whole_or_not_at_all() {
    let app = App::start().await;
    let user = app.user().await;
    let id = user.task(json!({ "title": "Old" })).await.id();
    let good = [
        json!({ "op": "create", "task": { "title": "New" } }),
        json!({ "op": "patch", "id": id, "patch": { "title": "Changed" } }),
    ];
    let unknown = "01890000-0000-7000-8000-000000000001";
    for (bad, pointer) in [
        (
            json!({ "op": "create", "task": { "title": "x", "tags": [""] } }),
            "/task/tags/0",
        ),
        (json!({ "op": "delete", "id": unknown }), ""),
        (
            json!({ "op": "patch", "id": id, "patch": {}, "ifMatch": "\"1\"" }),
            "",
        ),
    ] {
        let operations = json!([good[0], good[1], bad, { "op": "delete", "id": id }]);
        let refused = bulk(&user, true, operations).await;
        assert_eq!(refused.pointers(), [format!("#/operations/2{pointer}")]);
        assert_eq!(titles(&user).await, ["Old"]);
    }
    assert_eq!(app.events(&id).await, ["task.created"]);
    let done = bulk(&user, true, json!(good)).await.expect(200);
    assert_eq!(statuses(&done.body), [201, 200]);
    assert_eq!(titles(&user).await.len(), 2);
}

#[tokio::test]
async fn creations_that_are_done_together_are_answered_as_those_that_are_done_alone() {
    let app = App::start().await;
    let user = app.user().await;
    let make = async |body: Value| user.post("/v1/projects", body).await.expect(201).id();
    let (project, archived) = (
        make(json!({ "name": "Home" })).await,
        make(json!({ "name": "Old" })).await,
    );
    user.act(&format!("/v1/projects/{archived}/archive"))
        .await
        .expect(200);
    let channel = json!({ "type": "webhook", "url": "https://example.com/hook" });
    let channel = user.post("/v1/channels", channel).await.expect(201).id();
    let (there, new) = (
        "01890000-0000-7000-8000-000000000001",
        "01890000-0000-7000-8000-000000000002",
    );
    user.task(json!({ "id": there, "title": "There" })).await;
    let of_all = json!({
        "id": new, "title": "Everything", "description": "x", "priority": "P1", "tags": ["a", "b"],
        "project": project, "due": { "date": "2030-01-01" }, "recurrence": { "rrule": "FREQ=DAILY" },
        "reminders": [{ "beforeSeconds": 60, "channels": [{ "type": "webhook", "id": channel }] }],
    });
    let tasks = [
        of_all.clone(),
        of_all.clone(),
        json!({ "id": new, "title": "Other" }),
        json!({ "id": there, "title": "There" }),
        json!({ "id": there, "title": "Other" }),
        json!({ "title": "x", "project": archived }),
        json!({ "title": "Parent", "id": "01890000-0000-7000-8000-000000000003" }),
        json!({ "title": "Child", "parent": "01890000-0000-7000-8000-000000000003" }),
    ];
    let operations = tasks.map(|task| json!({ "op": "create", "task": task }));
    let answer = bulk(&user, false, json!(operations)).await.expect(200).body;
    assert_eq!(
        statuses(&answer),
        [201, 200, 409, 200, 409, 422, 201, 201],
        "{answer}"
    );
    let made = user.get(&format!("/v1/tasks/{new}")).await.expect(200);
    assert_eq!(answer["items"][0]["body"], made.body);
    assert_eq!(answer["items"][1]["body"], made.body);
    let reminders = user
        .get(&format!("/v1/tasks/{new}/reminders"))
        .await
        .expect(200);
    assert_eq!(reminders.body["items"].as_array().unwrap().len(), 1);
    let actor: Value = sqlx::query_scalar("select event->'authid' from outbox where subject = $1")
        .bind(new)
        .fetch_one(&*app.pool)
        .await
        .unwrap();
    assert_eq!(actor, json!(user.id), "on account of who asked");
}

#[tokio::test]
async fn five_hundred_are_taken_and_no_more_and_a_key_makes_them_once() {
    let app = App::start().await;
    let user = app.user().await;
    let operation = |i: usize| {
        // Together longer than a body of any other route may be.
        let task = json!({ "title": format!("Task {i}"), "description": "x".repeat(1000) });
        json!({ "op": "create", "task": task })
    };
    let many = |count: usize| json!((0..count).map(operation).collect::<Vec<_>>());
    let too_many = bulk(&user, false, many(501)).await;
    assert_eq!(too_many.pointers(), ["#/operations"]);
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "k"),
    ];
    let mut answers = Vec::new();
    for _ in 0..2 {
        let body = json!({ "operations": many(500) }).to_string();
        let sent = user.send(Method::POST, "/v1/tasks/bulk", &headers, Body::from(body));
        let answer = sent.await.expect(200).body;
        assert_eq!(statuses(&answer), [201; 500]);
        answers.push(answer);
    }
    assert_eq!(answers[0], answers[1]);
    let there: i64 = sqlx::query_scalar("select count(*) from tasks")
        .fetch_one(&*app.pool)
        .await
        .unwrap();
    assert_eq!(there, 500);
    // In the order in which they were asked for.
    let first = user.get("/v1/tasks?sort=manual&limit=3").await.expect(200);
    for (i, task) in first.body["items"].as_array().unwrap().iter().enumerate() {
        assert_eq!(task["title"], format!("Task {i}"));
    }
    let none = bulk(&user, true, json!([])).await.expect(200);
    assert_eq!(none.body, json!({ "items": [] }));
    let long = json!([{ "op": "create", "task": { "title": "x".repeat(5 << 20) } }]);
    bulk(&user, false, long).await.expect(413);
}
