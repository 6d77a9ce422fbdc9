//! When a task is due and how it repeats, from all that its line says of it.

use std::ops::Range;

use chrono::{DateTime, Datelike, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use super::{
    clock::Clock,
    day::When,
    ending::Ending,
    phrases::{Found, Phrase},
    refusal::{Refusal, Refused},
    repeat::Repeat,
    series::Plan,
};
use crate::{
    recurrence::{Basis, SeriesSpec, Start},
    task::{Due, limits},
};

/// When a task is due, and how it repeats.
pub(super) struct Schedule {
    pub(super) due: Option<Due>,
    /// The times of the day that are meant.
    pub(super) times: Vec<NaiveTime>,
    /// With the rule in words.
    pub(super) recurrence: Option<(SeriesSpec, String)>,
}

/// All that the phrases of a line say of when.
#[derive(Default)]
struct Said {
    when: When,
    repeat: Option<(Repeat, Range<usize>)>,
    ending: Option<Ending>,
    ending_words: Range<usize>,
    times_words: Range<usize>,
}

/// Puts together what the phrases say.
///
/// # Errors
/// A rule that the recurrence engine does not take.
pub(super) fn schedule(found: &[Found], now: DateTime<Tz>) -> Result<Schedule, Refused> {
    let said = Said::by(found);
    let times = times(&said.when, said.when.day == Some(now.date_naive()));
    let mut clock: Vec<NaiveTime> = times.iter().map(|(time, _)| *time).collect();
    clock.sort_unstable();
    let Some((repeat, words)) = &said.repeat else {
        return Ok(Schedule {
            due: said.due(&times, now),
            times: clock,
            recurrence: None,
        });
    };
    let plan = Plan {
        repeat,
        ending: said.ending,
        day: said.when.day,
        times: &clock,
        now,
    };
    let refused = |refusal| Refused {
        words: match refusal {
            Refusal::UnevenTimes => &said.times_words,
            Refusal::EndsTooEarly(_) => &said.ending_words,
            _ => words,
        }
        .clone(),
        refusal,
    };
    let (spec, rule) = plan.series().map_err(refused)?;
    if !limits::YEARS.contains(&spec.start.date().year()) {
        return Err(refused(Refusal::Year));
    }
    let due = match spec.start {
        Start::On(date) => Due::On { date },
        Start::At(date_time) => at(date_time, now),
    };
    Ok(Schedule {
        due: Some(due),
        times: clock,
        recurrence: Some((spec, rule)),
    })
}

fn at(date_time: NaiveDateTime, now: DateTime<Tz>) -> Due {
    Due::At {
        date_time,
        time_zone: now.timezone(),
    }
}

impl Said {
    fn by(found: &[Found]) -> Self {
        let mut said = Self::default();
        for Found { phrase, words, .. } in found {
            match phrase {
                Phrase::When(when) => said.add(when, words),
                Phrase::Repeat(repeat) => said.repeat = Some(((**repeat).clone(), words.clone())),
                Phrase::Ending(ending) => {
                    said.ending = Some(*ending);
                    said.ending_words = words.clone();
                }
                _ => {}
            }
        }
        let completion = |found: &Found| found.phrase == Phrase::AfterCompletion;
        if let Some((repeat, _)) = &mut said.repeat {
            said.when.part = said.when.part.or(repeat.part);
            if found.iter().any(completion) {
                repeat.basis = Basis::Completion;
            }
        }
        said
    }

    fn add(&mut self, when: &When, words: &Range<usize>) {
        self.when.day = when.day.or(self.when.day);
        self.when.part = when.part.or(self.when.part);
        if !when.times.is_empty() {
            self.when.times.clone_from(&when.times);
            self.times_words = words.clone();
        }
    }

    /// When a task that does not repeat is due.
    fn due(&self, times: &[(NaiveTime, bool)], now: DateTime<Tz>) -> Option<Due> {
        let today = now.date_naive();
        let Some(&(time, next_day)) = times.first() else {
            return self.when.day.map(|date| Due::On { date });
        };
        let passed = today.and_time(time) <= now.naive_local();
        let mut day = match self.when.day {
            Some(day) => day,
            None if passed && !next_day => today.succ_opt()?,
            None => today,
        };
        // Who writes `tonight` late in the evening means what is left of it.
        if self.when.times.is_empty() && day == today && passed {
            return Some(Due::On { date: day });
        }
        if next_day {
            day = day.succ_opt()?;
        }
        Some(at(day.and_time(time), now))
    }
}

/// The times that are meant, each with whether it lies on the day after: those that are written, as
/// the part of the day has them, or else that of the part itself.
pub(super) fn times(when: &When, today: bool) -> Vec<(NaiveTime, bool)> {
    if when.times.is_empty() {
        let hour = when.part.map(|part| part.hour());
        let time = hour.and_then(|hour| NaiveTime::from_hms_opt(hour, 0, 0));
        return time.map(|time| (time, false)).into_iter().collect();
    }
    let meant = |clock: &Clock| clock.within(when.part, today);
    when.times.iter().map(meant).collect()
}
