use serde_json::{Value, json};

use super::app::{App, Caller};

/// A task at nine each day, Berlin's time, from 7 January 2030.
async fn daily(user: &Caller, more: Value) -> String {
    let mut task = json!({
        "title": "Water", "tags": ["a"],
        "due": { "dateTime": "2030-01-07T09:00:00", "timeZone": "Europe/Berlin" },
        "recurrence": { "rrule": "FREQ=DAILY" },
    });
    json_patch::merge(&mut task, &more);
    user.task(task).await.id()
}

#[tokio::test]
async fn series_are_listed_with_what_comes_next() {
    let app = App::start().await;
    let user = app.user().await;
    let id = daily(&user, json!({})).await;
    let other = daily(
        &user,
        json!({ "title": "Walk", "recurrence": { "rrule": "FREQ=WEEKLY;COUNT=1" } }),
    );
    let other = other.await;
    user.task(json!({ "title": "once" })).await;
    let list = user.get("/v1/series").await.expect(200).body;
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let of = |id: &str| items.iter().find(|series| series["id"] == id).unwrap();
    let series = of(&id);
    let text = series["description"].as_str().unwrap();
    assert!(
        text.starts_with("every day at 09:00, Europe/Berlin"),
        "{text}"
    );
    assert_eq!(series["current"]["id"], json!(id));
    assert_eq!(series["next"], "2030-01-08T08:00:00Z");
    assert_eq!(
        (&series["open"], &series["completed"]),
        (&json!(1), &json!(0))
    );
    assert!(of(&other).get("next").is_none());

    let first = user.get("/v1/series?limit=1").await.expect(200).body;
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = user
        .get(&format!("/v1/series?limit=1&cursor={cursor}"))
        .await;
    let second = second.expect(200).body;
    assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
    assert!(second.get("nextCursor").is_none());
    assert_eq!(user.get("/v1/series?cursor=x").await.fields(), ["cursor"]);
}

#[tokio::test]
async fn a_skipped_occurrence_makes_place_for_the_next_one() {
    let app = App::start().await;
    let user = app.user().await;
    let reminders = json!({ "reminders": [
        { "beforeSeconds": 60 }, { "at": "2030-01-07T07:00:00Z" },
    ] });
    let id = daily(&user, reminders).await;
    let path = format!("/v1/tasks/{id}/skip");
    let skipped = user.act(&path).await.expect(200);
    assert_eq!(skipped.id(), id);
    assert_eq!(skipped.body["due"]["dateTime"], "2030-01-08T09:00:00");
    assert_eq!(skipped.body["occurrence"], "2030-01-08T09:00:00");
    // A fixed instant belonged to the occurrence that was skipped.
    assert_eq!(skipped.body["reminders"].as_array().unwrap().len(), 1);
    let reminders = user.get(&format!("/v1/tasks/{id}/reminders")).await;
    let reminders = reminders.expect(200).body;
    let pending = |item: &&Value| item["phase"] == "Pending";
    let pending: Vec<_> = reminders["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(pending)
        .collect();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0]["fireAt"], "2030-01-08T07:59:00Z");
    assert_eq!(app.events(&id).await, ["task.created", "task.updated"]);

    let once = user.task(json!({ "title": "once" })).await.id();
    user.act(&format!("/v1/tasks/{once}/skip"))
        .await
        .expect(409);
    let last = daily(
        &user,
        json!({ "recurrence": { "rrule": "FREQ=DAILY;COUNT=1" } }),
    )
    .await;
    user.act(&format!("/v1/tasks/{last}/skip"))
        .await
        .expect(409);
    user.act(&format!("/v1/tasks/{id}/complete"))
        .await
        .expect(200);
    user.act(&path).await.expect(409);
}

