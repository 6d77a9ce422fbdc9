//! Names, labels and topics of a stack, see `docs/architecture.md`.

use std::collections::BTreeMap;

use crds::{AutoscalingSpec, LABEL_STACK, ServicesSpec, TodoStack, WorkloadSpec};
use domain::event::dead_letter_topic;
use kube::ResourceExt;

/// Label that tells which of a stack's parts an object is.
pub const LABEL_COMPONENT: &str = "app.kubernetes.io/component";
/// Value of `app.kubernetes.io/managed-by`.
pub const MANAGER: &str = "todostack-operator";
/// Field manager of replicas that are handed over to an autoscaler.
pub const MANAGER_OF_REPLICAS: &str = "todostack-operator-autoscaling";
/// Selects everything that the operator makes.
pub const SELECTOR: &str = "app.kubernetes.io/managed-by=todostack-operator";
/// Finalizer of a stack whose topics are deleted with it.
pub const FINALIZER_TOPICS: &str = "todostack.dev/topics";

/// A process of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// REST.
    Gateway,
    /// Outbox to pub/sub.
    Relay,
    /// Alarms.
    Reminders,
    /// Next instances.
    Recurrence,
    /// Channels.
    Notifications,
    /// The trail.
    Audit,
    /// Streams to devices.
    Sync,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Gateway,
        Self::Relay,
        Self::Reminders,
        Self::Recurrence,
        Self::Notifications,
        Self::Audit,
        Self::Sync,
    ];

    /// Its name, which is also its subcommand.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Relay => "relay",
            Self::Reminders => "reminders",
            Self::Recurrence => "recurrence",
            Self::Notifications => "notifications",
            Self::Audit => "audit",
            Self::Sync => "sync",
        }
    }

    /// What the spec says of its Deployment.
    pub fn workload(self, stack: &TodoStack) -> &WorkloadSpec {
        let ServicesSpec {
            relay,
            reminders,
            recurrence,
            notifications,
            audit,
            sync,
        } = &stack.spec.services;
        match self {
            Self::Gateway => &stack.spec.gateway.workload,
            Self::Relay => relay,
            Self::Reminders => reminders,
            Self::Recurrence => recurrence,
            Self::Notifications => notifications,
            Self::Audit => audit,
            Self::Sync => sync,
        }
    }

    /// What scales it, while the stack is awake.
    pub fn autoscaling(self, stack: &TodoStack) -> Option<&AutoscalingSpec> {
        let autoscaling = self.workload(stack).autoscaling.as_ref();
        autoscaling.filter(|_| !stack.spec.suspend)
    }

    /// Pods wanted now; of what is scaled by its load, the fewest.
    pub fn replicas(self, stack: &TodoStack) -> i32 {
        if stack.spec.suspend {
            0
        } else {
            self.replicas_awake(stack)
        }
    }

    /// Pods wanted when the stack is awake.
    pub fn replicas_awake(self, stack: &TodoStack) -> i32 {
        let workload = self.workload(stack);
        let autoscaling = workload.autoscaling.as_ref();
        autoscaling.map_or(workload.replicas, |autoscaling| autoscaling.min_replicas)
    }

    /// Pods that there may be when the stack is awake.
    pub fn most_replicas(self, stack: &TodoStack) -> i32 {
        let workload = self.workload(stack);
        let autoscaling = workload.autoscaling.as_ref();
        autoscaling.map_or(workload.replicas, |autoscaling| {
            // The greater of two that admission lets through in this order only.
            autoscaling.max_replicas.max(autoscaling.min_replicas)
        })
    }

    /// What its container runs.
    pub fn command(self) -> Vec<&'static str> {
        match self {
            Self::Gateway => vec!["/todostack-gateway"],
            other => vec!["/todostack-services", other.as_str()],
        }
    }

    /// How long its sidecar gathers events into a batch, in milliseconds: where somebody waits for the
    /// outcome, not longer than they notice. A longer one makes larger batches of a backlog, and so a higher
    /// rate: a sidecar makes one call at a time.
    pub fn batch_await_ms(self) -> u32 {
        match self {
            Self::Audit => 500,
            Self::Recurrence => 25,
            _ => 10,
        }
    }

    /// The topics, without their prefix, that it consumes.
    pub fn consumes(self) -> &'static [&'static str] {
        match self {
            Self::Gateway | Self::Relay => &[],
            Self::Reminders | Self::Recurrence => &[TASK_EVENTS],
            Self::Notifications => &[REMINDERS],
            Self::Audit => &[TASK_EVENTS, REMINDERS],
            Self::Sync => &[TASK_UPDATES],
        }
    }
}

const TASK_EVENTS: &str = "task-events";
const TASK_UPDATES: &str = "task-updates";
const REMINDERS: &str = "reminders";

/// `S-<part>`.
pub fn child(stack: &TodoStack, part: &str) -> String {
    format!("{}-{part}", stack.name_any())
}

/// Name of a role's objects and its Dapr app-id.
pub fn role(stack: &TodoStack, role: Role) -> String {
    child(stack, role.as_str())
}

/// The Secret that the operator makes.
pub fn keys(stack: &TodoStack) -> String {
    child(stack, "keys")
}

/// What the names of the stack's topics begin with.
pub fn topic_prefix(stack: &TodoStack) -> String {
    stack.spec.events.topics.prefix.clone().unwrap_or_else(|| {
        format!(
            "{}.{}.",
            stack.namespace().unwrap_or_default(),
            stack.name_any()
        )
    })
}

/// All topics of the stack, dead letters included.
pub fn topics(stack: &TodoStack) -> Vec<String> {
    let prefix = topic_prefix(stack);
    let consumers = Role::ALL
        .into_iter()
        .filter(|role| !role.consumes().is_empty());
    [TASK_EVENTS, TASK_UPDATES, REMINDERS]
        .iter()
        .map(|topic| format!("{prefix}{topic}"))
        .chain(consumers.map(|role| dead_letter(&prefix, role)))
        .collect()
}

/// Where events go that a role could not deal with, however often it tried: to that role alone.
pub fn dead_letter(prefix: &str, role: Role) -> String {
    format!("{prefix}{}", dead_letter_topic(role.as_str()))
}

/// Labels that select one role's pods; they never change, for a Deployment's selector cannot.
pub fn selector(stack: &TodoStack, component: &str) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "todostack".to_owned()),
        ("app.kubernetes.io/instance", stack.name_any()),
        (LABEL_COMPONENT, component.to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// Labels of everything that belongs to a stack.
pub fn labels(stack: &TodoStack, component: &str) -> BTreeMap<String, String> {
    let mut labels = selector(stack, component);
    labels.extend(
        [
            ("app.kubernetes.io/part-of", "todostack".to_owned()),
            ("app.kubernetes.io/managed-by", MANAGER.to_owned()),
            (LABEL_STACK, stack.name_any()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    labels
}
