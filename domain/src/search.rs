//! Searching tasks: what somebody writes to find them, and the words of a text that are found.

use std::collections::HashSet;

use crate::quick_add::Span;

/// Most characters of what is searched for.
pub const MOST_CHARACTERS: usize = 200;

/// Letters of a word from which on it may be the beginning of one: a single letter begins too many.
const BEGINNING: usize = 2;

/// Letters without which a text cannot resemble another.
const RESEMBLING: usize = 3;

/// The word at the end of a text that somebody may still be typing, which is then the beginning of those that
/// are meant: letters and digits only, with nothing behind it, not even a space.
pub fn beginning(text: &str) -> Option<&str> {
    let last = text.rsplit(char::is_whitespace).next()?;
    // Of a phrase that is still open.
    let last = last.strip_prefix('"').unwrap_or(last);
    let fits = last.chars().all(is_of_word) && last.chars().nth(BEGINNING - 1).is_some();
    fits.then_some(last)
}

/// The words of a text without its signs and without those that are not to be found; none where there is too
/// little to compare.
pub fn resembling(text: &str) -> Option<String> {
    let wanted: Vec<&str> = text
        .split_whitespace()
        .filter(|word| !word.starts_with('-') && !word.eq_ignore_ascii_case("or"))
        .map(|word| word.trim_matches(|c| !is_of_word(c)))
        .filter(|word| !word.is_empty())
        .collect();
    let letters: usize = wanted.iter().map(|word| word.chars().count()).sum();
    (letters >= RESEMBLING).then(|| wanted.join(" "))
}

/// A word of a text, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    /// Itself.
    pub text: &'a str,
    /// In UTF-16 code units.
    pub span: Span,
    /// It is made of words and the signs between them: `e-mail`, `example.com`.
    pub is_compound: bool,
}

/// The words of a text in their order, a compound before those that it is made of.
pub fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut units = 0;
    let (mut run, mut chunk) = (None, None);
    // Behind the last letter of the chunk, and the place in `words` of its first word.
    let (mut end, mut first) = ((0, 0), 0);
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let here = (at, units);
        if is_of_word(c) {
            run.get_or_insert(here);
            if chunk.is_none() {
                first = words.len();
                chunk = Some(here);
            }
            end = (at + c.len_utf8(), units + c.len_utf16());
        } else {
            if let Some(start) = run.take() {
                words.push(word(text, start, here, false));
            }
            if c.is_whitespace()
                && let Some(start) = chunk.take()
                && words.len() > first + 1
            {
                words.insert(first, word(text, start, end, true));
            }
        }
        units += c.len_utf16();
    }
    words
}

/// Where in a text words of `found` stand, in order; no two spans overlap. A compound counts where none of its
/// words does. At most `most` spans.
pub fn spans(text: &str, found: &HashSet<&str>, most: usize) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut compound: Option<Span> = None;
    for word in words(text) {
        if compound.is_some_and(|whole| word.span.start >= whole.end) {
            spans.extend(compound.take());
        }
        if !found.contains(word.text) {
            continue;
        }
        if word.is_compound {
            compound = Some(word.span);
        } else {
            compound = None;
            spans.push(word.span);
        }
    }
    spans.extend(compound);
    spans.truncate(most);
    spans
}

/// The word from a place to another, each in bytes and in units.
fn word(text: &str, start: (usize, usize), end: (usize, usize), is_compound: bool) -> Word<'_> {
    Word {
        text: &text[start.0..end.0],
        span: Span {
            start: start.1,
            end: end.1,
        },
        is_compound,
    }
}

/// Letters and digits, and the accents that follow letters.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_word_may_be_a_beginning() {
        for (text, expected) in [
            ("mi", Some("mi")),
            ("buy mi", Some("mi")),
            ("\"buy mi", Some("mi")),
            ("\"mi", Some("mi")),
            ("bücher", Some("bücher")),
            ("m", None),
            ("milk ", None),
            ("\"buy milk\"", None),
            ("milk -br", None),
            ("e-ma", None),
            ("", None),
        ] {
            assert_eq!(beginning(text), expected, "{text:?}");
        }
    }

    #[test]
    fn signs_do_not_count_for_what_resembles() {
        for (text, expected) in [
            ("\"buy mlik\" -bread or eggs", Some("buy mlik eggs")),
            ("mi", None),
            ("-milk", None),
            ("\"'\\ :*", None),
        ] {
            assert_eq!(resembling(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn places_are_counted_in_utf_16() {
        let text = "🎉 Café–e-mail (x)";
        let read: Vec<(&str, usize, usize, bool)> = words(text)
            .iter()
            .map(|word| (word.text, word.span.start, word.span.end, word.is_compound))
            .collect();
        assert_eq!(
            read,
            [
                ("Café–e-mail", 3, 14, true),
                ("Café", 3, 7, false),
                ("e", 8, 9, false),
                ("mail", 10, 14, false),
                ("x", 16, 17, false),
            ]
        );
    }

    #[test]
    fn a_compound_counts_where_none_of_its_words_does() {
        let text = "see example.com, example";
        let at = |found: &[&str]| -> Vec<(usize, usize)> {
            spans(text, &found.iter().copied().collect(), 10)
                .iter()
                .map(|span| (span.start, span.end))
                .collect()
        };
        assert_eq!(at(&["example.com"]), [(4, 15)]);
        assert_eq!(at(&["example.com", "example"]), [(4, 11), (17, 24)]);
        assert_eq!(at(&["example", "see"]), [(0, 3), (4, 11), (17, 24)]);
        assert_eq!(at(&["com"]), [(12, 15)]);
        assert_eq!(at(&[]), []);
    }

    proptest! {
        #[test]
        fn each_word_stands_where_it_is_said_to(text in "(\\PC|[a-e.é🎉 -]){0,60}") {
            for word in words(&text) {
                prop_assert_eq!(word.span.of(&text), Some(word.text));
            }
            let all = words(&text);
            let found: HashSet<&str> = all.iter().map(|word| word.text).collect();
            let mut last = 0;
            for span in spans(&text, &found, usize::MAX) {
                prop_assert!(last <= span.start && span.start < span.end);
                last = span.end;
            }
        }
    }
}
