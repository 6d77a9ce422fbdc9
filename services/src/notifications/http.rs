//! Calling receivers by HTTP.

use std::{error::Error, io, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{
    Client, ClientBuilder, Request, Response, StatusCode, Url, header::RETRY_AFTER,
    redirect::Policy,
};

use super::{
    addresses::{NOT_PUBLIC, PublicOnly, is_private_literal},
    sender::{Attempt, Blame},
};

/// A receiver has this long to answer (Standard Webhooks recommends 15 to 30 s).
const TIMEOUT: Duration = Duration::from_secs(15);

/// And this long of it to be reached.
const CONNECT: Duration = Duration::from_secs(5);

/// A connection that was not used for this long is closed: shorter than servers keep theirs (nginx 75 s,
/// Go none, Node 5 s), so that few are closed under our hands.
const IDLE: Duration = Duration::from_secs(4);

/// Connections kept for a receiver: as many as may be under way to it, or each burst would look its name
/// up and connect anew.
const KEPT: usize = 64;

/// An HTTP client that goes to public addresses only, unless private ones are allowed.
pub(super) struct Http {
    kept: Client,
    fresh: Client,
    allow_private: bool,
}

impl Http {
    /// # Errors
    /// When the HTTP client cannot be made.
    pub(super) fn new(allow_private: bool) -> anyhow::Result<Self> {
        runtime::tls::install_provider();
        let client = |configure: fn(ClientBuilder) -> ClientBuilder| {
            let mut client = Client::builder()
                .timeout(TIMEOUT)
                .connect_timeout(CONNECT)
                .no_proxy()
                // A redirect could lead inside; for webhooks the specification counts it as a failure.
                .redirect(Policy::none())
                .user_agent(concat!("todostack/", env!("CARGO_PKG_VERSION")));
            if !allow_private {
                client = client.dns_resolver(Arc::new(PublicOnly));
            }
            configure(client).build()
        };
        Ok(Self {
            kept: client(|client| client.pool_max_idle_per_host(KEPT).pool_idle_timeout(IDLE))?,
            fresh: client(|client| client.pool_max_idle_per_host(0))?,
            allow_private,
        })
    }

    /// Reads where to call; what cannot be called is given up.
    ///
    /// # Errors
    /// The attempt is over: the URL cannot be read, or is not public.
    pub(super) fn check(&self, url: &str) -> Result<Url, Attempt> {
        let url: Url = url
            .parse()
            .map_err(|error| Attempt::GiveUp(format!("the URL cannot be read: {error}")))?;
        if !self.allow_private && is_private_literal(&url) {
            return Err(Attempt::GiveUp(NOT_PUBLIC.into()));
        }
        Ok(url)
    }

    /// A POST; hand it to [`Http::send`].
    pub(super) fn post(&self, url: Url) -> reqwest::RequestBuilder {
        self.kept.post(url)
    }

    /// Sends a request. One whose kept connection the receiver had just closed is sent again at once on
    /// a new one: it costs neither an attempt nor the reminder its punctuality, and the receiver
    /// knows a repetition by its id.
    ///
    /// # Errors
    /// The attempt is over: there was no answer.
    pub(super) async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, Attempt> {
        let request: Request = request
            .build()
            .map_err(|error| Attempt::GiveUp(root_cause(&error.without_url())))?;
        let again = request.try_clone();
        let mut answer = self.kept.execute(request).await;
        if let (Err(error), Some(again)) = (&answer, again)
            && was_closed(error)
        {
            answer = self.fresh.execute(again).await;
        }
        answer.map_err(|error| {
            let blame = if error.is_connect() {
                Blame::Receiver
            } else {
                Blame::Address
            };
            // The URL may hold a token of its owner.
            Attempt::retry(blame, root_cause(&error.without_url()))
        })
    }
}

/// What an answer means, for receivers that say no more than a status and when to come again.
pub(super) fn judge(response: &Response) -> Attempt {
    let status = response.status();
    let error = format!("the receiver answered {status}");
    if status.is_success() {
        Attempt::Delivered
    } else if status == StatusCode::GONE {
        Attempt::GiveUp(error)
    } else if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        let header = response.headers().get(RETRY_AFTER);
        let after = header
            .and_then(|value| value.to_str().ok())
            .and_then(|value| retry_after(value, Utc::now()));
        let blame = Blame::Address;
        Attempt::Retry {
            error,
            blame,
            after,
        }
    } else {
        Attempt::retry(Blame::Nobody, error)
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110 §10.2.3).
fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    (date.to_utc() - now).to_std().ok()
}

/// `host:port` of a URL.
pub(super) fn host_of(url: &str) -> String {
    url.parse::<Url>().map_or_else(
        |_| "unreadable".into(),
        |url| {
            format!(
                "{}:{}",
                url.host_str().unwrap_or_default(),
                url.port_or_known_default().unwrap_or_default()
            )
        },
    )
}

/// Whether the connection was closed before any byte of an answer.
fn was_closed(error: &reqwest::Error) -> bool {
    if error.is_connect() || error.is_timeout() {
        return false;
    }
    causes(error).any(|cause| {
        let closed = cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(|error| error.is_incomplete_message() || error.is_canceled());
        closed
            || cause.downcast_ref::<io::Error>().is_some_and(|error| {
                matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
                )
            })
    })
}

/// The innermost message says what happened: "connection refused", not "error sending request".
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    causes(error)
        .last()
        .map_or_else(String::new, ToString::to_string)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-11-21T08:00:00Z".parse().unwrap();
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(retry_after("120", now), seconds(120));
        assert_eq!(retry_after(" 0 ", now), seconds(0));
        assert_eq!(
            retry_after("Sat, 21 Nov 2026 08:01:30 GMT", now),
            seconds(90)
        );
        // The past, and nonsense, say nothing.
        for value in ["Sat, 21 Nov 2026 07:59:00 GMT", "-1", "soon", ""] {
            assert_eq!(retry_after(value, now), None, "{value}");
        }
    }
}
