//! EXDATE, RDATE and edits of single occurrences.

use super::*;

#[test]
fn excluded_times_and_days_are_left_out_but_counted() {
    let mut spec = rrule(
        "FREQ=DAILY;COUNT=5;BYHOUR=9,18",
        "2026-01-01T09:00",
        Tz::UTC,
    );
    spec.exclude = vec![start("2026-01-01T18:00"), start("2026-01-02")];
    let found = compile(&spec).upcoming(EPOCH, 9);
    assert_eq!(
        originals(&found),
        ["2026-01-01T09:00:00", "2026-01-03T09:00:00"]
    );
    assert_eq!(found[1].index, 5);
}

#[test]
fn included_and_moved_occurrences_come_in_their_place() {
    let mut spec = rrule("FREQ=WEEKLY;COUNT=3", "2026-01-05T09:00", Tz::UTC);
    spec.include = vec![start("2026-01-07"), start("2026-01-12T09:00")];
    spec.overrides = vec![
        Override {
            occurrence: start("2026-01-12T09:00"),
            to: Some(start("2026-01-20T10:00")),
        },
        Override {
            occurrence: start("2026-01-05T09:00"),
            to: None,
        },
        Override {
            // No occurrence of this series: says nothing.
            occurrence: start("2026-01-06T09:00"),
            to: Some(start("2026-01-06T10:00")),
        },
    ];
    let series = compile(&spec);
    let found = series.upcoming(EPOCH, 9);
    assert_eq!(
        originals(&found),
        [
            "2026-01-07T09:00:00",
            "2026-01-19T09:00:00",
            "2026-01-12T09:00:00"
        ]
    );
    assert_eq!(found[2].local, start("2026-01-20T10:00"));
    assert_eq!(found.iter().map(|o| o.index).collect::<Vec<_>>(), [0, 3, 2]);
    let all = series.between(EPOCH, utc("2030-01-01T00:00:00Z"), 99);
    assert_eq!(all, found);
}

#[test]
fn an_all_day_series_takes_dates_only() {
    let mut spec = rrule("FREQ=DAILY", "2026-01-01", Tz::UTC);
    spec.exclude = vec![start("2026-01-02T09:00")];
    spec.overrides = vec![Override {
        occurrence: start("2026-01-03"),
        to: Some(start("2026-01-03T08:00")),
    }];
    let text = complaint(&spec);
    assert!(text.contains("exclude[0]: the series is all-day"), "{text}");
    assert!(text.contains("overrides[0].to"), "{text}");
}
