//! A line cut into words, and a cursor that walks over them.

use std::ops::Range;

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;

use super::{
    refusal::{Refusal, Refused},
    vocabulary,
};
use crate::task::limits;

/// Punctuation that opens something and is no part of the word behind it.
pub(super) const OPENING: [char; 3] = ['(', '[', '{'];
/// Punctuation that closes what [`OPENING`] opened.
pub(super) const CLOSING: [char; 3] = [')', ']', '}'];
/// Punctuation that ends a sentence, a clause or an item of a list.
pub(super) const STOPS: [char; 7] = [',', '.', ';', ':', '!', '?', '…'];

/// A run of characters without white space between them.
#[derive(Debug)]
pub(super) struct Word<'l> {
    /// What is compared: ASCII letters in lower case, without the punctuation around it.
    pub(super) text: &'l str,
    /// Bytes of the line with all punctuation.
    pub(super) whole: Range<usize>,
    /// Bytes of the line without the punctuation around it.
    pub(super) core: Range<usize>,
    /// In quotes or behind a backslash: never read.
    literal: bool,
    /// What stands between the word before and this one.
    join: Join,
}

/// What stands between two words, beside white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    Nothing,
    Comma,
    Other,
}

/// Cuts a line into words. `lower` is the line with its ASCII letters in lower case.
pub(super) fn split<'l>(line: &'l str, lower: &'l str) -> Vec<Word<'l>> {
    let mut words: Vec<Word<'l>> = Vec::new();
    let mut at = 0;
    while let Some(gap) = line[at..].find(|c: char| !c.is_whitespace()) {
        let start = at + gap;
        let mut word = word_at(line, lower, start);
        if let Some(before) = words.last() {
            word.join = match &line[before.core.end..before.whole.end] {
                _ if word.core.start > start => Join::Other,
                "" => Join::Nothing,
                "," => Join::Comma,
                _ => Join::Other,
            };
        }
        at = word.whole.end;
        words.push(word);
    }
    words
}

/// The word that begins at a byte.
fn word_at<'l>(line: &'l str, lower: &'l str, start: usize) -> Word<'l> {
    let rest = line[start..].trim_start_matches(OPENING);
    let opened = line.len() - rest.len();
    let (quoted, literal) = quoted(rest);
    let end = rest[quoted..]
        .find(char::is_whitespace)
        .map_or(line.len(), |end| opened + quoted + end);
    let escaped = literal.then_some(0).or_else(|| escape(&line[opened..end]));
    let core_start = opened + escaped.unwrap_or(0);
    let trimmed =
        line[core_start..end].trim_end_matches(|c| STOPS.contains(&c) || CLOSING.contains(&c));
    let core_end = core_start + trimmed.len().max(quoted);
    let mut word = Word {
        text: &lower[core_start..core_end],
        whole: start..end,
        core: core_start..core_end,
        literal: escaped.is_some(),
        join: Join::Other,
    };
    if word.core.is_empty() {
        // Nothing but punctuation: it is the word.
        (word.core, word.text) = (start..end, &lower[start..end]);
        word.literal = false;
    }
    let after = &lower[word.core.end..end];
    if word.text == "every" && after.starts_with('!') {
        word.core.end += 1;
        word.text = &lower[word.core.clone()];
    } else if vocabulary::is_abbreviation(word.text) && after.starts_with('.') {
        word.core.end += 1;
    }
    word
}

/// How many bytes at the beginning of a text are in quotes or brackets, which may have white space
/// within, and whether they are there to be left as they are: `"every day"`, but not `#"Home office"`.
fn quoted(text: &str) -> (usize, bool) {
    let inner = text.trim_start_matches(['#', '@']);
    let sign = text.len() - inner.len();
    let closing = match inner.chars().next() {
        Some('"') => '"',
        Some('“') => '”',
        Some('[') if sign == 1 => ']',
        _ => return (0, false),
    };
    let mut found = inner.char_indices().skip(1).filter(|(_, c)| *c == closing);
    match found.next() {
        Some((at, _)) if sign <= 1 => (sign + at + closing.len_utf8(), sign == 0),
        _ => (0, false),
    }
}

/// The length of the backslash that a word begins with. Two are none: they begin the name of a
/// computer on a network.
fn escape(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('\\')?;
    (!rest.is_empty() && !rest.starts_with('\\')).then_some(1)
}

/// The words of a line, and the time at which it was written.
#[derive(Debug)]
pub(super) struct Line<'l> {
    pub(super) text: &'l str,
    pub(super) words: Vec<Word<'l>>,
    pub(super) now: DateTime<Tz>,
}

