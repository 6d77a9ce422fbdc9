//! What the spec of a stack says of where and how pods run.

use std::collections::BTreeMap;

use crds::{TodoStack, WorkloadSpec};
use k8s_openapi::api::core::v1::{Affinity, TopologySpreadConstraint};
use serde_json::{Map, Value, json};

/// Puts into a pod's spec what there is to say of it: what is empty is left out.
fn fill(pod: &mut Value, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    for (name, value) in fields {
        let says_nothing = match &value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        if !says_nothing {
            pod[name] = value;
        }
    }
}

/// The pods of a role.
pub(super) fn place(
    pod: &mut Value,
    stack: &TodoStack,
    workload: &WorkloadSpec,
    selector: &BTreeMap<String, String>,
) {
    let spread = workload.topology_spread_constraints.as_ref().map_or_else(
        || json!([over_nodes(selector)]),
        |all| spread(all, selector),
    );
    fill(
        pod,
        [
            ("affinity", json!(workload.affinity)),
            ("imagePullSecrets", json!(stack.spec.image_pull_secrets)),
            ("nodeSelector", json!(workload.node_selector)),
            ("priorityClassName", json!(workload.priority_class_name)),
            ("tolerations", json!(workload.tolerations)),
            ("topologySpreadConstraints", spread),
        ],
    );
}

/// The migration's pod, which may run where the gateway's do: a cluster may have no other nodes.
pub(super) fn place_migration(pod: &mut Value, stack: &TodoStack) {
    let gateway = &stack.spec.gateway.workload;
    // It has no neighbours to be drawn to or kept from.
    let nodes = gateway.affinity.as_ref().map(|affinity| Affinity {
        node_affinity: affinity.node_affinity.clone(),
        ..Affinity::default()
    });
    fill(
        pod,
        [
            ("affinity", json!(nodes)),
            ("imagePullSecrets", json!(stack.spec.image_pull_secrets)),
            ("nodeSelector", json!(gateway.node_selector)),
            ("priorityClassName", json!(gateway.priority_class_name)),
            ("tolerations", json!(gateway.tolerations)),
        ],
    );
}

/// As well as can be. It stands there for one pod too: scaling to two is then no roll-out.
fn over_nodes(selector: &BTreeMap<String, String>) -> Value {
    json!({
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector},
    })
}

fn spread(constraints: &[TopologySpreadConstraint], selector: &BTreeMap<String, String>) -> Value {
    constraints
        .iter()
        .map(|constraint| {
            let mut spread = json!(constraint);
            if constraint.label_selector.is_none() {
                spread["labelSelector"] = json!({"matchLabels": selector});
            }
            spread
        })
        .collect()
}

/// Adds the spec's variables after ours, which they cannot replace.
pub(super) fn extend_env(env: &mut Vec<Value>, workload: &WorkloadSpec) {
    for extra in &workload.extra_env {
        if !env.iter().any(|ours| ours["name"] == extra.name.as_str()) {
            env.push(json!(extra));
        }
    }
}

/// Adds the spec's annotations to ours. Of ours they replace what is said of the sidecar itself.
pub(super) fn extend_annotations(annotations: &mut Map<String, Value>, workload: &WorkloadSpec) {
    for (key, value) in &workload.pod_annotations {
        let about_sidecar = key.starts_with("dapr.io/sidecar-") || key == "dapr.io/log-level";
        if about_sidecar || !annotations.contains_key(key) {
            annotations.insert(key.clone(), value.as_str().into());
        }
    }
}

/// The spec's labels and ours, which win.
pub(super) fn labels(
    ours: BTreeMap<String, String>,
    workload: &WorkloadSpec,
) -> BTreeMap<String, String> {
    let mut labels = workload.pod_labels.clone();
    labels.extend(ours);
    labels
}
