use axum::{body::Body, http::Method};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use super::app::App;

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let app = App::start().await;
    let user = app.user().await;
    let deep = |levels| [vec![b'['; levels], vec![b']'; levels]].concat();
    let nested = |levels| {
        let (open, close) = ("{\"due\":".repeat(levels), "}".repeat(levels));
        format!("{open}1{close}").into_bytes()
    };
    for body in [
        b"".to_vec(),
        b"{".to_vec(),
        b"{\"title\":\"x\"} trailing".to_vec(),
        b"{\"title\":\"\xff\xfe\"}".to_vec(),
        br#"{"title":"\ud800"}"#.to_vec(),
        br#"{"title":"x","priority":1e999}"#.to_vec(),
        b"{\"title\":NaN}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        deep(100_000),
        nested(10_000),
    ] {
        user.raw(Method::POST, "/v1/tasks", body.clone())
            .await
            .expect(400);
        user.raw(Method::POST, "/v1/login", body).await.expect(400);
    }
    user.raw(Method::POST, "/v1/tasks", vec![b' '; 256 * 1024 + 1])
        .await
        .expect(413);
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    user.send(Method::POST, "/v1/tasks", &headers, Body::from("title=x"))
        .await
        .expect(415);
    user.send(Method::POST, "/v1/tasks", &[], Body::from("{}"))
        .await
        .expect(415);
    for body in [json!([]), json!(null), json!("x"), json!(7)] {
        let answer = user.post("/v1/tasks", body.clone()).await;
        assert_eq!(answer.fields().len(), 1, "{body}");
    }
}

#[tokio::test]
async fn the_character_that_postgres_cannot_store_is_named_wherever_it_stands() {
    let app = App::start().await;
    let user = app.user().await;
    let task = user.task(json!({ "title": "x" })).await;
    let path = format!("/v1/tasks/{}", task.id());
    for (field, body) in [
        ("title", json!({ "title": "a\0b" })),
        ("description", json!({ "title": "x", "description": "\0" })),
        ("tags[1]", json!({ "title": "x", "tags": ["a", "\0"] })),
        (
            "due.timeZone",
            json!({ "title": "x", "due": { "dateTime": "2030-01-01T00:00:00", "timeZone": "\0" } }),
        ),
        (
            "recurrence.rrule",
            json!({ "title": "x", "recurrence": { "rrule": "FREQ=DAILY\0" } }),
        ),
        (
            "reminders[0].at",
            json!({ "title": "x", "reminders": [{ "at": "\0" }] }),
        ),
        ("body", json!({ "title": "x", "\0": 1 })),
    ] {
        for method in [Method::POST, Method::PATCH] {
            let path = if method == Method::POST {
                "/v1/tasks"
            } else {
                &path
            };
            let answer = user.json(method, path, body.clone()).await;
            assert_eq!(answer.fields(), [field], "{body}");
        }
    }
    let login = json!({ "email": "a\0@example.com", "password": "0123456789" });
    assert_eq!(user.post("/v1/login", login).await.fields(), ["email"]);
    let password = json!({ "email": "a@example.com", "password": "0123456789\0" });
    assert_eq!(
        user.post("/v1/users", password).await.fields(),
        ["password"]
    );
    let channel = json!({ "type": "webhook", "url": "https://example.com/\0" });
    assert_eq!(user.post("/v1/channels", channel).await.fields(), ["url"]);
}

