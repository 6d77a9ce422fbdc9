//! `spec.notifications` of a TodoStack: how reminders leave it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::SecretKeyRef;

/// How reminders leave the stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NotificationsSpec {
    /// The webhook of reminders that name no channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookSpec>,
    /// The server that takes e-mails; absent: no e-mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<SmtpSpec>,
    /// Where users reach the gateway, such as `https://todo.example.com`: an e-mail's link that unsubscribes begins with it, and a tap on a message opens it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500), regex(pattern = "^https?://[^\\s]+$"))]
    pub public_url: Option<String>,
    /// Names of output bindings of Dapr that users may choose as channels; the Components are made by you, and scoped to `<stack>-notifications`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 50),
        inner(length(max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))
    )]
    pub bindings: Vec<String>,
    /// Pushes to browsers; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_push: Option<WebPushSpec>,
    /// When deliveries are tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetriesSpec>,
    /// What messages say; absent: what they say by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templates: Option<TemplatesSpec>,
}

/// A server that takes e-mails by SMTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmtpSpec {
    /// Its name, which its certificate must have.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[A-Za-z0-9.:_-]+$"))]
    pub host: String,
    /// Its port.
    #[serde(default = "default_smtp_port")]
    #[schemars(range(min = 1, max = 65_535))]
    pub port: i32,
    /// How TLS begins.
    #[serde(default)]
    pub tls: SmtpTls,
    /// Who writes, such as `Reminders <reminders@example.com>`.
    #[schemars(length(min = 3, max = 320), regex(pattern = "^[^\\r\\n]+@[^\\s]+$"))]
    pub from: String,
    /// Secret key that holds the user name; absent: no log-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_secret_ref: Option<SecretKeyRef>,
    /// Secret key that holds the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<SecretKeyRef>,
    /// Secret key that holds CA certificates in PEM which are trusted beside the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
}

fn default_smtp_port() -> i32 {
    587
}

/// How TLS to an SMTP server begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SmtpTls {
    /// After `STARTTLS`; without it nothing is sent. Port 587.
    #[default]
    StartTls,
    /// With the first byte. Port 465.
    Implicit,
    /// Never: for a server in the same pod or network that you trust.
    None,
}

impl SmtpTls {
    /// As the service's settings spell it.
    pub fn as_setting(self) -> &'static str {
        match self {
            Self::StartTls => "start-tls",
            Self::Implicit => "implicit",
            Self::None => "none",
        }
    }
}

/// A webhook signed by the Standard Webhooks scheme.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSpec {
    /// Address to post to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000), regex(pattern = "^https?://"))]
    pub url: Option<String>,
    /// Secret key that holds the signing secret (`whsec_` and base64); absent: `webhook-secret` of the Secret `<stack>-keys`, which the operator makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_secret_ref: Option<SecretKeyRef>,
    /// Lets webhooks go to loopback, link-local and private addresses, such as Services of this cluster. Leave it off where users you do not trust may set webhooks.
    #[serde(default)]
    pub allow_private_addresses: bool,
}

/// Web Push (RFC 8030).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebPushSpec {
    /// Whom the operators of push services may write to (RFC 8292): `mailto:you@example.com`, or an `https://` address.
    #[schemars(
        length(min = 9, max = 320),
        regex(pattern = "^(mailto:[^@\\s]+@[^@\\s]+|https://[^\\s]+)$")
    )]
    pub subject: String,
    /// Secret key that holds the private VAPID key: base64url of 32 bytes, as other Web Push libraries write it; absent: `vapid-key` of the Secret `<stack>-keys`, which the operator makes. With another key browsers have to subscribe again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_secret_ref: Option<SecretKeyRef>,
}

/// When deliveries are tried again; absent fields are as docs/notifications.md says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RetriesSpec {
    /// For every kind of channel; what a kind says goes before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<RetrySpec>,
    /// Webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<RetrySpec>,
    /// E-mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<RetrySpec>,
    /// ntfy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ntfy: Option<RetrySpec>,
    /// Slack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack: Option<RetrySpec>,
    /// Output bindings of Dapr.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<RetrySpec>,
    /// Web Push.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_push: Option<RetrySpec>,
}

/// When deliveries of one kind are tried again: after `baseSeconds`, then each time six times as long, up to `capSeconds`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RetrySpec {
    /// Attempts at most, the first included.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_attempts: Option<i32>,
    /// No attempt begins later than this many seconds after the first could.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_592_000))]
    pub give_up_after_seconds: Option<i32>,
    /// Pause after the first attempt, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_592_000))]
    pub base_seconds: Option<i32>,
    /// Longest pause, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_592_000))]
    pub cap_seconds: Option<i32>,
    /// A pause is longer by up to this share of it, in percent, so that what failed together does not come back together.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub jitter_percent: Option<i32>,
}

/// Templates of messages, in the syntax of Jinja, with `message`, `fireAt`, `lateMinutes`, `taskId`, `priority` and `digest`. One that cannot be used stalls the stack, and says so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplatesSpec {
    /// Title: of an e-mail the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub title: Option<String>,
    /// Plain text; the HTML of an e-mail is made from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20_000))]
    pub text: Option<String>,
}
