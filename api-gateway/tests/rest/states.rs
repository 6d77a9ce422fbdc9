use serde_json::{Value, json};

use super::app::{App, Caller};

async fn phases(user: &Caller, task: &str) -> Vec<String> {
    let list = user.get(&format!("/v1/tasks/{task}/reminders")).await;
    let list = list.expect(200).body;
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["phase"].as_str().unwrap().to_owned())
        .collect()
}

fn with_reminder() -> Value {
    json!({
        "title": "x",
        "due": { "date": "2030-01-01" },
        "reminders": [{ "beforeSeconds": 0 }],
    })
}

#[tokio::test]
async fn completing_cancels_reminders_and_reopening_sets_them_again() {
    let app = App::start().await;
    let user = app.user().await;
    let task = user.task(with_reminder()).await;
    let (id, path) = (task.id(), format!("/v1/tasks/{}", task.id()));

    let done = user.act(&format!("{path}/complete")).await.expect(200);
    assert_eq!(done.body["completedAt"], done.body["updatedAt"]);
    assert_eq!(phases(&user, &id).await, ["Cancelled"]);
    let again = user.act(&format!("{path}/complete")).await.expect(200);
    assert_eq!(again.body, done.body);
    // An edit of what is done sets no reminder.
    user.patch(&path, json!({ "title": "y" })).await.expect(200);
    assert_eq!(phases(&user, &id).await, ["Cancelled"]);

    let open = user.act(&format!("{path}/reopen")).await.expect(200);
    assert!(open.body.get("completedAt").is_none());
    assert_eq!(phases(&user, &id).await, ["Pending"]);
    let again = user.act(&format!("{path}/reopen")).await.expect(200);
    assert_eq!(again.body, open.body);
    assert_eq!(
        app.events(&id).await,
        [
            "task.created",
            "task.completed",
            "task.updated",
            "task.restored"
        ]
    );
}

#[tokio::test]
async fn what_is_deleted_is_gone_until_it_is_restored() {
    let app = App::start().await;
    let user = app.user().await;
    let task = user.task(with_reminder()).await;
    let (id, path) = (task.id(), format!("/v1/tasks/{}", task.id()));

    user.delete(&path).await.expect(204);
    user.delete(&path).await.expect(404);
    user.get(&path).await.expect(404);
    user.patch(&path, json!({ "title": "y" })).await.expect(404);
    user.act(&format!("{path}/complete")).await.expect(404);
    user.act(&format!("{path}/reopen")).await.expect(404);
    let list = user.get("/v1/tasks?status=all").await.expect(200);
    assert_eq!(list.body["items"], json!([]));

    let restored = user.act(&format!("{path}/restore")).await.expect(200);
    assert_eq!(restored.body["title"], "x");
    assert_eq!(restored.body["version"], 3);
    assert_eq!(phases(&user, &id).await, ["Pending"]);
    let again = user.act(&format!("{path}/restore")).await.expect(200);
    assert_eq!(again.body, restored.body);
    assert_eq!(
        app.events(&id).await,
        ["task.created", "task.deleted", "task.restored"]
    );
}

#[tokio::test]
async fn an_event_carries_the_task_as_it_was_written() {
    let app = App::start().await;
    let user = app.user().await;
    let task = user.task(with_reminder()).await;
    let path = format!("/v1/tasks/{}/complete", task.id());
    let done = user.act(&path).await.expect(200);
    let event: Value = sqlx::query_scalar(
        "select event from outbox where topic = 'task-events' order by seq desc limit 1",
    )
    .fetch_one(&*app.pool)
    .await
    .unwrap();
    assert_eq!(event["type"], "task.completed");
    assert_eq!(event["subject"], done.body["id"]);
    assert_eq!(event["owner"], json!(user.id));
    let data: domain::task::Task = serde_json::from_value(event["data"].clone()).unwrap();
    assert_eq!(json!(data.completed_at), done.body["completedAt"]);
    assert_eq!(json!(data.version), done.body["version"]);
    assert_eq!(data.owner, user.id);
}

