use axum::{body::Body, http::Method};
use serde_json::{Value, json};
use uuid::Uuid;

use super::app::{App, Caller};

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

/// What Ada owns, by what a path of the document names with its parameter.
struct Owned {
    task: String,
    series: String,
    project: String,
    filter: String,
    import: String,
    reminder: String,
    channel: String,
    session: String,
    token: String,
    identity: String,
}

impl Owned {
    async fn by(app: &App, user: &Caller) -> Self {
        let new = json!({ "name": "Secret" });
        let project = user.post("/v1/projects", new).await.expect(201).id();
        let new = json!({ "name": "Secret", "filter": "#Secret" });
        let filter = user.post("/v1/filters", new).await.expect(201).id();
        let path = "/v1/imports?format=csv&dryRun=true";
        let file = Body::from("title\nSecret\n");
        let import = user.send(Method::POST, path, &[], file).await;
        let import = import.expect(202).id();
        let task = json!({
            "title": "Secret", "tags": ["secret"], "project": project,
            "due": { "date": "2030-01-01" }, "recurrence": { "rrule": "FREQ=DAILY" },
            "reminders": [{ "beforeSeconds": 0 }],
        });
        let task = user.task(task).await.id();
        let reminders = user.get(&format!("/v1/tasks/{task}/reminders")).await;
        let reminder = reminders.expect(200).body["items"][0]["id"].clone();
        let new = json!({ "type": "webhook", "url": "https://example.com" });
        let channel = user.post("/v1/channels", new).await.expect(201).id();
        let session = user.get("/v1/sessions").await.expect(200).body["items"][0]["id"].clone();
        let new = json!({ "name": "Secret", "scopes": ["tasks:read"] });
        let token = user.post("/v1/tokens", new).await.expect(201).id();
        // A log-in at an issuer needs one: see `rest::oidc`.
        let identity: Uuid = sqlx::query_scalar(
            "insert into identities (id, user_id, issuer, subject)
             values (gen_random_uuid(), $1, 'https://id.example.com', 'secret') returning id",
        )
        .bind(user.id)
        .fetch_one(&*app.pool)
        .await
        .unwrap();
        Self {
            identity: identity.to_string(),
            session: session.as_str().unwrap().to_owned(),
            token,
            series: task.clone(),
            task,
            project,
            filter,
            import,
            reminder: reminder.as_str().unwrap().to_owned(),
            channel,
        }
    }

    /// A path of the document that names what is owned.
    fn fill(&self, path: &str) -> String {
        let (what, name) = [
            ("/v1/tasks/{id}", &self.task),
            ("/v1/series/{id}", &self.series),
            ("/v1/projects/{id}", &self.project),
            ("/v1/filters/{id}", &self.filter),
            ("/v1/imports/{id}", &self.import),
            ("/v1/reminders/{id}", &self.reminder),
            ("/v1/channels/{id}", &self.channel),
            ("/v1/sessions/{id}", &self.session),
            ("/v1/tokens/{id}", &self.token),
            ("/v1/me/identities/{id}", &self.identity),
            ("/v1/tags/{name}", &"secret".to_owned()),
        ]
        .into_iter()
        .find(|(start, _)| path.starts_with(start))
        .map(|(start, id)| (start, id.clone()))
        .unwrap_or_else(|| panic!("say above what {path} names"));
        let (start, _) = what.rsplit_once('/').unwrap();
        path.replacen(what, &format!("{start}/{name}"), 1)
    }
}

/// A body that the operation takes from whoever owns what its path names.
fn body_of(method: &str, path: &str) -> Option<Value> {
    Some(match (method, path) {
        ("PATCH", "/v1/tasks/{id}") => json!({ "title": "Mine" }),
        ("PATCH", "/v1/filters/{id}") => json!({ "name": "Mine" }),
        ("PATCH", "/v1/projects/{id}") => json!({ "name": "Mine" }),
        ("PATCH", "/v1/tags/{name}") => json!({ "name": "mine" }),
        ("POST", "/v1/tasks/{id}/move" | "/v1/projects/{id}/move") => json!({ "to": "first" }),
        ("POST", "/v1/reminders/{id}/snooze") => json!({ "minutes": 5 }),
        _ => return None,
    })
}

/// Every row that a user owns, and every event.
pub(crate) async fn everything(app: &App) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for table in [
        "tasks",
        "projects",
        "saved_filters",
        "imports",
        "reminders",
        "channels",
        "sessions",
        "api_tokens",
        "identities",
        "calendar_feeds",
        "outbox",
        "firings",
        "deliveries",
    ] {
        let query = format!("select row_to_json(t)::text from {table} t order by 1");
        let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_all(&*app.pool)
            .await
            .unwrap();
        rows.extend(found);
    }
    rows
}