#[tokio::test]
async fn numbers_and_dates_beyond_every_range_are_named() {
    let app = App::start().await;
    let user = app.user().await;
    let due = |date: &str| json!({ "title": "x", "due": { "date": date } });
    let at = |at: &str| json!({ "title": "x", "reminders": [{ "at": at }] });
    let before = |seconds: Value| {
        json!({
            "title": "x", "due": { "date": "2030-01-01" },
            "reminders": [{ "beforeSeconds": seconds }],
        })
    };
    for (field, body) in [
        ("due.date", due("9999-12-31")),
        ("due.date", due("0000-01-01")),
        ("due.date", due("-001-01-01")),
        ("due.date", due("+99999-01-01")),
        (
            "due.dateTime",
            json!({ "title": "x", "due": { "dateTime": "9999-12-31T23:59:59" } }),
        ),
        (
            "due.dateTime",
            json!({ "title": "x", "due": { "dateTime": "262142-12-31T23:59:59" } }),
        ),
        ("reminders[0].at", at("9999-12-31T23:59:59-23:59")),
        ("reminders[0].at", at("0000-01-01T00:00:00+23:59")),
        ("reminders[0].beforeSeconds", before(json!(i64::MAX))),
        ("reminders[0].beforeSeconds", before(json!(u64::MAX))),
        ("reminders[0].beforeSeconds", before(json!(1e300))),
        ("reminders[0].beforeSeconds", before(json!(-1))),
    ] {
        let answer = user.post("/v1/tasks", body.clone()).await;
        assert_eq!(answer.fields(), [field], "{body}");
    }
    // The furthest that is accepted is stored, listed and continued from.
    user.task(due("9998-12-31")).await;
    user.task(due("9998-12-31")).await;
    let page = user
        .get("/v1/tasks?sort=due&limit=1")
        .await
        .expect(200)
        .body;
    let cursor = page["nextCursor"].as_str().unwrap();
    let path = format!("/v1/tasks?sort=due&limit=1&cursor={cursor}");
    assert_eq!(
        user.get(&path).await.expect(200).body["items"][0]["dueAt"],
        "9998-12-31T23:59:59Z"
    );
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_problems_too() {
    let app = App::start().await;
    let user = app.user().await;
    user.get("/v1/nothing").await.expect(404);
    user.get("/nothing").await.expect(404);
    let answer = user.delete("/v1/tasks").await.expect(405);
    assert!(answer.headers["allow"].to_str().unwrap().contains("POST"));
    for id in ["7", "%00", "%ff", "x'--", &"9".repeat(5000)] {
        let answer = user.get(&format!("/v1/tasks/{id}")).await;
        assert_eq!(answer.fields(), ["id"], "{id}");
    }
}

#[tokio::test]
async fn a_request_id_is_kept_when_it_can_be_logged() {
    let app = App::start().await;
    let user = app.user().await;
    let answered = async |id: &str| {
        let headers = [("x-request-id", id)];
        let answer = user.send(Method::GET, "/v1/me", &headers, Body::empty());
        let answer = answer.await.expect(200);
        answer.headers["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(answered("abc-1.2_3").await, "abc-1.2_3");
    for hostile in ["a b", "{\"level\":\"error\"}", &"x".repeat(65)] {
        let id = answered(hostile).await;
        assert!(id.parse::<uuid::Uuid>().is_ok(), "{id}");
    }
}

/// JSON of any shape whose field names are often those of a task.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        proptest::sample::select(vec![
            "P1",
            "2030-01-01",
            "2030-01-01T00:00:00",
            "2030-01-01T00:00:00Z",
            "UTC",
            "Europe/Berlin",
            "FREQ=DAILY",
            "FREQ=MONTHLY;BYMONTHDAY=31",
            "0 9 * * *",
            "webhook",
            "",
        ])
        .prop_map(Value::from),
    ];
    let name = prop_oneof![
        4 => proptest::sample::select(vec![
            "title", "description", "priority", "tags", "due", "date", "dateTime", "timeZone",
            "reminders", "at", "beforeSeconds", "channels", "type", "id", "recurrence", "rrule",
            "cron", "preset", "start", "exclude",
        ])
        .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map(name.clone(), inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

#[test]
fn no_json_at_all_makes_the_gateway_fail() {
    let tokio = tokio::runtime::Runtime::new().unwrap();
    let app = tokio.block_on(App::start());
    let user = tokio.block_on(app.user());
    let task = tokio.block_on(user.task(json!({ "title": "x" })));
    let path = format!("/v1/tasks/{}", task.id());
    let config = ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(&any_json(), |mut body| {
            if let Some(fields) = body.as_object_mut() {
                // Or else hardly any body would get further than the missing title.
                fields.entry("title").or_insert(json!("x"));
            }
            tokio.block_on(async {
                for (method, path) in [(Method::POST, "/v1/tasks"), (Method::PATCH, &path)] {
                    let answer = user.json(method, path, body.clone()).await;
                    assert!(answer.status.as_u16() < 500, "{body}: {}", answer.body);
                }
            });
            Ok(())
        })
        .unwrap();
}

/// No list takes a cursor that is longer than the document says, also where its beginning is good.
#[tokio::test]
async fn a_cursor_has_its_limit_in_every_list() {
    let app = App::start().await;
    let user = app.user().await;
    let series = uuid::Uuid::now_v7();
    for path in [
        "/v1/tasks",
        "/v1/tags",
        "/v1/audit",
        "/v1/series",
        &format!("/v1/series/{series}/completions"),
    ] {
        let zeros = "0".repeat(1001);
        let answer = user.get(&format!("{path}?cursor={zeros}")).await;
        let fault = &answer.expect(422).body["errors"][0];
        assert_eq!(fault["field"], "cursor", "{path}: {fault}");
    }
}

/// serde reads a list as the fields of a struct in their order.
#[tokio::test]
async fn a_list_is_no_object() {
    let app = App::start().await;
    let user = app.user().await;
    let me = user.patch("/v1/me", json!(["Europe/Berlin", null])).await;
    assert_eq!(me.fields(), ["body"]);
    let task = user.post("/v1/tasks", json!([null, "Title"])).await;
    assert_eq!(task.fields(), ["body"]);
    let zone = &user.get("/v1/me").await.expect(200).body["timeZone"];
    assert_eq!(zone, "UTC");
}
