//! Which tasks are meant.

use domain::{
    recurrence::{SeriesSpec, Start},
    task::{Priority, RemindAt, ReminderSpec},
};

use super::*;

/// What is due on 1 December at 09:00, with something in every field.
fn rent() -> Task {
    let mut task = due("2026-12-01T09:00:00");
    task.title = "Pay the RENT".into();
    task.description = "Überweisung an 100% Hausverwaltung".into();
    task.priority = Priority::P2;
    task.tags = vec!["Bank".into(), "home".into(), "workshop".into()];
    task.recurrence = Some(SeriesSpec::rrule(
        "FREQ=MONTHLY",
        Start::On("2026-12-01".parse().unwrap()),
        None,
    ));
    task.reminders = vec![ReminderSpec {
        when: RemindAt::Before { before_seconds: 0 },
        channels: Vec::new(),
    }];
    task.updated_at = utc("2026-11-30T08:00:00Z");
    task
}

#[test]
fn each_condition_looks_at_its_field() {
    let rent = rent();
    let facts = TaskFacts {
        project: Some("Home office"),
        is_subtask: true,
        ..TaskFacts::from(&rent)
    };
    for (filter, expected) in [
        ("all", true),
        ("nothing", false),
        ("p2", true),
        ("p1", false),
        ("open", true),
        ("done", false),
        ("overdue", true),
        ("recurring", true),
        ("subtask", true),
        ("has due", true),
        ("no due", false),
        ("has tags", true),
        ("has project", true),
        ("no project", false),
        ("has reminder", true),
        ("has created", true),
        ("completed > -7d", false),
        ("no completed", true),
        ("created < -1m", true),
        ("created: 2026-11-01", true),
        ("updated >= -2d", true),
        ("updated > -1d", false),
        // Names are whole, with the case of their letters.
        ("@home", true),
        ("@Home", false),
        ("@work", false),
        ("@work*", true),
        ("@orks*", false),
        ("#\"Home office\"", true),
        ("#Home", false),
        ("#Home*", true),
        ("#home*", false),
        // Texts are parts, without.
        ("title: rent", true),
        ("title: \"the rent\"", true),
        ("title: überweisung", false),
        ("text: ÜBERWEISUNG", true),
        ("text: rent", true),
        ("text: \"100%\"", true),
        ("text: \"1%\"", false),
        ("text: R_NT", false),
    ] {
        assert_eq!(resolve(filter).matches(&facts), expected, "{filter}");
    }
}

#[test]
fn of_a_bare_task_nothing_is_unknown() {
    let task = task("bare");
    for denied in [
        "has due",
        "due < +3d",
        "due > -3d",
        "done",
        "completed < now",
        "has tags",
        "@a*",
        "has project",
        "#a*",
        "has reminder",
        "recurring",
        "subtask",
        "overdue",
    ] {
        assert!(!matches(denied, &task), "{denied}");
        assert!(matches(&format!("!({denied})"), &task), "!({denied})");
    }
}

#[test]
fn what_is_done_is_not_overdue() {
    let mut task = due("2026-12-01");
    assert!(matches("overdue", &task));
    task.completed_at = Some(now());
    assert!(!matches("overdue", &task));
    assert!(matches("done & due < today & completed: today", &task));
}

#[test]
fn operators_bind_not_before_and_before_or() {
    let mut task = task("binding");
    task.priority = Priority::P1;
    assert!(matches("p1 | p2 & p3", &task));
    assert!(!matches("(p1 | p2) & p3", &task));
    assert!(!matches("!p1 & p2", &task));
    assert!(matches("!(p1 & p2)", &task));
    assert!(matches("not p2 and p1 or p3", &task));
}
