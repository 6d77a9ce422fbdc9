//! What is shown of a refusal.

use crds::{TodoStackStatus, conditions};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use serde_json::json;

use super::cluster;
use crate::{
    error::Error,
    todo_stack::{
        refusal::{TOPICS_FAILED, is_news, status},
        status::{EVENTS, READY, RECONCILING},
    },
};

fn taken(message: &str) -> Error {
    retry("NameTaken", message)
}

fn retry(reason: &str, message: &str) -> Error {
    Error::Retry {
        reason: reason.into(),
        message: message.into(),
        after: None,
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn of<'a>(status: &'a TodoStackStatus, kind: &str) -> &'a Condition {
    conditions::find(&status.conditions, kind).expect("a condition")
}

#[test]
fn nothing_refused_is_as_planned() {
    let (stack, observed) = cluster::settled(json!({}));
    let planned = stack.status.clone().expect("a status");
    assert_eq!(status(&stack, &planned, &[], observed.now), planned);
    assert!(!is_news(&stack, &planned));
}

#[test]
fn a_stack_whose_object_is_refused_is_not_ready() {
    let (stack, _) = cluster::settled(json!({}));
    let planned = stack.status.clone().expect("a status");
    assert_eq!(of(&planned, READY).status, "True");
    let errors = [taken("Service demo exists"), taken("and so does another")];
    let shown = status(&stack, &planned, &errors, at("2026-11-21T10:00:00Z"));
    let ready = of(&shown, READY);
    assert_eq!(
        (&*ready.status, &*ready.reason, &*ready.message),
        ("False", "NameTaken", "Service demo exists")
    );
    assert_eq!(of(&shown, RECONCILING).status, "True");
    assert_eq!(of(&shown, RECONCILING).reason, "NameTaken");
    assert_eq!(of(&shown, EVENTS).status, "True");
    assert_eq!(shown.conditions.len(), planned.conditions.len());
    assert!(is_news(&stack, &shown));
}

#[test]
fn topics_that_are_not_made_leave_events_not_ready() {
    let (stack, observed) = cluster::settled(json!({}));
    let planned = stack.status.clone().expect("a status");
    let errors = [taken("Service demo exists"), retry(TOPICS_FAILED, "denied")];
    let shown = status(&stack, &planned, &errors, observed.now);
    let events = of(&shown, EVENTS);
    assert_eq!(
        (&*events.status, &*events.reason, &*events.message),
        ("False", TOPICS_FAILED, "denied")
    );
    assert_eq!(of(&shown, READY).reason, "NameTaken");
}

#[test]
fn the_same_refusal_again_is_no_write() {
    let (mut stack, _) = cluster::settled(json!({}));
    let planned = stack.status.clone().expect("a status");
    let first = [taken("webhook on 10.0.0.1:40123 (id 3f2a) did not answer")];
    let shown = status(&stack, &planned, &first, at("2026-11-21T10:00:00Z"));
    stack.status = Some(shown.clone());
    // Planned from what is stored, as each pass does; time has passed, and the port is another.
    let again = [taken("webhook on 10.0.0.1:40999 (id 77) did not answer")];
    let later = status(&stack, &planned, &again, at("2026-11-21T10:05:00Z"));
    assert_eq!(later, shown);
    assert!(!is_news(&stack, &later));
    let other = [taken("Service demo exists")];
    let changed = status(&stack, &planned, &other, at("2026-11-21T10:05:00Z"));
    assert!(is_news(&stack, &changed));
    assert_eq!(
        of(&changed, READY).last_transition_time,
        of(&shown, READY).last_transition_time
    );
}

#[test]
fn a_stack_that_never_had_a_status_shows_why_its_topics_stay() {
    let stack = cluster::stack(json!({}));
    let before = TodoStackStatus::default();
    let errors = [retry("TopicsNotDeleted", "a Secret is missing")];
    let shown = status(&stack, &before, &errors, at("2026-11-21T10:00:00Z"));
    assert_eq!(shown.conditions.len(), 2);
    assert_eq!(of(&shown, READY).reason, "TopicsNotDeleted");
    assert_eq!(of(&shown, RECONCILING).status, "True");
    assert!(is_news(&stack, &shown));
}
