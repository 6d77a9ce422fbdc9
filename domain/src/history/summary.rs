//! The ledger in a sentence.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Delivery, Happening, Occurrence, Row};
use crate::reminder::Phase;

/// What became of a reminder, in a sentence.
pub(super) fn of(row: &Row, occurrences: &[Occurrence], events: &[Happening]) -> String {
    let snoozed = events
        .iter()
        .filter(|one| one.kind == "reminder.snoozed")
        .count();
    let before = match snoozed {
        0 => String::new(),
        1 => "snoozed once; ".into(),
        n => format!("snoozed {n} times; "),
    };
    let at = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let current = occurrences
        .iter()
        .find(|one| one.occurrence == row.occurrence);
    let reason = row.reason.as_deref().unwrap_or("no reason is recorded");
    let now = match row.phase {
        Phase::Pending | Phase::Scheduled if row.suspended => {
            format!("held back; it was to fire at {}", at(row.fire_at))
        }
        Phase::Pending => format!("fires at {}; its alarm is not set yet", at(row.fire_at)),
        Phase::Scheduled => format!("fires at {}; its alarm is set", at(row.fire_at)),
        Phase::Missed => format!("missed: {reason}"),
        Phase::Cancelled => {
            let told = events.iter().rev();
            let cause = told
                .filter(|one| one.kind == "reminder.cancelled")
                .find_map(|one| one.cause.as_deref());
            let when = row
                .finished_at
                .map_or_else(String::new, |time| format!(" at {}", at(time)));
            let why = cause.map_or_else(String::new, |why| format!(": {why}"));
            format!("cancelled{when}{why}")
        }
        Phase::Fired | Phase::Delivered | Phase::Failed => match current {
            Some(current) => fired(current, row.reason.as_deref()),
            None => format!("failed: {reason}"),
        },
    };
    format!("{before}{now}")
}

fn fired(occurrence: &Occurrence, reason: Option<&str>) -> String {
    let (Some(fired_at), Some(late)) = (occurrence.fired_at, occurrence.lateness_ms) else {
        return format!("failed: {}", reason.unwrap_or("no reason is recorded"));
    };
    let late = match late {
        0 => "on time".into(),
        late => format!("{} late", human(late)),
    };
    let by = match occurrence.path.as_deref() {
        Some("sweep") => "by the sweep",
        _ => "by its alarm",
    };
    let mut text = format!("fired {late} {by}");
    for delivery in &occurrence.deliveries {
        text.push_str("; ");
        text.push_str(&delivered(delivery, fired_at));
    }
    if occurrence.deliveries.is_empty() {
        text.push_str("; ");
        text.push_str(reason.unwrap_or("no channel is served yet"));
    }
    text
}

fn delivered(delivery: &Delivery, fired_at: DateTime<Utc>) -> String {
    let kind = delivery.channel.split(':').next().unwrap_or_default();
    let error = match &delivery.last_error {
        Some(error) => format!(": {error}"),
        None => String::new(),
    };
    let attempts = match delivery.attempts {
        1 => "1 attempt".into(),
        n => format!("{n} attempts"),
    };
    match (delivery.state.as_str(), delivery.delivered_at) {
        ("Delivered", Some(at)) => {
            let after = human((at - fired_at).num_milliseconds());
            match delivery.attempts {
                0 | 1 => format!("{kind} took it after {after}"),
                n => format!(
                    "{kind} took it on the {} attempt after {after}{error}",
                    ordinal(n)
                ),
            }
        }
        ("Failed", _) => format!("{kind} gave up after {attempts}{error}"),
        _ if delivery.attempts == 0 => format!("{kind} is served next"),
        _ => format!("{kind} has had {attempts}{error}"),
    }
}

/// A length of time, from milliseconds, in its two largest units at most.
pub fn human(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0);
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..10 if rest >= 100 => format!("{seconds}.{} s", rest / 100),
        1..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

pub(super) fn ordinal(n: i32) -> String {
    let ending = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}
