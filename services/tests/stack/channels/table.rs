//! Every kind of channel with a receiver that does as it is told. A new kind does not compile before it
//! has its place in each `match` here, and with it the laws of `laws.rs`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use domain::{
    reminder::ChannelKind,
    web_push::{SubscriptionKeys, VapidKey},
};
use serde_json::Value;
use services::notifications::{
    Senders,
    binding::Bindings,
    email::Email,
    ntfy::Ntfy,
    slack::Slack,
    web_push::{Vapid, WebPush},
    webhook::Webhooks,
};
use store::{
    Store,
    channels::{NewChannel, StoredChannel},
};

use super::email::Smtp;
use crate::{receivers::webhooks, support::user};

/// What a receiver does, by a word of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Takes it.
    Takes,
    /// Fails as one that is out of order, once; then it takes it.
    FailsOnce,
    /// Will never take it.
    Gone,
    /// Does not take this one, and may another time.
    Refuses,
    /// Does not answer.
    Hangs,
    /// Sends us elsewhere.
    Redirects,
}

impl Mood {
    const ALL: [Self; 6] = [
        Self::Takes,
        Self::FailsOnce,
        Self::Gone,
        Self::Refuses,
        Self::Hangs,
        Self::Redirects,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Takes => "takes",
            Self::FailsOnce => "fails-once",
            Self::Gone => "gone",
            Self::Refuses => "refuses",
            Self::Hangs => "hangs",
            Self::Redirects => "redirects",
        }
    }

    fn of(path: &str) -> Option<Self> {
        let last = path.rsplit('/').next()?;
        Self::ALL.into_iter().find(|mood| mood.word() == last)
    }
}

/// A request as an HTTP receiver saw it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// An HTTP receiver for all kinds that go by HTTP.
#[derive(Clone, Default)]
pub(super) struct Web {
    pub(super) seen: Arc<Mutex<Vec<Seen>>>,
}

impl Web {
    async fn start(&self) -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().fallback(Self::take).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        port
    }

    async fn take(State(this): State<Self>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
        let path = uri.path().to_owned();
        let (mood, before) = {
            let mut seen = this.seen.lock().unwrap();
            let before = seen.iter().filter(|seen| seen.path == path).count();
            let mood = Mood::of(&path);
            let body = body.to_vec();
            seen.push(Seen {
                path: path.clone(),
                headers,
                body,
            });
            (mood, before)
        };
        let slack = path.starts_with("/slack");
        match mood {
            None => StatusCode::NOT_IMPLEMENTED.into_response(),
            Some(Mood::Takes) => StatusCode::CREATED.into_response(),
            Some(Mood::FailsOnce) if before > 0 => StatusCode::OK.into_response(),
            Some(Mood::FailsOnce) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            // As Slack says it.
            Some(Mood::Gone) if slack => StatusCode::NOT_FOUND.into_response(),
            Some(Mood::Gone) => StatusCode::GONE.into_response(),
            Some(Mood::Refuses) => StatusCode::FORBIDDEN.into_response(),
            Some(Mood::Redirects) => {
                (StatusCode::FOUND, [("location", "/inside/takes")]).into_response()
            }
            Some(Mood::Hangs) => {
                tokio::time::sleep(Duration::from_secs(120)).await;
                StatusCode::OK.into_response()
            }
        }
    }
}

/// A browser.
pub(super) struct Browser {
    secret: web_push_native::p256::SecretKey,
    pub(super) keys: SubscriptionKeys,
}

impl Browser {
    fn new() -> Self {
        let secret = web_push_native::p256::SecretKey::from_slice(&[9; 32]).unwrap();
        let keys = SubscriptionKeys {
            p256dh: secret.public_key(),
            auth: [5; 16],
        };
        Self { secret, keys }
    }

    /// What a push says.
    pub(super) fn read(&self, body: &[u8]) -> Value {
        let auth = self.keys.auth.into();
        let plain = web_push_native::decrypt(body.to_vec(), &self.secret, &auth).unwrap();
        serde_json::from_slice(&plain).unwrap()
    }
}

pub(super) const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(super) const TOKEN: &str = "tk_0123456789";
pub(super) const HIDDEN: &str = "hidden-capability";
pub(super) const SUBJECT: &str = "mailto:reminders@example.com";

pub(super) fn vapid() -> Vapid {
    Vapid {
        key: VapidKey::parse(&VapidKey::text(&[7; 32]).unwrap()).unwrap(),
        subject: SUBJECT.into(),
    }
}

/// A receiver of each kind.
pub(super) struct Receivers {
    pub(super) web: Web,
    pub(super) port: u16,
    pub(super) smtp: Smtp,
    pub(super) browser: Browser,
}

impl Receivers {
    pub(super) async fn start() -> Self {
        let web = Web::default();
        Self {
            port: web.start().await,
            web,
            smtp: Smtp::start(),
            browser: Browser::new(),
        }
    }

    /// All kinds; `private`: those with a URL may go to where our receivers are.
    pub(super) fn senders(&self, private: bool) -> Senders {
        let click = Some("https://todo.example.com".to_owned());
        let names = Mood::ALL.map(|mood| mood.word().to_owned());
        let settings = self.smtp.settings("correct horse");
        Senders {
            email: Some(Email::new(settings).unwrap()),
            ntfy: Some(Ntfy::new(private, click.clone()).unwrap()),
            slack: Some(Slack::new(private).unwrap()),
            bindings: Some(Bindings::new(self.port, names).unwrap()),
            web_push: Some(WebPush::new(private, vapid(), click).unwrap()),
            ..if private {
                webhooks()
            } else {
                Webhooks::new(None, None, false).unwrap()
            }
            .into()
        }
    }

