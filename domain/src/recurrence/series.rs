//! A compiled series: rules, exceptions and moved occurrences, asked by instant.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{
    RuleSpec, SeriesSpec, Start,
    calendar::{DAY, civil, reading},
    cron,
    expand::Calendar,
    parts::MAX_COUNT,
    rrule::{Rule, Until},
    subdaily::Absolute,
    zone::{Zone, to_instant},
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
    /// The rules' occurrences left out: sorted times, and sorted whole days.
    excluded: Vec<Start>,
    excluded_days: Vec<NaiveDate>,
    /// Overrides by original time, sorted.
    overrides: Vec<(Start, Option<Start>)>,
    /// RDATE and moved occurrences, sorted by instant.
    extras: Vec<Occurrence>,
    /// Instants of the extras' original times, sorted, with their places in `extras`.
    originals: Vec<(i64, usize)>,
}

/// One rule with its bounds.
#[derive(Debug, Clone)]
pub(super) struct Lowered {
    pub(super) rule: Rule,
    kind: Kind,
    bounds: Bounds,
}

#[derive(Debug, Clone)]
enum Kind {
    Calendar(Calendar),
    Absolute(Absolute),
}

/// UNTIL and COUNT in the rule's own measure: civil time or, finer than daily, instants.
#[derive(Debug, Clone, Default)]
struct Bounds {
    last: Option<i64>,
    last_instant: Option<i64>,
    /// With COUNT: each [`STRIDE`]-th occurrence, from the first.
    marks: Vec<i64>,
    counted: bool,
}

const STRIDE: usize = 64;

/// An occurrence as a rule gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Raw {
    /// In the rule's own measure.
    key: i64,
    original: Start,
    at: i64,
    rule: usize,
}

impl Lowered {
    fn new(rule: Rule, spec: &SeriesSpec, zone: Zone) -> Self {
        let start = civil(spec.start.date_time());
        let all_day = spec.start.is_all_day();
        let absolute = rule.freq.is_finer_than_daily();
        let kind = if absolute {
            Kind::Absolute(Absolute::new(&rule, start, zone))
        } else {
            Kind::Calendar(Calendar::new(&rule, start, all_day, spec.month_end))
        };
        let mut bounds = Bounds::default();
        match rule.until {
            Some(Until::Utc(at)) => bounds.last_instant = Some(at.timestamp()),
            Some(Until::Local(at)) => bounds.last = Some(civil(at)),
            Some(Until::Date(day)) => bounds.last = Some(civil(day.into()) + DAY - 1),
            None => {}
        }
        if absolute {
            // The last second that the clock does not go past.
            bounds.last = bounds.last.map(|last| zone.resolve(last + 1).at - 1);
        }
        let mut lowered = Self { rule, kind, bounds };
        if let Some(count) = lowered.rule.count {
            lowered.count(count.min(MAX_COUNT) as usize);
        }
        lowered
    }

    fn count(&mut self, count: usize) {
        let mut marks = Vec::with_capacity(count / STRIDE + 1);
        let mut last = i64::MIN;
        for n in 0..count {
            let Some(key) = self.next(last.saturating_add(1)) else {
                break;
            };
            if n % STRIDE == 0 {
                marks.push(key);
            }
            last = key;
        }
        self.bounds.marks = marks;
        self.bounds.last = Some(last);
        self.bounds.counted = true;
    }

    /// The first occurrence at or after `key`, in the rule's own measure.
    fn next(&self, key: i64) -> Option<i64> {
        if self.bounds.last.is_some_and(|last| key > last) {
            return None;
        }
        let found = match &self.kind {
            Kind::Calendar(rule) => rule.next(key),
            Kind::Absolute(rule) => rule.next(key),
        }?;
        (self.bounds.last.is_none_or(|last| found <= last)).then_some(found)
    }

    /// Which occurrence `key` is, counted from 1; 0 without COUNT.
    fn index(&self, key: i64) -> u64 {
        if !self.bounds.counted {
            return 0;
        }
        let marks = &self.bounds.marks;
        let block = marks.partition_point(|mark| *mark <= key).saturating_sub(1);
        let mut index = block * STRIDE + 1;
        let mut at = marks.get(block).copied().unwrap_or(key);
        while at < key {
            let Some(next) = self.next(at + 1) else { break };
            at = next;
            index += 1;
        }
        index as u64
    }

    fn resolve(&self, key: i64, zone: Zone, all_day: bool) -> (Start, i64, bool) {
        match &self.kind {
            Kind::Calendar(_) => {
                let original = if all_day {
                    Start::On(reading(key).date())
                } else {
                    Start::At(reading(key))
                };
                let resolved = zone.resolve(key);
                (original, resolved.at, resolved.skipped)
            }
            Kind::Absolute(_) => {
                let local = zone.local(key);
                let original = if zone.resolve(local).at == key {
                    Start::At(reading(local))
                } else {
                    Start::second_time(reading(local))
                };
                (original, key, false)
            }
        }
    }