#[tokio::test]
async fn no_route_of_the_document_shows_or_changes_what_belongs_to_another() {
    let app = App::start().await;
    let (ada, eve) = (app.user().await, app.user().await);
    let owned = Owned::by(&app, &ada).await;
    let before = everything(&app).await;
    let document = serde_json::to_value(gateway::document()).unwrap();
    let mut calls = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        // The link of an e-mail, and the address of a calendar, is for whoever has it; issuers are for all.
        let is_link = ["/v1/unsubscribe/", "/v1/calendars/", "/v1/oidc/providers/"];
        if !path.contains('{') || is_link.iter().any(|start| path.starts_with(start)) {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            let body = body_of(&method, path);
            let takes_one = operation.get("requestBody").is_some();
            assert_eq!(
                takes_one,
                body.is_some(),
                "give {method} {path} its body above"
            );
            calls.push((method.parse::<Method>().unwrap(), path.clone(), body));
        }
    }
    assert!(calls.len() >= 22, "{}", calls.len());
    for (method, path, body) in &calls {
        let path = owned.fill(path);
        let answer = match body {
            Some(body) => eve.json(method.clone(), &path, body.clone()).await,
            None => eve.send(method.clone(), &path, &[], Body::empty()).await,
        };
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.body);
    }
    assert_eq!(everything(&app).await, before);
    // What names another's things in a body or a query finds nothing either.
    let anything = json!({ "title": "x" });
    let mine = eve.task(anything).await.id();
    let (task, project) = (&owned.task, &owned.project);
    let own = format!("/v1/tasks/{mine}");
    for (field, path, body) in [
        (
            "project",
            "/v1/tasks".to_owned(),
            json!({ "title": "x", "project": project }),
        ),
        (
            "parent",
            "/v1/tasks".to_owned(),
            json!({ "title": "x", "parent": task }),
        ),
        ("before", format!("{own}/move"), json!({ "before": task })),
        ("after", format!("{own}/move"), json!({ "after": task })),
        (
            "project",
            format!("{own}/move"),
            json!({ "project": project }),
        ),
        ("parent", format!("{own}/move"), json!({ "parent": task })),
    ] {
        let answer = eve.post(&path, body.clone()).await;
        assert_eq!(answer.fields(), [field], "{path} {body}");
    }
    for patch in [json!({ "project": project }), json!({ "parent": task })] {
        let field = patch.as_object().unwrap().keys().next().unwrap().clone();
        assert_eq!(eve.patch(&own, patch).await.fields(), [field]);
    }
    let lists = [
        format!("/v1/tasks?status=all&project={project}"),
        format!("/v1/tasks?status=all&parent={task}"),
        "/v1/tasks?filter=%23Secret".to_owned(),
        "/v1/tags".to_owned(),
        "/v1/series".to_owned(),
        "/v1/filters".to_owned(),
        "/v1/projects?archived=all".to_owned(),
    ];
    for list in lists {
        assert_eq!(
            eve.get(&list).await.expect(200).body["items"],
            json!([]),
            "{list}"
        );
    }
    let saved = eve
        .get(&format!("/v1/tasks?savedFilter={}", owned.filter))
        .await;
    assert_eq!(saved.fields(), ["savedFilter"]);
    let many = json!({ "operations": [
        { "op": "patch", "id": task, "patch": { "title": "Mine" } },
        { "op": "delete", "id": task },
        { "op": "complete", "id": task },
        { "op": "reopen", "id": task },
        { "op": "restore", "id": task },
        { "op": "skip", "id": task },
        { "op": "move", "id": task, "place": { "to": "first" } },
        { "op": "move", "id": mine, "place": { "before": task } },
        { "op": "create", "task": { "id": task, "title": "Secret" } },
        { "op": "create", "task": { "title": "x", "project": project } },
        { "op": "create", "task": { "title": "x", "parent": task } },
    ] });
    let answer = eve.post("/v1/tasks/bulk", many).await.expect(200).body;
    let statuses = answer["items"].as_array().unwrap().iter();
    let statuses: Vec<u64> = statuses
        .map(|item| item["status"].as_u64().unwrap())
        .collect();
    assert_eq!(
        statuses,
        [404, 404, 404, 404, 404, 404, 404, 422, 409, 422, 422],
        "{answer}"
    );
    let ada_has = ada.get("/v1/sync").await.expect(200).body;
    let shown = eve
        .get(&format!(
            "/v1/sync?token={}",
            ada_has["token"].as_str().unwrap()
        ))
        .await;
    let shown = shown.expect(200).body;
    assert_eq!(
        (&shown["reset"], &shown["projects"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(shown["savedFilters"], json!([]));
    assert_eq!(shown["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(shown["tasks"][0]["id"], mine);
    // The same calls are Ada's to make: what is refused above is refused for whose it is.
    let gone = ["DELETE", "complete", "end", "skip", "restore"];
    let harmless = |(method, path, _): &&(Method, String, Option<Value>)| {
        !gone.contains(&method.as_str()) && !gone.iter().any(|end| path.ends_with(end))
    };
    for (method, path, body) in calls.iter().filter(harmless) {
        let path = owned.fill(path);
        let answer = match body {
            Some(body) => ada.json(method.clone(), &path, body.clone()).await,
            None => ada.send(method.clone(), &path, &[], Body::empty()).await,
        };
        assert!(
            answer.status.is_success(),
            "{method} {path}: {}",
            answer.body
        );
    }
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
                // The link of an e-mail carries a signed token of its own, the address of a calendar its secret.
                let open = [
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
                assert!(open.contains(&path.as_str()), "{path}");
                continue;
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path
                .replace("{id}", "00000000-0000-0000-0000-000000000000")
                .replace("{name}", "x");
            let answer = nobody.send(method, &path, &[], Body::empty()).await;
            let answer = answer.expect(401);
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            refused += 1;
        }
    }
    assert_eq!(refused, 68);
    for path in ["/healthz", "/openapi.json", "/docs", "/docs/style.css"] {
        nobody.get(path).await.expect(200);
    }
}
