//! The days that a rule allows, one month at a time as a bit set: bit 0 is the first.

use super::{
    MonthEnd,
    calendar::{date, days, is_leap, month_len, weekday, year_len},
    rrule::{Frequency, Rule},
};

/// Bits 0, 7, 14, 21 and 28: one weekday of a month that begins with it.
const EVERY_SEVENTH: u32 = 0x1020_4081;

/// What the BY parts say about days, without FREQ and INTERVAL.
#[derive(Debug, Clone)]
pub(super) struct DaySet {
    /// Bit m: month m.
    months: u16,
    /// Bit n-1: the n-th of the month, and the n-th from its end; `None`: any.
    month_days: Option<(u32, u32)>,
    /// Bit n-1 of a common and of a leap year; `None`: any.
    year_days: Option<Box<[[u64; 6]; 2]>>,
    /// Bit n: week n of the year, and the n-th from its end; `None`: any.
    weeks: Option<(u64, u64)>,
    /// Weekdays of which every one counts, Monday bit 0; `None`: any.
    weekdays: Option<u8>,
    /// Those days in a month that begins on a Monday, a Tuesday, and so on.
    every: [u32; 7],
    /// Weekdays with a number, Monday 0.
    nth: Vec<(i64, u32)>,
    /// `nth` counts within the year, not the month.
    nth_in_year: bool,
    week_start: u32,
    month_end: MonthEnd,
}

/// The days of a month that begins on `begins` and lie on one of the weekdays.
fn every(weekdays: u8, begins: u32) -> u32 {
    let days = (0..7).filter(|day| weekdays >> day & 1 == 1);
    days.fold(0, |bits, day| {
        bits | EVERY_SEVENTH << ((day + 7 - begins) % 7)
    })
}

fn bits32(values: impl Iterator<Item = i8>) -> u32 {
    values.fold(0, |bits, n| bits | 1 << (n - 1))
}

impl DaySet {
    /// The days of a rule whose start lies on `start`: what the rule leaves open comes from there.
    pub(super) fn new(rule: &Rule, start: i64, month_end: MonthEnd) -> Self {
        let (_, start_month, start_day) = date(start);
        let (yearly, monthly) = (
            rule.freq == Frequency::Yearly,
            rule.freq == Frequency::Monthly,
        );
        let implied = !rule.names_days();
        let mut months = rule.by_month.iter().fold(0u16, |bits, m| bits | 1 << m);
        if months == 0 {
            months = if yearly && implied {
                1 << start_month
            } else {
                0x1ffe
            };
        }
        let listed = &rule.by_month_day;
        let month_days = if (yearly || monthly) && implied {
            Some((1 << (start_day - 1), 0))
        } else if listed.is_empty() {
            None
        } else {
            Some((
                bits32(listed.iter().copied().filter(|n| *n > 0)),
                bits32(listed.iter().filter(|n| **n < 0).map(|n| -n)),
            ))
        };
        let weeks = (!rule.by_week_no.is_empty()).then(|| {
            rule.by_week_no.iter().fold((0, 0), |(from, to), n| {
                if *n > 0 {
                    (from | 1u64 << n, to)
                } else {
                    (from, to | 1u64 << -n)
                }
            })
        });
        // A week number alone leaves the weekday open, as does FREQ=WEEKLY.
        let only_weeks = weeks.is_some()
            && rule.by_day.is_empty()
            && rule.by_month_day.is_empty()
            && rule.by_year_day.is_empty();
        let weekdays = if only_weeks || rule.freq == Frequency::Weekly && implied {
            Some(1 << weekday(start))
        } else if rule.by_day.is_empty() {
            None
        } else {
            let plain = rule.by_day.iter().filter(|day| day.nth == 0);
            Some(plain.fold(0, |bits, day| bits | 1 << day.weekday.index()))
        };
        let numbered = rule.by_day.iter().filter(|day| day.nth != 0);
        Self {
            months,
            month_days,
            year_days: year_days(&rule.by_year_day),
            weeks,
            every: std::array::from_fn(|begins| every(weekdays.unwrap_or(0), begins as u32)),
            weekdays,
            nth: numbered
                .map(|day| (i64::from(day.nth), day.weekday.index()))
                .collect(),
            nth_in_year: yearly && rule.by_month.is_empty(),
            week_start: rule.week_start.index(),
            month_end: if yearly || monthly {
                month_end
            } else {
                MonthEnd::Skip
            },
        }
    }

    /// Whether every day is allowed.
    pub(super) fn is_everything(&self) -> bool {
        self.months == 0x1ffe
            && self.month_days.is_none()
            && self.year_days.is_none()
            && self.weeks.is_none()
            && self.weekdays.is_none()
    }

    /// How many days of a week can be allowed.
    pub(super) fn weekdays_in_a_week(&self) -> i64 {
        self.weekdays.map_or(7, |days| i64::from(days.count_ones()))
    }

