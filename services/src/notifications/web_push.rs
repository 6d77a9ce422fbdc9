//! Web Push: messages to browsers by their push services (RFC 8030), which read neither what is sent
//! (RFC 8291) nor take it from anybody else (RFC 8292).

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use domain::{
    reminder::{Channel, ReminderEvent},
    task::Priority,
    web_push::{SubscriptionKeys, VapidKey},
};
use reqwest::{StatusCode, Url};
use serde_json::{Value, json};
use store::channels::StoredChannel;
use web_push_native::Auth;

use super::{
    http::{Http, host_of, judge},
    sender::{Attempt, Blame, Message, Sender},
    templates::{self, Words},
};

/// How long a push service keeps a message for a browser that is away, in seconds: longer, and the
/// reminder is worth nothing.
const TTL: u64 = 24 * 3600;

/// Most bytes of a message before it is encrypted: push services take 4,096 after it (RFC 8291 §4), of
/// which the header is 86, the padding delimiter 1 and the tag 16.
const PLAIN_MOST: usize = 4096 - 86 - 1 - 16;

/// How long a token is good, and how long it is used again: services check it once (RFC 8292 §2).
const TOKEN_LIFETIME: u64 = 12 * 3600;
const TOKEN_REUSE: u64 = 6 * 3600;

/// Tokens kept; there are a handful of push services.
const TOKENS: usize = 1000;

/// How to sign.
#[derive(Debug, Clone)]
pub struct Vapid {
    /// The stack's key.
    pub key: VapidKey,
    /// Whom the operator of a push service may write to: `mailto:…` or `https://…`.
    pub subject: String,
}

/// Pushes to browsers.
pub struct WebPush {
    http: Http,
    vapid: Vapid,
    /// What a tap on the message opens.
    click: Option<String>,
    /// By origin of the push service: the header, and when it was made in Unix seconds.
    tokens: Mutex<HashMap<String, (String, u64)>>,
}

impl WebPush {
    /// `click` is what a tap on a message opens.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(allow_private: bool, vapid: Vapid, click: Option<String>) -> anyhow::Result<Self> {
        Ok(Self {
            http: Http::new(allow_private)?,
            vapid,
            click,
            tokens: Mutex::default(),
        })
    }

    async fn push(&self, message: Message<'_>, stored: &StoredChannel) -> Result<Attempt, Attempt> {
        let url = self.http.check(stored.target())?;
        let keys = SubscriptionKeys::from_text(&stored.secret)
            .map_err(|error| Attempt::GiveUp(format!("the subscription's keys: {error}")))?;
        let plain = payload(message, self.click.as_deref());
        let auth = Auth::from(keys.auth);
        let body = web_push_native::encrypt(plain, &keys.p256dh, &auth)
            .map_err(|error| Attempt::retry(Blame::Nobody, format!("encryption: {error}")))?;
        let authorization = self.authorization(&url)?;
        let request = self
            .http
            .post(url)
            .header("authorization", authorization)
            .header("content-encoding", "aes128gcm")
            .header("content-type", "application/octet-stream")
            .header("ttl", TTL)
            .header("urgency", urgency(message.reminder.priority))
            .header("topic", topic(message.reminder))
            .body(body);
        let response = self.http.send(request).await?;
        let status = response.status();
        let answered = || format!("the push service answered {status}");
        Ok(match status {
            // RFC 8030 §7.3: it expired, or the browser's user withdrew it.
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Attempt::Gone(format!("{}: the subscription is gone", answered()))
            }
            // The same message is as long the next time.
            StatusCode::PAYLOAD_TOO_LARGE => Attempt::GiveUp(answered()),
            _ => judge(&response),
        })
    }

    /// The header that signs a request to this push service; made anew some times a day.
    fn authorization(&self, url: &Url) -> Result<String, Attempt> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO)
            .as_secs();
        let origin = url.origin().ascii_serialization();
        let mut tokens = super::lock(&self.tokens);
        if let Some((token, made)) = tokens.get(&origin)
            && (*made..*made + TOKEN_REUSE).contains(&now)
        {
            return Ok(token.clone());
        }
        let expires = i64::try_from(now + TOKEN_LIFETIME)
            .map_err(|error| Attempt::retry(Blame::Nobody, error.to_string()))?;
        let Vapid { key, subject } = &self.vapid;
        let token = key.authorization(&origin, subject, expires);
        if tokens.len() >= TOKENS {
            tokens.clear();
        }
        tokens.insert(origin, (token.clone(), now));
        Ok(token)
    }
}

/// RFC 8030 §5.3: what matters wakes a device that saves power.
fn urgency(priority: Option<Priority>) -> &'static str {
    match priority {
        Some(Priority::P1 | Priority::P2) => "high",
        Some(Priority::P3 | Priority::P4) | None => "normal",
    }
}

/// RFC 8030 §5.4: of one reminder the push service keeps the last message only, so that what was sent
/// twice, or snoozed, is shown once. At most 32 characters of base64url, which a UUID has.
fn topic(reminder: &ReminderEvent) -> String {
    reminder.reminder_id.simple().to_string()
}

