//! Conditions as the API conventions have them: the transition time changes only with the status.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

/// What a condition says, before it is held against what it said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// One CamelCase word.
    pub reason: String,
    /// One sentence for a person.
    pub message: String,
}

impl Verdict {
    /// It is so.
    pub fn yes(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("True", reason, message)
    }

    /// It is not so.
    pub fn no(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("False", reason, message)
    }

    /// It cannot be told.
    pub fn unknown(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("Unknown", reason, message)
    }

    fn new(status: &'static str, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            message: message.into(),
        }
    }
}

/// Puts a verdict into `conditions`, keeping the transition time where the status stays the same.
pub fn set(
    conditions: &mut Vec<Condition>,
    kind: &str,
    verdict: Verdict,
    generation: Option<i64>,
    now: Timestamp,
) {
    let previous = conditions.iter().position(|c| c.type_ == kind);
    let since = previous
        .map(|i| &conditions[i])
        .filter(|c| c.status == verdict.status)
        .map_or(Time(now), |c| c.last_transition_time.clone());
    let condition = Condition {
        type_: kind.into(),
        status: verdict.status.into(),
        reason: verdict.reason,
        message: verdict.message,
        observed_generation: generation,
        last_transition_time: since,
    };
    match previous {
        Some(i) => conditions[i] = condition,
        None => conditions.push(condition),
    }
}

/// The condition of this type.
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == kind)
}

/// The condition of this type is `True`.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|c| c.status == "True")
}
