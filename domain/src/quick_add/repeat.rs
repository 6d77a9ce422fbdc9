//! Rules: `every day`, `every 2 weeks on mon and thu`, `every last friday`, `daily`, `on mondays`.

use chrono::NaiveDate;

use super::{
    calendar::month_and_day,
    day::{common_word, says_when},
    month_days::{month_days, of_every_month},
    range::ends,
    vocabulary::{
        DayPart, Unit, count, day_part, is_common_word, is_plural, month, ordinal, takes_a_noun,
        unit, weekday,
    },
    words::Cursor,
};
use crate::recurrence::{Basis, Frequency, NthWeekday, Rule, Weekday};

/// A year that has every day that some year has.
const LEAP_YEAR: i32 = 2000;

/// A rule as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Repeat {
    pub(super) rule: Rule,
    pub(super) basis: Basis,
    /// As in `every morning`.
    pub(super) part: Option<DayPart>,
}

/// Reads a rule.
pub(super) fn repeat(cursor: &mut Cursor<'_>) -> Option<Repeat> {
    let plain = |rule| Repeat {
        rule,
        basis: Basis::DueDate,
        part: None,
    };
    let unannounced = cursor
        .attempt(adverb)
        .or_else(|| cursor.attempt(plural))
        .or_else(|| cursor.attempt(of_every_month));
    if let Some(rule) = unannounced {
        return Some(plain(rule));
    }
    let basis = if cursor.eat(&["every!"]) {
        Basis::Completion
    } else if cursor.eat(&["every", "each", "ev"]) {
        Basis::DueDate
    } else {
        return None;
    };
    if let Some(part) = cursor.read(day_part) {
        return Some(Repeat {
            basis,
            part: Some(part),
            ..plain(Rule::every(Frequency::Daily))
        });
    }
    let rule = cursor
        .attempt(day_of_year)
        .or_else(|| cursor.attempt(|ahead| month_days(ahead, false)))
        .or_else(|| cursor.attempt(period))
        .or_else(|| cursor.attempt(days_of_week))
        .or_else(|| cursor.attempt(month_alone))?;
    let rule = cursor.attempt(|ahead| except(ahead, &rule)).unwrap_or(rule);
    Some(Repeat {
        basis,
        ..plain(rule)
    })
}

/// `daily`, `monthly on the 15th`; not `weekly report`.
fn adverb(cursor: &mut Cursor<'_>) -> Option<Rule> {
    let named = cursor.before().is_some_and(takes_a_noun);
    let (unit, interval) = cursor.read(|text| {
        Some(match text {
            "hourly" => (Unit::Hour, 1),
            "daily" | "everyday" => (Unit::Day, 1),
            "weekly" => (Unit::Week, 1),
            "biweekly" | "fortnightly" => (Unit::Week, 2),
            "monthly" => (Unit::Month, 1),
            "quarterly" => (Unit::Month, 3),
            "yearly" | "annually" => (Unit::Year, 1),
            _ => return None,
        })
    })?;
    let listed = cursor.attempt(|ahead| ahead.eat(&["and", "or", "the"]).then_some(()));
    let complete = cursor.is_complete() && listed.is_none() && !named;
    complete.then(|| in_period(cursor, unit, interval))
}

/// `mondays`, `on mondays and thursdays`, `on weekdays`.
fn plural(cursor: &mut Cursor<'_>) -> Option<Rule> {
    let on = cursor.eat(&["on"]);
    let text = cursor.peek()?;
    if !(is_plural(text) || on && matches!(text, "weekdays" | "weekends")) {
        return None;
    }
    days_of_week(cursor).filter(|_| on || cursor.is_end() || says_when(*cursor))
}

/// `march 3`, `3rd of march`: once a year.
fn day_of_year(cursor: &mut Cursor<'_>) -> Option<Rule> {
    let (month, day) = month_and_day(cursor)?;
    NaiveDate::from_ymd_opt(LEAP_YEAR, month, day)?;
    let mut rule = Rule::every(Frequency::Yearly);
    rule.by_month = vec![month as u8];
    rule.by_month_day = vec![day as i8];
    Some(rule)
}

/// `january`: once a year, on its first day.
fn month_alone(cursor: &mut Cursor<'_>) -> Option<Rule> {
    let month = cursor.read(month).filter(|_| cursor.is_complete())?;
    let mut rule = Rule::every(Frequency::Yearly);
    rule.by_month = vec![month as u8];
    rule.by_month_day = vec![1];
    Some(rule)
}

/// `day`, `2 weeks`, `other month`, `3rd day`, `quarter`, with the days of it.
fn period(cursor: &mut Cursor<'_>) -> Option<Rule> {
    let interval = interval(cursor)
        .or_else(|| cursor.read(ordinal))
        .unwrap_or(1);
    let (unit, factor) = cursor.read(|text| match text {
        "quarter" | "quarters" => Some((Unit::Month, 3)),
        "fortnight" => Some((Unit::Week, 2)),
        _ => unit(text).map(|unit| (unit, 1)),
    })?;
    Some(in_period(cursor, unit, interval * factor))
}

/// `other`, `3`, `three`.
fn interval(cursor: &mut Cursor<'_>) -> Option<u32> {
    cursor.read(|text| match text {
        "other" => Some(2),
        _ => count(text),
    })
}

