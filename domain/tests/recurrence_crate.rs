//! Agreement with the `rrule` crate, without zones, over the rules that python-dateutil answers too
//! (`domain/oracle`); `docs/recurrence.md` lists each difference with the paragraph that decides.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, io::Read, thread};

use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;
use domain::recurrence::{Series, SeriesSpec};
use flate2::read::GzDecoder;
use rrule::RRuleSet;

/// Occurrences compared of each rule.
const OCCURRENCES: u16 = 30;

/// Of the rules that have nothing in the years looked at by dateutil, every so many-th is tried: the
/// crate looks on until year 9999 or 100,000 periods later, which takes up to seconds.
const OF_THE_EMPTY: usize = 200;

/// The five ways in which dateutil differs too, as its table names them.
const AS_DATEUTIL: [&str; 5] = [
    "BYSETPOS in the week of the start",
    "BYWEEKNO alone",
    "BYWEEKNO from the end of the next year",
    "BYWEEKNO of the last weeks of the year before",
    "numbered and plain BYDAY",
];

/// What the comparison of some rules came to.
#[derive(Default)]
struct Tally {
    compared: usize,
    empty: usize,
    differences: BTreeMap<&'static str, usize>,
    unexplained: Vec<String>,
}

fn ours(text: &str, start: &str, end: DateTime<Utc>) -> Vec<String> {
    let spec = SeriesSpec::rrule(text, start.parse().unwrap(), Some(Tz::UTC));
    // A rule without any occurrence is refused; that it is one for a reason the dateutil test sees to.
    let Ok(series) = Series::compile(&spec, Tz::UTC) else {
        return Vec::new();
    };
    let from = spec.start.date_time().and_utc();
    let found = series.between(from, end, OCCURRENCES.into());
    found.iter().map(|o| o.original.to_string()).collect()
}

/// What the crate finds, or why it refuses the rule. UTC stands for "no zone": it wants UNTIL so.
fn theirs(text: &str, start: &str, end: DateTime<Utc>) -> Result<Vec<String>, String> {
    let start = start.replace(['-', ':'], "");
    let zulu = |part: &str| match part.starts_with("UNTIL=") {
        true => format!("{part}Z"),
        false => part.to_owned(),
    };
    let text: Vec<String> = text.split(';').map(zulu).collect();
    let set: RRuleSet = format!("DTSTART:{start}Z\nRRULE:{}", text.join(";"))
        .parse()
        .map_err(|error: rrule::RRuleError| error.to_string())?;
    let found = set.before(end.with_timezone(&rrule::Tz::UTC));
    Ok(found
        .all(OCCURRENCES)
        .dates
        .iter()
        .take_while(|at| at.year() <= end.year())
        .map(|at| at.format("%Y-%m-%dT%H:%M:%S").to_string())
        .collect())
}

/// The class of a difference, by the form of the rule; `None`: there is no reason to differ.
fn why(
    text: &str,
    as_dateutil: &str,
    theirs: &Result<Vec<String>, String>,
) -> Option<&'static str> {
    let has = |part: &str| text.split(';').any(|p| p.starts_with(part));
    match theirs {
        Err(error) if error.contains("`BYDAY` is `-5") => {
            Some("BYDAY five from the end is refused")
        }
        Err(error) if error.contains("BYSETPOS should only") && has("BYMONTHDAY=-") => {
            Some("BYSETPOS beside BYMONTHDAY from the end is refused")
        }
        Err(_) => None,
        Ok(_) => {
            let known = AS_DATEUTIL.into_iter().find(|known| *known == as_dateutil);
            let finer = has("FREQ=MINUTELY") || has("FREQ=SECONDLY");
            let clock = has("BYHOUR") || has("BYMINUTE") || has("BYSECOND");
            known.or((finer && clock)
                .then_some("days and hours jumped over in rules finer than an hour"))
        }
    }
}

fn compare(lines: &[&str]) -> Tally {
    let mut tally = Tally::default();
    for line in lines {
        let row: Vec<&str> = line.split('\t').collect();
        let (start, text, last_year) = (row[0], row[1], row[2]);
        let end = format!("{last_year}-12-31T23:59:59Z").parse().unwrap();
        if row[3] == "0" {
            tally.empty += 1;
            if !tally.empty.is_multiple_of(OF_THE_EMPTY) {
                continue;
            }
        }
        tally.compared += 1;
        let found = ours(text, start, end);
        let other = theirs(text, start, end);
        if other.as_ref() == Ok(&found) {
            continue;
        }
        // The table has a seventh column where the RFC decides otherwise than dateutil may.
        match why(text, row.get(7).unwrap_or(&""), &other) {
            Some(class) => *tally.differences.entry(class).or_default() += 1,
            None => tally
                .unexplained
                .push(format!("{start} {text}: {other:?}, here {found:?}")),
        }
    }
    tally
}

#[test]
fn the_rrule_crate_agrees_without_a_zone() {
    let mut text = String::new();
    GzDecoder::new(&include_bytes!("../oracle/naive.tsv.gz")[..])
        .read_to_string(&mut text)
        .unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // Two halves whatever the machine, so that the same rules are tried everywhere.
    let (left, right) = lines.split_at(lines.len() / 2);
    let tallies = thread::scope(|scope| {
        [left, right]
            .map(|half| scope.spawn(|| compare(half)))
            .map(|half| half.join().unwrap())
    });
    let mut all = Tally::default();
    for tally in tallies {
        all.compared += tally.compared;
        all.empty += tally.empty;
        all.unexplained.extend(tally.unexplained);
        for (class, count) in tally.differences {
            *all.differences.entry(class).or_default() += count;
        }
    }
    assert!(
        all.unexplained.is_empty(),
        "{} rules differ, such as\n{}",
        all.unexplained.len(),
        all.unexplained[..all.unexplained.len().min(20)].join("\n")
    );
    let differences: Vec<(&str, usize)> = all.differences.into_iter().collect();
    // On each of these dateutil, or the search by the RFC where dateutil departs from it, gives what
    // this engine gives: `recurrence_oracle.rs` runs over the same table.
    let expected = [
        ("BYDAY five from the end is refused", 87),
        ("BYSETPOS beside BYMONTHDAY from the end is refused", 3),
        ("BYSETPOS in the week of the start", 12),
        ("BYWEEKNO alone", 62),
        ("BYWEEKNO from the end of the next year", 2),
        ("BYWEEKNO of the last weeks of the year before", 2),
        (
            "days and hours jumped over in rules finer than an hour",
            172,
        ),
        ("numbered and plain BYDAY", 8),
    ];
    assert_eq!(differences, expected);
    assert_eq!((all.compared, all.empty), (10_026, 1_982));
}
