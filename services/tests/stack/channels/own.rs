//! What is particular to one kind.

use domain::reminder::ChannelKind;
use serde_json::Value;

use super::{
    attempt, attempted, hurry,
    table::{Mood, Receivers, SUBJECT, TOKEN, vapid},
};
use crate::{
    receivers::{Running, fired_to},
    support::{create, events, eventually, task, user},
};

#[tokio::test]
async fn each_kind_says_it_in_its_own_way() {
    let pool = store::testing::database().await;
    let receivers = Receivers::start().await;
    let running = Running::start(&pool, receivers.senders(true)).await;
    for kind in ChannelKind::ALL {
        let channel = receivers.channel(&pool, kind, Mood::Takes).await;
        attempt(&pool, &running, &channel).await;
        let Some(seen) = receivers.requests(kind, Mood::Takes).pop() else {
            assert_eq!(kind, ChannelKind::Email, "email.rs has its test");
            continue;
        };
        let header = |name: &str| seen.headers[name].to_str().unwrap();
        match kind {
            ChannelKind::Webhook => {
                assert_eq!(
                    seen.json()["data"]["message"],
                    "Water <b>Ficus</b> & Günter"
                );
                assert!(header("webhook-signature").starts_with("v1,"));
            }
            ChannelKind::Email => panic!("comes by SMTP"),
            ChannelKind::Ntfy => {
                assert_eq!(seen.body, "Water <b>Ficus</b> & Günter".as_bytes());
                assert_eq!(header("authorization"), format!("Bearer {TOKEN}"));
                assert_eq!(header("title"), "Reminder");
                assert_eq!(header("priority"), "high");
                assert_eq!(header("click"), "https://todo.example.com");
            }
            ChannelKind::Slack => {
                let body = seen.json();
                let text = body["text"].as_str().unwrap();
                assert!(
                    text.starts_with("Water &lt;b&gt;Ficus&lt;/b&gt; &amp; Günter"),
                    "{text}"
                );
            }
            ChannelKind::Binding => {
                let body = seen.json();
                assert_eq!(body["operation"], "create");
                assert_eq!(body["data"]["title"], "Water <b>Ficus</b> & Günter");
            }
            ChannelKind::WebPush => {
                assert_eq!(header("ttl"), "86400");
                assert_eq!(header("urgency"), "normal");
                assert_eq!(header("content-encoding"), "aes128gcm");
                let push = receivers.browser.read(&seen.body);
                let reminder: uuid::Uuid =
                    serde_json::from_value(push["reminderId"].clone()).unwrap();
                assert_eq!(header("topic"), reminder.simple().to_string());
                assert_eq!(push["title"], "Water <b>Ficus</b> & Günter");
                assert!(push["text"].as_str().unwrap().starts_with("Water"));
                assert_eq!(push["url"], "https://todo.example.com");
                let origin = format!("http://127.0.0.1:{}", receivers.port);
                let claims = claims(header("authorization"));
                assert_eq!(claims["aud"], origin);
                assert_eq!(claims["sub"], SUBJECT);
                let ahead = claims["exp"].as_i64().unwrap() - chrono::Utc::now().timestamp();
                assert!((3600..24 * 3600).contains(&ahead), "{ahead}");
            }
        }
    }
    running.end().await;
}

