//! What every controller does around its reconcile: survives objects that cannot be read, measures,
//! logs, and backs off per object.

use std::{fmt::Debug, future::Future, sync::Arc, time::Instant};

use futures::StreamExt;
use kube::{
    Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        Controller,
        controller::{Action, Error as RuntimeError},
    },
};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::Backoff,
    context::Context,
    error::{Error, Result},
};

/// A key for one object: `namespace/name`.
pub fn key(object: &impl ResourceExt) -> String {
    format!(
        "{}/{}",
        object.namespace().unwrap_or_default(),
        object.name_any()
    )
}

/// Runs a controller until `shutdown`. `name` labels its metrics and logs.
///
/// An object that does not deserialize (made by a newer version, or by hand before a rule existed)
/// is logged and left alone; it does not stall the watch of the others. A failed reconcile is tried
/// again after the object's own backoff.
pub async fn drive<K, Reconcile, Reconciling>(
    name: &'static str,
    controller: Controller<DeserializeGuard<K>>,
    context: Arc<Context>,
    shutdown: CancellationToken,
    reconcile: Reconcile,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    Reconcile: Fn(Arc<K>, Arc<Context>) -> Reconciling + Send + Sync + 'static,
    Reconciling: Future<Output = Result<Action>> + Send + 'static,
{
    let shared = Arc::new(Shared {
        context,
        backoff: Backoff::default(),
        reconcile,
    });
    controller
        .graceful_shutdown_on(shutdown.cancelled_owned())
        .run(
            move |object, shared| one(name, object, shared),
            move |object: Arc<DeserializeGuard<K>>, error, shared| {
                let backoff = shared.backoff.fail(&key(object.as_ref()));
                let after = match error {
                    Error::Retry { after, .. } => after.map_or(backoff, |after| after.max(backoff)),
                    _ => backoff,
                };
                Action::requeue(after)
            },
            shared.clone(),
        )
        .for_each(|outcome| {
            match outcome {
                // Logged and counted where it happened.
                Ok(_) | Err(RuntimeError::ReconcilerFailed(..)) => {}
                // Deleted between the trigger and the reconcile.
                Err(RuntimeError::ObjectNotFound(object)) => shared.backoff.forget(&format!(
                    "{}/{}",
                    object.namespace.unwrap_or_default(),
                    object.name
                )),
                Err(error) => {
                    metrics::counter!("todostack_operator_watch_errors_total", "controller" => name)
                        .increment(1);
                    tracing::warn!(controller = name, %error, "a watch failed; it is tried again");
                }
            }
            std::future::ready(())
        })
        .await;
}

struct Shared<Reconcile> {
    context: Arc<Context>,
    backoff: Backoff,
    reconcile: Reconcile,
}

async fn one<K, Reconcile, Reconciling>(
    name: &'static str,
    object: Arc<DeserializeGuard<K>>,
    shared: Arc<Shared<Reconcile>>,
) -> Result<Action>
where
    K: Resource<DynamicType = ()> + Clone,
    Reconcile: Fn(Arc<K>, Arc<Context>) -> Reconciling,
    Reconciling: Future<Output = Result<Action>>,
{
    let key = key(object.as_ref());
    let valid = match &object.0 {
        Ok(valid) => Arc::new(valid.clone()),
        Err(invalid) => {
            tracing::warn!(controller = name, object = key, error = %invalid.error,
                "cannot read the object: its type is newer than this operator, or it was stored before a rule existed");
            return Ok(Action::await_change());
        }
    };
    let started = Instant::now();
    let outcome = (shared.reconcile)(valid, shared.context.clone()).await;
    metrics::histogram!("todostack_operator_reconcile_seconds", "controller" => name)
        .record(started.elapsed().as_secs_f64());
    let result = match &outcome {
        Ok(_) => {
            shared.backoff.forget(&key);
            "Ok".to_owned()
        }
        Err(error) => {
            tracing::warn!(controller = name, object = key, reason = error.reason(), %error, "reconcile failed; it is tried again");
            error.reason().to_owned()
        }
    };
    metrics::counter!("todostack_operator_reconciles_total", "controller" => name, "result" => result)
        .increment(1);
    outcome
}
