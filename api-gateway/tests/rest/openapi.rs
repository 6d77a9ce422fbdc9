use axum::http::Method;
use serde_json::Value;

use super::app::App;

fn document() -> Value {
    serde_json::to_value(gateway::document()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, String)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            operations.push((method.to_uppercase(), path.clone()));
        }
    }
    operations.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
    operations
}

#[test]
fn the_document_lists_every_route() {
    let lines: Vec<String> = operations(&document())
        .into_iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    GET /v1/audit
    GET /v1/calendars/{file}
    GET /v1/channels
    POST /v1/channels
    DELETE /v1/channels/{id}
    GET /v1/deliveries/failed
    POST /v1/deliveries/replay
    GET /v1/export/tasks
    GET /v1/filters
    POST /v1/filters
    DELETE /v1/filters/{id}
    GET /v1/filters/{id}
    PATCH /v1/filters/{id}
    POST /v1/imports
    GET /v1/imports/{id}
    POST /v1/login
    POST /v1/logout
    DELETE /v1/me
    GET /v1/me
    PATCH /v1/me
    DELETE /v1/me/calendar
    GET /v1/me/calendar
    POST /v1/me/calendar
    DELETE /v1/me/digest
    GET /v1/me/digest
    PUT /v1/me/digest
    GET /v1/me/export
    GET /v1/me/identities
    POST /v1/me/identities
    DELETE /v1/me/identities/{id}
    PUT /v1/me/password
    DELETE /v1/me/quiet-hours
    GET /v1/me/quiet-hours
    PUT /v1/me/quiet-hours
    GET /v1/oidc/providers
    POST /v1/oidc/providers/{name}/authorizations
    POST /v1/oidc/sessions
    GET /v1/password-reset
    POST /v1/password-reset
    POST /v1/password-reset/confirm
    GET /v1/projects
    POST /v1/projects
    DELETE /v1/projects/{id}
    GET /v1/projects/{id}
    PATCH /v1/projects/{id}
    POST /v1/projects/{id}/archive
    POST /v1/projects/{id}/move
    POST /v1/projects/{id}/unarchive
    GET /v1/push/key
    POST /v1/recurrence/preview
    GET /v1/reminders/{id}/history
    POST /v1/reminders/{id}/snooze
    GET /v1/series
    GET /v1/series/{id}/completions
    POST /v1/series/{id}/end
    GET /v1/sessions
    DELETE /v1/sessions/{id}
    GET /v1/sync
    GET /v1/tags
    DELETE /v1/tags/{name}
    PATCH /v1/tags/{name}
    GET /v1/tasks
    POST /v1/tasks
    POST /v1/tasks/bulk
    POST /v1/tasks/quick
    DELETE /v1/tasks/{id}
    GET /v1/tasks/{id}
    PATCH /v1/tasks/{id}
    POST /v1/tasks/{id}/complete
    POST /v1/tasks/{id}/move
    GET /v1/tasks/{id}/reminders
    POST /v1/tasks/{id}/reopen
    POST /v1/tasks/{id}/restore
    POST /v1/tasks/{id}/skip
    POST /v1/token/refresh
    GET /v1/tokens
    POST /v1/tokens
    DELETE /v1/tokens/{id}
    GET /v1/unsubscribe/{channel}/{token}
    POST /v1/unsubscribe/{channel}/{token}
    POST /v1/users
    ");
}

#[test]
fn every_reference_in_the_document_leads_to_a_schema() {
    fn visit(value: &Value, document: &Value, seen: &mut usize) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(target)) = fields.get("$ref") {
                    let pointer = target.strip_prefix('#').expect("a local reference");
                    assert!(document.pointer(pointer).is_some(), "{target}");
                    *seen += 1;
                }
                fields.values().for_each(|v| visit(v, document, seen));
            }
            Value::Array(items) => items.iter().for_each(|v| visit(v, document, seen)),
            _ => {}
        }
    }
    let document = document();
    let mut seen = 0;
    visit(&document, &document, &mut seen);
    assert!(seen > 30, "{seen}");
}

/// What is not there for the whole stack.
const ALONE_404: [(&str, &str); 4] = [
    ("POST", "/v1/password-reset"),
    ("GET", "/v1/push/key"),
    ("GET", "/v1/me/calendar"),
    ("DELETE", "/v1/me/calendar"),
];

/// What a reference leads to.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).expect("what it leads to"),
        None => value,
    }
}

