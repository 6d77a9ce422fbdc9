//! Request bodies: JSON whose every mistake is answered with the field that holds it.

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, MatchedPath, Request},
    http::{HeaderMap, StatusCode, header},
};
use domain::{error::FieldErrors, task::limits, transfer};
use runtime::problem::BODY;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::error::{Error, Result};

/// A file of text. Whether it begins with a byte order mark is for its reader to say.
pub(crate) struct FileText(pub(crate) String);

impl<S: Send + Sync> FromRequest<S> for FileText {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let bytes = bytes(request).await?;
        // UTF-16 has a zero in half its bytes, which UTF-8 would allow.
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(Error::field(BODY, "must be text in UTF-8, not in UTF-16"));
        }
        let text = String::from_utf8(bytes.into()).map_err(|error| {
            let line = line_of(error.as_bytes(), error.utf8_error().valid_up_to());
            Error::field(BODY, format!("must be text in UTF-8; line {line} is not"))
        })?;
        if let Some(place) = text.find('\0') {
            let line = line_of(text.as_bytes(), place);
            let message = format!("must not contain the character U+0000, as line {line} does");
            return Err(Error::field(BODY, message));
        }
        Ok(Self(text))
    }
}

/// The number of the line in which a byte stands.
fn line_of(bytes: &[u8], place: usize) -> usize {
    1 + bytes
        .iter()
        .take(place)
        .filter(|byte| **byte == b'\n')
        .count()
}

/// Most bytes of many writes in one request.
const BULK: usize = 4 * 1024 * 1024;

/// Characters of a request that an answer quotes.
const QUOTED: usize = 120;

/// A JSON document.
pub(crate) struct Document(pub(crate) Value);

impl<S: Send + Sync> FromRequest<S> for Document {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        if !is_json(request.headers()) {
            return Err(Error::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send JSON with `Content-Type: application/json`",
            ));
        }
        let bytes = bytes(request).await?;
        // serde_json refuses more than 128 levels and numbers that no float can hold.
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
            Error::new(
                StatusCode::BAD_REQUEST,
                format!("the body is not JSON: {}", quote(&error.to_string())),
            )
        })?;
        let mut errors = FieldErrors::default();
        refuse_nul(&value, "", &mut errors);
        Ok(Self(errors.into_result(value)?))
    }
}

/// A JSON document of a given shape.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let Document(value) = Document::from_request(request, state).await?;
        Ok(Self(decode(value, "")?))
    }
}

/// The body of a request.
///
/// # Errors
/// 413 where it is longer than its route takes.
pub(crate) async fn bytes(mut request: Request) -> Result<Bytes> {
    let path = request.extensions().get().map(MatchedPath::as_str);
    let most = match path {
        Some("/v1/tasks/bulk") => BULK,
        Some("/v1/imports") => transfer::BYTES,
        _ => limits::BODY,
    };
    DefaultBodyLimit::max(most).apply(&mut request);
    Bytes::from_request(request, &())
        .await
        .map_err(|rejection| {
            let status = rejection.status();
            if status == StatusCode::PAYLOAD_TOO_LARGE {
                return Error::new(status, format!("a body holds at most {most} bytes"));
            }
            Error::new(status, "the body could not be read to its end")
        })
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(str::trim)
        .is_some_and(|kind| {
            kind.eq_ignore_ascii_case("application/json")
                || kind.eq_ignore_ascii_case("application/merge-patch+json")
        })
}

/// Reads the object `value` as a `T`; `prefix` is where it stands in the request.
///
/// # Errors
/// The field that does not fit, and why.
pub(crate) fn decode<T: DeserializeOwned>(
    value: Value,
    prefix: &str,
) -> std::result::Result<T, FieldErrors> {
    // serde would take a list for the fields in their order.
    if value.is_array() {
        let at = if prefix.is_empty() { BODY } else { prefix };
        let mut errors = FieldErrors::default();
        errors.push(at, "must be an object, not a list");
        return Err(errors);
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut field = prefix.to_owned();
        let mut last = None;
        for segment in error.path() {
            match segment {
                Segment::Seq { index } => field = join(&field, &format!("[{index}]")),
                Segment::Map { key: name } | Segment::Enum { variant: name } => {
                    field = member(&field, name);
                    last = Some(name.clone());
                }
                Segment::Unknown => {}
            }
        }
        let message = error.into_inner().to_string();
        // serde reports these at the object around the field.
        let named = ["unknown field `", "missing field `", "duplicate field `"]
            .iter()
            .find_map(|start| message.strip_prefix(start)?.split('`').next());
        // Where serde_path_to_error followed the unknown key, the path ends with it already.
        if let Some(name) = named
            && last.as_deref() != Some(name)
        {
            field = member(&field, name);
        }
        if field.is_empty() {
            field.push_str(BODY);
        }
        let mut errors = FieldErrors::default();
        errors.push(quote(&field), quote(&message));
        errors
    })
}

