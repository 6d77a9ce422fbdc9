use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::app::App;

#[tokio::test]
async fn a_title_is_enough() {
    let app = App::start().await;
    let user = app.user().await;
    let task = user.task(json!({ "title": "  Buy milk " })).await;
    assert_eq!(task.headers["etag"], "\"1\"");
    let mut body = task.body.clone();
    for varying in ["id", "position", "createdAt", "updatedAt"] {
        assert!(body.as_object_mut().unwrap().remove(varying).is_some());
    }
    assert_eq!(
        body,
        json!({
            "title": "Buy milk", "description": "", "priority": "P4", "tags": [],
            "reminders": [], "version": 1,
        })
    );
    let read = user.get(&format!("/v1/tasks/{}", task.id())).await;
    assert_eq!(read.expect(200).body, task.body);
    assert_eq!(app.events(&task.id()).await, ["task.created"]);
}

#[tokio::test]
async fn everything_that_is_written_is_read_again() {
    let app = App::start().await;
    let user = app.user().await;
    let new = json!({
        "title": "Prüfung 📝",
        "description": "Line one\nline two\t\"quoted\"",
        "priority": "P1",
        "tags": ["work", "exam", "work"],
        "due": { "dateTime": "2030-03-31T02:30:00", "timeZone": "Europe/Berlin" },
        "reminders": [
            { "beforeSeconds": 1800 },
            { "at": "2030-03-30T12:00:00.5+02:00", "channels": [{ "type": "webhook" }] },
        ],
    });
    let task = user.task(new).await;
    assert_eq!(task.body["tags"], json!(["exam", "work"]));
    // 02:30 does not exist that day: it means 03:30 CEST.
    assert_eq!(task.body["dueAt"], "2030-03-31T01:30:00Z");
    assert_eq!(
        task.body["reminders"],
        json!([
            { "beforeSeconds": 1800, "channels": [] },
            { "at": "2030-03-30T10:00:00.500Z", "channels": [{ "type": "webhook" }] },
        ])
    );
    let path = format!("/v1/tasks/{}", task.id());
    assert_eq!(user.get(&path).await.expect(200).body, task.body);
    let reminders = user.get(&format!("{path}/reminders")).await.expect(200);
    let fire_at: Vec<&Value> = reminders.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reminder| &reminder["fireAt"])
        .collect();
    assert_eq!(
        fire_at,
        ["2030-03-30T10:00:00.500Z", "2030-03-31T01:00:00Z"]
    );
    assert_eq!(reminders.body["items"][0]["phase"], "Pending");
}

#[tokio::test]
async fn a_due_time_without_a_zone_is_in_the_owners() {
    let app = App::start().await;
    let user = app.user_in(chrono_tz::Asia::Kolkata).await;
    let task = json!({ "title": "x", "due": { "dateTime": "2030-01-01T09:00" } });
    let task = user.task(task).await;
    assert_eq!(
        task.body["due"],
        json!({ "dateTime": "2030-01-01T09:00:00", "timeZone": "Asia/Kolkata" })
    );
    assert_eq!(task.body["dueAt"], "2030-01-01T03:30:00Z");
}

#[tokio::test]
async fn a_request_that_is_sent_twice_makes_one_task() {
    let app = App::start().await;
    let user = app.user().await;
    let new = json!({
        "id": "0199f000-0000-7000-8000-000000000001", "title": "Once", "tags": ["b", "a"],
        "due": { "date": "2030-01-01" }, "reminders": [{ "beforeSeconds": 60 }],
    });
    let first = user.task(new.clone()).await;
    let second = user.post("/v1/tasks", new.clone()).await.expect(200);
    assert_eq!(first.body, second.body);
    assert_eq!(app.events(&first.id()).await, ["task.created"]);

    let mut other = new.clone();
    other["title"] = json!("Twice");
    user.post("/v1/tasks", other).await.expect(409);
    // What was deleted does not come back by a late repetition.
    user.delete(&format!("/v1/tasks/{}", first.id()))
        .await
        .expect(204);
    user.post("/v1/tasks", new).await.expect(409);
    let bad = json!({ "id": "7", "title": "x" });
    assert_eq!(user.post("/v1/tasks", bad).await.fields(), ["id"]);
}

#[tokio::test]
async fn a_request_that_is_sent_twice_at_once_makes_one_task() {
    let app = App::start().await;
    let user = app.user().await;
    let new = json!({ "id": "0199f000-0000-7000-8000-000000000002", "title": "Once" });
    let sent: Vec<_> = (0..6)
        .map(|_| {
            let (user, new) = (user.clone(), new.clone());
            tokio::spawn(async move { user.post("/v1/tasks", new).await })
        })
        .collect();
    let mut made = 0;
    for answer in sent {
        let answer = answer.await.unwrap();
        assert!(
            [200, 201].contains(&answer.status.as_u16()),
            "{}",
            answer.body
        );
        made += usize::from(answer.status == 201);
    }
    assert_eq!(made, 1);
    let id = new["id"].as_str().unwrap();
    assert_eq!(app.events(id).await, ["task.created"]);
}

