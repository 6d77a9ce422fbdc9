//! The services on a real Postgres, joined by the in-process transport.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod alarms;
mod catch_up;
mod channels;
mod dead_letters;
mod deliveries;
mod digests;
mod internal_api;
mod receivers;
mod recurrence;
mod recurrence_batches;
mod relay;
mod snooze;
mod sockets;
mod subscriptions;
mod support;
mod sync;
mod trace;