#[tokio::test]
async fn an_edit_of_this_one_alone_leaves_those_that_follow_as_they_were() {
    let app = App::start().await;
    let user = app.user().await;
    let id = daily(&user, json!({})).await;
    let path = format!("/v1/tasks/{id}");
    let this = format!("{path}?scope=this");
    let edit = json!({ "title": "Water twice", "due": { "dateTime": "2030-01-07T11:00:00" } });
    let alone = user.patch(&this, edit).await.expect(200);
    assert_eq!(alone.body["title"], "Water twice");
    assert_eq!(alone.body["following"]["title"], "Water");
    // The series stays where it was.
    assert_eq!(alone.body["occurrence"], "2030-01-07T09:00:00");
    // What is written for all holds for this one and the others.
    let all = user
        .patch(&path, json!({ "tags": ["b"] }))
        .await
        .expect(200);
    assert_eq!(all.body["following"]["tags"], json!(["b"]));
    assert_eq!(all.body["following"]["title"], "Water");
    let series = user.get("/v1/series").await.expect(200).body;
    assert_eq!(series["items"][0]["title"], "Water");
    // A renamed tag is renamed in what follows, too.
    user.patch("/v1/tags/b", json!({ "name": "c" }))
        .await
        .expect(200);
    let read = user.get(&path).await.expect(200);
    assert_eq!(read.body["following"]["tags"], json!(["c"]));
    let next = user.act(&format!("{path}/skip")).await.expect(200);
    assert_eq!(next.body["title"], "Water");
    assert_eq!(next.body["tags"], json!(["c"]));
    assert_eq!(next.body["due"]["dateTime"], "2030-01-08T09:00:00");
    assert!(next.body.get("following").is_none());
    // What is edited back differs no more.
    user.patch(&this, json!({ "title": "Other" }))
        .await
        .expect(200);
    let back = user
        .patch(&this, json!({ "title": "Water" }))
        .await
        .expect(200);
    assert!(back.body.get("following").is_none());
}

#[tokio::test]
async fn an_edit_of_all_that_follow_moves_the_series() {
    let app = App::start().await;
    let user = app.user().await;
    let id = daily(
        &user,
        json!({ "recurrence": { "rrule": "FREQ=DAILY;COUNT=3" } }),
    )
    .await;
    let path = format!("/v1/tasks/{id}");
    user.act(&format!("{path}/skip")).await.expect(200);
    let following = format!("{path}?scope=following");
    let edit = json!({ "due": { "dateTime": "2030-01-08T10:30:00" } });
    let moved = user.patch(&following, edit).await.expect(200);
    assert_eq!(moved.body["occurrence"], "2030-01-08T10:30:00");
    assert_eq!(moved.body["recurrence"]["start"], "2030-01-08T10:30:00");
    assert_eq!(moved.body["recurrence"]["rrule"], "FREQ=DAILY;COUNT=2");
    let next = user.act(&format!("{path}/skip")).await.expect(200);
    assert_eq!(next.body["due"]["dateTime"], "2030-01-09T10:30:00");
    user.act(&format!("{path}/skip")).await.expect(409);
}

#[tokio::test]
async fn an_edit_with_a_scope_that_does_not_go_with_it_is_named() {
    let app = App::start().await;
    let user = app.user().await;
    let weekly = json!({ "recurrence": { "rrule": "FREQ=WEEKLY;BYDAY=MO" } });
    let id = daily(&user, weekly).await;
    let path = format!("/v1/tasks/{id}");
    let tuesday = json!({ "due": { "dateTime": "2030-01-08T09:00:00" } });
    let refused = user
        .patch(&format!("{path}?scope=following"), tuesday.clone())
        .await;
    assert_eq!(refused.fields(), ["due"]);
    // With a rule that goes with it, it is taken.
    let mut both = tuesday.clone();
    both["recurrence"] = json!({ "rrule": "FREQ=WEEKLY;BYDAY=TU" });
    let moved = user.patch(&format!("{path}?scope=following"), both).await;
    assert_eq!(moved.expect(200).body["occurrence"], "2030-01-08T09:00:00");
    let rule = json!({ "recurrence": null });
    let refused = user.patch(&format!("{path}?scope=this"), rule).await;
    assert_eq!(refused.fields(), ["recurrence"]);
    let refused = user.patch(&format!("{path}?scope=all"), json!({})).await;
    assert_eq!(refused.fields(), ["scope"]);
    let once = user.task(json!({ "title": "once" })).await.id();
    let path = format!("/v1/tasks/{once}?scope=this");
    assert_eq!(user.patch(&path, json!({})).await.fields(), ["scope"]);
}

