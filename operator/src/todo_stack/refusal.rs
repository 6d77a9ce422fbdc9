//! What a stack shows while something that its plan says is refused. Pure.

use crds::{
    TodoStack, TodoStackStatus,
    conditions::{self, Verdict},
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};

use super::status::{EVENTS, READY, RECONCILING};
use crate::error::Error;

/// Reason: the brokers did not make the topics.
pub const TOPICS_FAILED: &str = "TopicsFailed";
/// What is told of an error; a webhook may answer at length.
const MESSAGE_MOST: usize = 1000;

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
    let mut set = |kind: &str, verdict: Verdict| put(stack, &mut status, kind, verdict, now);
    set(READY, Verdict::no(first.reason(), message(first)));
    set(RECONCILING, Verdict::yes(first.reason(), message(first)));
    if let Some(error) = errors.iter().find(|error| error.reason() == TOPICS_FAILED) {
        set(EVENTS, Verdict::no(error.reason(), message(error)));
    }
    status
}

/// The refusal is another than the one shown before.
pub fn is_news(stack: &TodoStack, status: &TodoStackStatus) -> bool {
    let told = |condition: &Condition| {
        [&condition.status, &condition.reason, &condition.message].map(Clone::clone)
    };
    let before = stored(stack).and_then(|before| conditions::find(before, READY));
    before.map(told) != conditions::find(&status.conditions, READY).map(told)
}

fn stored(stack: &TodoStack) -> Option<&[Condition]> {
    Some(stack.status.as_ref()?.conditions.as_slice())
}

fn message(error: &Error) -> String {
    let text = match error {
        Error::Retry { message, .. } => message.clone(),
        other => other.to_string(),
    };
    text.chars().take(MESSAGE_MOST).collect()
}

/// Held against what is stored, not against what was planned: the same refusal once more is no
/// change, and changes wake us.
fn put(
    stack: &TodoStack,
    status: &mut TodoStackStatus,
    kind: &str,
    mut verdict: Verdict,
    now: Timestamp,
) {
    let before = stored(stack).and_then(|before| conditions::find(before, kind));
    if let Some(before) = before.filter(|before| {
        before.status == verdict.status
            && before.reason == verdict.reason
            && alike(&before.message, &verdict.message)
    }) {
        verdict.message.clone_from(&before.message);
    }
    let planned = status.conditions.iter().position(|c| c.type_ == kind);
    let mut one: Vec<Condition> = before.cloned().into_iter().collect();
    conditions::set(&mut one, kind, verdict, stack.metadata.generation, now);
    match planned {
        Some(index) => status.conditions.splice(index..=index, one).for_each(drop),
        None => status.conditions.extend(one),
    }
}

/// The same but for numbers: ports, counts and request ids are others with each try.
fn alike(one: &str, other: &str) -> bool {
    let rest = |text: &str| -> String { text.chars().filter(|c| !c.is_ascii_hexdigit()).collect() };
    rest(one) == rest(other)
}
