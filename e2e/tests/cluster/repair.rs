//! Step 7: the operator keeps what it made, and takes it away with the stack.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use crds::ReminderPhase;
use e2e::harness::{NAMESPACE, STACK, TOPIC_PREFIX, eventually};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt};

use crate::world::{World, in_seconds, unique};

/// A deleted Deployment comes back, a changed one is as before.
pub(crate) async fn drift(world: &World) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(world.cluster.client.clone(), NAMESPACE);
    let audit = format!("{STACK}-audit");
    let sync = format!("{STACK}-sync");
    let before = deployments.get(&audit).await?.uid();
    let image = image(&deployments.get(&sync).await?)?;

    world
        .cluster
        .kubectl(&format!("delete deployment {audit} -n {NAMESPACE}"))
        .await?;
    world
        .cluster
        .kubectl(&format!(
            "scale deployment {sync} -n {NAMESPACE} --replicas 2"
        ))
        .await?;
    let container = format!("set image deployment {sync} -n {NAMESPACE} *=docker.io/local/other:1");
    world.cluster.kubectl(&container).await?;

    let within = Duration::from_secs(30);
    eventually("the deleted Deployment to be back", within, async || {
        let now = deployments.get(&audit).await?.uid();
        ensure!(now.is_some() && now != before, "it is not another one");
        Ok(())
    })
    .await?;
    eventually(
        "the changed Deployment to be repaired",
        within,
        async || {
            let now = deployments.get(&sync).await?;
            let replicas = now.spec.as_ref().and_then(|spec| spec.replicas);
            ensure!(replicas == Some(1), "it has {replicas:?} replicas");
            let has = self::image(&now)?;
            ensure!(has == image, "its image is {has}, not {image}");
            Ok(())
        },
    )
    .await?;
    for name in [audit, sync] {
        let words = format!("rollout status deployment {name} -n {NAMESPACE} --timeout 120s");
        world.cluster.kubectl(&words).await?;
    }
    Ok(())
}

fn image(deployment: &Deployment) -> Result<String> {
    let pod = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref());
    let container = pod.and_then(|pod| pod.containers.first());
    container
        .and_then(|c| c.image.clone())
        .context("a Deployment has a container with an image")
}

/// Everything that the stack was made of goes; topics, which hold data, stay.
pub(crate) async fn deletion(world: &World) -> Result<()> {
    // One that is still to fire: it must not keep anybody from deleting it afterwards.
    let orphan = unique("orphan");
    world.apply_reminder_job(&orphan, in_seconds(3600)).await?;
    world
        .reach_phase(&orphan, ReminderPhase::Scheduled, Duration::from_secs(15))
        .await?;
    let children = children(world).await?;
    ensure!(
        children.len() > 20,
        "a stack has more children than {children:?}"
    );

    let words = format!("delete todostack/{STACK} -n {NAMESPACE} --timeout 120s");
    world.cluster.kubectl(&words).await?;
    eventually(
        "the children to be gone",
        Duration::from_secs(90),
        async || {
            let left = self::children(world).await?;
            ensure!(left.is_empty(), "left are {left:?}");
            Ok(())
        },
    )
    .await?;
    let topics = world.kafka.topics().await?;
    for topic in domain::event::Topic::ALL {
        let name = format!("{TOPIC_PREFIX}{}", topic.as_str());
        ensure!(
            topics.contains_key(&name),
            "topic {name} is gone: {topics:?}"
        );
    }
    world.delete_reminder_job(&orphan).await
}

/// The objects of the stack, as `kubectl get -o name` prints them.
async fn children(world: &World) -> Result<Vec<String>> {
    let kinds = [
        "deployment",
        "pod",
        "service",
        "serviceaccount",
        "job.batch",
        "component.dapr.io",
        "configuration.dapr.io",
        "resiliency.dapr.io",
        "subscription.dapr.io",
    ];
    let kinds = kinds.join(",");
    let words = format!("get {kinds} -n {NAMESPACE} -l todostack.dev/stack={STACK} -o name");
    let names = world.cluster.kubectl(&words).await?;
    Ok(names.lines().map(str::to_owned).collect())
}