#[tokio::test]
async fn the_audit_trail_is_read_in_pages() {
    let app = App::start().await;
    let user = app.user().await;
    let mut conn = app.pool.acquire().await.unwrap();
    for i in 0..5 {
        let event = domain::event::Event::new(
            uuid::Uuid::from_u128(i),
            domain::event::EventType::TaskCreated,
            "subject",
            Some(user.id),
            chrono::DateTime::UNIX_EPOCH,
            json!({ "i": i }),
        );
        store::audit::append_all(&mut conn, &[event]).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut path = "/v1/audit?limit=2".to_owned();
    loop {
        let page = user.get(&path).await.expect(200).body;
        let items = page["items"].as_array().unwrap();
        if items.is_empty() {
            break;
        }
        seen.extend(items.iter().map(|item| item["data"]["i"].as_u64().unwrap()));
        let next = page["nextCursor"].as_str().unwrap();
        path = format!("/v1/audit?limit=2&cursor={next}");
    }
    assert_eq!(seen, [0, 1, 2, 3, 4]);
    for cursor in ["-1", "x", "99999999999999999999"] {
        let path = format!("/v1/audit?cursor={cursor}");
        assert_eq!(user.get(&path).await.fields(), ["cursor"]);
    }
}

#[tokio::test]
async fn the_audit_trail_is_asked_by_task_type_and_time() {
    let app = App::start().await;
    let (ada, eve) = (app.user().await, app.user().await);
    let at = |hour: u32| format!("2026-11-21T{hour:02}:00:00Z");
    let tasks = [1, 2].map(uuid::Uuid::from_u128);
    let mut conn = app.pool.acquire().await.unwrap();
    for hour in 0..10 {
        let kind = match hour % 3 {
            0 => domain::event::EventType::TaskUpdated,
            _ => domain::event::EventType::ReminderDue,
        };
        let event = domain::event::Event::new(
            uuid::Uuid::from_u128(hour.into()),
            kind,
            tasks[hour as usize % 2].to_string(),
            Some(ada.id),
            at(hour).parse().unwrap(),
            json!({ "hour": hour }),
        )
        .by(domain::event::Actor::User(ada.id));
        store::audit::append_all(&mut conn, &[event]).await.unwrap();
    }
    let hours = async |user: &Caller, query: &str| -> Vec<u64> {
        let answer = user.get(&format!("/v1/audit?{query}")).await.expect(200);
        let items = answer.body["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["data"]["hour"].as_u64().unwrap())
            .collect()
    };
    let second = tasks[1];
    for (query, expected) in [
        (String::new(), (0..10).collect()),
        ("order=desc".into(), (0..10).rev().collect()),
        (format!("task={second}"), vec![1, 3, 5, 7, 9]),
        ("type=task.updated".into(), vec![0, 3, 6, 9]),
        (format!("since={}&before={}", at(3), at(6)), vec![3, 4, 5]),
        (
            format!("task={second}&type=task.updated&order=desc&since={}", at(1)),
            vec![9, 3],
        ),
        ("type=reminder.stale".into(), vec![]),
        (format!("task={}", uuid::Uuid::from_u128(3)), vec![]),
    ] {
        assert_eq!(hours(&ada, &query).await, expected, "{query}");
        assert_eq!(hours(&eve, &query).await, [0; 0], "{query}");
    }
    let mut seen = Vec::new();
    let mut path = "/v1/audit?order=desc&limit=4".to_owned();
    loop {
        let page = ada.get(&path).await.expect(200).body;
        let items = page["items"].as_array().unwrap();
        if items.is_empty() {
            break;
        }
        assert_eq!(
            items[0]["actor"],
            json!({ "type": "app_user", "id": ada.id })
        );
        seen.extend(
            items
                .iter()
                .map(|item| item["data"]["hour"].as_u64().unwrap()),
        );
        let next = page["nextCursor"].as_str().unwrap();
        path = format!("/v1/audit?order=desc&limit=4&cursor={next}");
    }
    assert_eq!(seen, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    for (query, field) in [
        ("task=x", "task"),
        ("type=task.renamed", "type"),
        ("since=yesterday", "since"),
        ("before=2026", "before"),
        ("order=up", "order"),
        ("subject=x", "subject"),
    ] {
        let refused = ada.get(&format!("/v1/audit?{query}")).await;
        assert_eq!(refused.fields(), [field], "{query}");
    }
}