#[tokio::test]
async fn a_merge_patch_changes_what_it_names() {
    let app = App::start().await;
    let user = app.user().await;
    let task = json!({
        "title": "Old", "description": "Keep", "priority": "P2", "tags": ["a", "b"],
        "due": { "date": "2030-01-01" }, "reminders": [{ "beforeSeconds": 0 }],
    });
    let task = user.task(task).await;
    let path = format!("/v1/tasks/{}", task.id());
    let patch = json!({ "title": "New", "tags": ["c"], "priority": null });
    let patched = user.patch(&path, patch).await.expect(200);
    assert_eq!(patched.headers["etag"], "\"2\"");
    assert_eq!(patched.body["title"], "New");
    assert_eq!(patched.body["description"], "Keep");
    assert_eq!(patched.body["priority"], "P4");
    assert_eq!(patched.body["tags"], json!(["c"]));
    assert_eq!(patched.body["due"], task.body["due"]);

    // From a day to a time: null takes the day away.
    let due =
        json!({ "due": { "date": null, "dateTime": "2030-01-01T09:00:00", "timeZone": "UTC" } });
    let patched = user.patch(&path, due).await.expect(200);
    assert_eq!(patched.body["dueAt"], "2030-01-01T09:00:00Z");
    let both = json!({ "due": { "date": "2030-01-02" } });
    assert_eq!(user.patch(&path, both).await.fields(), ["due"]);
    let without = json!({ "due": null, "reminders": [] });
    let patched = user.patch(&path, without).await.expect(200);
    assert!(patched.body.get("due").is_none());
    assert!(patched.body.get("dueAt").is_none());

    let wrong = json!({ "title": null });
    assert_eq!(user.patch(&path, wrong).await.fields(), ["title"]);
    let wrong = json!({ "id": "00000000-0000-0000-0000-000000000007" });
    assert_eq!(user.patch(&path, wrong).await.fields(), ["id"]);
    let wrong = json!({ "version": 7 });
    assert_eq!(user.patch(&path, wrong).await.fields(), ["version"]);
    assert_eq!(
        app.events(&task.id()).await,
        [
            "task.created",
            "task.updated",
            "task.updated",
            "task.updated"
        ]
    );
}

#[tokio::test]
async fn a_patch_that_changes_nothing_is_no_new_version() {
    let app = App::start().await;
    let user = app.user().await;
    let task = user.task(json!({ "title": "Same", "tags": ["a"] })).await;
    let path = format!("/v1/tasks/{}", task.id());
    for patch in [json!({}), json!({ "title": "Same", "tags": ["a", "a"] })] {
        let answer = user.patch(&path, patch).await.expect(200);
        assert_eq!(answer.body, task.body);
    }
    assert_eq!(app.events(&task.id()).await, ["task.created"]);
}

#[tokio::test]
async fn who_edits_an_old_version_is_told() {
    let app = App::start().await;
    let user = app.user().await;
    let task = user.task(json!({ "title": "1" })).await;
    let path = format!("/v1/tasks/{}", task.id());
    let conditional = async |method: Method, tag: &str, body: Value| {
        let headers = [
            ("content-type", "application/merge-patch+json"),
            ("if-match", tag),
        ];
        user.send(method, &path, &headers, Body::from(body.to_string()))
            .await
    };
    let second = conditional(Method::PATCH, "\"1\"", json!({ "title": "2" })).await;
    assert_eq!(second.expect(200).headers["etag"], "\"2\"");
    conditional(Method::PATCH, "\"1\"", json!({ "title": "3" }))
        .await
        .expect(412);
    conditional(Method::DELETE, "\"1\"", Value::Null)
        .await
        .expect(412);
    conditional(Method::PATCH, "\"7\", \"2\"", json!({ "title": "3" }))
        .await
        .expect(200);
    conditional(Method::DELETE, "*", Value::Null)
        .await
        .expect(204);

    let task = user.task(json!({ "title": "1" })).await;
    let path = format!("/v1/tasks/{}", task.id());
    let known = [("if-none-match", "\"1\"")];
    let answer = user.send(Method::GET, &path, &known, Body::empty()).await;
    assert_eq!(answer.expect(304).body, Value::Null);
}

#[tokio::test]
async fn edits_at_the_same_time_are_all_kept() {
    let app = App::start().await;
    let user = app.user().await;
    let task = user.task(json!({ "title": "0" })).await;
    let path = format!("/v1/tasks/{}", task.id());
    let patches = [
        json!({ "title": "1" }),
        json!({ "description": "2" }),
        json!({ "tags": ["3"] }),
        json!({ "priority": "P1" }),
    ];
    let edits = patches.iter().map(|patch| {
        let (user, path, patch) = (user.clone(), path.clone(), patch.clone());
        tokio::spawn(async move { user.patch(&path, patch).await.expect(200) })
    });
    for edit in edits.collect::<Vec<_>>() {
        edit.await.unwrap();
    }
    let task = user.get(&path).await.expect(200).body;
    for patch in &patches {
        for (field, value) in patch.as_object().unwrap() {
            assert_eq!(&task[field], value);
        }
    }
    assert_eq!(task["version"], 5);
}

