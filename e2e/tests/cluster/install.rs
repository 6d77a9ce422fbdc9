//! Step 1: what an installed stack consists of.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::harness::{NAMESPACE, ROLES, STACK, TOPIC_PREFIX, eventually};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams};

use crate::world::World;

/// Every role has a pod, its own container and Dapr's ready: 2/2.
pub(crate) async fn pods_are_ready(world: &World) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(world.cluster.client.clone(), NAMESPACE);
    for role in ROLES {
        let labels = format!(
            "app.kubernetes.io/instance={STACK},app.kubernetes.io/component={role},todostack.dev/stack={STACK}"
        );
        let found = pods.list(&ListParams::default().labels(&labels)).await?;
        let running = found
            .iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none());
        let running: Vec<_> = running.collect();
        ensure!(
            running.len() == 1,
            "{role} has {} pods, not one",
            running.len()
        );
        let status = running[0].status.clone().unwrap_or_default();
        let containers = status.container_statuses.unwrap_or_default();
        let ready: Vec<_> = containers
            .iter()
            .map(|c| (c.name.as_str(), c.ready))
            .collect();
        ensure!(
            ready.len() == 2 && ready.iter().all(|(_, ready)| *ready),
            "{} is not 2/2: {ready:?}",
            running[0].name_any()
        );
        ensure!(
            ready.iter().any(|(name, _)| *name == "daprd"),
            "{role} has no sidecar: {ready:?}"
        );
    }
    // What a user sees, columns of the CRD included.
    let columns = world
        .cluster
        .kubectl(&format!("get todostack {STACK} -n {NAMESPACE}"))
        .await?;
    let services = format!("{0}/{0}", ROLES.len());
    let line = columns.lines().last().unwrap_or_default();
    ensure!(
        line.contains("True") && line.contains(&services),
        "kubectl get todostack should say True and {services}:\n{columns}"
    );
    Ok(())
}

/// The topics, with the partitions asked for, and those of the consumers' dead letters.
pub(crate) async fn topics_exist(world: &World) -> Result<()> {
    let topics = world.kafka.topics().await?;
    for consumer in ["reminders", "recurrence", "notifications", "audit", "sync"] {
        let name = format!(
            "{TOPIC_PREFIX}{}",
            domain::event::dead_letter_topic(consumer)
        );
        ensure!(
            topics.contains_key(&name),
            "there is no topic {name}: {topics:?}"
        );
    }
    for topic in domain::event::Topic::ALL {
        let name = format!("{TOPIC_PREFIX}{}", topic.as_str());
        ensure!(
            topics.get(&name) == Some(&6),
            "{name} should have 6 partitions: {topics:?}"
        );
    }
    Ok(())
}

/// What is scoped to a role is loaded by its sidecar and by no other.
pub(crate) async fn components_are_loaded(world: &World) -> Result<()> {
    let pubsub = format!("{STACK}-pubsub");
    let sweep = format!("{STACK}-sweep");
    for role in [
        "relay",
        "reminders",
        "recurrence",
        "notifications",
        "audit",
        "sync",
    ] {
        let sidecar = world.sidecar(role).await?;
        let what = format!("the sidecar of {role} to load {pubsub}");
        let loaded = eventually(&what, Duration::from_secs(20), async || {
            let loaded = sidecar.components().await?;
            ensure!(loaded.contains(&pubsub), "it has loaded {loaded:?}");
            Ok(loaded)
        })
        .await?;
        ensure!(
            loaded.contains(&sweep) == (role == "reminders"),
            "{sweep} is for reminders alone; {role} has loaded {loaded:?}"
        );
    }
    let loaded = world.sidecar("reminders").await?.components().await?;
    for name in ["state", "secrets"] {
        let name = format!("{STACK}-{name}");
        ensure!(
            loaded.contains(&name),
            "reminders has not loaded {name} but {loaded:?}"
        );
    }
    Ok(())
}
