use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use uuid::Uuid;

use super::{Shape, calendar, repeat};
use crate::{
    position::Position,
    recurrence::{Basis, MonthEnd, Override, Series, SeriesSpec, Start},
    task::{Due, Priority, RemindAt, ReminderSpec, Task, due_at},
};

fn now() -> DateTime<Utc> {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn at(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn task(due: Option<Due>) -> Task {
    Task {
        id: Uuid::from_u128(7),
        owner: Uuid::from_u128(1),
        title: "Water, feed; the cactus".into(),
        description: String::new(),
        priority: Priority::P4,
        tags: Vec::new(),
        project: None,
        parent: None,
        position: Position::default(),
        due,
        due_at: due.map(|due| due_at(&due, Tz::Europe__Berlin)),
        recurrence: None,
        series: None,
        occurrence: None,
        following: None,
        reminders: Vec::new(),
        completed_at: None,
        created_at: now(),
        updated_at: now(),
        version: 3,
    }
}

fn berlin(local: &str) -> Due {
    Due::At {
        date_time: at(local),
        time_zone: Tz::Europe__Berlin,
    }
}

fn recurring(local: &str, spec: SeriesSpec) -> Task {
    Task {
        recurrence: Some(spec),
        occurrence: Some(local.into()),
        series: Some(Uuid::from_u128(7)),
        ..task(Some(berlin(local)))
    }
}

fn weekly(local: &str) -> SeriesSpec {
    SeriesSpec::rrule(
        "FREQ=WEEKLY;BYDAY=MO,TH",
        Start::At(at(local)),
        Some(Tz::Europe__Berlin),
    )
}

/// What is written, unfolded, without the zone.
fn written(task: Task, shape: Shape) -> String {
    let text = calendar(&[task], shape, Tz::Europe__Berlin, now());
    let text = text.replace("\r\n ", "").replace("\r\n", "\n");
    let start = text.find(if shape == Shape::Event {
        "BEGIN:VEVENT"
    } else {
        "BEGIN:VTODO"
    });
    text[start.unwrap_or(text.len())..].to_owned()
}

#[test]
fn a_task_is_an_event_with_its_words_and_alarms() {
    let reminder = |when| ReminderSpec {
        when,
        channels: Vec::new(),
    };
    let task = Task {
        description: "Twice\na week".into(),
        priority: Priority::P1,
        tags: vec!["home".into(), "a,b".into()],
        reminders: vec![
            reminder(RemindAt::Before {
                before_seconds: 600,
            }),
            reminder(RemindAt::At { at: now() }),
        ],
        ..task(Some(berlin("2026-12-01T09:00:00")))
    };
    let expected = "BEGIN:VEVENT
UID:00000000-0000-0000-0000-000000000007@todostack
DTSTAMP:20261130T120000Z
CREATED:20261130T120000Z
LAST-MODIFIED:20261130T120000Z
SEQUENCE:3
SUMMARY:Water\\, feed\\; the cactus
DESCRIPTION:Twice\\na week
CATEGORIES:home,a\\,b
PRIORITY:1
DTSTART;TZID=Europe/Berlin:20261201T090000
TRANSP:TRANSPARENT
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Water\\, feed\\; the cactus
TRIGGER:-PT10M
END:VALARM
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Water\\, feed\\; the cactus
TRIGGER;VALUE=DATE-TIME:20261130T120000Z
END:VALARM
END:VEVENT
END:VCALENDAR
";
    assert_eq!(written(task, Shape::Event), expected);
}

#[test]
fn a_to_do_of_a_day_has_its_date_and_its_alarm_in_the_morning() {
    let date = "2026-12-24".parse().unwrap();
    let task = Task {
        reminders: vec![ReminderSpec {
            when: RemindAt::Before {
                before_seconds: 3600,
            },
            channels: Vec::new(),
        }],
        ..task(Some(Due::On { date }))
    };
    let text = written(task, Shape::ToDo);
    assert!(
        text.contains("\nDUE;VALUE=DATE:20261224\nSTATUS:NEEDS-ACTION\n"),
        "{text}"
    );
    assert!(text.contains("\nTRIGGER;RELATED=END:PT8H\n"), "{text}");
    assert!(!text.contains("DTSTART"), "{text}");
}

#[test]
fn what_is_not_due_is_left_out() {
    let text = calendar(&[task(None)], Shape::Event, Tz::UTC, now());
    assert!(text.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"));
    assert!(!text.contains("VEVENT"));
}

#[test]
fn a_rule_goes_on_from_the_open_instance_with_what_is_left_of_it() {
    let mut spec = weekly("2026-11-02T09:00:00");
    spec.rule = crate::recurrence::RuleSpec::Rrule("FREQ=WEEKLY;BYDAY=MO,TH;COUNT=20".into());
    spec.exclude = vec![
        Start::On("2026-11-05".parse().unwrap()),
        Start::On("2026-12-07".parse().unwrap()),
    ];
    // The ninth: 2, 5 (left out), 9, 12, 16, 19, 23, 26, 30 November.
    let text = written(recurring("2026-11-30T09:00:00", spec), Shape::Event);
    assert!(
        text.contains("\nRRULE:FREQ=WEEKLY;COUNT=12;BYDAY=MO,TH\n"),
        "{text}"
    );
    assert_eq!(text.matches("EXDATE").count(), 1, "{text}");
    assert!(
        text.contains("\nEXDATE;TZID=Europe/Berlin:20261207T090000\n"),
        "{text}"
    );
}

#[test]
fn the_end_of_a_rule_is_an_instant() {
    let mut spec = weekly("2026-11-02T09:00:00");
    spec.rule = crate::recurrence::RuleSpec::Rrule("FREQ=DAILY;UNTIL=20261224".into());
    let text = written(recurring("2026-11-30T09:00:00", spec), Shape::ToDo);
    assert!(
        text.contains("\nRRULE:FREQ=DAILY;UNTIL=20261224T225959Z\n"),
        "{text}"
    );
    assert!(
        text.contains("\nDTSTART;TZID=Europe/Berlin:20261130T090000\nDUE;"),
        "{text}"
    );
}

#[test]
fn what_no_rule_says_is_listed() {
    let own = "2026-11-30T09:00:00";
    let moved = Override {
        occurrence: Start::At(at("2026-12-03T09:00:00")),
        to: Some(Start::At(at("2026-12-04T10:00:00"))),
    };
    let cases: [(&str, SeriesSpec); 4] = [
        (
            "moved",
            SeriesSpec {
                overrides: vec![moved],
                ..weekly(own)
            },
        ),
        (
            "added",
            SeriesSpec {
                include: vec![moved.occurrence],
                ..weekly(own)
            },
        ),
        (
            "month's end",
            SeriesSpec {
                month_end: MonthEnd::LastDay,
                ..weekly(own)
            },
        ),
        (
            "cron",
            SeriesSpec::cron("0 9,18 * * *", Start::At(at(own)), Some(Tz::Europe__Berlin)),
        ),
    ];
    for (name, spec) in cases {
        let text = written(recurring(own, spec), Shape::Event);
        assert!(!text.contains("RRULE"), "{name}: {text}");
        assert_eq!(
            text.matches("BEGIN:VEVENT").count(),
            1 + repeat::LISTED,
            "{name}"
        );
        let uids: std::collections::BTreeSet<&str> = text
            .lines()
            .filter(|line| line.starts_with("UID:"))
            .collect();
        assert_eq!(uids.len(), 1 + repeat::LISTED, "{name}");
    }
    let text = written(
        recurring(
            own,
            SeriesSpec {
                overrides: vec![moved],
                ..weekly(own)
            },
        ),
        Shape::Event,
    );
    assert!(
        text.contains("DTSTART;TZID=Europe/Berlin:20261204T100000"),
        "{text}"
    );
}

#[test]
fn what_counts_from_its_completion_has_no_next_time_yet() {
    let own = "2026-11-30T09:00:00";
    let spec = SeriesSpec {
        basis: Basis::Completion,
        ..weekly(own)
    };
    let text = written(recurring(own, spec), Shape::Event);
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 1);
    assert!(!text.contains("RRULE"));
}

proptest! {
    /// The rule in the calendar, from the open instance on, gives what the series gives.
    #[test]
    fn a_rule_says_what_the_series_does(
        rule in prop::sample::select(vec![
            "FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=DAILY;COUNT=30", "FREQ=WEEKLY",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU",
            "FREQ=MONTHLY", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=MONTHLY;BYMONTHDAY=1,15",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=40", "FREQ=YEARLY",
            "FREQ=YEARLY;BYMONTH=3,10;BYDAY=1SU", "FREQ=MONTHLY;INTERVAL=5;UNTIL=20991231",
        ]),
        day in 0..800_i64,
        hour in 0..24_u32,
        nth in 0..12_usize,
        zone in prop::sample::select(vec![Tz::Europe__Berlin, Tz::America__New_York, Tz::UTC]),
    ) {
        let start = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Duration::days(day);
        let start = start.and_hms_opt(hour, 30, 0).unwrap();
        let spec = SeriesSpec::rrule(rule, Start::At(start), Some(zone));
        let series = Series::compile(&spec, zone).unwrap();
        let all = series.upcoming(DateTime::UNIX_EPOCH, nth + 20);
        let own = &all[nth];
        // Of what a change of clocks moved, the local time is not the rule's.
        prop_assume!(own.local == own.original);
        let Start::At(local) = own.local else { unreachable!("it has times") };
        let due = Due::At { date_time: local, time_zone: zone };
        let task = Task {
            recurrence: Some(spec),
            occurrence: Some(own.original.to_string()),
            ..task(Some(due))
        };
        let repeat::Repeat::By(said) = repeat::of(&task, zone, now()) else {
            return Err(TestCaseError::fail("a plain rule is said by one"));
        };
        let told = SeriesSpec::rrule(said.text, own.original, Some(zone));
        let told = Series::compile(&told, zone).unwrap().upcoming(DateTime::UNIX_EPOCH, all.len() - nth);
        let told: Vec<_> = told.iter().map(|one| one.at).collect();
        let wanted: Vec<_> = all[nth..].iter().map(|one| one.at).collect();
        prop_assert_eq!(told, wanted);
    }
}