/// What a VAPID header says; its signature has its tests in domain, and with the push service.
fn claims(authorization: &str) -> Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let token = authorization.strip_prefix("vapid t=").unwrap();
    let (token, key) = token.split_once(", k=").unwrap();
    assert_eq!(key, vapid().key.public());
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[tokio::test]
async fn a_push_for_a_task_that_matters_is_urgent_and_says_what_can_be_done() {
    let pool = store::testing::database().await;
    let receivers = Receivers::start().await;
    let running = Running::start(&pool, receivers.senders(true)).await;
    let channel = receivers
        .channel(&pool, ChannelKind::WebPush, Mood::Takes)
        .await;
    let owner = channel.owner_id;
    let task = task(owner, &[]);
    create(&pool, &task).await;
    let mut due = fired_to(&pool, Some(owner), &channel.channel(), 1).await;
    due[0].data["taskId"] = task.id.to_string().into();
    running.handle(&due).await;
    attempted(&pool, &channel, 1).await;
    let seen = receivers
        .requests(ChannelKind::WebPush, Mood::Takes)
        .pop()
        .unwrap();
    // P2.
    assert_eq!(seen.headers["urgency"], "high");
    let push = receivers.browser.read(&seen.body);
    assert_eq!(push["taskId"], task.id.to_string());
    let paths: Vec<&str> = push["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["path"].as_str().unwrap())
        .collect();
    let reminder = push["reminderId"].as_str().unwrap();
    assert_eq!(
        paths,
        [
            format!("/v1/tasks/{}/complete", task.id),
            format!("/v1/reminders/{reminder}/snooze")
        ]
    );
    running.end().await;
}

#[tokio::test]
async fn a_subscription_that_is_gone_is_not_tried_again() {
    let pool = store::testing::database().await;
    let receivers = Receivers::start().await;
    let running = Running::start(&pool, receivers.senders(true)).await;
    let kind = ChannelKind::WebPush;
    let channel = receivers.channel(&pool, kind, Mood::Gone).await;
    attempt(&pool, &running, &channel).await;
    // One that names it fails without a word to the push service.
    let row = attempt(&pool, &running, &channel).await;
    assert_eq!(row.state, "Failed");
    assert!(
        row.error().starts_with("the channel is disabled: "),
        "{row:?}"
    );
    assert_eq!(receivers.requests(kind, Mood::Gone).len(), 1);
    // One that names none does not go there.
    let mut due = fired_to(&pool, Some(channel.owner_id), &channel.channel(), 1).await;
    due[0].data["channels"] = Value::Array(Vec::new());
    running.handle(&due).await;
    eventually("it has no channel", async || {
        let told = events(&pool, "reminders").await;
        told.iter().any(|event| {
            event.data["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains("its owner has none that works"))
        })
    })
    .await;
    running.end().await;
}

#[tokio::test]
async fn a_dead_letter_is_replayed_under_its_key_and_can_arrive() {
    let pool = store::testing::database().await;
    let receivers = Receivers::start().await;
    let running = Running::start(&pool, receivers.senders(true)).await;
    let channel = receivers
        .channel(&pool, ChannelKind::Slack, Mood::Gone)
        .await;
    let row = attempt(&pool, &running, &channel).await;
    assert_eq!(row.state, "Failed");
    let mut conn = pool.acquire().await.unwrap();
    let owner = Some(channel.owner_id);
    let letters = store::deliveries::failed(&mut conn, owner, 10)
        .await
        .unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        letters[0].last_error.as_deref(),
        Some("the receiver answered 404 Not Found")
    );
    // Nobody else's.
    let other = Some(user(&pool).await);
    let none = store::deliveries::replay(&mut conn, other, None)
        .await
        .unwrap();
    assert_eq!(none, 0);

    let phases = async || -> Vec<String> {
        sqlx::query_scalar(
            "select event->>'type' from outbox where topic = 'reminders' order by seq",
        )
        .fetch_all(&*pool)
        .await
        .unwrap()
    };
    for turn in 1..=2 {
        if turn == 2 {
            // It is mended.
            let (url, _) = receivers.address(ChannelKind::Slack, Mood::Takes);
            sqlx::query("update channels set url = $1")
                .bind(url)
                .execute(&*pool)
                .await
                .unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        }
        let replayed = store::deliveries::replay(&mut conn, owner, Some(letters[0].reminder_id))
            .await
            .unwrap();
        assert_eq!(replayed, 1);
        eventually("it was attempted and told", async || {
            phases().await.len() == 1 + turn
        })
        .await;
    }
    assert_eq!(
        phases().await,
        ["reminder.failed", "reminder.failed", "reminder.delivered"]
    );
    let mut keys = receivers.arrived(ChannelKind::Slack, Mood::Gone);
    keys.extend(receivers.arrived(ChannelKind::Slack, Mood::Takes));
    let keys: Vec<String> = keys.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, vec![row.idempotency_key.to_string(); 3]);
    running.end().await;
}

#[tokio::test]
async fn the_stacks_own_table_says_when_a_delivery_is_over() {
    let pool = store::testing::database().await;
    let receivers = Receivers::start().await;
    let mut senders = receivers.senders(true);
    let table = r#"{"all": {"maxAttempts": 3}, "slack": {"maxAttempts": 2}}"#;
    senders.retry = services::notifications::retry::Retry::parse(table).unwrap();
    let running = Running::start(&pool, senders).await;
    let channel = receivers
        .channel(&pool, ChannelKind::Slack, Mood::Refuses)
        .await;
    let row = attempt(&pool, &running, &channel).await;
    assert_eq!(row.state, "Pending");
    hurry(&pool, &row).await;
    let row = attempted(&pool, &channel, 2).await;
    assert_eq!(row.state, "Failed");
    assert_eq!(
        row.error(),
        "the receiver answered 403 Forbidden; given up after 2 attempts"
    );
    running.end().await;
}

#[tokio::test]
async fn every_kind_that_is_read_by_people_speaks_in_the_stacks_own_words() {
    let pool = store::testing::database().await;
    let receivers = Receivers::start().await;
    let mut senders = receivers.senders(true);
    let own = Some("[todo] {{ message|upper }}".to_owned());
    let templates = domain::wording::Templates {
        title: own.clone(),
        text: own,
    };
    senders.wording = Some(domain::wording::Wording::parse(templates).unwrap());
    let running = Running::start(&pool, senders).await;
    for kind in ChannelKind::ALL {
        let channel = receivers.channel(&pool, kind, Mood::Takes).await;
        attempt(&pool, &running, &channel).await;
        eventually("it is shown", async || {
            !receivers.arrived(kind, Mood::Takes).is_empty()
        })
        .await;
        let said = receivers.arrived(kind, Mood::Takes).remove(0).1;
        let own = said.starts_with("[todo] WATER ");
        assert_eq!(own, kind != ChannelKind::Webhook, "{kind:?}: {said}");
    }
    running.end().await;
}
