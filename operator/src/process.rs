//! The operator as a process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use runtime::{ops, shutdown};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{Config, Context, leader, mirror, recurring_schedule, reminder_job, todo_stack};

/// How long reconciles may take to end at shutdown: the next operator waits for the lease meanwhile.
const DRAIN: Duration = Duration::from_secs(5);

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
    let mut hold = std::pin::pin!(leadership.hold());
    tokio::select! {
        () = shutdown.cancelled() => {}
        Err(lost) = &mut hold => {
            // Not one write more: drop every reconcile where it stands.
            controllers.abort_all();
            return Err(lost);
        }
        Some(ended) = controllers.join_next() => {
            ended.context("a controller panicked")?;
            if !shutdown.is_cancelled() {
                anyhow::bail!("a controller ended by itself");
            }
        }
    }
    // What was begun may still write: we must hold the lease until it is done.
    tokio::select! {
        Err(lost) = hold => {
            controllers.abort_all();
            Err(lost)
        }
        drained = drain(&mut controllers, DRAIN) => drained,
    }
}

/// Waits for the controllers to finish what they began, but no longer than `most`; then drops every
/// reconcile where it stands.
async fn drain(controllers: &mut JoinSet<()>, most: Duration) -> anyhow::Result<()> {
    let ended = timeout(most, async {
        while let Some(ended) = controllers.join_next().await {
            ended.context("a controller panicked")?;
        }
        anyhow::Ok(())
    })
    .await;
    if ended.is_err() {
        tracing::warn!("some reconciles did not end in time; they are dropped");
    }
    // Also those that are left when one panicked: whoever has the lease next must be alone.
    controllers.shutdown().await;
    ended.unwrap_or(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Dropped(Arc<AtomicBool>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_reconcile_that_does_not_end_is_dropped_in_time() {
        let dropped = Arc::new(AtomicBool::new(false));
        let guard = Dropped(dropped.clone());
        let mut controllers = JoinSet::new();
        controllers.spawn(async {});
        controllers.spawn(async move {
            let _guard = guard;
            std::future::pending().await
        });
        let drained = drain(&mut controllers, Duration::from_millis(20));
        let drained = timeout(DRAIN, drained).await.expect("it is bounded");
        drained.expect("no panic");
        assert!(dropped.load(Ordering::Relaxed));
        assert_eq!(controllers.len(), 0);
    }

    #[tokio::test]
    async fn what_was_begun_is_finished() {
        let finished = Arc::new(AtomicBool::new(false));
        let finish = finished.clone();
        let mut controllers = JoinSet::new();
        controllers.spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            finish.store(true, Ordering::Relaxed);
        });
        drain(&mut controllers, DRAIN).await.expect("no panic");
        assert!(finished.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_panic_is_told_and_ends_the_others() {
        let mut controllers = JoinSet::new();
        controllers.spawn(async { panic!("for the test") });
        controllers.spawn(std::future::pending());
        assert!(drain(&mut controllers, DRAIN).await.is_err());
        assert_eq!(controllers.len(), 0);
    }
}
