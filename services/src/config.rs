//! Settings, by environment or flag; see docs/architecture.md. `Debug` shows no secret.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};

use domain::{reminder::CatchUpMode, web_push::VapidKey, webhook::Secret, wording::Wording};
use runtime::auth::Keys;

use crate::notifications::{
    Senders,
    binding::Bindings,
    email::{Email, SmtpSettings, SmtpTls},
    ntfy::Ntfy,
    retry::Retry,
    slack::Slack,
    web_push::{Vapid, WebPush},
    webhook::Webhooks,
};
use crate::{dlq::DlqArgs, kafka::KafkaArgs, rebuild::RebuildArgs};

/// The services of a stack.
#[derive(Parser)]
#[command(name = "todostack-services", version, about)]
pub struct Config {
    /// Which service to be.
    #[command(subcommand)]
    pub role: Role,
}

/// What carries events between the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// The pub/sub component of the Dapr sidecar.
    Dapr,
    /// Kafka, without a sidecar.
    Kafka,
}

/// What every role needs.
#[derive(Args, Clone)]
pub struct Common {
    /// URL of the Postgres database.
    #[arg(long, env = "TODOSTACK_DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// Name of the stack.
    #[arg(long, env = "TODOSTACK_STACK", default_value = "dev")]
    pub stack: String,
    /// Its namespace.
    #[arg(long, env = "TODOSTACK_NAMESPACE", default_value = "default")]
    pub namespace: String,
    /// What carries events.
    #[arg(long, env = "TODOSTACK_TRANSPORT", value_enum, default_value = "dapr")]
    pub transport: Transport,
    /// What topic names begin with; absent: `<namespace>.<stack>.`.
    #[arg(long, env = "TODOSTACK_TOPIC_PREFIX")]
    pub topic_prefix: Option<String>,
    /// The brokers, without a sidecar.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Port of the Dapr sidecar's HTTP interface.
    #[arg(long, env = "DAPR_HTTP_PORT", default_value_t = 3500)]
    pub dapr_http_port: u16,
    /// What the sidecar sends as `dapr-api-token`.
    #[arg(long, env = "TODOSTACK_DAPR_APP_TOKEN", hide_env_values = true)]
    pub dapr_app_token: Option<String>,
    /// Where the sidecar calls.
    #[arg(long, env = "TODOSTACK_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// Where health and metrics are served.
    #[arg(long, env = "TODOSTACK_OPS_LISTEN", default_value = "0.0.0.0:9090")]
    pub ops_listen: SocketAddr,
    /// What is logged, as `tracing` filter directives.
    #[arg(long, env = "TODOSTACK_LOG", default_value = "info,sqlx=warn")]
    pub log: String,
}

impl Common {
    /// `source` of every event.
    pub fn source(&self) -> String {
        format!("/todostack/{}/{}", self.namespace, self.stack)
    }

    /// What topic names begin with.
    pub fn topic_prefix(&self) -> String {
        let absent = || format!("{}.{}.", self.namespace, self.stack);
        self.topic_prefix.clone().unwrap_or_else(absent)
    }

    /// The consumer group of a role, which is the one that Dapr's component uses
    /// (`consumerID: <namespace>.{appID}`).
    pub fn consumer_group(&self, role: &str) -> String {
        format!("{}.{}-{role}", self.namespace, self.stack)
    }
}

/// The services.
#[derive(Subcommand)]
pub enum Role {
    /// Bring the database's schema up to date, and end.
    Migrate(Common),
    /// Publish the outbox.
    Relay(RelayArgs),
    /// Fire reminders.
    Reminders(RemindersArgs),
    /// Make the next instance of a series.
    Recurrence(Common),
    /// Serve channels.
    Notifications(Box<NotificationsArgs>),
    /// Keep the trail.
    Audit(AuditArgs),
    /// Stream changes to devices.
    Sync(SyncArgs),
    /// List the events that could not be dealt with, or replay them; and end.
    Dlq(DlqArgs),
    /// Hand a consumer every event that Kafka has, from the first on; and end.
    Rebuild(RebuildArgs),
}

