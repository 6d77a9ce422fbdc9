//! Carries out a plan: all writes.

use crds::{FIELD_MANAGER, TodoStack, TodoStackStatus};
use k8s_openapi::{
    Resource as _,
    api::{
        apps::v1::Deployment,
        core::v1::{Pod, Secret},
    },
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams, Preconditions},
    runtime::events::EventType,
};
use serde_json::{Map, Value, json};

use super::{
    events,
    hand_over::HandOver,
    keys, names,
    object::Object,
    observe::{self, Observed, TopicsCache},
    plan::Plan,
    refusal,
};
use crate::{
    context::Context,
    error::{Doing, Error, Result, is_conflict, is_namespace_terminating, is_not_found},
};

/// Makes what the Secret `S-keys` lacks. What it has is never overwritten.
///
/// # Errors
/// When the API server refuses, or the system has no randomness.
pub async fn make_keys(context: &Context, stack: &TodoStack, missing: &[&str]) -> Result<()> {
    let name = names::keys(stack);
    let api: Api<Secret> = Api::namespaced(
        context.client.clone(),
        &stack.namespace().unwrap_or_default(),
    );
    let mut data = Map::new();
    for key in missing {
        let value = keys::generate(key)
            .map_err(|error| Error::Invalid(format!("no randomness: {error}")))?;
        data.insert((*key).into(), value.into());
    }
    let data = Value::Object(data);
    let secret: Secret = serde_json::from_value(json!({
        "metadata": {
            "name": name,
            "labels": names::labels(stack, "keys"),
            "ownerReferences": stack.controller_owner_ref(&()).into_iter().collect::<Vec<_>>(),
        },
        "stringData": data,
    }))
    .map_err(|error| Error::Invalid(error.to_string()))?;
    let doing = || format!("make Secret {name}");
    match api.create(&post(), &secret).await {
        Ok(_) => {
            let note = format!("Made Secret {name}");
            context
                .event(stack, EventType::Normal, "KeysMade", "MakeKeys", &note)
                .await;
            return Ok(());
        }
        // It is there and lacks some.
        Err(error) if is_conflict(&error) => {}
        Err(error) => return Err(error).doing(doing),
    }
    // Its version guards against a value that somebody is just writing.
    let current = api.get(&name).await.doing(doing)?;
    let absent = keys::missing(Some(
        &current
            .data
            .iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.0.clone()))
            .collect(),
    ));
    let fill: Map<String, Value> = absent
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), data.get(key)?.clone())))
        .collect();
    let patch = json!({
        "metadata": {"resourceVersion": current.resource_version()},
        "stringData": fill,
    });
    api.patch(&name, &merge(), &Patch::Merge(patch))
        .await
        .doing(doing)?;
    Ok(())
}

/// Does what the plan says.
///
/// # Errors
/// When the API server or a broker refuses. The status is written all the same.
pub async fn apply(
    context: &Context,
    cache: &TopicsCache,
    stack: &TodoStack,
    observed: &Observed,
    plan: &Plan,
) -> Result<()> {
    // The finalizer first: topics that are to be deleted must not be made without it.
    if let Some(finalizers) = &plan.finalizers {
        set_finalizers(context, stack, finalizers).await?;
    }
    let errors = objects(context, cache, stack, observed, plan).await;
    let status = refusal::status(stack, &plan.status, &errors, observed.now);
    let shown = show(context, stack, &status).await;
    let Some(error) = errors.into_iter().next() else {
        return shown;
    };
    if shown.is_ok() && refusal::is_news(stack, &status) {
        events::refused(context, stack, &status).await;
    }
    Err(error)
}