    /// Where a channel of this kind leads, and the secret that goes with it, as they are stored.
    pub(super) fn address(&self, kind: ChannelKind, mood: Mood) -> (String, String) {
        let base = format!("http://127.0.0.1:{}", self.port);
        let word = mood.word();
        match kind {
            ChannelKind::Webhook => (format!("{base}/webhook/{word}"), WHSEC.into()),
            ChannelKind::Email => (format!("{word}@example.com"), WHSEC.into()),
            ChannelKind::Ntfy => (format!("{base}/ntfy/{word}"), TOKEN.into()),
            ChannelKind::Slack => (format!("{base}/slack/{HIDDEN}/{word}"), String::new()),
            ChannelKind::Binding => (word.into(), String::new()),
            ChannelKind::WebPush => {
                let keys = self.browser.keys.text();
                (format!("{base}/push/{HIDDEN}/{word}"), keys)
            }
        }
    }

    /// What must never be shown of a channel of this kind.
    pub(super) fn secrets(&self, kind: ChannelKind) -> Vec<String> {
        let signing = WHSEC.trim_start_matches("whsec_").to_owned();
        match kind {
            ChannelKind::Webhook => vec![signing],
            ChannelKind::Email => vec![signing, "correct horse".into()],
            ChannelKind::Ntfy => vec![TOKEN.into()],
            ChannelKind::Slack => vec![HIDDEN.into()],
            ChannelKind::Binding => Vec::new(),
            ChannelKind::WebPush => {
                let keys = self.browser.keys.text();
                let (_, auth) = keys.split_once('.').unwrap();
                vec![HIDDEN.into(), auth.into()]
            }
        }
    }

    /// Whether its users say by a URL where it leads.
    pub(super) fn has_url(kind: ChannelKind) -> bool {
        match kind {
            ChannelKind::Webhook
            | ChannelKind::Ntfy
            | ChannelKind::Slack
            | ChannelKind::WebPush => true,
            ChannelKind::Email | ChannelKind::Binding => false,
        }
    }

    /// The requests of this kind to a receiver in this mood.
    pub(super) fn requests(&self, kind: ChannelKind, mood: Mood) -> Vec<Seen> {
        let path = match kind {
            ChannelKind::Binding => format!("/v1.0/bindings/{}", mood.word()),
            ChannelKind::Email => return Vec::new(),
            _ => {
                let (url, _) = self.address(kind, mood);
                url.splitn(4, '/')
                    .nth(3)
                    .map(|path| format!("/{path}"))
                    .unwrap()
            }
        };
        let seen = self.web.seen.lock().unwrap();
        seen.iter()
            .filter(|seen| seen.path == path)
            .cloned()
            .collect()
    }

    /// What came, each as the id by which its receiver knows a repetition, and its text.
    pub(super) fn arrived(&self, kind: ChannelKind, mood: Mood) -> Vec<(String, String)> {
        if kind == ChannelKind::Email {
            let to = self.address(kind, mood).0;
            return self.smtp.arrived(&to);
        }
        let requests = self.requests(kind, mood);
        requests.iter().map(|seen| self.read(kind, seen)).collect()
    }

    fn read(&self, kind: ChannelKind, seen: &Seen) -> (String, String) {
        let header = |name: &str| seen.headers[name].to_str().unwrap().to_owned();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match kind {
            ChannelKind::Webhook => (header("webhook-id"), text(&seen.json()["data"]["message"])),
            ChannelKind::Email => panic!("comes by SMTP"),
            ChannelKind::Ntfy => {
                let body = String::from_utf8(seen.body.clone()).unwrap();
                (header("idempotency-key"), body)
            }
            ChannelKind::Slack => (header("idempotency-key"), text(&seen.json()["text"])),
            ChannelKind::Binding => {
                let data = &seen.json()["data"];
                (text(&data["id"]), text(&data["title"]))
            }
            ChannelKind::WebPush => {
                let push = self.browser.read(&seen.body);
                (text(&push["id"]), text(&push["title"]))
            }
        }
    }

    /// A channel of a new user that leads to a receiver in this mood.
    pub(super) async fn channel(
        &self,
        pool: &Store,
        kind: ChannelKind,
        mood: Mood,
    ) -> StoredChannel {
        let (target, secret) = self.address(kind, mood);
        store(pool, kind, &target, &secret).await
    }

    /// One of each kind.
    pub(super) async fn channels(&self, pool: &Store, mood: Mood) -> Vec<StoredChannel> {
        let mut channels = Vec::new();
        for kind in ChannelKind::ALL {
            channels.push(self.channel(pool, kind, mood).await);
        }
        channels
    }
}

/// A default channel of a new user.
pub(super) async fn store(
    pool: &Store,
    kind: ChannelKind,
    target: &str,
    secret: &str,
) -> StoredChannel {
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

/// Counts what is equal.
pub(super) fn tally<T: std::hash::Hash + Eq>(
    items: impl IntoIterator<Item = T>,
) -> HashMap<T, usize> {
    let mut tally = HashMap::new();
    for item in items {
        *tally.entry(item).or_default() += 1;
    }
    tally
}
