//! Laws that hold for every rule, zone and instant.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashSet;

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use domain::recurrence::{
    Late, MAX_OPEN_INSTANCES, MonthEnd, Occurrence, Override, Rule, RuleSpec, Series, SeriesSpec,
    Start, instance_id, to_instant,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use uuid::Uuid;

const ZONES: [Tz; 10] = [
    Tz::UTC,
    Tz::Europe__Berlin,
    Tz::Australia__Lord_Howe,
    Tz::America__Santiago,
    Tz::Africa__Cairo,
    Tz::Africa__Casablanca,
    Tz::Pacific__Apia,
    Tz::America__St_Johns,
    Tz::Asia__Gaza,
    Tz::America__New_York,
];

fn list(name: &'static str, values: Vec<i32>) -> String {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    format!(";{name}={}", values.join(","))
}

fn part(name: &'static str, low: i32, high: i32, signed: bool) -> BoxedStrategy<String> {
    let number = (low..=high, any::<bool>()).prop_map(
        move |(n, minus)| {
            if signed && minus { -n } else { n }
        },
    );
    option::weighted(0.3, vec(number, 1..5))
        .prop_map(move |values| values.map_or_else(String::new, |v| list(name, v)))
        .boxed()
}

/// Rules that RFC 5545 allows.
fn rule() -> impl Strategy<Value = String> {
    let freq = select(vec![
        "YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY",
    ]);
    let days = (
        part("BYMONTH", 1, 12, false),
        part("BYMONTHDAY", 1, 31, true),
        part("BYYEARDAY", 1, 366, true),
        part("BYWEEKNO", 1, 53, true),
        option::weighted(
            0.4,
            vec(
                (
                    -5i32..=5,
                    select(vec!["MO", "TU", "WE", "TH", "FR", "SA", "SU"]),
                ),
                1..4,
            ),
        ),
    );
    let times = (
        part("BYHOUR", 0, 23, false),
        part("BYMINUTE", 0, 59, false),
        part("BYSECOND", 0, 59, false),
        part("BYSETPOS", 1, 10, true),
    );
    let frame = (
        select(vec![1u32, 1, 1, 2, 3, 5, 12, 40]),
        select(vec!["MO", "MO", "SU", "WE"]),
    );
    (freq, frame, days, times).prop_map(|(freq, (interval, week_start), days, times)| {
        let (months, month_days, year_days, weeks, by_day) = days;
        let (hours, minutes, seconds, positions) = times;
        let mut text = format!("FREQ={freq};INTERVAL={interval};WKST={week_start}{months}");
        let fine = freq.ends_with("LY") && ["HOURLY", "MINUTELY", "SECONDLY"].contains(&freq);
        if freq != "WEEKLY" {
            text += &month_days;
        }
        if freq == "YEARLY" || fine {
            text += &year_days;
        }
        if freq == "YEARLY" {
            text += &weeks;
        }
        if let Some(by_day) = by_day {
            let numbered = (freq == "YEARLY" && weeks.is_empty()) || freq == "MONTHLY";
            let day = |(n, day): &(i32, &str)| match n {
                0 => (*day).to_owned(),
                n if numbered => format!("{n}{day}"),
                _ => (*day).to_owned(),
            };
            let days: Vec<String> = by_day.iter().map(day).collect();
            text += &format!(";BYDAY={}", days.join(","));
        }
        text = text + &hours + &minutes + &seconds;
        if text.matches(";BY").count() > 0 {
            text += &positions;
        }
        text
    })
}

fn reading() -> impl Strategy<Value = NaiveDateTime> {
    let midnight = NaiveDate::from_ymd_opt(1995, 1, 1).unwrap();
    let midnight = midnight.and_hms_opt(0, 0, 0).unwrap();
    (
        0i64..40 * 366,
        select(vec![0i64, 1800, 5400, 9000, 32_400, 86_399]),
    )
        .prop_map(move |(day, second)| midnight + Duration::seconds(day * 86_400 + second))
}

fn spec() -> impl Strategy<Value = SeriesSpec> {
    let month_end = select(vec![MonthEnd::Skip, MonthEnd::LastDay]);
    (
        rule(),
        reading(),
        select(ZONES.to_vec()),
        any::<bool>(),
        month_end,
    )
        .prop_map(|(rule, start, zone, all_day, month_end)| {
            let fine = ["FREQ=H", "FREQ=MI", "FREQ=S"]
                .iter()
                .any(|f| rule.starts_with(f));
            let start = if all_day && !fine {
                Start::On(start.date())
            } else {
                Start::At(start)
            };
            let mut spec = SeriesSpec::rrule(rule, start, Some(zone));
            spec.month_end = month_end;
            spec
        })
}

/// A series that has occurrences; some exceptions are made from them.
fn series() -> impl Strategy<Value = (SeriesSpec, Series)> {
    (spec(), vec((0usize..12, 0u8..4, 1i64..200), 0..4)).prop_filter_map(
        "no occurrence",
        |(mut spec, changes)| {
            let plain = Series::compile(&spec, Tz::UTC).ok()?;
            let begin = to_instant(&spec.start, plain.zone()) - Duration::days(2);
            let found = plain.upcoming(begin, 12);
            for (place, change, hours) in changes {
                let Some(occurrence) = found.get(place) else {
                    continue;
                };
                let original = occurrence.original;
                let later = original.date_time() + Duration::hours(hours);
                let later = match original {
                    Start::At(_) => Start::At(later),
                    Start::On(_) => Start::On(later.date()),
                };
                match change {
                    0 => spec.exclude.push(original),
                    1 => spec.include.push(later),
                    _ if spec.overrides.iter().any(|o| o.occurrence == original) => {}
                    2 => spec.overrides.push(Override {
                        occurrence: original,
                        to: None,
                    }),
                    _ => spec.overrides.push(Override {
                        occurrence: original,
                        to: Some(later),
                    }),
                }
            }
            let series = Series::compile(&spec, Tz::UTC).unwrap();
            Some((spec, series))
        },
    )
}

fn begin(spec: &SeriesSpec, series: &Series) -> DateTime<Utc> {
    to_instant(&spec.start, series.zone()) - Duration::days(2)
}

proptest! {
    #[test]
    fn occurrences_ascend_and_each_is_another((spec, series) in series()) {
        let found = series.upcoming(begin(&spec, &series), 60);
        prop_assert!(found.windows(2).all(|pair| pair[0].at < pair[1].at));
        let originals: HashSet<Start> = found.iter().map(|o| o.original).collect();
        prop_assert_eq!(originals.len(), found.len());
        let id = |o: &Occurrence| instance_id(Uuid::nil(), &o.original);
        prop_assert_eq!(found.iter().map(id).collect::<HashSet<_>>().len(), found.len());
    }

    #[test]
    fn between_agrees_with_next_after((spec, series) in series(), cut in 0usize..40, limit in 1usize..50) {
        let from = begin(&spec, &series);
        let mut stepped = Vec::new();
        let mut now = from;
        while stepped.len() < 40 && let Some(next) = series.next_after(now) {
            now = next.at;
            stepped.push(next);
        }
        prop_assert_eq!(&series.upcoming(from, 40), &stepped);
        // The end is left out, the beginning is not.
        if let Some(end) = stepped.get(cut) {
            let found = series.between(from, end.at, limit);
            prop_assert_eq!(&found[..], &stepped[..cut.min(limit)]);
            let found = series.between(end.at, end.at + Duration::seconds(1), 9);
            prop_assert_eq!(&found[..], &stepped[cut..=cut]);
        }
    }

    #[test]
    fn shifting_now_changes_no_occurrence((spec, series) in series(), shift in 0.0f64..1.0, nanos in 0i64..1_000_000_000) {
        let from = begin(&spec, &series);
        let found = series.upcoming(from, 40);
        let last = found.last().map_or(from, |o| o.at);
        let span = (last - from).num_seconds() as f64;
        let now = from + Duration::seconds((span * shift) as i64) + Duration::nanoseconds(nanos);
        let expected: Vec<Occurrence> = found.iter().filter(|o| o.at > now).cloned().collect();
        prop_assert_eq!(series.upcoming(now, expected.len()), expected);
    }

    #[test]
    fn text_and_json_round_trip(spec in spec()) {
        let RuleSpec::Rrule(text) = &spec.rule else { unreachable!() };
        let rule: Rule = text.parse().unwrap();
        prop_assert_eq!(rule.to_string().parse::<Rule>().unwrap(), rule);
        let json = serde_json::to_string(&spec).unwrap();
        prop_assert_eq!(serde_json::from_str::<SeriesSpec>(&json).unwrap(), spec.clone());
        prop_assert_eq!(spec.start.to_string().parse::<Start>().unwrap(), spec.start);
    }

    #[test]
    fn count_and_until_cut_the_series_and_nothing_else(spec in spec(), count in 1usize..150) {
        let RuleSpec::Rrule(text) = &spec.rule else { unreachable!() };
        let Ok(endless) = Series::compile(&spec, Tz::UTC) else { return Ok(()) };
        let from = begin(&spec, &endless);
        let with = |bound: String| {
            let spec = SeriesSpec { rule: RuleSpec::Rrule(format!("{text};{bound}")), ..spec.clone() };
            Series::compile(&spec, Tz::UTC)
        };
        let all = endless.upcoming(from, count);
        let counted = match with(format!("COUNT={count}")) {
            Ok(counted) => counted.upcoming(from, count + 5),
            // Fine and sparse rules are not counted.
            Err(error) => {
                prop_assert!(error.to_string().contains("cannot be counted"), "{}", error);
                return Ok(());
            }
        };
        // Two readings that a gap puts on one instant are two of the count and one occurrence.
        prop_assert!(counted.len() <= all.len());
        for (counted, any) in counted.iter().zip(&all) {
            prop_assert_eq!((&counted.original, counted.at), (&any.original, any.at));
        }
        let gaps = usize::try_from(counted.last().map_or(0, |o| o.index)).unwrap() - counted.len();
        prop_assert!(counted.len() + gaps <= count);
        if gaps == 0 && spec.time_zone == Some(Tz::UTC) {
            let indexes: Vec<u64> = counted.iter().map(|o| o.index).collect();
            prop_assert_eq!(indexes, (1..=all.len() as u64).collect::<Vec<_>>());
        }
        let last = all.last().unwrap();
        let until = with(format!("UNTIL={}", last.at.format("%Y%m%dT%H%M%SZ"))).unwrap();
        prop_assert_eq!(until.upcoming(from, count + 5), all);
    }

    #[test]
    fn the_chain_of_completions_is_the_series((mut spec, _) in series(), late in 0i64..3) {
        spec.late = Late::CatchUp;
        spec.overrides.clear();
        let series = Series::compile(&spec, Tz::UTC).unwrap();
        let found = series.upcoming(begin(&spec, &series), 20);
        for pair in found.windows(2) {
            let completed = pair[0].at + Duration::days(late);
            let next = series.next_on_completion(&pair[0].original, completed);
            prop_assert_eq!(&next[..], &pair[1..]);
        }
        spec.late = Late::NextFuture;
        let series = Series::compile(&spec, Tz::UTC).unwrap();
        for occurrence in &found {
            let completed = occurrence.at + Duration::days(late);
            let next = series.next_on_completion(&occurrence.original, completed);
            let expected: Vec<Occurrence> = series.next_after(completed).into_iter().collect();
            prop_assert_eq!(next, expected);
        }
    }

    #[test]
    fn each_missed_occurrence_comes_once((mut spec, _) in series(), days in 0i64..400) {
        spec.late = Late::Each;
        spec.overrides.clear();
        let series = Series::compile(&spec, Tz::UTC).unwrap();
        let Some(first) = series.next_after(begin(&spec, &series)) else { return Ok(()) };
        let completed = first.at + Duration::days(days);
        let each = series.next_on_completion(&first.original, completed);
        prop_assert_eq!(&each, &series.upcoming(first.at, each.len()));
        let future = each.iter().filter(|o| o.at > completed).count();
        if each.len() < MAX_OPEN_INSTANCES {
            prop_assert_eq!(future, usize::from(series.next_after(completed).is_some()));
        } else {
            prop_assert!(each.len() == MAX_OPEN_INSTANCES && future <= 1);
        }
    }

    #[test]
    fn what_somebody_types_is_answered(text in "\\PC{0,60}", cron in "[-*/0-9,#L? A-Z]{0,30}") {
        for rule in [RuleSpec::Rrule(text.clone()), RuleSpec::Rrule(format!("FREQ=DAILY;{text}")), RuleSpec::Cron(cron)] {
            let start = "2026-01-01T09:00".parse().unwrap();
            let spec = SeriesSpec::new(rule, start, None);
            match Series::compile(&spec, Tz::Europe__Berlin) {
                Ok(series) => prop_assert!(!series.describe(DateTime::UNIX_EPOCH).is_empty()),
                Err(error) => prop_assert!(!error.0.is_empty()),
            }
        }
        let _ = text.parse::<Start>();
    }
}
