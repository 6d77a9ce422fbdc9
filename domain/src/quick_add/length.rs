//! Lengths of time: `20 minutes`, `a week`, `1h30m`, `2 hours and 30 minutes`.

use chrono::{DateTime, Duration, Months, NaiveDate};
use chrono_tz::Tz;

use super::{
    vocabulary::{Unit, count, digits, short_unit, unit},
    words::Cursor,
};
use crate::recurrence::{Start, to_instant};

/// Most terms of a length: `1 day 2 hours 30 minutes`.
const TERMS: usize = 3;

/// A length of time, by calendar and by clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Length {
    months: u32,
    days: u32,
    minutes: u32,
}

impl Length {
    /// So many of a unit.
    pub(super) fn of(number: u32, unit: Unit) -> Self {
        let mut length = Self::default();
        match unit {
            Unit::Minute => length.minutes = number,
            Unit::Hour => length.minutes = number * 60,
            Unit::Day => length.days = number,
            Unit::Week => length.days = number * 7,
            Unit::Month => length.months = number,
            Unit::Year => length.months = number * 12,
        }
        length
    }

    fn plus(self, more: Self) -> Self {
        Self {
            months: self.months + more.months,
            days: self.days + more.days,
            minutes: self.minutes + more.minutes,
        }
    }

    /// Whether it is finer than days.
    pub(super) fn has_time(self) -> bool {
        self.minutes > 0
    }

    /// Whole days, if it is nothing but days.
    pub(super) fn whole_days(self) -> Option<u32> {
        (self.months == 0 && self.minutes == 0).then_some(self.days)
    }

    /// In seconds, a month counted as 30 days and a year as 365.
    pub(super) fn seconds(self) -> i64 {
        let (years, months) = (self.months / 12, self.months % 12);
        let days = years * 365 + months * 30 + self.days;
        i64::from(days) * 86_400 + i64::from(self.minutes) * 60
    }

    /// The day that lies this long after another.
    pub(super) fn after_day(self, day: NaiveDate) -> Option<NaiveDate> {
        day.checked_add_months(Months::new(self.months))?
            .checked_add_signed(Duration::days(self.days.into()))
    }

    /// The instant that lies this long after another: days by the calendar, hours as they pass.
    pub(super) fn after(self, now: DateTime<Tz>) -> Option<DateTime<Tz>> {
        let mut from = now;
        if self.months + self.days > 0 {
            let local = self.after_day(now.date_naive())?.and_time(now.time());
            from = to_instant(&Start::At(local), now.timezone()).with_timezone(&now.timezone());
        }
        from.checked_add_signed(Duration::minutes(self.minutes.into()))
    }
}

/// Reads a length.
pub(super) fn length(cursor: &mut Cursor<'_>) -> Option<Length> {
    if cursor.eat_all(&["half", "an", "hour"]) {
        return Some(Length::of(30, Unit::Minute));
    }
    let (mut whole, mut finest) = term(cursor)?;
    for _ in 1..TERMS {
        let more = cursor.attempt(|ahead| {
            ahead.eat(&["and"]);
            term(ahead).filter(|(_, unit)| *unit < finest)
        });
        let Some((more, unit)) = more else { break };
        (whole, finest) = (whole.plus(more), unit);
    }
    Some(whole)
}

/// One number with its unit, or several in one word; with the finest unit.
fn term(cursor: &mut Cursor<'_>) -> Option<(Length, Unit)> {
    if let Some(found) = cursor.read(compact) {
        return Some(found);
    }
    cursor.attempt(|ahead| {
        let number = ahead.read(|text| match text {
            "a" | "an" => Some(1),
            _ => count(text),
        })?;
        let unit = ahead.read(unit)?;
        Some((Length::of(number, unit), unit))
    })
}

/// A length in one word: `30m`, `2h`, `1h30m`, `90min`.
pub(super) fn compact(text: &str) -> Option<(Length, Unit)> {
    let mut rest = text;
    let mut found: Option<(Length, Unit)> = None;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit())?;
        let number = digits(&rest[..number_end]).filter(|n| *n > 0)?;
        rest = &rest[number_end..];
        let unit_end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit = short_unit(&rest[..unit_end])?;
        rest = &rest[unit_end..];
        let more = Length::of(number, unit);
        found = Some(match found {
            None => (more, unit),
            Some((whole, finest)) if unit < finest => (whole.plus(more), unit),
            Some(_) => return None,
        });
    }
    found
}