#[tokio::test]
async fn a_series_is_ended_and_its_history_stays() {
    let app = App::start().await;
    let user = app.user().await;
    let id = daily(&user, json!({})).await;
    let mut done = Vec::new();
    for day in 1..=3 {
        let instance: String = sqlx::query_scalar(
            "insert into tasks (id, owner_id, title, series_id, completed_at)
             values (gen_random_uuid(), $1, 'Water', $2::uuid, $3::timestamptz) returning id::text",
        )
        .bind(user.id)
        .bind(&id)
        .bind(
            format!("2029-12-0{day}T00:00:00Z")
                .parse::<chrono::DateTime<chrono::Utc>>()
                .unwrap(),
        )
        .fetch_one(&*app.pool)
        .await
        .unwrap();
        done.insert(0, instance);
    }
    let series = format!("/v1/series/{id}");
    user.act(&format!("{series}/end")).await.expect(204);
    user.act(&format!("{series}/end")).await.expect(204);
    let list = user.get("/v1/series").await.expect(200).body;
    assert_eq!(list["items"], json!([]));
    let task = user.get(&format!("/v1/tasks/{id}")).await.expect(200).body;
    assert!(task.get("recurrence").is_none() && task.get("completedAt").is_none());
    assert_eq!(task["series"], json!(id));
    assert_eq!(app.events(&id).await, ["task.created", "task.updated"]);

    let mut seen = Vec::new();
    let mut path = format!("{series}/completions?limit=2");
    loop {
        let page = user.get(&path).await.expect(200).body;
        let items = page["items"].as_array().unwrap();
        seen.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["nextCursor"].as_str() else {
            break;
        };
        path = format!("{series}/completions?limit=2&cursor={next}");
    }
    assert_eq!(seen, done);
    for cursor in ["x", "OjE", ""] {
        let path = format!("{series}/completions?cursor={cursor}");
        assert_eq!(user.get(&path).await.fields(), ["cursor"]);
    }
    let nothing = "/v1/series/00000000-0000-0000-0000-000000000007";
    user.get(&format!("{nothing}/completions"))
        .await
        .expect(404);
    user.act(&format!("{nothing}/end")).await.expect(404);
}

#[tokio::test]
async fn a_preview_tells_what_a_recurrence_would_do() {
    let app = App::start().await;
    let user = app.user().await;
    let asked = json!({
        "recurrence": { "rrule": "FREQ=DAILY" },
        "due": { "dateTime": "2027-03-01T02:30:00", "timeZone": "Europe/Berlin" },
        "count": 2, "after": "2027-03-27T12:00:00Z",
    });
    let preview = user
        .post("/v1/recurrence/preview", asked)
        .await
        .expect(200)
        .body;
    assert_eq!(preview["description"], "every day at 02:30, Europe/Berlin");
    assert_eq!(
        preview["occurrences"],
        json!([
            { "local": "2027-03-28T03:30:00", "at": "2027-03-28T01:30:00Z" },
            { "local": "2027-03-29T02:30:00", "at": "2027-03-29T00:30:00Z" },
        ])
    );
    let change = &preview["clockChange"];
    assert_eq!(change["at"], "2027-03-28T01:00:00Z");
    assert_eq!(change["seconds"], 3600);
    let text = change["text"].as_str().unwrap();
    assert!(
        text.contains("02:30 does not exist that day, it comes at 03:30"),
        "{text}"
    );

    let all_day = json!({
        "recurrence": { "preset": { "kind": "daily" } }, "due": { "date": "2030-01-01" },
        "timeZone": "Asia/Tokyo",
    });
    let preview = user
        .post("/v1/recurrence/preview", all_day)
        .await
        .expect(200)
        .body;
    let first = json!({ "local": "2030-01-01", "at": "2029-12-31T15:00:00Z" });
    assert_eq!(preview["occurrences"][0], first);
    assert_eq!(preview["occurrences"].as_array().unwrap().len(), 5);
    assert!(preview.get("clockChange").is_none());
    let list = user.get("/v1/tasks?status=all").await.expect(200).body;
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn every_mistake_of_a_preview_is_named() {
    let app = App::start().await;
    let user = app.user().await;
    let good = json!({ "recurrence": { "rrule": "FREQ=DAILY" }, "due": { "date": "2030-01-01" } });
    for (field, patch) in [
        ("recurrence", json!({ "recurrence": null })),
        (
            "recurrence.rrule",
            json!({ "recurrence": { "rrule": "FREQ=NEVER" } }),
        ),
        ("due", json!({ "due": null })),
        ("due.date", json!({ "due": { "date": "2030-02-30" } })),
        ("timeZone", json!({ "timeZone": "Mars/Olympus" })),
        ("count", json!({ "count": 0 })),
        ("count", json!({ "count": 101 })),
        ("count", json!({ "count": -1 })),
        ("after", json!({ "after": "soon" })),
        ("before", json!({ "before": 1 })),
    ] {
        let mut body = good.clone();
        json_patch::merge(&mut body, &patch);
        let answer = user.post("/v1/recurrence/preview", body.clone()).await;
        assert_eq!(answer.fields(), [field], "{body}");
    }
    let mut far = good;
    far["after"] = json!("9998-12-31T00:00:00Z");
    far["count"] = json!(100);
    let preview = user
        .post("/v1/recurrence/preview", far)
        .await
        .expect(200)
        .body;
    assert!(preview["occurrences"].as_array().unwrap().len() <= 100);
}
