//! What is HTTP about it.

use axum::{
    body::Body,
    http::{HeaderValue, Method},
};
use gateway::{Gateway, RateLimits};
use serde_json::json;

use super::client::{Assistant, message, program};
use crate::rest::app::App;

#[tokio::test]
async fn who_shows_no_token_is_told_how_tokens_are_sent() {
    let app = App::start().await;
    let nobody = app.anonymous();
    let list =
        async |headers: &[(&str, &str)]| message(&nobody, headers, "tools/list", json!({})).await;
    let refused = list(&[]).await.expect(401);
    assert_eq!(
        refused.headers["www-authenticate"],
        "Bearer resource_metadata=\"http://localhost/.well-known/oauth-protected-resource/mcp\""
    );
    list(&[("authorization", "Bearer tds_wrong")])
        .await
        .expect(401);
    let get = async |path: &str, headers: &[(&str, &str)]| {
        nobody.send(Method::GET, path, headers, Body::empty()).await
    };
    for path in ["", "/mcp"] {
        let path = format!("/.well-known/oauth-protected-resource{path}");
        let headers = [("host", "todo.example.com"), ("x-forwarded-proto", "https")];
        let metadata = get(&path, &headers).await.expect(200);
        assert_eq!(metadata.headers["cache-control"], "no-store");
        assert_eq!(metadata.body["resource"], "https://todo.example.com/mcp");
        assert_eq!(metadata.body["bearer_methods_supported"], json!(["header"]));
        assert_eq!(metadata.body["scopes_supported"][1], "tasks:write");
        assert!(metadata.body.get("authorization_servers").is_none());
        let odd = get(&path, &[("host", "a\"b")]).await;
        odd.expect(400);
        get(&path, &[]).await.expect(400);
    }
    let gateway = Gateway::new(app.pool.clone(), app.keys.clone()).unwrap();
    let told = App {
        router: gateway::router(gateway.reached_at(Some("https://todo.example.com/".into()))),
        pool: app.pool.clone(),
        keys: app.keys.clone(),
    };
    let refused = message(&told.anonymous(), &[], "tools/list", json!({}))
        .await
        .expect(401);
    assert_eq!(
        refused.headers["www-authenticate"],
        "Bearer resource_metadata=\"https://todo.example.com/.well-known/oauth-protected-resource/mcp\""
    );
}

#[tokio::test]
async fn pages_of_other_origins_may_not_call() {
    let app = App::start().await;
    let open = app.open_to("https://app.example.com");
    let user = app.user().await.at(&open);
    let from = async |origin: &str, host: &str| {
        let headers = [("origin", origin), ("host", host)];
        let answer = message(&user, &headers, "tools/list", json!({})).await;
        answer.status.as_u16()
    };
    assert_eq!(
        from("https://app.example.com", "todo.example.com").await,
        200
    );
    assert_eq!(
        from("https://evil.example.com", "todo.example.com").await,
        403
    );
    // A name that its owner makes mean this machine.
    assert_eq!(
        from("http://evil.example.com", "evil.example.com").await,
        403
    );
    assert_eq!(from("null", "localhost").await, 403);
    assert_eq!(from("http://localhost", "localhost").await, 200);
    let headers = [
        ("origin", "https://app.example.com"),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "authorization,content-type,mcp-protocol-version",
        ),
    ];
    let preflight = user
        .send(Method::OPTIONS, "/mcp", &headers, Body::empty())
        .await;
    let allowed = preflight.headers["access-control-allow-headers"]
        .to_str()
        .unwrap();
    assert!(allowed.contains("mcp-protocol-version"), "{allowed}");
}

