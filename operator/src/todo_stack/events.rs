//! Events about a stack: on transitions and on writes only.

use crds::{TodoStack, TodoStackStatus, conditions};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Resource, ResourceExt,
    runtime::events::{Event, EventType},
};

use super::{object::Object, refusal, status};
use crate::context::Context;

/// Says what was applied: in one event when it is a whole stack, else in one for each object, since
/// equal events are counted together under the first one's note.
pub async fn report(context: &Context, stack: &TodoStack, written: &[&Object]) {
    if written.is_empty() {
        return;
    }
    let titles: Vec<String> = written.iter().map(|object| object.title()).collect();
    let note = format!("Applied {}", titles.join(", "));
    tracing::info!(stack = stack.name_any(), note);
    if written.len() > 5 {
        tell(context, stack, None, "Applied", &note).await;
        return;
    }
    for object in written {
        let note = format!("Applied {}", object.title());
        tell(context, stack, Some(object), "Applied", &note).await;
    }
}

/// Publishes an event about the stack and one of its objects.
pub async fn tell(
    context: &Context,
    stack: &TodoStack,
    about: Option<&Object>,
    reason: &str,
    note: &str,
) {
    let event = Event {
        type_: EventType::Normal,
        reason: reason.into(),
        note: Some(note.chars().take(1000).collect()),
        action: "Apply".into(),
        secondary: about.map(|object| {
            let resource = object.kind.resource();
            ObjectReference {
                api_version: Some(resource.api_version),
                kind: Some(resource.kind),
                name: Some(object.name.clone()),
                namespace: stack.namespace(),
                ..ObjectReference::default()
            }
        }),
    };
    // An event must never stop a reconcile.
    if let Err(error) = context
        .recorder
        .publish(&event, &stack.object_ref(&()))
        .await
    {
        tracing::warn!(%error, reason, "cannot publish an event");
    }
}

/// Says what changed in the conditions.
pub async fn changes(context: &Context, stack: &TodoStack, status: &TodoStackStatus) {
    let before = stack
        .status
        .as_ref()
        .map(|status| status.conditions.as_slice());
    for condition in &status.conditions {
        // The other conditions tell the same once more.
        if matches!(
            condition.type_.as_str(),
            status::READY | status::RECONCILING
        ) {
            continue;
        }
        let old = before.and_then(|conditions| conditions::find(conditions, &condition.type_));
        let same =
            old.is_some_and(|old| old.status == condition.status && old.reason == condition.reason);
        let at_rest = condition.type_ == status::STALLED && condition.status != "True";
        if same || at_rest {
            continue;
        }
        context
            .event(
                stack,
                severity(&condition.reason),
                &condition.reason,
                "Observe",
                &condition.message,
            )
            .await;
    }
    let was_ready = before.is_some_and(|conditions| conditions::is_true(conditions, status::READY));
    if !was_ready && conditions::is_true(&status.conditions, status::READY) {
        context
            .event(
                stack,
                EventType::Normal,
                "Ready",
                "Observe",
                "Every service runs",
            )
            .await;
    }
}

/// Says what keeps the stack from being as its spec says, unless another condition told it.
pub async fn refused(context: &Context, stack: &TodoStack, status: &TodoStackStatus) {
    let Some(ready) = conditions::find(&status.conditions, status::READY) else {
        return;
    };
    let events = conditions::find(&status.conditions, status::EVENTS);
    if events.is_some_and(|events| events.reason == ready.reason) {
        return;
    }
    context
        .event(
            stack,
            EventType::Warning,
            &ready.reason,
            "Apply",
            &ready.message,
        )
        .await;
}

/// What needs somebody is a warning.
fn severity(reason: &str) -> EventType {
    match reason {
        "InvalidSpec"
        | "SecretMissing"
        | "MigrationFailed"
        | "BrokersUnreachable"
        | "DaprNotInstalled"
        | "SidecarMissing"
        | "GatewayApiNotInstalled"
        | refusal::TOPICS_FAILED => EventType::Warning,
        _ => EventType::Normal,
    }
}
