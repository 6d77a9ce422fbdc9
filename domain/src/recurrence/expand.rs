//! Expansion of daily and coarser rules over civil time.
//!
//! Nothing is walked from the start of the rule: [`Calendar::next`] goes to the period of the
//! time asked for and looks from there, a month at a time, until a day is found or the year 9999
//! ends. A month without an allowed day costs a few operations, so even a rule that is impossible
//! (30 February) is known to be so after less than a millisecond.

use super::{
    MonthEnd,
    calendar::{DAY, LAST_DAY, date, days, month_len},
    days::DaySet,
    rrule::{Frequency, Rule},
    times::{Times, nth_bit},
};

/// A daily or coarser rule, bound to its start.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    days: AlignedDays,
    times: Times,
    positions: Vec<i64>,
    /// No period has as many occurrences as BYSETPOS asks for.
    never: bool,
    start: i64,
}

/// The days of a rule in the periods that INTERVAL leaves.
#[derive(Debug, Clone)]
pub(super) struct AlignedDays {
    set: DaySet,
    freq: Frequency,
    interval: i64,
    week_start: i64,
    /// Day, first day of the week, month or year of the start.
    anchor: i64,
    /// Every day is allowed, in every period.
    every_day: bool,
}

/// The allowed days of one period, as month sets: the first day of each with its bits.
struct Period {
    parts: [(i64, u32); 12],
    used: usize,
    /// The first day after the period.
    end: i64,
}

fn month_number(year: i64, month: u32) -> i64 {
    year * 12 + i64::from(month) - 1
}

impl AlignedDays {
    pub(super) fn new(rule: &Rule, start_day: i64, month_end: MonthEnd) -> Self {
        let (year, month, _) = date(start_day);
        let mut days = Self {
            set: DaySet::new(rule, start_day, month_end),
            freq: rule.freq,
            interval: i64::from(rule.interval),
            week_start: i64::from(rule.week_start.index()),
            anchor: 0,
            every_day: false,
        };
        days.anchor = match rule.freq {
            Frequency::Yearly => year,
            Frequency::Monthly => month_number(year, month),
            Frequency::Weekly => days.week_of(start_day),
            _ => start_day,
        };
        if rule.freq.is_finer_than_daily() {
            // INTERVAL counts the finer unit there, any day may do.
            days.interval = 1;
        }
        days.every_day = days.interval == 1 && days.set.is_everything();
        days
    }

    /// First day of the week of a day.
    fn week_of(&self, day: i64) -> i64 {
        day - (day + 3 - self.week_start).rem_euclid(7)
    }

    /// How far the unit lies after the one before it that INTERVAL leaves.
    fn phase(&self, unit: i64, size: i64) -> i64 {
        (unit - self.anchor).rem_euclid(self.interval * size)
    }

    /// The allowed days of a month in the periods that INTERVAL leaves.
    fn month(&self, year: i64, month: u32) -> u32 {
        if self.interval == 1 {
            return self.set.month(year, month);
        }
        match self.freq {
            Frequency::Yearly if self.phase(year, 1) != 0 => 0,
            Frequency::Monthly if self.phase(month_number(year, month), 1) != 0 => 0,
            Frequency::Yearly | Frequency::Monthly => self.set.month(year, month),
            _ => {
                let mask = self.set.month(year, month);
                if mask == 0 {
                    return 0;
                }
                mask & self.aligned(days(year, month, 1), i64::from(month_len(year, month)))
            }
        }
    }

    /// The days of a month that lie in the days or weeks that INTERVAL leaves.
    fn aligned(&self, first: i64, len: i64) -> u32 {
        let mut bits = 0;
        if self.freq == Frequency::Weekly {
            let mut week = self.week_of(first);
            while week < first + len {
                if self.phase(week, 7) == 0 {
                    for day in week.max(first)..(week + 7).min(first + len) {
                        bits |= 1 << (day - first);
                    }
                }
                week += 7;
            }
        } else {
            let phase = self.phase(first, 1);
            let mut bit = if phase == 0 { 0 } else { self.interval - phase };
            while bit < len {
                bits |= 1 << bit;
                bit += self.interval;
            }
        }
        bits
    }

