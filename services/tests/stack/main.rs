//! The services on a real Postgres, joined by the in-process transport.

mod alarms;
mod deliveries;
mod internal_api;
mod recurrence;
mod relay;
mod support;
mod sync;
