//! Words for what was read.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};

/// `Thursday 12 March 2026`.
pub(super) fn date(date: NaiveDate) -> String {
    date.format("%A %-d %B %Y").to_string()
}

/// `09:00`, and `09:00:30` where there are seconds.
pub(super) fn time(time: NaiveTime) -> String {
    let format = if time.second() == 0 {
        "%H:%M"
    } else {
        "%H:%M:%S"
    };
    time.format(format).to_string()
}

/// `Thursday 12 March 2026 at 09:00`.
pub(super) fn date_time(at: NaiveDateTime) -> String {
    format!("{} at {}", date(at.date()), time(at.time()))
}

/// `1 day`, `2 hours 30 minutes`.
pub(super) fn length(seconds: i64) -> String {
    let parts = [
        (seconds / 86_400, "day"),
        (seconds / 3_600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
    ];
    let words = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| {
        let plural = if *n == 1 { "" } else { "s" };
        format!("{n} {unit}{plural}")
    });
    words.collect::<Vec<_>>().join(" ")
}
