//! What can go wrong in a reconcile. The variant names the reason in events and metrics.

use std::time::Duration;

/// Result of a reconcile step.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is told of an error in a condition.
const MESSAGE_MOST: usize = 1000;

/// What went wrong. No message holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused or did not answer.
    #[error("{doing}: {source}")]
    Kube {
        /// What was tried, such as `apply Deployment demo-gateway`.
        doing: String,
        /// Why it failed.
        #[source]
        source: Box<kube::Error>,
    },
    /// The stack's internal API refused or did not answer.
    #[error("{0}")]
    Stack(String),
    /// An object is not what it must be; trying again without a change is of no use.
    #[error("{0}")]
    Invalid(String),
    /// It is known and reported in the status; try again after this long.
    #[error("{reason}: {message}")]
    Retry {
        /// One CamelCase word.
        reason: String,
        /// What to do.
        message: String,
        /// How long to wait, at least; `None`: the object's backoff.
        after: Option<Duration>,
    },
}

impl Error {
    /// One CamelCase word for events, conditions and metrics.
    pub fn reason(&self) -> &str {
        match self {
            Self::Kube { .. } => "ApiServerError",
            Self::Stack(_) => "StackUnavailable",
            Self::Invalid(_) => "Invalid",
            Self::Retry { reason, .. } => reason,
        }
    }

    /// One sentence for conditions, without the reason; webhooks may refuse at length.
    pub fn message(&self) -> String {
        let text = match self {
            Self::Retry { message, .. } => message.clone(),
            other => other.to_string(),
        };
        text.chars().take(MESSAGE_MOST).collect()
    }
}

/// Says what was tried when a call to the API server fails.
pub trait Doing<T> {
    /// Adds what was tried.
    ///
    /// # Errors
    /// The same failure, with its context.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Doing<T> for std::result::Result<T, kube::Error> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Kube {
            doing: what(),
            source: Box::new(source),
        })
    }
}

/// The API server says that there is no such object, or no such type.
pub fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// The API server says that the object is there already, or that it changed meanwhile.
pub fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// The API server says that nothing can be made there, for the namespace is being deleted.
pub fn is_namespace_terminating(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403
        && status.details.iter().flat_map(|details| &details.causes)
            .any(|cause| cause.reason == "NamespaceTerminating"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(code: u16, details: Value) -> kube::Error {
        let status = json!({"status": "Failure", "code": code, "reason": "Forbidden",
            "message": "refused", "details": details});
        kube::Error::Api(serde_json::from_value(status).expect("a status"))
    }

    /// As an API server words it.
    #[test]
    fn a_namespace_that_goes_is_told_apart_from_a_lack_of_rights() {
        let going = json!({"name": "demo-keys", "kind": "secrets", "causes": [{
            "reason": "NamespaceTerminating", "field": "metadata.namespace",
            "message": "namespace team is being terminated",
        }]});
        assert!(is_namespace_terminating(&refused(403, going.clone())));
        assert!(!is_namespace_terminating(&refused(409, going)));
        let rights = json!({"name": "demo-keys", "kind": "secrets"});
        assert!(!is_namespace_terminating(&refused(403, rights)));
        assert!(!is_namespace_terminating(&refused(403, Value::Null)));
    }

    #[test]
    fn the_message_of_a_condition_does_not_repeat_the_reason_and_is_bounded() {
        let error = Error::Retry {
            reason: "NameTaken".into(),
            message: "é".repeat(3000),
            after: None,
        };
        assert_eq!(error.message(), "é".repeat(MESSAGE_MOST));
    }
}
