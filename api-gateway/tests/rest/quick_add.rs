//! Tasks from one line.

use serde_json::{Value, json};

use super::app::App;

const RENT: &str = "pay rent every month on the 1st at 9 p1 #home @bank remind me 1 day before";

/// What stands in `line` at a span, which counts UTF-16 code units.
fn slice(line: &str, span: &Value) -> String {
    let units: Vec<u16> = line.encode_utf16().collect();
    let place = |end: &str| usize::try_from(span[end].as_u64().unwrap()).unwrap();
    String::from_utf16(&units[place("start")..place("end")]).unwrap()
}

#[tokio::test]
async fn a_line_becomes_a_task_and_tells_what_each_part_was_read_as() {
    let app = App::start().await;
    let user = app.user().await;
    let project = json!({ "name": "Home" });
    let project = user.post("/v1/projects", project).await.expect(201).id();

    let answer = user.post("/v1/tasks/quick", json!({ "line": RENT })).await;
    let body = answer.expect(201).body;
    let task = &body["task"];
    assert_eq!(task["title"], "pay rent");
    assert_eq!(task["priority"], "P1");
    assert_eq!(task["tags"], json!(["bank"]));
    assert_eq!(task["project"], json!(project));
    assert_eq!(task["reminders"][0]["beforeSeconds"], 24 * 3600);
    assert!(
        task["due"]["dateTime"]
            .as_str()
            .unwrap()
            .ends_with("-01T09:00:00")
    );
    let parts: Vec<(String, &str)> = body["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| (slice(RENT, &part["span"]), part["kind"].as_str().unwrap()))
        .collect();
    assert!(parts.contains(&("p1".into(), "priority")), "{parts:?}");
    assert!(parts.contains(&("#home".into(), "project")), "{parts:?}");
    assert!(
        parts.contains(&("remind me 1 day before".into(), "reminder")),
        "{parts:?}"
    );

    // What was read is what POST /v1/tasks takes.
    let same = user.task(body["input"].clone()).await.body;
    for field in ["title", "due", "recurrence", "reminders", "project", "tags"] {
        assert_eq!(same[field], task[field], "{field}");
    }
}

#[tokio::test]
async fn a_dry_run_makes_nothing_and_an_id_makes_it_once() {
    let app = App::start().await;
    let user = app.user().await;
    let id = uuid::Uuid::now_v7();
    let mut quick = json!({ "line": "call Zoë 🎉 2030-03-14 !1", "id": id, "dryRun": true });
    let dry = user
        .post("/v1/tasks/quick", quick.clone())
        .await
        .expect(200)
        .body;
    assert_eq!(dry["input"]["title"], "call Zoë 🎉");
    assert_eq!(dry["input"]["due"]["date"], "2030-03-14");
    assert!(dry.get("task").is_none());
    let list = user.get("/v1/tasks").await.expect(200).body;
    assert_eq!(list["items"], json!([]));

    quick["dryRun"] = json!(false);
    for status in [201, 200] {
        let made = user
            .post("/v1/tasks/quick", quick.clone())
            .await
            .expect(status);
        assert_eq!(made.body["task"]["id"], json!(id));
    }
    let list = user.get("/v1/tasks").await.expect(200).body;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_its_place() {
    let app = App::start().await;
    let user = app.user().await;
    for (line, place) in [
        ("standup 9-11am", "characters 8 to 14"),
        ("tomorrow", "characters 0 to 8"),
        ("paint #attic", "characters 6 to 12"),
    ] {
        let answer = user.post("/v1/tasks/quick", json!({ "line": line })).await;
        let body = answer.expect(422).body;
        assert_eq!(body["errors"][0]["field"], "line", "{line}: {body}");
        let message = body["errors"][0]["detail"].as_str().unwrap();
        assert!(message.starts_with(place), "{line}: {message}");
    }
    let nobody_elses = app.user().await;
    nobody_elses
        .post("/v1/projects", json!({ "name": "attic" }))
        .await
        .expect(201);
    let line = json!({ "line": "paint #attic" });
    user.post("/v1/tasks/quick", line).await.expect(422);
    let list = user.get("/v1/tasks").await.expect(200).body;
    assert_eq!(list["items"], json!([]));
}
