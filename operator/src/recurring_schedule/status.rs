//! What the status of a RecurringSchedule says. Pure: no I/O and no clock.

use chrono::{DateTime, Utc};
use crds::{
    RecurringSchedule, RecurringScheduleStatus,
    conditions::{self, Verdict},
};

use crate::reminder_job::status::{News, timestamp};

/// Condition: occurrences are made.
pub const READY: &str = "Ready";
/// Condition: the rule has no more occurrences.
pub const COMPLETED: &str = "Completed";

/// The status of a schedule whose rule was refused: what waits by the earlier rule stays as it is.
pub fn refused(
    schedule: &RecurringSchedule,
    why: &str,
    now: DateTime<Utc>,
) -> RecurringScheduleStatus {
    let generation = schedule.metadata.generation;
    let mut status = schedule.status.clone().unwrap_or_default();
    status.observed_generation = generation;
    status.description = None;
    status.next_occurrences.clear();
    let verdict = Verdict::no("InvalidSchedule", why);
    conditions::set(
        &mut status.conditions,
        READY,
        verdict,
        generation,
        timestamp(now),
    );
    status
}

/// What there is to tell of a change of the status: that the schedule cannot be followed, that it has
/// come to its end, that occurrences were missed.
pub fn news(
    before: Option<&RecurringScheduleStatus>,
    after: &RecurringScheduleStatus,
) -> Vec<News> {
    let of = |status: Option<&RecurringScheduleStatus>, kind| {
        status
            .and_then(|status| conditions::find(&status.conditions, kind))
            .map(|condition| (condition.status.clone(), condition.message.clone()))
    };
    let mut news = Vec::new();
    for (kind, telling, warning) in [(READY, "False", true), (COMPLETED, "True", false)] {
        let now = conditions::find(&after.conditions, kind).filter(|c| c.status == telling);
        if let Some(now) = now.filter(|_| of(before, kind) != of(Some(after), kind)) {
            news.push(News {
                warning,
                reason: now.reason.clone(),
                note: now.message.clone(),
            });
        }
    }
    let more = after.missed - before.map_or(0, |status| status.missed);
    if more > 0 {
        news.push(News {
            warning: true,
            reason: "Missed".into(),
            note: format!(
                "{more} more occurrences were missed; {} in all",
                after.missed
            ),
        });
    }
    news
}

/// Puts the conditions of a schedule that is followed.
pub(super) fn conclude(
    status: &mut RecurringScheduleStatus,
    ended: bool,
    suspended: bool,
    generation: Option<i64>,
    now: DateTime<Utc>,
) {
    let at = timestamp(now);
    let ready = if ended {
        Verdict::yes("Completed", "the rule has no more occurrences")
    } else if suspended {
        Verdict::yes(
            "Suspended",
            "spec.suspend is true: nothing is made, what waits is held back",
        )
    } else {
        Verdict::yes("Scheduled", "the next occurrences have their ReminderJobs")
    };
    conditions::set(&mut status.conditions, READY, ready, generation, at);
    let completed = if ended {
        Verdict::yes("NoMoreOccurrences", "the rule has no more occurrences")
    } else {
        Verdict::no("MoreOccurrences", "the rule has more occurrences")
    };
    conditions::set(&mut status.conditions, COMPLETED, completed, generation, at);
}
