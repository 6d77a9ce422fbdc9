//! Results that stay small.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::client::Assistant;
use crate::rest::app::App;

/// Most bytes of a result that a client is to take: that of the items and some more around them.
const MOST: usize = 41 * 1024;

#[tokio::test]
async fn ten_thousand_tasks_come_in_pages_that_stay_small() {
    let app = App::start().await;
    let user = app.user().await;
    let task = json!({
        "title": "€".repeat(500), "description": "€".repeat(300),
        "tags": (0..40).map(|n| format!("{n:02}{}", "€".repeat(60))).collect::<Vec<_>>(),
    });
    let id = user.task(task).await.id();
    sqlx::query(
        "insert into tasks (id, owner_id, title, description, tags, created_at)
         select gen_random_uuid(), owner_id, title, description, tags, created_at + n * interval '1 ms'
         from tasks, generate_series(1, 9999) n where id = $1::uuid",
    )
    .bind(&id)
    .execute(&*app.pool)
    .await
    .unwrap();
    let assistant = Assistant::of(&app, &user).await;
    let all = assistant
        .done("list_tasks", json!({ "total": true, "limit": 200 }))
        .await;
    assert_eq!(all["total"], 10_000);
    let (mut seen, mut cursor) = (HashSet::new(), Value::Null);
    for _ in 0..5 {
        let mut asked = json!({ "limit": 200 });
        if !cursor.is_null() {
            asked["cursor"] = cursor;
        }
        let page = assistant.done("list_tasks", asked).await;
        assert!(page.to_string().len() < MOST, "{}", page.to_string().len());
        let items = page["items"].as_array().unwrap();
        assert!(items.len() > 2, "{}", items.len());
        for item in items {
            assert!(seen.insert(item["id"].clone()), "one is there twice");
        }
        cursor = page["nextCursor"].clone();
        assert!(cursor.is_string());
    }
    let found = assistant
        .done(
            "search_tasks",
            json!({ "filter": "@00*", "q": "€".repeat(60), "limit": 200 }),
        )
        .await;
    assert!(found.to_string().len() < MOST);
}

#[tokio::test]
async fn tags_projects_and_series_stay_small() {
    let app = App::start().await;
    let user = app.user().await;
    let assistant = Assistant::of(&app, &user).await;
    for n in 0..5 {
        let tags: Vec<String> = (0..50)
            .map(|tag| format!("{n}{tag:02}{}", "€".repeat(61)))
            .collect();
        let task = json!({
            "title": "€".repeat(500), "description": "€".repeat(20_000), "tags": tags,
            "due": { "date": "2030-01-01" }, "recurrence": { "rrule": "FREQ=DAILY" },
        });
        user.task(task).await;
    }
    for tool in ["list_tags", "list_recurring_tasks"] {
        let page = assistant.done(tool, json!({ "limit": 200 })).await;
        assert!(page.to_string().len() < MOST, "{tool}");
        assert!(
            page["nextCursor"].is_string() || tool == "list_recurring_tasks",
            "{tool}"
        );
    }
}
