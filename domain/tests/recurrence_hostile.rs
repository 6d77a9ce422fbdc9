//! Input made to hurt: a clear error or an answer, soon and in bounded memory.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod hostile;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::recurrence::{Override, RuleSpec, Series, SeriesSpec, Start};

/// An optimised build answers in 10 ms; this one may not be optimised, nor the machine idle.
const MOST: Duration = if cfg!(debug_assertions) {
    Duration::from_millis(1_000)
} else {
    Duration::from_millis(10)
};

fn quickly<T>(what: &str, mut act: impl FnMut() -> T) -> T {
    let mut best = Duration::MAX;
    let mut result = None;
    for _ in 0..3 {
        let begin = Instant::now();
        result = Some(act());
        best = best.min(begin.elapsed());
    }
    let shown: String = what.chars().take(100).collect();
    assert!(best < MOST, "{shown} took {best:?}");
    result.unwrap()
}

fn spec(rule: &str, start: &str) -> SeriesSpec {
    SeriesSpec::rrule(rule, start.parse().unwrap(), Some(Tz::America__St_Johns))
}

#[test]
fn impossible_and_sparse_rules_end() {
    for rule in hostile::rules() {
        for start in [
            "0001-01-01T00:00",
            "2016-02-29T03:00",
            "9999-12-31T23:59:59",
        ] {
            let spec = spec(&rule, start);
            let compiled = quickly(&rule, || Series::compile(&spec, Tz::UTC));
            let Ok(series) = compiled else { continue };
            for now in [
                "0001-01-01T00:00:00Z",
                "2026-11-21T09:00:00Z",
                "9998-01-01T00:00:00Z",
            ] {
                let now: DateTime<Utc> = now.parse().unwrap();
                let next = quickly(&rule, || series.next_after(now));
                assert!(next.is_none_or(|next| next.at > now), "{rule}");
            }
            quickly(&rule, || series.describe(DateTime::UNIX_EPOCH));
        }
    }
}

#[test]
fn what_can_never_be_is_refused() {
    for rule in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=1",
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6;BYDAY=MO",
    ] {
        let error = Series::compile(&spec(rule, "2016-02-29T03:00"), Tz::UTC).unwrap_err();
        assert_eq!(error.0[0].field, "rrule");
        assert!(
            error.to_string().contains("no occurrence"),
            "{rule}: {error}"
        );
    }
}

#[test]
fn what_is_sparse_is_found() {
    for (rule, expected) in [
        (
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SU",
            "2032-02-29T03:00:00",
        ),
        (
            "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SU;BYHOUR=23;BYMINUTE=59;BYSECOND=59",
            "2032-02-29T23:59:59",
        ),
        (
            "FREQ=MINUTELY;INTERVAL=1439;BYHOUR=2;BYMINUTE=59;BYMONTH=12",
            "2027-12-26T02:59:00",
        ),
        ("FREQ=YEARLY;INTERVAL=1000", "3016-02-29T03:00:00"),
    ] {
        let series = Series::compile(&spec(rule, "2016-02-29T03:00"), Tz::UTC);
        let now: DateTime<Utc> = "2026-11-21T09:00:00Z".parse().unwrap();
        let found = series
            .unwrap()
            .next_after(now)
            .map(|o| o.original.to_string());
        assert_eq!(found.as_deref(), Some(expected), "{rule}");
    }
}

