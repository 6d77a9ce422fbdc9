//! The controller of TodoStacks.
//!
//! Each pass observes (all reads), plans (pure) and applies (all writes). A stack that is as its spec
//! says sees no writes.

pub mod apply;
pub mod events;
pub mod gauges;
pub mod hand_over;
pub mod keys;
pub mod migration;
pub mod names;
pub mod object;
pub mod observe;
pub mod plan;
pub mod pods;
pub mod refusal;
pub mod rotation;
pub mod route;
pub mod specs;
pub mod status;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use crds::TodoStack;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment,
        autoscaling::v2::HorizontalPodAutoscaler,
        batch::v1::Job,
        core::v1::{Pod, Secret, Service, ServiceAccount},
        networking::v1::{Ingress, NetworkPolicy},
        policy::v1::PodDisruptionBudget,
        rbac::v1,
    },
    jiff::Timestamp,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DynamicObject, PartialObjectMeta},
    core::DeserializeGuard,
    runtime::{
        Controller,
        controller::{self, Action},
        events::EventType,
        reflector::ObjectRef,
        watcher,
    },
};
use tokio_util::sync::CancellationToken;

use self::{
    object::Kind,
    observe::{Observed, TopicsCache},
    plan::Farewell,
};
use crate::{
    context::Context,
    controller::drive,
    error::{Error, Result},
};

/// Runs until `shutdown`.
pub async fn run(context: Arc<Context>, shutdown: CancellationToken) {
    let roots: Api<DeserializeGuard<TodoStack>> = context.watched();
    let cache = Arc::new(TopicsCache::default());
    let controller = controller(&context, roots, knows_routes(&context).await);
    let stacks = controller.store();
    let driven = drive(
        "todo_stack",
        controller,
        context.clone(),
        shutdown,
        move |stack, context| reconcile(stack, context, cache.clone()),
    );
    tokio::select! {
        () = driven => {}
        () = gauges::run(stacks) => {}
    }
}

/// The cluster has the type of HTTPRoutes now. Where it comes later, routes are looked at when the stack is.
async fn knows_routes(context: &Context) -> bool {
    let version = Kind::HttpRoute.resource().api_version;
    let known = context.client.list_api_group_resources(&version).await;
    known.is_ok_and(|types| {
        let plural = Kind::HttpRoute.resource().plural;
        types.resources.iter().any(|one| one.name == plural)
    })
}

/// Watches stacks and everything that they are made of, so that what is deleted or changed by hand
/// comes back at once.
fn controller(
    context: &Context,
    roots: Api<DeserializeGuard<TodoStack>>,
    routes: bool,
) -> Controller<DeserializeGuard<TodoStack>> {
    let mut controller = Controller::new(roots, watcher::Config::default())
        // Seven Deployments that start change many times a second; one look at all of it will do.
        .with_config(controller::Config::default().debounce(Duration::from_millis(300)))
        .owns(changes::<Deployment>(context), ours())
        .owns(changes::<Job>(context), ours())
        .owns(changes::<Service>(context), ours())
        .owns(changes::<ServiceAccount>(context), ours())
        .owns(changes::<v1::Role>(context), ours())
        .owns(changes::<v1::RoleBinding>(context), ours())
        .owns(changes::<Secret>(context), ours())
        .owns(changes::<NetworkPolicy>(context), ours())
        .owns(changes::<Ingress>(context), ours())
        .owns(changes::<PodDisruptionBudget>(context), ours())
        .owns(changes::<HorizontalPodAutoscaler>(context), ours())
        // Pods belong to ReplicaSets; their label names the stack.
        .watches(changes::<Pod>(context), ours(), |pod| {
            let stack = pod.labels().get(crds::LABEL_STACK)?.clone();
            Some(ObjectRef::new(&stack).within(&pod.namespace()?))
        });
    // Without Dapr these watches fail and are tried again ever more slowly, until Dapr is there.
    // The Gateway API is nobody's duty: without it nothing is watched.
    for kind in Kind::ALL
        .into_iter()
        .filter(|kind| kind.is_dapr() || (kind.is_gateway_api() && routes))
    {
        let resource = kind.resource();
        let api: Api<DynamicObject> = match context.config.watched() {
            Some(namespace) => Api::namespaced_with(context.client.clone(), namespace, &resource),
            None => Api::all_with(context.client.clone(), &resource),
        };
        controller = controller.owns_with(api, resource, ours());
    }
    controller
}