#[tokio::test]
async fn each_message_stands_for_itself_and_is_answered_by_json() {
    let app = App::start().await;
    let user = program(&app.user().await, &["tasks:read"]).await;
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let client = json!({ "name": "test", "version": "1" });
        let hello = json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client });
        let answer = message(&user, &[], "initialize", hello).await.expect(200);
        assert_eq!(answer.headers["content-type"], "application/json");
        assert!(!answer.headers.contains_key("mcp-session-id"));
        assert_eq!(answer.body["result"]["protocolVersion"], version);
        // Any replica goes on: nothing is kept of the greeting.
        let replica = user.clone().at(&app.replica("", "192.0.2.1:4711"));
        let headers = [("mcp-protocol-version", version)];
        let list = json!({ "name": "list_tasks" });
        let answer = message(&replica, &headers, "tools/call", list)
            .await
            .expect(200);
        assert_eq!(
            answer.body["result"]["structuredContent"]["items"],
            json!([])
        );
    }
    let get = user
        .send(Method::GET, "/mcp", &[("host", "localhost")], Body::empty())
        .await;
    assert_eq!(
        (get.status.as_u16(), &get.headers["allow"]),
        (405, &HeaderValue::from_static("POST"))
    );
    let long = json!({ "name": "add_task", "arguments": { "title": "x".repeat(300 * 1024) } });
    assert_eq!(message(&user, &[], "tools/call", long).await.status, 413);
}

#[tokio::test]
async fn a_call_is_one_request_of_its_user() {
    let app = App::start().await;
    let user = app.user().await;
    let gateway = Gateway::new(app.pool.clone(), app.keys.clone()).unwrap();
    let limits = RateLimits {
        user: Some("3/300".parse().unwrap()),
        address: None,
    };
    let limited = App {
        router: gateway::router(gateway.with_rate_limits(limits)),
        pool: app.pool.clone(),
        keys: app.keys.clone(),
    };
    let id = user.task(json!({ "title": "x" })).await.id();
    let user = user.at(&limited);
    let list = json!({ "name": "list_tasks" });
    let answer = message(&user, &[], "tools/call", list.clone())
        .await
        .expect(200);
    assert!(
        answer.headers["ratelimit"]
            .to_str()
            .unwrap()
            .starts_with("\"user\";r=2;")
    );
    // It reads the task and its reminders.
    let get = json!({ "name": "get_task", "arguments": { "id": id } });
    let answer = message(&user, &[], "tools/call", get.clone())
        .await
        .expect(200);
    assert_eq!(answer.body["result"]["isError"], false);
    message(&user, &[], "tools/list", json!({}))
        .await
        .expect(429);
}

#[tokio::test]
async fn a_call_with_a_key_is_done_once() {
    let app = App::start().await;
    let user = app.user().await;
    let key = [("idempotency-key", "one"), ("x-request-id", "from-a-proxy")];
    let add = json!({ "name": "add_task", "arguments": { "title": "x" } });
    let first = message(&user, &key, "tools/call", add.clone())
        .await
        .expect(200);
    assert_eq!(first.headers["x-request-id"], "from-a-proxy");
    let again = message(&user, &key, "tools/call", add).await.expect(200);
    assert_eq!(again.body["result"], first.body["result"]);
    let list = user.get("/v1/tasks").await.expect(200);
    assert_eq!(list.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn clients_are_told_what_a_tool_does() {
    let app = App::start().await;
    let user = app.user().await;
    let assistant = Assistant::of(&app, &user).await;
    let info = assistant.mcp.peer_info().unwrap();
    assert_eq!(info.server_info.as_ref().unwrap().name, "todostack");
    assert!(
        info.instructions
            .as_ref()
            .unwrap()
            .contains("they are data")
    );
    let tools = assistant.mcp.list_all_tools().await.unwrap();
    assert_eq!(tools, mcp::tools());
    for tool in tools {
        let hints = tool.annotations.as_ref().unwrap();
        assert_eq!(hints.open_world_hint, Some(false));
        let reads = hints.read_only_hint == Some(true);
        assert_eq!(
            reads,
            ["get_", "list_", "search_", "preview_", "reminder_history"]
                .iter()
                .any(|start| tool.name.starts_with(start)),
            "{}",
            tool.name
        );
        let loses = hints.destructive_hint == Some(true);
        assert_eq!(loses, ["update_task", "delete_task"].contains(&&*tool.name));
        assert_eq!(
            tool.input_schema["additionalProperties"], false,
            "{}",
            tool.name
        );
        assert!(tool.output_schema.is_some() && tool.title.is_some());
    }
}
