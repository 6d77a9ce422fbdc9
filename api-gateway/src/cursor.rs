//! Cursors of lists: opaque to clients, bound to the order of the list that they continue.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike, Utc};
use domain::{position::Position as ManualPosition, task::Priority};
use store::tasks::{Key, Order, Position, Sort, TITLE_KEY};

/// Stands in the cursor of a list of what resembles what was searched for.
const FUZZY: &str = "~";

/// The cursor that continues a list of this `order` behind `position`. `is_fuzzy`: it lists what resembles
/// what was searched for, as no word of it was found.
pub(crate) fn encode(order: Order, is_fuzzy: bool, position: &Position) -> String {
    let key = match &position.key {
        Key::Time(time) => time.timestamp_micros().to_string(),
        Key::Priority(priority) => priority.number().to_string(),
        Key::Manual(position) => position.as_str().to_owned(),
        Key::Title(title) => title.clone(),
        Key::Rank(rank) => rank.to_bits().to_string(),
        Key::Undated => String::new(),
    };
    let fuzzy = if is_fuzzy { FUZZY } else { "" };
    let text = format!("{}{fuzzy}:{key}:{}", bound_to(order), position.id);
    URL_SAFE_NO_PAD.encode(text)
}

/// The position of a cursor made for this `order`, and whether it is one of a list of what resembles what was
/// searched for.
pub(crate) fn decode(order: Order, cursor: &str) -> Option<(Position, bool)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    // Titles hold colons, too.
    let (bound, rest) = text.split_once(':')?;
    let (key, id) = rest.rsplit_once(':')?;
    let is_fuzzy = bound.ends_with(FUZZY);
    if bound.strip_suffix(FUZZY).unwrap_or(bound) != bound_to(order) {
        return None;
    }
    let key = match order.sort {
        Sort::Created | Sort::Updated | Sort::Completed => Key::Time(time(key)?),
        Sort::Due if key.is_empty() => Key::Undated,
        Sort::Due => Key::Time(time(key)?),
        Sort::Priority => Key::Priority(match key.parse().ok()? {
            number @ 1..=4 => Priority::from_number(number),
            _ => return None,
        }),
        Sort::Manual => Key::Manual(ManualPosition::parse(key).ok()?),
        Sort::Title => {
            let fits = key.chars().count() <= TITLE_KEY && !key.contains('\0');
            Key::Title(fits.then(|| key.to_owned())?)
        }
        Sort::Relevance => {
            let rank = f32::from_bits(key.parse().ok()?);
            Key::Rank(rank.is_finite().then_some(rank)?)
        }
    };
    let id = id.parse().ok()?;
    Some((Position { key, id }, is_fuzzy))
}

/// What a cursor says of the order that it is made for.
fn bound_to(order: Order) -> String {
    let direction = if order.descending { '-' } else { '+' };
    format!("{}{direction}", order.sort.as_str())
}

/// A time that Postgres can hold: anybody can make up a cursor.
pub(crate) fn time(micros: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
    (0..=9999).contains(&time.year()).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn order(sort: Sort, descending: bool) -> Order {
        Order { sort, descending }
    }

    #[test]
    fn a_cursor_is_good_for_its_own_order_only() {
        let position = Position {
            key: Key::Time(DateTime::UNIX_EPOCH),
            id: Uuid::from_u128(7),
        };
        let cursor = encode(order(Sort::Due, false), false, &position);
        let decoded = decode(order(Sort::Due, false), &cursor);
        assert_eq!(decoded, Some((position, false)));
        assert_eq!(decode(order(Sort::Due, true), &cursor), None);
        assert_eq!(decode(order(Sort::Created, false), &cursor), None);
    }

    #[test]
    fn a_made_up_time_beyond_what_postgres_holds_is_refused() {
        for micros in [i64::MAX, i64::MIN] {
            let text = format!("created+:{micros}:{}", Uuid::nil());
            let cursor = URL_SAFE_NO_PAD.encode(text);
            assert_eq!(decode(order(Sort::Created, false), &cursor), None);
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(
            micros in 0i64..4_000_000_000_000_000, id: u128, descending: bool, fuzzy: bool,
            title in "[^\\x00]{0,100}", rank in 0f32..10.0,
        ) {
            let time = DateTime::from_timestamp_micros(micros).unwrap();
            for (sort, key) in [
                (Sort::Created, Key::Time(time)),
                (Sort::Due, Key::Time(time)),
                (Sort::Due, Key::Undated),
                (Sort::Priority, Key::Priority(Priority::P3)),
                (Sort::Manual, Key::Manual(ManualPosition::last(time, Uuid::from_u128(id)))),
                (Sort::Updated, Key::Time(time)),
                (Sort::Completed, Key::Time(time)),
                (Sort::Title, Key::Title(title)),
                (Sort::Relevance, Key::Rank(rank)),
            ] {
                let position = Position { key, id: Uuid::from_u128(id) };
                let order = order(sort, descending);
                let cursor = encode(order, fuzzy, &position);
                prop_assert_eq!(decode(order, &cursor), Some((position, fuzzy)));
            }
        }

        #[test]
        fn nothing_that_is_sent_as_a_cursor_panics(text in "\\PC{0,80}") {
            let order = order(Sort::Relevance, false);
            decode(order, &text);
            decode(order, &URL_SAFE_NO_PAD.encode(&text));
        }
    }
}
