//! Web Push against a real push service, which checks who calls and decrypts (`web-push-testing`).

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use domain::{reminder::ChannelKind, web_push::SubscriptionKeys};
use serde_json::{Value, json};
use services::notifications::{
    Senders,
    web_push::{Vapid, WebPush},
};
use store::Store;

use super::{
    attempt,
    table::{store, vapid},
};
use crate::receivers::{Running, webhooks};

struct PushService {
    child: Child,
    url: String,
    http: reqwest::Client,
}

impl PushService {
    fn start() -> Self {
        runtime::tls::install_provider();
        let mut child = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/web-push/run"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the push service: it needs bash, node and npm");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(
            !line.is_empty(),
            "the push service ended; its message stands above"
        );
        let first: Value = serde_json::from_str(&line).unwrap();
        Self {
            child,
            url: first["url"].as_str().unwrap().to_owned(),
            http: reqwest::Client::new(),
        }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.url)).json(&body);
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {response:?}");
        let text = response.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    /// As a browser does it: subscribed with the stack's public key; what its page then stores.
    async fn subscribe(&self, pool: &Store, key: &str) -> (String, store::channels::StoredChannel) {
        let options = json!({"userVisibleOnly": "true", "applicationServerKey": key});
        let subscription = &self.post("/subscribe", options).await["data"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let keys = &subscription["keys"];
        let keys = SubscriptionKeys::parse(&text(&keys["p256dh"]), &text(&keys["auth"])).unwrap();
        let endpoint = text(&subscription["endpoint"]);
        let channel = store(pool, ChannelKind::WebPush, &endpoint, &keys.text()).await;
        (text(&subscription["clientHash"]), channel)
    }

    /// What the browser was given.
    async fn messages(&self, client: &str) -> Vec<Value> {
        let body = json!({"clientHash": client});
        let answer = self.post("/get-notifications", body).await;
        let messages = answer["data"]["messages"].as_array().unwrap();
        let read = |message: &Value| serde_json::from_str(message.as_str().unwrap()).unwrap();
        messages.iter().map(read).collect()
    }
}

impl Drop for PushService {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn senders(vapid: Vapid) -> Senders {
    Senders {
        web_push: Some(WebPush::new(true, vapid, None).unwrap()),
        ..webhooks().into()
    }
}

#[tokio::test]
async fn a_reminder_reaches_a_browser_by_a_push_service_that_decrypts() {
    let service = PushService::start();
    let pool = store::testing::database().await;
    let running = Running::start(&pool, senders(vapid())).await;
    let (client, channel) = service.subscribe(&pool, &vapid().key.public()).await;
    let row = attempt(&pool, &running, &channel).await;
    assert_eq!((row.state.as_str(), row.error()), ("Delivered", ""));
    let messages = service.messages(&client).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["title"], "Water <b>Ficus</b> & Günter");
    assert_eq!(messages[0]["id"], row.idempotency_key.to_string());

    // The browser's user withdraws it.
    service
        .post(&format!("/expire-subscription/{client}"), json!({}))
        .await;
    let row = attempt(&pool, &running, &channel).await;
    assert_eq!(row.state, "Failed");
    assert!(row.error().contains("the subscription is gone"), "{row:?}");
    let mut conn = pool.acquire().await.unwrap();
    let of_owner = store::channels::of_owner(&mut conn, channel.owner_id);
    assert!(of_owner.await.unwrap()[0].disabled_at.is_some());
    assert_eq!(service.messages(&client).await.len(), 1);
    running.end().await;
}

#[tokio::test]
async fn a_push_service_takes_nothing_that_another_key_signed() {
    let service = PushService::start();
    let pool = store::testing::database().await;
    let running = Running::start(&pool, senders(vapid())).await;
    let text = domain::web_push::VapidKey::text(&[8; 32]).unwrap();
    let other = domain::web_push::VapidKey::parse(&text).unwrap();
    let (client, channel) = service.subscribe(&pool, &other.public()).await;
    let row = attempt(&pool, &running, &channel).await;
    assert_eq!(row.state, "Pending");
    assert!(row.error().contains("400"), "{row:?}");
    assert!(service.messages(&client).await.is_empty());
    running.end().await;
}
