//! Step 5: firing does not depend on the operator.

use std::time::Duration;

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use crds::ReminderPhase;
use e2e::harness::{OPERATOR, OPERATOR_NAMESPACE};

use crate::world::{World, in_seconds, unique};

pub(crate) async fn fires_without_operator(world: &World) -> Result<()> {
    let name = unique("unattended");
    let at = in_seconds(25);
    world.apply_reminder_job(&name, at).await?;
    world
        .reach_phase(&name, ReminderPhase::Scheduled, Duration::from_secs(10))
        .await?;

    scale(world, 0).await?;
    let outcome = unattended(world, &name).await;
    // Whatever happened: the other steps need an operator.
    scale(world, 1).await?;
    outcome?;

    let job = world
        .reach_phase(&name, ReminderPhase::Delivered, Duration::from_secs(60))
        .await?;
    let status = job.status.unwrap_or_default();
    ensure!(
        status.lateness_ms.is_some_and(|late| late < 2_000),
        "the status has caught up with when it fired: {status:?}"
    );
    world.webhooks.still(1, &name, Duration::ZERO).await?;
    world.delete_reminder_job(&name).await
}

/// The reminder arrives; nobody tells Kubernetes.
async fn unattended(world: &World, name: &str) -> Result<()> {
    let received = world.webhooks.one(name, Duration::from_secs(40)).await?;
    ensure!(
        received.late() < TimeDelta::seconds(2),
        "it came {} late",
        received.late()
    );
    let status = world
        .reminder_jobs()
        .get(name)
        .await?
        .status
        .unwrap_or_default();
    ensure!(
        status.phase == Some(ReminderPhase::Scheduled),
        "without an operator the phase stays Scheduled: {status:?}"
    );
    Ok(())
}

/// Scales the operator and waits until it is so.
async fn scale(world: &World, replicas: u32) -> Result<()> {
    let cluster = &world.cluster;
    let namespace = format!("--namespace {OPERATOR_NAMESPACE}");
    cluster
        .kubectl(&format!(
            "scale deployment {OPERATOR} {namespace} --replicas {replicas}"
        ))
        .await?;
    cluster
        .kubectl(&format!(
            "rollout status deployment {OPERATOR} {namespace} --timeout 60s"
        ))
        .await?;
    if replicas == 0 {
        let selector = "app.kubernetes.io/name=todostack-operator";
        cluster
            .kubectl(&format!(
                "wait pod {namespace} --selector {selector} --for delete --timeout 60s"
            ))
            .await?;
    }
    Ok(())
}
