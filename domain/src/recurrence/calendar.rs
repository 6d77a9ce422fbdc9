//! Proleptic Gregorian arithmetic on day numbers (1970-01-01 is 0), after
//! <https://howardhinnant.github.io/date_algorithms.html>. Civil time is seconds since
//! 1970-01-01T00:00:00 on a clock without a zone.

use chrono::{DateTime, NaiveDateTime};

/// Seconds in a civil day.
pub(super) const DAY: i64 = 86_400;

/// The last civil second that the engine looks at: the end of the year 9999.
pub(super) const LAST: i64 = 253_402_300_799;

/// An instant before every start: two days before the year 1.
pub(super) const FIRST: i64 = -62_135_596_800 - 2 * DAY;

/// The last day of the year 9999.
pub(super) const LAST_DAY: i64 = LAST / DAY;

/// Day number of a date.
pub(super) fn days(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let shifted = i64::from((month + 9) % 12);
    let of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a day number.
pub(super) fn date(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day = shifted.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = (of_year - (153 * month + 2) / 5 + 1) as u32;
    let month = if month < 10 { month + 3 } else { month - 9 } as u32;
    (year + era * 400 + i64::from(month <= 2), month, of_month)
}

/// Day of the week of a day number, Monday 0.
pub(super) fn weekday(days: i64) -> u32 {
    (days + 3).rem_euclid(7) as u32
}

/// Whether a year has 366 days.
pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days in a year.
pub(super) fn year_len(year: i64) -> u32 {
    365 + u32::from(is_leap(year))
}

/// Days in a month.
pub(super) fn month_len(year: i64, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Civil seconds of a clock reading.
pub(super) fn civil(reading: NaiveDateTime) -> i64 {
    reading.and_utc().timestamp()
}

/// The clock reading of civil seconds.
pub(super) fn reading(civil: i64) -> NaiveDateTime {
    DateTime::from_timestamp(civil, 0)
        .expect("the engine stays between the years -1 and 10000")
        .naive_utc()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDate};

    #[test]
    fn agrees_with_chrono_on_every_day_of_two_cycles() {
        let first = days(1600, 1, 1);
        for day in first..first + 2 * 146_097 {
            let (y, m, d) = date(day);
            let chrono = NaiveDate::from_ymd_opt(y as i32, m, d).unwrap();
            assert_eq!(civil(chrono.and_hms_opt(0, 0, 0).unwrap()), day * DAY);
            assert_eq!(chrono.weekday().num_days_from_monday(), weekday(day));
            assert_eq!(days(y, m, d), day);
        }
    }

    #[test]
    fn the_last_second_is_in_9999() {
        assert_eq!(reading(LAST).to_string(), "9999-12-31 23:59:59");
        assert_eq!(date(LAST_DAY), (9999, 12, 31));
    }
}
