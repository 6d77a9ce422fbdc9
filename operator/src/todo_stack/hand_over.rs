//! Replicas that pass from the operator to an autoscaler. Pure.

use crds::TodoStack;

use super::{
    names::{self, Role},
    object::Kind,
    observe::Observed,
};

/// The replicas of a Deployment are to be an autoscaler's. A field that we applied and apply no longer is reset, so
/// it is applied by another name first: a role of many pods must not shrink to one until the autoscaler looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// Name of the Deployment.
    pub deployment: String,
    /// Pods that it has, or should begin with.
    pub replicas: i32,
}

/// Of Deployments whose autoscaler does not exist yet, and of those with no pods, which it would leave so.
pub fn needed(stack: &TodoStack, observed: &Observed) -> Vec<HandOver> {
    let of = |role: Role| {
        let autoscaling = role.autoscaling(stack)?;
        let deployment = names::role(stack, role);
        let live = observed.find(Kind::Deployment, &deployment)?;
        let replicas = i32::try_from(live.number("/spec/replicas")?).unwrap_or(i32::MAX);
        let begins = observed
            .find(Kind::HorizontalPodAutoscaler, &deployment)
            .is_none();
        (begins || replicas == 0).then_some(HandOver {
            deployment,
            replicas: replicas.clamp(autoscaling.min_replicas, role.most_replicas(stack)),
        })
    };
    Role::ALL.into_iter().filter_map(of).collect()
}