    /// Whether a month can have a day at all.
    pub(super) fn has_month(&self, month: u32) -> bool {
        self.months >> month & 1 == 1
    }

    /// The allowed days of a month.
    pub(super) fn month(&self, year: i64, month: u32) -> u32 {
        if !self.has_month(month) {
            return 0;
        }
        let len = month_len(year, month);
        let all = u32::MAX >> (32 - len);
        let mut mask = all;
        if let Some((from_start, from_end)) = self.month_days {
            let mut set = from_start & all;
            if self.month_end == MonthEnd::LastDay && from_start & !all != 0 {
                set |= 1 << (len - 1);
            }
            mask &= set | from_end.reverse_bits() >> (32 - len);
        }
        if mask == 0 || self.year_days.is_none() && self.weeks.is_none() && self.weekdays.is_none()
        {
            return mask;
        }
        let first = days(year, month, 1);
        if let Some(year_days) = &self.year_days {
            let bits = &year_days[usize::from(is_leap(year))];
            let at = (first - days(year, 1, 1)) as u32;
            let (word, shift) = ((at / 64) as usize, at % 64);
            let mut window = bits[word] >> shift;
            if shift > 32 && word < 5 {
                window |= bits[word + 1] << (64 - shift);
            }
            mask &= window as u32;
        }
        if mask != 0
            && let Some(weeks) = self.weeks
        {
            mask &= self.week_bits(weeks, year, first, len);
        }
        if mask != 0 && self.weekdays.is_some() {
            mask &= self.weekday_bits(year, first, len);
        }
        mask
    }

    fn weekday_bits(&self, year: i64, first: i64, len: u32) -> u32 {
        let mut set = self.every[weekday(first) as usize];
        for (n, day) in &self.nth {
            // Within the month, or within the year seen from this month.
            let (origin, span) = if self.nth_in_year {
                (days(year, 1, 1), year_len(year))
            } else {
                (first, len)
            };
            let shift = i64::from((day + 7 - weekday(origin)) % 7);
            let place = if *n > 0 {
                shift + 7 * (n - 1)
            } else {
                let last = shift + 7 * ((i64::from(span) - 1 - shift) / 7);
                last + 7 * (n + 1)
            };
            let bit = place + origin - first;
            if (0..i64::from(span)).contains(&place) && (0..i64::from(len)).contains(&bit) {
                set |= 1 << bit;
            }
        }
        set
    }

    fn week_bits(
        &self,
        (from_start, from_end): (u64, u64),
        year: i64,
        first: i64,
        len: u32,
    ) -> u32 {
        // Most months are nowhere near the weeks asked for. The ends of the year are left to the
        // exact search: their weeks may belong to another year.
        let place = first - days(year, 1, 1);
        if (31..334).contains(&place) {
            let (low, high) = (place / 7, (place + 31) / 7 + 2);
            let range = |low: i64, high: i64| (2u64 << high) - (1u64 << low);
            let near = from_start & range(low, high) != 0
                || from_end & range((53 - high).max(0), 54 - low) != 0;
            if !near {
                return 0;
            }
        }
        // A week belongs to the year that has at least four of its days: to `of`, from its week 1
        // to that of the next.
        let mut week = first - i64::from((weekday(first) + 7 - self.week_start) % 7);
        let mut of = year;
        let mut ones = [self.week_one(of), self.week_one(of + 1)];
        if week < ones[0] {
            of -= 1;
            ones = [self.week_one(of), ones[0]];
        }
        let mut set = 0u64;
        while week < first + i64::from(len) {
            if week >= ones[1] {
                of += 1;
                ones = [ones[1], self.week_one(of + 1)];
            }
            let number = (week - ones[0]) / 7 + 1;
            let total = (ones[1] - ones[0]) / 7;
            if from_start >> number & 1 == 1 || from_end >> (total + 1 - number) & 1 == 1 {
                // Seven days, of which some may lie before the month: bit 7 is its first here.
                set |= 0x7f << (week - first + 7);
            }
            week += 7;
        }
        (set >> 7) as u32
    }

    /// First day of week 1: of the week that holds 4 January.
    fn week_one(&self, year: i64) -> i64 {
        let fourth = days(year, 1, 4);
        fourth - i64::from((weekday(fourth) + 7 - self.week_start) % 7)
    }
}

fn year_days(listed: &[i16]) -> Option<Box<[[u64; 6]; 2]>> {
    if listed.is_empty() {
        return None;
    }
    let mut sets = Box::new([[0u64; 6]; 2]);
    for (set, len) in sets.iter_mut().zip([365i16, 366]) {
        for n in listed {
            let place = if *n > 0 { n - 1 } else { len + n };
            if (0..len).contains(&place) {
                set[place as usize / 64] |= 1 << (place % 64);
            }
        }
    }
    Some(sets)
}
