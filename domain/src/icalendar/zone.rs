//! A zone of the IANA database as a VTIMEZONE (RFC 5545 §3.6.5).

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, Duration, NaiveDate, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::{OffsetComponents as _, OffsetName as _, Tz};

use super::lines::{Lines, date_time};

/// Years from now on whose changes of clocks are written: programs that know the zone by its name, as most
/// do, need none of them.
const AHEAD: i32 = 5;

/// Years back at most.
const BACK: i32 = 10;

/// Nowhere do clocks change twice within this time.
const STEP: Duration = Duration::days(7);

/// What clocks show from a change on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Observance {
    is_daylight: bool,
    /// Seconds ahead of UTC before.
    from: i64,
    /// And after.
    to: i64,
    name: String,
}

/// Writes a zone from the day before `first` on.
pub(super) fn write(lines: &mut Lines, zone: Tz, first: NaiveDate, now: DateTime<Utc>) {
    if super::is_utc(zone) {
        return;
    }
    let years = now.year() - BACK..=now.year() + AHEAD;
    let year = first.year().clamp(*years.start(), *years.end());
    let begin = |year| Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).single();
    let (Some(begin), Some(end)) = (begin(year), begin(years.end() + 1)) else {
        return;
    };
    lines.begin("VTIMEZONE");
    lines.plain("TZID", zone.name());
    for (observance, onsets) in observances(zone, begin, end) {
        observance.write(lines, &onsets);
    }
    lines.end("VTIMEZONE");
}

/// What clocks show between two instants, each with the readings of the clock before it at which it begins.
fn observances(
    zone: Tz,
    begin: DateTime<Utc>,
    end: DateTime<Utc>,
) -> BTreeMap<Observance, Vec<NaiveDateTime>> {
    let mut found: BTreeMap<Observance, Vec<NaiveDateTime>> = BTreeMap::new();
    let mut note = |at: DateTime<Utc>, from: i64| {
        let offset = zone.offset_from_utc_datetime(&at.naive_utc());
        let observance = Observance {
            is_daylight: !offset.dst_offset().is_zero(),
            from,
            to: seconds(zone, at),
            name: offset.abbreviation().unwrap_or_default().to_owned(),
        };
        let onset = at.naive_utc() + Duration::seconds(from);
        found.entry(observance).or_default().push(onset);
    };
    note(begin, seconds(zone, begin));
    let mut at = begin;
    while at < end {
        let next = at + STEP;
        let (before, after) = (seconds(zone, at), seconds(zone, next));
        if before != after {
            note(change(zone, at, next), before);
        }
        at = next;
    }
    found
}

/// The first second after `low` at which clocks show what they show at `high`.
fn change(zone: Tz, mut low: DateTime<Utc>, mut high: DateTime<Utc>) -> DateTime<Utc> {
    let before = seconds(zone, low);
    while high - low > Duration::seconds(1) {
        let middle = low + Duration::seconds((high - low).num_seconds() / 2);
        if seconds(zone, middle) == before {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

fn seconds(zone: Tz, at: DateTime<Utc>) -> i64 {
    let offset = zone.offset_from_utc_datetime(&at.naive_utc());
    (offset.base_utc_offset() + offset.dst_offset()).num_seconds()
}

impl Observance {
    fn write(&self, lines: &mut Lines, onsets: &[NaiveDateTime]) {
        let component = if self.is_daylight {
            "DAYLIGHT"
        } else {
            "STANDARD"
        };
        let Some((first, others)) = onsets.split_first() else {
            return;
        };
        lines.begin(component);
        lines.plain("DTSTART", &date_time(*first));
        for onset in others {
            lines.plain("RDATE", &date_time(*onset));
        }
        lines.plain("TZOFFSETFROM", &utc_offset(self.from));
        lines.plain("TZOFFSETTO", &utc_offset(self.to));
        if !self.name.is_empty() {
            lines.text("TZNAME", &self.name);
        }
        lines.end(component);
    }
}

/// §3.3.14, such as `+0100`.
fn utc_offset(seconds: i64) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let all = seconds.unsigned_abs();
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    if seconds == 0 {
        format!("{sign}{hours:02}{minutes:02}")
    } else {
        format!("{sign}{hours:02}{minutes:02}{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_of_clocks_is_written_by_the_clock_before_it() {
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        let mut lines = Lines::default();
        let first = NaiveDate::from_ymd_opt(2030, 6, 1).unwrap();
        write(&mut lines, Tz::Europe__Berlin, first, now);
        let text = lines.text.replace("\r\n", "\n");
        assert!(text.contains("TZID:Europe/Berlin\n"), "{text}");
        let summer = "BEGIN:DAYLIGHT\nDTSTART:20300331T020000\nRDATE:20310330T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nTZNAME:CEST\nEND:DAYLIGHT\n";
        assert!(text.contains(summer), "{text}");
        let winter = "BEGIN:STANDARD\nDTSTART:20301027T030000\nRDATE:20311026T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nTZNAME:CET\nEND:STANDARD\n";
        assert!(text.contains(winter), "{text}");
    }

    #[test]
    fn a_zone_without_changes_has_one_observance() {
        let now = "2026-11-30T12:00:00Z".parse().unwrap();
        let mut lines = Lines::default();
        let first = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap();
        write(&mut lines, Tz::Asia__Kolkata, first, now);
        assert_eq!(lines.text.matches("BEGIN:STANDARD").count(), 1);
        assert!(lines.text.contains("TZOFFSETTO:+0530\r\n"));
    }
}
