//! Throws made-up files of tasks at the import for some seconds: `transfer-fuzz [SECONDS] [SEED]`. Fails when
//! something panics, takes longer than it may, uses more memory than it may, puts a task before its parent, or
//! loses a line without a word. Prints the file and the seed of a failure.

mod tools;

use std::{collections::HashSet, process::ExitCode};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::transfer::{Format, tree};
use tools::{Random, damage, run, timed};

/// Pieces of JSON.
const JSON: [&str; 20] = [
    "{\"id\":\"a\",\"title\":\"x\"}",
    "{\"title\":\"y\",\"parent\":\"a\",\"priority\":\"P1\"}",
    "{\"title\":\"\",\"due\":{\"date\":\"2030-01-01\"}}",
    "\"due\":{\"dateTime\":\"2030-01-01T09:00:00\",\"timeZone\":\"Europe/Berlin\"}",
    "\"recurrence\":{\"rrule\":\"FREQ=DAILY\",\"start\":\"2030-01-01\"}",
    "\"reminders\":[{\"beforeSeconds\":60}]",
    "\"tags\":[\"a\",\"b\"]",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "1e999",
    "\"title\"",
    "\"id\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "true",
];

/// Pieces of tables.
const CELLS: [&str; 32] = [
    "a",
    "b",
    "x",
    "line 2",
    "P1",
    "1",
    "9",
    ",",
    ",",
    ",",
    ",",
    "\n",
    "\n",
    "\r\n",
    "\"",
    "\"\"",
    "task",
    "note",
    "section",
    "meta",
    "@home",
    "every day",
    "1 Jan 2030 at 9am",
    "jeden Freitag",
    "2030-01-01",
    "2030-01-01T09:00:00",
    "Europe/Berlin",
    "FREQ=DAILY",
    "[{\"\"at\"\":1}]",
    "é",
    "🎉",
    "\u{feff}",
];

/// Lines of calendars.
const LINES: [&str; 40] = [
    "BEGIN:VTODO",
    "END:VTODO",
    "BEGIN:VTODO",
    "END:VTODO",
    "BEGIN:VEVENT",
    "END:VEVENT",
    "BEGIN:VALARM",
    "END:VALARM",
    "BEGIN:VTIMEZONE",
    "END:VTIMEZONE",
    "END:VCALENDAR",
    "BEGIN:VJOURNAL",
    "UID:a",
    "UID:b@todostack",
    "SUMMARY:x\\, y",
    "SUMMARY;LANGUAGE=\"de:;\":é",
    "DUE;VALUE=DATE:20300101",
    "DUE;TZID=Europe/Berlin:20300101T090000",
    "DTSTART:20200101T090000Z",
    "DTSTART;TZID=/x/Asia/Kolkata:20300101T090000",
    "RRULE:FREQ=DAILY;COUNT=3",
    "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    "EXDATE:20300102T090000,20300103",
    "RDATE:20310101",
    "TRIGGER:-PT10M",
    "TRIGGER;RELATED=END:-P1D",
    "TRIGGER;VALUE=DATE-TIME:20300101T000000Z",
    "STATUS:COMPLETED",
    "STATUS:CANCELLED",
    "COMPLETED:20200101T000000Z",
    "RELATED-TO:a",
    "RECURRENCE-ID:20300101",
    "CATEGORIES:a,b\\,c",
    "PRIORITY:1",
    "TZID:W",
    "X-LIC-LOCATION:Asia/Tokyo",
    "X-TODOSTACK:{\"series\":\"a\"}",
    " folded",
    "\tfolded",
    "broken",
];

fn question(random: &mut Random) -> (Format, String) {
    let format = Format::ALL[random.below(Format::ALL.len())];
    let mut text = match format {
        Format::Json => "{\"format\":\"todostack-tasks\",\"version\":1,\"tasks\":[",
        Format::Csv => "id,title,parent,due,timeZone,priority,recurrence,reminders,tags\n",
        Format::Ics => "BEGIN:VCALENDAR\n",
        Format::TodoistCsv => "TYPE,CONTENT,INDENT,DATE,TIMEZONE\n",
    }
    .to_owned();
    for _ in 0..random.below(40) {
        match format {
            Format::Json => text += random.pick(&JSON),
            Format::Csv | Format::TodoistCsv => text += random.pick(&CELLS),
            Format::Ics => {
                text += random.pick(&LINES);
                text += random.pick(&["\n", "\r\n"]);
            }
        }
    }
    if format == Format::Json && random.chance(70) {
        text += "]}";
    }
    if random.chance(50) {
        text = damage(random, text, b",;:\"\n\\{}[]");
    }
    (format, text)
}

/// Holds a file to the laws; says whether it is one.
fn ask((format, text): &(Format, String)) -> bool {
    let now: DateTime<Utc> = DateTime::UNIX_EPOCH + chrono::Duration::days(20_000);
    let read = timed("reading", || format.read(text, Tz::Europe__Berlin, now));
    let Ok(mut file) = read else {
        return false;
    };
    let (taken, refused) = (file.tasks.len(), file.refused);
    let nodes = tree(&mut file);
    let told = usize::try_from(file.refused - refused).unwrap_or(usize::MAX);
    assert_eq!(nodes.len() + told, taken);
    let mut seen = HashSet::new();
    for node in &nodes {
        assert!(node.parent.is_none_or(|parent| seen.contains(&parent)));
        seen.insert(node.number);
        let projects = file.projects.len();
        assert!(node.entry.project.is_none_or(|number| number < projects));
    }
    for remark in &file.remarks {
        assert!(remark.detail.chars().count() < 400, "{remark:?}");
    }
    true
}

fn main() -> ExitCode {
    run("files", question, ask)
}
