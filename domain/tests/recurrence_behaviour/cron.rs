//! Cron expressions.

use super::*;

fn cron(text: &str, from: &str, zone: Tz) -> SeriesSpec {
    SeriesSpec::cron(text, start(from), Some(zone))
}

#[test]
fn five_and_six_fields() {
    let five = cron("30 9 * * 1-5", "2026-01-02T00:00", Tz::UTC);
    assert_eq!(
        first(&five, 2),
        ["2026-01-02T09:30:00", "2026-01-05T09:30:00"]
    );
    let six = cron("15,45 0 9 1 jan,Jul *", "2026-01-02T00:00", Tz::UTC);
    assert_eq!(
        first(&six, 3),
        [
            "2026-07-01T09:00:15",
            "2026-07-01T09:00:45",
            "2027-01-01T09:00:15"
        ]
    );
}

#[test]
fn day_of_month_and_day_of_week_are_alternatives() {
    let either = cron("0 0 13 * FRI", "2026-02-01T00:00", Tz::UTC);
    assert_eq!(
        first(&either, 5),
        [
            "2026-02-06T00:00:00",
            "2026-02-13T00:00:00",
            "2026-02-20T00:00:00",
            "2026-02-27T00:00:00",
            "2026-03-06T00:00:00"
        ]
    );
    // A field that begins with * restricts the other: odd days that are Mondays.
    let both = cron("0 0 */2 * 1", "2026-02-01T00:00", Tz::UTC);
    assert_eq!(
        first(&both, 2),
        ["2026-02-09T00:00:00", "2026-02-23T00:00:00"]
    );
}

#[test]
fn sunday_is_zero_and_seven() {
    for text in [
        "0 0 * * 0",
        "0 0 * * 7",
        "0 0 * * sun",
        "@weekly",
        "0 0 ? * 7",
    ] {
        let spec = cron(text, "2026-02-02T00:00", Tz::UTC);
        assert_eq!(first(&spec, 1), ["2026-02-08T00:00:00"], "{text}");
    }
    let weekend = cron("0 0 * * 6-7", "2026-02-02T00:00", Tz::UTC);
    assert_eq!(
        first(&weekend, 2),
        ["2026-02-07T00:00:00", "2026-02-08T00:00:00"]
    );
}

#[test]
fn last_day_and_numbered_weekdays() {
    let last = cron("0 9 L * *", "2026-02-02T00:00", Tz::UTC);
    assert_eq!(first(&last, 1), ["2026-02-28T09:00:00"]);
    let second = cron("0 9 * * 5#2", "2026-02-02T00:00", Tz::UTC);
    assert_eq!(
        first(&second, 2),
        ["2026-02-13T09:00:00", "2026-03-13T09:00:00"]
    );
    let friday = cron("0 9 * * 5L", "2026-02-02T00:00", Tz::UTC);
    assert_eq!(first(&friday, 1), ["2026-02-27T09:00:00"]);
}

#[test]
fn starred_hours_run_in_absolute_time_and_named_hours_by_the_clock() {
    let zone = Tz::Europe__Berlin;
    let quarter = compile(&cron("*/30 * * * *", "2026-10-25T01:30", zone));
    assert_eq!(
        instants(&quarter.upcoming(EPOCH, 6)),
        [
            "10-24 23:30",
            "10-25 00:00",
            "10-25 00:30",
            "10-25 01:00",
            "10-25 01:30",
            "10-25 02:00"
        ]
    );
    let named = compile(&cron("30 2 * * *", "2026-03-28T00:00", zone));
    assert_eq!(
        instants(&named.upcoming(EPOCH, 3)),
        ["03-28 01:30", "03-29 01:30", "03-30 00:30"]
    );
}

#[test]
fn complaints_name_the_field() {
    for (text, expected) in [
        (
            "0 25 * * *",
            "\"25\" in the field for the hour is not a number from 0 to 23",
        ),
        ("0 9 * *", "has 4 fields"),
        ("0 9 * * 5-1", "runs backwards"),
        (
            "*/0 9 * * *",
            "the step in \"*/0\" for the minute must be a number from 1 to 59",
        ),
        ("@reboot", "is not @yearly"),
        ("0 9 * * MOO", "\"MOO\" in the field for the day of week"),
        ("0 9 31 2 *", "has no occurrence"),
    ] {
        let found = complaint(&cron(text, "2026-01-01T00:00", Tz::UTC));
        assert!(
            found.starts_with("cron: ") && found.contains(expected),
            "{text}: {found}"
        );
    }
}
