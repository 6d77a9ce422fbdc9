//! Drives a stack on a real cluster and watches what comes out of it.
//!
//! The cluster is that of `E2E_KUBECONFIG`. Services are reached by their ClusterIP where the test
//! runs in the cluster's network (`E2E_REACH=service`, as `e2e/run` sets), else by port-forward
//! through the API server, which works for any cluster. Kafka and Postgres, which live outside of
//! the stack, are reached by the addresses in [`Settings`].

mod cluster;
mod dapr;
mod database;
mod dump;
mod gateway;
mod install;
mod kafka;
mod node;
mod reach;
mod settings;
mod stack;
mod wait;
mod webhooks;

pub use cluster::{Cluster, Ran};
pub use dapr::Sidecar;
pub use database::{Database, Stages};
pub use gateway::{Changes, Channel, Gateway, Task, User};
pub use kafka::{Kafka, Record};
pub use node::{
    Process, Signal, containers_of, kill, processes_beside_us, processor_seconds, signal,
};
pub use reach::{Forward, Target};
pub use settings::{Reach, Settings};
pub use stack::{
    DAPR_NAMESPACE, NAMESPACE, OPERATOR, OPERATOR_NAMESPACE, ROLES, STACK, TOPIC_PREFIX,
};
pub use wait::eventually;
pub use webhooks::{HANGING_URL, Received, SINK_URL, Webhooks};