    /// The next month after `month` of `year` that can have a day.
    fn later_month(&self, year: i64, month: u32) -> (i64, u32) {
        let (mut year, mut month) = if month == 12 {
            (year + 1, 1)
        } else {
            (year, month + 1)
        };
        if self.interval > 1 {
            match self.freq {
                Frequency::Yearly => {
                    let phase = self.phase(year, 1);
                    if phase != 0 {
                        (year, month) = (year + self.interval - phase, 1);
                    }
                }
                Frequency::Monthly => {
                    let number = month_number(year, month);
                    let phase = self.phase(number, 1);
                    if phase != 0 {
                        let number = number + self.interval - phase;
                        year = number.div_euclid(12);
                        month = number.rem_euclid(12) as u32 + 1;
                    }
                }
                Frequency::Weekly => {
                    let week = self.week_of(days(year, month, 1));
                    let phase = self.phase(week, 7);
                    if phase != 0 {
                        let next = week + self.interval * 7 - phase;
                        if next > LAST_DAY {
                            return (10_000, 1);
                        }
                        let (y, m, _) = date(next);
                        (year, month) = (y, m);
                    }
                }
                _ => {
                    let first = days(year, month, 1);
                    let phase = self.phase(first, 1);
                    if phase != 0 {
                        let next = first + self.interval - phase;
                        if next > LAST_DAY {
                            return (10_000, 1);
                        }
                        let (y, m, _) = date(next);
                        (year, month) = (y, m);
                    }
                }
            }
        }
        (year, month)
    }

    /// The first allowed day on or after `day`.
    pub(super) fn next(&self, day: i64) -> Option<i64> {
        if day > LAST_DAY {
            return None;
        }
        if self.every_day {
            return Some(day);
        }
        let (mut year, mut month, of_month) = date(day);
        let mut mask = self.month(year, month) >> (of_month - 1) << (of_month - 1);
        // The calendar repeats itself after 4,800 months. Whatever months INTERVAL picks from it,
        // these many see each month that they ever see; days and weeks, picked by more than one,
        // are told apart by more than months.
        let repeats = self.interval == 1 || self.freq >= Frequency::Monthly;
        let mut left = if repeats { 4_801 } else { u32::MAX };
        while mask == 0 {
            left -= 1;
            if left == 0 {
                return None;
            }
            (year, month) = self.later_month(year, month);
            if year > 9999 {
                return None;
            }
            mask = self.month(year, month);
        }
        Some(days(year, month, 1) + i64::from(mask.trailing_zeros()))
    }

    /// The period of a day.
    fn period(&self, day: i64) -> Period {
        let mut period = Period {
            parts: [(0, 0); 12],
            used: 1,
            end: 0,
        };
        let (year, month, of_month) = date(day);
        match self.freq {
            Frequency::Yearly => {
                for (part, month) in period.parts.iter_mut().zip(1..) {
                    *part = (days(year, month, 1), self.month(year, month));
                }
                period.used = 12;
                period.end = days(year + 1, 1, 1);
            }
            Frequency::Monthly => {
                period.parts[0] = (days(year, month, 1), self.month(year, month));
                period.end = period.parts[0].0 + i64::from(month_len(year, month));
            }
            Frequency::Weekly => {
                let week = self.week_of(day);
                let mut bits = 0;
                for n in 0..7 {
                    let (y, m, d) = date(week + n);
                    bits |= (self.month(y, m) >> (d - 1) & 1) << n;
                }
                period.parts[0] = (week, bits);
                period.end = week + 7;
            }
            _ => {
                let bit = self.month(year, month) >> (of_month - 1) & 1;
                period.parts[0] = (day, bit);
                period.end = day + 1;
            }
        }
        period
    }