fn ours() -> watcher::Config {
    watcher::Config::default().labels(names::SELECTOR)
}

/// Watched through this, only the metadata of objects travels: no spec, no secret.
fn changes<K>(context: &Context) -> Api<PartialObjectMeta<K>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    context.watched()
}

async fn reconcile(
    stack: Arc<TodoStack>,
    context: Arc<Context>,
    cache: Arc<TopicsCache>,
) -> Result<Action> {
    if stack.metadata.deletion_timestamp.is_some() {
        return say_farewell(&stack, &context, &cache).await;
    }
    let mut observed = observe::observe(&context, &cache, &stack).await?;
    let missing = plan::missing_keys(&stack, &observed);
    if !missing.is_empty() {
        apply::make_keys(&context, &stack, &missing).await?;
        observed = observe::observe(&context, &cache, &stack).await?;
    }
    if plan::wants_rotation(&stack, &observed) {
        rotation::rotate_jwt_key(&context, &stack).await?;
        observed = observe::observe(&context, &cache, &stack).await?;
    }
    let plan = plan::plan(&stack, &observed, &context.config.default_image);
    apply::apply(&context, &cache, &stack, &observed, &plan).await?;
    Ok(Action::requeue(plan.again))
}

async fn say_farewell(stack: &TodoStack, context: &Context, cache: &TopicsCache) -> Result<Action> {
    // Nothing is read for one that does not wait for us; its children go by themselves.
    if !stack
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == names::FINALIZER_TOPICS)
    {
        return Ok(Action::await_change());
    }
    let observed: Observed = observe::observe(context, cache, stack).await?;
    match plan::farewell(stack, &observed) {
        Farewell::Nothing => Ok(Action::await_change()),
        Farewell::Stop(objects) => {
            for object in &objects {
                apply::remove(context, stack, object).await?;
            }
            Ok(Action::requeue(Duration::from_secs(2)))
        }
        Farewell::DeleteTopics(topics) => {
            if let Some(connection) = observe::connection(stack, &observed.secrets) {
                let deleted = connection.delete(topics.clone()).await;
                cache.forget(&connection);
                if let Err(error) = deleted {
                    return Err(wait(stack, context, &error.to_string()).await);
                }
                let note = format!("Deleted topics {}", topics.join(", "));
                context
                    .event(
                        stack,
                        EventType::Normal,
                        "TopicsDeleted",
                        "DeleteTopics",
                        &note,
                    )
                    .await;
            }
            Ok(Action::requeue(Duration::from_secs(1)))
        }
        Farewell::Release(finalizers) => {
            apply::set_finalizers(context, stack, &finalizers).await?;
            Ok(Action::await_change())
        }
        Farewell::Wait(why) => Err(wait(stack, context, &why).await),
        Farewell::Stranded(finalizers) => {
            let why = "a Secret that the brokers are asked with is missing";
            if !apply::namespace_terminates(context, stack).await {
                return Err(wait(stack, context, why).await);
            }
            // Nobody can make the Secret again: the namespace would wait for ever.
            tracing::warn!(
                stack = stack.name_any(),
                why,
                "the topics stay, for the namespace goes"
            );
            apply::set_finalizers(context, stack, &finalizers).await?;
            Ok(Action::await_change())
        }
    }
}

/// Shows why the topics are still there.
async fn wait(stack: &TodoStack, context: &Context, why: &str) -> Error {
    let error = Error::Retry {
        reason: "TopicsNotDeleted".into(),
        message: format!(
            "Cannot delete the topics: {why}. Set spec.events.topics.deletionPolicy to Retain to let them stay"
        ),
        after: None,
    };
    let before = stack.status.clone().unwrap_or_default();
    let told = std::slice::from_ref(&error);
    let status = refusal::status(stack, &before, told, Timestamp::now());
    match apply::show(context, stack, &status).await {
        Ok(()) if refusal::is_news(stack, &status) => {
            events::refused(context, stack, &status).await;
        }
        Ok(()) => {}
        Err(error) => {
            tracing::warn!(stack = stack.name_any(), %error, "cannot show why the topics stay");
        }
    }
    error
}
