use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::app::{App, Caller};

/// A task with a reminder in an hour; the paths of both.
async fn reminded(user: &Caller) -> (String, String) {
    let at = Utc::now() + Duration::hours(1);
    let task = user
        .task(json!({ "title": "Water the plants", "reminders": [{ "at": at }] }))
        .await;
    let task = format!("/v1/tasks/{}", task.id());
    let list = user.get(&format!("{task}/reminders")).await.expect(200);
    let id = list.body["items"][0]["id"].as_str().unwrap().to_owned();
    (task, format!("/v1/reminders/{id}"))
}

#[tokio::test]
async fn a_reminder_is_put_off_by_minutes_or_until_a_time() {
    let app = App::start().await;
    let user = app.user().await;
    let (task, reminder) = reminded(&user).await;
    let snooze = format!("{reminder}/snooze");
    let answer = user
        .post(&snooze, json!({ "minutes": 90 }))
        .await
        .expect(200);
    let fires: DateTime<Utc> = answer.body["fireAt"].as_str().unwrap().parse().unwrap();
    let away = fires - Utc::now();
    assert!((89..=90).contains(&away.num_minutes()), "{away}");
    assert_eq!(answer.body["phase"], "Pending");

    let until = (Utc::now() + Duration::days(1)).to_rfc3339();
    let answer = user
        .post(&snooze, json!({ "until": until }))
        .await
        .expect(200);
    let list = user.get(&format!("{task}/reminders")).await.expect(200);
    assert_eq!(list.body["items"][0]["fireAt"], answer.body["fireAt"]);
    assert_eq!(list.body["items"].as_array().unwrap().len(), 1);
    let renamed = user.patch(&task, json!({ "title": "Water them" })).await;
    renamed.expect(200);
    let list = user.get(&format!("{task}/reminders")).await.expect(200);
    assert_eq!(list.body["items"][0]["fireAt"], answer.body["fireAt"]);
}

#[tokio::test]
async fn every_mistake_of_a_snooze_is_named() {
    let app = App::start().await;
    let user = app.user().await;
    let (_, reminder) = reminded(&user).await;
    let snooze = format!("{reminder}/snooze");
    let past = (Utc::now() - Duration::minutes(1)).to_rfc3339();
    for (body, field) in [
        (json!({}), "minutes"),
        (json!({ "minutes": 0 }), "minutes"),
        (json!({ "minutes": 527_041 }), "minutes"),
        (json!({ "minutes": "ten" }), "minutes"),
        (
            json!({ "minutes": 10, "until": "2027-01-01T00:00:00Z" }),
            "until",
        ),
        (json!({ "until": past }), "until"),
        (json!({ "until": "9999-01-01T00:00:00Z" }), "until"),
        (json!({ "hours": 1 }), "hours"),
    ] {
        let fields = user.post(&snooze, body.clone()).await.fields();
        assert_eq!(fields, [field], "{body}");
    }
    let bad = user.post("/v1/reminders/x/snooze", json!({ "minutes": 1 }));
    assert_eq!(bad.await.fields(), ["id"]);
}

#[tokio::test]
async fn a_completed_or_deleted_tasks_reminder_is_not_put_off() {
    let app = App::start().await;
    let user = app.user().await;
    let (task, reminder) = reminded(&user).await;
    let snooze = format!("{reminder}/snooze");
    let ten = json!({ "minutes": 10 });
    user.act(&format!("{task}/complete")).await.expect(200);
    let refused = user.post(&snooze, ten.clone()).await.expect(409);
    assert_eq!(
        refused.body["detail"],
        "its task is completed; reopen it first"
    );
    user.act(&format!("{task}/reopen")).await.expect(200);
    user.post(&snooze, ten.clone()).await.expect(200);
    user.delete(&task).await.expect(204);
    let refused = user.post(&snooze, ten).await.expect(409);
    assert_eq!(
        refused.body["detail"],
        "its task is deleted; restore it first"
    );
}

#[tokio::test]
async fn another_users_reminder_is_not_there() {
    let app = App::start().await;
    let (user, stranger) = (app.user().await, app.user().await);
    let (_, reminder) = reminded(&user).await;
    let ten = json!({ "minutes": 10 });
    let snooze = format!("{reminder}/snooze");
    stranger.post(&snooze, ten.clone()).await.expect(404);
    let history = format!("{reminder}/history");
    stranger.get(&history).await.expect(404);
    app.anonymous().post(&snooze, ten).await.expect(401);
    app.anonymous().get(&history).await.expect(401);
    let own = user.get(&history).await.expect(200);
    assert!(
        own.body["summary"]
            .as_str()
            .unwrap()
            .starts_with("fires at ")
    );
}

/// Fields of a JSON value that its documented schema does not have.
fn undocumented(value: &Value, schema: &str, document: &Value) -> Vec<String> {
    let properties = &document["components"]["schemas"][schema]["properties"];
    let fields = value.as_object().unwrap();
    assert!(!fields.is_empty());
    fields
        .keys()
        .filter(|name| properties.get(name).is_none())
        .map(|name| format!("{schema}.{name}"))
        .collect()
}

#[tokio::test]
async fn the_history_has_the_documented_shape() {
    let app = App::start().await;
    let user = app.user().await;
    let (_, reminder) = reminded(&user).await;
    let id = reminder.rsplit('/').next().unwrap();
    sqlx::query(
        "with fired as (
             insert into firings (reminder_id, occurrence, generation, fired_at, lateness_ms, path)
             values ($1::uuid, 0, 1, now(), 7, 'sweep')),
         told as (
             insert into audit (event_id, type, subject, time, data)
             values (gen_random_uuid(), 'reminder.failed', '', now(), jsonb_build_object(
                 'reminderId', $1, 'occurrence', 0, 'generation', 1, 'fireAt', now(),
                 'reason', 'webhook: refused')))
         insert into deliveries (reminder_id, occurrence, channel, target, body, idempotency_key,
             state, attempts, last_error)
         values ($1::uuid, 0, 'webhook', '{}', '{}', gen_random_uuid(), 'Pending', 3, 'refused')",
    )
    .bind(id)
    .execute(&*app.pool)
    .await
    .unwrap();
    sqlx::query("update reminders set phase = 'Failed', reason = 'x' where id = $1::uuid")
        .bind(id)
        .execute(&*app.pool)
        .await
        .unwrap();
    let body = user
        .get(&format!("{reminder}/history"))
        .await
        .expect(200)
        .body;
    let document = serde_json::to_value(gateway::document()).unwrap();
    let occurrence = &body["occurrences"][0];
    for (value, schema) in [
        (&body, "ReminderHistory"),
        (occurrence, "ReminderOccurrence"),
        (&occurrence["deliveries"][0], "ReminderDelivery"),
        (&body["events"][0], "ReminderHappening"),
    ] {
        assert_eq!(undocumented(value, schema, &document), [""; 0]);
    }
    assert_eq!(
        body["summary"],
        "fired 7 ms late by the sweep; webhook has had 3 attempts: refused"
    );
}