/// What the page's service worker is given, in at most [`PLAIN_MOST`] bytes.
fn payload(message: Message<'_>, click: Option<&str>) -> Vec<u8> {
    let words = templates::words(&message, None);
    let whole = |words: &Words| content(message, click, words).to_string().into_bytes();
    let mut words = Words {
        html: String::new(),
        ..words
    };
    let mut bytes = whole(&words);
    // The longer of the two is cut first: escaped, one character may be six bytes.
    while bytes.len() > PLAIN_MOST {
        let over = (bytes.len() - PLAIN_MOST).div_ceil(6).max(1);
        let longer = if words.text.len() >= words.title.len() {
            &mut words.text
        } else {
            &mut words.title
        };
        if longer.is_empty() {
            break;
        }
        let keep = longer.chars().count().saturating_sub(over + 1);
        *longer = longer
            .chars()
            .take(keep)
            .chain((keep > 0).then_some('…'))
            .collect();
        bytes = whole(&words);
    }
    bytes
}

fn content(message: Message<'_>, click: Option<&str>, words: &Words) -> Value {
    let reminder = message.reminder;
    let action = |name: &str, path| json!({"action": name, "method": "POST", "path": path});
    let mut actions = Vec::new();
    if let Some(task) = reminder.task_id {
        actions.push(action("complete", format!("/v1/tasks/{task}/complete")));
    }
    if reminder.digest.is_none() {
        let path = format!("/v1/reminders/{}/snooze", reminder.reminder_id);
        actions.push(action("snooze", path));
    }
    json!({
        "type": reminder.kind(),
        "id": message.id,
        "title": words.title,
        "text": words.text,
        "reminderId": reminder.reminder_id,
        "taskId": reminder.task_id,
        "fireAt": reminder.fire_at,
        "url": click,
        "actions": actions,
    })
}

#[async_trait]
impl Sender for WebPush {
    fn receiver(&self, _: &Channel, stored: Option<&StoredChannel>) -> String {
        stored.map_or_else(|| "nowhere".into(), |stored| host_of(&stored.url))
    }

    async fn send(&self, message: Message<'_>) -> Attempt {
        match message.stored {
            Some(stored) => self.push(message, stored).await.unwrap_or_else(|over| over),
            None => Attempt::GiveUp("there is no subscription".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::notifications::dispatcher::tests::delivery;

    fn pushed(message: &str) -> Vec<u8> {
        let channel = Channel::WebPush { id: Uuid::nil() };
        let reminder = ReminderEvent {
            message: message.into(),
            task_id: Some(Uuid::nil()),
            ..delivery("-/x", None).body.0
        };
        let message = Message {
            channel: &channel,
            stored: None,
            id: Uuid::nil(),
            reminder: &reminder,
            wording: None,
            trace: None,
        };
        payload(message, Some("https://todo.example.com"))
    }

    proptest! {
        #[test]
        fn whatever_the_text_is_it_fits_a_push_and_is_json(message in "\\PC{0,2000}|[\"\\\\\u{1}-\u{1f}]{0,2000}") {
            let bytes = pushed(&message);
            prop_assert!(bytes.len() <= PLAIN_MOST, "{}", bytes.len());
            let value: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(value["type"].as_str(), Some("reminder.due"));
        }
    }

    #[test]
    fn what_is_short_is_pushed_whole_and_what_is_long_is_cut_at_a_character() {
        let whole: Value = serde_json::from_slice(&pushed("Water")).unwrap();
        assert_eq!(whole["title"], "Water");
        assert_eq!(whole["actions"][0]["action"], "complete");
        assert_eq!(whole["url"], "https://todo.example.com");
        let bytes = pushed(&"ü".repeat(5000));
        let cut: Value = serde_json::from_slice(&bytes).unwrap();
        assert!(cut["title"].as_str().unwrap().ends_with('…'));
        // It is not cut more than it must.
        assert!(bytes.len() > PLAIN_MOST - 64, "{}", bytes.len());
    }

    #[test]
    fn the_urgency_is_by_priority_and_the_topic_is_the_reminders() {
        assert_eq!(urgency(Some(Priority::P1)), "high");
        assert_eq!(urgency(Some(Priority::P4)), "normal");
        assert_eq!(urgency(None), "normal");
        let topic = topic(&delivery("-/x", None).body);
        assert_eq!(topic.len(), 32);
        assert!(topic.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn a_token_is_used_again_at_the_same_push_service_only() {
        let vapid = Vapid {
            key: VapidKey::parse(&VapidKey::text(&[7; 32]).unwrap()).unwrap(),
            subject: "mailto:a@example.com".into(),
        };
        let push = WebPush::new(false, vapid, None).unwrap();
        let token = |url: &str| push.authorization(&url.parse().unwrap()).unwrap();
        let first = token("https://push.example/a");
        assert_eq!(token("https://push.example/b"), first);
        assert_ne!(token("https://push.example:444/b"), first);
    }
}