/// Settings of the relay.
#[derive(Args)]
pub struct RelayArgs {
    /// What every role needs.
    #[command(flatten)]
    pub common: Common,
    /// Dapr component to publish to; absent: `<stack>-pubsub`.
    #[arg(long, env = "TODOSTACK_PUBSUB")]
    pub pubsub: Option<String>,
}

/// Settings of the audit service.
#[derive(Args)]
pub struct AuditArgs {
    /// What every role needs.
    #[command(flatten)]
    pub common: Common,
    /// Days for which the trail is kept; whole months are dropped.
    #[arg(
        long,
        env = "TODOSTACK_AUDIT_RETENTION_DAYS",
        default_value_t = 400,
        value_parser = clap::value_parser!(u16).range(30..=36_500)
    )]
    pub audit_retention_days: u16,
}

impl AuditArgs {
    /// For how long the trail is kept.
    pub fn retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.audit_retention_days) * 86_400)
    }
}

/// Settings of the reminders service.
#[derive(Args)]
pub struct RemindersArgs {
    /// What every role needs.
    #[command(flatten)]
    pub common: Common,
    /// Where the operator calls.
    #[arg(
        long,
        env = "TODOSTACK_INTERNAL_LISTEN",
        default_value = "0.0.0.0:8081"
    )]
    pub internal_listen: SocketAddr,
    /// What the operator sends as bearer token.
    #[arg(long, env = "TODOSTACK_INTERNAL_TOKEN", hide_env_values = true)]
    pub internal_token: String,
    /// Which overdue reminders fire of those that do not say it themselves: Skip, Latest or All.
    #[arg(long, env = "TODOSTACK_CATCH_UP", default_value = "All")]
    pub catch_up: CatchUpMode,
    /// Overdue by more than this many seconds a reminder is missed.
    #[arg(
        long,
        env = "TODOSTACK_CATCH_UP_WINDOW_SECONDS",
        default_value_t = 86_400
    )]
    pub catch_up_window_seconds: i64,
    /// At most this many late reminders fire in a second.
    #[arg(long, env = "TODOSTACK_CATCH_UP_PER_SECOND", default_value_t = 500)]
    pub catch_up_per_second: u32,
}

/// Settings of the notifications service.
#[derive(Args)]
pub struct NotificationsArgs {
    /// What every role needs.
    #[command(flatten)]
    pub common: Common,
    /// Webhook of reminders that have no channel.
    #[arg(long, env = "TODOSTACK_WEBHOOK_URL")]
    pub webhook_url: Option<String>,
    /// Signs it: `whsec_` and base64.
    #[arg(long, env = "TODOSTACK_WEBHOOK_SECRET", hide_env_values = true)]
    pub webhook_secret: Option<String>,
    /// Lets webhooks go to loopback, link-local and private addresses.
    #[arg(long, env = "TODOSTACK_WEBHOOK_ALLOW_PRIVATE", default_value_t = false, action = clap::ArgAction::Set)]
    pub webhook_allow_private: bool,
    /// Name of the SMTP server; absent: no e-mails.
    #[arg(long, env = "TODOSTACK_SMTP_HOST", requires = "smtp_from")]
    pub smtp_host: Option<String>,
    /// Its port.
    #[arg(long, env = "TODOSTACK_SMTP_PORT", default_value_t = 587)]
    pub smtp_port: u16,
    /// TLS to it.
    #[arg(
        long,
        env = "TODOSTACK_SMTP_TLS",
        value_enum,
        default_value = "start-tls"
    )]
    pub smtp_tls: SmtpTls,
    /// CA certificates in PEM that are trusted beside the public ones.
    #[arg(long, env = "TODOSTACK_SMTP_CA")]
    pub smtp_ca: Option<String>,
    /// User name of the log-in.
    #[arg(long, env = "TODOSTACK_SMTP_USERNAME", requires = "smtp_password")]
    pub smtp_username: Option<String>,
    /// Its password.
    #[arg(long, env = "TODOSTACK_SMTP_PASSWORD", hide_env_values = true)]
    pub smtp_password: Option<String>,
    /// Who writes, such as `Reminders <reminders@example.com>`.
    #[arg(long, env = "TODOSTACK_SMTP_FROM")]
    pub smtp_from: Option<String>,
    /// Where users reach the gateway: the link that unsubscribes begins with it.
    #[arg(long, env = "TODOSTACK_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Output bindings of Dapr that users may name, separated by commas.
    #[arg(long, env = "TODOSTACK_BINDINGS", value_delimiter = ',')]
    pub bindings: Vec<String>,
    /// Private key of Web Push: base64url of 32 bytes; absent: no Web Push.
    #[arg(
        long,
        env = "TODOSTACK_VAPID_KEY",
        hide_env_values = true,
        requires = "vapid_subject"
    )]
    pub vapid_key: Option<String>,
    /// Whom operators of push services may write to: `mailto:…` or `https://…`.
    #[arg(long, env = "TODOSTACK_VAPID_SUBJECT")]
    pub vapid_subject: Option<String>,
    /// When deliveries are tried again, as JSON of `spec.notifications.retry`.
    #[arg(long, env = "TODOSTACK_RETRY", default_value = "{}")]
    pub retry: String,
    /// What messages say, as JSON of `spec.notifications.templates`.
    #[arg(long, env = "TODOSTACK_TEMPLATES")]
    pub templates: Option<String>,
}