impl Line<'_> {
    /// The bytes of some words, without the punctuation around them.
    pub(super) fn bytes(&self, words: &Range<usize>) -> Range<usize> {
        match &self.words[words.clone()] {
            [] => 0..self.text.len(),
            [word] => word.core.clone(),
            [first, .., last] => first.core.start..last.core.end,
        }
    }
}

/// A place in a line from which a phrase is read. It is copied to try something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'l> {
    line: &'l Line<'l>,
    /// Where the phrase began.
    from: usize,
    /// The next word.
    pub(super) at: usize,
    /// The word before which punctuation does not matter.
    free: usize,
}

impl<'l> Cursor<'l> {
    pub(super) fn new(line: &'l Line<'l>, at: usize) -> Self {
        Self {
            line,
            from: at,
            at,
            free: at,
        }
    }

    /// The next word, if the phrase can go on with it: no punctuation lies between.
    pub(super) fn peek(&self) -> Option<&'l str> {
        let word = self.line.words.get(self.at)?;
        let joined = self.at == self.free || word.join == Join::Nothing;
        (joined && !word.literal).then_some(word.text)
    }

    /// The next word, gone past.
    pub(super) fn next(&mut self) -> Option<&'l str> {
        let text = self.peek()?;
        self.at += 1;
        Some(text)
    }

    /// Goes past the next word if it is one of these.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let found = self.peek().is_some_and(|text| words.contains(&text));
        self.at += usize::from(found);
        found
    }

    /// Goes past all of these words, or none.
    pub(super) fn eat_all(&mut self, words: &[&str]) -> bool {
        let mut ahead = *self;
        let found = words.iter().all(|word| ahead.eat(&[word]));
        if found {
            *self = ahead;
        }
        found
    }

    /// The next word as it is written.
    pub(super) fn written(&self) -> Option<&'l str> {
        self.peek()?;
        Some(&self.line.text[self.line.words[self.at].core.clone()])
    }

    /// The word before the phrase, if nothing but white space lies between.
    pub(super) fn before(&self) -> Option<&'l str> {
        let first = self.line.words.get(self.from)?;
        let before = self.line.words.get(self.from.checked_sub(1)?)?;
        (first.join == Join::Nothing).then_some(before.text)
    }

    /// Reads one word by a function of its text.
    pub(super) fn read<T>(&mut self, of: impl Fn(&str) -> Option<T>) -> Option<T> {
        let found = of(self.peek()?)?;
        self.at += 1;
        Some(found)
    }

    /// What `read` reads; where it reads nothing, the cursor stays.
    pub(super) fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut ahead = *self;
        let found = read(&mut ahead)?;
        *self = ahead;
        Some(found)
    }

    /// Whether the word before ended with a comma; if so, the phrase may go on behind it.
    pub(super) fn pass_comma(&mut self) -> bool {
        let word = self.line.words.get(self.at);
        let found = self.at > self.from && word.is_some_and(|word| word.join == Join::Comma);
        if found {
            self.free = self.at;
        }
        found
    }

    /// Goes past what stands between the items of a list: a comma, `and`, or both.
    pub(super) fn pass_separator(&mut self) -> bool {
        let comma = self.pass_comma();
        self.eat(&["and", "&"]) || comma
    }

    /// The words from here to another place.
    pub(super) fn up_to(&self, end: &Self) -> impl Iterator<Item = &'l str> {
        self.line.words[self.at..end.at]
            .iter()
            .map(|word| word.text)
    }

    /// Whether the line ends here, or punctuation or quotes end the phrase.
    pub(super) fn is_end(&self) -> bool {
        self.peek().is_none()
    }

    /// Whether nothing follows that would be counted or named by what was just read: `9` is a time
    /// in `at 9 with Ann`, and a number in `at 9 Elm Street`.
    pub(super) fn is_complete(&self) -> bool {
        self.peek().is_none_or(vocabulary::may_follow)
    }

    pub(super) fn is_first(&self) -> bool {
        self.from == 0
    }

    pub(super) fn now(&self) -> DateTime<Tz> {
        self.line.now
    }

    pub(super) fn today(&self) -> NaiveDate {
        self.line.now.date_naive()
    }

    /// Refuses the phrase, up to here.
    pub(super) fn refuse(&self, refusal: Refusal) -> Refused {
        Refused {
            words: self.from..self.at,
            refusal,
        }
    }

    /// A date that a task may have.
    pub(super) fn in_years(&self, date: Option<NaiveDate>) -> Result<NaiveDate, Refused> {
        date.filter(|date| limits::YEARS.contains(&chrono::Datelike::year(date)))
            .ok_or_else(|| self.refuse(Refusal::Year))
    }
}
