//! Projects, tags and priorities: `#home`, `@"waiting for"`, `p1`.

use super::{
    clock,
    refusal::{Reading, Refusal},
    vocabulary,
    words::Cursor,
};
use crate::task::{Priority, limits};

/// `#home`.
pub(super) fn project(cursor: &mut Cursor<'_>) -> Option<String> {
    name(cursor, '#')
}

/// `@bank`.
pub(super) fn tag(cursor: &mut Cursor<'_>) -> Reading<String> {
    let time = |text: &str| clock::end_of_range(text.strip_prefix('@')?);
    if cursor.peek().and_then(time) == Some(true) {
        // `@3pm` is a time.
        return Ok(None);
    }
    let found = name(cursor, '@');
    if found
        .as_ref()
        .is_some_and(|tag| tag.chars().count() > limits::TAG)
    {
        return Err(cursor.refuse(Refusal::TagTooLong));
    }
    Ok(found)
}

/// A name behind a sign, as it is written. A number is none: `issue #123`.
fn name(cursor: &mut Cursor<'_>, sign: char) -> Option<String> {
    let name = cursor.written()?.strip_prefix(sign)?;
    let name = bracketed(name).unwrap_or(name).trim();
    if !name.chars().any(|c| c.is_alphabetic() || !c.is_ascii()) {
        return None;
    }
    cursor.at += 1;
    Some(name.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What is in quotes or brackets.
fn bracketed(name: &str) -> Option<&str> {
    [('"', '"'), ('“', '”'), ('[', ']')]
        .into_iter()
        .find_map(|(open, close)| name.strip_prefix(open)?.strip_suffix(close))
}

/// `p1`, `!1`; not `p1 of the book`.
pub(super) fn priority(cursor: &mut Cursor<'_>) -> Option<Priority> {
    let number = cursor.read(vocabulary::priority)?;
    (cursor.peek() != Some("of")).then(|| Priority::from_number(number))
}