/// Does all that it can: one write that is refused must not stop the repair of the rest. Returns
/// what went wrong.
async fn objects(
    context: &Context,
    cache: &TopicsCache,
    stack: &TodoStack,
    observed: &Observed,
    plan: &Plan,
) -> Vec<Error> {
    let mut written = Vec::new();
    let mut errors = Vec::new();
    for begun in &plan.hand_over {
        errors.extend(hand_over(context, stack, begun).await.err());
    }
    for object in &plan.apply {
        match put(context, stack, observed, object).await {
            Ok(()) => written.push(object),
            Err(error) => {
                tracing::warn!(object = object.title(), %error, "cannot apply");
                errors.push(error);
            }
        }
    }
    events::report(context, stack, &written).await;
    for object in &plan.delete {
        match remove(context, stack, object).await {
            Ok(()) => {
                let note = format!("Deleted {}", object.title());
                events::tell(context, stack, Some(object), "Deleted", &note).await;
            }
            Err(error) => errors.push(error),
        }
    }
    for pod in &plan.restart {
        errors.extend(restart(context, stack, pod).await.err());
    }
    errors.extend(topics(context, cache, stack, observed, plan).await.err());
    errors
}

async fn topics(
    context: &Context,
    cache: &TopicsCache,
    stack: &TodoStack,
    observed: &Observed,
    plan: &Plan,
) -> Result<()> {
    if plan.topics.is_empty() {
        return Ok(());
    }
    let Some(connection) = observe::connection(stack, &observed.secrets) else {
        return Ok(());
    };
    let made = connection.create(plan.topics.clone()).await;
    cache.forget(&connection);
    made.map_err(|error| Error::Retry {
        reason: refusal::TOPICS_FAILED.into(),
        message: error.to_string(),
        after: None,
    })?;
    let names: Vec<&str> = plan
        .topics
        .iter()
        .map(|topic| topic.name.as_str())
        .collect();
    let note = format!("Made topics {}", names.join(", "));
    context
        .event(stack, EventType::Normal, "TopicsMade", "MakeTopics", &note)
        .await;
    Ok(())
}

fn api(context: &Context, stack: &TodoStack, object: &Object) -> Api<DynamicObject> {
    Api::namespaced_with(
        context.client.clone(),
        &stack.namespace().unwrap_or_default(),
        &object.kind.resource(),
    )
}

/// Server-side apply, after a look whether an object of that name is somebody else's.
async fn put(
    context: &Context,
    stack: &TodoStack,
    observed: &Observed,
    object: &Object,
) -> Result<()> {
    let api = api(context, stack, object);
    let doing = || format!("apply {}", object.title());
    if observed.find(object.kind, &object.name).is_none() {
        let uid = stack.uid().unwrap_or_default();
        let foreign = api
            .get_opt(&object.name)
            .await
            .doing(doing)?
            .and_then(|live| observe::live(object.kind, live))
            .is_some_and(|live| !live.is_controlled_by(&uid));
        if foreign {
            return Err(Error::Retry {
                reason: "NameTaken".into(),
                message: format!(
                    "{} exists and is not this stack's: delete it or rename the stack",
                    object.title()
                ),
                after: None,
            });
        }
    }
    let params = PatchParams::apply(FIELD_MANAGER)
        .force()
        .validation_strict();
    api.patch(&object.name, &params, &Patch::Apply(&object.body))
        .await
        .doing(doing)?;
    Ok(())
}

/// Sets the replicas of a Deployment in the name of the autoscalers, so that they stay when our own apply says
/// nothing of them any more.
async fn hand_over(context: &Context, stack: &TodoStack, begun: &HandOver) -> Result<()> {
    let HandOver {
        deployment,
        replicas,
    } = begun;
    let api: Api<Deployment> = Api::namespaced(
        context.client.clone(),
        &stack.namespace().unwrap_or_default(),
    );
    let patch = json!({
        "apiVersion": Deployment::API_VERSION,
        "kind": Deployment::KIND,
        "spec": {"replicas": replicas},
    });
    let params = PatchParams::apply(names::MANAGER_OF_REPLICAS).force();
    api.patch(deployment, &params, &Patch::Apply(patch))
        .await
        .map(drop)
        .doing(|| format!("hand over the replicas of Deployment {deployment}"))
}

