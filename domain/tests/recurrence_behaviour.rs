//! What a series does: month ends, zones, exceptions, cron, completion, words, wire form.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::recurrence::{
    Basis, Late, MAX_OPEN_INSTANCES, MonthEnd, Occurrence, Override, Preset, RuleSpec, Series,
    SeriesSpec, Start, Weekday, instance_id,
};
use serde_json::json;
use uuid::Uuid;

fn start(text: &str) -> Start {
    text.parse().unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn rrule(rule: &str, from: &str, zone: Tz) -> SeriesSpec {
    SeriesSpec::rrule(rule, start(from), Some(zone))
}

fn compile(spec: &SeriesSpec) -> Series {
    Series::compile(spec, Tz::UTC).unwrap_or_else(|e| panic!("{spec:?}: {e}"))
}

fn originals(found: &[Occurrence]) -> Vec<String> {
    found.iter().map(|o| o.original.to_string()).collect()
}

fn instants(found: &[Occurrence]) -> Vec<String> {
    let text = |o: &Occurrence| o.at.format("%m-%d %H:%M").to_string();
    found.iter().map(text).collect()
}

const EPOCH: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

fn first(spec: &SeriesSpec, n: usize) -> Vec<String> {
    originals(&compile(spec).upcoming(EPOCH, n))
}

fn complaint(spec: &SeriesSpec) -> String {
    Series::compile(spec, Tz::UTC).unwrap_err().to_string()
}

mod month_end {
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
}

mod zones {
    use super::*;

    #[test]
    fn a_gap_moves_by_the_gap_and_loses_nothing() {
        let spec = rrule("FREQ=DAILY", "2026-09-05T00:30", Tz::America__Santiago);
        let found = compile(&spec).upcoming(EPOCH, 3);
        assert_eq!(
            instants(&found),
            ["09-05 04:30", "09-06 04:30", "09-07 03:30"]
        );
        assert_eq!(found[1].original, start("2026-09-06T00:30"));
        assert_eq!(found[1].local, start("2026-09-06T01:30"));
    }

    #[test]
    fn what_a_gap_moves_onto_another_is_one() {
        let spec = rrule(
            "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,30",
            "2026-03-29T02:00",
            Tz::Europe__Berlin,
        );
        let found = compile(&spec).upcoming(EPOCH, 3);
        assert_eq!(
            instants(&found),
            ["03-29 01:00", "03-29 01:30", "03-30 00:00"]
        );
        assert_eq!(found[0].original, start("2026-03-29T03:00"));
    }

    #[test]
    fn a_gap_that_moves_past_later_readings_keeps_the_order() {
        let spec = rrule(
            "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=10,50;BYSETPOS=2,3",
            "2026-03-29T02:00",
            Tz::Europe__Berlin,
        );
        // 02:50 comes at 03:50, after 03:10.
        let found = compile(&spec).upcoming(EPOCH, 3);
        assert_eq!(
            originals(&found),
            [
                "2026-03-29T03:10:00",
                "2026-03-29T02:50:00",
                "2026-03-30T02:50:00"
            ]
        );
    }

    #[test]
    fn a_fold_is_met_once_by_the_clock_and_twice_in_absolute_time() {
        let daily = rrule("FREQ=DAILY", "2026-10-24T02:30", Tz::Europe__Berlin);
        let found = compile(&daily).upcoming(EPOCH, 3);
        assert_eq!(
            instants(&found),
            ["10-24 00:30", "10-25 00:30", "10-26 01:30"]
        );
        let hourly = rrule("FREQ=HOURLY", "2026-10-25T01:30", Tz::Europe__Berlin);
        let found = compile(&hourly).upcoming(EPOCH, 4);
        assert_eq!(
            instants(&found),
            ["10-24 23:30", "10-25 00:30", "10-25 01:30", "10-25 02:30"]
        );
        assert_eq!(
            originals(&found)[1..3],
            ["2026-10-25T02:30:00", "2026-10-25T02:30:00~2"]
        );
        let series = Uuid::nil();
        assert_ne!(
            instance_id(series, &found[1].original),
            instance_id(series, &found[2].original)
        );
        assert_eq!(found[1].local, found[2].local);
    }

    #[test]
    fn half_hour_shifts_keep_the_steps_and_the_listed_minutes() {
        // Lord Howe goes back from 02:00 to 01:30 on 5 April 2026.
        let spec = rrule("FREQ=HOURLY", "2026-04-05T00:15", Tz::Australia__Lord_Howe);
        assert_eq!(
            first(&spec, 4),
            [
                "2026-04-05T00:15:00",
                "2026-04-05T01:15:00",
                "2026-04-05T01:45:00~2",
                "2026-04-05T02:45:00"
            ]
        );
        // Whatever minute the steps fall on.
        for begin in ["2026-04-05T01:00", "2026-04-05T00:45"] {
            let spec = rrule("FREQ=HOURLY;BYMINUTE=0,30", begin, Tz::Australia__Lord_Howe);
            assert_eq!(
                first(&spec, 4),
                [
                    "2026-04-05T01:00:00",
                    "2026-04-05T01:30:00",
                    "2026-04-05T01:30:00~2",
                    "2026-04-05T02:00:00"
                ]
            );
        }
    }

    #[test]
    fn a_step_finer_than_a_minute_finds_its_way_past_a_transition() {
        // Midnight of 9 March 2003 comes an hour late in Santiago.
        let spec = rrule(
            "FREQ=SECONDLY;BYHOUR=0;BYSECOND=0",
            "2003-03-08T00:00",
            Tz::America__Santiago,
        );
        let after = compile(&spec).upcoming(utc("2003-03-08T03:58:30Z"), 2);
        assert_eq!(instants(&after), ["03-08 03:59", "03-09 04:00"]);
        // And 00:01 on the 2nd was 23:01 on the 1st in St John's, until 2011.
        let spec = rrule(
            "FREQ=SECONDLY;BYHOUR=23;BYMINUTE=30;BYSECOND=0;BYMONTHDAY=6",
            "2010-11-01T00:00",
            Tz::America__St_Johns,
        );
        let found = compile(&spec).upcoming(EPOCH, 3);
        assert_eq!(
            instants(&found),
            ["11-07 02:00", "11-07 03:00", "12-07 03:00"]
        );
    }

    #[test]
    fn a_day_that_never_was_is_the_next() {
        let spec = rrule("FREQ=DAILY", "2011-12-29", Tz::Pacific__Apia);
        let found = compile(&spec).upcoming(EPOCH, 3);
        assert_eq!(
            originals(&found),
            ["2011-12-29", "2011-12-31", "2012-01-01"]
        );
        assert_eq!(
            instants(&found),
            ["12-29 10:00", "12-30 10:00", "12-31 10:00"]
        );
    }

    #[test]
    fn without_a_zone_it_follows_the_user() {
        let spec = SeriesSpec::rrule("FREQ=DAILY", start("2026-07-01T09:00"), None);
        let berlin = Series::compile(&spec, Tz::Europe__Berlin).unwrap();
        let tokyo = Series::compile(&spec, Tz::Asia__Tokyo).unwrap();
        assert_eq!(instants(&berlin.upcoming(EPOCH, 1)), ["07-01 07:00"]);
        assert_eq!(instants(&tokyo.upcoming(EPOCH, 1)), ["07-01 00:00"]);
        assert_eq!(tokyo.zone(), Tz::Asia__Tokyo);
    }

    #[test]
    fn until_is_taken_as_a_date_a_local_time_or_an_instant() {
        let zone = Tz::America__New_York;
        let last = |until: &str| {
            let rule = format!("FREQ=DAILY;UNTIL={until}");
            first(&rrule(&rule, "2026-03-01T21:00", zone), 99)
                .pop()
                .unwrap()
        };
        assert_eq!(last("20260310"), "2026-03-10T21:00:00");
        assert_eq!(last("20260310T210000"), "2026-03-10T21:00:00");
        assert_eq!(last("20260310T205959"), "2026-03-09T21:00:00");
        // 01:00Z is 21:00 the day before, in daylight saving time since 8 March.
        assert_eq!(last("20260311T010000Z"), "2026-03-10T21:00:00");
        assert_eq!(last("20260311T005959Z"), "2026-03-09T21:00:00");
    }
}

mod exceptions {
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
}

mod cron {
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
}

mod completion {
    use super::*;

    fn after(spec: &SeriesSpec, current: &str, completed: &str) -> Vec<String> {
        originals(&compile(spec).next_on_completion(&start(current), utc(completed)))
    }

    #[test]
    fn late_completion_goes_by_the_policy() {
        let mut spec = rrule("FREQ=DAILY", "2026-01-01T09:00", Tz::Europe__Berlin);
        let late = "2026-01-04T12:00:00Z";
        assert_eq!(
            after(&spec, "2026-01-01T09:00", late),
            ["2026-01-05T09:00:00"]
        );
        spec.late = Late::CatchUp;
        assert_eq!(
            after(&spec, "2026-01-01T09:00", late),
            ["2026-01-02T09:00:00"]
        );
        spec.late = Late::Each;
        assert_eq!(
            after(&spec, "2026-01-01T09:00", late),
            [
                "2026-01-02T09:00:00",
                "2026-01-03T09:00:00",
                "2026-01-04T09:00:00",
                "2026-01-05T09:00:00"
            ]
        );
    }

    #[test]
    fn an_early_completion_does_not_repeat_the_current_one() {
        for late in [Late::NextFuture, Late::CatchUp, Late::Each] {
            let mut spec = rrule("FREQ=DAILY", "2026-01-01T09:00", Tz::UTC);
            spec.late = late;
            assert_eq!(
                after(&spec, "2026-01-05T09:00", "2026-01-03T09:00:00Z"),
                ["2026-01-06T09:00:00"]
            );
        }
    }

    #[test]
    fn each_missed_one_is_capped() {
        let mut spec = rrule("FREQ=MINUTELY", "2026-01-01T09:00", Tz::UTC);
        spec.late = Late::Each;
        let found = after(&spec, "2026-01-01T09:00", "2026-12-01T00:00:00Z");
        assert_eq!(found.len(), MAX_OPEN_INSTANCES);
        assert_eq!(found[0], "2026-01-01T09:01:00");
    }

    #[test]
    fn the_last_one_ends_the_series() {
        let spec = rrule("FREQ=DAILY;COUNT=2", "2026-01-01T09:00", Tz::UTC);
        assert_eq!(
            after(&spec, "2026-01-01T09:00", "2026-01-01T10:00:00Z"),
            ["2026-01-02T09:00:00"]
        );
        assert!(after(&spec, "2026-01-02T09:00", "2026-01-02T10:00:00Z").is_empty());
        // Late by all of it: the series is over as well.
        assert!(after(&spec, "2026-01-01T09:00", "2026-02-02T10:00:00Z").is_empty());
    }

    #[test]
    fn a_moved_occurrence_keeps_its_turn() {
        let mut spec = rrule("FREQ=DAILY", "2026-01-01T09:00", Tz::UTC);
        spec.overrides = vec![
            Override {
                occurrence: start("2026-01-02T09:00"),
                to: Some(start("2026-01-10T09:00")),
            },
            Override {
                occurrence: start("2026-01-03T09:00"),
                to: None,
            },
        ];
        assert_eq!(
            after(&spec, "2026-01-01T09:00", "2026-01-01T10:00:00Z"),
            ["2026-01-02T09:00:00"]
        );
        assert_eq!(
            after(&spec, "2026-01-02T09:00", "2026-01-02T10:00:00Z"),
            ["2026-01-04T09:00:00"]
        );
        // Completed after the second's original time, but it waits on the 10th.
        assert_eq!(
            after(&spec, "2026-01-01T09:00", "2026-01-05T10:00:00Z"),
            ["2026-01-02T09:00:00"]
        );
    }

    #[test]
    fn from_completion_takes_the_users_day_and_keeps_the_time() {
        let mut spec = rrule(
            "FREQ=DAILY;INTERVAL=3",
            "2026-01-01T09:00",
            Tz::Pacific__Auckland,
        );
        spec.basis = Basis::Completion;
        // 12:00Z is already the 11th in Auckland.
        assert_eq!(
            after(&spec, "2026-01-01T09:00", "2026-01-10T12:00:00Z"),
            ["2026-01-14T09:00:00"]
        );
        // Completed in the morning, before the time of day: not again today.
        spec.rule = RuleSpec::Rrule("FREQ=DAILY".into());
        assert_eq!(
            after(&spec, "2026-01-11T09:00", "2026-01-10T19:00:00Z"),
            ["2026-01-12T09:00:00"]
        );
    }

    #[test]
    fn what_is_completed_ahead_of_its_time_is_not_made_again() {
        let mut spec = rrule("FREQ=DAILY", "2026-01-01T09:00", Tz::UTC);
        spec.basis = Basis::Completion;
        // Tomorrow's, completed today: another one tomorrow would have the same id.
        assert_eq!(
            after(&spec, "2026-01-11T09:00", "2026-01-10T12:00:00Z"),
            ["2026-01-12T09:00:00"]
        );
    }

    #[test]
    fn from_completion_honours_days_of_the_week() {
        let mut spec = rrule("FREQ=WEEKLY;BYDAY=MO", "2026-01-05T09:00", Tz::UTC);
        spec.basis = Basis::Completion;
        // Completed on Wednesday the 14th, and on Monday the 19th.
        for (completed, next) in [("2026-01-14", "2026-01-19"), ("2026-01-19", "2026-01-26")] {
            let completed = format!("{completed}T20:00:00Z");
            assert_eq!(
                after(&spec, "2026-01-05T09:00", &completed),
                [format!("{next}T09:00:00")]
            );
        }
        spec.rule = RuleSpec::Rrule("FREQ=WEEKLY".into());
        assert_eq!(
            after(&spec, "2026-01-05T09:00", "2026-01-14T20:00:00Z"),
            ["2026-01-21T09:00:00"]
        );
    }

    #[test]
    fn from_completion_finer_than_a_day_starts_at_the_instant() {
        let mut spec = rrule("FREQ=HOURLY;INTERVAL=8", "2026-01-01T09:00", Tz::UTC);
        spec.basis = Basis::Completion;
        assert_eq!(
            after(&spec, "2026-01-01T09:00", "2026-01-01T11:20:05Z"),
            ["2026-01-01T19:20:05"]
        );
        // Completed while the clock shows 02:30 for the second time.
        spec.time_zone = Some(Tz::Europe__Berlin);
        let next = compile(&spec)
            .next_on_completion(&start("2026-10-25T00:30"), utc("2026-10-25T01:30:00Z"));
        assert_eq!(instants(&next), ["10-25 09:30"]);
    }

    #[test]
    fn count_and_until_end_a_completion_based_series() {
        let mut spec = rrule("FREQ=DAILY;COUNT=3", "2026-01-01", Tz::UTC);
        spec.basis = Basis::Completion;
        let series = compile(&spec);
        let current = start("2026-01-05");
        let completed = utc("2026-01-05T10:00:00Z");
        let next = series.next_on_completion_of(&current, Some(2), completed);
        assert_eq!(originals(&next), ["2026-01-06"]);
        assert_eq!(next[0].index, 3);
        assert!(
            series
                .next_on_completion_of(&current, Some(3), completed)
                .is_empty()
        );
        // Each instance carries what is left.
        let mut chain = vec![current];
        while let Some(next) = compile(&spec)
            .next_on_completion(chain.last().unwrap(), completed)
            .pop()
        {
            chain.push(next.original);
            spec = spec.for_next_instance();
        }
        assert_eq!(chain, ["2026-01-05", "2026-01-06", "2026-01-07"].map(start));
        spec.basis = Basis::DueDate;
        assert_eq!(spec.for_next_instance(), spec);
        spec.basis = Basis::Completion;
        spec.rule = RuleSpec::Rrule("FREQ=DAILY;UNTIL=20260105".into());
        assert!(after(&spec, "2026-01-05", "2026-01-05T10:00:00Z").is_empty());
    }
}

mod text {
    use super::*;

    #[test]
    fn the_wire_form_is_camel_case_and_round_trips() {
        let value = json!({
            "rrule": "FREQ=WEEKLY;BYDAY=MO",
            "start": "2026-03-02T09:00:00",
            "timeZone": "Europe/Berlin",
            "exclude": ["2026-03-09"],
            "overrides": [{"occurrence": "2026-03-16T09:00:00", "to": "2026-03-17T09:00:00"}],
            "monthEnd": "lastDay",
            "basis": "completion",
            "late": "catchUp",
        });
        let spec: SeriesSpec = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(spec.late, Late::CatchUp);
        assert_eq!(serde_json::to_value(&spec).unwrap(), value);
    }

    #[test]
    fn presets_are_rules_with_a_name() {
        for (preset, expected) in [
            (json!({"kind": "daily"}), "FREQ=DAILY"),
            (
                json!({"kind": "weekdays"}),
                "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
            ),
            (
                json!({"kind": "weekly", "on": ["FR", "MO"], "every": 2}),
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
            ),
            (
                json!({"kind": "monthly", "day": 15}),
                "FREQ=MONTHLY;BYMONTHDAY=15",
            ),
            (
                json!({"kind": "lastDayOfMonth"}),
                "FREQ=MONTHLY;BYMONTHDAY=-1",
            ),
            (
                json!({"kind": "monthlyWeekday", "nth": -1, "weekday": "FR"}),
                "FREQ=MONTHLY;BYDAY=-1FR",
            ),
            (json!({"kind": "yearly"}), "FREQ=YEARLY"),
        ] {
            let value = json!({"preset": preset, "start": "2026-03-02", "monthEnd": "skip", "basis": "dueDate", "late": "nextFuture"});
            let spec: SeriesSpec = serde_json::from_value(value.clone()).unwrap();
            let series = compile(&spec);
            let rules: Vec<String> = series.rules().map(ToString::to_string).collect();
            assert_eq!(rules, [expected]);
            assert_eq!(serde_json::to_value(&spec).unwrap(), value);
        }
        let bad = SeriesSpec::new(
            RuleSpec::Preset(Preset::MonthlyWeekday {
                nth: 6,
                weekday: Weekday::FR,
            }),
            start("2026-01-01"),
            None,
        );
        assert!(complaint(&bad).starts_with("preset.nth: must be 1 to 5"));
    }

    #[test]
    fn unreadable_json_is_answered_in_words() {
        for (value, expected) in [
            (
                json!({"rrule": "FREQ=DAILY", "start": "tomorrow"}),
                "\"tomorrow\" is not a local date-time",
            ),
            (
                json!({"rrule": "FREQ=DAILY", "start": "2026-01-01T09:00:00Z"}),
                "without Z or an offset",
            ),
            (
                json!({"rrule": "FREQ=DAILY", "start": "2026-01-01", "timeZone": "Mars"}),
                "\"Mars\" is not an IANA zone",
            ),
            (
                json!({"rrule": "FREQ=DAILY", "cron": "* * * * *", "start": "2026-01-01"}),
                "exactly one of rrule, cron and preset",
            ),
            (
                json!({"start": "2026-01-01"}),
                "exactly one of rrule, cron and preset",
            ),
            (
                json!({"rule": "FREQ=DAILY", "start": "2026-01-01"}),
                "unknown field `rule`",
            ),
        ] {
            let error = serde_json::from_value::<SeriesSpec>(value)
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn complaints_point_at_the_part() {
        for (rule, expected) in [
            ("", "the rule is empty"),
            ("BYDAY=MO", "FREQ is missing"),
            (
                "FREQ=FORTNIGHTLY",
                "at character 1, \"FREQ=FORTNIGHTLY\": write SECONDLY",
            ),
            (
                "FREQ=DAILY;BYMONTH=13",
                "at character 12, \"BYMONTH=13\": \"13\" is not a number from 1 to 12",
            ),
            (
                "FREQ=DAILY;INTERVAL=0",
                "write a number from 1 to 4294967295",
            ),
            (
                "FREQ=DAILY;COUNT=3;UNTIL=20300101",
                "COUNT and UNTIL exclude each other",
            ),
            ("FREQ=DAILY;COUNT=3;COUNT=4", "COUNT is given twice"),
            ("FREQ=DAILY;BYDAY=2MO", "FREQ=MONTHLY or YEARLY only"),
            (
                "FREQ=WEEKLY;BYMONTHDAY=3",
                "BYMONTHDAY does not go with FREQ=WEEKLY",
            ),
            (
                "FREQ=MONTHLY;BYWEEKNO=3",
                "BYWEEKNO goes with FREQ=YEARLY only",
            ),
            ("FREQ=MONTHLY;BYYEARDAY=3", "BYYEARDAY goes with"),
            ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS needs another BY part"),
            ("FREQ=MONTHLY;BYDAY=6MO", "at most five of a weekday"),
            ("FREQ=MONTHLY;BYDAY=XX", "\"XX\" is not a day such as MO"),
            ("FREQ=MONTHLY;BYMONTHDAY=0", "from 1 to 31 or -31 to -1"),
            ("FREQ=DAILY;UNTIL=2026-01-01", "write a date 20261231"),
            ("FREQ=DAILY;BYEASTER=1", "there is no such part"),
            (
                "FREQ=DAILY;DTSTART=20260101",
                "use start, exclude or include",
            ),
            ("FREQ=DAILY;X", "a part is NAME=VALUE"),
            (
                "FREQ=DAILY;UNTIL=20200101",
                "no occurrence from 2026-01-01T09:00:00 to its UNTIL",
            ),
            (
                "FREQ=DAILY;UNTIL=20200101T000000Z",
                "no occurrence from 2026-01-01T09:00:00 to its UNTIL",
            ),
            (
                "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
                "its parts never meet",
            ),
        ] {
            let found = complaint(&rrule(rule, "2026-01-01T09:00", Tz::UTC));
            assert!(
                found.starts_with("rrule: ") && found.contains(expected),
                "{rule}: {found}"
            );
        }
        let hourly = complaint(&rrule("FREQ=HOURLY", "2026-01-01", Tz::UTC));
        assert!(hourly.contains("needs a start with a time, such as 2026-01-01T09:00:00"));
    }

    #[test]
    fn a_rule_is_read_in_any_case_and_order() {
        let spec = rrule("RRULE:byday=fr,mo;freq=weekly;", "2026-01-01", Tz::UTC);
        let rules: Vec<String> = compile(&spec).rules().map(ToString::to_string).collect();
        assert_eq!(rules, ["FREQ=WEEKLY;BYDAY=MO,FR"]);
    }

    #[test]
    fn ids_of_instances_are_the_same_for_every_writer() {
        let series = Uuid::from_u128(1);
        let id = instance_id(series, &start("2026-03-02T09:00"));
        assert_eq!(id, instance_id(series, &start("2026-03-02T09:00:00")));
        assert_eq!(id.get_version_num(), 5);
        assert_ne!(id, instance_id(series, &start("2026-03-02")));
    }
}

mod words {
    use super::*;

    fn words(spec: &SeriesSpec) -> String {
        let zone = Tz::Europe__Berlin;
        Series::compile(spec, zone)
            .unwrap()
            .describe(utc("2026-11-21T00:00:00Z"))
    }

    #[test]
    fn rules_are_told_in_words() {
        let utc = Tz::UTC;
        for (spec, expected) in [
            (
                rrule("FREQ=DAILY", "2026-03-02T09:00", utc),
                "every day at 09:00, UTC",
            ),
            (
                rrule("FREQ=DAILY;INTERVAL=2;COUNT=5", "2026-03-02", utc),
                "every other day, all day, 5 times, UTC",
            ),
            (
                rrule("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-03-02T09:00", utc),
                "every week on Monday to Friday at 09:00, UTC",
            ),
            (
                rrule(
                    "FREQ=WEEKLY;INTERVAL=3;UNTIL=20261231",
                    "2026-03-02T09:00",
                    utc,
                ),
                "every 3 weeks on Monday at 09:00, until 31 December 2026, UTC",
            ),
            (
                rrule("FREQ=MONTHLY", "2026-01-31T09:00", utc),
                "every month on the 31st (not in a month without that day) at 09:00, UTC",
            ),
            (
                rrule("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31T09:00", utc),
                "every month on the last day of the month at 09:00, UTC",
            ),
            (
                rrule(
                    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
                    "2026-01-31T09:00",
                    utc,
                ),
                "every month on Monday to Friday at 09:00, only the last of these in the month, UTC",
            ),
            (
                rrule("FREQ=YEARLY;BYMONTH=6,7;BYDAY=1TU", "2026-01-31T09:00", utc),
                "every year on the 1st Tuesday in June and July at 09:00, UTC",
            ),
            (
                rrule(
                    "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12",
                    "2026-01-31T09:00",
                    utc,
                ),
                "every 20 minutes in the hours 9 to 12, UTC",
            ),
            (
                SeriesSpec::cron("0 9 13 * 5", start("2026-01-01T00:00"), Some(utc)),
                "every day on the 13th day of the month at 09:00, or every day on Friday at 09:00, UTC",
            ),
        ] {
            assert_eq!(words(&spec), expected);
        }
    }

    #[test]
    fn the_next_change_of_clocks_is_told() {
        let berlin = Tz::Europe__Berlin;
        assert_eq!(
            words(&rrule(
                "FREQ=MONTHLY;BYDAY=-1FR",
                "2026-01-31T09:00",
                berlin
            )),
            "every month on the last Friday at 09:00, Europe/Berlin; clocks there go forward by \
             1 h on 28 March 2027: it stays at the same time of day, 1 h earlier in UTC"
        );
        assert_eq!(
            words(&SeriesSpec::rrule(
                "FREQ=DAILY",
                start("2026-01-31T02:30"),
                None
            )),
            "every day at 02:30, Europe/Berlin (the user's zone); clocks there go forward by 1 h \
             on 28 March 2027: 02:30 does not exist that day, it comes at 03:30"
        );
        let sydney = rrule("FREQ=DAILY", "2026-01-31T02:30", Tz::Australia__Sydney);
        assert_eq!(
            words(&sydney),
            "every day at 02:30, Australia/Sydney; clocks there go back by 1 h on 4 April 2027: \
             02:30 comes twice that day, the first one counts"
        );
        assert!(
            words(&rrule("FREQ=HOURLY", "2026-01-31T02:30", berlin))
                .ends_with("absolute time, so that nothing is lost or repeated")
        );
        // Over before the change, and all day: nothing to tell.
        for rule in ["FREQ=DAILY;UNTIL=20261224", "FREQ=DAILY;COUNT=1"] {
            let spec = rrule(rule, "2026-11-30T09:00", berlin);
            assert!(!words(&spec).contains("clocks"), "{}", words(&spec));
        }
        assert!(!words(&rrule("FREQ=DAILY", "2026-11-30", berlin)).contains("clocks"));
    }
}
