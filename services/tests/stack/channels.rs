//! Every kind of channel, from the planned delivery to a real receiver: one table for all.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use domain::reminder::ChannelKind;
use serde_json::{Value, json};
use services::notifications::{
    Senders,
    binding::Bindings,
    email::{Email, SmtpSettings, SmtpTls},
    ntfy::Ntfy,
    slack::Slack,
};
use store::Store;
use store::channels::{NewChannel, StoredChannel};
use uuid::Uuid;

use crate::{
    receivers::{Running, fired_to, webhooks},
    support::{eventually, user},
};

/// A request as an HTTP receiver saw it.
#[derive(Debug, Clone)]
struct Seen {
    path: String,
    headers: HeaderMap,
    body: String,
}

/// An HTTP receiver that answers as its path says: `/410` with 410, all others with 200.
#[derive(Clone, Default)]
struct Web {
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Web {
    async fn start(&self) -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().fallback(Self::take).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        port
    }

    async fn take(
        State(this): State<Self>,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> StatusCode {
        let seen = Seen {
            path: uri.path().to_owned(),
            headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        };
        let status = seen
            .path
            .rsplit('/')
            .next()
            .and_then(|last| last.parse().ok());
        this.seen.lock().unwrap().push(seen);
        status.unwrap_or(StatusCode::OK)
    }

    fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().cloned().unwrap()
    }
}

/// A real SMTP server with TLS and log-in.
struct Smtp {
    child: Child,
    output: BufReader<ChildStdout>,
    port: u16,
    ca: String,
}

