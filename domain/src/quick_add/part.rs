//! The parts of a line that were understood, for an interface to underline.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A part of a line that was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Where it stands.
    pub span: Span,
    /// What it says something of.
    pub kind: PartKind,
    /// What it was read as, in words: `Thursday 12 March 2026`. Empty for a mark.
    pub reading: String,
}

/// What a part says something of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PartKind {
    /// `#home`.
    Project,
    /// `@bank`.
    Tag,
    /// `p1`.
    Priority,
    /// The day, with a time where that is said in one: `tomorrow`, `in 20 minutes`.
    Date,
    /// The time of day: `at 9`.
    Time,
    /// How it repeats, until when, and from what it counts.
    Recurrence,
    /// `remind me 1 day before`.
    Reminder,
    /// What is left out of the title and means nothing: the backslash before a word that is not to
    /// be read, punctuation around another part.
    Mark,
}

/// Where something stands in a line, in UTF-16 code units: `line.slice(start, end)` in JavaScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first unit.
    pub start: usize,
    /// The unit after the last.
    pub end: usize,
}

impl Span {
    /// What stands there; nothing where the line has no such place.
    pub fn of(self, line: &str) -> Option<&str> {
        line.get(byte(line, self.start)?..byte(line, self.end)?)
    }
}

/// The byte at which a UTF-16 code unit begins a character, or the line ends.
fn byte(line: &str, unit: usize) -> Option<usize> {
    let mut units = 0;
    for (at, c) in line.char_indices() {
        if units == unit {
            return Some(at);
        }
        units += c.len_utf16();
    }
    (units == unit).then_some(line.len())
}

/// The UTF-16 code unit of each byte of a line.
pub(super) struct Offsets(Vec<usize>);

impl Offsets {
    pub(super) fn new(line: &str) -> Self {
        let mut units = 0;
        let mut offsets = Vec::with_capacity(line.len() + 1);
        for c in line.chars() {
            offsets.extend(std::iter::repeat_n(units, c.len_utf8()));
            units += c.len_utf16();
        }
        offsets.push(units);
        Self(offsets)
    }

    /// The span of bytes that begin and end with characters of the line.
    pub(super) fn span(&self, bytes: Range<usize>) -> Span {
        Span {
            start: self.0[bytes.start],
            end: self.0[bytes.end],
        }
    }
}
