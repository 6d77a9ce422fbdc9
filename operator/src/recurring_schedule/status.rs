//! What the status of a RecurringSchedule says. Pure: no I/O and no clock.

use chrono::{DateTime, Duration, Utc};
use crds::{
    RecurringSchedule, RecurringScheduleStatus,
    conditions::{self, Verdict},
};

use crate::{
    error::Error,
    reminder_job::status::{News, timestamp},
};

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

/// Shows that a write was refused, though the plan went well.
pub(super) fn overrule(
    schedule: &RecurringSchedule,
    status: &mut RecurringScheduleStatus,
    error: &Error,
    now: DateTime<Utc>,
) {
    let stored = schedule.status.as_ref();
    crate::conditions::overrule(
        &mut status.conditions,
        stored.map_or(&[], |stored| stored.conditions.as_slice()),
        READY,
        Verdict::no(error.reason(), error.message()),
        schedule.metadata.generation,
        timestamp(now),
    );
}

/// Up to which occurrence there is nothing to make up for, after the ReminderJobs of these were
/// `tried`, some with success. Nothing was made from the first of the last failures on. What failed
/// before something that was made is only tried again while it is ahead: were it made up for later,
/// so would be what was made after it.
pub(super) fn made_until(
    stored: Option<DateTime<Utc>>,
    planned: Option<DateTime<Utc>>,
    tried: &[(DateTime<Utc>, bool)],
) -> Option<DateTime<Utc>> {
    let made = tried.iter().filter(|(_, made)| *made).map(|(at, _)| *at);
    let last = made.max().max(stored);
    let failed = tried.iter().filter(|(_, made)| !*made).map(|(at, _)| *at);
    let Some(first) = failed.filter(|at| Some(*at) > last).min() else {
        return planned;
    };
    let before = first - Duration::seconds(1);
    planned.map(|planned| planned.min(last.map_or(before, |last| last.max(before))))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_made_is_made_up_for() {
        let hour = |hour: i64| DateTime::UNIX_EPOCH + Duration::hours(hour);
        let before = |at: i64| Some(hour(at) - Duration::seconds(1));
        let until = |stored, tried: &[(i64, bool)]| {
            let tried: Vec<_> = tried.iter().map(|(at, made)| (hour(*at), *made)).collect();
            made_until(stored, Some(hour(12)), &tried)
        };
        assert_eq!(until(Some(hour(9)), &[]), Some(hour(12)));
        assert_eq!(until(None, &[(11, true), (12, true)]), Some(hour(12)));
        assert_eq!(until(None, &[(11, false), (12, false)]), before(11));
        assert_eq!(
            until(Some(hour(10)), &[(11, true), (12, false)]),
            before(12)
        );
        // The one that was made after it must not be made twice.
        assert_eq!(until(None, &[(11, false), (12, true)]), Some(hour(12)));
        // Deleted by hand, and made again while it is ahead.
        assert_eq!(until(Some(hour(12)), &[(11, false)]), Some(hour(12)));
        // One of its two reminders was made.
        assert_eq!(until(None, &[(12, true), (12, false)]), Some(hour(12)));
    }
}
