//! Who may speak to `/mcp` at all: no page of an origin that is not named.
//!
//! A page that makes its own host name resolve to a gateway's address (DNS rebinding) still sends its own
//! `Origin`, with each POST; so that is held to a list, as the MCP specification demands. Host names are not:
//! whoever knows a token may use any of the names that a gateway has.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::metadata;
use crate::{error::Error, state::Gateway};

/// Refuses pages of other origins, and tells who is not logged in how tokens are sent (RFC 9728 §5.1).
pub(super) async fn guard(
    State(gateway): State<Gateway>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if let Some(origin) = headers.get(header::ORIGIN)
        && !gateway.origins.contains(origin)
        && !is_of_this_machine(origin, headers)
    {
        let detail =
            "pages of this origin may not call; the setting allowedOrigins names those that may";
        return Error::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    let challenge = metadata::challenge(&gateway, &request);
    let mut response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED
        && let Some(challenge) = challenge
    {
        let headers = response.headers_mut();
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Whether it is the gateway's own origin, by a name that no other machine can have.
fn is_of_this_machine(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_ascii_lowercase);
    let (Some(origin), Some(host)) = (text(origin), headers.get(header::HOST).and_then(text))
    else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => &host,
    };
    origin.strip_prefix("http://") == Some(&host)
        && matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_own_origin() {
        for (origin, host, is_own) in [
            ("http://localhost:8080", "localhost:8080", true),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://localhost", "localhost", true),
            ("http://localhost:8081", "localhost:8080", false),
            ("https://localhost:8080", "localhost:8080", false),
            ("http://evil.example:8080", "evil.example:8080", false),
            (
                "http://localhost.evil.example",
                "localhost.evil.example",
                false,
            ),
            ("null", "localhost:8080", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            let origin_value = origin.parse().unwrap();
            assert_eq!(
                is_of_this_machine(&origin_value, &headers),
                is_own,
                "{origin}"
            );
        }
    }
}
