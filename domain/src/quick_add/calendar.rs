//! Days by the calendar: `2027-03-14`, `3/14`, `3/14/2027`, `mar 14`, `14th of march 2027`, `the 15th`.

use chrono::{Datelike, NaiveDate};

use super::{
    refusal::{Reading, Refusal, Refused},
    vocabulary::{day_of_month, digits, month, ordinal},
    words::Cursor,
};
use crate::task::limits;

/// Years that are looked through for a day without one: 29 February can be eight years away.
const YEARS_AHEAD: i32 = 8;

/// Months that are looked through for the 31st.
const MONTHS_AHEAD: u32 = 2;

/// Reads a day. `introduced`: a word before says that one follows, as `on` does.
pub(super) fn date(cursor: &mut Cursor<'_>, introduced: bool) -> Reading<NaiveDate> {
    if let Some((year, month, day)) = cursor.read(year_first) {
        return on(cursor, Some(year), month, day).map(Some);
    }
    if let Some(found) = month_first(cursor, introduced)? {
        return Ok(Some(found));
    }
    if let Some((month, day)) = cursor.attempt(month_and_day) {
        let year = cursor.attempt(year);
        return on(cursor, year, month, day).map(Some);
    }
    Ok(cursor.attempt(day_alone))
}

/// `2027-03-14`, `2027/3/14`.
pub(super) fn year_first(text: &str) -> Option<(i32, u32, u32)> {
    let sign = if text.contains('-') { '-' } else { '/' };
    let mut parts = text.split(sign);
    let mut number = |lengths: std::ops::RangeInclusive<usize>| {
        let part = parts.next().filter(|part| lengths.contains(&part.len()))?;
        digits(part)
    };
    let found = (number(4..=4)? as i32, number(1..=2)?, number(1..=2)?);
    parts.next().is_none().then_some(found)
}

/// `3/14`, `3/14/2027`, `3/14/27`.
fn month_first(cursor: &mut Cursor<'_>, introduced: bool) -> Reading<NaiveDate> {
    let mut ahead = *cursor;
    let Some((month, day, year)) = ahead.read(slashes) else {
        return Ok(None);
    };
    let introduced = introduced || year.is_some();
    if (1..=12).contains(&month) && (1..=31).contains(&day) {
        // Otherwise it is a fraction: `1/2 cup of sugar`.
        if !(introduced || cursor.is_first() || ahead.is_complete()) {
            return Ok(None);
        }
        *cursor = ahead;
        return on(cursor, year, month, day).map(Some);
    }
    if introduced && (13..=31).contains(&month) && (1..=12).contains(&day) {
        let swapped = match year {
            Some(year) => format!("{day}/{month}/{year}"),
            None => format!("{day}/{month}"),
        };
        return Err(ahead.refuse(Refusal::DayBeforeMonth(swapped)));
    }
    Ok(None)
}

/// Two or three numbers with slashes between; the year has two digits or four.
pub(super) fn slashes(text: &str) -> Option<(u32, u32, Option<i32>)> {
    let mut parts = text.split('/');
    let mut short = || parts.next().filter(|part| part.len() <= 2).and_then(digits);
    let (month, day) = (short()?, short()?);
    let year = match parts.next() {
        None => None,
        Some(part) if part.len() == 2 => Some(2000 + digits(part)? as i32),
        Some(part) if part.len() == 4 => Some(digits(part)? as i32),
        Some(_) => return None,
    };
    parts.next().is_none().then_some((month, day, year))
}

/// `march 14`, `14th of march`: the month and the day.
pub(super) fn month_and_day(cursor: &mut Cursor<'_>) -> Option<(u32, u32)> {
    if let Some(month) = cursor.read(month) {
        cursor.eat(&["the"]);
        return Some((month, cursor.read(day_of_month)?));
    }
    cursor.eat(&["the"]);
    let day = cursor.read(day_of_month)?;
    cursor.eat(&["of"]);
    Some((cursor.read(month)?, day))
}

/// A year behind a day, also behind a comma.
fn year(cursor: &mut Cursor<'_>) -> Option<i32> {
    cursor.pass_comma();
    let year = cursor.read(|text| digits(text).filter(|_| text.len() == 4))? as i32;
    limits::YEARS.contains(&year).then_some(year)
}

/// `the 15th`: the next one.
fn day_alone(cursor: &mut Cursor<'_>) -> Option<NaiveDate> {
    if !cursor.eat(&["the"]) {
        return None;
    }
    let day = cursor
        .read(|text| ordinal(text).filter(|_| text.starts_with(|c: char| c.is_ascii_digit())))?;
    cursor.eat_all(&["of", "the", "month"]);
    // `the 2nd floor` is no day.
    if !cursor.is_complete() {
        return None;
    }
    let today = cursor.today();
    let first = today.with_day(1)?;
    (0..=MONTHS_AHEAD)
        .filter_map(|ahead| {
            first
                .checked_add_months(chrono::Months::new(ahead))?
                .with_day(day)
        })
        .find(|date| *date >= today)
}

/// A day of a year; without one the next such day, which may be today.
fn on(cursor: &Cursor<'_>, year: Option<i32>, month: u32, day: u32) -> Result<NaiveDate, Refused> {
    let today = cursor.today();
    let date = match year {
        Some(year) => NaiveDate::from_ymd_opt(year, month, day),
        None => (today.year()..=today.year() + YEARS_AHEAD)
            .filter_map(|year| NaiveDate::from_ymd_opt(year, month, day))
            .find(|date| *date >= today),
    };
    if date.is_none() {
        return Err(cursor.refuse(Refusal::NoSuchDay(no_such(year, month, day))));
    }
    cursor.in_years(date)
}

/// A day that does not exist, in words.
fn no_such(year: Option<i32>, month: u32, day: u32) -> String {
    let first = NaiveDate::from_ymd_opt(2000, month, 1);
    let month = first.map_or(format!("month {month}"), |first| {
        first.format("%B").to_string()
    });
    let year = year.map_or(String::new(), |year| format!(" {year}"));
    format!("{day} {month}{year}")
}
