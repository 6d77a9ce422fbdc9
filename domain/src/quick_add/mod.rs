//! Quick add: one line of English becomes a task, as in
//! `pay rent every month on the 1st at 9 p1 #home @bank remind me 1 day before`.
//!
//! A line is cut into [`words`]; from each word on, [`phrases`] tries to read a phrase by small
//! readers (a day, a time, a rule, a name, …). Where several phrases say the same thing the last one
//! counts ([`winners`]). What no phrase took is the [`title`]: nothing of a line is ever lost, since
//! each character that is not white space stands in the title or in one of the [`Part`]s.
//!
//! `docs/quick-add.md` tells what is read, and how what is ambiguous is decided.

mod alerts;
mod assemble;
mod calendar;
mod clock;
mod day;
mod ending;
mod length;
mod month_days;
mod names;
mod part;
mod phrases;
mod range;
mod refusal;
mod relative;
mod remind;
mod repeat;
mod schedule;
mod series;
mod title;
mod vocabulary;
mod winners;
mod words;
mod words_for;

use chrono::DateTime;
use chrono_tz::Tz;

pub use part::{Part, PartKind, Span};
pub use refusal::{QuickAddError, Refusal};

use crate::{
    recurrence::SeriesSpec,
    task::{Due, Priority, RemindAt},
};
use part::Offsets;
use words::Line;

/// Most characters of a line.
pub const MOST_CHARACTERS: usize = 2_000;

/// A line as it was read. All of it keeps to [`limits`](crate::task::limits), so that a task can be
/// made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct QuickAdd {
    /// What is to be done: the line without its parts.
    pub title: String,
    /// The name behind `#`.
    pub project: Option<String>,
    /// The names behind `@`, without duplicates, in the order of the line.
    pub tags: Vec<String>,
    /// Nothing where the line says nothing of it.
    pub priority: Option<Priority>,
    /// When it is due. A recurring task is due at the first occurrence of its series.
    pub due: Option<Due>,
    /// The series, which starts when the task is due.
    pub recurrence: Option<SeriesSpec>,
    /// Its reminders, without duplicates, in the order of the line.
    pub reminders: Vec<RemindAt>,
    /// What was read, in the order of the line; no two parts overlap.
    pub parts: Vec<Part>,
}

/// Reads a line that was written at a time, in the zone of who wrote it.
///
/// # Errors
/// What cannot be read as it was meant, with its place: a range of times, a day that does not exist,
/// a reminder that counts from nothing, a line without a title, or beyond a limit.
pub fn parse(line: &str, now: DateTime<Tz>) -> Result<QuickAdd, QuickAddError> {
    let offsets = Offsets::new(line);
    check(line, &offsets)?;
    let lower = line.to_ascii_lowercase();
    let line = Line {
        text: line,
        words: words::split(line, &lower),
        now,
    };
    let found = phrases::phrases(&line).map(winners::winners);
    let task = found.and_then(|found| assemble::assemble(&line, found, &offsets));
    task.map_err(|refused| QuickAddError {
        span: offsets.span(line.bytes(&refused.words)),
        refusal: refused.refusal,
    })
}

fn check(line: &str, offsets: &Offsets) -> Result<(), QuickAddError> {
    let refused = |bytes, refusal| QuickAddError {
        span: offsets.span(bytes),
        refusal,
    };
    if let Some((excess, _)) = line.char_indices().nth(MOST_CHARACTERS) {
        return Err(refused(excess..line.len(), Refusal::LineTooLong));
    }
    let mut characters = line.trim_end().char_indices();
    if let Some((at, c)) = characters.find(|(_, c)| c.is_control() && *c != '\t') {
        return Err(refused(at..at + c.len_utf8(), Refusal::ControlCharacter));
    }
    Ok(())
}
