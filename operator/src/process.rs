//! The operator as a process.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::Context as _;
use runtime::{ops, shutdown};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Config, Context, leader, mirror, recurring_schedule, reminder_job, todo_stack};

/// Runs the operator until SIGTERM, Ctrl-C, or the loss of its lease.
///
/// # Errors
/// When it cannot start, and when it loses its lease: the process must end then.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let shutdown = shutdown::token()?;
    let metrics = ops::install_metrics()?;
    // A standby is ready too, else a rollout of two replicas would wait for ever.
    let reached = Arc::new(AtomicBool::new(false));
    let ready = {
        let reached = reached.clone();
        move || {
            let reached = reached.load(Ordering::Relaxed);
            async move {
                let why = || "the API server was not reached yet".to_owned();
                reached.then_some(()).ok_or_else(why)
            }
        }
    };
    let ops = tokio::spawn(ops::serve(
        config.ops_listen,
        metrics,
        ready,
        shutdown.child_token(),
    ));

    let kube = kube::Config::infer()
        .await
        .context("no way to the API server: run in a cluster, or set KUBECONFIG")?;
    let client = kube::Client::try_from(kube.clone())?;
    let version = client
        .apiserver_version()
        .await
        .context("the API server does not answer")?;
    tracing::info!(
        apiserver = version.git_version,
        operator = env!("CARGO_PKG_VERSION"),
        "started"
    );
    let leadership = leader::Leadership::new(kube, &config).await?;
    reached.store(true, Ordering::Relaxed);
    let outcome = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        () = leadership.acquire() => {
            tracing::info!("took the lease");
            metrics::gauge!("todostack_operator_leader").set(1.0);
            lead(client, config, &leadership, &shutdown).await
        }
    };
    leadership.release().await;
    shutdown.cancel();
    let served = ops.await.context("health and metrics")?;
    outcome.and(served)
}

/// Runs all controllers while we hold the lease.
async fn lead(
    client: kube::Client,
    config: Config,
    leadership: &leader::Leadership,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let context = Arc::new(Context::new(client, config)?);
    let mut controllers = JoinSet::new();
    controllers.spawn(todo_stack::run(context.clone(), shutdown.child_token()));
    controllers.spawn(reminder_job::run(context.clone(), shutdown.child_token()));
    controllers.spawn(recurring_schedule::run(
        context.clone(),
        shutdown.child_token(),
    ));
    controllers.spawn(mirror::run(context, shutdown.child_token()));
    tokio::select! {
        held = leadership.hold(shutdown.child_token()) => {
            if held.is_err() {
                // Not one write more: drop every reconcile where it stands.
                controllers.abort_all();
                return held;
            }
        }
        Some(ended) = controllers.join_next() => {
            ended.context("a controller panicked")?;
            if !shutdown.is_cancelled() {
                anyhow::bail!("a controller ended by itself");
            }
        }
    }
    while let Some(ended) = controllers.join_next().await {
        ended.context("a controller panicked")?;
    }
    Ok(())
}
