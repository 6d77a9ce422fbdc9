//! Errors of HTTP interfaces as `application/problem+json` (RFC 9457).

mod pointer;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::error::{FieldError, FieldErrors};
use serde::{Deserialize, Serialize};

pub use pointer::BODY;

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A URI of the kind of problem; `about:blank` where the status says it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status code.
    pub status: u16,
    /// What happened this time and what would be right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What of the request is at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
}

/// One thing of a request that cannot be accepted, as RFC 9457 §3 shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What is wrong and what would be right.
    pub detail: String,
    /// Of the body: a JSON pointer as a URI fragment, such as `#/reminders/0/at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Of the query, the path or the headers: the parameter's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// Either of them in the request's own spelling, such as `reminders[0].at`.
    pub field: String,
}

impl Fault {
    /// At a field of the body.
    fn in_body(FieldError { field, message }: FieldError) -> Self {
        Self {
            detail: message,
            pointer: pointer::pointer(&field),
            parameter: None,
            field,
        }
    }

    /// At a parameter.
    fn in_parameter(FieldError { field, message }: FieldError) -> Self {
        Self {
            detail: message,
            pointer: None,
            parameter: Some(field.clone()),
            field,
        }
    }
}

impl Problem {
    /// A problem that its status names.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".into(),
            title: status.canonical_reason().unwrap_or("Error").into(),
            status: status.as_u16(),
            detail: Some(detail.into()),
            errors: Vec::new(),
        }
    }

    /// 422 with the fields of the body that are at fault.
    pub fn fields(errors: FieldErrors) -> Self {
        Self::unprocessable(errors.0.into_iter().map(Fault::in_body).collect())
    }

    /// 422 with the parameters (of the query, the path or the headers) that are at fault.
    pub fn parameters(errors: FieldErrors) -> Self {
        Self::unprocessable(errors.0.into_iter().map(Fault::in_parameter).collect())
    }

    fn unprocessable(errors: Vec<Fault>) -> Self {
        Self {
            errors,
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "some fields cannot be accepted; see `errors`",
            )
        }
    }

    /// 401.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// 404 for `what`, such as "task".
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// 500 that logs the cause and keeps it from the caller.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(cause = %cause, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the server failed; the cause is in its log",
        )
    }
}

impl From<FieldErrors> for Problem {
    fn from(errors: FieldErrors) -> Self {
        Self::fields(errors)
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::fields(error.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).expect("strings and numbers serialise");
        let mut response = (status, Body::from(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §11.6.1: a 401 names the scheme.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
