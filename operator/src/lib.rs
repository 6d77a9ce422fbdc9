//! The Kubernetes operator of todostack: three controllers and a mirror.
//!
//! Each controller observes (all reads), plans (pure) and applies (all writes). What fires reminders
//! is the data plane of a stack; while the operator is down nothing that is scheduled stops.

pub mod backoff;
pub mod config;
pub mod context;
pub mod controller;
pub mod error;
pub mod kafka;
pub mod leader;
pub mod mirror;
pub mod ops;
pub mod recurring_schedule;
pub mod reminder_job;
pub mod stack_client;
pub mod todo_stack;

use std::sync::Arc;

use anyhow::Context as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

pub use config::Config;
pub use context::Context;

/// Runs the operator until SIGTERM, Ctrl-C, or the loss of its lease.
///
/// # Errors
/// When it cannot start, and when it loses its lease: the process must end then.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    stop_on_signals(&shutdown)?;
    let metrics = ops::install_metrics()?;
    let readiness = ops::Readiness::default();
    let ops = tokio::spawn(ops::serve(
        config.ops_listen,
        metrics,
        readiness.clone(),
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
    readiness.set(true);
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

fn stop_on_signals(shutdown: &CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        shutdown.cancel();
    });
    Ok(())
}
