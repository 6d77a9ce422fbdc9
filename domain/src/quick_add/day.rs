//! Days as people say them: `tomorrow`, `next monday`, `in 3 days`, `end of month`, `tonight`.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime};
use chrono_tz::Tz;

use super::{
    calendar::{self, year_first},
    clock::{self, Clock},
    length::{Length, length},
    refusal::{Reading, Refusal, Refused},
    relative::{relative, upcoming},
    vocabulary::{DayPart, day_part, is_common_word, is_mark, is_plural, takes_a_noun, weekday},
    words::Cursor,
};
use crate::recurrence::Weekday;

/// What a phrase says of when: any of a day, a part of the day, and times.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct When {
    pub(super) day: Option<NaiveDate>,
    pub(super) part: Option<DayPart>,
    pub(super) times: Vec<Clock>,
}

impl When {
    fn on(day: NaiveDate) -> Self {
        Self {
            day: Some(day),
            ..Self::default()
        }
    }

    /// Both, unless they say the same thing twice.
    pub(super) fn with(self, more: Self) -> Option<Self> {
        let twice = self.day.is_some() && more.day.is_some()
            || self.part.is_some() && more.part.is_some()
            || !self.times.is_empty() && !more.times.is_empty();
        (!twice).then(|| Self {
            day: self.day.or(more.day),
            part: self.part.or(more.part),
            times: [self.times, more.times].concat(),
        })
    }
}

/// What the phrases right before say of the next one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Chain {
    /// One of them is a rule, so that a beginning, an end and several times can follow.
    pub(super) repeats: bool,
    /// The last one says when, so that what follows is rather a time than a number.
    pub(super) follows: bool,
}

/// Reads a day, with the word before it that says how it is meant.
pub(super) fn day(cursor: &mut Cursor<'_>, chain: Chain) -> Reading<When> {
    let mut ahead = *cursor;
    let due = ahead.eat(&["due"]);
    let introduced = ahead.eat(&["on", "by", "before", "starting"])
        || chain.repeats && ahead.eat(&["from"])
        || due;
    if !introduced && ahead.eat(&["for"]) && ahead.peek().is_some_and(is_common_word) {
        return Ok(None);
    }
    let found = one_day(&mut ahead, introduced)?;
    if found.is_some() {
        *cursor = ahead;
    }
    Ok(found)
}

/// Reads a day. `introduced`: a word before says that one follows.
pub(super) fn one_day(cursor: &mut Cursor<'_>, introduced: bool) -> Reading<When> {
    if let Some(length) = cursor.attempt(from_now) {
        return later(cursor, length).map(Some);
    }
    if let Some((date, time)) = cursor.attempt(date_and_time) {
        return Ok(Some(When {
            times: vec![Clock::exact(time)],
            ..When::on(cursor.in_years(Some(date))?)
        }));
    }
    if let Some(part) = cursor.attempt(today_part) {
        return Ok(Some(When {
            part: Some(part),
            ..When::on(cursor.today())
        }));
    }
    if let Some(found) = cursor.attempt(|ahead| relative(ahead, introduced)) {
        return Ok(Some(When::on(cursor.in_years(found)?)));
    }
    if let Some(found) = named_weekday(cursor, introduced)? {
        return Ok(Some(When::on(found)));
    }
    Ok(calendar::date(cursor, introduced)?.map(When::on))
}

/// `in 20 minutes`, `2 weeks from now`.
fn from_now(cursor: &mut Cursor<'_>) -> Option<Length> {
    if cursor.eat(&["in"]) {
        return length(cursor);
    }
    let length = length(cursor)?;
    let now = cursor.eat(&["from"]) && cursor.eat(&["now", "today"]);
    now.then_some(length)
}

/// The day, or the day and the time, that lies so far ahead.
fn later(cursor: &Cursor<'_>, length: Length) -> Result<When, Refused> {
    if !length.has_time() {
        let day = length.after_day(cursor.today());
        return Ok(When::on(cursor.in_years(day)?));
    }
    let at = length.after(cursor.now());
    let day = cursor.in_years(at.map(|at: DateTime<Tz>| at.date_naive()))?;
    let time = at.map(|at| Clock::exact(clock::whole_second(at.time())));
    Ok(When {
        times: time.into_iter().collect(),
        ..When::on(day)
    })
}

/// `2027-03-14T09:00`.
fn date_and_time(cursor: &mut Cursor<'_>) -> Option<(NaiveDate, NaiveTime)> {
    cursor.read(|text| {
        let (date, time) = text.split_once('t')?;
        let (year, month, day) = year_first(date)?;
        let date = NaiveDate::from_ymd_opt(year, month, day)?;
        Some((date, clock::whole_second(time.parse().ok()?)))
    })
}

/// `tonight`, `this evening`.
fn today_part(cursor: &mut Cursor<'_>) -> Option<DayPart> {
    if cursor.eat(&["tonight"]) {
        return Some(DayPart::Night);
    }
    (cursor.eat(&["this"])).then(|| cursor.read(day_part))?
}

/// Goes past a word that is more often no day, if it is one here.
pub(super) fn common_word(cursor: &mut Cursor<'_>, introduced: bool) -> bool {
    let mut ahead = *cursor;
    ahead.at += 1;
    let named = cursor.before().is_some_and(takes_a_noun);
    let found = introduced || says_when(ahead) || ahead.is_end() && !named;
    if found {
        *cursor = ahead;
    }
    found
}

/// Whether what follows belongs to a day: a time, a date, a part of the day, a mark.
pub(super) fn says_when(mut cursor: Cursor<'_>) -> bool {
    if cursor
        .peek()
        .is_some_and(|text| is_mark(text) || day_part(text).is_some())
    {
        return true;
    }
    let mut ahead = cursor;
    let date = calendar::date(&mut ahead, true);
    let introduced = cursor.eat(&["at", "@"]);
    date.is_ok_and(|date| date.is_some())
        || clock::clock(&mut cursor, introduced, false).is_ok_and(|clock| clock.is_some())
}

/// `monday`: the next one after today; `this monday`: today, if it is one; `monday, march 16`.
fn named_weekday(cursor: &mut Cursor<'_>, introduced: bool) -> Reading<NaiveDate> {
    let mut ahead = *cursor;
    let this = ahead.eat(&["this"]);
    let named = ahead.peek().filter(|text| !is_plural(text));
    let Some(weekday) = named.and_then(weekday) else {
        return Ok(None);
    };
    let common = ahead.peek().is_some_and(is_common_word);
    if !common || this {
        ahead.at += 1;
    } else if !common_word(&mut ahead, introduced) {
        return Ok(None);
    }
    *cursor = ahead;
    ahead.pass_comma();
    if let Some(date) = calendar::date(&mut ahead, false)? {
        *cursor = ahead;
        return check_weekday(cursor, date, weekday).map(Some);
    }
    let from = if this {
        Some(cursor.today())
    } else {
        cursor.today().succ_opt()
    };
    cursor
        .in_years(from.and_then(|from| upcoming(from, weekday)))
        .map(Some)
}

fn check_weekday(
    cursor: &Cursor<'_>,
    date: NaiveDate,
    weekday: Weekday,
) -> Result<NaiveDate, Refused> {
    let real = Weekday::ALL[date.weekday().num_days_from_monday() as usize];
    if real == weekday {
        return Ok(date);
    }
    let message = format!(
        "{} is a {}, not a {}",
        date.format("%-d %B %Y"),
        real.name(),
        weekday.name()
    );
    Err(cursor.refuse(Refusal::OtherWeekday(message)))
}
