//! Times of a calendar.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::{super::quoted, content::Property};
use crate::{
    recurrence::Start,
    task::{Due, instant},
};

/// What the clocks of a calendar mean.
pub(super) struct Clock {
    /// Its user's.
    pub(super) zone: Tz,
    /// Those that the calendar describes, by their names in it.
    pub(super) zones: HashMap<String, Tz>,
    /// When it is read.
    pub(super) now: DateTime<Utc>,
}

/// A value of DATE or DATE-TIME (§3.3.4, §3.3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    On(NaiveDate),
    Utc(NaiveDateTime),
    /// By a clock of a zone, or by that of whoever reads it.
    Local(NaiveDateTime),
}

pub(super) fn time(text: &str) -> Result<Time, String> {
    let text = text.trim();
    let wrong = || format!("{} is no date and no time", quoted(text));
    if text.len() == 8 {
        let date = NaiveDate::parse_from_str(text, "%Y%m%d");
        return date.map(Time::On).map_err(|_| wrong());
    }
    let (local, is_utc) = match text.strip_suffix('Z') {
        Some(local) => (local, true),
        None => (text, false),
    };
    if local.len() != 15 {
        return Err(wrong());
    }
    // A leap second is taken as the second before it (§3.3.12).
    let local = NaiveDateTime::parse_from_str(local, "%Y%m%dT%H%M%S").map_err(|_| wrong())?;
    let local = chrono::Timelike::with_nanosecond(&local, 0).ok_or_else(wrong)?;
    Ok(if is_utc {
        Time::Utc(local)
    } else {
        Time::Local(local)
    })
}

impl Clock {
    /// When something is due by this property.
    pub(super) fn due(&self, property: &Property, notes: &mut Vec<String>) -> Result<Due, String> {
        let due = match time(&property.value).map_err(|why| format!("{}: {why}", property.name))? {
            Time::On(date) => Due::On { date },
            Time::Utc(date_time) => Due::At {
                date_time,
                time_zone: Tz::UTC,
            },
            Time::Local(date_time) => Due::At {
                date_time,
                time_zone: self.zone_of(property, notes),
            },
        };
        Ok(due)
    }

    fn zone_of(&self, property: &Property, notes: &mut Vec<String>) -> Tz {
        let Some(name) = property.parameter("TZID") else {
            return self.zone;
        };
        self.named(name).unwrap_or_else(|| {
            notes.push(format!(
                "TZID: {} is no zone such as Europe/Berlin; yours is taken for it",
                quoted(name)
            ));
            self.zone
        })
    }

    /// The zone of this name: that of the IANA database, as the calendar explains it, or at the end of a path,
    /// as in `/freeassociation.sourceforge.net/Europe/Berlin`.
    fn named(&self, name: &str) -> Option<Tz> {
        if let Ok(zone) = name.parse() {
            return Some(zone);
        }
        if let Some(zone) = self.zones.get(name) {
            return Some(*zone);
        }
        let parts: Vec<&str> = name.split('/').collect();
        let first = parts.len().saturating_sub(3);
        (first..parts.len()).find_map(|from| parts[from..].join("/").parse().ok())
    }

    /// The instant of a property.
    pub(super) fn instant(&self, property: &Property) -> Option<DateTime<Utc>> {
        Some(match time(&property.value).ok()? {
            Time::On(date) => instant(date.into(), self.zone),
            Time::Utc(at) => at.and_utc(),
            Time::Local(at) => instant(at, self.zone_of(property, &mut Vec::new())),
        })
    }

    /// The local times of a list, on the clock of `due`.
    pub(super) fn list(&self, property: &Property, due: &Due) -> Result<Vec<Start>, String> {
        let read = |text: &str| -> Result<Start, String> {
            let at = match time(text).map_err(|why| format!("{}: {why}", property.name))? {
                Time::On(date) => return Ok(Start::On(date)),
                Time::Utc(at) => at.and_utc(),
                Time::Local(at) => instant(at, self.zone_of(property, &mut Vec::new())),
            };
            Ok(match due {
                Due::At { time_zone, .. } => Start::At(at.with_timezone(time_zone).naive_local()),
                Due::On { .. } => Start::On(at.with_timezone(&self.zone).date_naive()),
            })
        };
        property.value.split(',').map(read).collect()
    }
}

/// The seconds of a duration (§3.3.6).
pub(super) fn duration(text: &str) -> Option<i64> {
    let (sign, text) = match text.trim().split_at_checked(1)? {
        ("-", rest) => (-1, rest),
        ("+", rest) => (1, rest),
        _ => (1, text.trim()),
    };
    let mut rest = text.strip_prefix('P')?;
    let (mut seconds, mut of_day) = (0_i64, false);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        if let Some(times) = rest.strip_prefix('T') {
            (rest, of_day) = (times, true);
        }
        let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let number: i64 = rest[..end].parse().ok()?;
        let unit = match (rest.get(end..=end)?, of_day) {
            ("W", false) => 7 * 86_400,
            ("D", false) => 86_400,
            ("H", true) => 3_600,
            ("M", true) => 60,
            ("S", true) => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[end + 1..];
    }
    Some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_they_are_written() {
        for (text, seconds) in [
            ("PT0S", Some(0)),
            ("-PT10M", Some(-600)),
            ("+P1W", Some(604_800)),
            ("-P1DT1H1M1S", Some(-90_061)),
            ("P", None),
            ("PT", None),
            ("P1H", None),
            ("PT1D", None),
            ("1D", None),
            ("P99999999999999999999D", None),
            ("P9223372036854775807W", None),
            ("Pé", None),
            ("P1é", None),
            ("P1", None),
            ("", None),
        ] {
            assert_eq!(duration(text), seconds, "{text}");
        }
    }

    #[test]
    fn a_zone_is_known_by_its_name_or_at_the_end_of_a_path() {
        let zones = HashMap::from([("W. Europe".to_owned(), Tz::Europe__Vienna)]);
        let clock = Clock {
            zone: Tz::UTC,
            zones,
            now: DateTime::UNIX_EPOCH,
        };
        for (name, zone) in [
            ("Europe/Berlin", Some(Tz::Europe__Berlin)),
            ("W. Europe", Some(Tz::Europe__Vienna)),
            (
                "/x.org/America/Indiana/Knox",
                Some(Tz::America__Indiana__Knox),
            ),
            ("/x.org/Olson_1/Asia/Kolkata", Some(Tz::Asia__Kolkata)),
            ("Mars/Olympus", None),
            ("", None),
        ] {
            assert_eq!(clock.named(name), zone, "{name}");
        }
    }
}
