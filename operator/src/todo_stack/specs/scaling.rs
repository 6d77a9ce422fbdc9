//! How many pods of a role there are, and how many may be taken away at once.

use serde_json::json;

use super::{Source, object};
use crate::todo_stack::{
    names::{self, Role},
    object::{Kind, Object},
};

/// Of each role that may have more than one pod: a drain of nodes takes them one by one. One of a single pod would say
/// nothing. None of them holds up a drain for ever, since one pod may always go: not while an autoscaler has it at one,
/// nor while the stack sleeps.
pub(super) fn disruption_budgets(source: Source<'_>) -> Vec<Object> {
    Role::ALL
        .into_iter()
        .filter(|role| role.most_replicas(source.stack) > 1)
        .map(|role| {
            object(
                source,
                Kind::PodDisruptionBudget,
                names::role(source.stack, role),
                role.as_str(),
                json!({"spec": {
                    "maxUnavailable": 1,
                    "selector": {"matchLabels": names::selector(source.stack, role.as_str())},
                    // A pod that is not ready serves nobody.
                    "unhealthyPodEvictionPolicy": "AlwaysAllow",
                }}),
            )
        })
        .collect()
}

/// Of each role that is scaled by its load. They stay while the stack sleeps: Kubernetes lets a Deployment of no
/// replicas be.
pub(super) fn autoscalers(source: Source<'_>) -> Vec<Object> {
    let scaled = |role: Role| Some((role, role.workload(source.stack).autoscaling.as_ref()?));
    Role::ALL
        .into_iter()
        .filter_map(scaled)
        .map(|(role, autoscaling)| {
            let name = names::role(source.stack, role);
            object(
                source,
                Kind::HorizontalPodAutoscaler,
                name.clone(),
                role.as_str(),
                json!({"spec": {
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                    "minReplicas": autoscaling.min_replicas,
                    "maxReplicas": autoscaling.max_replicas,
                    // Of our container alone: what the sidecar requests is another's choice.
                    "metrics": [{
                        "type": "ContainerResource",
                        "containerResource": {
                            "name": "cpu",
                            "container": role.as_str(),
                            "target": {
                                "type": "Utilization",
                                "averageUtilization": autoscaling.target_cpu_utilization_percentage,
                            },
                        },
                    }],
                }}),
            )
        })
        .collect()
}
