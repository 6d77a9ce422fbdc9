//! What can be told of a channel's fields without calling anybody.

use domain::{
    error::FieldErrors,
    web_push::{KeyError, SubscriptionKeys},
};
use url::Url;

use super::PushKeys;

/// Most bytes of a URL.
const URL_MOST: usize = 2000;
/// Most characters of an access token.
pub(super) const TOKEN_MOST: usize = 500;
/// Most bytes of an e-mail address (RFC 5321).
const ADDRESS_MOST: usize = 254;
/// Most characters of a component's name.
const NAME_MOST: usize = 253;

pub(super) fn is_token(token: &str) -> bool {
    (1..=TOKEN_MOST).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// One path segment after the server's own path: <https://docs.ntfy.sh/publish/>.
pub(super) fn check_topic(url: Url) -> Result<String, FieldErrors> {
    let mut errors = FieldErrors::default();
    let topic = url.path_segments().and_then(Iterator::last);
    let valid = topic.is_some_and(|topic| {
        (1..=64).contains(&topic.len())
            && topic
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    });
    if !valid || url.query().is_some() || url.fragment().is_some() {
        errors.push(
            "url",
            "must end with a topic of 1 to 64 letters, digits, `-` and `_`, such as https://ntfy.sh/topic",
        );
    }
    errors.into_result(url.into())
}

/// Browsers subscribe over HTTPS only; a push service on this machine, for tests, may do without.
pub(super) fn check_endpoint(text: &str) -> Result<String, FieldErrors> {
    let rename = |errors: FieldErrors| {
        let mut renamed = FieldErrors::default();
        for error in errors.0 {
            renamed.push("endpoint", error.message);
        }
        renamed
    };
    let url = check_url(text).map_err(rename)?;
    let local = ["localhost", "127.0.0.1", "[::1]"];
    let mut errors = FieldErrors::default();
    if url.scheme() != "https" && !url.host_str().is_some_and(|host| local.contains(&host)) {
        errors.push("endpoint", "must begin with https://");
    }
    errors.into_result(url.into())
}

pub(super) fn check_keys(keys: &PushKeys, errors: &mut FieldErrors) {
    if let Err(error) = SubscriptionKeys::parse(&keys.p256dh, &keys.auth) {
        let field = match error {
            KeyError::Auth => "keys.auth",
            KeyError::P256dh | KeyError::Vapid => "keys.p256dh",
        };
        errors.push(field, error.to_string());
    }
}

/// What can be told of an address without writing to it. Quoted local parts and address literals,
/// which hardly anybody has, are refused.
pub(super) fn check_address(text: &str) -> Result<String, FieldErrors> {
    let mut errors = FieldErrors::default();
    let local = |part: &str| {
        (1..=64).contains(&part.len())
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte))
    };
    let host = |part: &str| {
        part.contains('.')
            && part.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            })
    };
    let valid = text.len() <= ADDRESS_MOST
        && text
            .rsplit_once('@')
            .is_some_and(|(left, right)| local(left) && host(right));
    if !valid {
        errors.push(
            "address",
            format!("must be an e-mail address such as name@example.com, of at most {ADDRESS_MOST} ASCII characters"),
        );
    }
    errors.into_result(text.to_owned())
}

/// Names of Dapr components are those of Kubernetes objects (RFC 1123).
pub(super) fn check_name(text: &str) -> Result<String, FieldErrors> {
    let mut errors = FieldErrors::default();
    let valid = (1..=NAME_MOST).contains(&text.len())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
        })
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.ends_with(|last: char| last.is_ascii_alphanumeric());
    if !valid {
        errors.push(
            "name",
            "must be the name of an output binding: lower-case letters, digits, `-` and `.`",
        );
    }
    errors.into_result(text.to_owned())
}

/// What can be told of a URL without a look-up. Where it may lead is decided when it is called,
/// because a name can lead elsewhere by then.
pub(super) fn check_url(text: &str) -> Result<Url, FieldErrors> {
    let mut errors = FieldErrors::default();
    if text.len() > URL_MOST {
        errors.push("url", format!("must have at most {URL_MOST} bytes"));
    }
    errors.into_result(())?;
    let mut errors = FieldErrors::default();
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
            errors.push("url", "must begin with https:// or http:// and a host");
            errors.into_result(url)
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            errors.push("url", "must not hold a user name or a password");
            errors.into_result(url)
        }
        // Escapes make it longer than it was written.
        Ok(url) if url.as_str().len() > URL_MOST => {
            errors.push(
                "url",
                format!("must have at most {URL_MOST} bytes once escaped"),
            );
            errors.into_result(url)
        }
        Ok(url) => Ok(url),
        Err(error) => {
            errors.push("url", format!("is not a URL: {error}"));
            Err(errors)
        }
    }
}
