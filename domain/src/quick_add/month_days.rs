//! Days of a month in a rule: `the 1st and 15th`, `last friday`, `first workday of the month`.

use super::{
    repeat::workdays,
    vocabulary::{digits, month, ordinal, weekday},
    words::Cursor,
};
use crate::recurrence::{Frequency, NthWeekday, Rule, Weekday};

/// A month has at most so many of a day of the week.
const MOST_OF_A_WEEKDAY: i8 = 5;

/// `on the 12th of every month`: a rule that says so at its end.
pub(super) fn of_every_month(cursor: &mut Cursor<'_>) -> Option<Rule> {
    cursor.eat(&["on"]);
    let mut ahead = *cursor;
    let rule = month_days(&mut ahead, false)?;
    let each = cursor
        .up_to(&ahead)
        .any(|text| matches!(text, "every" | "each"));
    *cursor = ahead;
    each.then_some(rule)
}

/// Reads days of each month, or of one month of each year. `on`: plain numbers are days too.
pub(super) fn month_days(cursor: &mut Cursor<'_>, on: bool) -> Option<Rule> {
    let places = places(cursor, on)?;
    let mut rule = Rule::every(Frequency::Monthly);
    if let Some(weekday) = cursor.read(weekday) {
        let fits = places.iter().all(|nth| *nth <= MOST_OF_A_WEEKDAY);
        rule.by_day = places
            .iter()
            .map(|nth| NthWeekday { nth: *nth, weekday })
            .collect();
        of_month(cursor, &mut rule);
        return fits.then_some(rule);
    }
    if workdays(cursor) {
        let plain = |weekday| NthWeekday { nth: 0, weekday };
        rule.by_day = Weekday::ALL[..5].iter().copied().map(plain).collect();
        rule.by_set_pos = places.into_iter().map(i16::from).collect();
        of_month(cursor, &mut rule);
        return Some(rule);
    }
    let last = places.contains(&-1);
    let day = cursor.eat(&["day", "days"]);
    let whole = of_month(cursor, &mut rule);
    rule.by_month_day = places;
    let certain = if day {
        // `every 3rd day` counts days.
        last || whole || on
    } else {
        !last && (whole || cursor.is_complete())
    };
    certain.then_some(rule)
}

/// `1st`, `the 1st and the 15th`, `last`: sorted, the last one as -1.
fn places(cursor: &mut Cursor<'_>, on: bool) -> Option<Vec<i8>> {
    let place = |ahead: &mut Cursor<'_>| {
        ahead.eat(&["the"]);
        ahead.read(|text| match text {
            "last" => Some(-1),
            _ => {
                let plain = digits(text).filter(|_| on);
                let day = ordinal(text)
                    .or(plain)
                    .filter(|day| (1..=31).contains(day))?;
                i8::try_from(day).ok()
            }
        })
    };
    let mut found = vec![place(cursor)?];
    while let Some(more) = cursor.attempt(|ahead| ahead.pass_separator().then(|| place(ahead))?) {
        found.push(more);
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

/// `of the month`, or `of march`, which makes the rule a yearly one.
fn of_month(cursor: &mut Cursor<'_>, rule: &mut Rule) -> bool {
    let named = cursor.attempt(|ahead| {
        if !ahead.eat(&["of", "in"]) {
            return None;
        }
        if let Some(month) = ahead.read(month) {
            return Some(Some(month));
        }
        ahead.eat(&["the", "each", "every"]);
        ahead.eat(&["month"]).then_some(None)
    });
    if let Some(Some(month)) = named {
        rule.freq = Frequency::Yearly;
        rule.by_month = vec![month as u8];
    }
    named.is_some()
}
