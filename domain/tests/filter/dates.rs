//! What days and times mean, and how due dates are compared with them.

use chrono::NaiveDate;

use super::*;

/// The range that a comparison of the due date comes to, as `from..to` in UTC.
fn range(comparison: &str, zone: Tz, now: DateTime<Utc>) -> String {
    use domain::filter::Condition;
    let filter = parse(&format!("due{comparison}")).resolve(zone, now);
    let Filter::Condition(Condition::Date(_, range)) = filter else {
        panic!("{comparison} is one condition");
    };
    let show = |at: Option<DateTime<Utc>>| {
        at.map_or_else(String::new, |at| at.format("%m-%dT%H:%M:%S").to_string())
    };
    format!("{}..{}", show(range.from), show(range.to))
}

#[test]
fn a_day_is_from_midnight_to_midnight_in_the_owners_zone() {
    for (comparison, expected) in [
        (": today", "12-01T23:00:00..12-02T23:00:00"),
        (": tomorrow", "12-02T23:00:00..12-03T23:00:00"),
        (": yesterday", "11-30T23:00:00..12-01T23:00:00"),
        (" < today", "..12-01T23:00:00"),
        (" <= today", "..12-02T23:00:00"),
        (" > today", "12-02T23:00:00.."),
        (" >= today", "12-01T23:00:00.."),
        (": today..+6d", "12-01T23:00:00..12-08T23:00:00"),
        (": today..<+6d", "12-01T23:00:00..12-07T23:00:00"),
        (": today<..+6d", "12-02T23:00:00..12-08T23:00:00"),
        (": -2w", "11-17T23:00:00..11-18T23:00:00"),
        (": +1m", "01-01T23:00:00..01-02T23:00:00"),
        (": -1y", "12-01T23:00:00..12-02T23:00:00"),
        // It is Wednesday: a day of the week is never today.
        (": thursday", "12-02T23:00:00..12-03T23:00:00"),
        (": tuesday", "12-07T23:00:00..12-08T23:00:00"),
        (": wednesday", "12-08T23:00:00..12-09T23:00:00"),
        (": 2026-12-24", "12-23T23:00:00..12-24T23:00:00"),
    ] {
        assert_eq!(
            range(comparison, Tz::Europe__Berlin, now()),
            expected,
            "{comparison}"
        );
    }
}

#[test]
fn a_time_is_a_second() {
    for (comparison, expected) in [
        (" < now", "..12-02T11:00:00"),
        (" > now", "12-02T11:00:01.."),
        (" < +4h", "..12-02T15:00:00"),
        (" > -36h", "11-30T23:00:01.."),
        (" < 2026-12-24T18:00", "..12-24T17:00:00"),
        (" <= 2026-12-24T18:00", "..12-24T17:00:01"),
        (" > 2026-12-24T18:00:00Z", "12-24T18:00:01.."),
        (
            ": 2026-12-24T18:00..2026-12-24T20:00",
            "12-24T17:00:00..12-24T19:00:01",
        ),
    ] {
        assert_eq!(
            range(comparison, Tz::Europe__Berlin, now()),
            expected,
            "{comparison}"
        );
    }
}

#[test]
fn today_is_where_the_owner_is() {
    let now = utc("2026-12-02T23:30:00Z");
    assert_eq!(
        range(": today", Tz::Asia__Tokyo, now),
        "12-02T15:00:00..12-03T15:00:00"
    );
    assert_eq!(
        range(": today", Tz::America__Los_Angeles, now),
        "12-02T08:00:00..12-03T08:00:00"
    );
}

#[test]
fn a_day_is_as_long_as_clocks_make_it() {
    for (zone, day, expected) in [
        (
            Tz::Europe__Berlin,
            "2026-03-29",
            "03-28T23:00:00..03-29T22:00:00",
        ),
        (
            Tz::Europe__Berlin,
            "2026-10-25",
            "10-24T22:00:00..10-25T23:00:00",
        ),
        // No midnight: it begins at 01:00.
        (
            Tz::America__Santiago,
            "2026-09-06",
            "09-06T04:00:00..09-07T03:00:00",
        ),
        // No such day: it is empty, and what is due on it is due on the next.
        (
            Tz::Pacific__Apia,
            "2011-12-30",
            "12-30T10:00:00..12-30T10:00:00",
        ),
    ] {
        assert_eq!(range(&format!(": {day}"), zone, now()), expected, "{day}");
    }
}

