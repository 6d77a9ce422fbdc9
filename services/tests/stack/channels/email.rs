//! E-mails, to a real SMTP server with TLS and log-in.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::reminder::ChannelKind;
use serde_json::{Value, json};
use services::notifications::{
    Senders,
    email::{Email, SmtpSettings, SmtpTls},
};

use super::{
    attempt,
    table::{WHSEC, store},
};
use crate::{
    receivers::{Running, webhooks},
    support::eventually,
};

/// The server.
pub(super) struct Smtp {
    child: Child,
    port: u16,
    ca: String,
    mails: Arc<Mutex<Vec<Value>>>,
}

impl Smtp {
    pub(super) fn start() -> Self {
        let mut child = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp/run"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the SMTP server: it needs bash, openssl and python3 with venv");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let first = line(&mut output).expect("the SMTP server ended; its message stands above");
        let mails: Arc<Mutex<Vec<Value>>> = Arc::default();
        let seen = mails.clone();
        std::thread::spawn(move || {
            while let Some(mail) = line(&mut output) {
                seen.lock().unwrap().push(mail);
            }
        });
        Self {
            child,
            port: first["port"].as_u64().unwrap().try_into().unwrap(),
            ca: first["ca"].as_str().unwrap().to_owned(),
            mails,
        }
    }

    pub(super) fn settings(&self, password: &str) -> SmtpSettings {
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

    /// The e-mails to this address.
    pub(super) fn to(&self, address: &str) -> Vec<Value> {
        let mails = self.mails.lock().unwrap();
        let to = |mail: &&Value| mail["to"] == json!([address]);
        mails.iter().filter(to).cloned().collect()
    }

    /// The same, each as the local part of its `Message-ID`, and its subject.
    pub(super) fn arrived(&self, address: &str) -> Vec<(String, String)> {
        let read = |mail: &Value| {
            let id = mail["headers"]["message-id"].as_str().unwrap();
            let id = id.trim_start_matches('<').split('@').next().unwrap();
            let subject = mail["headers"]["subject"].as_str().unwrap();
            (id.to_owned(), subject.to_owned())
        };
        self.to(address).iter().map(read).collect()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The next line as JSON; none when the server ended.
fn line(output: &mut BufReader<ChildStdout>) -> Option<Value> {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
}

pub(super) fn senders(settings: SmtpSettings) -> Senders {
    Senders {
        email: Some(Email::new(settings).unwrap()),
        ..webhooks().into()
    }
}

#[tokio::test]
async fn an_e_mail_arrives_over_tls_with_both_texts_and_a_link_that_unsubscribes() {
    let smtp = Smtp::start();
    let pool = store::testing::database().await;
    let running = Running::start(&pool, senders(smtp.settings("correct horse"))).await;
    let channel = store(&pool, ChannelKind::Email, "me@example.com", WHSEC).await;
    let row = attempt(&pool, &running, &channel).await;
    assert_eq!((row.state.as_str(), row.error()), ("Delivered", ""));
    eventually("it is shown", async || {
        !smtp.to("me@example.com").is_empty()
    })
    .await;
    let mail = &smtp.to("me@example.com")[0];
    assert_eq!(mail["tls"], true);
    assert_eq!(mail["from"], "reminders@example.com");
    let headers = &mail["headers"];
    assert_eq!(headers["subject"], "Water <b>Ficus</b> & Günter");
    let id = format!("<{}@example.com>", row.idempotency_key);
    assert_eq!(headers["message-id"], id);
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
        let running = Running::start(&pool, senders(settings)).await;
        let channel = store(&pool, ChannelKind::Email, "me@example.com", WHSEC).await;
        let row = attempt(&pool, &running, &channel).await;
        assert_eq!(row.state, "Pending");
        assert!(
            row.error().contains(reason) && !row.error().contains("wrong"),
            "{row:?}"
        );
        running.end().await;
        // The next one's sign of life is another's.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
