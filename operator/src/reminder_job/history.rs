//! What `kubectl describe` tells of a reminder's life. Pure: no I/O and no clock.
//!
//! It is gathered from what the stack says of the reminder each time that something happened to it, and
//! goes into the status with the rest: the same view twice adds nothing.

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use crds::{HistoryEntry, ReminderJobStatus};
use domain::{history::human, internal_api::ReminderView, reminder::Phase};

/// Entries that are kept.
const MOST: usize = 10;

/// What comes with a firing or after it.
const AFTER_FIRING: [&str; 4] = ["Fired", "Retrying", "Delivered", "Failed"];

/// Adds to the history of `status` what is new in `view`. The deliveries are those of the status, from
/// which the mirror takes what is secret; `why` is why it failed or was missed.
pub(crate) fn note(
    status: &mut ReminderJobStatus,
    view: &ReminderView,
    why: Option<&str>,
    suspended: bool,
    now: DateTime<Utc>,
) {
    let history = &mut status.history;
    if let Some(fired_at) = view.fired_at.map(|at| at.trunc_subsecs(3)) {
        // It may be gone for newer ones; what only comes after it tells that it was noted.
        let noted = |entry: &HistoryEntry| {
            entry.at >= fired_at && AFTER_FIRING.contains(&entry.reason.as_str())
        };
        if !history.iter().any(noted) {
            let late = view.lateness_ms.unwrap_or(0);
            add(
                history,
                fired_at,
                "Fired",
                format!("{} after its time", human(late)),
            );
        }
    }
    // Clocks differ.
    let later = |at: DateTime<Utc>| at.max(view.fired_at.unwrap_or(at)).trunc_subsecs(3);
    let now = later(now);
    let because = || why.unwrap_or("no reason is recorded").to_owned();
    let (at, reason, message) = match view.phase {
        Phase::Pending | Phase::Scheduled if suspended => {
            (now, "Suspended", "held back by spec.suspend".to_owned())
        }
        Phase::Pending | Phase::Scheduled => match view.base_at {
            Some(base) => {
                let message = format!("put off to {} from {}", time(view.fire_at), time(base));
                (now, "Snoozed", message)
            }
            None if view.phase == Phase::Pending => return,
            None => (
                now,
                "Scheduled",
                format!("to fire at {}", time(view.fire_at)),
            ),
        },
        Phase::Fired => {
            let Some(failing) = status
                .deliveries
                .iter()
                .find(|one| one.last_error.is_some())
            else {
                return;
            };
            let waiting = status
                .deliveries
                .iter()
                .filter(|one| one.state == "Pending");
            let attempts: i32 = status.deliveries.iter().map(|one| one.attempts).sum();
            let message = format!(
                "{} attempts, {} channels have yet to take it; {}: {}",
                attempts,
                waiting.count(),
                failing.channel,
                failing.last_error.as_deref().unwrap_or_default(),
            );
            (now, "Retrying", message)
        }
        Phase::Delivered => {
            let last = status
                .deliveries
                .iter()
                .filter_map(|one| one.delivered_at)
                .max();
            let attempts: i32 = status.deliveries.iter().map(|one| one.attempts).sum();
            let message = match status.deliveries.len() {
                1 => format!("its channel took it, {attempts} attempts"),
                n => format!("all {n} channels took it, {attempts} attempts"),
            };
            (last.map_or(now, later), "Delivered", message)
        }
        Phase::Failed => (now, "Failed", because()),
        Phase::Missed => (now, "Missed", because()),
        Phase::Cancelled => (now, "Cancelled", "withdrawn before it fired".to_owned()),
    };
    let said = history
        .last()
        .is_some_and(|last| last.reason == reason && last.message == message);
    if !said {
        add(history, at, reason, message);
    }
}

fn add(history: &mut Vec<HistoryEntry>, at: DateTime<Utc>, reason: &str, message: String) {
    history.push(HistoryEntry {
        at,
        reason: reason.into(),
        message,
    });
    let beyond = history.len().saturating_sub(MOST);
    history.drain(..beyond);
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
