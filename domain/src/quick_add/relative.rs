//! Days counted from today: `tomorrow`, `next monday`, `this weekend`, `end of month`.

use chrono::{Datelike, Days, Months, NaiveDate};

use super::{
    day::common_word,
    vocabulary::{Unit, unit, weekday},
    words::Cursor,
};
use crate::recurrence::Weekday;

/// A day counted from today; the inner value is none where the calendar ends.
pub(super) fn relative(cursor: &mut Cursor<'_>, introduced: bool) -> Option<Option<NaiveDate>> {
    let today = cursor.today();
    let ahead = |days| today.checked_add_days(Days::new(days));
    if cursor.eat(&["today", "tod", "eod"]) {
        return Some(Some(today));
    }
    if cursor.eat(&["tomorrow", "tmrw", "tmr"]) {
        return Some(ahead(1));
    }
    if cursor.peek() == Some("tom") {
        return common_word(cursor, introduced).then(|| ahead(1));
    }
    if cursor.eat_all(&["day", "after", "tomorrow"])
        || cursor.eat_all(&["the", "day", "after", "tomorrow"])
    {
        return Some(ahead(2));
    }
    if cursor.eat_all(&["at", "the", "weekend"])
        || introduced && cursor.eat_all(&["the", "weekend"])
        || cursor.eat_all(&["this", "weekend"])
    {
        return Some(weekend(today));
    }
    if cursor.eat_all(&["next", "weekend"]) {
        return Some(upcoming(begin(today, Unit::Week, 1)?, Weekday::SA));
    }
    if let Some(unit) = cursor.attempt(end_of) {
        return Some(unit);
    }
    cursor.attempt(next_begin)
}

/// `end of month`, `end of next week`, `eom`.
fn end_of(cursor: &mut Cursor<'_>) -> Option<Option<NaiveDate>> {
    let today = cursor.today();
    let short = cursor.read(|text| match text {
        "eow" => Some(Unit::Week),
        "eom" => Some(Unit::Month),
        "eoy" => Some(Unit::Year),
        _ => None,
    });
    if let Some(unit) = short {
        return Some(end(today, unit));
    }
    cursor.eat(&["at"]);
    cursor.eat(&["the"]);
    if !cursor.eat_all(&["end", "of"]) && !cursor.eat_all(&["last", "day", "of"]) {
        return None;
    }
    let next = cursor.eat(&["next"]);
    if !next {
        cursor.eat(&["the", "this"]);
    }
    let unit = cursor.read(unit).filter(|unit| *unit >= Unit::Day)?;
    if next {
        return Some(begin(today, unit, 1).and_then(|day| end(day, unit)));
    }
    Some(end(today, unit))
}

/// `next monday`, `next week`, `beginning of next month`.
fn next_begin(cursor: &mut Cursor<'_>) -> Option<Option<NaiveDate>> {
    let today = cursor.today();
    cursor.eat(&["at"]);
    cursor.eat(&["the"]);
    let begins = cursor.eat_all(&["beginning", "of"]) || cursor.eat_all(&["start", "of"]);
    if !cursor.eat(&["next"]) {
        return None;
    }
    if !begins && let Some(day) = cursor.read(weekday) {
        return Some(begin(today, Unit::Week, 1).and_then(|monday| upcoming(monday, day)));
    }
    let unit = cursor.read(unit).filter(|unit| *unit >= Unit::Week)?;
    Some(begin(today, unit, 1))
}

/// The first day of the week, month or year that lies so many ahead.
fn begin(day: NaiveDate, unit: Unit, ahead: u32) -> Option<NaiveDate> {
    match unit {
        Unit::Minute | Unit::Hour | Unit::Day => day.checked_add_days(Days::new(ahead.into())),
        Unit::Week => day
            .checked_sub_days(Days::new(day.weekday().num_days_from_monday().into()))?
            .checked_add_days(Days::new(u64::from(ahead) * 7)),
        Unit::Month => day.with_day(1)?.checked_add_months(Months::new(ahead)),
        Unit::Year => day
            .with_ordinal(1)?
            .checked_add_months(Months::new(ahead * 12)),
    }
}

/// The last day of the week, month or year; that of a week is its next Friday.
fn end(day: NaiveDate, unit: Unit) -> Option<NaiveDate> {
    match unit {
        Unit::Minute | Unit::Hour | Unit::Day => Some(day),
        Unit::Week => upcoming(day, Weekday::FR),
        Unit::Month | Unit::Year => begin(day, unit, 1)?.pred_opt(),
    }
}

/// The Saturday of a weekend that has not ended; today on a Sunday.
fn weekend(today: NaiveDate) -> Option<NaiveDate> {
    if today.weekday() == chrono::Weekday::Sun {
        return Some(today);
    }
    upcoming(today, Weekday::SA)
}

/// The first such day of the week, from a day on.
pub(super) fn upcoming(from: NaiveDate, weekday: Weekday) -> Option<NaiveDate> {
    let days = (weekday as u32 + 7 - from.weekday().num_days_from_monday()) % 7;
    from.checked_add_days(Days::new(days.into()))
}