#[test]
fn a_month_that_is_too_short_ends_with_its_last_day() {
    let now = utc("2026-01-31T12:00:00Z");
    assert_eq!(
        range(": +1m", Tz::UTC, now),
        "02-28T00:00:00..03-01T00:00:00"
    );
    let now = utc("2028-02-29T12:00:00Z");
    assert_eq!(
        range(": +1y", Tz::UTC, now),
        "02-28T00:00:00..03-01T00:00:00"
    );
}

#[test]
fn a_day_beyond_those_of_due_dates_is_the_first_or_the_last() {
    use domain::filter::{Edge, Moment, Unit};
    let (first, last) = (utc("1970-01-01T00:00:00Z"), utc("9999-01-01T00:00:00Z"));
    for (moment, expected) in [
        (Moment::In(i16::MIN, Unit::Year), first),
        (Moment::In(i16::MAX, Unit::Year), last),
        (Moment::Day(NaiveDate::MIN), first),
        (Moment::Day(NaiveDate::MAX), last),
    ] {
        assert_eq!(Edge::Start(moment).resolve(Tz::UTC, now()), expected);
    }
}

/// An all-day task is due until the end of its day, so it is later than every time of that day.
#[test]
fn all_day_and_a_time_of_day_are_compared_by_the_end_of_the_day() {
    for (filter, when, expected) in [
        ("due: 2026-12-02", "2026-12-02", true),
        ("due: 2026-12-02", "2026-12-02T00:00:00", true),
        ("due: 2026-12-02", "2026-12-02T23:59:59", true),
        ("due: 2026-12-02", "2026-12-03T00:00:00", false),
        ("due: 2026-12-02", "2026-12-01", false),
        ("due < 2026-12-02", "2026-12-02", false),
        ("due < 2026-12-02", "2026-12-01", true),
        ("due <= 2026-12-02", "2026-12-02", true),
        ("due > 2026-12-02", "2026-12-02", false),
        ("due > 2026-12-02", "2026-12-03", true),
        ("due >= 2026-12-02", "2026-12-02T00:00:00", true),
        ("due: 2026-12-01..2026-12-07", "2026-12-07", true),
        ("due: 2026-12-01..2026-12-07", "2026-12-08", false),
        ("due: 2026-12-01..<2026-12-07", "2026-12-07", false),
        ("due: 2026-12-01<..2026-12-07", "2026-12-01", false),
        // Against a time of that day.
        ("due < 2026-12-02T18:00", "2026-12-02", false),
        ("due > 2026-12-02T18:00", "2026-12-02", true),
        ("due <= 2026-12-02T23:59:59", "2026-12-02", true),
        ("due < 2026-12-02T18:00", "2026-12-02T17:59:00", true),
        ("due < 2026-12-02T18:00", "2026-12-02T18:00:00", false),
        ("due <= 2026-12-02T18:00", "2026-12-02T18:00:00", true),
        ("due > 2026-12-02T18:00", "2026-12-02T18:00:00", false),
        ("due: 2026-12-02T18:00", "2026-12-02T18:00:00", true),
        // It is 12:00 on 2026-12-02.
        ("overdue", "2026-12-01", true),
        ("overdue", "2026-12-02", false),
        ("overdue", "2026-12-02T11:59:59", true),
        ("overdue", "2026-12-02T12:00:00", false),
        ("today", "2026-12-02", true),
        ("today", "2026-12-02T11:00:00", true),
        ("week", "2026-12-08", true),
        ("week", "2026-12-08T23:00:00", true),
        ("week", "2026-12-09", false),
        ("week", "2026-12-01", false),
        ("due < +3d", "2026-12-04T23:59:00", true),
        ("due < +3d", "2026-12-05", false),
    ] {
        assert_eq!(matches(filter, &due(when)), expected, "{filter}: {when}");
    }
}

#[test]
fn a_time_in_another_zone_is_compared_by_its_instant() {
    let due = Due::At {
        date_time: "2026-12-01T22:00:00".parse().unwrap(),
        time_zone: Tz::America__New_York, // 04:00 of the next day in Berlin
    };
    let mut task = task("call home");
    task.due_at = Some(due_at(&due, Tz::Europe__Berlin));
    assert!(matches("due: 2026-12-02", &task));
    assert!(!matches("due: 2026-12-01", &task));
}
