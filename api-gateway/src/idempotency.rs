//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a POST that may be sent again.
//!
//! What a request does and the answer to it are written in one transaction: its handler works on a store
//! within that ([`store::Store::lend`]). So whatever ends it half-way, such as a crash, leaves either both, and
//! the request is answered the same when it comes again, or neither, and it is done then.

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use runtime::{Problem, auth};
use sha2::{Digest as _, Sha256};
use store::{
    Transaction,
    idempotency::{self, Answer, Claim},
};
use uuid::Uuid;

use crate::{
    body,
    error::{Error, Result},
    state::Gateway,
};

/// The header, as errors and the document name it.
pub(crate) const NAME: &str = "Idempotency-Key";

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Most characters of a key.
const KEY_MOST: usize = 255;

/// The headers that are kept with an answer; the others are of each request anew.
const KEPT_HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// What a POST route does with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// The answer is kept under it.
    Kept,
    /// None: it changes nothing, so that it is the same however often it comes.
    NotNeeded,
    /// It is refused, for this reason: whoever sends one relies on it.
    Refused(&'static str),
}

/// What the POST route `path` does with a key. One that nobody has thought of keeps its answer.
pub(crate) fn use_of(path: &str) -> Use {
    match path {
        // What its tool does takes the key.
        "/mcp" | "/v1/recurrence/preview" => Use::NotNeeded,
        "/v1/tokens" | "/v1/channels" | "/v1/me/calendar" => Use::Refused(
            "is not taken here: the answer holds a secret, which is not kept. Look in the list whether an earlier request was done",
        ),
        "/v1/users"
        | "/v1/login"
        | "/v1/token/refresh"
        | "/v1/oidc/providers/{name}/authorizations"
        | "/v1/oidc/sessions"
        | "/page/sign-up"
        | "/page/log-in"
        | "/page/oidc"
        | "/page/refresh" => Use::Refused(
            "is not taken here: the answer holds tokens, which are not kept. Log in when no answer came",
        ),
        "/v1/me/identities" => Use::Refused(
            "is not taken here: the issuer takes a code once. Look in the list whether an earlier request was done",
        ),
        "/v1/logout"
        | "/page/log-out"
        | "/v1/password-reset"
        | "/v1/password-reset/confirm"
        | "/v1/unsubscribe/{channel}/{token}" => Use::Refused(
            "is not taken here: there is no user whose key it could be, and the request does no more when it comes again",
        ),
        _ => Use::Kept,
    }
}

/// The key of a request that is to be done once, and whose it is.
#[derive(Debug)]
pub(crate) struct Key {
    user: Uuid,
    text: String,
}

/// The key with which a request comes that is to be done once.
///
/// # Errors
/// 422 for a key that is none, or that the route does not take.
pub(crate) fn asked(request: &Request, path: &str) -> Result<Option<Key>> {
    if request.method() != Method::POST || !request.headers().contains_key(HEADER) {
        return Ok(None);
    }
    match (use_of(path), request.extensions().get()) {
        (Use::Kept, Some(auth::User(user))) => Ok(Some(Key {
            user: *user,
            text: key(request.headers())?,
        })),
        (Use::Kept | Use::NotNeeded, _) => Ok(None),
        (Use::Refused(why), _) => Err(Error::parameter(NAME, why)),
    }
}

/// The key: a string of a structured field (RFC 9651 §3.3.3), or the same without its quotes.
fn key(headers: &HeaderMap) -> Result<String> {
    let mut values = headers.get_all(HEADER).iter();
    let value = values.next().and_then(|value| value.to_str().ok());
    let key = value.map(|value| {
        let quoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        quoted.unwrap_or(value)
    });
    let is_key = |key: &&str| {
        let is_of_key = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        (1..=KEY_MOST).contains(&key.len()) && key.bytes().all(is_of_key)
    };
    match (key.filter(is_key), values.next()) {
        (Some(key), None) => Ok(key.to_owned()),
        _ => Err(Error::parameter(
            NAME,
            format!(
                "must be given once, as 1 to {KEY_MOST} visible ASCII characters, none of them a quote or a backslash; best a UUID"
            ),
        )),
    }
}

/// Does a request once, and answers it the same each time that it comes with this `key`.
///
/// # Errors
/// 409 while the first request with the key is under way, 422 when another came with it before.
pub(crate) async fn once(
    gateway: &Gateway,
    key: Key,
    request: Request,
    next: Next,
) -> Result<Response> {
    let (fingerprint, mut request) = fingerprint(request).await?;
    let now = Utc::now();
    let mut tx = gateway.store.begin().await?;
    match idempotency::claim(&mut tx, key.user, &key.text, now).await? {
        Claim::New => {}
        Claim::Running => return Err(running()),
        Claim::NoUser => return Err(Error::no_account()),
        Claim::Answered(answer) if answer.fingerprint == fingerprint => {
            tx.rollback().await?;
            return write(answer);
        }
        Claim::Answered(_) => {
            return Err(Error::parameter(
                NAME,
                "came with another request before; send a new one",
            ));
        }
    }
    let (within, loan) = gateway.store.lend(tx);
    request.extensions_mut().insert(gateway.on(within));
    let response = next.run(request).await;
    let tx = loan.end()?;
    if !is_final(&response) {
        tx.rollback().await?;
        return Ok(response);
    }
    let answer = read(fingerprint, response).await?;
    keep(tx, &key, &answer, now).await?;
    write(answer)
}

async fn keep(mut tx: Transaction, key: &Key, answer: &Answer, now: DateTime<Utc>) -> Result<()> {
    if !idempotency::keep(&mut tx, key.user, &key.text, answer, now).await? {
        return Err(running());
    }
    Ok(tx.commit().await?)
}

fn running() -> Error {
    Error::busy("a request with this Idempotency-Key is under way; send it again in a moment")
}

/// Whether the same request would be answered the same: not where the server could not do it, or not now, or
/// did not know who asks.
fn is_final(response: &Response) -> bool {
    let status = response.status();
    !status.is_server_error()
        && status != StatusCode::UNAUTHORIZED
        && !response.headers().contains_key(header::RETRY_AFTER)
}

/// SHA-256 of what makes two requests the same: method, path with its query, and body.
async fn fingerprint(request: Request) -> Result<([u8; 32], Request)> {
    let (parts, body) = request.into_parts();
    let bytes = body::bytes(Request::from_parts(parts.clone(), body)).await?;
    let mut hasher = Sha256::new();
    for part in [parts.method.as_str(), &parts.uri.to_string()] {
        hasher.update(part);
        hasher.update([0]);
    }
    hasher.update(&bytes);
    Ok((
        hasher.finalize().into(),
        Request::from_parts(parts, Body::from(bytes)),
    ))
}

async fn read(fingerprint: [u8; 32], response: Response) -> Result<Answer> {
    let (parts, body) = response.into_parts();
    let headers = KEPT_HEADERS.iter().filter_map(|name| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    // No POST answers with more than it has in memory.
    let body = to_bytes(body, usize::MAX)
        .await
        .map_err(Problem::internal)?;
    Ok(Answer {
        fingerprint,
        status: parts.status.as_u16(),
        headers: headers.collect(),
        body: body.into(),
    })
}

fn write(answer: Answer) -> Result<Response> {
    let status = StatusCode::from_u16(answer.status).map_err(Problem::internal)?;
    let mut response = (status, Body::from(answer.body)).into_response();
    for (name, value) in answer.headers {
        let name: HeaderName = name.parse().map_err(Problem::internal)?;
        let value: HeaderValue = value.parse().map_err(Problem::internal)?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}
