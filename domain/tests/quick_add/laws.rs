//! Laws that hold for every line.

use chrono::{DateTime, Duration, TimeZone};
use chrono_tz::Tz;
use domain::{
    quick_add::{Part, QuickAdd, parse},
    recurrence::{Series, Start, to_instant},
    task::{Due, limits},
};
use proptest::{collection::vec, prelude::*, sample::select};

/// Words and pieces of phrases; many of them mean something only beside others.
const PIECES: &str = "buy milk call Ann Zoë 🎉 買う tomorrow today tod tom tmrw tonight monday mon \
    mondays sun sat wed next this week weekend month year end of eom the day after on by for due \
    before at in every every! each ev other weekday last first 1st 3rd 15th 31st day days hours \
    minutes weeks months 2 3 9 10 14 2027 a an and & , - – daily weekly monthly march mar may feb 30 \
    2/30 3/14 14/3 3/14/2027 2027-03-14 2027-03-14T18:30 9am 9-11am 17:00 25:00 noon midnight pm \
    a.m. morning evening night until for times starting from to after completion remind me reminder \
    1h30m !30m !1 p1 p4 #home #1 @bank @5 #\"Home office\" @[waiting for] \"every day\" \\#1 \\every \
    (tomorrow) (at 9) ( ) . ! ? ... : mon-fri mon,wed 9:30pm o'clock between half";

fn zone() -> impl Strategy<Value = Tz> {
    select(vec![
        Tz::UTC,
        Tz::Europe__Berlin,
        Tz::America__Santiago,
        Tz::Australia__Lord_Howe,
        Tz::Pacific__Apia,
    ])
}

fn now() -> impl Strategy<Value = DateTime<Tz>> {
    // The years that a task may have.
    (0i64..253_000_000_000, zone())
        .prop_map(|(seconds, zone)| zone.timestamp_opt(seconds, 0).unwrap())
}

/// Lines of pieces with punctuation and odd white space between, and of anything.
fn line() -> impl Strategy<Value = String> {
    let piece = select(PIECES.split_whitespace().collect::<Vec<_>>());
    let before = prop_oneof![12 => Just(""), 1 => select(vec!["(", "[", "\\", "\""])];
    let after = prop_oneof![
        8 => Just(" "),
        2 => Just(", "),
        1 => select(vec![". ", "! ", ": ", ") ", "), ", "...) ", "\" ", "  ", "\t", "\u{a0}", ""]),
    ];
    let pieces = vec((before, piece, after), 1..14).prop_map(|pieces| {
        let piece = |(before, piece, after): &(_, _, _)| format!("{before}{piece}{after}");
        pieces.iter().map(piece).collect()
    });
    prop_oneof![9 => pieces, 1 => any::<String>()]
}

/// The characters that are no white space, in a fixed order.
fn characters(text: &str) -> Vec<char> {
    let mut found: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    found.sort_unstable();
    found
}

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn start(due: &Due) -> Start {
    match due {
        Due::On { date } => Start::On(*date),
        Due::At { date_time, .. } => Start::At(*date_time),
    }
}

/// What does not depend on how letters are written.
fn sense(task: &QuickAdd) -> impl PartialEq + std::fmt::Debug {
    let parts: Vec<_> = task
        .parts
        .iter()
        .map(|part| (part.span, part.kind))
        .collect();
    (
        task.title.to_ascii_lowercase(),
        task.priority,
        task.due,
        task.recurrence.clone(),
        task.reminders.clone(),
        parts,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_of_a_line_is_lost(line in line(), now in now()) {
        let Ok(task) = parse(&line, now) else { return Ok(()) };
        let parts: Option<String> = task.parts.iter().map(|part| part.span.of(&line)).collect();
        prop_assert_eq!(characters(&line), characters(&(task.title + &parts.unwrap())));
    }

    #[test]
    fn parts_are_in_order_and_do_not_overlap(line in line(), now in now()) {
        match parse(&line, now) {
            Ok(task) => {
                let mut end = 0;
                for Part { span, .. } in task.parts {
                    prop_assert!(span.start >= end && span.end > span.start, "{span:?}");
                    let text = span.of(&line).unwrap();
                    prop_assert_eq!(text, text.trim());
                    end = span.end;
                }
            }
            Err(error) => {
                prop_assert!(error.span.of(&line).is_some(), "{error:?}");
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    #[test]
    fn a_line_of_which_nothing_is_read_is_the_title(line in line(), now in now()) {
        let Ok(task) = parse(&line, now) else { return Ok(()) };
        if task.parts.is_empty() {
            prop_assert_eq!(task.title, joined(&line));
            return Ok(());
        }
        prop_assert_eq!(&task.title, &joined(&task.title));
        if let Ok(again) = parse(&task.title, now) && again.parts.is_empty() {
            prop_assert_eq!(again.title, task.title);
        }
    }

    #[test]
    fn the_case_of_letters_does_not_matter(line in line(), now in now()) {
        let lower = parse(&line.to_ascii_lowercase(), now);
        let upper = parse(&line.to_ascii_uppercase(), now);
        prop_assert_eq!(lower.as_ref().map(sense), upper.as_ref().map(sense));
    }

    #[test]
    fn behind_backslashes_and_in_quotes_nothing_is_read(
        words in vec("[a-z0-9#@!/:é][a-z0-9#@!/:é-]{0,8}[a-z0-9]", 1..8),
        now in now(),
    ) {
        let line = words.join(" ");
        let escaped: Vec<String> = words.iter().map(|word| format!("\\{word}")).collect();
        prop_assert_eq!(parse(&escaped.join(" "), now).unwrap().title, line.clone());
        let quoted = format!("\"{line}\"");
        let task = parse(&quoted, now).unwrap();
        prop_assert_eq!(task.parts, vec![]);
        prop_assert_eq!(task.title, quoted);
    }

    #[test]
    fn a_task_can_be_made_of_what_was_read(line in line(), now in now()) {
        let Ok(task) = parse(&line, now) else { return Ok(()) };
        prop_assert!((1..=limits::TITLE).contains(&task.title.chars().count()));
        prop_assert!(task.tags.iter().all(|tag| (1..=limits::TAG).contains(&tag.chars().count())));
        if let Some(due) = &task.due {
            prop_assert!(limits::YEARS.contains(&chrono::Datelike::year(&due.date())));
        }
        for reminder in &task.reminders {
            prop_assert!(reminder.fire_at(task.due.as_ref(), now.timezone()).is_some());
        }
        if let Some(spec) = &task.recurrence {
            prop_assert_eq!(Some(spec.start), task.due.as_ref().map(start));
            let series = Series::compile(spec, now.timezone()).unwrap();
            let before = to_instant(&spec.start, now.timezone()) - Duration::seconds(1);
            prop_assert_eq!(series.next_after(before).map(|first| first.original), Some(spec.start));
        }
    }
}
