//! What may follow a rule: `until june 1`, `for 10 times`, `for 3 weeks`, `after completion`.

use chrono::NaiveDate;

use super::{
    day::one_day,
    length::{Length, length},
    refusal::Reading,
    vocabulary::count,
    words::Cursor,
};

/// When a rule ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ending {
    /// With this day.
    Until(NaiveDate),
    /// After so many occurrences.
    Count(u32),
    /// So long after its first occurrence.
    For(Length),
}

/// Reads the end of a rule.
pub(super) fn ending(cursor: &mut Cursor<'_>) -> Reading<Ending> {
    if let Some(found) = cursor.attempt(amount) {
        return Ok(Some(found));
    }
    let mut ahead = *cursor;
    if !ahead.eat(&["until", "till", "til", "to", "through", "thru", "ending"]) {
        return Ok(None);
    }
    ahead.eat(&["on"]);
    let found = one_day(&mut ahead, true)?;
    let day = found.filter(|when| when.times.is_empty() && when.part.is_none());
    let day = day.and_then(|when| when.day);
    if day.is_some() {
        *cursor = ahead;
    }
    Ok(day.map(Ending::Until))
}

/// `for 10 times`, `for 3 weeks`; not `for 2 hours`, which is how long one of them takes.
fn amount(cursor: &mut Cursor<'_>) -> Option<Ending> {
    if !cursor.eat(&["for"]) {
        return None;
    }
    let times = cursor.attempt(|ahead| {
        let count = ahead.read(count)?;
        ahead
            .eat(&["times", "time", "occurrences"])
            .then_some(count)
    });
    if let Some(count) = times {
        return Some(Ending::Count(count));
    }
    let length = length(cursor).filter(|length| !length.has_time())?;
    Some(Ending::For(length))
}

/// Reads that a rule counts from the day on which its task was completed.
pub(super) fn after_completion(cursor: &mut Cursor<'_>) -> bool {
    ["after", "from"]
        .iter()
        .any(|word| cursor.eat_all(&[word, "completion"]))
        || cursor.eat_all(&["after", "completing"])
}