#[test]
fn large_texts_are_refused_and_not_repeated() {
    let huge = "9".repeat(10 << 20);
    let values = format!("FREQ=YEARLY;{}", hostile::many("BYYEARDAY", -366, 366));
    for rule in [
        RuleSpec::Rrule(huge.clone()),
        RuleSpec::Rrule(format!("FREQ=DAILY;BYHOUR={huge}")),
        RuleSpec::Rrule(values),
        RuleSpec::Rrule(";".repeat(10 << 20)),
        RuleSpec::Cron(huge.clone()),
        RuleSpec::Cron("* ".repeat(5 << 20)),
        RuleSpec::Rrule(format!("FREQ={}", "é".repeat(900))),
        RuleSpec::Cron("é".repeat(90)),
    ] {
        let spec = SeriesSpec::new(rule, "2026-01-01T09:00".parse().unwrap(), None);
        let error = quickly("a large text", || Series::compile(&spec, Tz::UTC)).unwrap_err();
        assert!(error.to_string().len() < 400, "{error}");
    }
    let error = quickly("a large start", || huge.parse::<Start>()).unwrap_err();
    assert!(error.len() < 200);
    let json = format!(r#"{{"rrule":"FREQ=DAILY","start":"2026-01-01","timeZone":"{huge}"}}"#);
    let error = serde_json::from_str::<SeriesSpec>(&json)
        .unwrap_err()
        .to_string();
    assert!(error.len() < 200, "{error}");
}

#[test]
fn many_exceptions_cost_little() {
    let start: Start = "2026-01-01T00:00".parse().unwrap();
    let at = |n: i64| Start::At(start.date_time() + chrono::Duration::seconds(n));
    let mut spec = SeriesSpec::rrule("FREQ=SECONDLY", start, Some(Tz::Europe__Berlin));
    spec.exclude = (0..1000).map(at).collect();
    spec.overrides = (1000..2000)
        .map(|n| Override {
            occurrence: at(n),
            to: None,
        })
        .collect();
    let series = quickly("a thousand exceptions", || Series::compile(&spec, Tz::UTC)).unwrap();
    let next = quickly("past a thousand", || {
        series.next_after(DateTime::UNIX_EPOCH)
    });
    assert_eq!(next.unwrap().original, at(2000));
    // Whole days, of which each has 86,400 occurrences.
    spec.overrides.clear();
    spec.exclude = (0..1000)
        .map(|n| Start::On(at(n * 86_400).date()))
        .collect();
    let series = Series::compile(&spec, Tz::UTC).unwrap();
    let next = quickly("past days", || series.next_after(DateTime::UNIX_EPOCH));
    assert_eq!(next.unwrap().original, at(86_400_000));
    let next = quickly("completed before days", || {
        series.next_on_completion(&start, start.date_time().and_utc())
    });
    assert_eq!(next[0].original, at(86_400_000));
    spec.exclude.push(start);
    let error = Series::compile(&spec, Tz::UTC).unwrap_err().to_string();
    assert_eq!(error, "exclude: has 1001 entries; at most 1000 are taken");
}

#[test]
fn a_day_of_gap_is_not_walked_through() {
    // Every second of 30 December 2011, which Samoa skipped, moves onto the day after.
    let rule = format!(
        "FREQ=DAILY;{};{};{}",
        hostile::many("BYHOUR", 0, 23),
        hostile::many("BYMINUTE", 0, 59),
        hostile::many("BYSECOND", 0, 59)
    );
    let start = "2011-12-29T00:00".parse().unwrap();
    let spec = SeriesSpec::rrule(rule, start, Some(Tz::Pacific__Apia));
    let series = Series::compile(&spec, Tz::UTC).unwrap();
    let from: DateTime<Utc> = "2011-12-30T09:59:58Z".parse().unwrap();
    let found = quickly("the gap", || series.upcoming(from, 1_000));
    for (found, second) in found.iter().zip(1..) {
        assert_eq!(found.at, from + chrono::Duration::seconds(second));
    }
    assert_eq!(found[0].original.to_string(), "2011-12-29T23:59:59");
    assert_eq!(found[1].original.to_string(), "2011-12-31T00:00:00");
}

#[test]
fn instants_at_the_ends_of_time_are_answered() {
    let series = Series::compile(&spec("FREQ=DAILY", "0001-01-01T00:00"), Tz::UTC).unwrap();
    assert!(series.next_after(DateTime::<Utc>::MAX_UTC).is_none());
    assert!(series.next_after(DateTime::<Utc>::MIN_UTC).is_some());
    assert_eq!(
        series
            .between(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, 3)
            .len(),
        3
    );
    let last = "9999-12-31T23:00:00Z".parse().unwrap();
    assert!(series.upcoming(last, 5).len() <= 1);
    let completed = series.next_on_completion(&"9999-12-31T00:00".parse().unwrap(), last);
    assert!(completed.is_empty(), "{completed:?}");
    assert!(!series.describe(DateTime::<Utc>::MAX_UTC).is_empty());
    assert!(!series.describe(DateTime::<Utc>::MIN_UTC).is_empty());
}
