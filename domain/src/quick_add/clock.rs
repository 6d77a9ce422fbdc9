//! Times of the day: `9am`, `9:30 pm`, `17:00`, `at 9`, `noon`, `in the evening`.

use chrono::{NaiveTime, Timelike};

use super::{
    day::{Chain, When},
    refusal::{Reading, Refusal},
    vocabulary::{DayPart, day_part, digits},
    words::Cursor,
};

/// A time of the day as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    time: NaiveTime,
    sense: Sense,
}

/// What else a time can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    /// Nothing else.
    Exact,
    /// Twelve hours later, with a part of the day that says so: `tonight at 8`.
    EitherHalf,
    /// The end of a day, in its night: `tonight at 12`.
    Twelve,
    /// The end of a day, not its beginning: `today at midnight`.
    Midnight,
}

impl Clock {
    pub(super) fn exact(time: NaiveTime) -> Self {
        Self {
            time,
            sense: Sense::Exact,
        }
    }

    fn new(hour: u32, minute: u32, sense: Sense) -> Option<Self> {
        let time = NaiveTime::from_hms_opt(hour, minute, 0)?;
        Some(Self { time, sense })
    }

    /// The time that is meant in a part of a day, and whether it lies on the day after. `today`: the
    /// day is said to be today.
    pub(super) fn within(self, part: Option<DayPart>, today: bool) -> (NaiveTime, bool) {
        let night = matches!(part, Some(DayPart::Evening | DayPart::Night));
        let later = night || part == Some(DayPart::Afternoon);
        match self.sense {
            Sense::Midnight => (self.time, night || today),
            Sense::Twelve if night => (NaiveTime::MIN, true),
            Sense::EitherHalf if later => (self.time + chrono::Duration::hours(12), false),
            Sense::Exact | Sense::EitherHalf | Sense::Twelve => (self.time, false),
        }
    }
}

/// A time without its fraction of a second.
pub(super) fn whole_second(time: NaiveTime) -> NaiveTime {
    time.with_nanosecond(0).unwrap_or(time)
}

/// Reads a time with the word before it, or the times of a rule, or a part of the day.
pub(super) fn time(cursor: &mut Cursor<'_>, chain: Chain) -> Reading<When> {
    if let Some(part) = cursor.attempt(|ahead| part(ahead, chain)) {
        return Ok(Some(When {
            part: Some(part),
            ..When::default()
        }));
    }
    let mut ahead = *cursor;
    ahead.eat(&["due"]);
    let introduced = chain.repeats && (ahead.eat_all(&["starting", "at"]) || ahead.eat(&["from"]))
        || ahead.eat(&["at", "@", "by", "before", "around"]);
    if !introduced {
        ahead.eat(&["for"]);
    }
    let Some(first) = clock(&mut ahead, introduced, chain.follows)? else {
        return Ok(None);
    };
    *cursor = ahead;
    let mut times = vec![first];
    while chain.repeats && ahead.pass_separator() {
        ahead.eat(&["at"]);
        let Some(next) = clock(&mut ahead, introduced, false)? else {
            break;
        };
        times.push(next);
        *cursor = ahead;
    }
    Ok(Some(When {
        times,
        ..When::default()
    }))
}

/// `in the evening`; behind a day also `morning` and `at night`.
fn part(cursor: &mut Cursor<'_>, chain: Chain) -> Option<DayPart> {
    let introduced = cursor.eat_all(&["in", "the"]);
    if !introduced && !chain.follows {
        return None;
    }
    if !introduced && cursor.eat_all(&["at", "night"]) {
        return Some(DayPart::Night);
    }
    cursor.read(day_part)
}

/// Half of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Am,
    Pm,
}

fn half(text: &str) -> Option<Half> {
    match text {
        "am" | "a.m" => Some(Half::Am),
        "pm" | "p.m" => Some(Half::Pm),
        _ => None,
    }
}

/// Reads one time. `introduced`: a word such as `at` says that it is one. `follows`: so does the
/// phrase before.
pub(super) fn clock(cursor: &mut Cursor<'_>, introduced: bool, follows: bool) -> Reading<Clock> {
    let mut ahead = *cursor;
    let Some(text) = ahead.next() else {
        return Ok(None);
    };
    let certain = follows || ahead.is_complete();
    if let Some(found) = named(text) {
        if introduced || certain {
            *cursor = ahead;
            return Ok(Some(found));
        }
        return Ok(None);
    }
    let Some((hour, minute, half)) = numbers(text.strip_prefix('@').unwrap_or(text)) else {
        return Ok(None);
    };
    let glued = half.is_some();
    let half = half.or_else(|| ahead.read(self::half));
    let said = half.is_some() || ahead.eat(&["o'clock", "o’clock"]);
    let tonight = ahead.peek() == Some("tonight");
    if !(minute.is_some() || said || tonight || introduced && certain) {
        return Ok(None);
    }
    let found = on_the_clock(hour, minute.unwrap_or(0), half);
    if found.is_some() {
        *cursor = ahead;
        return Ok(found);
    }
    // What no clock shows may be no time at all, such as the ratio 40:60.
    if introduced && (minute.is_some() || said) || glued && hour <= 24 {
        return Err(ahead.refuse(Refusal::NoSuchTime));
    }
    Ok(None)
}

fn named(text: &str) -> Option<Clock> {
    match text {
        "noon" | "midday" => Clock::new(12, 0, Sense::Exact),
        "midnight" => Clock::new(0, 0, Sense::Midnight),
        _ => None,
    }
}

/// `9`, `9:30`, `9am`, `9:30pm`, `9.30pm`: hour, minute and half of the day.
fn numbers(text: &str) -> Option<(u32, Option<u32>, Option<Half>)> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.')))
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let half = half(rest);
    if half.is_none() && !rest.is_empty() {
        return None;
    }
    let colon = number
        .find(':')
        .or_else(|| number.find('.').filter(|_| half.is_some()));
    let (hour, minute) = match colon {
        Some(at) => (&number[..at], Some(&number[at + 1..])),
        None => (number, None),
    };
    let minute = match minute {
        Some(text) => Some(digits(text).filter(|_| text.len() == 2)?),
        None => None,
    };
    let hour = digits(hour).filter(|_| hour.len() <= 2)?;
    Some((hour, minute, half))
}

fn on_the_clock(hour: u32, minute: u32, half: Option<Half>) -> Option<Clock> {
    let Some(half) = half else {
        let sense = match hour {
            1..12 => Sense::EitherHalf,
            12 if minute == 0 => Sense::Twelve,
            _ => Sense::Exact,
        };
        return Clock::new(hour, minute, sense);
    };
    if !(1..=12).contains(&hour) {
        return None;
    }
    let hour = hour % 12 + if half == Half::Pm { 12 } else { 0 };
    Clock::new(hour, minute, Sense::Exact)
}

/// Whether a text could be one end of a range of times, and whether it can be nothing else.
pub(super) fn end_of_range(text: &str) -> Option<bool> {
    let (hour, minute, half) = numbers(text)?;
    on_the_clock(hour, minute.unwrap_or(0), half)?;
    Some(minute.is_some() || half.is_some())
}
