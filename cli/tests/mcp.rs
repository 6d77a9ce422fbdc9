//! `todostack mcp` as an assistant that starts it meets it: on a real gateway with a real Postgres.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::{
    net::SocketAddr,
    process::{Output, Stdio},
};

use gateway::Gateway;
use rmcp::{
    RoleClient, ServiceExt as _,
    model::{CallToolRequestParams, CallToolResult, ReadResourceRequestParams},
    service::RunningService,
};
use runtime::auth::Keys;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
};

/// A gateway of a new user; its URL and the user's token.
async fn gateway() -> (String, String) {
    let store = store::testing::database().await;
    let gateway = Gateway::new(store, Keys::new(&[7; 32]).unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = gateway::router(gateway).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    runtime::tls::install_provider();
    let http = reqwest::Client::new();
    let who = json!({ "email": "ada@example.com", "password": "correct horse battery" });
    let user = http.post(format!("{url}/v1/users")).json(&who);
    let user: Value = user.send().await.unwrap().json().await.unwrap();
    (url, user["accessToken"].as_str().unwrap().to_owned())
}

fn command(url: &str, token: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_todostack"));
    command
        .arg("mcp")
        .env("TODOSTACK_URL", url)
        .env("TODOSTACK_TOKEN", token)
        .kill_on_drop(true);
    command
}

/// An assistant that has started the command.
async fn assistant(url: &str, token: &str) -> (RunningService<RoleClient, ()>, Child) {
    let mut child = command(url, token)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pipes = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    (().serve(pipes).await.unwrap(), child)
}

async fn call(
    assistant: &RunningService<RoleClient, ()>,
    tool: &'static str,
    arguments: Value,
) -> CallToolResult {
    let Value::Object(arguments) = arguments else {
        panic!("arguments are an object");
    };
    let request = CallToolRequestParams::new(tool).with_arguments(arguments);
    assistant.call_tool(request).await.unwrap()
}

#[tokio::test]
async fn it_has_the_tools_of_the_gateway_until_its_input_ends() {
    let (url, token) = gateway().await;
    let (assistant, mut child) = assistant(&format!("{url}/"), &token).await;
    assert_eq!(assistant.list_all_tools().await.unwrap(), mcp::tools());
    let added = call(&assistant, "add_task", json!({ "title": "Pay rent" })).await;
    let task = added.structured_content.unwrap();
    let changes = json!({ "id": task["id"], "changes": { "tags": ["bank"] }, "version": 1 });
    let changed = call(&assistant, "update_task", changes).await;
    assert_eq!(changed.structured_content.unwrap()["tags"], json!(["bank"]));
    let found = call(&assistant, "list_tasks", json!({ "tag": ["bank"] })).await;
    assert_eq!(
        found.structured_content.unwrap()["items"][0]["id"],
        task["id"]
    );
    let uri = format!("todostack://tasks/{}", task["id"].as_str().unwrap());
    let read = ReadResourceRequestParams::new(uri);
    let read = assistant.read_resource(read).await.unwrap();
    assert_eq!(read.contents.len(), 1);
    let wrong = call(&assistant, "add_task", json!({ "title": "" })).await;
    let said = wrong.content[0].as_text().unwrap().text.clone();
    assert!(
        said.contains("- title (#/title): must not be empty"),
        "{said}"
    );
    assistant.cancel().await.unwrap();
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_gateway_that_does_not_know_the_token_or_is_not_there_is_told_of() {
    let (url, _) = gateway().await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    for (url, expected) in [
        (url, "401 Unauthorized".to_owned()),
        (
            nowhere.clone(),
            format!("the gateway at {nowhere} does not answer"),
        ),
    ] {
        let (assistant, _child) = assistant(&url, "tds_secret").await;
        let refused = call(&assistant, "list_tasks", json!({})).await;
        assert_eq!(refused.is_error, Some(true));
        let said = refused.content[0].as_text().unwrap().text.clone();
        assert!(said.contains(&expected), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
}

#[tokio::test]
async fn a_setting_that_is_missing_or_wrong_is_named() {
    for (url, token, expected) in [
        ("", "tds_x", "set TODOSTACK_URL to the gateway's URL"),
        (
            "http://localhost",
            "",
            "set TODOSTACK_TOKEN to an API token",
        ),
        ("localhost:8080", "tds_x", "TODOSTACK_URL is no URL such as"),
        ("http://localhost", "a\nb", "TODOSTACK_TOKEN is no token"),
    ] {
        let Output { status, stderr, .. } = command(url, token).output().await.unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(
            said.starts_with("error: ") && said.contains(expected),
            "{said}"
        );
    }
}
