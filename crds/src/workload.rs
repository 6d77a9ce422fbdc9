//! What the gateway and each service may be given: size, and where and how its pods run.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, EnvVar, ResourceRequirements, Toleration, TopologySpreadConstraint,
};
use kube::KubeSchema;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One Deployment: its size, and where and how its pods run. What is not given here is as a Deployment has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadSpec {
    /// Pods; with `autoscaling` it says nothing.
    #[serde(default = "default_replicas")]
    #[schemars(range(min = 0, max = 100))]
    pub replicas: i32,
    /// As many pods as their load asks for, by a HorizontalPodAutoscaler, which needs a metrics server; absent: `replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<AutoscalingSpec>,
    /// Requests and limits of our container; absent: 20m CPU and 48Mi of memory requested, 256Mi the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = terse)]
    pub resources: Option<ResourceRequirements>,
    /// Labels of the nodes that the pods may run on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that the pods tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), transform = terse)]
    pub tolerations: Vec<Toleration>,
    /// Which nodes and neighbours the pods prefer or must have, as in a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = terse)]
    pub affinity: Option<Affinity>,
    /// How the pods are spread; one without a labelSelector is about the pods of this role. Absent: over the nodes, as well as can be; an empty list: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10), transform = terse)]
    pub topology_spread_constraints: Option<Vec<TopologySpreadConstraint>>,
    /// PriorityClass of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
    /// More environment variables of our container, after ours. Pods roll when a Secret changes that one is from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 50),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]),
        transform = named
    )]
    #[x_kube(validation = Rule::new("self.all(one, !one.name.startsWith('DAPR_') && (!one.name.startsWith('TODOSTACK_') || one.name in ['TODOSTACK_LOG', 'TODOSTACK_DATABASE_CONNECTIONS']))").message("extraEnv cannot set what the operator sets: names that begin with TODOSTACK_ (but TODOSTACK_LOG and TODOSTACK_DATABASE_CONNECTIONS) or DAPR_"))]
    pub extra_env: Vec<EnvVar>,
    /// More annotations of the pods. Of Dapr's, `dapr.io/sidecar-…` and `dapr.io/log-level` are taken, and win over ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('todostack.dev/') && (!key.startsWith('dapr.io/') || key.startsWith('dapr.io/sidecar-') || key == 'dapr.io/log-level'))").message("podAnnotations cannot set what the operator sets: keys that begin with todostack.dev/ or dapr.io/ (but dapr.io/sidecar-… and dapr.io/log-level)"))]
    pub pod_annotations: BTreeMap<String, String>,
    /// More labels of the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50))]
    #[x_kube(validation = Rule::new("self.all(key, !key.startsWith('todostack.dev/') && !key.startsWith('app.kubernetes.io/'))").message("podLabels cannot set what the operator sets: keys that begin with todostack.dev/ or app.kubernetes.io/"))]
    pub pod_labels: BTreeMap<String, String>,
}

impl Default for WorkloadSpec {
    fn default() -> Self {
        Self {
            replicas: default_replicas(),
            autoscaling: None,
            resources: None,
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            affinity: None,
            topology_spread_constraints: None,
            priority_class_name: None,
            extra_env: Vec::new(),
            pod_annotations: BTreeMap::new(),
            pod_labels: BTreeMap::new(),
        }
    }
}

fn default_replicas() -> i32 {
    1
}

/// As many pods as their load asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.minReplicas) || self.minReplicas <= self.maxReplicas").message("autoscaling.minReplicas must not be more than maxReplicas"))]
pub struct AutoscalingSpec {
    /// Fewest pods.
    #[serde(default = "default_replicas")]
    #[schemars(range(min = 1, max = 100))]
    pub min_replicas: i32,
    /// Most pods.
    #[schemars(range(min = 1, max = 100))]
    pub max_replicas: i32,
    /// Percent of the CPU that our container requests (`resources`; 20m by itself) that it is to use, the sidecar not counted.
    #[serde(rename = "targetCPUUtilizationPercentage", default = "default_target")]
    #[schemars(range(min = 1, max = 1000))]
    pub target_cpu_utilization_percentage: i32,
}

fn default_target() -> i32 {
    80
}

/// The services, by role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicesSpec {
    /// Publishes the outbox.
    pub relay: WorkloadSpec,
    /// Fires reminders.
    pub reminders: WorkloadSpec,
    /// Makes the next instance of a series.
    pub recurrence: WorkloadSpec,
    /// Serves channels.
    pub notifications: WorkloadSpec,
    /// Keeps the trail.
    pub audit: WorkloadSpec,
    /// Streams changes to devices.
    pub sync: WorkloadSpec,
}

/// Leaves out the descriptions within a type of Kubernetes' own: seven times all that is said of a pod's affinity
/// would be most of the definition, and `kubectl explain pod.spec` says it too.
pub(crate) fn terse(schema: &mut Schema) {
    fn within(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, value| key != "description" || !value.is_string());
                fields.values_mut().for_each(within);
            }
            Value::Array(items) => items.iter_mut().for_each(within),
            _ => {}
        }
    }
    if let Some(fields) = schema.as_object_mut() {
        fields.values_mut().for_each(within);
    }
}

/// Of a list of named things: a name says something, and is bounded, so that the API server can tell what a rule
/// about it costs at most.
pub(crate) fn named(schema: &mut Schema) {
    terse(schema);
    if let Some(name) = schema.pointer_mut("/items/properties/name") {
        name["minLength"] = 1.into();
        name["maxLength"] = 253.into();
    }
}
