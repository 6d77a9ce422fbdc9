//! Months that lack the day.

use super::*;

#[test]
fn the_31st_is_skipped_where_it_is_not() {
    assert_eq!(
        first(&rrule("FREQ=MONTHLY", "2026-01-31", Tz::UTC), 4),
        ["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31"]
    );
}

#[test]
fn the_last_day_stands_in_and_does_not_drift() {
    let mut spec = rrule("FREQ=MONTHLY", "2026-01-31T09:00", Tz::Europe__Berlin);
    spec.month_end = MonthEnd::LastDay;
    assert_eq!(
        first(&spec, 5),
        [
            "2026-01-31T09:00:00",
            "2026-02-28T09:00:00",
            "2026-03-31T09:00:00",
            "2026-04-30T09:00:00",
            "2026-05-31T09:00:00"
        ]
    );
    spec.rule = RuleSpec::Rrule("FREQ=MONTHLY;BYMONTHDAY=29,30,31".into());
    assert_eq!(
        first(&spec, 4),
        [
            "2026-01-31T09:00:00",
            "2026-02-28T09:00:00",
            "2026-03-29T09:00:00",
            "2026-03-30T09:00:00"
        ]
    );
}

#[test]
fn the_29th_of_february_comes_each_year_or_each_fourth() {
    let mut spec = rrule("FREQ=YEARLY", "2024-02-29", Tz::UTC);
    assert_eq!(first(&spec, 2), ["2024-02-29", "2028-02-29"]);
    spec.month_end = MonthEnd::LastDay;
    assert_eq!(
        first(&spec, 5),
        [
            "2024-02-29",
            "2025-02-28",
            "2026-02-28",
            "2027-02-28",
            "2028-02-29"
        ]
    );
}
