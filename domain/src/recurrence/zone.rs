//! From clock readings to instants, by the rules of RFC 5545 §3.3.5: a reading that the clock
//! skips is read with the offset before the gap, which moves it forward by the gap; a reading that
//! the clock shows twice means the first time.

use chrono::{DateTime, MappedLocalTime, Offset, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

use super::{Start, calendar};

/// A zone, with the case without transitions told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Zone {
    tz: Tz,
    utc: bool,
}

/// What a clock reading means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resolved {
    /// The instant, in seconds since 1970-01-01T00:00:00Z.
    pub(super) at: i64,
    /// The clock skips this reading.
    pub(super) skipped: bool,
}

impl Zone {
    pub(super) fn new(tz: Tz) -> Self {
        let utc = matches!(
            tz,
            Tz::UTC | Tz::Etc__UTC | Tz::Zulu | Tz::Etc__Zulu | Tz::Etc__UCT | Tz::UCT
        );
        Self { tz, utc }
    }

    pub(super) fn tz(self) -> Tz {
        self.tz
    }

    /// Seconds that local time is ahead of UTC at an instant.
    pub(super) fn offset(self, at: i64) -> i64 {
        if self.utc {
            return 0;
        }
        let offset = self.tz.offset_from_utc_datetime(&calendar::reading(at));
        i64::from(offset.fix().local_minus_utc())
    }

    /// The clock reading at an instant.
    pub(super) fn local(self, at: i64) -> i64 {
        at + self.offset(at)
    }

    /// The instant of a clock reading.
    pub(super) fn resolve(self, civil: i64) -> Resolved {
        if self.utc {
            return Resolved {
                at: civil,
                skipped: false,
            };
        }
        let reading = calendar::reading(civil);
        let ahead = |offset: &chrono_tz::TzOffset| i64::from(offset.fix().local_minus_utc());
        match self.tz.offset_from_local_datetime(&reading) {
            MappedLocalTime::Single(offset) => Resolved {
                at: civil - ahead(&offset),
                skipped: false,
            },
            // The offset that is further ahead makes the earlier instant.
            MappedLocalTime::Ambiguous(a, b) => Resolved {
                at: civil - ahead(&a).max(ahead(&b)),
                skipped: false,
            },
            MappedLocalTime::None => {
                let before = GapInfo::new(&reading, &self.tz)
                    .and_then(|gap| gap.begin)
                    .map_or_else(
                        // No gap is known: the offset of a day before, as good as any.
                        || self.offset(civil - 2 * calendar::DAY),
                        |(_, offset)| ahead(&offset),
                    );
                Resolved {
                    at: civil - before,
                    skipped: true,
                }
            }
        }
    }

    /// The first instant after `from` and up to `to` at which the offset is another, with the
    /// offsets before and after.
    pub(super) fn transition(self, from: i64, to: i64) -> Option<(i64, i64, i64)> {
        // No zone changes twice within a week and keeps its offset by doing so.
        const STEP: i64 = 7 * calendar::DAY;
        if self.utc {
            return None;
        }
        let before = self.offset(from);
        let mut low = from;
        while low < to {
            let mut high = (low + STEP).min(to);
            if self.offset(high) == before {
                low = high;
                continue;
            }
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if self.offset(middle) == before {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            return Some((high, before, self.offset(high)));
        }
        None
    }
}

/// The instant of a local date-time or of the beginning of a local day.
pub fn to_instant(local: &Start, zone: Tz) -> DateTime<Utc> {
    let zone = Zone::new(zone);
    let civil = calendar::civil(local.date_time());
    let first = zone.resolve(civil).at;
    let at = if local.is_second_time() && (calendar::FIRST..calendar::LAST).contains(&civil) {
        // The same reading comes again after the offset went back.
        let later = first + zone.offset(first) - zone.offset(first + calendar::DAY);
        if zone.local(later) == civil {
            later
        } else {
            first
        }
    } else {
        first
    };
    // Only at the ends of chrono's range, some 260,000 years from now, is there no such instant.
    DateTime::from_timestamp(at, 0).unwrap_or_else(|| local.date_time().and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: Tz, text: &str) -> String {
        to_instant(&text.parse().unwrap(), zone).to_rfc3339()
    }

    #[test]
    fn a_skipped_reading_moves_forward_by_the_gap() {
        assert_eq!(
            at(Tz::Europe__Berlin, "2026-03-29T02:30:00"),
            "2026-03-29T01:30:00+00:00"
        );
        assert_eq!(
            at(Tz::Australia__Lord_Howe, "2026-10-04T02:15:00"),
            "2026-10-03T15:45:00+00:00"
        );
        // A whole day: Samoa had no 30 December 2011.
        assert_eq!(
            at(Tz::Pacific__Apia, "2011-12-30T09:00:00"),
            at(Tz::Pacific__Apia, "2011-12-31T09:00:00")
        );
    }

    #[test]
    fn a_repeated_reading_is_the_first() {
        assert_eq!(
            at(Tz::Europe__Berlin, "2026-10-25T02:30:00"),
            "2026-10-25T00:30:00+00:00"
        );
        assert_eq!(
            at(Tz::Europe__Berlin, "2026-10-25T02:30:00~2"),
            "2026-10-25T01:30:00+00:00"
        );
    }

    #[test]
    fn a_day_without_midnight_begins_later() {
        assert_eq!(
            at(Tz::America__Santiago, "2026-09-06"),
            "2026-09-06T04:00:00+00:00"
        );
    }

    #[test]
    fn the_next_transition_is_found_to_the_second() {
        let zone = Zone::new(Tz::Europe__Berlin);
        let from = to_instant(&"2026-11-21".parse().unwrap(), Tz::Europe__Berlin).timestamp();
        let (at, before, after) = zone.transition(from, from + 400 * calendar::DAY).unwrap();
        assert_eq!(
            DateTime::from_timestamp(at, 0).unwrap().to_rfc3339(),
            "2027-03-28T01:00:00+00:00"
        );
        assert_eq!((before, after), (3600, 7200));
    }
}
