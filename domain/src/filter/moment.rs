//! Days and times as a filter names them, and the instants at which they begin and end.

use std::{fmt, ops, str::FromStr};

use chrono::{
    DateTime, Datelike, Months, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, Timelike, Utc,
};
use chrono_tz::Tz;

use crate::{
    recurrence::{Start, Weekday, to_instant},
    task::{instant, limits::YEARS},
};

/// A day in the zone of the filter's owner, or a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// `now`: this second.
    Now,
    /// `+4h`: the second that is so many hours of sixty minutes from now.
    Hours(i16),
    /// `+3d`, `-2w`: the day that is so far from today.
    In(i16, Unit),
    /// `monday`: the first such day after today.
    Next(Weekday),
    /// `2026-12-01`: this day.
    Day(NaiveDate),
    /// `2026-12-01T09:00`: this second of the clock in the owner's zone.
    Local(NaiveDateTime),
    /// `2026-12-01T09:00:00Z`: the second from this instant on.
    Instant(DateTime<Utc>),
}

/// What a distance from today is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Days of the calendar.
    Day,
    /// Seven days.
    Week,
    /// Months: the same day of another month, or the last one of a month that is too short.
    Month,
    /// Twelve months.
    Year,
}

impl Unit {
    const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Year];

    fn letter(self) -> char {
        match self {
            Self::Day => 'd',
            Self::Week => 'w',
            Self::Month => 'm',
            Self::Year => 'y',
        }
    }

    /// The day that is `count` of these after `today`.
    fn add(self, today: NaiveDate, count: i16) -> NaiveDate {
        let days = |days: i64| today.checked_add_signed(TimeDelta::days(days));
        let months = |months: i32| {
            let distance = Months::new(months.unsigned_abs());
            if months < 0 {
                today.checked_sub_months(distance)
            } else {
                today.checked_add_months(distance)
            }
        };
        let day = match self {
            Self::Day => days(count.into()),
            Self::Week => days(i64::from(count) * 7),
            Self::Month => months(count.into()),
            Self::Year => months(i32::from(count) * 12),
        };
        let furthest = if count < 0 {
            NaiveDate::MIN
        } else {
            NaiveDate::MAX
        };
        day.unwrap_or(furthest)
    }
}

/// An end of a range of time, as a filter says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The first instant of a moment.
    Start(Moment),
    /// The first instant after it.
    End(Moment),
}

impl Edge {
    /// The instant, for an owner in `zone` at `now`.
    pub fn resolve(self, zone: Tz, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Start(moment) => moment.span(zone, now).start,
            Self::End(moment) => moment.span(zone, now).end,
        }
    }
}

/// What stands where a moment should.
pub(super) const EXPECTED: &str =
    "a date such as `today`, `monday`, `+3d`, `2026-12-01` or `2026-12-01T09:00`";

/// The days that a filter tells apart. No due date lies outside of them, and each begins at an instant of
/// a four-digit year in every zone.
const DAYS: ops::RangeInclusive<NaiveDate> = new_year(*YEARS.start())..=new_year(*YEARS.end() + 1);

const fn new_year(year: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, 1, 1).expect("the limits are years of four digits")
}

impl Moment {
    /// `today`.
    pub const TODAY: Self = Self::In(0, Unit::Day);