impl Smtp {
    fn start() -> Self {
        let mut child = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp/run"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the SMTP server: it needs bash, openssl and python3 with venv");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let first = line(&mut output);
        Self {
            child,
            output,
            port: first["port"].as_u64().unwrap().try_into().unwrap(),
            ca: first["ca"].as_str().unwrap().to_owned(),
        }
    }

    fn settings(&self, password: &str) -> SmtpSettings {
        SmtpSettings {
            host: "127.0.0.1".into(),
            port: self.port,
            tls: SmtpTls::StartTls,
            ca: Some(self.ca.clone()),
            log_in: Some(("reminders".into(), password.into())),
            from: "Reminders <reminders@example.com>".into(),
            public_url: Some("https://todo.example.com/".into()),
        }
    }

    fn mail(&mut self) -> Value {
        line(&mut self.output)
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn line(output: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert!(
        !line.is_empty(),
        "the SMTP server ended; its message stands above"
    );
    serde_json::from_str(&line).unwrap()
}

fn senders(smtp: Option<SmtpSettings>, dapr: u16, private: bool) -> Senders {
    let click = Some("https://todo.example.com".into());
    Senders {
        email: smtp.map(|settings| Email::new(settings).unwrap()),
        ntfy: Some(Ntfy::new(private, click).unwrap()),
        slack: Some(Slack::new(private).unwrap()),
        bindings: Some(Bindings::new(dapr, ["sms".to_owned()]).unwrap()),
        ..webhooks().into()
    }
}

async fn store(pool: &Store, kind: ChannelKind, target: &str, secret: &str) -> StoredChannel {
    let mut conn = pool.acquire().await.unwrap();
    let owner = user(pool).await;
    let new = NewChannel {
        kind,
        target,
        secret,
        is_default: true,
    };
    store::channels::create(&mut conn, owner, new, 10)
        .await
        .unwrap()
        .unwrap()
}

/// Fires a reminder to `channel`; state, key and error of its delivery once it was attempted.
async fn attempt(
    pool: &Store,
    running: &Running,
    channel: &StoredChannel,
) -> (String, Uuid, Option<String>) {
    let events = fired_to(pool, Some(channel.owner_id), &channel.channel(), 1).await;
    running.handle(&events).await;
    let row = async || -> (String, i32, Uuid, Option<String>) {
        sqlx::query_as(
            "select state, attempts, idempotency_key, last_error from deliveries
             where owner_id = $1 order by created_at desc limit 1",
        )
        .bind(channel.owner_id)
        .fetch_one(pool.pool())
        .await
        .unwrap()
    };
    eventually("it is attempted", async || row().await.1 > 0).await;
    let (state, _, key, error) = row().await;
    (state, key, error)
}

const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn each_kind_delivers_in_its_own_way() {
    let pool = store::testing::database().await;
    let web = Web::default();
    let port = web.start().await;
    let base = format!("http://127.0.0.1:{port}");
    let running = Running::start(&pool, senders(None, port, true)).await;
    type Check = fn(&Seen, &str);
    let table: [(ChannelKind, String, &str, Check); 4] = [
        (
            ChannelKind::Webhook,
            format!("{base}/hook"),
            WHSEC,
            |seen, key| {
                assert_eq!(seen.headers["webhook-id"], key);
                let body: Value = serde_json::from_str(&seen.body).unwrap();
                assert_eq!(body["data"]["message"], "Water <b>Ficus</b> & Günter");
            },
        ),
        (
            ChannelKind::Ntfy,
            format!("{base}/plants"),
            "tk_secret",
            |seen, key| {
                assert_eq!(seen.path, "/plants");
                assert_eq!(seen.body, "Water <b>Ficus</b> & Günter");
                assert_eq!(seen.headers["authorization"], "Bearer tk_secret");
                assert_eq!(seen.headers["title"], "Reminder");
                assert_eq!(seen.headers["priority"], "high");
                assert_eq!(seen.headers["click"], "https://todo.example.com");
                assert_eq!(seen.headers["idempotency-key"], key);
            },
        ),
        (
            ChannelKind::Slack,
            format!("{base}/services/T/B/x"),
            "",
            |seen, _| {
                let body: Value = serde_json::from_str(&seen.body).unwrap();
                let text = body["text"].as_str().unwrap();
                assert!(
                    text.starts_with("Water &lt;b&gt;Ficus&lt;/b&gt; &amp; Günter"),
                    "{text}"
                );
            },
        ),
        (ChannelKind::Binding, "sms".into(), "", |seen, key| {
            assert_eq!(seen.path, "/v1.0/bindings/sms");
            let body: Value = serde_json::from_str(&seen.body).unwrap();
            assert_eq!(body["operation"], "create");
            assert_eq!(body["data"]["id"], key);
            assert_eq!(body["data"]["title"], "Water <b>Ficus</b> & Günter");
        }),
    ];
    for (kind, target, secret, check) in table {
        let channel = store(&pool, kind, &target, secret).await;
        let (state, key, error) = attempt(&pool, &running, &channel).await;
        assert_eq!((state.as_str(), error), ("Delivered", None), "{kind:?}");
        check(&web.last(), &key.to_string());
    }
    running.end().await;
}

#[tokio::test]
async fn each_kind_gives_up_what_never_will_work_and_says_why() {
    let pool = store::testing::database().await;
    let web = Web::default();
    let port = web.start().await;
    let base = format!("http://127.0.0.1:{port}");
    let running = Running::start(&pool, senders(None, port, true)).await;
    for (kind, target, reason) in [
        (ChannelKind::Webhook, format!("{base}/410"), "410"),
        (ChannelKind::Ntfy, format!("{base}/410"), "410"),
        (ChannelKind::Slack, format!("{base}/404"), "404"),
        (
            ChannelKind::Binding,
            "unlisted".into(),
            "does not list the binding",
        ),
        (
            ChannelKind::Email,
            "me@example.com".into(),
            "the stack serves no email",
        ),
    ] {
        let channel = store(&pool, kind, &target, WHSEC).await;
        let (state, _, error) = attempt(&pool, &running, &channel).await;
        assert_eq!(state, "Failed", "{kind:?}");
        assert!(error.clone().unwrap().contains(reason), "{error:?}");
    }
    running.end().await;
}

#[tokio::test]
async fn no_kind_with_a_url_goes_to_a_private_address_unless_allowed() {
    let pool = store::testing::database().await;
    let web = Web::default();
    let base = format!("http://127.0.0.1:{}", web.start().await);
    let mut senders = senders(None, 1, false);
    senders.webhooks = services::notifications::webhook::Webhooks::new(None, None, false).unwrap();
    let running = Running::start(&pool, senders).await;
    for kind in [ChannelKind::Webhook, ChannelKind::Ntfy, ChannelKind::Slack] {
        let channel = store(&pool, kind, &format!("{base}/x"), WHSEC).await;
        let (state, _, error) = attempt(&pool, &running, &channel).await;
        assert_eq!(state, "Failed", "{kind:?}");
        assert!(error.unwrap().contains("not public"), "{kind:?}");
    }
    assert!(web.seen.lock().unwrap().is_empty());
    running.end().await;
}

#[tokio::test]
async fn an_e_mail_arrives_over_tls_with_both_texts_and_a_link_that_unsubscribes() {
    let mut smtp = Smtp::start();
    let pool = store::testing::database().await;
    let settings = smtp.settings("correct horse");
    let running = Running::start(&pool, senders(Some(settings), 1, false)).await;
    let channel = store(&pool, ChannelKind::Email, "me@example.com", WHSEC).await;
    let (state, key, error) = attempt(&pool, &running, &channel).await;
    assert_eq!((state.as_str(), error), ("Delivered", None));
    let mail = smtp.mail();
    assert_eq!(mail["tls"], true);
    assert_eq!(mail["to"], json!(["me@example.com"]));
    assert_eq!(mail["from"], "reminders@example.com");
    let headers = &mail["headers"];
    assert_eq!(headers["subject"], "Water <b>Ficus</b> & Günter");
    assert_eq!(headers["message-id"], format!("<{key}@example.com>"));
    assert_eq!(headers["auto-submitted"], "auto-generated");
    let link = format!(
        "https://todo.example.com/v1/unsubscribe/{}/{}",
        channel.id,
        channel.unsubscribe_token().unwrap()
    );
    assert_eq!(headers["list-unsubscribe"], format!("<{link}>"));
    assert_eq!(
        headers["list-unsubscribe-post"],
        "List-Unsubscribe=One-Click"
    );
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains("Water <b>Ficus</b> & Günter") && text.contains(&link));
    let html = mail["html"].as_str().unwrap();
    assert!(
        html.contains("&lt;b&gt;Ficus&lt;/b&gt; &amp; Günter"),
        "{html}"
    );

    for (address, state, reason) in [
        ("nobody@example.com", "Failed", "no such mailbox"),
        ("later@example.com", "Pending", "try again later"),
    ] {
        let channel = store(&pool, ChannelKind::Email, address, WHSEC).await;
        let (is, _, error) = attempt(&pool, &running, &channel).await;
        assert_eq!(is, state, "{address}");
        assert!(error.clone().unwrap().contains(reason), "{error:?}");
    }
    running.end().await;
}