#[tokio::test]
async fn a_task_whose_event_cannot_be_written_is_not_written() {
    let app = App::start().await;
    let user = app.user().await;
    let task = user.task(json!({ "title": "Before" })).await;
    sqlx::query("alter table outbox add constraint full_up check (false) not valid")
        .execute(&*app.pool)
        .await
        .unwrap();
    user.post("/v1/tasks", json!({ "title": "x" }))
        .await
        .expect(500);
    let path = format!("/v1/tasks/{}", task.id());
    user.patch(&path, json!({ "title": "After" }))
        .await
        .expect(500);
    user.act(&format!("{path}/complete")).await.expect(500);
    user.delete(&path).await.expect(500);
    let list = user.get("/v1/tasks?status=all").await.expect(200);
    assert_eq!(list.body["items"], json!([task.body]));
}

#[tokio::test]
async fn every_mistake_of_a_task_is_named_at_once() {
    let app = App::start().await;
    let user = app.user().await;
    let bad = json!({
        "title": " ",
        "description": "x".repeat(20_001),
        "tags": ["ok", "", "x".repeat(65)],
        "due": { "dateTime": "tomorrow", "timeZone": "Mars/Olympus" },
        "reminders": [
            { "beforeSeconds": -1 },
            { "at": "soon" },
            { "at": "2030-01-01T00:00:00Z", "beforeSeconds": 1 },
            {},
        ],
    });
    assert_eq!(
        user.post("/v1/tasks", bad).await.fields(),
        [
            "title",
            "description",
            "tags[1]",
            "tags[2]",
            "due.timeZone",
            "due.dateTime",
            "reminders[0].beforeSeconds",
            "reminders[1].at",
            "reminders[2]",
            "reminders[3]",
        ]
    );
}

#[tokio::test]
async fn a_field_of_the_wrong_shape_is_named() {
    let app = App::start().await;
    let user = app.user().await;
    for (field, body) in [
        ("title", json!({})),
        ("title", json!({ "title": 7 })),
        ("title", json!({ "title": "x".repeat(501) })),
        ("title", json!({ "title": "two\nlines" })),
        ("priority", json!({ "title": "x", "priority": "P5" })),
        ("tags", json!({ "title": "x", "tags": "work" })),
        ("tags[1]", json!({ "title": "x", "tags": ["a", 1] })),
        (
            "tags",
            json!({ "title": "x", "tags": (0..51).map(|i| i.to_string()).collect::<Vec<_>>() }),
        ),
        ("due", json!({ "title": "x", "due": {} })),
        ("due", json!({ "title": "x", "due": "2030-01-01" })),
        (
            "due.date",
            json!({ "title": "x", "due": { "date": "2030-02-30" } }),
        ),
        (
            "due.date",
            json!({ "title": "x", "due": { "date": "2030-1-1" } }),
        ),
        (
            "due.timeZone",
            json!({ "title": "x", "due": { "date": "2030-01-01", "timeZone": "UTC" } }),
        ),
        (
            "due.dateTime",
            json!({ "title": "x", "due": { "dateTime": "2030-01-01T09:00:00Z" } }),
        ),
        (
            "due.time",
            json!({ "title": "x", "due": { "date": "2030-01-01", "time": "09:00" } }),
        ),
        (
            "reminders",
            json!({ "title": "x", "reminders": vec![json!({ "at": "2030-01-01T00:00:00Z" }); 21] }),
        ),
        (
            "reminders[0].beforeSeconds",
            json!({ "title": "x", "reminders": [{ "beforeSeconds": 60 }] }),
        ),
        (
            "reminders[0].beforeSeconds",
            json!({ "title": "x", "reminders": [{ "beforeSeconds": 1.5 }] }),
        ),
        (
            "reminders[0].channels[0].type",
            json!({ "title": "x", "reminders": [{ "beforeSeconds": 0, "channels": [{}] }] }),
        ),
        (
            "reminders[0].channels[0].url",
            json!({ "title": "x", "reminders": [{ "beforeSeconds": 0, "channels": [{ "type": "webhook", "url": "https://example.com" }] }] }),
        ),
        (
            "completedAt",
            json!({ "title": "x", "completedAt": "2030-01-01T00:00:00Z" }),
        ),
        ("owner", json!({ "title": "x", "owner": user.id })),
    ] {
        let answer = user.post("/v1/tasks", body.clone()).await;
        assert_eq!(answer.fields(), [field], "{body}");
    }
}
