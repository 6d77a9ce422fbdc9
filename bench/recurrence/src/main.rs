//! `bench-recurrence FILE`: prints, as Markdown, how long the next occurrence takes and how many
//! occurrences come in a second, here, from the bare rrule crate and from python-dateutil (whose
//! numbers are read from FILE), and the worst of the hostile rules.

#[path = "../../../domain/tests/hostile/mod.rs"]
mod hostile;

use std::{
    collections::HashMap,
    hint::black_box,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;
use domain::recurrence::{Series, SeriesSpec};
use rrule::RRuleSet;

const RULES: &str = include_str!("../rules.tsv");
const START: &str = "2016-01-01T09:00:00";

fn now(i: i64) -> DateTime<Utc> {
    let base = Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0);
    base.single().expect("a valid time") + chrono::Duration::seconds(i * 86_413 % 40_000_000)
}

/// Median of the mean time of a call, over batches.
fn median(batches: usize, calls: i64, mut act: impl FnMut(i64)) -> f64 {
    let mut means: Vec<f64> = (0..batches)
        .map(|_| {
            let begin = Instant::now();
            for i in 0..calls {
                act(i);
            }
            begin.elapsed().as_nanos() as f64 / calls as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    means[batches / 2]
}

/// Occurrences a second: the median of some runs.
fn rate(mut act: impl FnMut() -> usize) -> f64 {
    let mut rates: Vec<f64> = (0..9)
        .map(|_| {
            let begin = Instant::now();
            let count = act();
            count as f64 / begin.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[4]
}

fn series(text: &str, zone: Tz) -> Series {
    let start = START.parse().expect("a valid start");
    Series::compile(&SeriesSpec::rrule(text, start, Some(zone)), zone).expect("a valid rule")
}

fn crate_set(text: &str, zone: &str) -> RRuleSet {
    let start = START.replace(['-', ':'], "");
    format!("DTSTART;TZID={zone}:{start}\nRRULE:{text}")
        .parse()
        .expect("a rule that the crate takes")
}

fn nanoseconds(ns: f64) -> String {
    match ns {
        ns if ns < 10_000.0 => format!("{ns:.0} ns"),
        ns if ns < 10_000_000.0 => format!("{:.0} µs", ns / 1e3),
        ns => format!("{:.0} ms", ns / 1e6),
    }
}

fn thousands(rate: f64) -> String {
    if rate < 1e6 {
        format!("{:.0} k", rate / 1e3)
    } else {
        format!("{:.1} M", rate / 1e6)
    }
}

fn common(dateutil: &HashMap<String, (f64, f64)>) {
    println!(
        "| Rule, started 2016 | next_after, UTC | next_after, Europe/Berlin | rrule crate | dateutil | occurrences/s, UTC | Europe/Berlin | rrule crate | dateutil |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for line in RULES.lines() {
        let (name, text) = line.split_once('\t').expect("two columns");
        let mut cells = vec![name.to_owned()];
        let zones = [Tz::UTC, Tz::Europe__Berlin];
        for zone in zones {
            let series = series(text, zone);
            let ns = median(41, 2_000, |i| {
                black_box(series.next_after(black_box(now(i))));
            });
            cells.push(nanoseconds(ns));
        }
        let set = crate_set(text, "UTC");
        let ns = median(3, 3, |i| {
            let after = now(i).with_timezone(&rrule::Tz::UTC);
            black_box(set.clone().after(after).all(1));
        });
        cells.push(nanoseconds(ns));
        let theirs = dateutil.get(name).copied().unwrap_or_default();
        cells.push(nanoseconds(theirs.0));
        for zone in zones {
            let series = series(text, zone);
            let rate = rate(|| black_box(series.upcoming(DateTime::UNIX_EPOCH, 20_000)).len());
            cells.push(thousands(rate));
        }
        let rate = rate(|| set.into_iter().take(20_000).map(black_box).count());
        cells.push(thousands(rate));
        cells.push(thousands(theirs.1));
        println!("| {} |", cells.join(" | "));
    }
}

fn worst() {
    let mut worst = [
        (Duration::ZERO, String::new()),
        (Duration::ZERO, String::new()),
    ];
    for rule in hostile::rules() {
        for start in [
            "0001-01-01T00:00",
            "2016-02-29T03:00",
            "9999-12-31T23:59:59",
        ] {
            let start = start.parse().expect("a valid start");
            let spec = SeriesSpec::rrule(rule.clone(), start, Some(Tz::America__St_Johns));
            let mut took = [Duration::MAX; 2];
            for _ in 0..5 {
                let begin = Instant::now();
                let compiled = Series::compile(&spec, Tz::UTC);
                took[0] = took[0].min(begin.elapsed());
                let Ok(series) = compiled else {
                    took[1] = Duration::ZERO;
                    continue;
                };
                let begin = Instant::now();
                black_box(series.next_after(now(0)));
                took[1] = took[1].min(begin.elapsed());
            }
            for (worst, took) in worst.iter_mut().zip(took) {
                if took > worst.0 {
                    *worst = (took, format!("{rule} from {start}"));
                }
            }
        }
    }
    println!();
    for (what, (took, rule)) in ["compile", "next_after"].iter().zip(worst) {
        let shown: String = rule.chars().take(120).collect();
        println!(
            "Worst hostile rule, {what}: {:.2} ms (`{shown}`)",
            took.as_secs_f64() * 1e3
        );
    }
}

fn main() {
    let file = std::env::args().nth(1).unwrap_or_default();
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let row = |line: &str| {
        let mut cells = line.split('\t');
        let name = cells.next()?.to_owned();
        let ns = cells.next()?.parse().ok()?;
        Some((name, (ns, cells.next()?.parse().ok()?)))
    };
    let dateutil = text.lines().filter_map(row).collect();
    common(&dateutil);
    worst();
}