    /// No period has more allowed days than this.
    fn most_in_a_period(&self) -> i64 {
        match self.freq {
            Frequency::Yearly => 366,
            Frequency::Monthly => 31,
            Frequency::Weekly => self.set.weekdays_in_a_week(),
            _ => 1,
        }
    }

    /// After this many periods with an allowed day each, the calendar repeats itself.
    fn cycle(&self) -> u32 {
        match self.freq {
            Frequency::Yearly => 400,
            Frequency::Monthly => 4_800,
            Frequency::Weekly => 20_871,
            _ => 1,
        }
    }
}

impl Period {
    /// The `n`-th allowed day, counted from 0.
    fn nth(&self, mut n: u32) -> Option<i64> {
        for (first, bits) in &self.parts[..self.used] {
            let count = bits.count_ones();
            if n < count {
                return nth_bit(u64::from(*bits), n).map(|bit| first + i64::from(bit));
            }
            n -= count;
        }
        None
    }

    fn count(&self) -> u32 {
        let parts = &self.parts[..self.used];
        parts.iter().map(|(_, bits)| bits.count_ones()).sum()
    }
}

/// Values of a BY part as a bit set, or the value of the start where it is absent.
pub(super) fn bits(listed: &[u8], implied: i64) -> u64 {
    if listed.is_empty() {
        1 << implied
    } else {
        listed.iter().fold(0, |bits, n| bits | 1 << n)
    }
}

impl Calendar {
    /// Binds a daily or coarser rule to its start; `all_day` leaves out the times.
    pub(super) fn new(rule: &Rule, start: i64, all_day: bool, month_end: MonthEnd) -> Self {
        let of_day = start.rem_euclid(DAY);
        let times = if all_day {
            Times::at(0)
        } else {
            Times {
                hours: bits(&rule.by_hour, of_day / 3600) as u32,
                minutes: bits(&rule.by_minute, of_day / 60 % 60),
                seconds: bits(&rule.by_second, of_day % 60),
            }
        };
        let days = AlignedDays::new(rule, start.div_euclid(DAY), month_end);
        let most = days.most_in_a_period() * i64::from(times.count());
        let positions: Vec<i64> = rule.by_set_pos.iter().map(|n| i64::from(*n)).collect();
        Self {
            never: !positions.is_empty() && positions.iter().all(|n| n.abs() > most),
            days,
            times,
            positions,
            start,
        }
    }

    /// The first occurrence at or after a civil time.
    pub(super) fn next(&self, from: i64) -> Option<i64> {
        let from = from.max(self.start);
        let today = from.div_euclid(DAY);
        if !self.positions.is_empty() {
            return self.next_by_position(from, today);
        }
        let mut day = self.days.next(today)?;
        if day == today {
            if let Some(time) = self.times.next(from.rem_euclid(DAY)) {
                return Some(day * DAY + time);
            }
            day = self.days.next(today + 1)?;
        }
        Some(day * DAY + self.times.first())
    }

    fn next_by_position(&self, from: i64, today: i64) -> Option<i64> {
        if self.never {
            return None;
        }
        let mut day = self.days.next(today)?;
        // One more than the cycle: the first period may be cut by `from`.
        for _ in 0..=self.days.cycle() {
            let period = self.days.period(day);
            if let Some(found) = self.pick(&period, from) {
                return Some(found);
            }
            day = self.days.next(period.end)?;
        }
        None
    }

    fn pick(&self, period: &Period, from: i64) -> Option<i64> {
        let per_day = self.times.count();
        let total = i64::from(period.count()) * i64::from(per_day);
        let at = |position: &i64| {
            let place = if *position > 0 {
                position - 1
            } else {
                total + position
            };
            if !(0..total).contains(&place) {
                return None;
            }
            let place = place as u32;
            let day = period.nth(place / per_day)?;
            Some(day * DAY + self.times.nth(place % per_day)?)
        };
        let found = self.positions.iter().filter_map(at);
        found.filter(|at| *at >= from).min()
    }
}
