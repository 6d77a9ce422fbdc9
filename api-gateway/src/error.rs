//! Why a request was not done, as a problem document.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::error::{FieldError, FieldErrors};
use runtime::{Problem, problem::BODY};

use crate::body::join;

/// What a handler fails with.
#[derive(Debug)]
pub(crate) struct Error {
    problem: Problem,
    /// Seconds for `Retry-After`.
    retry_after: Option<u64>,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A problem that its status names.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Problem::new(status, detail).into()
    }

    /// 422 for one field.
    pub(crate) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        FieldError::new(field, message).into()
    }

    /// 422 for one parameter of the query, the path or the headers.
    pub(crate) fn parameter(name: impl Into<String>, message: impl Into<String>) -> Self {
        Problem::parameters(FieldError::new(name, message).into()).into()
    }

    /// 404 for `what`, such as "task". Also the answer for what belongs to somebody else.
    pub(crate) fn not_found(what: &str) -> Self {
        Problem::not_found(what).into()
    }

    /// The account of a valid token is gone.
    pub(crate) fn no_account() -> Self {
        Problem::unauthorized("the account of this token does not exist any more").into()
    }

    /// 409 for what another request is doing: to be tried again in a moment.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self {
            problem: Problem::new(StatusCode::CONFLICT, detail),
            retry_after: Some(1),
        }
    }

    /// 429, to be tried again after `seconds`.
    pub(crate) fn too_many(seconds: u64) -> Self {
        let detail = format!("too many attempts; try again in {seconds} s");
        Self::retry_after(StatusCode::TOO_MANY_REQUESTS, detail, seconds)
    }

    /// A problem that is over after `seconds`.
    pub(crate) fn retry_after(status: StatusCode, detail: impl Into<String>, seconds: u64) -> Self {
        Self {
            problem: Problem::new(status, detail),
            retry_after: Some(seconds),
        }
    }
}

impl Error {
    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The same of a request that is a part of another one: what its body holds stands at `path` in that, and
    /// its parameters are fields beside it.
    pub(crate) fn within(self, path: &str) -> Self {
        if self.problem.errors.is_empty() {
            return self;
        }
        let mut errors = FieldErrors::default();
        for fault in self.problem.errors {
            let field = match fault.parameter {
                Some(name) => name,
                None if fault.field == BODY => path.to_owned(),
                None => join(path, &fault.field),
            };
            errors.push(field, fault.detail);
        }
        errors.into()
    }

    /// 422 for the whole of a request, whose part at `path` was refused for this.
    pub(crate) fn of_part(self, path: &str) -> Self {
        if !self.problem.errors.is_empty() {
            return self;
        }
        let (status, why) = (self.problem.status, self.problem.detail);
        let why = why.unwrap_or(self.problem.title);
        Self::field(path, format!("was refused with {status}: {why}"))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        error.problem
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            retry_after: None,
        }
    }
}

impl From<FieldErrors> for Error {
    fn from(errors: FieldErrors) -> Self {
        Problem::fields(errors).into()
    }
}

impl From<FieldError> for Error {
    fn from(error: FieldError) -> Self {
        Problem::fields(error.into()).into()
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if !is_transient(&error) {
            return Problem::internal(error).into();
        }
        tracing::warn!(%error, "the database cannot serve a request now");
        Self::retry_after(
            StatusCode::SERVICE_UNAVAILABLE,
            "the database cannot serve this request now; try again",
            1,
        )
    }
}

/// The same request may succeed in a moment: no connection is to be had, or Postgres ended the
/// statement for another's sake (PostgreSQL error codes, classes 08, 40, 53, 55 and 57).
fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "40", "53", "55", "57"]
                .iter()
                .any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
