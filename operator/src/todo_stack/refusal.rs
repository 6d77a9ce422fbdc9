//! What a stack shows while something that its plan says is refused. Pure.

use crds::{
    TodoStack, TodoStackStatus,
    conditions::{self, Verdict},
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};

use super::status::{EVENTS, READY, RECONCILING};
use crate::{conditions::overrule, error::Error};

/// Reason: the brokers did not make the topics.
pub const TOPICS_FAILED: &str = "TopicsFailed";

/// The status that was planned, with what was refused on top: a stack is not ready while an object
/// of it cannot be written, though all its pods may run.
pub fn status(
    stack: &TodoStack,
    planned: &TodoStackStatus,
    errors: &[Error],
    now: Timestamp,
) -> TodoStackStatus {
    let mut status = planned.clone();
    let Some(first) = errors.first() else {
        return status;
    };
    let mut set = |kind: &str, verdict: Verdict| {
        overrule(
            &mut status.conditions,
            stored(stack),
            kind,
            verdict,
            stack.metadata.generation,
            now,
        );
    };
    set(READY, Verdict::no(first.reason(), first.message()));
    set(RECONCILING, Verdict::yes(first.reason(), first.message()));
    if let Some(error) = errors.iter().find(|error| error.reason() == TOPICS_FAILED) {
        set(EVENTS, Verdict::no(error.reason(), error.message()));
    }
    status
}

/// The refusal is another than the one shown before.
pub fn is_news(stack: &TodoStack, status: &TodoStackStatus) -> bool {
    let told = |condition: &Condition| {
        [&condition.status, &condition.reason, &condition.message].map(Clone::clone)
    };
    conditions::find(stored(stack), READY).map(told)
        != conditions::find(&status.conditions, READY).map(told)
}

fn stored(stack: &TodoStack) -> &[Condition] {
    let status = stack.status.as_ref();
    status.map_or(&[], |status| status.conditions.as_slice())
}
