use serde_json::json;

use super::app::App;

#[tokio::test]
async fn what_is_wrong_in_a_body_is_pointed_at() {
    let app = App::start().await;
    let user = app.user().await;
    let wrong = json!({
        "title": "", "tags": ["x", ""], "due": { "date": "someday" },
        "reminders": [{ "at": "2030-01-01T00:00:00Z" }, { "at": "soon" }],
    });
    let answer = user.post("/v1/tasks", wrong).await;
    let mut pointers = answer.pointers();
    pointers.sort();
    assert_eq!(
        pointers,
        ["#/due/date", "#/reminders/1/at", "#/tags/1", "#/title"]
    );
    for (body, pointer) in [
        (json!({ "title": 7 }), "#/title"),
        (json!({ "title": "x", "a.b/c": 1 }), "#/a.b~1c"),
        (json!({ "title": "x", "due": { "when": 1 } }), "#/due/when"),
        (json!([]), "#"),
    ] {
        let answer = user.post("/v1/tasks", body.clone()).await;
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }
    let answer = user.post("/v1/tasks", json!({})).await.expect(422);
    let fault = &answer.body["errors"][0];
    assert_eq!(fault["field"], "title");
    assert!(
        fault["detail"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    assert!(fault.get("parameter").is_none());
}

#[tokio::test]
async fn what_is_wrong_elsewhere_is_named_as_a_parameter() {
    let app = App::start().await;
    let user = app.user().await;
    for (path, name) in [
        ("/v1/tasks?limit=0", "limit"),
        ("/v1/tasks?sort=colour", "sort"),
        ("/v1/tasks?unknown=1", "unknown"),
        ("/v1/tasks/not-an-id", "id"),
    ] {
        let answer = user.get(path).await.expect(422);
        let fault = &answer.body["errors"][0];
        assert_eq!(fault["parameter"], name, "{path}");
        assert_eq!(fault["field"], name, "{path}");
        assert!(fault.get("pointer").is_none(), "{path}");
    }
}
