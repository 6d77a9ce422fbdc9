//! What a stack takes: memory of each process, sizes of its images.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use e2e::harness::{Cluster, NAMESPACE, OPERATOR_NAMESPACE, containers_of};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Api, ResourceExt, api::ListParams};

/// Where Dapr's control plane lives.
const DAPR_NAMESPACE: &str = "dapr-system";

/// Resident memory of each process of the stack, the operator and Dapr, as the kernel counts it.
pub(crate) async fn memory(cluster: &Cluster) -> Result<String> {
    let mut rows = Vec::new();
    for namespace in [NAMESPACE, OPERATOR_NAMESPACE, DAPR_NAMESPACE] {
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
        for pod in pods.list(&ListParams::default()).await?.items {
            let labels = pod.labels();
            let component = labels
                .get("app.kubernetes.io/component")
                .or_else(|| labels.get("app.kubernetes.io/name"))
                .or_else(|| labels.get("app"));
            let component = component.cloned().unwrap_or_else(|| pod.name_any());
            for process in containers_of(&pod.uid().context("a pod has a UID")?) {
                let Some(program) = process.command.first() else {
                    continue;
                };
                let program = program.rsplit('/').next().unwrap_or(program).to_owned();
                if program != "pause" {
                    rows.push((namespace, component.clone(), program, process.rss_kib));
                }
            }
        }
    }
    rows.sort();
    let mut table =
        String::from("| namespace | pod | process | RSS, MiB |\n| --- | --- | --- | --- |\n");
    for (namespace, component, program, kib) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "| {namespace} | {component} | `{program}` | {} |",
            kib.div_ceil(1024)
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
