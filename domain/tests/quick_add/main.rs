//! Quick add: a table of phrases, the examples of the documentation, refusals and laws.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod document;
mod laws;
mod parts;
mod phrases;
mod row;

use chrono::{DateTime, TimeZone};
use chrono_tz::Tz;

/// The zone of whoever writes the lines.
const ZONE: Tz = Tz::Europe__Berlin;

/// When the lines are written: Wednesday 11 March 2026, 10:00.
fn now() -> DateTime<Tz> {
    ZONE.with_ymd_and_hms(2026, 3, 11, 10, 0, 0).unwrap()
}
