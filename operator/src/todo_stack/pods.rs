//! What can be read off the pods of a stack.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStateWaiting, Pod};
use kube::ResourceExt;

use super::{
    names::{LABEL_COMPONENT, Role},
    observe::Observed,
};

/// Name that Dapr's injector gives to the sidecar.
const SIDECAR: &str = "daprd";
/// A pod without a sidecar is replaced when it is this old: the injector may have been away.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pods of a role that are not on their way out.
pub fn of(observed: &Observed, role: Role) -> impl Iterator<Item = &Pod> {
    observed.pods.iter().filter(move |pod| {
        pod.labels().get(LABEL_COMPONENT).map(String::as_str) == Some(role.as_str())
            && pod.metadata.deletion_timestamp.is_none()
    })
}

/// The pod was given a sidecar.
pub fn has_sidecar(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| {
        let native = spec.init_containers.iter().flatten();
        spec.containers
            .iter()
            .chain(native)
            .any(|container| container.name == SIDECAR)
    })
}

/// The sidecar of the pod is ready.
pub fn sidecar_ready(pod: &Pod) -> bool {
    pod.status.as_ref().is_some_and(|status| {
        status
            .container_statuses
            .iter()
            .chain(&status.init_container_statuses)
            .flatten()
            .any(|container| container.name == SIDECAR && container.ready)
    })
}

/// The oldest pod that never got a sidecar. One at a time: if the injector is still away, little is
/// lost.
pub fn without_sidecar(observed: &Observed) -> Vec<String> {
    Role::ALL
        .into_iter()
        .flat_map(|role| of(observed, role))
        .filter(|pod| !has_sidecar(pod))
        .filter_map(|pod| Some((pod.creation_timestamp()?.0, pod.name_any())))
        .filter(|(created, _)| observed.now.duration_since(*created).unsigned_abs() >= PATIENCE)
        .min()
        .map(|(_, name)| name)
        .into_iter()
        .collect()
}

/// Why a pod of the role does not run, if one does not.
pub fn problem(observed: &Observed, role: Role) -> Option<String> {
    of(observed, role).find_map(|pod| {
        let status = pod.status.as_ref()?;
        let waiting = status
            .container_statuses
            .iter()
            .flatten()
            .find_map(|container| {
                let why = trouble(container.state.as_ref()?.waiting.as_ref()?)?;
                Some(format!("container {}: {why}", container.name))
            });
        waiting.or_else(|| {
            status
                .conditions
                .iter()
                .flatten()
                .find(|c| c.type_ == "PodScheduled" && c.status == "False")
                .and_then(|c| c.message.clone())
        })
    })
}

/// Why a container waits, unless it is just about to start.
pub fn trouble(waiting: &ContainerStateWaiting) -> Option<String> {
    let reason = waiting.reason.as_deref()?;
    if matches!(reason, "ContainerCreating" | "PodInitializing") {
        return None;
    }
    let message = waiting.message.as_deref().unwrap_or_default();
    Some(if message.is_empty() {
        reason.to_owned()
    } else {
        format!(
            "{reason}: {}",
            message.chars().take(300).collect::<String>()
        )
    })
}