/// The path of a field that a client names as it likes: one that could be taken for more than a name stands in
/// brackets, as a JSON string.
fn member(path: &str, name: &str) -> String {
    let is_plain = !name.is_empty()
        && name != BODY
        && !name.contains(['.', '[', ']', '"', '…'])
        && !name.chars().any(char::is_control);
    if is_plain {
        join(path, name)
    } else {
        format!("{path}[{}]", Value::from(name))
    }
}

/// The path of `name` inside `path`.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() || name.starts_with('[') {
        format!("{path}{name}")
    } else {
        format!("{path}.{name}")
    }
}

/// At most [`QUOTED`] characters: answers do not repeat whole requests.
pub(crate) fn quote(text: &str) -> String {
    if text.chars().count() <= QUOTED {
        return text.to_owned();
    }
    text.chars().take(QUOTED).chain(['…']).collect()
}

/// Postgres stores every character but U+0000.
fn refuse_nul(value: &Value, path: &str, errors: &mut FieldErrors) {
    match value {
        Value::String(text) if text.contains('\0') => {
            let field = if path.is_empty() { BODY } else { path };
            errors.push(field, "must not contain the character U+0000");
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                refuse_nul(item, &join(path, &format!("[{i}]")), errors);
            }
        }
        Value::Object(fields) => {
            for (name, item) in fields {
                if name.contains('\0') {
                    errors.push(
                        if path.is_empty() { BODY } else { path },
                        "must not have a field whose name contains the character U+0000",
                    );
                }
                refuse_nul(item, &quote(&member(path, name)), errors);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[allow(dead_code, reason = "only its shape matters")]
    struct Outer {
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[allow(dead_code, reason = "only its shape matters")]
    struct Inner {
        count: i64,
    }

    fn field_at_fault(value: Value, prefix: &str) -> String {
        let errors = decode::<Outer>(value, prefix).unwrap_err();
        errors.0[0].field.clone()
    }

    #[test]
    fn a_mistake_is_named_by_its_path() {
        let wrong = json!({ "inner": [{ "count": 1 }, { "count": "many" }] });
        assert_eq!(field_at_fault(wrong.clone(), ""), "inner[1].count");
        assert_eq!(
            field_at_fault(wrong, "recurrence"),
            "recurrence.inner[1].count"
        );
        assert_eq!(field_at_fault(json!({}), ""), "inner");
        assert_eq!(
            field_at_fault(json!({ "inner": [{}] }), ""),
            "inner[0].count"
        );
        assert_eq!(field_at_fault(json!({ "inner": [], "x": 1 }), ""), "x");
        assert_eq!(
            field_at_fault(json!({ "inner": [{ "count": 1, "x": 1 }] }), ""),
            "inner[0].x"
        );
        assert_eq!(field_at_fault(json!(7), ""), "body");
        for odd in ["a.b", "a[0]", "", "body", "\""] {
            let field = field_at_fault(json!({ "inner": [], odd: 1 }), "");
            assert_eq!(field, format!("[{}]", json!(odd)));
        }
    }

    #[test]
    fn every_nul_is_found() {
        let mut errors = FieldErrors::default();
        refuse_nul(
            &json!({ "a": ["x", { "b": "\0" }], "c": "\0" }),
            "",
            &mut errors,
        );
        let fields: Vec<&str> = errors.0.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["a[1].b", "c"]);
    }

    #[test]
    fn an_answer_does_not_repeat_a_whole_request() {
        assert_eq!(quote(&"x".repeat(10_000)).chars().count(), QUOTED + 1);
    }
}
