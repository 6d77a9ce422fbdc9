//! Keys of a manual order, compared as text ("fractional indexing"): between any two of them there is
//! another one, so that a move writes one row.
//!
//! A key is a fraction in hexadecimal digits behind an imagined point, without a trailing zero. What is
//! put last or first gets the time as its digits, forwards or backwards: it needs no look at what is there
//! already and never gets longer. Only what is put between two others does, by one digit for about four
//! moves to the same place; [`Position::spread`] makes room again. (The `fractional_index` crate subtracts
//! one from a byte that may be zero.)

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where something stands in a manual order.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(String);

/// The digits.
const BASE: u8 = 16;

/// Microseconds that the digits of a time can hold: 56 bits.
const TIMES: i64 = 1 << 56;

impl Position {
    /// Digits of the longest key that is stored.
    pub const LONGEST: usize = 120;

    /// Reads a stored key.
    ///
    /// # Errors
    /// When the text is none.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let digits = text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        if !digits || text.len() > Self::LONGEST || text.ends_with('0') {
            return Err("is no position");
        }
        Ok(Self(text.to_owned()))
    }

    /// Behind everything that was put somewhere before `now`. Of what is put there at the same
    /// microsecond the ids' last digits tell the order.
    pub fn last(now: DateTime<Utc>, id: Uuid) -> Self {
        Self::timed('8', micros(now), id)
    }

    /// Before everything that was put somewhere before `now`.
    pub fn first(now: DateTime<Utc>, id: Uuid) -> Self {
        Self::timed('4', TIMES - 1 - micros(now), id)
    }

    // The migration writes the same for tasks that were there before.
    fn timed(half: char, time: i64, id: Uuid) -> Self {
        let [.., a, b] = id.into_bytes();
        Self(format!("{half}{time:014x}{a:02x}{b:02x}8"))
    }

    /// Between two neighbours, of which one or both may be missing; `None` when `after` does not come
    /// before `before`. May be longer than [`Self::LONGEST`].
    pub fn between(
        after: Option<&Self>,
        before: Option<&Self>,
        now: DateTime<Utc>,
        id: Uuid,
    ) -> Option<Self> {
        match (after, before) {
            (None, None) => Some(Self::last(now, id)),
            // The clock of another gateway may be ahead of ours.
            (Some(after), None) => Some(Self::last(now, id))
                .filter(|last| last > after)
                .or_else(|| Self::middle(Some(after), None)),
            (None, Some(before)) => Some(Self::first(now, id))
                .filter(|first| first < before)
                .or_else(|| Self::middle(None, Some(before))),
            (after, before) => Self::middle(after, before),
        }
    }

    /// `count` keys in order between two neighbours, as short as they can be; `None` when `after` does not
    /// come before `before`.
    pub fn spread(after: Option<&Self>, before: Option<&Self>, count: usize) -> Option<Vec<Self>> {
        if count == 0 {
            return Some(Vec::new());
        }
        let middle = Self::middle(after, before)?;
        let half = count / 2;
        let mut keys = Self::spread(after, Some(&middle), half)?;
        let rest = Self::spread(Some(&middle), before, count - half - 1)?;
        keys.push(middle);
        keys.extend(rest);
        Some(keys)
    }

    fn middle(after: Option<&Self>, before: Option<&Self>) -> Option<Self> {
        let (low, high) = (digits(after), before.map(|key| digits(Some(key))));
        if high.as_ref().is_some_and(|high| low >= *high) {
            return None;
        }
        let digits = middle(&low, high.as_deref());
        let text = digits.into_iter().map(|digit| {
            char::from_digit(digit.into(), BASE.into()).expect("a digit is below the base")
        });
        Some(Self(text.collect()))
    }

    /// Whether it may be stored.
    pub fn fits(&self) -> bool {
        self.0.len() <= Self::LONGEST
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn micros(now: DateTime<Utc>) -> i64 {
    now.timestamp_micros().clamp(0, TIMES - 1)
}

/// The digits of a key; of none those of zero.
fn digits(key: Option<&Position>) -> Vec<u8> {
    let text = key.map_or("", Position::as_str);
    let digit = |c: char| c.to_digit(BASE.into()).and_then(|d| d.try_into().ok());
    text.chars().filter_map(digit).collect()
}

/// A fraction between `low` and `high` (absent: one), which is larger; neither ends with a zero.
fn middle(low: &[u8], high: Option<&[u8]>) -> Vec<u8> {
    if let Some(high) = high {
        let padded = low.iter().chain(std::iter::repeat(&0));
        let common = high.iter().zip(padded).take_while(|(a, b)| a == b).count();
        if common > 0 {
            let mut digits = high[..common].to_vec();
            let rest = low.get(common..).unwrap_or_default();
            digits.extend(middle(rest, Some(&high[common..])));
            return digits;
        }
    }
    let first = low.first().copied().unwrap_or(0);
    let last = high.map_or(BASE, |high| high[0]);
    if last - first > 1 {
        return vec![first + (last - first) / 2];
    }
    match high {
        // Its first digit alone is smaller than the whole of it.
        Some(high) if high.len() > 1 => high[..1].to_vec(),
        _ => {
            let mut digits = vec![first];
            digits.extend(middle(low.get(1..).unwrap_or_default(), None));
            digits
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(micros: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(micros).unwrap()
    }

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn later_is_behind_and_moves_to_the_top_come_before_everything() {
        let one = Position::last(at(1_795_000_000_000_000), id(9));
        let two = Position::last(at(1_795_000_000_000_001), id(1));
        assert_eq!(one.as_str(), "806608b015f300000098");
        let top = Position::first(at(1_795_000_000_000_002), id(5));
        let above = Position::first(at(1_795_000_000_000_003), id(6));
        assert!(above < top && top < one && one < two);
    }

    #[test]
    fn a_neighbour_from_a_clock_that_is_ahead_is_still_a_neighbour() {
        let ahead = Position::last(at(2_000), id(1));
        let behind = Position::between(Some(&ahead), None, at(1_000), id(2)).unwrap();
        assert!(behind > ahead);
        let ahead = Position::first(at(2_000), id(1));
        let before = Position::between(None, Some(&ahead), at(1_000), id(2)).unwrap();
        assert!(before < ahead);
    }

    #[test]
    fn neighbours_in_the_wrong_order_have_nothing_between_them() {
        let (one, two) = (Position::last(at(1), id(1)), Position::last(at(2), id(1)));
        assert_eq!(
            Position::between(Some(&two), Some(&one), at(3), id(1)),
            None
        );
        assert_eq!(
            Position::between(Some(&one), Some(&one), at(3), id(1)),
            None
        );
        assert_eq!(Position::spread(Some(&two), Some(&one), 3), None);
    }

    #[test]
    fn moves_to_one_place_lengthen_a_key_by_a_digit_for_four_and_spreading_shortens_them_again() {
        let low = Position::last(at(1_795_000_000_000_000), id(1));
        let high = Position::last(at(1_795_000_060_000_000), id(2));
        let mut above = high.clone();
        let mut moves = 0;
        while above.fits() {
            above = Position::between(Some(&low), Some(&above), at(0), id(3)).unwrap();
            moves += 1;
        }
        assert!(moves > 380, "{moves}");
        let keys = Position::spread(Some(&low), Some(&high), 500).unwrap();
        let longest = keys.iter().map(|key| key.as_str().len()).max();
        assert!(longest <= Some(14), "{longest:?}");
    }

    #[test]
    fn only_keys_are_read() {
        for text in ["", "8", "80a1"] {
            assert_eq!(Position::parse(text).unwrap().as_str(), text);
        }
        for text in ["0", "80", "8A", "é", "8 ", &"1".repeat(121)] {
            assert!(Position::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        /// Whatever is put wherever, the keys are in the order of the list.
        #[test]
        fn keys_keep_the_order_of_a_list(places in prop::collection::vec(any::<prop::sample::Index>(), 1..80)) {
            let mut list: Vec<Position> = Vec::new();
            for (moment, place) in (0..).zip(places) {
                let place = place.index(list.len() + 1);
                let after = place.checked_sub(1).map(|before| &list[before]);
                let key = Position::between(after, list.get(place), at(moment), id(1)).unwrap();
                prop_assert_eq!(Position::parse(key.as_str()), Ok(key.clone()));
                list.insert(place, key);
            }
            prop_assert!(list.is_sorted_by(|a, b| a < b));
        }

        #[test]
        fn what_is_spread_lies_in_order_between_its_bounds(
            low in "[0-9a-f]{0,6}[1-9a-f]", high in "[0-9a-f]{0,6}[1-9a-f]", count in 0..70_usize,
        ) {
            prop_assume!(low < high);
            let (low, high) = (Position(low), Position(high));
            let keys = Position::spread(Some(&low), Some(&high), count).unwrap();
            prop_assert_eq!(keys.len(), count);
            let all: Vec<_> = [low].into_iter().chain(keys).chain([high]).collect();
            prop_assert!(all.is_sorted_by(|a, b| a < b));
            prop_assert!(all.iter().all(|key| !key.as_str().ends_with('0')));
        }
    }
}
