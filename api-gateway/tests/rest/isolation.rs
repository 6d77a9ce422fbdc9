use axum::{body::Body, http::Method};
use serde_json::json;

use super::app::App;

#[tokio::test]
async fn nobody_sees_or_changes_what_belongs_to_another() {
    let app = App::start().await;
    let (ada, eve) = (app.user().await, app.user().await);
    let task = json!({ "title": "Secret", "due": { "date": "2030-01-01" }, "reminders": [{ "beforeSeconds": 0 }] });
    let task = ada.task(task).await;
    let path = format!("/v1/tasks/{}", task.id());
    let new = json!({ "type": "webhook", "url": "https://example.com" });
    let channel = ada.post("/v1/channels", new).await.expect(201).id();

    eve.get(&path).await.expect(404);
    eve.get(&format!("{path}/reminders")).await.expect(404);
    eve.patch(&path, json!({ "title": "Mine" }))
        .await
        .expect(404);
    eve.delete(&path).await.expect(404);
    for act in ["complete", "reopen", "restore"] {
        eve.act(&format!("{path}/{act}")).await.expect(404);
    }
    eve.delete(&format!("/v1/channels/{channel}"))
        .await
        .expect(404);
    for list in ["/v1/tasks?status=all", "/v1/channels", "/v1/audit"] {
        assert_eq!(eve.get(list).await.expect(200).body["items"], json!([]));
    }
    let reminder =
        json!({ "at": "2030-01-01T00:00:00Z", "channels": [{ "type": "webhook", "id": channel }] });
    let foreign = json!({ "title": "x", "reminders": [reminder] });
    assert_eq!(
        eve.post("/v1/tasks", foreign).await.fields(),
        ["reminders[0].channels[0].id"]
    );
    // The same content under the id of another's task is no repetition.
    let copy = json!({ "id": task.id(), "title": "Secret" });
    eve.post("/v1/tasks", copy).await.expect(409);

    assert_eq!(ada.get(&path).await.expect(200).body, task.body);
    ada.delete(&path).await.expect(204);
    eve.act(&format!("{path}/restore")).await.expect(404);
    ada.get(&path).await.expect(404);
}

#[tokio::test]
async fn without_a_token_only_what_makes_one_and_the_health_check_answer() {
    let app = App::start().await;
    let nobody = app.anonymous();
    let document = serde_json::to_value(gateway::document()).unwrap();
    let mut refused = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"] == json!([{}]) {
                // The link of an e-mail carries a signed token of its own.
                let open = [
                    "/v1/users",
                    "/v1/login",
                    "/v1/unsubscribe/{channel}/{token}",
                ];
                assert!(open.contains(&path.as_str()), "{path}");
                continue;
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{id}", "00000000-0000-0000-0000-000000000000");
            let answer = nobody.send(method, &path, &[], Body::empty()).await;
            let answer = answer.expect(401);
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            refused += 1;
        }
    }
    assert_eq!(refused, 26);
    for path in ["/healthz", "/openapi.json"] {
        nobody.get(path).await.expect(200);
    }
}
