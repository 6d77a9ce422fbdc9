//! Agreement with python-dateutil and zoneinfo. `just recurrence-oracle` makes the expectations
//! (`domain/oracle`); `docs/recurrence.md` lists each difference with the paragraph that decides.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, io::Read};

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use domain::recurrence::{Series, SeriesSpec, Start};
use flate2::{Crc, read::GzDecoder};

fn table(packed: &[u8]) -> Vec<Vec<String>> {
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    let row = |line: &str| line.split('\t').map(str::to_owned).collect();
    text.lines().map(row).collect()
}

fn crc(lines: impl IntoIterator<Item = String>) -> String {
    let mut crc = Crc::new();
    for line in lines {
        crc.update(line.as_bytes());
        crc.update(b"\n");
    }
    format!("{:08x}", crc.sum())
}

fn utc(naive: NaiveDateTime) -> DateTime<Utc> {
    naive.and_utc()
}

#[test]
fn dateutil_agrees_without_a_zone() {
    let table = table(include_bytes!("../oracle/naive.tsv.gz"));
    assert!(table.len() >= 10_000);
    let mut differences = BTreeMap::new();
    let mut unexplained = Vec::new();
    for row in &table {
        let [start, text, last_year, count, first, last, sum, right @ ..] = &row[..] else {
            panic!("{row:?}");
        };
        let spec = SeriesSpec::rrule(text, start.parse().unwrap(), Some(Tz::UTC));
        let end = format!("{last_year}-12-31T23:59:59Z").parse().unwrap();
        let found: Vec<String> = match Series::compile(&spec, Tz::UTC) {
            Ok(series) => {
                let from = utc(spec.start.date_time());
                let found = series.between(from, end, 30);
                found.iter().map(|o| o.original.to_string()).collect()
            }
            Err(error) => {
                assert!(
                    error.to_string().contains("has no occurrence"),
                    "{text}: {error}"
                );
                Vec::new()
            }
        };
        let empty = String::new();
        let found_sum = crc(found.iter().cloned());
        let agrees = |count: &str, sum: &str| found.len().to_string() == count && found_sum == sum;
        let same = agrees(count, sum)
            && found.first().unwrap_or(&empty) == first
            && found.last().unwrap_or(&empty) == last;
        // Where dateutil departs from the RFC, what a day-by-day search by the RFC found decides.
        let right = match right {
            [why, count, sum] if agrees(count, sum) => {
                if !same {
                    *differences.entry(why.clone()).or_insert(0) += 1;
                }
                true
            }
            right => right.is_empty() && same,
        };
        if !right {
            unexplained.push(format!(
                "{start} {text}: {count} from {first} to {last}, here {} {found:?}",
                found.len()
            ));
        }
    }
    assert!(
        unexplained.is_empty(),
        "{} rules differ, such as\n{}",
        unexplained.len(),
        unexplained[..unexplained.len().min(20)].join("\n")
    );
    let expected = [
        ("BYSETPOS in the week of the start", 12),
        ("BYWEEKNO alone", 62),
        ("BYWEEKNO from the end of the next year", 2),
        ("BYWEEKNO of the last weeks of the year before", 2),
        ("numbered and plain BYDAY", 41),
    ];
    let differences: Vec<(&str, i32)> = differences.iter().map(|(k, n)| (&**k, *n)).collect();
    assert_eq!(differences, expected);
}

#[test]
fn zoneinfo_agrees_in_zones_with_odd_transitions() {
    let table = table(include_bytes!("../oracle/zones.tsv.gz"));
    let mut zones = std::collections::BTreeSet::new();
    let mut wrong = Vec::new();
    let mut occurrences = 0;
    for row in &table {
        let [zone, start, text, from, to, count, sum] = &row[..] else {
            panic!("{row:?}");
        };
        zones.insert(zone.clone());
        let zone: Tz = zone.parse().unwrap();
        let start: Start = start.parse().unwrap();
        let series = Series::compile(&SeriesSpec::rrule(text, start, Some(zone)), zone).unwrap();
        let instant = |text: &String| DateTime::from_timestamp(text.parse().unwrap(), 0).unwrap();
        let (from, to) = (instant(from), instant(to));
        let found = series.between(from, to, usize::MAX);
        occurrences += found.len();
        let instants = found.iter().map(|o| o.at.timestamp().to_string());
        if found.len().to_string() != *count || crc(instants) != *sum {
            let shown: Vec<String> = found.iter().take(12).map(|o| o.at.to_rfc3339()).collect();
            wrong.push(format!(
                "{zone} {start} {text} {from} {to}: {count}, here {} {shown:?}",
                found.len()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n")
    );
    assert!(
        zones.len() >= 8 && occurrences > 500_000,
        "{zones:?} {occurrences}"
    );
}
