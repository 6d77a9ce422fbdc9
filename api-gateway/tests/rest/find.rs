//! Finding tasks: the filter language, a parameter for each field, orders and totals.

use chrono::{Duration, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::{
    app::{App, Caller},
    projects::column,
};

fn escaped(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

async fn titles(user: &Caller, query: &str) -> Vec<String> {
    column(user.get(&format!("/v1/tasks?{query}")).await, "title")
}

async fn meant(user: &Caller, filter: &str) -> Vec<String> {
    titles(user, &format!("filter={}", escaped(filter))).await
}

async fn tasks(user: &Caller, tasks: Value) {
    for task in tasks.as_array().unwrap() {
        user.task(task.clone()).await;
    }
}

#[tokio::test]
async fn a_filter_says_which_tasks_are_listed() {
    let app = App::start().await;
    let user = app.user().await;
    let home = user.post("/v1/projects", json!({ "name": "Home office" }));
    let home = home.await.expect(201).id();
    tasks(
        &user,
        json!([
            { "title": "rent", "priority": "P1", "project": home },
            { "title": "late", "due": { "date": "2020-01-01" }, "project": home },
            { "title": "waiting", "priority": "P1", "project": home, "tags": ["waiting"] },
            { "title": "elsewhere", "priority": "P1" },
        ]),
    )
    .await;
    let filter = "(p1 | overdue) & #\"Home office\" & !@waiting";
    assert_eq!(meant(&user, filter).await, ["rent", "late"]);
    assert_eq!(
        meant(&user, "title: WAIT | no project").await,
        ["waiting", "elsewhere"]
    );
    assert_eq!(meant(&user, "nothing").await, [""; 0]);
    // It narrows what the parameters let through, and pages go on with it.
    let both = format!(
        "filter={}&priority=P1&sort=title&order=desc&limit=1",
        escaped("#Home*")
    );
    let first = user.get(&format!("/v1/tasks?{both}")).await.expect(200);
    assert_eq!(first.body["items"][0]["title"], "waiting");
    let next = first.body["nextCursor"].as_str().unwrap();
    assert_eq!(
        titles(&user, &format!("{both}&cursor={next}")).await,
        ["rent"]
    );
    // One that speaks of neither means both what is open and what is done.
    let id = user.get("/v1/tasks?limit=1").await.body["items"][0]["id"].clone();
    let done = format!("/v1/tasks/{}/complete", id.as_str().unwrap());
    user.act(&done).await.expect(200);
    assert_eq!(meant(&user, filter).await, ["rent", "late"]);
    assert_eq!(meant(&user, &format!("done & {filter}")).await, ["rent"]);
    let open = format!("status=open&filter={}", escaped(filter));
    assert_eq!(titles(&user, &open).await, ["late"]);
}

#[tokio::test]
async fn a_filter_that_is_none_is_refused_with_the_place_and_what_was_meant() {
    let app = App::start().await;
    let user = app.user().await;
    let path = format!("/v1/tasks?filter={}", escaped("#häuschen & overdeu"));
    let problem = user.get(&path).await.expect(422).body;
    assert_eq!(problem["errors"][0]["field"], "filter");
    let message = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(
        message.starts_with("characters 12 to 19: expected a condition"),
        "{message}"
    );
    assert!(message.ends_with("did you mean `overdue`?"), "{message}");
    for filter in ["", "p1 &", "(p1", &"p1|".repeat(400), "\0"] {
        let path = format!("/v1/tasks?filter={}", escaped(filter));
        assert_eq!(user.get(&path).await.fields(), ["filter"], "{filter:?}");
    }
}

#[tokio::test]
async fn days_are_those_of_the_user() {
    let app = App::start().await;
    let zone = Tz::Pacific__Kiritimati; // 14 hours ahead: another day than UTC's for most of it
    let user = app.user_in(zone).await;
    let today = Utc::now().with_timezone(&zone).date_naive();
    for (title, days) in [("yesterday", -1), ("today", 0), ("soon", 6), ("later", 7)] {
        let date = (today + Duration::days(days)).to_string();
        user.task(json!({ "title": title, "due": { "date": date } }))
            .await;
    }
    user.task(json!({ "title": "undated" })).await;
    for (query, expected) in [
        ("due=overdue", vec!["yesterday"]),
        ("due=today", vec!["today"]),
        ("due=week", vec!["today", "soon"]),
        ("due=none", vec!["undated"]),
        ("filter=today", vec!["today"]),
        ("filter=due%3E%2B6d", vec!["later"]),
    ] {
        assert_eq!(titles(&user, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn each_field_has_its_parameter() {
    let app = App::start().await;
    let user = app.user().await;
    tasks(
        &user,
        json!([
            { "title": "a", "tags": ["x"] },
            { "title": "b", "tags": ["y"], "due": { "date": "2030-01-01" }, "reminders": [{ "beforeSeconds": 0 }] },
            { "title": "c", "tags": ["x", "y"], "due": { "date": "2030-01-02" }, "recurrence": { "rrule": "FREQ=DAILY" } },
            { "title": "d" },
        ]),
    )
    .await;
    for (query, expected) in [
        ("tag=x&tag=y", "c"),
        ("tagAny=x&tagAny=y", "abc"),
        ("tagNone=x", "bd"),
        ("tagNone=x&tagNone=y", "d"),
        ("tagAny=x&tagNone=y", "a"),
        ("hasReminder=true", "b"),
        ("hasReminder=false", "acd"),
        ("isRecurring=true", "c"),
        ("isRecurring=false", "abd"),
        ("createdAfter=2020-01-01T00:00:00Z", "abcd"),
        ("createdBefore=2020-01-01T00:00:00Z", ""),
        ("updatedAfter=9000-01-01T00:00:00Z", ""),
        ("updatedBefore=9000-01-01T00:00:00Z", "abcd"),
        ("completedAfter=2020-01-01T00:00:00Z", ""),
        ("dueAfter=2030-01-02T00:00:00Z", "c"),
    ] {
        assert_eq!(titles(&user, query).await.concat(), expected, "{query}");
    }
    let id = user.get("/v1/tasks?tag=x&limit=1").await.body["items"][0]["id"].clone();
    let done = format!("/v1/tasks/{}/complete", id.as_str().unwrap());
    user.act(&done).await.expect(200);
    // What asks for a time of completion asks for completed tasks.
    for query in [
        "completedAfter=2020-01-01T00:00:00Z",
        "completedBefore=9000-01-01T00:00:00Z",
        "sort=completed",
    ] {
        assert_eq!(titles(&user, query).await, ["a"], "{query}");
    }
}

#[tokio::test]
async fn titles_stand_as_in_a_dictionary() {
    let app = App::start().await;
    let user = app.user().await;
    let long = "b".repeat(200);
    for title in ["Zebra", "apple", "Ärger", "Apple", "a:b:c", &long, "zebra"] {
        user.task(json!({ "title": title })).await;
    }
    let expected = ["a:b:c", "apple", "Apple", "Ärger", &long, "zebra", "Zebra"];
    assert_eq!(titles(&user, "sort=title").await, expected);
    // One by one, there and back.
    let mut backwards = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/tasks?sort=title&order=desc&limit=1{cursor}");
        let page = user.get(&path).await.expect(200);
        let next = page.body["nextCursor"].as_str().map(str::to_owned);
        backwards.extend(column(page, "title"));
        let Some(next) = next else { break };
        cursor = format!("&cursor={next}");
    }
    backwards.reverse();
    assert_eq!(backwards, expected);
}

#[tokio::test]
async fn the_last_change_and_the_completion_are_orders() {
    let app = App::start().await;
    let user = app.user().await;
    let mut ids = Vec::new();
    for title in ["a", "b", "c"] {
        ids.push(user.task(json!({ "title": title })).await.id());
    }
    let first = format!("/v1/tasks/{}", ids[0]);
    user.patch(&first, json!({ "priority": "P1" }))
        .await
        .expect(200);
    assert_eq!(titles(&user, "sort=updated").await, ["b", "c", "a"]);
    assert_eq!(
        titles(&user, "sort=updated&order=desc").await,
        ["a", "c", "b"]
    );
    for id in [&ids[2], &ids[0]] {
        user.act(&format!("/v1/tasks/{id}/complete"))
            .await
            .expect(200);
    }
    let completed = "status=completed&sort=completed";
    assert_eq!(titles(&user, completed).await, ["c", "a"]);
    let page = user
        .get(&format!("/v1/tasks?{completed}&limit=1"))
        .await
        .expect(200);
    let next = page.body["nextCursor"].as_str().unwrap();
    assert_eq!(
        titles(&user, &format!("{completed}&cursor={next}")).await,
        ["a"]
    );
    for query in ["sort=completed&status=open", "sort=completed&status=all"] {
        let fields = user.get(&format!("/v1/tasks?{query}")).await.fields();
        assert_eq!(fields, ["sort"], "{query}");
    }
}

#[tokio::test]
async fn a_total_is_told_to_whoever_asks() {
    let app = App::start().await;
    let user = app.user().await;
    for title in ["a", "b", "c"] {
        user.task(json!({ "title": title })).await;
    }
    let page = user
        .get("/v1/tasks?limit=1&total=true&filter=!title:b")
        .await;
    let body = page.expect(200).body;
    assert_eq!(
        (&body["total"], &body["totalIsExact"]),
        (&json!(2), &json!(true))
    );
    for query in ["", "?total=false"] {
        let body = user
            .get(&format!("/v1/tasks{query}"))
            .await
            .expect(200)
            .body;
        assert_eq!(body.get("total"), None);
    }
}