#[tokio::test]
async fn without_the_right_password_or_certificate_no_e_mail_leaves_and_it_is_tried_again() {
    let smtp = Smtp::start();
    let pool = store::testing::database().await;
    let stranger = SmtpSettings {
        ca: None,
        ..smtp.settings("correct horse")
    };
    for (settings, reason) in [(smtp.settings("wrong"), "5.7.8"), (stranger, "certificate")] {
        let running = Running::start(&pool, senders(Some(settings), 1, false)).await;
        let channel = store(&pool, ChannelKind::Email, "me@example.com", WHSEC).await;
        let (state, _, error) = attempt(&pool, &running, &channel).await;
        assert_eq!(state, "Pending");
        let error = error.unwrap();
        assert!(
            error.contains(reason) && !error.contains("wrong"),
            "{error}"
        );
        running.end().await;
        // The next one's sign of life is another's.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_dead_letter_is_replayed_under_its_key_and_can_arrive() {
    let pool = store::testing::database().await;
    let web = Web::default();
    let base = format!("http://127.0.0.1:{}", web.start().await);
    let running = Running::start(&pool, senders(None, 1, true)).await;
    let channel = store(&pool, ChannelKind::Slack, &format!("{base}/404"), "").await;
    let (state, key, _) = attempt(&pool, &running, &channel).await;
    assert_eq!(state, "Failed");
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
            sqlx::query("update channels set url = $1")
                .bind(format!("{base}/200"))
                .execute(&*pool)
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(1100)).await;
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
    let keys: Vec<String> = web
        .seen
        .lock()
        .unwrap()
        .iter()
        .map(|seen| seen.headers["idempotency-key"].to_str().unwrap().to_owned())
        .collect();
    assert_eq!(keys, vec![key.to_string(); 3]);
    running.end().await;
}
