//! What a condition compares with: names, texts and dates.

use super::{Parsed, Parser};
use crate::filter::{Moment, Name, display::Value, moment, words};

impl Parser<'_> {
    pub(super) fn project(&mut self) -> Parsed<Name> {
        self.name("the name of a project, or `has project` for any")
    }

    pub(super) fn tag(&mut self) -> Parsed<Name> {
        self.name("a tag, or `has tags` for any")
    }

    /// A name, or with `*` the beginning of one.
    fn name(&mut self, expected: &str) -> Parsed<Name> {
        let name = self.value(expected)?;
        if self.cursor.eat("*") {
            Ok(Name::StartsWith(name))
        } else {
            Ok(Name::Is(name))
        }
    }

    pub(super) fn text(&mut self) -> Parsed<String> {
        self.value("a word, or several in quotes")
    }

    /// A word, or anything in quotes.
    fn value(&mut self, expected: &str) -> Parsed<String> {
        if self.cursor.is_at("\"") {
            return self.quoted();
        }
        let start = self.cursor.at();
        let word = self.cursor.word();
        if word.is_empty() {
            return Err(self.cursor.expected(expected));
        }
        let end = self.end_of_more();
        if end == self.cursor.at() {
            return Ok(word.to_owned());
        }
        let meant = Value(self.cursor.text(start..end)).to_string();
        let message = "expected quotes around what is more than one word";
        let error = self.cursor.error(message, start..end);
        Err(error.suggest(Some(meant)))
    }

    /// Where that ends which can only belong to the word before here, as no operator is between them: signs
    /// that no word holds, and more words.
    fn end_of_more(&self) -> usize {
        let mut cursor = self.cursor;
        cursor.signs();
        let mut end = cursor.at();
        loop {
            cursor.skip_spaces();
            let word = cursor.word();
            if word.is_empty() || words::is_known(word) {
                return end;
            }
            end = cursor.at();
        }
    }

    fn quoted(&mut self) -> Parsed<String> {
        let start = self.cursor.at();
        self.cursor.eat("\"");
        let mut value = String::new();
        loop {
            let at = self.cursor.at();
            match self.cursor.next_char() {
                Some('"') if value.is_empty() => {
                    let message = "expected something between the quotes";
                    return Err(self.cursor.error(message, start..self.cursor.at()));
                }
                Some('"') => return Ok(value),
                Some('\\') => match self.cursor.next_char() {
                    Some(c @ ('"' | '\\')) => value.push(c),
                    _ => {
                        let message = r#"expected `\"` for a quote or `\\` for a backslash"#;
                        return Err(self.cursor.error(message, at..at + 1));
                    }
                },
                Some(c) => value.push(c),
                None => {
                    let message = "expected `\"` that ends this before the end of the filter";
                    return Err(self.cursor.error(message, start..start + 1));
                }
            }
        }
    }

    pub(super) fn moment(&mut self) -> Parsed<Moment> {
        let start = self.cursor.skip_spaces();
        let word = self.cursor.date();
        if word.is_empty() {
            return Err(self.cursor.expected(moment::EXPECTED));
        }
        word.parse().map_err(|expected: String| {
            let error = self.cursor.expected_at(&expected, start..self.cursor.at());
            error.suggest(words::meant_as_moment(word))
        })
    }
}
