//! Answers in fewer bytes, for who takes them (RFC 9110 §12.5.3).
//!
//! An answer is in memory when it comes here, and is compressed at one go: a compressor that lived as long as
//! a slow reader takes would hold memory for each of them. What is streamed goes as it is.

use std::io::Write as _;

use axum::{
    body::{Body, HttpBody as _, to_bytes},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use flate2::{Compression, write::GzEncoder};

/// Shorter answers fit into a packet as they are.
const LEAST: u64 = 1024;

/// Longer ones go as they are.
const MOST: u64 = 8 * 1024 * 1024;

/// Up to this many bytes are compressed in a millisecond or so; more on a thread that may be kept.
const AT_ONCE: usize = 64 * 1024;

/// Whether the client takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    takes(headers, "gzip")
}

/// Whether the client takes this coding: it is named, or `*` is, with a weight that is not zero.
pub(crate) fn takes(headers: &HeaderMap, wanted: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut any = None;
    for coding in values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
    {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        let takes =
            weight.is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0));
        if name.eq_ignore_ascii_case(wanted) {
            return takes;
        }
        if name == "*" {
            any = Some(takes);
        }
    }
    any.unwrap_or(false)
}

/// The answer, compressed when `gzip` is taken and it is worth it.
pub(crate) async fn compressed(response: Response, gzip: bool) -> Response {
    let size = response.body().size_hint().exact();
    if !size.is_some_and(|size| (LEAST..=MOST).contains(&size)) || !may_be(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts
        .headers
        .append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !gzip {
        return Response::from_parts(parts, body);
    }
    // Of that size, and there already: it cannot fail.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let done = if bytes.len() > AT_ONCE {
        let bytes = bytes.clone();
        let done = tokio::task::spawn_blocking(move || gzipped(&bytes)).await;
        done.unwrap_or_else(|error| Err(error.into()))
    } else {
        gzipped(&bytes)
    };
    let Ok(short) = done else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts
        .headers
        .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(parts, Body::from(short))
}

fn gzipped(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Text, and no secret: how well that is compressed tells something of it (BREACH).
fn may_be(headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let is_text = text(header::CONTENT_TYPE).is_some_and(|kind| {
        kind.starts_with("application/json")
            || kind.starts_with("application/problem+json")
            || (kind.starts_with("text/") && !kind.starts_with("text/event-stream"))
    });
    let kept_from_caches =
        text(header::CACHE_CONTROL).is_some_and(|rule| rule.contains("no-store"));
    is_text && !kept_from_caches && !headers.contains_key(header::CONTENT_ENCODING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_says_what_it_takes() {
        for (value, takes) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("*", true),
            ("*, gzip;q=0.0", false),
            ("identity, *;q=0", false),
            ("br", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(takes_gzip(&headers), takes, "{value}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
