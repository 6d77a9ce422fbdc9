//! Why something was not done, as an assistant is told it: what is wrong, where, and what would be right.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use rmcp::model::{CallToolResult, ContentBlock};
use runtime::{Problem, problem::Fault};

use crate::transport::Unreachable;

/// Why something was not done.
#[derive(Debug)]
pub(crate) struct Refusal {
    why: Why,
    /// Seconds after which the same may be tried again.
    retry_after: Option<String>,
}

#[derive(Debug)]
enum Why {
    /// The REST interface says so.
    Problem(Box<Problem>),
    /// Something else.
    Text(String),
}

impl Refusal {
    /// What the REST interface answered.
    pub(crate) fn of(response: &Response<Bytes>) -> Self {
        let why = match serde_json::from_slice(response.body()) {
            Ok(problem) => Why::Problem(Box::new(problem)),
            // A proxy's words on the way to it.
            Err(_) => Why::Text(format!(
                "the answer was {}, which the to-do platform does not give: is this its address?",
                response.status()
            )),
        };
        let retry_after = response.headers().get(header::RETRY_AFTER);
        Self {
            why,
            retry_after: retry_after
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
        }
    }

    /// In these words.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self {
            why: Why::Text(text.into()),
            retry_after: None,
        }
    }

    /// The status of the answer; none where there was none.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match &self.why {
            Why::Problem(problem) => StatusCode::from_u16(problem.status).ok(),
            Why::Text(_) => None,
        }
    }

    /// The same of a body that stands in the argument `name`, as its faults must name it.
    pub(crate) fn within(mut self, name: &str) -> Self {
        if let Why::Problem(problem) = &mut self.why {
            for fault in &mut problem.errors {
                if let Some(pointer) = &mut fault.pointer {
                    *pointer = format!("#/{name}{}", pointer.trim_start_matches('#'));
                    fault.field = match fault.field.as_str() {
                        runtime::problem::BODY => name.to_owned(),
                        field if field.starts_with('[') => format!("{name}{field}"),
                        field => format!("{name}.{field}"),
                    };
                }
            }
        }
        self
    }
}

impl Refusal {
    /// The same of a body of which the arguments are the part at `place`, as its faults must name it.
    pub(crate) fn without(mut self, place: &str) -> Self {
        if let Why::Problem(problem) = &mut self.why {
            for fault in &mut problem.errors {
                let Some(rest) = fault.field.strip_prefix(place) else {
                    continue;
                };
                fault.field = match rest.trim_start_matches('.') {
                    "" => "arguments".to_owned(),
                    rest => rest.to_owned(),
                };
                fault.pointer = None;
            }
        }
        self
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.why {
            Why::Text(text) => f.write_str(text)?,
            Why::Problem(problem) => {
                let said = problem.detail.as_ref().unwrap_or(&problem.title);
                if problem.errors.is_empty() {
                    write!(f, "{} {}: {said}", problem.status, problem.title)?;
                } else {
                    write!(f, "{} {}", problem.status, problem.title)?;
                }
                problem.errors.iter().try_for_each(|fault| {
                    let Fault { detail, field, .. } = fault;
                    write!(f, "\n- {field}")?;
                    if let Some(pointer) = &fault.pointer {
                        write!(f, " ({pointer})")?;
                    }
                    write!(f, ": {detail}")
                })?;
            }
        }
        match &self.retry_after {
            Some(seconds) => write!(f, "\nTry again after {seconds} s."),
            None => Ok(()),
        }
    }
}

impl From<Refusal> for CallToolResult {
    fn from(refusal: Refusal) -> Self {
        let mut text = String::from("Not done. ");
        // To a string it cannot fail.
        let _ = write!(text, "{refusal}");
        Self::error(vec![ContentBlock::text(text)])
    }
}

impl From<Unreachable> for Refusal {
    fn from(error: Unreachable) -> Self {
        Self::text(error.0)
    }
}

/// What cannot be written as JSON, or cannot be read as what it should be.
impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(&error)
    }
}

/// A request that cannot be made.
impl From<http::Error> for Refusal {
    fn from(error: http::Error) -> Self {
        Self::internal(&error)
    }
}

impl Refusal {
    fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a tool does not understand the REST interface");
        Self::text("the to-do platform answered in a form that this version does not know")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fault_is_named_as_the_arguments_are() {
        let problem = json!({
            "type": "about:blank", "title": "Unprocessable Entity", "status": 422,
            "detail": "some fields cannot be accepted; see `errors`",
            "errors": [
                { "detail": "must not be empty", "pointer": "#/title", "field": "title" },
                { "detail": "is for a task that recurs", "parameter": "scope", "field": "scope" },
            ],
        });
        let response = Response::builder()
            .header("retry-after", "7")
            .body(problem.to_string().into())
            .unwrap();
        assert_eq!(
            Refusal::of(&response).within("changes").to_string(),
            "422 Unprocessable Entity\n\
             - changes.title (#/changes/title): must not be empty\n\
             - scope: is for a task that recurs\n\
             Try again after 7 s."
        );
    }

    #[test]
    fn what_is_no_problem_document_is_no_word_of_ours() {
        let response = Response::builder()
            .status(502)
            .body("<html>".into())
            .unwrap();
        let said = Refusal::of(&response).to_string();
        assert!(said.starts_with("the answer was 502 Bad Gateway"), "{said}");
    }
}
