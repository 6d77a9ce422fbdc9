//! The words of the language, and what somebody may mean who writes another.

use super::moment::Moment;
use crate::recurrence::Weekday;

/// Characters that no word holds: a name or a text with one of them, or with a space, stands in quotes.
const RESERVED: &str = "()&|!<>=:,\"#@*\\";

/// Words that begin a condition, or stand before one.
const CONDITIONS: [&str; 27] = [
    "all",
    "completed",
    "created",
    "done",
    "due",
    "has",
    "no",
    "not",
    "nothing",
    "open",
    "overdue",
    "p1",
    "p2",
    "p3",
    "p4",
    "project",
    "recurring",
    "search",
    "subtask",
    "tag",
    "text",
    "title",
    "today",
    "tomorrow",
    "updated",
    "week",
    "yesterday",
];

/// What stands after `has` and `no`.
pub(super) const THINGS: [&str; 7] = [
    "completed",
    "created",
    "due",
    "project",
    "reminder",
    "tags",
    "updated",
];

/// Words of other programs, and what is meant by them.
const ELSEWHERE: [(&str, &str); 6] = [
    ("any", "all"),
    ("closed", "done"),
    ("label", "tag"),
    ("late", "overdue"),
    ("none", "nothing"),
    ("repeating", "recurring"),
];

/// Whether a word may hold this character.
pub(super) fn is_word_character(c: char) -> bool {
    !c.is_whitespace() && !RESERVED.contains(c)
}

/// A name or a text that may stand without quotes.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_word_character)
}

/// Whether a word has a meaning where a condition or an operator may stand.
pub(super) fn is_known(word: &str) -> bool {
    let word = word.to_lowercase();
    CONDITIONS.contains(&word.as_str()) || word == "and" || word == "or"
}

/// The word that somebody may mean by `word` where a condition should stand.
pub(super) fn meant_as_condition(word: &str) -> Option<String> {
    let word = word.to_lowercase();
    let known = ELSEWHERE.iter().find(|(theirs, _)| *theirs == word);
    if let Some((_, ours)) = known {
        return Some((*ours).to_owned());
    }
    // Every day may be named after `due:`, but only some by themselves.
    if word.parse::<Moment>().is_ok() {
        return Some(format!("due: {word}"));
    }
    nearest(&word, CONDITIONS)
}

/// The word that somebody may mean by `word` where a date should stand.
pub(super) fn meant_as_moment(word: &str) -> Option<String> {
    let days = Moment::NAMED.map(|(name, _)| name);
    let weekdays = Weekday::ALL.map(Weekday::name);
    nearest(word, days.into_iter().chain(weekdays).chain(["now"]))
}

/// The one of `known` that is `word` but for a slip or two, one in three characters at most.
pub(super) fn nearest(word: &str, known: impl IntoIterator<Item = &'static str>) -> Option<String> {
    let word = word.to_lowercase();
    let most = (word.chars().count() / 3).min(2);
    let distances = known.into_iter().map(|known| {
        let known = known.to_lowercase();
        (strsim::osa_distance(&word, &known), known)
    });
    let (distance, known) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= most).then_some(known)
}
