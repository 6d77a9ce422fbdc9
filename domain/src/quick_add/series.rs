//! The series of a rule: where it begins, when it ends, how it is told.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use super::{clock::whole_second, ending::Ending, refusal::Refusal, repeat::Repeat, words_for};
use crate::{
    error::FieldErrors,
    recurrence::{
        Basis, Frequency, MonthEnd, Rule, RuleSpec, Series, SeriesSpec, Start, Until, to_instant,
    },
    task::MORNING,
};

/// A rule with what is said about it elsewhere in the line.
pub(super) struct Plan<'p> {
    pub(super) repeat: &'p Repeat,
    pub(super) ending: Option<Ending>,
    /// The day on which it begins at the earliest.
    pub(super) day: Option<NaiveDate>,
    /// Its times of day, in order.
    pub(super) times: &'p [NaiveTime],
    pub(super) now: DateTime<Tz>,
}

impl Plan<'_> {
    /// The series, and its rule in words. It starts with its first occurrence, from which an
    /// interval counts: `every 2 weeks on monday` begins on the next Monday.
    pub(super) fn series(&self) -> Result<(SeriesSpec, String), Refusal> {
        let rule = self.rule()?;
        let start = if rule.freq.is_finer_than_daily() {
            self.first_hour(&rule)
        } else {
            self.first_day(&rule)
        }?;
        let spec = self.spec(self.ended(rule, start)?, start);
        let series = Series::compile(&spec, self.now.timezone()).map_err(refused)?;
        let mut words = series.rules_in_words();
        if spec.basis == Basis::Completion {
            words += ", counted from the day of completion";
        }
        Ok((spec, words))
    }

    /// The rule with its times, where there is more than the one that it starts at.
    fn rule(&self) -> Result<Rule, Refusal> {
        use chrono::Timelike;
        let mut rule = self.repeat.rule.clone();
        if let [first, rest @ ..] = self.times
            && !rest.is_empty()
        {
            if rest.iter().any(|time| time.minute() != first.minute()) {
                return Err(Refusal::UnevenTimes);
            }
            rule.by_hour = self.times.iter().map(|time| time.hour() as u8).collect();
            rule.by_hour.sort_unstable();
            rule.by_hour.dedup();
        }
        Ok(rule)
    }

    /// The start of a rule finer than a day: the time that is said, or one interval from now.
    fn first_hour(&self, rule: &Rule) -> Result<Start, Refusal> {
        let today = self.now.date_naive();
        let now = self.now.naive_local();
        let from = match (self.day, self.times.first()) {
            (Some(day), time) => Some(day.and_time(*time.unwrap_or(&MORNING))),
            (None, Some(time)) if today.and_time(*time) > now => Some(today.and_time(*time)),
            (None, Some(time)) => today.succ_opt().map(|day| day.and_time(*time)),
            (None, None) => {
                let unit = if rule.freq == Frequency::Hourly {
                    60
                } else {
                    1
                };
                let interval = Duration::minutes(i64::from(rule.interval) * unit);
                let at = self.now.checked_add_signed(interval);
                at.map(|at| at.date_naive().and_time(whole_second(at.time())))
            }
        };
        let start = from.map(Start::At).ok_or(Refusal::Year)?;
        if rule.by_day.is_empty() {
            return Ok(start);
        }
        let first = self.from(rule.clone(), start, before(start, self.now.timezone()))?;
        Ok(Start::At(first.date_time()))
    }

    /// The first day, and time, that a rule without its interval gives.
    fn first_day(&self, rule: &Rule) -> Result<Start, Refusal> {
        let zone = self.now.timezone();
        let from = self.day.unwrap_or(self.now.date_naive());
        let start = match self.times.first() {
            Some(time) => Start::At(from.and_time(*time)),
            None => Start::On(from),
        };
        let each = Rule {
            interval: 1,
            ..rule.clone()
        };
        // A time that has passed today comes another day; a day that is said is meant.
        let after = if self.day.is_none() && !start.is_all_day() {
            self.now.to_utc()
        } else {
            before(start, zone)
        };
        self.from(each, start, after)
    }

    /// The first occurrence of a rule after an instant.
    fn from(&self, rule: Rule, start: Start, after: DateTime<Utc>) -> Result<Start, Refusal> {
        let series = Series::compile(&self.spec(rule, start), self.now.timezone());
        let first = series.map_err(refused)?.next_after(after);
        first.map(|first| first.original).ok_or(Refusal::Year)
    }

    /// The rule with its end.
    fn ended(&self, rule: Rule, start: Start) -> Result<Rule, Refusal> {
        let (mut count, mut until) = (None, None);
        match self.ending {
            Some(Ending::Count(n)) => count = Some(n),
            Some(Ending::Until(day)) if day < start.date() => {
                return Err(Refusal::EndsTooEarly(words_for::date(start.date())));
            }
            Some(Ending::Until(day)) => until = Some(Until::Date(day)),
            Some(Ending::For(length)) => {
                let end = length
                    .after_day(start.date())
                    .and_then(|day| day.pred_opt());
                until = Some(Until::Date(end.ok_or(Refusal::Year)?));
            }
            None => {}
        }
        Ok(Rule {
            count,
            until,
            ..rule
        })
    }

    fn spec(&self, rule: Rule, start: Start) -> SeriesSpec {
        let by_month = matches!(rule.freq, Frequency::Monthly | Frequency::Yearly);
        // Who says `every month on the 31st` does not mean to miss half of the months.
        let month_end = if by_month && rule.by_day.is_empty() {
            MonthEnd::LastDay
        } else {
            MonthEnd::Skip
        };
        // A day follows its owner's zone; a time stays in the zone in which it was written.
        let zone = (!start.is_all_day()).then(|| self.now.timezone());
        SeriesSpec {
            month_end,
            basis: self.repeat.basis,
            ..SeriesSpec::new(RuleSpec::Rrule(rule.to_string()), start, zone)
        }
    }
}

/// The second before a start.
fn before(start: Start, zone: Tz) -> DateTime<Utc> {
    to_instant(&start, zone) - Duration::seconds(1)
}

fn refused(errors: FieldErrors) -> Refusal {
    let messages: Vec<String> = errors.0.into_iter().map(|error| error.message).collect();
    Refusal::Rule(messages.join("; "))
}
