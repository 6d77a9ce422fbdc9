//! Throws made-up lines at quick add for some seconds: `quick-add-fuzz [SECONDS] [SEED]`. Fails when
//! something panics, takes longer than it may, uses more memory than it may, loses a character of a
//! line or gives a place that is none. Prints the line and the seed of a failure.
//!
//! Lines are made from pieces of phrases and then damaged byte by byte.

mod tools;

use std::process::ExitCode;

use chrono::{DateTime, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};
use domain::{
    quick_add::{MOST_CHARACTERS, QuickAdd, parse},
    recurrence::Series,
};
use tools::{Random, damage, run, timed};

/// Pieces of phrases, and what is none.
const PIECES: [&str; 96] = [
    "buy milk",
    "call Zoë",
    "🎉",
    "買う",
    "tomorrow",
    "tod",
    "tom",
    "tonight",
    "monday",
    "mon",
    "sat",
    "mondays",
    "next",
    "this",
    "week",
    "weekend",
    "month",
    "end of",
    "the",
    "day after",
    "on",
    "by",
    "for",
    "due",
    "before",
    "after",
    "until",
    "in",
    "at",
    "@",
    "every",
    "every!",
    "other",
    "weekday",
    "last",
    "1st",
    "3rd",
    "31st",
    "99th",
    "day",
    "days",
    "hours",
    "minutes",
    "weeks",
    "months",
    "years",
    "0",
    "2",
    "9",
    "14",
    "9999",
    "a",
    "and",
    "&",
    ",",
    "-",
    "–",
    "daily",
    "monthly",
    "march",
    "may",
    "feb 29",
    "3/14",
    "14/3",
    "3/14/2027",
    "2027-03-14",
    "9999-12-31",
    "2027-03-14T18:30",
    "9am",
    "9-11am",
    "17:00",
    "25:00",
    "midnight",
    "pm",
    "morning",
    "times",
    "starting",
    "from",
    "to",
    "completion",
    "remind me",
    "1h30m",
    "!30m",
    "p1",
    "of",
    "#home",
    "#\"Home office\"",
    "@[",
    "\"every day\"",
    "\"",
    "“",
    "\\#1",
    "(tomorrow)",
    "(",
    ")",
    ". !",
];

/// What stands between pieces; most often a space.
const BETWEEN: [&str; 12] = [
    " ", " ", " ", " ", " ", ", ", ". ", " (", ") ", "  ", "\u{a0}", "",
];

fn line(random: &mut Random) -> String {
    let pieces = if random.chance(2) {
        MOST_CHARACTERS
    } else {
        1 + random.below(16)
    };
    // Many of a few pieces find what is slow.
    let few: Vec<&str> = (0..4).map(|_| random.pick(&PIECES)).collect();
    let repeats = random.chance(30);
    let mut line = String::new();
    for _ in 0..pieces {
        line += random.pick(if repeats { &few } else { &PIECES });
        line += random.pick(&BETWEEN);
    }
    if random.chance(25) {
        line = damage(random, line, b" #@!\\\"(,./:-0");
    }
    line.chars()
        .take(MOST_CHARACTERS + random.below(2))
        .collect()
}

fn now(random: &mut Random) -> DateTime<Tz> {
    let zone = TZ_VARIANTS[random.below(TZ_VARIANTS.len())];
    // From 1970 to 9998, the years that a task may have.
    let seconds = random.below(253_000_000_000) as i64;
    zone.timestamp_opt(seconds, random.below(1_000_000_000) as u32)
        .single()
        .expect("an instant has one local time")
}

/// The characters that are no white space, in a fixed order.
fn characters(text: &str) -> Vec<char> {
    let mut found: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    found.sort_unstable();
    found
}

/// Holds what was read of a line to the laws.
fn check(line: &str, task: &QuickAdd, now: DateTime<Tz>) {
    let mut all = task.title.clone();
    let mut end = 0;
    for part in &task.parts {
        assert!(part.span.start >= end, "{part:?} begins before {end}");
        end = part.span.end;
        all += part.span.of(line).expect("a part stands in its line");
    }
    assert_eq!(characters(line), characters(&all));
    if let Some(spec) = &task.recurrence {
        assert!(Series::compile(spec, now.timezone()).is_ok());
    }
}

/// Reads a line and holds the answer to the laws; says whether there was a task.
fn ask(line: &str, now: DateTime<Tz>) -> bool {
    match timed("parse", || parse(line, now)) {
        Ok(task) => {
            check(line, &task, now);
            true
        }
        Err(error) => {
            assert!(error.span.of(line).is_some(), "{error:?}");
            assert!((1..1_000).contains(&error.to_string().len()));
            false
        }
    }
}

fn main() -> ExitCode {
    let input = |random: &mut Random| (line(random), now(random));
    run("tasks", input, |(line, now)| ask(line, *now))
}