impl NotificationsArgs {
    /// The channels that these settings ask for.
    ///
    /// # Errors
    /// When a setting cannot be read.
    pub fn senders(self) -> anyhow::Result<Senders> {
        let secret = self
            .webhook_secret
            .as_deref()
            .map(Secret::parse)
            .transpose()
            .context("TODOSTACK_WEBHOOK_SECRET")?;
        let private = self.webhook_allow_private;
        let email = match (self.smtp_host, self.smtp_from) {
            (Some(host), Some(from)) => Some(Email::new(SmtpSettings {
                host,
                port: self.smtp_port,
                tls: self.smtp_tls,
                ca: self.smtp_ca,
                log_in: self.smtp_username.zip(self.smtp_password),
                from,
                public_url: self.public_url.clone(),
            })?),
            _ => None,
        };
        let web_push = match (self.vapid_key, self.vapid_subject) {
            (Some(key), Some(subject)) => {
                let key = VapidKey::parse(&key).context("TODOSTACK_VAPID_KEY")?;
                let vapid = Vapid { key, subject };
                Some(WebPush::new(private, vapid, self.public_url.clone())?)
            }
            _ => None,
        };
        let wording = match self.templates {
            Some(json) => {
                let read = serde_json::from_str(&json).context("TODOSTACK_TEMPLATES")?;
                Some(Wording::parse(read).context("TODOSTACK_TEMPLATES")?)
            }
            None => None,
        };
        Ok(Senders {
            wording,
            retry: Retry::parse(&self.retry).context("TODOSTACK_RETRY")?,
            web_push,
            webhooks: Webhooks::new(self.webhook_url, secret, private)?,
            email,
            ntfy: Some(Ntfy::new(private, self.public_url)?),
            slack: Some(Slack::new(private)?),
            bindings: Some(Bindings::new(self.common.dapr_http_port, self.bindings)?),
        })
    }
}

/// Settings of the sync service.
#[derive(Args)]
pub struct SyncArgs {
    /// What every role needs.
    #[command(flatten)]
    pub common: Common,
    /// Key of access tokens.
    #[arg(long, env = "TODOSTACK_JWT_KEY", hide_env_values = true)]
    pub jwt_key: String,
    /// Key that will sign access tokens next.
    #[arg(long, env = "TODOSTACK_JWT_KEY_NEXT", hide_env_values = true)]
    pub jwt_key_next: Option<String>,
    /// Key that signed access tokens before.
    #[arg(long, env = "TODOSTACK_JWT_KEY_PREVIOUS", hide_env_values = true)]
    pub jwt_key_previous: Option<String>,
}

impl SyncArgs {
    /// The keys whose access tokens are taken.
    ///
    /// # Errors
    /// When one is too short.
    pub fn keys(&self) -> anyhow::Result<Keys> {
        let others = [&self.jwt_key_next, &self.jwt_key_previous];
        let others: Vec<&[u8]> = others.into_iter().flatten().map(String::as_bytes).collect();
        Keys::rotated(self.jwt_key.as_bytes(), &others)
    }
}