    /// A key before which every occurrence is before the instant.
    fn key_before(&self, at: i64, zone: Zone) -> i64 {
        match &self.kind {
            // A reading out of a gap is read with the offset before the gap, and no gap is longer
            // than a day.
            Kind::Calendar(_) => at + zone.offset(at).min(zone.offset(at - DAY)),
            Kind::Absolute(_) => at,
        }
    }
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
        let rules = match lower(&spec.rule) {
            Ok(rules) => rules,
            Err(error) => return Err(error.into()),
        };
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
        let mut series = Self {
            rules: rules
                .into_iter()
                .map(|rule| Lowered::new(rule, spec, zone))
                .collect(),
            zone,
            excluded: Vec::new(),
            excluded_days: Vec::new(),
            overrides: Vec::new(),
            extras: Vec::new(),
            originals: Vec::new(),
            spec: spec.clone(),
        };
        if series
            .rules
            .iter()
            .all(|rule| rule.next(i64::MIN).is_none())
        {
            errors.push(rule_field(&spec.rule), series.why_empty());
        }
        series.add_exceptions(&mut errors);
        errors.into_result(series)
    }

    fn why_empty(&self) -> String {
        let start = self.spec.start;
        if self.rules.iter().any(|rule| rule.rule.until.is_some()) {
            format!(
                "has no occurrence from {start} to its UNTIL; let UNTIL be later or start earlier"
            )
        } else {
            format!(
                "has no occurrence from {start} to the year 9999: its parts never meet, as in 30 February"
            )
        }
    }

    /// A listed time in the form of this series: with a time, or without.
    fn listed(&self, written: Start) -> Result<Start, String> {
        match (self.spec.start, written) {
            (Start::At(start), Start::On(day)) => Ok(Start::At(day.and_time(start.time()))),
            (Start::On(_), Start::At(at)) => Err(format!(
                "the series is all-day; write a date, such as {}",
                at.date()
            )),
            _ => Ok(written),
        }
    }

    fn add_exceptions(&mut self, errors: &mut FieldErrors) {
        let spec = self.spec.clone();
        for (i, written) in spec.exclude.iter().enumerate() {
            match (written, self.listed(*written)) {
                (Start::On(day), _) => self.excluded_days.push(*day),
                (_, Ok(at)) => self.excluded.push(at),
                (_, Err(why)) => errors.push(format!("exclude[{i}]"), why),
            }
        }
        self.excluded.sort_unstable();
        self.excluded_days.sort_unstable();
        for (i, moved) in spec.overrides.iter().enumerate() {
            let to = moved.to.map(|to| self.listed(to)).transpose();
            match (self.listed(moved.occurrence), to) {
                (Ok(original), Ok(to)) => self.overrides.push((original, to)),
                (Err(why), _) => errors.push(format!("overrides[{i}].occurrence"), why),
                (_, Err(why)) => errors.push(format!("overrides[{i}].to"), why),
            }
        }
        self.overrides.sort_unstable();
        if let Some(pair) = self
            .overrides
            .windows(2)
            .find(|pair| pair[0].0 == pair[1].0)
        {
            errors.push(
                "overrides",
                format!("{} is overridden twice; once is allowed", pair[0].0),
            );
        }
        let mut extras = Vec::new();
        for (i, written) in spec.include.iter().enumerate() {
            match self.listed(*written) {
                Err(why) => errors.push(format!("include[{i}]"), why),
                Ok(original) if self.is_excluded(original) => {}
                Ok(original) => {
                    if self.override_of(original).is_none() && self.find(original).is_none() {
                        extras.push(self.occurrence(original, original, 0));
                    }
                }
            }
        }
        for (original, to) in &self.overrides {
            // An override of what is no occurrence says nothing (the rule may have changed).
            let included = || {
                spec.include
                    .iter()
                    .any(|i| self.listed(*i) == Ok(*original))
            };
            let index = self.find(*original).or_else(|| included().then_some(0));
            if let (Some(index), Some(to), false) = (index, to, self.is_excluded(*original)) {
                extras.push(self.occurrence(*original, *to, index));
            }
        }
        extras.sort_unstable_by_key(|extra| (extra.at, extra.original));
        extras.dedup_by_key(|extra| extra.at);
        let instant = |e: &Occurrence| to_instant(&e.original, self.zone.tz()).timestamp();
        self.originals = extras.iter().map(instant).zip(0..).collect();
        self.originals.sort_unstable();
        self.extras = extras;
    }

    /// The occurrence that is now at a listed local time.
    fn occurrence(&self, original: Start, local: Start, index: u64) -> Occurrence {
        let at = to_instant(&local, self.zone.tz());
        Occurrence {
            original,
            local: self.shown(local, at.timestamp()),
            at,
            index,
        }
    }

    /// What the clock shows at an occurrence: a time out of a gap comes after it.
    fn shown(&self, local: Start, at: i64) -> Start {
        match local {
            Start::At(_) => Start::At(reading(self.zone.local(at))),
            Start::On(_) => local,
        }
    }

    /// The index of a rule's occurrence with this original time, when there is one.
    fn find(&self, original: Start) -> Option<u64> {
        let at = to_instant(&original, self.zone.tz()).timestamp();
        let raw = self.raw_from(at)?;
        (raw.original == original).then(|| self.rules[raw.rule].index(raw.key))
    }

    fn is_excluded(&self, original: Start) -> bool {
        self.excluded.binary_search(&original).is_ok()
            || self.excluded_days.binary_search(&original.date()).is_ok()
    }

    fn override_of(&self, original: Start) -> Option<Option<Start>> {
        let place = self
            .overrides
            .binary_search_by_key(&original, |(original, _)| *original);
        place.ok().map(|i| self.overrides[i].1)
    }

    /// The rules' first occurrence at or after an instant, whatever the exceptions say.
    fn raw_from(&self, at: i64) -> Option<Raw> {
        let mut best: Option<(Raw, bool)> = None;
        let all_day = self.spec.start.is_all_day();
        for (number, rule) in self.rules.iter().enumerate() {
            let mut key = rule.key_before(at, self.zone);
            while let Some(found) = rule.next(key) {
                let (original, instant, skipped) = rule.resolve(found, self.zone, all_day);
                if rule.bounds.last_instant.is_some_and(|last| instant > last) && !skipped {
                    break;
                }
                let within = rule.bounds.last_instant.is_none_or(|last| instant <= last);
                if instant >= at && within {
                    // Of two at one instant, the one that the clock shows is kept.
                    let better = best.is_none_or(|(best, was_skipped)| {
                        instant < best.at || instant == best.at && was_skipped && !skipped
                    });
                    if better {
                        let raw = Raw {
                            key: found,
                            original,
                            at: instant,
                            rule: number,
                        };
                        best = Some((raw, skipped));
                    }
                    // What a gap moved may come after what the clock shows later.
                    if !skipped {
                        break;
                    }
                }
                key = found + 1;
            }
        }
        best.map(|(raw, _)| raw)
    }

    /// The rules' first occurrence at or after an instant that is neither left out nor moved.
    fn plain_from(&self, mut at: i64) -> Option<Raw> {
        loop {
            let raw = self.raw_from(at)?;
            if !self.excluded_days.is_empty()
                && self
                    .excluded_days
                    .binary_search(&raw.original.date())
                    .is_ok()
            {
                // The rest of the day goes with it, unless clocks go back into it again.
                let next_day = civil(raw.original.date().into()) + DAY;
                let direct = self.zone.resolve(next_day).at;
                let ahead = next_day - civil(raw.original.date_time());
                at = if direct - raw.at == ahead {
                    direct
                } else {
                    raw.at + 1
                };
                continue;
            }
            let left_out = self.excluded.binary_search(&raw.original).is_ok()
                || self.override_of(raw.original).is_some();
            if !left_out {
                return Some(raw);
            }
            at = raw.at + 1;
        }
    }

    /// The first occurrence at or after an instant.
    pub(super) fn from(&self, at: i64) -> Option<Occurrence> {
        let extra = self.extras.partition_point(|e| e.at.timestamp() < at);
        let extra = self.extras.get(extra);
        match (self.plain_from(at), extra) {
            (Some(raw), Some(extra)) if extra.at.timestamp() <= raw.at => Some(extra.clone()),
            (Some(raw), _) => Some(self.plain(raw)),
            (None, extra) => extra.cloned(),
        }
    }

    fn plain(&self, raw: Raw) -> Occurrence {
        Occurrence {
            original: raw.original,
            local: self.shown(raw.original, raw.at),
            at: DateTime::from_timestamp(raw.at, 0).expect("the engine ends with the year 9999"),
            index: self.rules[raw.rule].index(raw.key),
        }
    }

    /// The next occurrence in the order of original times, from that at an instant: left-out ones
    /// are passed over, moved ones are where they are now.
    pub(super) fn original_from(&self, mut at: i64) -> Option<Occurrence> {
        let place = self
            .originals
            .partition_point(|(original, _)| *original < at);
        let extra = self.originals.get(place);
        loop {
            match (self.raw_from(at), extra) {
                (Some(raw), extra) if extra.is_none_or(|(place, _)| *place > raw.at) => {
                    if let Some(found) = self.unless_left_out(raw) {
                        return Some(found);
                    }
                    at = raw.at + 1;
                }
                (_, Some((_, extra))) => return Some(self.extras[*extra].clone()),
                (_, None) => return None,
            }
        }
    }

    /// Included and moved occurrences with an original instant from `from` to before `to`.
    pub(super) fn extras_between(&self, from: i64, to: i64) -> impl Iterator<Item = &Occurrence> {
        let place = self
            .originals
            .partition_point(|(original, _)| *original < from);
        let rest = self.originals[place..].iter();
        rest.take_while(move |(original, _)| *original < to)
            .map(|(_, extra)| &self.extras[*extra])
    }

    fn unless_left_out(&self, raw: Raw) -> Option<Occurrence> {
        let left_out = self.is_excluded(raw.original) || self.override_of(raw.original).is_some();
        (!left_out).then(|| self.plain(raw))
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
        self.walk(after.timestamp() + 1).take(n).collect()
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
