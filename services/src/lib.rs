//! The services behind a stack: each a role, each a module, one binary for all of them.
//!
//! What carries events is behind [`transport::Publisher`] on the way out and [`intake::Intake`] on the
//! way in: Dapr, Kafka without it, or in-process in `todostack dev`. What rings is an
//! [`alarm::AlarmClock`]: Dapr's Jobs, or a timer of the process. Everything else is the same code.

pub mod alarm;
pub mod audit;
pub mod batch;
pub mod config;
pub mod consumer;
pub mod dapr;
pub mod dlq;
pub mod intake;
pub mod jobs;
pub mod kafka;
pub mod notifications;
pub mod rebuild;
pub mod recurrence;
pub mod relay;
pub mod reminders;
pub mod replay;
pub mod subscriptions;
pub mod sync;
pub mod timer;
pub mod transport;
