//! The plan of a stack, against a pretended cluster.

mod cluster;
mod laws;
mod manifests;
mod network;
mod plan;
mod refusal;
mod rolling;
mod workloads;
