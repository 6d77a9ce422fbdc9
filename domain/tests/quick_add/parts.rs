//! Where the parts of a line stand and what they were read as, and what a line may not be.

use chrono::TimeZone;
use chrono_tz::Tz;
use domain::{
    quick_add::{MOST_CHARACTERS, Part, QuickAdd, Refusal, parse},
    recurrence::{MonthEnd, Series},
    task::{Due, RemindAt, limits},
};

use super::{ZONE, now};

fn read(line: &str) -> QuickAdd {
    parse(line, now()).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// Each part as `kind "place": reading`.
fn told(line: &str) -> Vec<String> {
    let tell = |part: Part| {
        let kind = serde_json::to_value(part.kind).unwrap();
        let place = part.span.of(line).unwrap();
        let reading = part.reading;
        format!("{} {place:?}: {reading}", kind.as_str().unwrap())
    };
    read(line).parts.into_iter().map(tell).collect()
}

#[test]
fn each_part_tells_what_it_was_read_as() {
    assert_eq!(
        told("pay rent every month on the 1st at 9 p1 #home @bank remind me 1 day before"),
        [
            "recurrence \"every month on the 1st\": every month on the 1st day of the month at 09:00",
            "time \"at 9\": 09:00",
            "priority \"p1\": P1",
            "project \"#home\": home",
            "tag \"@bank\": bank",
            "reminder \"remind me 1 day before\": 1 day before",
        ]
    );
    for (line, expected) in [
        ("call tomorrow", "date \"tomorrow\": Thursday 12 March 2026"),
        (
            "call in 20 minutes",
            "date \"in 20 minutes\": Wednesday 11 March 2026 at 10:20",
        ),
        (
            "call tonight",
            "date \"tonight\": Wednesday 11 March 2026 at 20:00",
        ),
        (
            "call every! 3 days",
            "recurrence \"every! 3 days\": every 3 days, all day, counted from the day of completion",
        ),
        ("call at 9 !30m", "reminder \"!30m\": 30 minutes before"),
        (
            "call remind me at 8:30",
            "reminder \"remind me at 8:30\": Thursday 12 March 2026 at 08:30",
        ),
        (
            "call every day at 9 remind me the day before at 6pm",
            "reminder \"remind me the day before at 6pm\": 1 day before at 18:00",
        ),
        (
            "call every day at 9 remind me at 8",
            "reminder \"remind me at 8\": at 08:00 on its day",
        ),
        (
            "call every day until 4/1",
            "recurrence \"until 4/1\": until Wednesday 1 April 2026",
        ),
        (
            "call every day for 10 times",
            "recurrence \"for 10 times\": 10 times",
        ),
        (
            "call every day for 3 weeks",
            "recurrence \"for 3 weeks\": for 21 days",
        ),
        (
            "remind me to call friday",
            "reminder \"remind me\": when it is due",
        ),
        ("remind me to call friday", "mark \"to\": "),
        ("\\every day call", "mark \"\\\\\": "),
        ("call (tomorrow)", "mark \")\": "),
    ] {
        let told = told(line);
        assert!(told.contains(&expected.to_owned()), "{line}: {told:?}");
    }
}

#[test]
fn places_are_counted_as_javascript_counts_them() {
    let line = "🎉 party tomorrow";
    let span = read(line).parts[0].span;
    let json = serde_json::to_value(span).unwrap();
    assert_eq!(json, serde_json::json!({"start": 9, "end": 17}));
    assert_eq!(span.of(line), Some("tomorrow"));
    assert_eq!(span.of("🎉"), None);
}

#[test]
fn a_time_that_the_clock_skips_is_kept_as_it_is_written() {
    let due = read("call 3/29 at 2:30").due.unwrap();
    assert_eq!(
        due,
        Due::At {
            date_time: "2026-03-29T02:30:00".parse().unwrap(),
            time_zone: ZONE,
        }
    );
}

#[test]
fn tonight_is_what_is_left_of_the_day_when_it_is_late() {
    let late = ZONE.with_ymd_and_hms(2026, 3, 11, 22, 0, 0).unwrap();
    let due = parse("call tonight", late).unwrap().due.unwrap();
    assert_eq!(serde_json::to_value(due).unwrap()["date"], "2026-03-11");
}

#[test]
fn a_short_month_has_the_31st_on_its_last_day() {
    let spec = read("pay every month on the 31st").recurrence.unwrap();
    assert_eq!(spec.month_end, MonthEnd::LastDay);
    let series = Series::compile(&spec, ZONE).unwrap();
    let days: Vec<String> = series
        .upcoming(now().to_utc(), 3)
        .iter()
        .map(|occurrence| occurrence.original.to_string())
        .collect();
    assert_eq!(days, ["2026-03-31", "2026-04-30", "2026-05-31"]);
}

#[test]
fn a_series_with_times_stays_in_the_zone_in_which_it_was_written() {
    let timed = read("pay every day at 9").recurrence.unwrap();
    assert_eq!(timed.time_zone, Some(ZONE));
    assert_eq!(read("pay every day").recurrence.unwrap().time_zone, None);
}

#[test]
fn a_reminder_in_some_minutes_comes_then_even_as_clocks_go_back() {
    let now = Tz::America__New_York
        .with_ymd_and_hms(2026, 11, 1, 1, 50, 0)
        .earliest()
        .unwrap();
    let task = parse("call remind me in 20 minutes", now).unwrap();
    let at = "2026-11-01T06:10:00Z".parse().unwrap();
    assert_eq!(task.reminders, [RemindAt::At { at }]);
}

#[test]
fn a_line_keeps_to_the_limits_of_a_task() {
    let title = "x".repeat(limits::TITLE);
    assert_eq!(read(&format!("{title} tomorrow")).title, title);
    let tags: String = (0..=limits::TAGS).map(|n| format!(" @t{n}")).collect();
    let reminders: String = (1..=limits::REMINDERS + 1)
        .map(|n| format!(" !{n}m"))
        .collect();
    let tag = "t".repeat(limits::TAG + 1);
    for (line, refusal, place) in [
        (
            format!("{title}y tomorrow"),
            Refusal::TitleTooLong,
            format!("{title}y tomorrow"),
        ),
        (
            format!("call @{tag}"),
            Refusal::TagTooLong,
            format!("@{tag}"),
        ),
        (
            format!("call{tags}"),
            Refusal::TooManyTags,
            format!("@t{}", limits::TAGS),
        ),
        (
            format!("call at 9{reminders}"),
            Refusal::TooManyReminders,
            format!("!{}m", limits::REMINDERS + 1),
        ),
        (
            "🎉".repeat(MOST_CHARACTERS) + "!",
            Refusal::LineTooLong,
            "!".into(),
        ),
        (
            "buy milk\nand eggs".into(),
            Refusal::ControlCharacter,
            "\n".into(),
        ),
        (
            "call in 9000 years".into(),
            Refusal::Year,
            "in 9000 years".into(),
        ),
        ("  ".into(), Refusal::NoTitle, "  ".into()),
    ] {
        let error = parse(&line, now()).unwrap_err();
        assert_eq!(
            (&error.refusal, error.span.of(&line)),
            (&refusal, Some(place.as_str()))
        );
    }
    assert_eq!(read("buy milk\n").title, "buy milk");
}
