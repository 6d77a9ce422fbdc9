use std::cmp::Reverse;

use chrono::{DateTime, Duration, Utc};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;
use uuid::Uuid;

use super::app::{App, Caller};

/// A task as the list sorts and filters it. Few values, so that there are many ties.
#[derive(Debug, Clone)]
struct Row {
    id: Uuid,
    created: DateTime<Utc>,
    due: Option<DateTime<Utc>>,
    priority: i16,
    completed: bool,
    tags: Vec<String>,
}

/// Whether a filter lets a task through.
type Wanted = fn(&Row) -> bool;

fn minute(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::minutes(minute)
}

fn row() -> impl Strategy<Value = Row> {
    let tags = proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3);
    (
        any::<u128>(),
        0..5i64,
        proptest::option::of(0..5i64),
        1..=4i16,
        any::<bool>(),
        tags,
    )
        .prop_map(|(id, created, due, priority, completed, tags)| Row {
            id: Uuid::from_u128(id),
            created: minute(created),
            due: due.map(minute),
            priority,
            completed,
            tags: tags.into_iter().map(str::to_owned).collect(),
        })
}

async fn insert(app: &App, owner: Uuid, rows: &[Row]) {
    for row in rows {
        sqlx::query(
            "insert into tasks (id, owner_id, title, created_at, due_at, priority, completed_at, tags)
             values ($1, $2, 'x', $3, $4, $5, $6, $7)",
        )
        .bind(row.id)
        .bind(owner)
        .bind(row.created)
        .bind(row.due)
        .bind(row.priority)
        .bind(row.completed.then_some(row.created))
        .bind(&row.tags)
        .execute(&*app.pool)
        .await
        .unwrap();
    }
}

/// Every id that the pages of a list hold, in order.
async fn pages(user: &Caller, query: &str, limit: usize) -> Vec<Uuid> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/tasks?limit={limit}&{query}{cursor}");
        let page = user.get(&path).await.expect(200).body;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        ids.extend(
            items
                .iter()
                .map(|item| -> Uuid { item["id"].as_str().unwrap().parse().unwrap() }),
        );
        let Some(next) = page["nextCursor"].as_str() else {
            return ids;
        };
        assert_eq!(items.len(), limit, "only the last page is short");
        cursor = format!("&cursor={next}");
    }
}

/// The ids in the order that the list promises.
fn sorted(mut rows: Vec<Row>, sort: &str, order: &str) -> Vec<Uuid> {
    match (sort, order) {
        ("created", "asc") => rows.sort_by_key(|row| (row.created, row.id)),
        ("created", _) => rows.sort_by_key(|row| Reverse((row.created, row.id))),
        ("priority", "asc") => rows.sort_by_key(|row| (row.priority, row.id)),
        ("priority", _) => rows.sort_by_key(|row| Reverse((row.priority, row.id))),
        // Tasks without a due time come last in both directions.
        (_, "asc") => rows.sort_by_key(|row| (row.due.is_none(), row.due, row.id)),
        (_, _) => rows.sort_by_key(|row| (row.due.is_none(), Reverse((row.due, row.id)))),
    }
    rows.into_iter().map(|row| row.id).collect()
}

