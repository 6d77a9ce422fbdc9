//! What the tools do.

use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};

use super::client::{Assistant, program};
use crate::rest::app::App;

#[tokio::test]
async fn a_task_is_added_read_changed_and_completed() {
    let app = App::start().await;
    let user = app.user().await;
    let assistant = Assistant::of(&app, &user).await;
    let task = assistant
        .done(
            "add_task",
            json!({
                "title": "Pay rent", "priority": "P1", "tags": ["bank"],
                "due": { "date": "2030-01-01" }, "recurrence": { "rrule": "FREQ=MONTHLY" },
                "reminders": [{ "beforeSeconds": 3600 }],
            }),
        )
        .await;
    let id = &task["id"];
    let path = format!("/v1/tasks/{}", id.as_str().unwrap());
    let rest = user.get(&path).await.expect(200).body;
    for (field, value) in task.as_object().unwrap() {
        // An empty list of channels is left out.
        if field != "reminders" {
            assert_eq!(value, &rest[field], "{field}");
        }
    }
    assert_eq!(task["reminders"], json!([{ "beforeSeconds": 3600 }]));

    let whole = assistant.done("get_task", json!({ "id": id })).await;
    assert_eq!(whole["task"], task);
    assert_eq!(whole["reminders"][0]["phase"], "Pending");
    assert_eq!(whole["reminders"][0]["fireAt"], "2030-01-01T08:00:00Z");

    let changes = json!({ "id": id, "version": task["version"], "changes": { "title": "Pay the rent", "priority": null } });
    let changed = assistant.done("update_task", changes.clone()).await;
    assert_eq!(changed["title"], "Pay the rent");
    assert_eq!(changed["priority"], "P4");
    let late = assistant.refused("update_task", changes).await;
    assert!(late.contains("412"), "{late}");
    let alone = json!({ "id": id, "scope": "this", "changes": { "title": "Pay double" } });
    assert_eq!(
        assistant.done("update_task", alone).await["title"],
        "Pay double"
    );

    let done = assistant.done("complete_task", json!({ "id": id })).await;
    assert!(done["completedAt"].is_string());
    let again = assistant.done("complete_task", json!({ "id": id })).await;
    assert_eq!(again, done);
    let open = assistant.done("reopen_task", json!({ "id": id })).await;
    assert!(open.get("completedAt").is_none(), "{open}");
}

#[tokio::test]
async fn a_task_is_deleted_and_comes_back() {
    let app = App::start().await;
    let user = app.user().await;
    let assistant = Assistant::of(&app, &user).await;
    let id = user.task(json!({ "title": "Old" })).await.id();
    let late = assistant.refused("delete_task", json!({ "id": id, "version": 7 }));
    assert!(late.await.contains("412"));
    let gone = assistant.done("delete_task", json!({ "id": id })).await;
    assert_eq!(gone, json!({ "id": id }));
    let said = assistant.refused("get_task", json!({ "id": id })).await;
    assert_eq!(said, "Not done. 404 Not Found: there is no such task");
    let back = assistant.done("restore_task", json!({ "id": id })).await;
    assert_eq!(back["title"], "Old");
}

