//! Throws made-up rules, expressions and instants at the recurrence engine for some seconds:
//! `recurrence-fuzz [SECONDS] [SEED]`. Fails when something panics, takes longer than it may, uses
//! more memory than it may, or breaks a law. Prints the input and the seed of a failure.
//!
//! Inputs are made from the grammar and then damaged byte by byte, so that many get far and many
//! do not. Needs no nightly compiler and no instrumentation.

mod tools;

use std::process::ExitCode;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::TZ_VARIANTS;
use domain::recurrence::{
    Basis, Late, MonthEnd, Override, Rule, RuleSpec, Series, SeriesSpec, Start,
};
use tools::{Random, damage, run, timed};

/// Numbers up to `most`, with a comma between them.
fn numbers(random: &mut Random, most: usize, signed: bool) -> String {
    let count = if random.chance(5) {
        60
    } else {
        1 + random.below(4)
    };
    let number = |_| {
        let sign = if signed && random.chance(40) { "-" } else { "" };
        format!("{sign}{}", random.below(most + 1))
    };
    let numbers: Vec<String> = (0..count).map(number).collect();
    numbers.join(",")
}

const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const FREQUENCIES: [&str; 7] = [
    "YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY",
];
const INTERVALS: [&str; 10] = [
    "1",
    "2",
    "3",
    "7",
    "24",
    "1439",
    "86399",
    "86400",
    "65535",
    "4294967295",
];

fn rrule(random: &mut Random) -> String {
    let mut text = format!("FREQ={}", random.pick(&FREQUENCIES));
    for _ in 0..random.below(6) {
        text += &match random.below(12) {
            0 => format!(";INTERVAL={}", random.pick(&INTERVALS)),
            1 => format!(
                ";COUNT={}",
                random.pick(&["1", "3", "100", "5000", "50000"])
            ),
            2 => format!(
                ";UNTIL={}",
                random.pick(&["20300101", "20260301T090000", "99991231T235959Z"])
            ),
            3 => format!(";WKST={}", random.pick(&DAYS)),
            4 => format!(";BYMONTH={}", numbers(random, 12, false)),
            5 => format!(";BYMONTHDAY={}", numbers(random, 31, true)),
            6 => format!(";BYYEARDAY={}", numbers(random, 366, true)),
            7 => format!(";BYWEEKNO={}", numbers(random, 53, true)),
            8 => {
                let sign = random.pick(&["", "", "1", "-1", "5", "-53"]);
                format!(";BYDAY={sign}{},{}", random.pick(&DAYS), random.pick(&DAYS))
            }
            9 => format!(";BYHOUR={}", numbers(random, 23, false)),
            10 => format!(
                ";BYMINUTE={};BYSECOND={}",
                numbers(random, 59, false),
                numbers(random, 60, false)
            ),
            _ => format!(";BYSETPOS={}", numbers(random, 366, true)),
        };
    }
    text
}

fn cron(random: &mut Random) -> String {
    let fields = [(59, 2), (23, 2), (31, 3), (12, 3), (7, 4)];
    let field = |random: &mut Random, most: usize| match random.below(8) {
        0..=2 => "*".to_owned(),
        3 => format!("*/{}", random.below(most + 2)),
        4 => format!("{}-{}", random.below(most), random.below(most + 1)),
        5 => format!("{}#{}", random.below(7), random.below(6)),
        6 => "L".into(),
        _ => numbers(random, most, false),
    };
    let fields: Vec<String> = fields
        .iter()
        .map(|(most, _)| field(random, *most))
        .collect();
    if random.chance(20) {
        format!("{} {}", random.below(60), fields.join(" "))
    } else {
        fields.join(" ")
    }
}

fn start(random: &mut Random) -> Start {
    let year = [1, 1582, 1900, 1969, 2011, 2024, 2026, 2037, 2100, 9999][random.below(10)];
    let day = NaiveDate::from_yo_opt(year, 1 + random.below(365) as u32)
        .expect("every year has 365 days");
    if random.chance(25) {
        return Start::On(day);
    }
    let second = random.below(24) as u32;
    let time = day.and_hms_opt(second, [0, 15, 30, 59][random.below(4)], 0);
    Start::At(time.expect("the hour is below 24"))
}

fn spec(random: &mut Random) -> SeriesSpec {
    let rule = if random.chance(75) {
        rrule(random)
    } else {
        cron(random)
    };
    let is_cron = !rule.starts_with("FREQ");
    let rule = if random.chance(25) {
        damage(random, rule, b";=,-T0Z~*")
    } else {
        rule
    };
    let rule = if is_cron {
        RuleSpec::Cron(rule)
    } else {
        RuleSpec::Rrule(rule)
    };
    let zone = TZ_VARIANTS[random.below(TZ_VARIANTS.len())];
    let mut spec = SeriesSpec::new(rule, start(random), Some(zone));
    for _ in 0..random.below(3) {
        spec.exclude.push(start(random));
        spec.include.push(start(random));
        let to = random.chance(50).then(|| start(random));
        spec.overrides.push(Override {
            occurrence: spec.start,
            to,
        });
    }
    spec.month_end = [MonthEnd::Skip, MonthEnd::LastDay][random.below(2)];
    spec.basis = [Basis::DueDate, Basis::Completion][random.below(2)];
    spec.late = [Late::NextFuture, Late::CatchUp][random.below(2)];
    spec
}

/// Asks a series everything and holds it to the laws; says whether there was one.
fn ask((spec, now): &(SeriesSpec, DateTime<Utc>)) -> bool {
    let now = *now;
    let json = serde_json::to_string(spec).expect("a series serialises");
    let again: SeriesSpec = serde_json::from_str(&json).expect("what was written is read");
    assert_eq!(&again, spec);
    if let RuleSpec::Rrule(text) = &spec.rule
        && let Ok(rule) = timed("parsing", || text.parse::<Rule>())
    {
        assert_eq!(rule.to_string().parse::<Rule>(), Ok(rule));
    }
    let series = match timed("compile", || Series::compile(spec, chrono_tz::UTC)) {
        Ok(series) => series,
        Err(errors) => {
            assert!(!errors.0.is_empty() && errors.to_string().len() < 4_000);
            return false;
        }
    };
    assert!(!timed("describe", || series.describe(now)).is_empty());
    let Some(next) = timed("next_after", || series.next_after(now)) else {
        return true;
    };
    assert!(next.at > now);
    let before = next.at - chrono::Duration::seconds(1);
    assert_eq!(
        timed("again", || series.next_after(before)).as_ref(),
        Some(&next)
    );
    let one = chrono::Duration::seconds(1);
    let between = timed("between", || series.between(next.at, next.at + one, 9));
    assert_eq!(between, std::slice::from_ref(&next));
    if let Some(second) = timed("the second", || series.next_after(next.at)) {
        assert!(second.at > next.at && second.original != next.original);
        assert_eq!(
            timed("in the middle", || series
                .next_after(next.at + (second.at - next.at) / 2)),
            Some(second)
        );
    }
    for after in timed("completion", || {
        series.next_on_completion(&next.original, now)
    }) {
        assert_ne!(after.original, next.original);
    }
    true
}

/// A series and an instant to ask it at.
fn question(random: &mut Random) -> (SeriesSpec, DateTime<Utc>) {
    let spec = spec(random);
    let now = DateTime::from_timestamp(
        random.next() as i64 % 260_000_000_000,
        random.below(1_000_000_000) as u32,
    );
    (spec, now.unwrap_or_default())
}

fn main() -> ExitCode {
    run("series", question, ask)
}
