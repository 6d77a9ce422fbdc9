//! Step 6: a reminders service that dies just before a due time.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use e2e::harness::{NAMESPACE, SINK_URL, STACK, Webhooks, containers_of, kill};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams};
use uuid::Uuid;

use crate::world::{World, sleep_until, unique};

/// Until a process that was killed is back: its container restarts, the sidecar sees it healthy.
const PROCESS: TimeDelta = TimeDelta::seconds(20);
/// Until a pod that was deleted has a successor with a sidecar.
const POD: TimeDelta = TimeDelta::seconds(45);

/// `kill -9` of the process, on the node.
pub(crate) async fn killed_process(world: &World) -> Result<()> {
    let pod = reminders_pod(world).await?;
    let processes = containers_of(&pod.uid().context("a pod has a UID")?);
    let service = |command: &[String]| {
        command
            .first()
            .is_some_and(|program| program.ends_with("todostack-services"))
    };
    let process = processes.iter().find(|process| service(&process.command));
    let Some(process) = process else {
        // On somebody else's cluster the node is out of reach; its kubelet can kill, too.
        ensure!(
            processes.is_empty(),
            "no todostack-services among {processes:?}"
        );
        return deleted_pod(world).await;
    };
    let expected = remind(world).await?;
    sleep_until(expected.at - TimeDelta::milliseconds(700)).await;
    kill(process).await?;
    expected.arrives_once(world, PROCESS).await?;
    let restarted = restarts(&reminders_pod(world).await?) - restarts(&pod);
    ensure!(
        restarted == 1,
        "killed once, it was restarted {restarted} times"
    );
    Ok(())
}

/// The pod is deleted without grace, which is `kill -9` of all of it.
pub(crate) async fn deleted_pod(world: &World) -> Result<()> {
    let pod = reminders_pod(world).await?.name_any();
    let expected = remind(world).await?;
    sleep_until(expected.at - TimeDelta::milliseconds(700)).await;
    let words = format!("delete pod {pod} --namespace {NAMESPACE} --grace-period=0 --force");
    world.cluster.kubectl(&words).await?;
    expected.arrives_once(world, POD).await?;
    let words = format!(
        "rollout status deployment/{STACK}-reminders --namespace {NAMESPACE} --timeout 60s"
    );
    world.cluster.kubectl(&words).await.map(drop)
}

/// A reminder on its way.
struct Expected {
    at: DateTime<Utc>,
    task: Uuid,
    webhooks: Webhooks,
}

async fn remind(world: &World) -> Result<Expected> {
    let user = world.gateway.sign_up().await?;
    let channel = user.add_webhook(SINK_URL).await?;
    let at = Utc::now() + TimeDelta::seconds(6);
    let task = user.task_with_reminder(&unique("survivor"), at).await?.id;
    Ok(Expected {
        at,
        task,
        webhooks: world.webhooks.signed_with(channel.secret),
    })
}

impl Expected {
    async fn arrives_once(&self, world: &World, latest: TimeDelta) -> Result<()> {
        let id = self.task.to_string();
        let patience = Duration::from_secs(120);
        let received = self.webhooks.one(&id, patience).await?;
        println!(
            "delivered {} ms after its time",
            received.late().num_milliseconds()
        );
        ensure!(
            received.late() < latest,
            "delivered {} late",
            received.late()
        );
        // The alarm of the dead process may ring again: it must find the firing claimed.
        self.webhooks.still(1, &id, Duration::from_secs(8)).await?;
        let firings = world
            .database
            .firings(received.reminder.reminder_id)
            .await?;
        ensure!(firings == 1, "it was claimed {firings} times");
        Ok(())
    }
}

fn restarts(pod: &Pod) -> i32 {
    let status = pod.status.as_ref();
    let containers = status.and_then(|status| status.container_statuses.as_deref());
    containers
        .unwrap_or_default()
        .iter()
        .map(|container| container.restart_count)
        .sum()
}

async fn reminders_pod(world: &World) -> Result<Pod> {
    let pods: Api<Pod> = Api::namespaced(world.cluster.client.clone(), NAMESPACE);
    let labels =
        format!("app.kubernetes.io/instance={STACK},app.kubernetes.io/component=reminders");
    let found = pods
        .list(&ListParams::default().labels(&labels))
        .await?
        .items;
    let mut living = found
        .into_iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none());
    living.next().context("there is no reminders pod")
}
