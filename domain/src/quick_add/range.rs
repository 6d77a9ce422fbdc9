//! Ranges of times and days, which a task cannot be due over.

use super::{
    calendar::slashes,
    clock::{end_of_range, time},
    day::{Chain, day},
    refusal::{Refusal, Refused},
    vocabulary::{day_of_month, month, weekday},
    words::Cursor,
};

/// Words between the ends of a range.
const TO: [&str; 8] = ["to", "-", "–", "—", "until", "till", "through", "thru"];

/// What lies at the ends of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Time,
    Day,
}

impl End {
    fn refusal(self) -> Refusal {
        match self {
            Self::Time => Refusal::TimeRange,
            Self::Day => Refusal::DayRange,
        }
    }
}

/// Refuses a range that begins here.
pub(super) fn refuse_range(cursor: Cursor<'_>, chain: Chain) -> Result<(), Refused> {
    let mut ahead = cursor;
    let found = match in_one_word(&mut ahead) {
        Some(end) => Some(end),
        None => {
            ahead = cursor;
            in_words(&mut ahead, chain)?
        }
    };
    match found {
        // A rule may say from which day to which it holds.
        Some(End::Day) if chain.repeats => Ok(()),
        Some(end) => Err(ahead.refuse(end.refusal())),
        None => Ok(()),
    }
}

/// `9-11am`, `at 9-11`, `mon-fri`, `3/14-3/16`, `march 3-5`, `3-5 march`.
fn in_one_word(cursor: &mut Cursor<'_>) -> Option<End> {
    let introduced = cursor.eat(&["at", "from"]);
    let in_month = cursor.read(month).is_some();
    let text = cursor.next()?;
    let (from, to) = ends(text)?;
    let all = |is: &dyn Fn(&str) -> bool| is(from) && is(to);
    if all(&|text| day_of_month(text).is_some())
        && (in_month || cursor.attempt(|ahead| ahead.read(month)).is_some())
    {
        return Some(End::Day);
    }
    if all(&|text| weekday(text).is_some() || slashes(text).is_some()) {
        return Some(End::Day);
    }
    let (first, second) = (end_of_range(from)?, end_of_range(to)?);
    let half = cursor.eat(&["am", "pm", "a.m", "p.m"]);
    (first || second || half || introduced && cursor.is_complete()).then_some(End::Time)
}

/// The ends of a range in one word.
pub(super) fn ends(text: &str) -> Option<(&str, &str)> {
    text.split_once(['-', '–', '—'])
}

/// `9am to 11am`, `from 9 to 11`, `between 3/14 and 3/16`.
fn in_words(cursor: &mut Cursor<'_>, chain: Chain) -> Result<Option<End>, Refused> {
    let between = cursor.eat(&["between"]);
    let opened = between || cursor.eat(&["from"]);
    let Some(first) = end(cursor, opened, chain)? else {
        return Ok(None);
    };
    let joined = if between {
        cursor.eat(&["and"])
    } else {
        cursor.eat(&TO)
    };
    if !joined {
        return Ok(None);
    }
    let mut ahead = *cursor;
    let second = end(&mut ahead, true, chain)?;
    let days = first == End::Day && cursor.read(day_of_month).is_some() && cursor.is_complete();
    if second == Some(first) {
        *cursor = ahead;
    }
    Ok((second == Some(first) || days).then_some(first))
}

/// One end of a range; an hour alone is one where a word says so.
fn end(cursor: &mut Cursor<'_>, introduced: bool, chain: Chain) -> Result<Option<End>, Refused> {
    if day(cursor, chain)?.is_some() {
        return Ok(Some(End::Day));
    }
    if time(cursor, chain)?.is_some() {
        return Ok(Some(End::Time));
    }
    let hour = introduced
        && cursor
            .attempt(|ahead| {
                let found = ahead.read(|text| end_of_range(text).filter(|_| text.len() <= 2));
                found.filter(|_| ahead.is_complete())
            })
            .is_some();
    Ok(hour.then_some(End::Time))
}
