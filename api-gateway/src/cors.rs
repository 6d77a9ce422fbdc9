//! Which web pages of other origins may call the interface from a browser (the CORS protocol of the Fetch
//! standard).

use std::{str::FromStr, time::Duration};

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::Url;

use crate::{rate_limit, routes::LEFT_OUT};

/// For how long a browser remembers what it may do.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// The origins whose pages may call, each exactly as browsers write it: `https://app.example.com`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<HeaderValue>);

impl FromStr for Origins {
    type Err = String;

    /// A list with commas; empty: none.
    fn from_str(text: &str) -> Result<Self, String> {
        let names = text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        names.map(origin).collect::<Result<_, _>>().map(Self)
    }
}

fn origin(name: &str) -> Result<HeaderValue, String> {
    let wrong = || {
        format!(
            "{name:?} is no origin such as https://app.example.com: scheme, host and port, without a path"
        )
    };
    let url = Url::parse(name).map_err(|_| wrong())?;
    let is_web = matches!(url.scheme(), "http" | "https");
    // The standard has no patterns; to the URL standard a star is a letter of a host like another.
    let is_pattern = name.contains('*');
    if !is_web || is_pattern || url.origin().ascii_serialization() != name {
        return Err(wrong());
    }
    name.parse().map_err(|_| wrong())
}

impl Origins {
    /// Whether pages of this one may call.
    pub(crate) fn contains(&self, origin: &HeaderValue) -> bool {
        self.0.contains(origin)
    }

    /// What answers browsers; none where no origin may call.
    pub(crate) fn layer(&self) -> Option<CorsLayer> {
        if self.0.is_empty() {
            return None;
        }
        let headers = [
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("mcp-protocol-version"),
            HeaderName::from_static("mcp-method"),
            HeaderName::from_static("mcp-name"),
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("tracestate"),
            HeaderName::from_static("x-request-id"),
        ];
        let shown = [
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            HeaderName::from_static("x-request-id"),
            LEFT_OUT,
        ];
        let shown = shown.into_iter().chain(rate_limit::HEADERS);
        let methods = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ];
        Some(
            CorsLayer::new()
                .allow_origin(AllowOrigin::list(self.0.iter().cloned()))
                .allow_methods(methods)
                .allow_headers(headers)
                .expose_headers(shown.collect::<Vec<_>>())
                .max_age(REMEMBERED),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        let two: Origins = "https://app.example.com, http://localhost:5173"
            .parse()
            .unwrap();
        assert_eq!(two.0.len(), 2);
        assert_eq!("".parse(), Ok(Origins::default()));
        for wrong in [
            "*",
            "https://app.example.com/",
            "https://app.example.com:443",
            "https://*.example.com",
            "HTTPS://app.example.com",
            "file:///x",
            "app.example.com",
        ] {
            let error = wrong.parse::<Origins>().unwrap_err();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
