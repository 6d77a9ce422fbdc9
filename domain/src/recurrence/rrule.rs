//! The rule itself: what RRULE, cron and presets are all lowered into, and its text form.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::preset::Weekday;

/// FREQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frequency {
    /// Each second.
    Secondly,
    /// Each minute.
    Minutely,
    /// Each hour.
    Hourly,
    /// Each day.
    Daily,
    /// Each week.
    Weekly,
    /// Each month.
    Monthly,
    /// Each year.
    Yearly,
}

impl Frequency {
    /// Every frequency, finest first.
    pub const ALL: [Self; 7] = [
        Self::Secondly,
        Self::Minutely,
        Self::Hourly,
        Self::Daily,
        Self::Weekly,
        Self::Monthly,
        Self::Yearly,
    ];

    /// The value of FREQ.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secondly => "SECONDLY",
            Self::Minutely => "MINUTELY",
            Self::Hourly => "HOURLY",
            Self::Daily => "DAILY",
            Self::Weekly => "WEEKLY",
            Self::Monthly => "MONTHLY",
            Self::Yearly => "YEARLY",
        }
    }

    /// Runs in absolute time, not by the calendar.
    pub fn is_finer_than_daily(self) -> bool {
        self < Self::Daily
    }
}

/// An element of BYDAY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NthWeekday {
    /// Which one within the month or year, negative from its end; 0: every one.
    pub nth: i8,
    /// The day of the week.
    pub weekday: Weekday,
}

/// UNTIL, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Until {
    /// A local day, to its end.
    Date(NaiveDate),
    /// A local time.
    Local(NaiveDateTime),
    /// An instant.
    Utc(DateTime<Utc>),
}

/// A recurrence rule (RFC 5545 §3.3.10). Lists are sorted and without duplicates.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    /// FREQ.
    pub freq: Frequency,
    /// INTERVAL, at least 1.
    pub interval: u32,
    /// COUNT, at least 1.
    pub count: Option<u32>,
    /// UNTIL.
    pub until: Option<Until>,
    /// WKST.
    pub week_start: Weekday,
    /// BYSECOND, 0 to 59 (60 is taken as 59, RFC 5545 §3.3.12).
    pub by_second: Vec<u8>,
    /// BYMINUTE.
    pub by_minute: Vec<u8>,
    /// BYHOUR.
    pub by_hour: Vec<u8>,
    /// BYDAY.
    pub by_day: Vec<NthWeekday>,
    /// BYMONTHDAY.
    pub by_month_day: Vec<i8>,
    /// BYYEARDAY.
    pub by_year_day: Vec<i16>,
    /// BYWEEKNO.
    pub by_week_no: Vec<i8>,
    /// BYMONTH.
    pub by_month: Vec<u8>,
    /// BYSETPOS.
    pub by_set_pos: Vec<i16>,
}

impl Rule {
    /// A rule with nothing but its frequency.
    pub fn every(freq: Frequency) -> Self {
        Self {
            freq,
            interval: 1,
            count: None,
            until: None,
            week_start: Weekday::MO,
            by_second: Vec::new(),
            by_minute: Vec::new(),
            by_hour: Vec::new(),
            by_day: Vec::new(),
            by_month_day: Vec::new(),
            by_year_day: Vec::new(),
            by_week_no: Vec::new(),
            by_month: Vec::new(),
            by_set_pos: Vec::new(),
        }
    }

    /// Whether something says which days; otherwise the day comes from the start.
    pub(super) fn names_days(&self) -> bool {
        !(self.by_day.is_empty()
            && self.by_month_day.is_empty()
            && self.by_year_day.is_empty()
            && self.by_week_no.is_empty())
    }
}

impl fmt::Display for NthWeekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nth != 0 {
            write!(f, "{}", self.nth)?;
        }
        f.write_str(self.weekday.as_str())
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(date) => write!(f, "{}", date.format("%Y%m%d")),
            Self::Local(at) => write!(f, "{}", at.format("%Y%m%dT%H%M%S")),
            Self::Utc(at) => write!(f, "{}", at.format("%Y%m%dT%H%M%SZ")),
        }
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, name: &str, values: &[T]) -> fmt::Result {
    for (i, value) in values.iter().enumerate() {
        if i == 0 {
            write!(f, ";{name}={value}")?;
        } else {
            write!(f, ",{value}")?;
        }
    }
    Ok(())
}

/// The text form of RFC 5545, parts in a fixed order, those at their default left out.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FREQ={}", self.freq.as_str())?;
        if self.interval != 1 {
            write!(f, ";INTERVAL={}", self.interval)?;
        }
        if let Some(count) = self.count {
            write!(f, ";COUNT={count}")?;
        }
        if let Some(until) = self.until {
            write!(f, ";UNTIL={until}")?;
        }
        if self.week_start != Weekday::MO {
            write!(f, ";WKST={}", self.week_start.as_str())?;
        }
        list(f, "BYMONTH", &self.by_month)?;
        list(f, "BYWEEKNO", &self.by_week_no)?;
        list(f, "BYYEARDAY", &self.by_year_day)?;
        list(f, "BYMONTHDAY", &self.by_month_day)?;
        list(f, "BYDAY", &self.by_day)?;
        list(f, "BYHOUR", &self.by_hour)?;
        list(f, "BYMINUTE", &self.by_minute)?;
        list(f, "BYSECOND", &self.by_second)?;
        list(f, "BYSETPOS", &self.by_set_pos)
    }
}
