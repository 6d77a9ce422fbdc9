//! Expansion of hourly and finer rules in absolute time.
//!
//! Step k lies k times INTERVAL units after the start, whatever clocks do meanwhile. The BY parts
//! look at the clock: a step whose local day, hour, minute or second is not allowed is left out,
//! and parts finer than FREQ make the times within the step's local hour or minute. Stretches
//! that the BY parts leave out are jumped over where no transition lies in them.

use super::{
    MonthEnd, Start,
    calendar::{DAY, LAST, civil},
    expand::{AlignedDays, bits},
    rrule::{Frequency, Rule},
    times::{Times, bit_from},
    zone::{Zone, to_instant},
};

/// Steps looked at in one search. A rule that has nothing in so many is taken to be over.
pub(super) const MOST_STEPS: u32 = 10_000;

/// An hourly or finer rule, bound to its start.
#[derive(Debug, Clone)]
pub(super) struct Absolute {
    days: AlignedDays,
    /// Allowed hours, minutes and seconds; those finer than FREQ expand, the others limit.
    hours: u64,
    minutes: Option<u64>,
    seconds: Option<u64>,
    positions: Vec<i64>,
    /// Seconds of the unit of FREQ: 1, 60 or 3600.
    unit: i64,
    /// Seconds from step to step.
    step: i64,
    /// The instant of the start.
    start: i64,
    zone: Zone,
}

impl Absolute {
    pub(super) fn new(rule: &Rule, start: &Start, zone: Zone) -> Self {
        // Minutes of every hour are minutes filtered: said so, none is lost where clocks shift by
        // half an hour and an hour of the clock has no step of its own.
        let every_hour = rule.freq == Frequency::Hourly
            && rule.interval == 1
            && !rule.by_minute.is_empty()
            && rule.by_set_pos.is_empty();
        let unit = match rule.freq {
            Frequency::Hourly if every_hour => 60,
            Frequency::Hourly => 3600,
            Frequency::Minutely => 60,
            _ => 1,
        };
        let day = civil(start.date_time()).div_euclid(DAY);
        let days = AlignedDays::new(rule, day, MonthEnd::Skip);
        let listed = |values: &[u8]| (!values.is_empty()).then(|| bits(values, 0));
        Self {
            days,
            hours: listed(&rule.by_hour).unwrap_or((1 << 24) - 1),
            minutes: listed(&rule.by_minute),
            seconds: listed(&rule.by_second),
            positions: rule.by_set_pos.iter().map(|n| i64::from(*n)).collect(),
            unit,
            step: unit * i64::from(rule.interval),
            start: to_instant(start, zone.tz()).timestamp(),
            zone,
        }
    }

    /// The first occurrence at or after an instant that is found within `steps`, which are used
    /// up on the way.
    pub(super) fn next(&self, from: i64, steps: &mut u32) -> Option<i64> {
        if !self.has_positions() {
            return None;
        }
        let from = from.max(self.start);
        // The unit that a step lies in may reach up to one unit to either side of it.
        let mut number = ((from - self.start - self.unit).max(0)) / self.step;
        while *steps > 0 {
            *steps -= 1;
            let at = self.start + number * self.step;
            if at > LAST {
                return None;
            }
            let offset = self.zone.offset(at);
            let target = self.blocked(at, at + offset)?;
            if target == at {
                if let Some(found) = self.within(at, offset, from) {
                    return Some(found);
                }
                number += 1;
            } else {
                let ahead = target - self.start;
                number = (number + 1).max((ahead + self.step - 1) / self.step);
            }
        }
        None
    }

    /// Whether BYSETPOS, if given, names a place that a step can have.
    fn has_positions(&self) -> bool {
        let size = |listed: Option<u64>| i64::from(listed.map_or(1, u64::count_ones));
        let most = match self.unit {
            3600 => size(self.minutes) * size(self.seconds),
            60 => size(self.seconds),
            _ => 1,
        };
        self.positions.is_empty() || self.positions.iter().any(|n| n.abs() <= most)
    }

