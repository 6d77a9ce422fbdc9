//! Instants in answers: RFC 3339 in UTC, with as many decimals as there are.
//!
//! The same text as chrono's own, which hands JSON one character after another: that took a quarter of the
//! time of a list.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serializer;

fn text(instant: &DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// For `#[serde(serialize_with)]`.
pub(crate) fn serialize<S: Serializer>(
    instant: &DateTime<Utc>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(instant))
}

/// For `#[serde(serialize_with)]` of what may be absent.
pub(crate) fn serialize_option<S: Serializer>(
    instant: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match instant {
        Some(instant) => serialize(instant, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_chronos_own() {
        for instant in [
            "2026-11-30T09:00:00Z",
            "1970-01-01T00:00:00.000001Z",
            "9998-12-31T23:59:59.5Z",
        ] {
            let instant: DateTime<Utc> = instant.parse().unwrap();
            let theirs = serde_json::to_value(instant).unwrap();
            assert_eq!(theirs, text(&instant));
        }
    }
}
