//! How tokens are sent to `/mcp`, for programs (OAuth 2.0 Protected Resource Metadata, RFC 9728).
//!
//! It names no authorization server, for there is none: tokens are made by their user (`POST /v1/tokens`).

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, uri::Authority},
    response::IntoResponse,
};
use serde::Serialize;

use crate::{error::Error, scopes::Scope, state::Gateway};

/// Where it is, by RFC 9728 §3.1: the path of the resource stands behind.
pub(super) const PATH: &str = "/.well-known/oauth-protected-resource/mcp";

/// Where clients look that know the host alone.
pub(super) const ROOT: &str = "/.well-known/oauth-protected-resource";

/// RFC 9728 §2.
#[derive(Serialize)]
struct Metadata {
    resource: String,
    resource_name: &'static str,
    resource_documentation: String,
    bearer_methods_supported: [&'static str; 1],
    scopes_supported: [&'static str; Scope::ALL.len()],
}

/// Answers it.
///
/// # Errors
/// 400 for a request without `Host`.
pub(super) async fn metadata(
    State(gateway): State<Gateway>,
    request: Request,
) -> Result<impl IntoResponse, Error> {
    let base = base(&gateway, &request)
        .ok_or_else(|| Error::new(StatusCode::BAD_REQUEST, "send the header Host"))?;
    let metadata = Metadata {
        resource: format!("{base}{}", super::PATH),
        resource_name: "todostack",
        resource_documentation: format!("{base}/docs"),
        bearer_methods_supported: ["header"],
        scopes_supported: Scope::ALL.map(Scope::as_str),
    };
    // It speaks of the name by which it was asked.
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(metadata)))
}

/// What a 401 says of it (RFC 9728 §5.1).
pub(super) fn challenge(gateway: &Gateway, request: &Request) -> Option<HeaderValue> {
    let base = base(gateway, request)?;
    let challenge = format!("Bearer resource_metadata=\"{base}{PATH}\"");
    challenge.try_into().ok()
}

/// Where the gateway is: the URL that it was told, or the name by which it is asked.
fn base(gateway: &Gateway, request: &Request) -> Option<String> {
    if let Some(url) = &gateway.public_url {
        return Some(url.trim_end_matches('/').to_owned());
    }
    let headers = request.headers();
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(Authority::as_str))?;
    let host: Authority = host.parse().ok()?;
    // Whoever writes it in vain deceives nobody but himself.
    let is_tls = headers
        .get("x-forwarded-proto")
        .is_some_and(|scheme| scheme == "https");
    let scheme = if is_tls { "https" } else { "http" };
    Some(format!("{scheme}://{host}"))
}
