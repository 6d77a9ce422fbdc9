//! The services behind a stack: each a role, each a module, one binary for all of them.
//!
//! What carries events ([`transport::Publisher`]) and what rings ([`alarm::AlarmClock`]) are traits
//! with two implementations each: Dapr in a cluster, in-process in `todostack dev`. Everything else
//! is the same code in both.

pub mod alarm;
pub mod audit;
pub mod batch;
pub mod config;
pub mod consumer;
pub mod dapr;
pub mod dead_letters;
pub mod jobs;
pub mod notifications;
pub mod recurrence;
pub mod relay;
pub mod reminders;
pub mod sync;
pub mod timer;
pub mod transport;
