//! Reminders: `remind me 1 day before`, `remind me tomorrow at 9`, `!30m`.

use chrono::{DateTime, Utc};

use super::{
    clock,
    day::{self, Chain, When},
    length::{Length, compact, length},
    refusal::Reading,
    vocabulary::{day_part, unit},
    words::Cursor,
};

/// When a reminder comes, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Remind {
    /// When the task is due.
    WhenDue,
    /// So long before it is due.
    Before(Length),
    /// Whole days before, at a time or in a part of the day.
    DaysBefore(u32, When),
    /// At an instant: `in 20 minutes`.
    At(DateTime<Utc>),
    /// On a day, at a time or both.
    On(When),
}

/// Reads reminders: one, or a list of them.
pub(super) fn reminders(cursor: &mut Cursor<'_>) -> Reading<Vec<Remind>> {
    if let Some(length) = cursor.read(|text| compact(text.strip_prefix('!')?)) {
        return Ok(Some(vec![Remind::Before(length.0)]));
    }
    let mut ahead = *cursor;
    if !opening(&mut ahead) {
        return Ok(None);
    }
    let Some(first) = one(&mut ahead)? else {
        return Ok(None);
    };
    *cursor = ahead;
    let mut found = vec![first];
    // `1 day before and 1 hour before`; what is no length may belong to the title.
    while ahead.pass_separator() {
        let Some(next) = ahead.attempt(before) else {
            break;
        };
        found.push(Remind::Before(next));
        *cursor = ahead;
    }
    Ok(Some(found))
}

/// `remind me`, `and remind me`, `reminder`, `with a reminder`.
fn opening(cursor: &mut Cursor<'_>) -> bool {
    cursor.eat(&["and", "with"]);
    cursor.eat(&["a"]);
    if cursor.eat(&["reminder"]) {
        return true;
    }
    let found = cursor.eat(&["remind"]);
    cursor.eat(&["me"]);
    found
}

fn one(cursor: &mut Cursor<'_>) -> Reading<Remind> {
    if cursor.eat_all(&["when", "due"]) || cursor.eat_all(&["on", "time"]) {
        return Ok(Some(Remind::WhenDue));
    }
    let chain = Chain {
        repeats: false,
        follows: true,
    };
    if let Some(part) = cursor.attempt(part_before) {
        return Ok(Some(Remind::DaysBefore(1, part)));
    }
    if let Some(length) = cursor.attempt(before) {
        if let Some(days) = length.whole_days()
            && let Some(time) = clock::time(cursor, chain)?
        {
            return Ok(Some(Remind::DaysBefore(days, time)));
        }
        return Ok(Some(Remind::Before(length)));
    }
    if let Some(at) = cursor.attempt(soon) {
        return Ok(Some(Remind::At(at)));
    }
    on(cursor, chain)
}

/// `1 day before`, `the day before`, `an hour early`.
fn before(cursor: &mut Cursor<'_>) -> Option<Length> {
    let length = if cursor.eat(&["the"]) {
        Length::of(1, cursor.read(unit)?)
    } else {
        length(cursor)?
    };
    let before =
        cursor.eat(&["before", "early", "earlier", "ahead"]) || cursor.eat_all(&["in", "advance"]);
    before.then_some(length)
}

/// `the evening before`.
fn part_before(cursor: &mut Cursor<'_>) -> Option<When> {
    cursor.eat(&["the"]);
    let part = cursor.read(day_part);
    cursor
        .eat(&["before"])
        .then_some(When {
            part,
            ..When::default()
        })
        .filter(|when| when.part.is_some())
}

/// `in 20 minutes`, to the second.
fn soon(cursor: &mut Cursor<'_>) -> Option<DateTime<Utc>> {
    if !cursor.eat(&["in"]) {
        return None;
    }
    let length = length(cursor).filter(|length| length.has_time())?;
    length.after(cursor.now()).map(|at| at.to_utc())
}

/// A day, a time, or both in either order.
fn on(cursor: &mut Cursor<'_>, chain: Chain) -> Reading<Remind> {
    let mut found = When::default();
    loop {
        let mut ahead = *cursor;
        let follows = if found == When::default() {
            Chain::default()
        } else {
            chain
        };
        let next = match day::day(&mut ahead, follows)? {
            Some(day) => Some(day),
            None => clock::time(&mut ahead, follows)?,
        };
        let Some(both) = next.and_then(|next| found.clone().with(next)) else {
            break;
        };
        (found, *cursor) = (both, ahead);
    }
    Ok((found != When::default()).then_some(Remind::On(found)))
}
