//! The Kubernetes operator of todostack: three controllers and a mirror.
//!
//! Each controller observes (all reads), plans (pure) and applies (all writes). What fires reminders
//! is the data plane of a stack; while the operator is down nothing that is scheduled stops.
//!
//! Without the feature `process` there are the plans and what they need, for `todostack dev`: no Kafka
//! client, no lease.

pub mod backoff;
pub mod conditions;
pub mod config;
pub mod context;
pub mod controller;
pub mod error;
#[cfg(feature = "process")]
pub mod kafka;
#[cfg(feature = "process")]
pub mod leader;
pub mod mirror;
#[cfg(feature = "process")]
mod process;
pub mod recurring_schedule;
pub mod reminder_job;
pub mod stack_client;
#[cfg(feature = "process")]
pub mod todo_stack;

pub use config::Config;
pub use context::Context;
#[cfg(feature = "process")]
pub use process::run;