/// Deletes an object, if it is still the one that was observed.
///
/// # Errors
/// When the API server refuses.
pub async fn remove(context: &Context, stack: &TodoStack, object: &Object) -> Result<()> {
    let params = DeleteParams::background().preconditions(Preconditions {
        uid: object.text("/metadata/uid").map(str::to_owned),
        resource_version: None,
    });
    match api(context, stack, object)
        .delete(&object.name, &params)
        .await
    {
        Ok(_) => Ok(()),
        Err(error) if is_not_found(&error) || is_conflict(&error) => Ok(()),
        Err(error) => Err(error).doing(|| format!("delete {}", object.title())),
    }
}

async fn restart(context: &Context, stack: &TodoStack, pod: &str) -> Result<()> {
    let api: Api<Pod> = Api::namespaced(
        context.client.clone(),
        &stack.namespace().unwrap_or_default(),
    );
    match api.delete(pod, &DeleteParams::default()).await {
        Ok(_) => {
            let note = format!("Replaced pod {pod}, which has no Dapr sidecar");
            context
                .event(
                    stack,
                    EventType::Warning,
                    "SidecarMissing",
                    "Restart",
                    &note,
                )
                .await;
            Ok(())
        }
        Err(error) if is_not_found(&error) => Ok(()),
        Err(error) => Err(error).doing(|| format!("delete Pod {pod}")),
    }
}

/// Sets the finalizers of the stack, unless it changed meanwhile.
///
/// # Errors
/// When the API server refuses.
pub async fn set_finalizers(
    context: &Context,
    stack: &TodoStack,
    finalizers: &[String],
) -> Result<()> {
    let name = stack.name_any();
    let patch = json!({"metadata": {
        "resourceVersion": stack.resource_version(),
        "finalizers": finalizers,
    }});
    stacks(context, stack)
        .patch(&name, &merge(), &Patch::Merge(patch))
        .await
        .map(drop)
        .doing(|| format!("set the finalizers of TodoStack {name}"))
}

fn stacks(context: &Context, stack: &TodoStack) -> Api<TodoStack> {
    Api::namespaced(
        context.client.clone(),
        &stack.namespace().unwrap_or_default(),
    )
}

/// The namespace of the stack is being deleted. Asked by a write that is not carried out, since the
/// operator may not read namespaces: it need not know of those that it does not work in.
pub async fn namespace_terminates(context: &Context, stack: &TodoStack) -> bool {
    let api: Api<Secret> = Api::namespaced(
        context.client.clone(),
        &stack.namespace().unwrap_or_default(),
    );
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(names::keys(stack)),
            ..ObjectMeta::default()
        },
        ..Secret::default()
    };
    let asked = PostParams {
        dry_run: true,
        ..post()
    };
    let answer = api.create(&asked, &secret).await;
    answer.is_err_and(|error| is_namespace_terminating(&error))
}

/// Writes the status if it is another, and reports what changed in it as events.
///
/// # Errors
/// When the API server refuses.
pub async fn show(context: &Context, stack: &TodoStack, status: &TodoStackStatus) -> Result<()> {
    if stack.status.as_ref() == Some(status) {
        return Ok(());
    }
    let name = stack.name_any();
    let patch = json!({
        "apiVersion": TodoStack::api_version(&()),
        "kind": TodoStack::kind(&()),
        "status": status,
    });
    stacks(context, stack)
        .patch_status(
            &name,
            &PatchParams::apply(FIELD_MANAGER).force(),
            &Patch::Apply(patch),
        )
        .await
        .doing(|| format!("write the status of TodoStack {name}"))?;
    events::changes(context, stack, status).await;
    Ok(())
}

pub(super) fn merge() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.into()),
        ..PatchParams::default()
    }
}

fn post() -> PostParams {
    PostParams {
        field_manager: Some(FIELD_MANAGER.into()),
        ..PostParams::default()
    }
}
