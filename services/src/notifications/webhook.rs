//! Posting webhooks: signed by the Standard Webhooks scheme, never to an address inside the network
//! unless the platform engineer allows it.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use chrono::Utc;
use domain::{reminder::ReminderEvent, webhook::Secret};
use reqwest::{
    Client, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use uuid::Uuid;

/// A receiver has this long to answer (Standard Webhooks recommends 15 to 30 s).
const TIMEOUT: Duration = Duration::from_secs(15);

/// What one attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// A 2xx.
    Delivered,
    /// It may work later.
    Retry(String),
    /// It never will.
    GiveUp(String),
}

/// Posts webhooks.
pub struct Webhooks {
    client: Client,
    allow_private: bool,
    default_url: Option<String>,
    default_secret: Option<Secret>,
}

impl Webhooks {
    /// A client; `default_url` and `default_secret` serve reminders without a channel of their own.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(
        default_url: Option<String>,
        default_secret: Option<Secret>,
        allow_private: bool,
    ) -> anyhow::Result<Self> {
        runtime::tls::install_provider();
        let mut client = Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            // A redirect could lead inside; the specification counts it as a failure.
            .redirect(Policy::none())
            // A kept connection that the receiver has just closed would cost an attempt, and the
            // reminder its punctuality; a fresh one costs milliseconds.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("todostack/", env!("CARGO_PKG_VERSION")));
        if !allow_private {
            client = client.dns_resolver(Arc::new(PublicOnly));
        }
        Ok(Self {
            client: client.build()?,
            allow_private,
            default_url,
            default_secret,
        })
    }

    /// Whether there is a webhook for reminders that name no channel.
    pub fn has_default(&self) -> bool {
        self.default_url.is_some()
    }

    /// Posts a reminder to `url`, signed with `secret`; each absent: the stack's.
    ///
    /// # Errors
    /// When the reminder cannot be written as JSON.
    pub async fn post(
        &self,
        url: Option<&str>,
        secret: Option<&str>,
        id: Uuid,
        reminder: &ReminderEvent,
    ) -> anyhow::Result<Attempt> {
        let Some(url) = url.or(self.default_url.as_deref()) else {
            return Ok(Attempt::GiveUp("the stack has no webhook".into()));
        };
        let secret = match secret.map(Secret::parse).transpose() {
            Ok(Some(own)) => own,
            Ok(None) => match &self.default_secret {
                Some(secret) => secret.clone(),
                None => return Ok(Attempt::GiveUp("the stack has no signing secret".into())),
            },
            Err(error) => return Ok(Attempt::GiveUp(error.to_string())),
        };
        let url: Url = match url.parse() {
            Ok(url) => url,
            Err(error) => return Ok(Attempt::GiveUp(format!("the URL cannot be read: {error}"))),
        };
        if !self.allow_private && is_private_literal(&url) {
            return Ok(Attempt::GiveUp(NOT_PUBLIC.into()));
        }
        let id = id.to_string();
        let timestamp = Utc::now().timestamp();
        // What is signed must be what is sent, byte for byte.
        let body = serde_json::to_vec(&serde_json::json!({
            "type": "reminder.due",
            "timestamp": reminder.fired_at,
            "data": reminder,
        }))?;
        let signature = secret.sign(&id, timestamp, &body);
        let answer = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body)
            .send()
            .await;
        Ok(match answer {
            Ok(response) => judge(response.status()),
            // The URL may hold a token of its owner.
            Err(error) => Attempt::Retry(root_cause(&error.without_url())),
        })
    }
}

const NOT_PUBLIC: &str = "the address is not public; `spec.notifications.webhook.allowPrivateAddresses` of the TodoStack allows it";

fn judge(status: StatusCode) -> Attempt {
    if status.is_success() {
        Attempt::Delivered
    } else if status == StatusCode::GONE {
        Attempt::GiveUp("the receiver answered 410 Gone".into())
    } else {
        Attempt::Retry(format!("the receiver answered {status}"))
    }
}

/// The innermost message says what happened: "connection refused", not "error sending request".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn is_private_literal(url: &Url) -> bool {
    // `host_str` writes IPv6 in brackets.
    url.host_str()
        .map(|host| host.trim_start_matches('[').trim_end_matches(']'))
        .and_then(|host| host.parse::<IpAddr>().ok())
        .is_some_and(|address| !is_public(address))
}

/// Resolves names to public addresses only. The check is on the addresses that are then connected
/// to, so that a name cannot change in between.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> = found
                .iter()
                .copied()
                .filter(|address| is_public(address.ip()))
                .collect();
            if public.is_empty() && !found.is_empty() {
                return Err(NOT_PUBLIC.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is outside of every special-purpose block of the IANA registries (RFC 6890)
/// that could lead inside.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || a == 100 && (64..128).contains(&b) // RFC 6598
                || a == 198 && (18..20).contains(&b) // RFC 2544
                || a == 192 && b == 0 && c == 0)
        }
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => is_public(IpAddr::V4(v4)),
            // Of global unicast, all but the blocks for protocols (Teredo among them) and examples.
            None => {
                let [first, second, ..] = v6.segments();
                first & 0xe000 == 0x2000
                    && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
            }
        },
    }
}

/// The IPv4 address inside a mapped, NAT64 (RFC 6052) or 6to4 address.
fn embedded_v4(v6: Ipv6Addr) -> Option<std::net::Ipv4Addr> {
    let segments = v6.segments();
    let from = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        std::net::Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(from(high, low)),
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => v6.to_ipv4_mapped(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::a9fe:a9fe",
            "::10.0.0.1",
            "fec0::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "100.128.0.1"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn a_private_address_in_any_spelling_is_seen() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::1]:80/",
        ] {
            assert!(is_private_literal(&url.parse().unwrap()), "{url}");
        }
        assert!(!is_private_literal(
            &"https://example.com/".parse().unwrap()
        ));
    }

    #[tokio::test]
    async fn a_private_address_is_refused_for_good() {
        let secret = Secret::parse(&Secret::text(&[1; 32])).unwrap();
        let webhooks = Webhooks::new(None, Some(secret), false).unwrap();
        let reminder = ReminderEvent {
            reminder_id: Uuid::nil(),
            occurrence: 0,
            generation: 1,
            task_id: None,
            message: "m".into(),
            fire_at: Utc::now(),
            fired_at: None,
            lateness_ms: None,
            reason: None,
            channels: Vec::new(),
        };
        let attempt = webhooks
            .post(Some("http://127.0.0.1:1/"), None, Uuid::nil(), &reminder)
            .await
            .unwrap();
        assert_eq!(attempt, Attempt::GiveUp(NOT_PUBLIC.into()));
        // By name it fails in the resolver, and may work later.
        let attempt = webhooks
            .post(Some("http://localhost:1/"), None, Uuid::nil(), &reminder)
            .await
            .unwrap();
        assert_eq!(attempt, Attempt::Retry(NOT_PUBLIC.into()));
    }
}