    /// Words for days, with their distance from today.
    pub(super) const NAMED: [(&'static str, i16); 3] =
        [("today", 0), ("tomorrow", 1), ("yesterday", -1)];

    /// From its first instant up to the first one after it.
    fn span(self, zone: Tz, now: DateTime<Utc>) -> ops::Range<DateTime<Utc>> {
        let today = now.with_timezone(&zone).date_naive();
        let day = match self {
            Self::Now => return second(now),
            Self::Hours(hours) => {
                let at = now.checked_add_signed(TimeDelta::hours(hours.into()));
                return second(at.unwrap_or(now));
            }
            Self::Local(at) => return second(instant(at, zone)),
            Self::Instant(at) => return second(at),
            Self::In(count, unit) => unit.add(today, count),
            Self::Next(weekday) => {
                let ahead = weekday as i16 - today.weekday() as i16;
                let ahead = (ahead - 1).rem_euclid(7) + 1; // 1 to 7
                Unit::Day.add(today, ahead)
            }
            Self::Day(day) => day,
        };
        whole_day(day, zone)
    }
}

fn second(at: DateTime<Utc>) -> ops::Range<DateTime<Utc>> {
    let end = at.checked_add_signed(TimeDelta::seconds(1));
    at..end.unwrap_or(at)
}

/// A day begins at midnight, or when the clocks have skipped that, and ends where the next one begins.
fn whole_day(day: NaiveDate, zone: Tz) -> ops::Range<DateTime<Utc>> {
    let day = day.clamp(*DAYS.start(), *DAYS.end());
    let next = day.succ_opt().unwrap_or(day);
    to_instant(&Start::On(day), zone)..to_instant(&Start::On(next), zone)
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::Hours(hours) => write!(f, "{hours:+}h"),
            Self::In(count, unit) => {
                let named = Self::NAMED.iter().find(|(_, away)| away == count);
                match named {
                    Some((word, _)) if *unit == Unit::Day => f.write_str(word),
                    _ => write!(f, "{count:+}{}", unit.letter()),
                }
            }
            Self::Next(weekday) => f.write_str(&weekday.name().to_lowercase()),
            Self::Day(day) => write!(f, "{day}"),
            Self::Local(at) if at.second() == 0 => write!(f, "{}", at.format("%Y-%m-%dT%H:%M")),
            Self::Local(at) => write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%S")),
            Self::Instant(at) => f.write_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        }
    }
}

impl FromStr for Moment {
    /// What is expected.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(moment) = named(&text.to_ascii_lowercase()) {
            return Ok(moment);
        }
        if let Some(distance) = distance(text) {
            return distance;
        }
        let moment = written(text).ok_or_else(|| {
            if text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
                "a day of the calendar, as year, month and day"
            } else {
                EXPECTED
            }
        })?;
        let year = match moment {
            Self::Local(at) => at.year(),
            Self::Instant(at) => at.year(),
            Self::Day(day) => day.year(),
            _ => return Ok(moment),
        };
        if YEARS.contains(&year) {
            Ok(moment)
        } else {
            Err(format!("a year from {} to {}", YEARS.start(), YEARS.end()))
        }
    }
}

/// `now`, `today`, `mon`, `monday`.
fn named(word: &str) -> Option<Moment> {
    if word == "now" {
        return Some(Moment::Now);
    }
    let day = Moment::NAMED.iter().find(|(name, _)| *name == word);
    if let Some((_, away)) = day {
        return Some(Moment::In(*away, Unit::Day));
    }
    let weekday = Weekday::ALL.into_iter().find(|weekday| {
        let name = weekday.name().to_lowercase();
        word == name || word == &name[..3]
    });
    weekday.map(Moment::Next)
}

/// `+3d`; the plus may be left out, for it is a space in a URL where nobody escaped it.
fn distance(text: &str) -> Option<Result<Moment, String>> {
    let unit = text.chars().next_back()?.to_ascii_lowercase();
    let count = text.strip_suffix(|last: char| last.is_ascii_alphabetic())?;
    let digits = count.strip_prefix(['+', '-']).unwrap_or(count);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let Ok(count) = count.parse() else {
        return Some(Err(format!("a number up to {}", i16::MAX)));
    };
    if unit == 'h' {
        return Some(Ok(Moment::Hours(count)));
    }
    let known = Unit::ALL.into_iter().find(|known| known.letter() == unit);
    let units = "a number of hours, days, weeks, months or years: `h`, `d`, `w`, `m` or `y`";
    Some(
        known
            .map(|unit| Moment::In(count, unit))
            .ok_or(units.into()),
    )
}

/// A day or a time of the calendar. chrono takes years of any length and sign: counting the characters
/// keeps to four digits.
fn written(text: &str) -> Option<Moment> {
    let local = |format| NaiveDateTime::parse_from_str(text, format).ok();
    match text.len() {
        10 => NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()
            .map(Moment::Day),
        16 => local("%Y-%m-%dT%H:%M").map(Moment::Local),
        // A leap second is taken as the second before it.
        19 => local("%Y-%m-%dT%H:%M:%S")?
            .with_nanosecond(0)
            .map(Moment::Local),
        _ => {
            let at = DateTime::parse_from_rfc3339(text).ok()?;
            Some(Moment::Instant(at.to_utc()))
        }
    }
}
