//! Throws made-up filters at the filter language for some seconds: `filter-fuzz [SECONDS] [SEED]`.
//! Fails when something panics, takes longer than it may, uses more memory than it may, or breaks a
//! law. Prints the input and the seed of a failure.
//!
//! Inputs are made from the grammar and then damaged byte by byte, so that many are filters and many
//! are not.

mod tools;

use std::process::ExitCode;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use domain::{
    filter::{Edge, Filter, FilterError, Moment, TaskFacts, limits},
    task::Task,
};
use tools::{Random, damage, run, timed};
use uuid::Uuid;

/// Parentheses and `!` within one another that are made; some more than are read.
const DEPTH: usize = limits::DEPTH + 4;

/// A filter, and whom and when it is for.
#[derive(Debug)]
struct Question {
    text: String,
    zone: Tz,
    now: DateTime<Utc>,
}

fn question(random: &mut Random) -> Question {
    let text = filter(random, 0);
    let text = if random.chance(40) {
        damage(random, text, b"()&|!<>=:.,\"#@*\\ +d0")
    } else {
        text
    };
    let second = random.next() as i64 % 260_000_000_000;
    Question {
        text,
        zone: TZ_VARIANTS[random.below(TZ_VARIANTS.len())],
        now: DateTime::from_timestamp(second, 0).unwrap_or_default(),
    }
}

fn filter(random: &mut Random, depth: usize) -> String {
    if depth >= DEPTH {
        return condition(random);
    }
    match random.below(10) {
        0..=2 => {
            let operator = random.pick(&[" & ", "&", " and ", " | ", "|", " or "]);
            let parts = (0..2 + random.below(3)).map(|_| filter(random, depth + 4));
            parts.collect::<Vec<_>>().join(operator)
        }
        3 => format!("({})", filter(random, depth + 1)),
        4 => format!("!{}", filter(random, depth + 1)),
        5 => format!("not ({})", filter(random, depth + 2)),
        _ => condition(random),
    }
}

fn condition(random: &mut Random) -> String {
    match random.below(5) {
        0 => {
            let words = [
                "all",
                "nothing",
                "p1",
                "P4",
                "open",
                "done",
                "overdue",
                "today",
                "week",
                "recurring",
                "subtask",
            ];
            random.pick(&words).into()
        }
        1 => {
            let has = random.pick(&["has", "no"]);
            let thing =
                random.pick(&["due", "tags", "project", "reminder", "completed", "updated"]);
            format!("{has} {thing}")
        }
        2 => {
            let field = random.pick(&[
                "#",
                "@",
                "project: ",
                "tag:",
                "text: ",
                "search:",
                "title: ",
            ]);
            let value = random.pick(&[
                "home",
                "wörk",
                "\"a \\\" b\"",
                "\"Home office\"",
                "😀",
                "and",
            ]);
            let star = random.pick(&["", "", "*"]);
            format!("{field}{value}{star}")
        }
        3 => {
            let sign = random.pick(&["<", " <= ", ">", " >= ", ": ", " = "]);
            format!("{}{sign}{}", field(random), moment(random))
        }
        _ => {
            let dots = random.pick(&["..", "<..", "..<", "<..<"]);
            let last = if random.chance(80) {
                moment(random)
            } else {
                String::new()
            };
            format!("{}: {}{dots}{last}", field(random), moment(random))
        }
    }
}

fn field<'a>(random: &mut Random) -> &'a str {
    random.pick(&["due", "created", "updated", "completed"])
}

fn moment(random: &mut Random) -> String {
    match random.below(4) {
        0 => random
            .pick(&["now", "today", "tomorrow", "mon", "Sunday"])
            .into(),
        1 => {
            let unit = random.pick(&["h", "d", "w", "m", "y", "x"]);
            let most = [9, 400, 32_767, 99_999][random.below(4)];
            format!(
                "{}{}{unit}",
                random.pick(&["+", "-", ""]),
                random.below(most)
            )
        }
        2 => {
            let (month, day) = (1 + random.below(12), 1 + random.below(31));
            let year = [1970, 2026, 2027, 9998][random.below(4)];
            format!("{year}-{month:02}-{day:02}")
        }
        _ => {
            let ending = random.pick(&["", ":30", ":00Z", ":00.123456Z", ":00+05:30"]);
            format!(
                "2026-12-{:02}T{:02}:30{ending}",
                1 + random.below(31),
                random.below(25)
            )
        }
    }
}

/// Holds a text to the laws; says whether it is a filter.
fn ask(question: &Question) -> bool {
    let Question { text, zone, now } = question;
    let filter = match timed("parsing", || Filter::parse(text)) {
        Ok(filter) => filter,
        Err(error) => {
            check_complaint(text, &error);
            return false;
        }
    };
    let canonical = filter.to_string();
    assert_eq!(
        Filter::parse(&canonical).as_ref(),
        Ok(&filter),
        "{canonical}"
    );
    let resolved = timed("resolving", || filter.resolve(*zone, *now));
    let again = resolved.map(&|at| Edge::Start(Moment::Instant(*at)));
    assert_eq!(again.resolve(Tz::UTC, *now + Duration::days(1)), resolved);
    let mut task = Task::new(Uuid::nil(), Uuid::nil(), "home", *now);
    task.tags = vec!["wörk".into()];
    task.due_at = Some(*now);
    let facts = TaskFacts::from(&task);
    let is_meant = timed("matching", || resolved.matches(&facts));
    assert_eq!((!resolved).matches(&facts), !is_meant);
    true
}

fn check_complaint(text: &str, error: &FilterError) {
    assert!(text.get(error.span.bytes.clone()).is_some(), "{error:?}");
    assert!(error.message.chars().count() < 200, "{error:?}");
}

fn main() -> ExitCode {
    run("filters", question, ask)
}
