//! How a recurring task is said in a calendar.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

use crate::{
    instances::{current, original_time},
    recurrence::{
        Basis, MonthEnd, Rule as RecurrenceRule, Series, SeriesSpec, Start, Until, to_instant,
    },
    task::{Due, Task, due_at},
};

/// Most occurrences that are listed one by one.
pub(super) const LISTED: usize = 50;

/// How far ahead they are listed.
const AHEAD: Duration = Duration::days(366);

/// What stands in a calendar beside a task's own time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Nothing.
    Never,
    /// A rule that counts from it.
    By(Rule),
    /// The local times of the next occurrences.
    Listed(Vec<Start>),
}

/// A rule and its exceptions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// RRULE.
    pub(super) text: String,
    /// EXDATE.
    pub(super) excluded: Vec<Start>,
}

pub(super) fn of(task: &Task, owner_zone: Tz, now: DateTime<Utc>) -> Repeat {
    let (Some(due), Some(spec)) = (&task.due, &task.recurrence) else {
        return Repeat::Never;
    };
    if spec.basis == Basis::Completion {
        return Repeat::Never;
    }
    let Ok(series) = Series::compile(spec, owner_zone) else {
        return Repeat::Never;
    };
    if let Some(rule) = by_rule(task, due, spec, &series, owner_zone) {
        return Repeat::By(rule);
    }
    let zone = match due {
        Due::At { time_zone, .. } => *time_zone,
        Due::On { .. } => series.zone(),
    };
    let after = due_at(due, owner_zone);
    let upcoming = series.upcoming(after, LISTED).into_iter();
    let near = upcoming.take_while(|occurrence| occurrence.at <= now + AHEAD);
    let local = near.map(|occurrence| match occurrence.local {
        // On the clock of the task, which need not be the series'.
        Start::At(_) => Start::At(occurrence.at.with_timezone(&zone).naive_local()),
        day @ Start::On(_) => day,
    });
    let listed: Vec<Start> = local.collect();
    if listed.is_empty() {
        Repeat::Never
    } else {
        Repeat::Listed(listed)
    }
}

/// The rule of a series whose occurrences from the current one on one RRULE gives. A rule goes on from any of
/// its occurrences as from its start: what is not said of days and times comes from DTSTART, and an
/// occurrence has what the start had.
fn by_rule(
    task: &Task,
    due: &Due,
    spec: &SeriesSpec,
    series: &Series,
    owner_zone: Tz,
) -> Option<Rule> {
    let mut rules = series.rules();
    let (rule, None) = (rules.next()?, rules.next()) else {
        return None;
    };
    let own = current(task, spec);
    let is_plain = spec.include.is_empty()
        && spec.overrides.is_empty()
        && spec.month_end == MonthEnd::Skip
        && !rule.freq.is_finer_than_daily()
        && [&rule.by_hour, &rule.by_minute, &rule.by_second]
            .iter()
            .all(|list| list.is_empty())
        // It was not moved by itself.
        && own == original_time(due, spec, owner_zone)
        && match due {
            Due::At { time_zone, .. } => *time_zone == series.zone(),
            Due::On { .. } => own.is_all_day(),
        };
    if !is_plain {
        return None;
    }
    let rule = RecurrenceRule {
        count: match rule.count {
            Some(count) => Some(left(series, &own, due, owner_zone, count)?),
            None => None,
        },
        until: match rule.until {
            Some(until) => Some(until_of(until, &own, series.zone())?),
            None => None,
        },
        ..rule.clone()
    };
    let excluded = spec.exclude.iter().filter(|excluded| {
        // What is over needs no exception.
        excluded.date() >= own.date()
    });
    let excluded = excluded.map(|excluded| match (own, *excluded) {
        (Start::At(own), Start::On(day)) => Start::At(day.and_time(own.time())),
        (_, excluded) => excluded,
    });
    Some(Rule {
        text: rule.to_string(),
        excluded: excluded.collect(),
    })
}

/// How many of `count` occurrences are left, the current one among them.
fn left(series: &Series, own: &Start, due: &Due, owner_zone: Tz, count: u32) -> Option<u32> {
    let at = due_at(due, owner_zone);
    let near = series.between(at - Duration::days(2), at + Duration::days(2), 10);
    let found = near.iter().find(|occurrence| occurrence.original == *own)?;
    let before = u32::try_from(found.index.checked_sub(1)?).ok()?;
    count.checked_sub(before).filter(|left| *left > 0)
}

/// UNTIL in the form that goes with DTSTART (RFC 5545 §3.3.10): a date with a date, an instant with a time
/// of a zone. None where it has none.
fn until_of(until: Until, own: &Start, zone: Tz) -> Option<Until> {
    let instant = |local| Until::Utc(to_instant(&Start::At(local), zone));
    match (until, own) {
        (Until::Date(_), Start::On(_)) | (Until::Utc(_), Start::At(_)) => Some(until),
        (Until::Date(day), Start::At(_)) => Some(instant(day.and_hms_opt(23, 59, 59)?)),
        (Until::Local(local), Start::At(_)) => Some(instant(local)),
        (Until::Local(_) | Until::Utc(_), Start::On(_)) => None,
    }
}
