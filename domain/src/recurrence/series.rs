//! A compiled series: rules, exceptions and moved occurrences, asked by instant.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

use super::{
    RuleSpec, SeriesSpec, Start,
    calendar::{DAY, FIRST, LAST, civil},
    cron,
    exceptions::Exceptions,
    lowered::Lowered,
    rrule::Rule,
    subdaily::MOST_STEPS,
    zone::Zone,
};
use crate::error::{FieldError, FieldErrors};

/// Most entries of each of `exclude`, `include` and `overrides`.
const MAX_LISTED: usize = 1000;

/// One occurrence of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Its original local time, as the rule gives it (RECURRENCE-ID): its identity.
    pub original: Start,
    /// Its local time, after an override, as the clock shows it: moved out of a DST gap.
    pub local: Start,
    /// The instant. All-day: the beginning of the day in the series' zone.
    pub at: DateTime<Utc>,
    /// Which one of the series it is, counted from 1, where COUNT makes that known; otherwise 0.
    pub index: u64,
}

/// A series, checked and ready to be asked.
///
/// An occurrence is identified by its original local time; at any instant there is at most one.
#[derive(Debug, Clone)]
pub struct Series {
    pub(super) spec: SeriesSpec,
    pub(super) zone: Zone,
    pub(super) rules: Vec<Lowered>,
    pub(super) exceptions: Exceptions,
}

/// An occurrence as a rule gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Raw {
    /// In the rule's own measure.
    pub(super) key: i64,
    pub(super) original: Start,
    pub(super) at: i64,
    pub(super) rule: usize,
    /// The clock skips its original time.
    skipped: bool,
}

impl Series {
    /// Checks a series and makes it ready to be asked.
    ///
    /// # Errors
    /// Every field that cannot be accepted, with what would be right. Paths are relative to the
    /// series: `rrule`, `cron`, `preset.day`, `exclude[2]`.
    pub fn compile(spec: &SeriesSpec, user_zone: Tz) -> Result<Self, FieldErrors> {
        let zone = Zone::new(spec.time_zone.unwrap_or(user_zone));
        let mut errors = FieldErrors::default();
        for (name, length) in [
            ("exclude", spec.exclude.len()),
            ("include", spec.include.len()),
            ("overrides", spec.overrides.len()),
        ] {
            if length > MAX_LISTED {
                errors.push(
                    name,
                    format!("has {length} entries; at most {MAX_LISTED} are taken"),
                );
            }
        }
        let year = chrono::Datelike::year(&spec.start.date());
        if !(1..=9999).contains(&year) {
            errors.push("start", "must lie in the years 1 to 9999");
        }
        if !errors.0.is_empty() {
            return Err(errors);
        }
        Self::build(spec, zone, lower(&spec.rule)?)
    }

