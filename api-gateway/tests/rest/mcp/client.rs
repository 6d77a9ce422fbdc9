//! A client of MCP.

use std::net::SocketAddr;

use axum::{Router, body::Body, http::Method};
use rmcp::{
    RoleClient, ServiceExt as _,
    model::{CallToolRequestParams, CallToolResult},
    service::RunningService,
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::rest::app::{Answer, App, Caller};

/// Serves a gateway until the test is over; its address.
pub(super) async fn serve(router: &Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router
        .clone()
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    format!("http://{address}")
}

/// A program with a new token of these scopes.
pub(super) async fn program(user: &Caller, scopes: &[&str]) -> Caller {
    let body = json!({ "name": "assistant", "scopes": scopes });
    let made = user.post("/v1/tokens", body).await.expect(201);
    let mut program = user.clone();
    program.token = Some(made.body["token"].as_str().unwrap().to_owned());
    program
}

/// An assistant.
pub(super) struct Assistant {
    pub(super) mcp: RunningService<RoleClient, ()>,
}

impl Assistant {
    /// One that uses a token of `caller` at the gateway of `app`.
    pub(super) async fn of(app: &App, caller: &Caller) -> Self {
        let address = serve(&app.router).await;
        let token = caller.token.clone().unwrap();
        let settings = StreamableHttpClientTransportConfig::with_uri(format!("{address}/mcp"))
            .auth_header(token);
        runtime::tls::install_provider();
        let transport = StreamableHttpClientTransport::from_config(settings);
        let mcp = ().serve(transport).await.expect("a handshake");
        Self { mcp }
    }

    /// Calls a tool.
    pub(super) async fn call(&self, tool: &'static str, arguments: Value) -> CallToolResult {
        let Value::Object(arguments) = arguments else {
            panic!("arguments are an object: {arguments}");
        };
        let request = CallToolRequestParams::new(tool).with_arguments(arguments);
        self.mcp.call_tool(request).await.expect("a result")
    }

    /// Calls a tool that does what it is asked for.
    pub(super) async fn done(&self, tool: &'static str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_ne!(result.is_error, Some(true), "{tool}: {}", text(&result));
        let output = result.structured_content.clone().expect("an output");
        let same: Value = serde_json::from_str(&text(&result)).unwrap();
        assert_eq!(same, output, "in text it is the same");
        output
    }

    /// Calls a tool that refuses; what it says.
    pub(super) async fn refused(&self, tool: &'static str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result.is_error, Some(true), "{tool}: {}", text(&result));
        text(&result)
    }
}

/// What a result says to a model.
pub(super) fn text(result: &CallToolResult) -> String {
    let [content] = &result.content[..] else {
        panic!("one text: {:?}", result.content);
    };
    content.as_text().expect("a text").text.clone()
}

/// Sends a message of the protocol as an HTTP request.
pub(super) async fn message(
    caller: &Caller,
    headers: &[(&str, &str)],
    method: &str,
    parameters: Value,
) -> Answer {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
    let mut all = vec![
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    all.extend(headers);
    if !headers.iter().any(|(name, _)| *name == "host") {
        all.push(("host", "localhost"));
    }
    let body = Body::from(body.to_string());
    caller.send(Method::POST, "/mcp", &all, body).await
}
