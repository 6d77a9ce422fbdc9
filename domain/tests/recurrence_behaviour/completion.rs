//! What comes after a completion.

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
    let next =
        compile(&spec).next_on_completion(&start("2026-10-25T00:30"), utc("2026-10-25T01:30:00Z"));
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