/// The rule of a period, with the days that are named behind it: `on mon and thu`, `on the 1st`.
fn in_period(cursor: &mut Cursor<'_>, unit: Unit, interval: u32) -> Rule {
    let freq = match unit {
        Unit::Minute => Frequency::Minutely,
        Unit::Hour => Frequency::Hourly,
        Unit::Day => Frequency::Daily,
        Unit::Week => Frequency::Weekly,
        Unit::Month => Frequency::Monthly,
        Unit::Year => Frequency::Yearly,
    };
    let days = cursor.attempt(|ahead| {
        let on = ahead.eat(&["on", "in"]);
        match unit {
            Unit::Minute | Unit::Hour | Unit::Day => {
                let week = days_of_week(ahead).filter(|rule| on && rule.interval == 1)?;
                Some(Rule { freq, ..week })
            }
            Unit::Week => days_of_week(ahead).filter(|rule| rule.freq == freq),
            Unit::Month => month_days(ahead, on).filter(|rule| rule.freq == freq),
            Unit::Year => ahead
                .attempt(day_of_year)
                .or_else(|| ahead.attempt(|ahead| month_days(ahead, on)))
                .or_else(|| ahead.attempt(month_alone).filter(|_| on))
                .filter(|rule| rule.freq == freq),
        }
    });
    Rule {
        interval,
        ..days.unwrap_or_else(|| Rule::every(freq))
    }
}

/// `mon, wed and fri`, `mon-fri`, `weekday`, `other tuesday`.
fn days_of_week(cursor: &mut Cursor<'_>) -> Option<Rule> {
    let interval = interval(cursor).unwrap_or(1);
    let days = cursor
        .attempt(|ahead| workdays(ahead).then(|| Weekday::ALL[..5].to_vec()))
        .or_else(|| weekend(cursor))
        .or_else(|| weekdays(cursor))?;
    let mut rule = Rule::every(Frequency::Weekly);
    rule.interval = interval;
    rule.by_day = days.into_iter().map(each).collect();
    rule.by_day.sort_unstable();
    rule.by_day.dedup();
    Some(rule)
}

/// The rule without some of its days: `every day except sunday`.
fn except(cursor: &mut Cursor<'_>, rule: &Rule) -> Option<Rule> {
    if !cursor.eat(&["except"]) {
        return None;
    }
    cursor.eat(&["on"]);
    let left_out = if cursor.eat(&["weekend", "weekends"]) {
        vec![Weekday::SA, Weekday::SU]
    } else {
        weekdays(cursor)?
    };
    let all: Vec<NthWeekday> = match rule.freq {
        Frequency::Daily => Weekday::ALL.into_iter().map(each).collect(),
        Frequency::Weekly => rule.by_day.clone(),
        _ => return None,
    };
    let rest = all
        .into_iter()
        .filter(|day| !left_out.contains(&day.weekday));
    let by_day: Vec<NthWeekday> = rest.collect();
    (!by_day.is_empty()).then(|| Rule {
        by_day,
        ..rule.clone()
    })
}

fn each(weekday: Weekday) -> NthWeekday {
    NthWeekday { nth: 0, weekday }
}

/// `weekday`, `workday`, `working day`.
pub(super) fn workdays(cursor: &mut Cursor<'_>) -> bool {
    cursor.eat(&["weekday", "weekdays", "workday", "workdays"])
        || cursor.eat_all(&["working", "day"])
        || cursor.eat_all(&["business", "day"])
}

/// A weekend begins on its Saturday.
fn weekend(cursor: &mut Cursor<'_>) -> Option<Vec<Weekday>> {
    cursor
        .eat(&["weekend", "weekends"])
        .then(|| vec![Weekday::SA])
}

/// A list of days of the week.
fn weekdays(cursor: &mut Cursor<'_>) -> Option<Vec<Weekday>> {
    let mut found = some_weekdays(cursor, true)?;
    while let Some(more) = cursor.attempt(|ahead| {
        ahead.pass_comma();
        let and = ahead.eat(&["and", "&"]);
        some_weekdays(ahead, and)
    }) {
        found.extend(more);
    }
    Some(found)
}

/// One item of such a list: `mon`, `mon-fri`, `mon to fri`, `mon/wed/fri`.
fn some_weekdays(cursor: &mut Cursor<'_>, introduced: bool) -> Option<Vec<Weekday>> {
    let text = cursor.peek()?;
    if let Some((from, to)) = ends(text) {
        let days = from_to(weekday(from)?, weekday(to)?);
        cursor.at += 1;
        return Some(days);
    }
    let Some(day) = weekday(text) else {
        let days = text.split(['/', ',']).map(weekday).collect();
        cursor.at += 1;
        return days;
    };
    let listed = cursor.attempt(|ahead| {
        ahead.at += 1;
        let next = ahead.peek()?;
        (next == "and" || next == "&" || weekday(next).is_some()).then_some(())
    });
    if listed.is_none() {
        if is_common_word(text) {
            if !common_word(cursor, introduced) {
                return None;
            }
        } else {
            cursor.at += 1;
        }
    }
    let to = cursor.attempt(|ahead| {
        let to = ahead.eat(&["to", "-", "–", "—", "through", "thru"]);
        to.then(|| ahead.read(weekday))?
    });
    Some(to.map_or(vec![day], |to| from_to(day, to)))
}

/// The days from one to another, over the end of the week where need be.
fn from_to(from: Weekday, to: Weekday) -> Vec<Weekday> {
    let week = Weekday::ALL.into_iter().cycle().skip(from as usize);
    let days = (to as usize + 7 - from as usize) % 7 + 1;
    week.take(days).collect()
}
