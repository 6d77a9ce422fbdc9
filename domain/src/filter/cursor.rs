//! A place in the text of a filter, and what stands there.

use std::ops::Range;

use super::{
    error::{FilterError, Span},
    words::is_word_character,
};

/// Characters of the text that a message repeats at most.
const SHOWN: usize = 40;

/// A place in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Bytes before this place.
    pub(super) fn at(self) -> usize {
        self.at
    }

    /// A part of the text.
    pub(super) fn text(self, place: Range<usize>) -> &'a str {
        &self.text[place]
    }

    pub(super) fn is_at_end(self) -> bool {
        self.rest().is_empty()
    }

    /// Whether `symbol` stands here.
    pub(super) fn is_at(self, symbol: &str) -> bool {
        self.rest().starts_with(symbol)
    }

    /// Goes to what comes after white space, and says where that is.
    pub(super) fn skip_spaces(&mut self) -> usize {
        self.take_while(char::is_whitespace);
        self.at
    }

    /// Goes past `symbol`, if it stands here.
    pub(super) fn eat(&mut self, symbol: &str) -> bool {
        let found = self.is_at(symbol);
        if found {
            self.at += symbol.len();
        }
        found
    }

    /// Goes past the whole word `word`, if it stands here in whatever case.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let mut after = *self;
        let found = after.word().eq_ignore_ascii_case(word);
        if found {
            *self = after;
        }
        found
    }

    /// Goes past a character.
    pub(super) fn next_char(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Goes past a word, which is empty where none stands.
    pub(super) fn word(&mut self) -> &'a str {
        self.take_while(is_word_character)
    }

    /// Goes past whatever has no white space in it and is not about to be an operator or a parenthesis.
    pub(super) fn signs(&mut self) {
        self.take_while(|c| !c.is_whitespace() && !"()&|!*".contains(c));
    }

    /// Goes past what may be a date: it holds signs that no word does, and ends before `..`.
    pub(super) fn date(&mut self) -> &'a str {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '+' | '-' | ':' | '.');
        let rest = self.rest();
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let length = rest[..length].find("..").unwrap_or(length);
        self.at += length;
        &rest[..length]
    }

    pub(super) fn is_at_date(mut self) -> bool {
        !self.date().is_empty()
    }

    /// What stands here, as far as it belongs together; nothing at the end.
    pub(super) fn lexeme(mut self) -> Range<usize> {
        let start = self.at;
        if self.word().is_empty() {
            let sign = self.next_char();
            if matches!(sign, Some('#' | '@')) {
                self.word();
            }
        }
        start..self.at
    }

    /// A complaint about what stands here, where `expected` should.
    pub(super) fn expected(self, expected: &str) -> FilterError {
        self.expected_at(expected, self.lexeme())
    }

    /// A complaint about a part of the text, where `expected` should stand.
    pub(super) fn expected_at(self, expected: &str, place: Range<usize>) -> FilterError {
        let message = match self.text(place.clone()) {
            "" => format!("expected {expected}, found the end of the filter"),
            space if space.trim().is_empty() => format!("expected {expected}, found a space"),
            found => format!("expected {expected}, found `{}`", shown(found)),
        };
        self.error(message, place)
    }

    /// A complaint about a part of the text.
    pub(super) fn error(self, message: impl Into<String>, place: Range<usize>) -> FilterError {
        FilterError {
            span: Span::new(self.text, place),
            message: message.into(),
            suggestion: None,
        }
    }

    fn rest(self) -> &'a str {
        &self.text[self.at..]
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }
}

/// The beginning of a text that may be long.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