#[tokio::test]
async fn a_line_of_english_becomes_a_task() {
    let app = App::start().await;
    let user = app.user().await;
    let assistant = Assistant::of(&app, &user).await;
    let line = "pay rent every month on the 1st at 9 p1 @bank";
    let dry = json!({ "line": line, "dryRun": true });
    let read = assistant.done("quick_add", dry).await;
    assert!(read.get("task").is_none(), "{read}");
    assert_eq!(read["input"]["tags"], json!(["bank"]));
    let made = assistant.done("quick_add", json!({ "line": line })).await;
    assert_eq!(made["task"]["title"], "pay rent");
    let kinds: Vec<&Value> = made["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| &part["kind"])
        .collect();
    assert_eq!(kinds, ["recurrence", "time", "priority", "tag"]);
    // What a dry run gives is what add_task takes.
    let same = assistant.done("add_task", read["input"].clone()).await;
    assert_eq!(same["recurrence"], made["task"]["recurrence"]);
    let said = assistant.refused("quick_add", json!({ "line": "x #nowhere" }));
    let said = said.await;
    assert!(
        said.contains("- line (#/line): characters 2 to 10: you have no project of this name"),
        "{said}"
    );
}

#[tokio::test]
async fn tasks_are_listed_by_every_filter_and_sort_and_searched() {
    let app = App::start().await;
    let user = app.user().await;
    let assistant = Assistant::of(&app, &user).await;
    let project = user
        .post("/v1/projects", json!({ "name": "Home" }))
        .await
        .expect(201)
        .id();
    let rent = user
        .task(json!({
            "title": "Pay the rent", "tags": ["bank"], "priority": "P1", "project": project,
            "description": "landlord ".repeat(40), "due": { "date": "2030-01-01" },
            "recurrence": { "rrule": "FREQ=MONTHLY" }, "reminders": [{ "beforeSeconds": 0 }],
        }))
        .await
        .id();
    let dentist = user.task(json!({ "title": "Call the dentist" })).await.id();
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|task| task["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let past = "2020-01-01T00:00:00Z";
    for (asked, expected) in [
        (json!({}), vec![&rent, &dentist]),
        (json!({ "filter": "p1 & #Home" }), vec![&rent]),
        (json!({ "status": "completed" }), vec![]),
        (json!({ "priority": ["P1", "P2"] }), vec![&rent]),
        (json!({ "tag": ["bank"] }), vec![&rent]),
        (json!({ "tagAny": ["bank", "shop"] }), vec![&rent]),
        (json!({ "tagNone": ["bank"] }), vec![&dentist]),
        (json!({ "project": project }), vec![&rent]),
        (json!({ "project": "inbox" }), vec![&dentist]),
        (json!({ "parent": "none" }), vec![&rent, &dentist]),
        (json!({ "parent": rent }), vec![]),
        (json!({ "due": "none" }), vec![&dentist]),
        (json!({ "due": "overdue" }), vec![]),
        (
            json!({ "dueBefore": "2030-01-03T00:00:00Z", "dueAfter": past }),
            vec![&rent],
        ),
        (json!({ "createdAfter": past }), vec![&rent, &dentist]),
        (json!({ "createdBefore": past }), vec![]),
        (json!({ "updatedAfter": past }), vec![&rent, &dentist]),
        (json!({ "updatedBefore": past }), vec![]),
        (json!({ "completedAfter": past }), vec![]),
        (json!({ "completedBefore": past }), vec![]),
        (json!({ "hasReminder": true }), vec![&rent]),
        (json!({ "isRecurring": false }), vec![&dentist]),
        (json!({ "sort": "title" }), vec![&dentist, &rent]),
        (
            json!({ "sort": "title", "order": "desc" }),
            vec![&rent, &dentist],
        ),
        (json!({ "sort": "due" }), vec![&rent, &dentist]),
        (json!({ "sort": "priority" }), vec![&rent, &dentist]),
        (json!({ "sort": "manual" }), vec![&rent, &dentist]),
        (
            json!({ "sort": "updated", "order": "desc" }),
            vec![&dentist, &rent],
        ),
        (json!({ "sort": "completed" }), vec![]),
        (
            json!({ "sort": "created", "order": "desc" }),
            vec![&dentist, &rent],
        ),
    ] {
        let page = assistant.done("list_tasks", asked.clone()).await;
        assert_eq!(ids(&page).iter().collect::<Vec<_>>(), expected, "{asked}");
    }

    let first = assistant
        .done("list_tasks", json!({ "limit": 1, "total": true }))
        .await;
    assert_eq!(
        (&first["total"], &first["totalIsExact"]),
        (&json!(2), &json!(true))
    );
    let listed = &first["items"][0];
    assert_eq!(
        (&listed["isCut"], &listed["recurs"], &listed["reminders"]),
        (&json!(true), &json!(true), &json!(1))
    );
    assert_eq!(listed["description"].as_str().unwrap().chars().count(), 200);
    let next = json!({ "limit": 1, "cursor": first["nextCursor"] });
    let second = assistant.done("list_tasks", next).await;
    assert_eq!(ids(&second), std::slice::from_ref(&dentist));
    assert!(second.get("nextCursor").is_none(), "{second}");

    let found = assistant
        .done("search_tasks", json!({ "q": "landl", "sort": "relevance" }))
        .await;
    assert_eq!(ids(&found), [rent]);
    let fuzzy = assistant
        .done("search_tasks", json!({ "q": "dentits" }))
        .await;
    assert_eq!(
        (ids(&fuzzy), &fuzzy["fuzzy"]),
        (vec![dentist], &json!(true))
    );
}

#[tokio::test]
async fn tags_and_projects_are_listed_in_pages() {
    let app = App::start().await;
    let user = app.user().await;
    let assistant = Assistant::of(&app, &user).await;
    user.task(json!({ "title": "x", "tags": ["a", "b"] })).await;
    let tags = assistant.done("list_tags", json!({ "limit": 1 })).await;
    assert_eq!(
        tags["items"],
        json!([{ "name": "a", "open": 1, "total": 1 }])
    );
    let tags = assistant
        .done("list_tags", json!({ "cursor": tags["nextCursor"] }))
        .await;
    assert_eq!(tags["items"][0]["name"], "b");
    for name in ["One", "Two", "Three"] {
        user.post("/v1/projects", json!({ "name": name }))
            .await
            .expect(201);
    }
    let page = assistant.done("list_projects", json!({ "limit": 2 })).await;
    assert_eq!(page["items"][1]["name"], "Two");
    let page = assistant
        .done(
            "list_projects",
            json!({ "limit": 2, "cursor": page["nextCursor"] }),
        )
        .await;
    assert_eq!(page["items"][0]["name"], "Three");
    assert!(page.get("nextCursor").is_none(), "{page}");
    let archived = assistant
        .done("list_projects", json!({ "archived": "true" }))
        .await;
    assert_eq!(archived["items"], json!([]));
}

#[tokio::test]
async fn what_recurs_is_listed_and_previewed() {
    let app = App::start().await;
    let user = app.user().await;
    let assistant = Assistant::of(&app, &user).await;
    let task = json!({ "title": "Water", "due": { "date": "2030-01-01" }, "recurrence": { "rrule": "FREQ=WEEKLY" } });
    let id = user.task(task).await.id();
    let series = assistant.done("list_recurring_tasks", json!({})).await;
    assert_eq!(series["items"][0]["current"]["id"], id);
    assert_eq!(
        series["items"][0]["description"],
        "every week on Tuesday, all day, UTC (the user's zone)"
    );
    let asked = json!({
        "recurrence": { "preset": { "kind": "lastDayOfMonth" } }, "count": 2,
        "due": { "dateTime": "2030-01-31T09:00:00", "timeZone": "Europe/Berlin" }, "after": "2030-01-01T00:00:00Z",
    });
    let preview = assistant.done("preview_recurrence", asked).await;
    assert_eq!(preview["occurrences"][1]["local"], "2030-02-28T09:00:00");
}

#[tokio::test]
async fn a_reminder_is_set_once_put_off_and_tells_its_history() {
    let app = App::start().await;
    let user = app.user().await;
    let assistant = Assistant::of(&app, &user).await;
    let task = json!({ "title": "Call", "due": { "date": "2030-01-01" }, "reminders": [{ "beforeSeconds": 0 }] });
    let id = user.task(task).await.id();
    let new = json!({ "id": id, "at": "2030-01-01T08:00:00Z" });
    let set = assistant.done("set_reminder", new.clone()).await;
    assert_eq!(set["task"]["reminders"].as_array().unwrap().len(), 2);
    let same = assistant.done("set_reminder", new).await;
    assert_eq!(same, set);
    let reminder = &set["reminders"][0];
    assert_eq!(reminder["fireAt"], "2030-01-01T08:00:00Z");
    let said = assistant
        .refused("snooze_reminder", json!({ "id": reminder["id"] }))
        .await;
    assert!(said.contains("minutes"), "{said}");
    let off = assistant
        .done(
            "snooze_reminder",
            json!({ "id": reminder["id"], "minutes": 90 }),
        )
        .await;
    assert_eq!(off["taskId"], id);
    let history = assistant
        .done(
            "reminder_history",
            json!({ "id": reminder["id"], "limit": 1 }),
        )
        .await;
    assert_eq!(history["phase"], "Pending");
    assert_eq!(history["occurrences"][0]["plannedAt"], off["fireAt"]);

    let without_due = user.task(json!({ "title": "Some day" })).await.id();
    let said = assistant
        .refused(
            "set_reminder",
            json!({ "id": without_due, "beforeSeconds": 60 }),
        )
        .await;
    assert_eq!(
        said,
        "Not done. 422 Unprocessable Entity\n- beforeSeconds: the task has no due date to count from; give at"
    );
}

#[tokio::test]
async fn arguments_that_are_wrong_are_named_with_what_would_be_right() {
    let app = App::start().await;
    let user = app.user().await;
    let assistant = Assistant::of(&app, &user).await;
    let id = user.task(json!({ "title": "x" })).await.id();
    for (tool, arguments, said) in [
        (
            "get_task",
            json!({ "id": "7" }),
            "The argument id is wrong: UUID parsing failed",
        ),
        ("get_task", json!({}), "missing field `id`"),
        (
            "get_task",
            json!({ "id": id, "x": 1 }),
            "unknown field `x`, expected `id`",
        ),
        (
            "add_task",
            json!({ "title": "x", "priority": "high" }),
            "The argument priority is wrong: unknown variant `high`, expected one of `P1`",
        ),
        (
            "add_task",
            json!({ "title": "x", "due": { "date": "soon" } }),
            "- due.date (#/due/date): must be a date such as 2026-11-30",
        ),
        (
            "add_task",
            json!({ "title": "x", "reminders": [{ "at": "9" }] }),
            "- reminders[0].at (#/reminders/0/at): must be an instant such as",
        ),
        (
            "update_task",
            json!({ "id": id, "changes": { "title": "" } }),
            "- changes.title (#/changes/title): must not be empty",
        ),
        (
            "update_task",
            json!({ "id": id, "changes": { "colour": 1 } }),
            "- changes.colour (#/changes/colour): unknown field",
        ),
        (
            "update_task",
            json!({ "id": id, "changes": {}, "scope": "this" }),
            "- scope: is for a task that recurs",
        ),
        (
            "list_tasks",
            json!({ "filter": "p5" }),
            "- filter: characters 0 to 2",
        ),
        (
            "list_tasks",
            json!({ "limit": 0 }),
            "- limit: must be a number from 1 to 200",
        ),
        ("list_tasks", json!({ "cursor": "x" }), "- cursor: "),
        (
            "list_projects",
            json!({ "cursor": "x" }),
            "The argument cursor is wrong",
        ),
    ] {
        let text = assistant.refused(tool, arguments.clone()).await;
        assert!(
            text.starts_with("Not done. ") && text.contains(said),
            "{tool} {arguments}: {text}"
        );
    }
    let unknown = CallToolRequestParams::new("drop_table");
    let error = assistant.mcp.call_tool(unknown).await.unwrap_err();
    assert!(error.to_string().contains("there is no tool"), "{error}");
}

#[tokio::test]
async fn a_tool_can_do_no_more_than_its_token() {
    let app = App::start().await;
    let (ada, eve) = (app.user().await, app.user().await);
    let task = json!({ "title": "Secret", "due": { "date": "2030-01-01" }, "reminders": [{ "beforeSeconds": 0 }], "tags": ["secret"] });
    let id = ada.task(task).await.id();
    let path = format!("/v1/tasks/{id}/reminders");
    let reminder = ada.get(&path).await.expect(200).body["items"][0]["id"].clone();
    let with_id = [
        ("get_task", json!({ "id": id })),
        (
            "update_task",
            json!({ "id": id, "changes": { "title": "Mine" } }),
        ),
        ("complete_task", json!({ "id": id })),
        ("reopen_task", json!({ "id": id })),
        ("delete_task", json!({ "id": id })),
        ("restore_task", json!({ "id": id })),
        (
            "set_reminder",
            json!({ "id": id, "at": "2030-01-01T00:00:00Z" }),
        ),
        ("snooze_reminder", json!({ "id": reminder, "minutes": 5 })),
        ("reminder_history", json!({ "id": reminder })),
    ];
    let stranger = Assistant::of(&app, &eve).await;
    for (tool, arguments) in with_id.clone() {
        let said = stranger.refused(tool, arguments).await;
        assert!(
            said.contains("404 Not Found: there is no such"),
            "{tool}: {said}"
        );
    }
    for list in [
        "list_tasks",
        "list_tags",
        "list_projects",
        "list_recurring_tasks",
    ] {
        assert_eq!(stranger.done(list, json!({})).await["items"], json!([]));
    }
    let found = stranger
        .done("search_tasks", json!({ "q": "secret" }))
        .await;
    assert_eq!(found["items"], json!([]));

    let reader = Assistant::of(&app, &program(&ada, &["tasks:read"]).await).await;
    for (tool, arguments) in with_id.into_iter().chain([
        ("add_task", json!({ "title": "x" })),
        ("quick_add", json!({ "line": "x" })),
    ]) {
        if matches!(tool, "get_task" | "reminder_history") {
            reader.done(tool, arguments).await;
            continue;
        }
        let said = reader.refused(tool, arguments).await;
        assert_eq!(
            said, "Not done. 403 Forbidden: this token does not have the scope tasks:write",
            "{tool}"
        );
    }
    assert_eq!(
        ada.get(&format!("/v1/tasks/{id}")).await.expect(200).body["version"],
        1
    );
    let auditor = Assistant::of(&app, &program(&ada, &["audit:read"]).await).await;
    let said = auditor.refused("list_tasks", json!({})).await;
    assert!(said.contains("scope tasks:read"), "{said}");
}