#[test]
fn every_text_of_a_request_says_that_it_holds_no_nul() {
    fn visit(value: &Value, path: &str, seen: &mut usize) {
        match value {
            Value::Object(fields) => {
                let kind = &fields.get("type").cloned().unwrap_or_default();
                let is_text = kind == "string" || kind == &serde_json::json!(["string", "null"]);
                if is_text
                    && !["enum", "format"]
                        .iter()
                        .any(|key| fields.contains_key(*key))
                {
                    assert!(fields.contains_key("pattern"), "{path}: {value}");
                    *seen += 1;
                }
                for (name, value) in fields {
                    visit(value, &format!("{path}.{name}"), seen);
                }
            }
            Value::Array(items) => items.iter().for_each(|v| visit(v, path, seen)),
            _ => {}
        }
    }
    let mut seen = 0;
    for (name, schema) in document()["components"]["schemas"].as_object().unwrap() {
        // A problem quotes what was sent.
        if name != "Problem" && name != "Fault" {
            visit(schema, name, &mut seen);
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_patch_has_every_field_of_what_it_changes_but_the_id() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    for (whole, patch) in [
        ("TaskInput", "TaskPatch"),
        ("ProjectInput", "ProjectPatch"),
        ("SavedFilterInput", "SavedFilterPatch"),
    ] {
        let mut fields = schemas[whole]["properties"].as_object().unwrap().clone();
        fields.remove("id");
        let patch = &schemas[patch];
        let names = patch["properties"].as_object().unwrap().keys();
        assert!(names.eq(fields.keys()), "{patch}");
        assert_eq!(patch.get("required"), None);
        assert_eq!(patch["additionalProperties"], false);
    }
    let fields = &schemas["TaskPatch"]["properties"];
    assert_eq!(fields["title"]["type"], "string");
    assert_eq!(
        fields["description"]["type"],
        serde_json::json!(["string", "null"])
    );
    assert_eq!(fields["tags"]["type"], serde_json::json!(["array", "null"]));
}

/// Generators of clients name functions by it.
#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = document();
    let mut names = std::collections::BTreeSet::new();
    for (method, path) in operations(&document) {
        let name = &document["paths"][&path][method.to_lowercase()]["operationId"];
        let name = name.as_str().expect("an operationId").to_owned();
        let is_camel = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.chars().all(|sign| sign.is_ascii_alphanumeric());
        assert!(is_camel, "{method} {path}: {name}");
        assert!(names.insert(name.clone()), "{method} {path}: {name}");
    }
}

#[test]
fn every_operation_tells_its_errors_and_needs_a_token_or_says_that_it_does_not() {
    let document = document();
    for (method, path) in operations(&document) {
        let operation = &document["paths"][&path][method.to_lowercase()];
        let responses = operation["responses"].as_object().unwrap();
        let open = operation["security"] == serde_json::json!([{}]);
        let for_anybody = [
            "/v1/users",
            "/v1/login",
            "/v1/logout",
            "/v1/password-reset",
            "/v1/password-reset/confirm",
            "/v1/token/refresh",
            "/v1/oidc/providers",
            "/v1/oidc/providers/{name}/authorizations",
            "/v1/oidc/sessions",
            "/v1/unsubscribe/{channel}/{token}",
            "/v1/calendars/{file}",
        ];
        assert_eq!(open, for_anybody.contains(&path.as_str()), "{path}");
        assert!(
            open || responses.contains_key("401"),
            "{method} {path} does not document 401"
        );
        for (status, response) in responses {
            let response = resolve(&document, response);
            assert_ne!(response["description"], "", "{method} {path} {status}");
            assert!(
                response["headers"]["X-Request-Id"].is_object(),
                "{method} {path}"
            );
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{method} {path}");
            }
        }
        let has = |status: &str| responses.contains_key(status);
        assert!(
            has("429") && has("503") && !has("default"),
            "{method} {path}"
        );
        assert_eq!(
            has("404"),
            path.contains('{') || ALONE_404.contains(&(method.as_str(), path.as_str())),
            "{method} {path}"
        );
        for status in ["400", "413", "415"] {
            let takes_body = operation.get("requestBody").is_some();
            assert!(has(status) >= takes_body, "{method} {path} {status}");
        }
    }
}

#[tokio::test]
async fn every_documented_operation_is_served() {
    let app = App::start().await;
    let user = app.user().await;
    let served = user.get("/openapi.json").await.expect(200).body;
    assert_eq!(served, document());
    for (method, path) in operations(&served) {
        let path = path.replace("{id}", "not-an-id").replace("{name}", "%0A");
        let method: Method = method.parse().unwrap();
        let answer = user.json(method.clone(), &path, Value::Null).await;
        // Its own answer, whatever it is: neither "no such path" nor "not this method".
        let is_none = answer.body["detail"] == "there is no such path";
        assert!(
            !is_none && answer.status.as_u16() != 405,
            "{method} {path}: {}",
            answer.body
        );
    }
}
