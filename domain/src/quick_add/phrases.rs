//! A line read from its beginning to its end, phrase by phrase.

use std::ops::Range;

use super::{
    clock,
    day::{self, Chain, When},
    ending::{Ending, after_completion, ending},
    names,
    range::refuse_range,
    refusal::{Reading, Refused},
    remind::{Remind, reminders},
    repeat::{Repeat, repeat},
    words::{Cursor, Line},
};
use crate::task::Priority;

/// What some words mean.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phrase {
    Project(String),
    Tag(String),
    Priority(Priority),
    When(When),
    Repeat(Box<Repeat>),
    Ending(Ending),
    AfterCompletion,
    Remind(Vec<Remind>),
    /// The `remind me` of `remind me tomorrow to …`.
    Request,
    /// The `to` of it.
    Link,
}

/// A phrase with its place.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) phrase: Phrase,
    pub(super) words: Range<usize>,
    /// Phrases without other words between are in one chain.
    pub(super) chain: usize,
}

/// Words before a day or a time that make it something else than when the task is due.
const NOT_DUE: [&str; 8] = [
    "after", "since", "until", "till", "til", "last", "than", "past",
];

/// Reads every phrase of a line.
pub(super) fn phrases(line: &Line<'_>) -> Result<Vec<Found>, Refused> {
    let mut found: Vec<Found> = Vec::new();
    let mut chain = Chain::default();
    let mut number = 0;
    let mut at = 0;
    let link = request(line)?;
    if link.is_some() {
        found.push(Found {
            phrase: Phrase::Request,
            words: 0..2,
            chain: 0,
        });
        at = 2;
    }
    while at < line.words.len() {
        let mut cursor = Cursor::new(line, at);
        let phrase = if link == Some(at) {
            cursor.at += 1;
            Some(Phrase::Link)
        } else {
            phrase(&mut cursor, chain)?
        };
        let Some(phrase) = phrase else {
            at = past(cursor)?;
            chain = Chain::default();
            number += 1;
            continue;
        };
        match &phrase {
            Phrase::Repeat(_) => {
                chain.repeats = true;
                chain.follows = true;
            }
            Phrase::When(_) => chain.follows = true,
            _ => {}
        }
        found.push(Found {
            phrase,
            words: at..cursor.at,
            chain: number,
        });
        at = cursor.at;
    }
    Ok(found)
}

/// Reads one phrase.
fn phrase(cursor: &mut Cursor<'_>, chain: Chain) -> Reading<Phrase> {
    if let Some(name) = names::project(cursor) {
        return Ok(Some(Phrase::Project(name)));
    }
    if let Some(name) = names::tag(cursor)? {
        return Ok(Some(Phrase::Tag(name)));
    }
    if let Some(priority) = cursor.attempt(names::priority) {
        return Ok(Some(Phrase::Priority(priority)));
    }
    if let Some(list) = reminders(cursor)? {
        return Ok(Some(Phrase::Remind(list)));
    }
    if let Some(repeat) = cursor.attempt(repeat) {
        return Ok(Some(Phrase::Repeat(Box::new(repeat))));
    }
    if chain.repeats {
        if after_completion(cursor) {
            return Ok(Some(Phrase::AfterCompletion));
        }
        if let Some(ending) = ending(cursor)? {
            return Ok(Some(Phrase::Ending(ending)));
        }
    }
    when(cursor, chain).map(|found| found.map(Phrase::When))
}

/// Reads a day or a time.
fn when(cursor: &mut Cursor<'_>, chain: Chain) -> Reading<When> {
    refuse_range(*cursor, chain)?;
    match day::day(cursor, chain)? {
        Some(found) => Ok(Some(found)),
        None => clock::time(cursor, chain),
    }
}

/// The word after one that is not understood, and after the day or time that it keeps from being
/// when the task is due.
fn past(cursor: Cursor<'_>) -> Result<usize, Refused> {
    let mut ahead = cursor;
    if ahead.eat(&NOT_DUE) {
        when(&mut ahead, Chain::default())?;
    }
    Ok(ahead.at.max(cursor.at + 1))
}

/// Where the `to` of a line is that begins as one speaks: `remind me to …`, `remind me tomorrow at
/// 9 to …`.
fn request(line: &Line<'_>) -> Result<Option<usize>, Refused> {
    let mut cursor = Cursor::new(line, 0);
    if !cursor.eat_all(&["remind", "me"]) {
        return Ok(None);
    }
    let mut chain = Chain::default();
    loop {
        let link = cursor.at;
        if cursor.eat(&["to"]) {
            return Ok((cursor.at < line.words.len()).then_some(link));
        }
        if cursor.attempt(repeat).is_some() {
            chain.repeats = true;
        } else if when(&mut cursor, chain)?.is_none() {
            return Ok(None);
        }
        chain.follows = true;
    }
}