    /// A series by rules that were read before.
    pub(super) fn build(
        spec: &SeriesSpec,
        zone: Zone,
        rules: Vec<Rule>,
    ) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        if spec.start.is_all_day()
            && let Some(rule) = rules.iter().find(|rule| rule.freq.is_finer_than_daily())
        {
            return Err(FieldError::new(
                rule_field(&spec.rule),
                format!(
                    "FREQ={} needs a start with a time, such as {}T09:00:00",
                    rule.freq.as_str(),
                    spec.start
                ),
            )
            .into());
        }
        let rules: Result<Vec<Lowered>, String> = rules
            .into_iter()
            .map(|rule| Lowered::new(rule, spec, zone))
            .collect();
        let mut series = Self {
            rules: rules.map_err(|why| FieldError::new(rule_field(&spec.rule), why))?,
            zone,
            exceptions: Exceptions::default(),
            spec: spec.clone(),
        };
        let mut steps = MOST_STEPS;
        if series.raw_from(FIRST, &mut steps).is_none() {
            return Err(
                FieldError::new(rule_field(&spec.rule), series.why_empty(steps == 0)).into(),
            );
        }
        series.add_exceptions(&mut errors);
        errors.into_result(series)
    }

    fn why_empty(&self, gave_up: bool) -> String {
        let start = self.spec.start;
        if gave_up {
            format!(
                "has no occurrence from {start} in {MOST_STEPS} steps of its INTERVAL; use a coarser FREQ"
            )
        } else if self.rules.iter().any(|rule| rule.rule.until.is_some()) {
            format!(
                "has no occurrence from {start} to its UNTIL; let UNTIL be later or start earlier"
            )
        } else {
            format!(
                "has no occurrence from {start} to the year 9999: its parts never meet, as in 30 February"
            )
        }
    }

    /// The rules' first occurrence at or after an instant, whatever the exceptions say.
    pub(super) fn raw_from(&self, at: i64, steps: &mut u32) -> Option<Raw> {
        // Before the first start and after the last occurrence all instants are alike.
        if at > LAST + 2 * DAY {
            return None;
        }
        let at = at.max(FIRST);
        let mut best: Option<Raw> = None;
        let all_day = self.spec.start.is_all_day();
        for (number, rule) in self.rules.iter().enumerate() {
            let mut key = rule.key_before(at, self.zone);
            while let Some(found) = rule.next(key, steps) {
                let (original, instant, skipped) = rule.resolve(found, self.zone, all_day);
                if !rule.allows_instant(instant) && !skipped {
                    break;
                }
                if instant >= at && rule.allows_instant(instant) {
                    // Of two at one instant, the one that the clock shows is kept.
                    let better = best.is_none_or(|best| {
                        instant < best.at || instant == best.at && best.skipped && !skipped
                    });
                    if better {
                        best = Some(Raw {
                            key: found,
                            original,
                            at: instant,
                            rule: number,
                            skipped,
                        });
                    }
                    // What a gap moved may come after what the clock shows later.
                    if !skipped {
                        break;
                    }
                }
                key = if !skipped {
                    found + 1
                } else if instant < at {
                    // Within the gap readings and instants run side by side.
                    found + at - instant
                } else {
                    self.end_of_gap(found, instant)
                };
            }
        }
        best
    }

    /// The first reading after the gap that a reading lies in.
    fn end_of_gap(&self, reading: i64, at: i64) -> i64 {
        let size = self.zone.local(at) - reading;
        let change = self.zone.transition(at - size, at);
        change.map_or(reading + 1, |(change, _, after)| {
            (change + after).max(reading + 1)
        })
    }

    /// The rules' first occurrence at or after an instant that is neither left out nor moved.
    fn plain_from(&self, mut at: i64) -> Option<Raw> {
        let mut steps = MOST_STEPS;
        loop {
            let raw = self.raw_from(at, &mut steps)?;
            if !self.exceptions.days.is_empty()
                && self
                    .exceptions
                    .days
                    .binary_search(&raw.original.date())
                    .is_ok()
            {
                at = self.day_after(&raw);
                continue;
            }
            let left_out = self.exceptions.times.binary_search(&raw.original).is_ok()
                || self.override_of(raw.original).is_some();
            if !left_out {
                return Some(raw);
            }
            at = raw.at + 1;
        }
    }

    /// The first instant that may lie on another local day than an occurrence.
    fn day_after(&self, raw: &Raw) -> i64 {
        /// Clocks go back by at most this much.
        const BACK: i64 = 3 * 3600;
        let reading = civil(raw.original.date_time());
        // Shortly after midnight they may go back into the day before.
        if reading.rem_euclid(DAY) < BACK
            && let Some((change, before, after)) = self.zone.transition(raw.at, raw.at + BACK)
            && after < before
        {
            return change;
        }
        let next_day = reading.div_euclid(DAY) * DAY + DAY;
        self.zone.resolve(next_day).at.max(raw.at + 1)
    }

    /// The first occurrence at or after an instant.
    pub(super) fn from(&self, at: i64) -> Option<Occurrence> {
        let extra = self
            .exceptions
            .extras
            .partition_point(|e| e.at.timestamp() < at);
        let extra = self.exceptions.extras.get(extra);
        match (self.plain_from(at), extra) {
            (Some(raw), Some(extra)) if extra.at.timestamp() <= raw.at => Some(extra.clone()),
            (Some(raw), _) => Some(self.plain(raw)),
            (None, extra) => extra.cloned(),
        }
    }

    fn plain(&self, raw: Raw) -> Occurrence {
        Occurrence {
            original: raw.original,
            local: match raw.original {
                _ if raw.skipped => self.shown(raw.original, raw.at),
                Start::At(_) => Start::At(raw.original.date_time()),
                Start::On(_) => raw.original,
            },
            at: DateTime::from_timestamp(raw.at, 0).expect("the engine ends with the year 9999"),
            index: self.rules[raw.rule].index(raw.key),
        }
    }

    /// The next occurrence in the order of original times, from that at an instant: left-out ones
    /// are passed over, moved ones are where they are now.
    pub(super) fn original_from(&self, at: i64) -> Option<Occurrence> {
        let place = self
            .exceptions
            .originals
            .partition_point(|(original, _)| *original < at);
        match (self.plain_from(at), self.exceptions.originals.get(place)) {
            (Some(raw), Some((place, _))) if *place > raw.at => Some(self.plain(raw)),
            (_, Some((_, extra))) => Some(self.exceptions.extras[*extra].clone()),
            (raw, None) => raw.map(|raw| self.plain(raw)),
        }
    }

    /// Included and moved occurrences with an original instant from `from` to before `to`.
    pub(super) fn extras_between(&self, from: i64, to: i64) -> impl Iterator<Item = &Occurrence> {
        let place = self
            .exceptions
            .originals
            .partition_point(|(original, _)| *original < from);
        let rest = self.exceptions.originals[place..].iter();
        rest.take_while(move |(original, _)| *original < to)
            .map(|(_, extra)| &self.exceptions.extras[*extra])
    }

    /// The zone in which the series runs.
    pub fn zone(&self) -> Tz {
        self.zone.tz()
    }

    /// The rules that the series was lowered into: one, or two for a cron expression that
    /// restricts both the day of the month and the day of the week.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|lowered| &lowered.rule)
    }

    /// The first occurrence strictly after an instant.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<Occurrence> {
        self.from(after.timestamp().checked_add(1)?)
    }

    /// The occurrences from `from` (inclusive) to `to` (exclusive), at most `limit`.
    pub fn between(&self, from: DateTime<Utc>, to: DateTime<Utc>, limit: usize) -> Vec<Occurrence> {
        let ceiling = from.timestamp() + i64::from(from.timestamp_subsec_nanos() > 0);
        self.walk(ceiling)
            .take_while(|o| o.at < to)
            .take(limit)
            .collect()
    }

    /// The next `n` occurrences strictly after an instant.
    pub fn upcoming(&self, after: DateTime<Utc>, n: usize) -> Vec<Occurrence> {
        self.walk(after.timestamp().saturating_add(1))
            .take(n)
            .collect()
    }

    /// The occurrences at or after an instant, in order.
    fn walk(&self, from: i64) -> impl Iterator<Item = Occurrence> {
        let mut at = Some(from);
        std::iter::from_fn(move || {
            let found = self.from(at?);
            at = found
                .as_ref()
                .map(|o| (o.at + Duration::seconds(1)).timestamp());
            found
        })
    }
}

/// The field that a complaint about the rule belongs to.
fn rule_field(rule: &RuleSpec) -> &'static str {
    match rule {
        RuleSpec::Rrule(_) => "rrule",
        RuleSpec::Cron(_) => "cron",
        RuleSpec::Preset(_) => "preset",
    }
}

fn lower(rule: &RuleSpec) -> Result<Vec<Rule>, FieldError> {
    match rule {
        RuleSpec::Rrule(text) => text
            .parse()
            .map(|rule| vec![rule])
            .map_err(|why: String| FieldError::new("rrule", why)),
        RuleSpec::Cron(text) => cron::rules(text).map_err(|why| FieldError::new("cron", why)),
        RuleSpec::Preset(preset) => preset.rule().map(|rule| vec![rule]),
    }
}
