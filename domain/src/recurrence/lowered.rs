//! One rule, bound to its start and zone, with UNTIL and COUNT.

use super::{
    SeriesSpec, Start,
    calendar::{DAY, civil, reading},
    expand::Calendar,
    rrule::{Rule, Until},
    subdaily::{Absolute, MOST_STEPS},
    zone::Zone,
};

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
    /// With COUNT: every occurrence.
    counted: Option<Vec<i64>>,
}

impl Lowered {
    pub(super) fn new(rule: Rule, spec: &SeriesSpec, zone: Zone) -> Result<Self, String> {
        let start = civil(spec.start.date_time());
        let all_day = spec.start.is_all_day();
        let absolute = rule.freq.is_finer_than_daily();
        let kind = if absolute {
            Kind::Absolute(Absolute::new(&rule, &spec.start, zone))
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
            lowered.bounds.counted = Some(lowered.count(count)?);
        }
        Ok(lowered)
    }

    /// Every occurrence of a rule with COUNT.
    fn count(&self, count: u32) -> Result<Vec<i64>, String> {
        let mut found = Vec::new();
        let mut steps = 2 * MOST_STEPS;
        let mut from = i64::MIN;
        while found.len() < count as usize {
            let Some(key) = self.next(from, &mut steps) else {
                break;
            };
            found.push(key);
            from = key + 1;
        }
        if steps == 0 && !found.is_empty() {
            return Err(format!(
                "COUNT={count} of a rule this fine and sparse cannot be counted in reasonable time; use UNTIL, or a coarser FREQ"
            ));
        }
        Ok(found)
    }

    /// The first occurrence at or after `key`, in the rule's own measure.
    pub(super) fn next(&self, key: i64, steps: &mut u32) -> Option<i64> {
        if let Some(counted) = &self.bounds.counted {
            return counted
                .get(counted.partition_point(|at| *at < key))
                .copied();
        }
        if self.bounds.last.is_some_and(|last| key > last) {
            return None;
        }
        let found = match &self.kind {
            Kind::Calendar(rule) => rule.next(key),
            Kind::Absolute(rule) => rule.next(key, steps),
        }?;
        (self.bounds.last.is_none_or(|last| found <= last)).then_some(found)
    }

    /// Which occurrence `key` is, counted from 1; 0 without COUNT.
    pub(super) fn index(&self, key: i64) -> u64 {
        let Some(counted) = &self.bounds.counted else {
            return 0;
        };
        counted.partition_point(|at| *at <= key) as u64
    }

    pub(super) fn resolve(&self, key: i64, zone: Zone, all_day: bool) -> (Start, i64, bool) {
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
    pub(super) fn key_before(&self, at: i64, zone: Zone) -> i64 {
        match &self.kind {
            // A reading out of a gap is read with the offset before the gap, and no gap is longer
            // than a day.
            Kind::Calendar(_) => at + zone.offset(at).min(zone.offset(at - DAY)),
            Kind::Absolute(_) => at,
        }
    }

    /// Whether an instant is not after UNTIL in UTC.
    pub(super) fn allows_instant(&self, at: i64) -> bool {
        self.bounds.last_instant.is_none_or(|last| at <= last)
    }
}
