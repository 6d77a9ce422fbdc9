//! Recurrence: one engine for RRULE (RFC 5545), cron expressions and presets.
//!
//! Everything is lowered into [`rrule::Rule`] and expanded over civil time, that is, over clock
//! readings without a zone; a clock reading becomes an instant only at the edge, in [`zone`].
//! Rules finer than a day run in absolute time. No function reads a clock or keeps a cursor: the
//! next occurrence is sought from the instant asked for, so `between` and `next_after` cannot
//! disagree and a rule that started ten years ago costs what a rule of today costs.
//!
//! `docs/recurrence.md` tells the semantics, the differences from python-dateutil and the numbers.

mod calendar;
mod completion;
mod cron;
mod days;
mod describe;
mod exceptions;
mod expand;
mod lowered;
mod moved;
mod parts;
mod preset;
mod rrule;
mod series;
mod spec;
mod subdaily;
mod times;
mod words;
mod zone;

pub use describe::ClockChange;
pub use preset::{Preset, Weekday};
pub use rrule::{Frequency, NthWeekday, Rule, Until};
pub use series::{Occurrence, Series};
pub use spec::{Basis, Late, MonthEnd, Override, RuleSpec, SeriesSpec, Start};
pub use zone::to_instant;

use uuid::Uuid;

/// A chain of open instances of one series is no longer than this.
pub const MAX_OPEN_INSTANCES: usize = 1000;

/// The id of one instance: UUIDv5 of the series and the original time of the occurrence, so that
/// two writers that make the same occurrence make the same row.
pub fn instance_id(series: Uuid, original: &Start) -> Uuid {
    Uuid::new_v5(&series, original.to_string().as_bytes())
}