    /// `at` when its local day, hour, minute and second are allowed; otherwise an instant before
    /// which nothing is.
    fn blocked(&self, at: i64, local: i64) -> Option<i64> {
        let (day, of_day) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let next = self.days.next(day)?;
        if next != day {
            return Some(self.leap(at, local, next * DAY));
        }
        let hour = (of_day / 3600) as u32;
        if self.hours >> hour & 1 == 0 {
            let target = match bit_from(self.hours, hour + 1) {
                Some(hour) => day * DAY + i64::from(hour) * 3600,
                None => (day + 1) * DAY,
            };
            return Some(self.leap(at, local, target));
        }
        if self.unit < 3600
            && let Some(minutes) = self.minutes
        {
            let minute = (of_day / 60 % 60) as u32;
            if minutes >> minute & 1 == 0 {
                let hour = local - of_day % 3600;
                let target = bit_from(minutes, minute + 1).map_or(60, i64::from);
                return Some(self.leap(at, local, hour + target * 60));
            }
        }
        if self.unit == 1
            && let Some(seconds) = self.seconds
        {
            let second = (of_day % 60) as u32;
            if seconds >> second & 1 == 0 {
                let minute = local - of_day % 60;
                let target = bit_from(seconds, second + 1).map_or(60, i64::from);
                return Some(self.leap(at, local, minute + target));
            }
        }
        Some(at)
    }

    /// The instant at which the clock shows `target`, nothing being allowed between `local` and it;
    /// or the transition on the way, after which the clock may show again what is allowed.
    fn leap(&self, at: i64, local: i64, target: i64) -> i64 {
        /// Clocks go back by at most this much, and so show again at most this much.
        const BACK: i64 = 3 * 3600;
        let ahead = target - local;
        let offset = local - at;
        let (to, direct) = if ahead <= 2 * DAY {
            (at + ahead, at + ahead)
        } else {
            // Readings of the allowed day before come again only right after midnight. Then stop
            // short of the target by two days: from there the clock is followed.
            let again = if local.rem_euclid(DAY) < BACK {
                BACK
            } else {
                0
            };
            let short = self.zone.resolve(target - 2 * DAY).at;
            (at + again, short.max(at + 1))
        };
        if self.zone.offset(to) == offset {
            return direct;
        }
        let change = self.zone.transition(at, to);
        change.map_or(at + 1, |(change, _, _)| change)
    }

    /// The first occurrence of one step at or after `from`.
    fn within(&self, at: i64, offset: i64, from: i64) -> Option<i64> {
        let local = at + offset;
        let expands = match self.unit {
            3600 => self.minutes.is_some() || self.seconds.is_some(),
            60 => self.seconds.is_some(),
            _ => false,
        };
        if !expands {
            let kept = self.positions.is_empty() || self.positions.iter().any(|n| n.abs() == 1);
            return (kept && at >= from).then_some(at);
        }
        let of_day = local.rem_euclid(DAY);
        let base = local - of_day % self.unit;
        let times = Times {
            hours: 1,
            minutes: match self.minutes {
                _ if self.unit == 60 => 1,
                Some(minutes) => minutes,
                None => 1 << (of_day / 60 % 60),
            },
            seconds: self.seconds.unwrap_or(1 << (of_day % 60)),
        };
        // A time that the clock shows only before or after a transition has another offset.
        let exists = |time: i64| {
            let at = base + time - offset;
            (at >= from && self.zone.offset(at) == offset).then_some(at)
        };
        if self.positions.is_empty() {
            let mut time = times.next((from + offset - base).clamp(0, self.unit - 1));
            while let Some(candidate) = time {
                if let Some(found) = exists(candidate) {
                    return Some(found);
                }
                if candidate + 1 >= self.unit {
                    break;
                }
                time = times.next(candidate + 1);
            }
            return None;
        }
        let total = i64::from(times.count());
        let places = self
            .positions
            .iter()
            .map(|n| if *n > 0 { n - 1 } else { total + n });
        places
            .filter(|place| (0..total).contains(place))
            .filter_map(|place| times.nth(place as u32))
            .filter_map(exists)
            .min()
    }
}
