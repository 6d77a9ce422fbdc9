//! What a to-do platform knows, without any I/O and without a clock of its own: tasks, due dates,
//! recurrence, the life of a reminder, filters, the events between services, and the internal API that
//! the operator speaks. Callers pass `now`; equal inputs give equal outputs.

pub mod changes;
pub mod digest;
pub mod error;
pub mod event;
pub mod filter;
pub mod history;
pub mod icalendar;
pub mod instances;
pub mod internal_api;
pub mod language;
pub mod position;
pub mod project;
pub mod quick_add;
pub mod recurrence;
pub mod refresh_token;
pub mod reminder;
pub mod search;
pub mod secret_token;
pub mod snooze;
pub mod task;
pub mod trace;
pub mod transfer;
pub mod web_push;
pub mod webhook;
pub mod wording;