#[test]
fn pages_put_together_are_the_whole_list_in_its_order() {
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let app = tokio.block_on(App::start());
    let filters: &[(&str, Wanted)] = &[
        ("", |row| !row.completed),
        ("status=all", |_| true),
        ("status=completed", |row| row.completed),
        ("status=all&priority=P1&priority=P3", |row| {
            row.priority == 1 || row.priority == 3
        }),
        ("status=all&tag=a&tag=c", |row| {
            row.tags.contains(&"a".to_owned()) && row.tags.contains(&"c".to_owned())
        }),
        (
            "status=all&dueAfter=2024-10-04T00:01:00Z&dueBefore=2024-10-04T00:03:00Z",
            |row| {
                row.due
                    .is_some_and(|due| minute(1) <= due && due < minute(3))
            },
        ),
    ];
    let config = ProptestConfig {
        cases: 8,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let tasks = (proptest::collection::vec(row(), 0..30), 1..8usize);
    TestRunner::new(config)
        .run(&tasks, |(rows, limit)| {
            tokio.block_on(async {
                let user = app.user().await;
                insert(&app, user.id, &rows).await;
                for (filter, wanted) in filters {
                    for sort in ["created", "due", "priority"] {
                        for order in ["asc", "desc"] {
                            let rows = rows.iter().filter(|row| wanted(row)).cloned();
                            let whole = sorted(rows.collect(), sort, order);
                            let query = format!("{filter}&sort={sort}&order={order}");
                            let found = pages(&user, &query, limit).await;
                            assert_eq!(found, whole, "{query} by {limit}");
                        }
                    }
                }
                sqlx::query("delete from tasks")
                    .execute(&*app.pool)
                    .await
                    .unwrap();
            });
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn what_comes_and_goes_between_pages_disturbs_no_other_task() {
    let app = App::start().await;
    let user = app.user().await;
    let mut ids = Vec::new();
    for i in 0..6 {
        ids.push(user.task(json!({ "title": i.to_string() })).await.id());
    }
    let first = user.get("/v1/tasks?limit=3").await.expect(200).body;
    let cursor = first["nextCursor"].as_str().unwrap();
    user.delete(&format!("/v1/tasks/{}", ids[2]))
        .await
        .expect(204);
    user.delete(&format!("/v1/tasks/{}", ids[3]))
        .await
        .expect(204);
    let late = user.task(json!({ "title": "late" })).await.id();
    let path = format!("/v1/tasks?limit=3&cursor={cursor}");
    let second = user.get(&path).await.expect(200).body;
    let items = second["items"].as_array().unwrap();
    let found: Vec<&str> = items
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect();
    assert_eq!(found, [&ids[4], &ids[5], &late]);
}

#[tokio::test]
async fn a_parameter_that_cannot_be_understood_is_named() {
    let app = App::start().await;
    let user = app.user().await;
    user.task(json!({ "title": "1" })).await;
    user.task(json!({ "title": "2" })).await;
    let page = user
        .get("/v1/tasks?limit=1&sort=due")
        .await
        .expect(200)
        .body;
    let due = page["nextCursor"].as_str().unwrap();
    let long = "x".repeat(65);
    for (field, query) in [
        ("status", "status=late"),
        ("status", "status=open&status=all"),
        ("priority", "priority=1"),
        ("tag", &format!("tag={long}")),
        ("tag", "tag=%00"),
        ("dueBefore", "dueBefore=tomorrow"),
        ("dueBefore", "dueBefore=9999-12-31T00:00:00Z"),
        ("dueAfter", "dueAfter=2030-01-01"),
        ("project", "project=x"),
        ("parent", "parent=inbox"),
        ("sort", "sort=name"),
        ("due", "due=tomorrow"),
        ("tagAny", &format!("tagAny={long}")),
        ("tagNone", &format!("tagNone={long}")),
        ("createdAfter", "createdAfter=now"),
        ("hasReminder", "hasReminder=yes"),
        ("isRecurring", "isRecurring=1"),
        ("total", "total=3"),
        ("order", "order=up"),
        ("limit", "limit=0"),
        ("limit", "limit=201"),
        ("limit", "limit=99999999999999999999"),
        ("limit", "limit=-1"),
        ("cursor", "cursor=x"),
        ("cursor", "cursor="),
        ("cursor", &format!("cursor={due}")),
        ("cursor", &format!("cursor={due}&sort=due&order=desc")),
        ("query", "query=milk"),
        ("query", &"a=1&".repeat(101)),
    ] {
        let fields = user.get(&format!("/v1/tasks?{query}")).await.fields();
        assert_eq!(fields, [field], "{query}");
    }
    // An unescaped plus sign is a space in a query string.
    let path = "/v1/tasks?dueAfter=2030-01-01T00:00:00+01:00";
    user.get(path).await.expect(200);
}
