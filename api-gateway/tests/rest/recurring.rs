use serde_json::json;

use super::app::App;

#[tokio::test]
async fn a_series_starts_with_its_first_task_on_that_tasks_clock() {
    let app = App::start().await;
    let user = app.user().await;
    let task = json!({
        "title": "Stand-up",
        "due": { "dateTime": "2030-01-07T09:00:00", "timeZone": "Europe/Berlin" },
        "recurrence": { "rrule": "FREQ=WEEKLY;BYDAY=MO" },
    });
    let task = user.task(task).await;
    assert_eq!(task.body["recurrence"]["start"], "2030-01-07T09:00:00");
    assert_eq!(task.body["recurrence"]["timeZone"], "Europe/Berlin");
    assert_eq!(task.body["series"], task.body["id"]);
    assert_eq!(task.body["occurrence"], "2030-01-07T09:00:00");

    let task = json!({
        "title": "Rent",
        "due": { "date": "2030-01-31" },
        "recurrence": { "rrule": "FREQ=MONTHLY", "monthEnd": "lastDay", "basis": "completion" },
    });
    let task = user.task(task).await;
    assert_eq!(task.body["recurrence"]["start"], "2030-01-31");
    assert_eq!(task.body["occurrence"], "2030-01-31");
    let read = user.get(&format!("/v1/tasks/{}", task.id())).await;
    assert_eq!(read.expect(200).body, task.body);
}

#[tokio::test]
async fn the_first_occurrence_is_told_on_the_clock_of_the_series() {
    let app = App::start().await;
    let user = app.user().await;
    let task = json!({
        "title": "Call",
        "due": { "dateTime": "2030-01-07T09:00:00", "timeZone": "Asia/Tokyo" },
        "recurrence": { "rrule": "FREQ=DAILY", "start": "2030-01-07T00:00:00", "timeZone": "UTC" },
    });
    let task = user.task(task).await;
    assert_eq!(task.body["occurrence"], "2030-01-07T00:00:00");
}

#[tokio::test]
async fn a_task_becomes_recurring_and_stops() {
    let app = App::start().await;
    let user = app.user().await;
    let task = json!({ "title": "x", "due": { "date": "2030-01-01" } });
    let task = user.task(task).await;
    let path = format!("/v1/tasks/{}", task.id());
    let patch = json!({ "recurrence": { "rrule": "FREQ=DAILY" } });
    let daily = user.patch(&path, patch).await.expect(200);
    assert_eq!(daily.body["series"], task.body["id"]);
    // Moving this instance moves neither the series nor its name in it.
    let patch = json!({ "due": { "date": "2030-01-02" } });
    let moved = user.patch(&path, patch).await.expect(200);
    assert_eq!(moved.body["occurrence"], "2030-01-01");
    assert_eq!(moved.body["recurrence"]["start"], "2030-01-01");
    let patch = json!({ "due": null });
    assert_eq!(user.patch(&path, patch).await.fields(), ["due"]);
    let patch = json!({ "due": null, "recurrence": null });
    let once = user.patch(&path, patch).await.expect(200);
    assert!(once.body.get("recurrence").is_none());
}

#[tokio::test]
async fn a_rule_that_cannot_be_followed_is_named() {
    let app = App::start().await;
    let user = app.user().await;
    for recurrence in [
        json!({}),
        json!("FREQ=DAILY"),
        json!({ "rrule": "" }),
        json!({ "rrule": "FREQ=NEVER" }),
        json!({ "rrule": "FREQ=SECONDLY" }),
        json!({ "rrule": "FREQ=DAILY", "cron": "0 9 * * *" }),
        json!({ "rrule": "FREQ=DAILY", "timeZone": "Mars/Olympus" }),
        json!({ "rrule": "FREQ=DAILY", "start": "yesterday" }),
        json!({ "rrule": "FREQ=DAILY", "every": 2 }),
        json!({ "rrule": format!("FREQ=DAILY;{}", "X".repeat(2000)) }),
    ] {
        let task =
            json!({ "title": "x", "due": { "date": "2030-01-01" }, "recurrence": recurrence });
        let fields = user.post("/v1/tasks", task).await.fields();
        assert!(
            !fields.is_empty() && fields.iter().all(|field| field.starts_with("recurrence")),
            "{recurrence}: {fields:?}"
        );
    }
    let task =
        json!({ "title": "x", "recurrence": { "rrule": "FREQ=DAILY", "start": "2030-01-01" } });
    assert_eq!(user.post("/v1/tasks", task).await.fields(), ["due"]);
}
