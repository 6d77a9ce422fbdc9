//! What a stack takes: memory of each process, sizes of its images.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::{Context, Result};
use e2e::harness::{
    Cluster, DAPR_NAMESPACE, NAMESPACE, OPERATOR_NAMESPACE, containers_of, processor_seconds,
};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Api, ResourceExt, api::ListParams};

/// Processor time used so far, by process: those of pods by their component too.
pub(crate) async fn processors(cluster: &Cluster) -> Result<BTreeMap<String, f64>> {
    let mut components = BTreeMap::new();
    for namespace in [NAMESPACE, OPERATOR_NAMESPACE, DAPR_NAMESPACE] {
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
        for pod in pods.list(&ListParams::default()).await?.items {
            for process in containers_of(&pod.uid().context("a pod has a UID")?) {
                components.insert(process.pid, component_of(&pod));
            }
        }
    }
    let mut used = BTreeMap::new();
    for (pid, (program, seconds)) in processor_seconds() {
        let name = match components.get(&pid) {
            Some(component) => format!("{component} `{program}`"),
            None => format!("`{program}`"),
        };
        *used.entry(name).or_default() += seconds;
    }
    Ok(used)
}

/// Who used most of the processors in between.
pub(crate) fn busiest(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> String {
    let mut used: Vec<(f64, &str)> = after
        .iter()
        .map(|(name, seconds)| (seconds - before.get(name).unwrap_or(&0.0), name.as_str()))
        .filter(|(seconds, _)| *seconds >= 0.2)
        .collect();
    used.sort_by(|a, b| b.0.total_cmp(&a.0));
    let all: f64 = used.iter().map(|(seconds, _)| seconds).sum();
    let list = used.iter().take(BUSIEST);
    let list: Vec<_> = list.map(|(s, name)| format!("{name} {s:.1} s")).collect();
    format!("{all:.1} s, of them {}", list.join(", "))
}

fn component_of(pod: &Pod) -> String {
    let labels = pod.labels();
    let component = labels
        .get("app.kubernetes.io/component")
        .or_else(|| labels.get("app.kubernetes.io/name"))
        .or_else(|| labels.get("app"));
    component.cloned().unwrap_or_else(|| pod.name_any())
}

/// How often each container has been started again.
pub(crate) type Restarts = BTreeMap<String, i32>;

/// How often the containers of the stack, the operator and Dapr have been started again, by pod and
/// container.
pub(crate) async fn restart_counts(cluster: &Cluster) -> Result<Restarts> {
    let mut restarts = Restarts::new();
    for namespace in [NAMESPACE, OPERATOR_NAMESPACE, DAPR_NAMESPACE] {
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
        for pod in pods.list(&ListParams::default()).await?.items {
            let name = pod.name_any();
            let statuses = pod.status.and_then(|status| status.container_statuses);
            for container in statuses.unwrap_or_default() {
                restarts.insert(
                    format!("{namespace}/{name}/{}", container.name),
                    container.restart_count,
                );
            }
        }
    }
    Ok(restarts)
}

/// What was started again between the two, or was replaced.
pub(crate) fn restarts(before: &Restarts, after: &Restarts) -> String {
    let changed: Vec<&str> = after
        .iter()
        .filter(|(name, count)| before.get(*name) != Some(count))
        .map(|(name, _)| name.as_str())
        .collect();
    if changed.is_empty() {
        return format!("No container of {} was started again.\n", after.len());
    }
    format!("Started again: {}.\n", changed.join(", "))
}

/// Processes named where the busiest are.
const BUSIEST: usize = 12;

/// Resident memory of each process of the stack, the operator and Dapr, as the kernel counts it.
pub(crate) async fn memory(cluster: &Cluster) -> Result<String> {
    let mut rows = Vec::new();
    for namespace in [NAMESPACE, OPERATOR_NAMESPACE, DAPR_NAMESPACE] {
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
        for pod in pods.list(&ListParams::default()).await?.items {
            let component = component_of(&pod);
            for process in containers_of(&pod.uid().context("a pod has a UID")?) {
                let Some(program) = process.command.first() else {
                    continue;
                };
                let program = program.rsplit('/').next().unwrap_or(program).to_owned();
                if program != "pause" {
                    rows.push((namespace, component.clone(), program, process));
                }
            }
        }
    }
    rows.sort_by(|a, b| (a.0, &a.1, &a.2).cmp(&(b.0, &b.1, &b.2)));
    let mut table = String::from(
        "| namespace | pod | process | RSS, MiB | at most |\n| --- | --- | --- | --- | --- |\n",
    );
    for (namespace, component, program, process) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "| {namespace} | {component} | `{program}` | {} | {} |",
            process.rss_kib.div_ceil(1024),
            process.peak_rss_kib.div_ceil(1024),
        );
    }
    Ok(table)
}

/// Sizes of the project's images as the nodes report them.
pub(crate) async fn images(cluster: &Cluster) -> Result<String> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let mut rows: Vec<(String, i64)> = Vec::new();
    for node in nodes.list(&ListParams::default()).await?.items {
        for image in node
            .status
            .and_then(|status| status.images)
            .unwrap_or_default()
        {
            let names = image.names.unwrap_or_default();
            let ours = names
                .into_iter()
                .find(|name| name.contains("/todostack") && !name.contains('@'));
            if let Some(name) = ours {
                rows.push((name, image.size_bytes.unwrap_or_default()));
            }
        }
    }
    rows.sort();
    rows.dedup();
    let mut table = String::from("| image | size, MB |\n| --- | --- |\n");
    for (name, bytes) in rows {
        let name = name.rsplit('/').next().unwrap_or(&name);
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{name}` | {} |", bytes / 1_000_000);
    }
    Ok(table)
}
