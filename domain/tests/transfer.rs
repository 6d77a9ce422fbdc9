//! Files of tasks: what is written is read the same, and nothing that is read does harm.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use calcard::icalendar::ICalendarProperty;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    icalendar::Todos,
    recurrence::{SeriesSpec, Start},
    task::{Due, Following, Priority, RemindAt, ReminderSpec, Task},
    transfer::{Entry, File, Followed, Format, ProjectEntry, csv, json, tree},
};
use proptest::{collection::vec, option, prelude::*};
use uuid::Uuid;

fn now() -> DateTime<Utc> {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn read(format: Format, text: &str) -> File {
    format.read(text, Tz::Europe__Berlin, now()).unwrap()
}

/// What a user may write, and what ends lines, cells or texts.
fn text() -> impl Strategy<Value = String> {
    "([a-z é🎉\"',;=+\\\\{}\\[\\]]|\r\n|\n|\r|\t|\u{1}|\u{7f}|\u{85}|\u{2028}){0,12}"
}

fn line() -> impl Strategy<Value = String> {
    "[a-zé🎉\"',;=@#][a-z é🎉\"',;=]{0,10}[a-zé🎉\"',;=]"
}

fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    (0_i64..4_000_000_000_000_000)
        .prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap())
}

fn reminders() -> impl Strategy<Value = Vec<RemindAt>> {
    let at = instant().prop_map(|at| RemindAt::At { at });
    let before = (0_i64..1_000_000).prop_map(|before_seconds| RemindAt::Before { before_seconds });
    vec(prop_oneof![at, before], 0..3)
}

fn due() -> impl Strategy<Value = Option<Due>> {
    let zone = prop::sample::select(vec![
        Tz::UTC,
        Tz::Etc__UTC,
        Tz::Europe__Berlin,
        Tz::Asia__Kolkata,
        Tz::Etc__GMTPlus5,
    ]);
    let at = (instant(), zone).prop_map(|(at, time_zone)| Due::At {
        date_time: chrono::SubsecRound::trunc_subsecs(at.naive_utc(), 0),
        time_zone,
    });
    let on = instant().prop_map(|at| Due::On {
        date: at.date_naive(),
    });
    option::of(prop_oneof![at, on])
}

fn priority() -> impl Strategy<Value = Priority> {
    prop::sample::select(vec![Priority::P1, Priority::P2, Priority::P3, Priority::P4])
}

/// Title, description, priority, tags, and when it reminds.
type Said = (String, String, Priority, Vec<String>, Vec<RemindAt>);

fn said() -> impl Strategy<Value = Said> {
    (line(), text(), priority(), vec(line(), 0..3), reminders())
}

fn entry() -> impl Strategy<Value = Entry> {
    let rule = option::of(prop::sample::select(vec!["FREQ=DAILY", "0 9 * * 1"]));
    let names = (
        option::of("[a-z0-9-]{1,8}"),
        option::of(0_usize..2),
        option::of("[a-z0-9-]{1,8}"),
        option::of("[a-z0-9-]{1,8}"),
    );
    let times = (option::of(instant()), option::of(instant()));
    (said(), option::of(said()), due(), rule, names, times).prop_map(
        |((title, description, priority, tags, reminders), following, due, rule, names, times)| {
            let start = match due {
                Some(Due::At { date_time, .. }) => Start::At(date_time),
                Some(Due::On { date }) => Start::On(date),
                None => Start::On(now().date_naive()),
            };
            let recurrence = rule.map(|rule| match rule {
                "FREQ=DAILY" => SeriesSpec::rrule(rule, start, None),
                rule => SeriesSpec::cron(rule, start, Some(Tz::Europe__Berlin)),
            });
            Entry {
                id: names.0,
                title,
                description,
                priority,
                tags,
                project: names.1,
                parent: names.2,
                due,
                occurrence: recurrence.as_ref().map(|spec| spec.start.to_string()),
                recurrence,
                series: names.3,
                following: following.map(|(title, description, priority, tags, reminders)| {
                    Followed {
                        title,
                        description,
                        priority,
                        tags,
                        reminders,
                    }
                }),
                reminders,
                completed_at: times.0,
                created_at: times.1,
            }
        },
    )
}

fn projects() -> Vec<ProjectEntry> {
    let of = |name: &str, color: Option<&str>, archived| ProjectEntry {
        name: name.into(),
        color: color.map(str::to_owned),
        archived,
    };
    vec![
        of("Home, sweet \"home\"", Some("#db4035"), false),
        of("home, sweet \"home\"", None, true),
    ]
}

/// A task as the account holds it: with an id, its tags sorted, no reminder twice.
fn task(number: usize, entry: &Entry) -> Task {
    let id = |name: &str| Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
    let said = |reminders: &[RemindAt]| {
        let mut specs: Vec<ReminderSpec> = Vec::new();
        for when in reminders {
            if specs.iter().all(|spec| spec.when != *when) {
                specs.push(ReminderSpec {
                    when: *when,
                    channels: Vec::new(),
                });
            }
        }
        specs
    };
    let sorted = |tags: &[String]| {
        let tags: BTreeSet<String> = tags.iter().cloned().collect();
        tags.into_iter().collect()
    };
    Task {
        description: entry.description.clone(),
        priority: entry.priority,
        tags: sorted(&entry.tags),
        parent: entry.parent.as_deref().map(id),
        due: entry.due,
        recurrence: entry.recurrence.clone(),
        series: entry.series.as_deref().map(id),
        occurrence: entry.occurrence.clone(),
        following: entry.following.as_ref().map(|following| Following {
            title: following.title.clone(),
            description: following.description.clone(),
            priority: following.priority,
            tags: following.tags.clone(),
            reminders: said(&following.reminders),
        }),
        reminders: said(&entry.reminders),
        completed_at: entry.completed_at,
        created_at: entry.created_at.unwrap_or_else(now),
        ..Task::new(
            id(&number.to_string()),
            Uuid::nil(),
            entry.title.clone(),
            now(),
        )
    }
}

/// The to-dos of a calendar as another reader than ours sees them: name, title, description, tags and rule.
fn by_calcard(text: &str) -> Vec<(String, String, String, Vec<String>, bool)> {
    let read = calcard::Parser::new(text).entry();
    let calcard::Entry::ICalendar(calendar) = read else {
        panic!("{read:?}");
    };
    let todos = calendar
        .components
        .iter()
        .filter(|component| component.component_type.is_todo());
    let read = todos.map(|todo| {
        let texts = |name: ICalendarProperty| -> Vec<String> {
            let all = todo.property(&name).into_iter();
            let values = all.flat_map(|entry| &entry.values);
            values
                .map(|value| value.as_text().unwrap().to_owned())
                .collect()
        };
        let text = |name| texts(name).pop().unwrap_or_default();
        (
            todo.uid().unwrap().to_owned(),
            text(ICalendarProperty::Summary),
            text(ICalendarProperty::Description),
            texts(ICalendarProperty::Categories),
            todo.has_property(&ICalendarProperty::Rrule),
        )
    });
    read.collect()
}

/// The tasks of a file with their projects.
fn tasks(file: &File) -> Vec<(Option<&ProjectEntry>, Entry)> {
    let tasks = file.tasks.iter().map(|(_, entry)| {
        let project = entry.project.map(|number| &file.projects[number]);
        let plain = Entry {
            project: None,
            ..entry.clone()
        };
        (project, plain)
    });
    tasks.collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read_the_same(entries in vec(entry(), 0..4)) {
        let projects = projects();
        let written = File {
            projects: projects.clone(),
            tasks: (1..).zip(entries.iter().cloned()).collect(),
            ..File::default()
        };
        let mut text = json::head(&projects).unwrap();
        for (number, entry) in entries.iter().enumerate() {
            text += &json::task(entry, number == 0).unwrap();
        }
        text += json::TAIL;
        prop_assert_eq!(&read(Format::Json, &text), &written);
        let mut text = csv::head();
        for entry in &entries {
            text += &csv::task(entry, &projects).unwrap();
        }
        let file = read(Format::Csv, &text);
        prop_assert_eq!(tasks(&file), tasks(&written));
        prop_assert_eq!(file.remarks, []);
    }

    #[test]
    fn a_calendar_that_is_written_is_read_the_same(entries in vec(entry(), 0..4)) {
        let projects = projects();
        let all: Vec<Task> = (0..).zip(&entries).map(|(number, entry)| task(number, entry)).collect();
        let project = |entry: &Entry| entry.project.map(|number| &projects[number]);
        let mut todos = Todos::default();
        let mut text = Todos::head();
        for (task, entry) in all.iter().zip(&entries) {
            text += &todos.task(task, project(entry), Tz::Europe__Berlin, now()).unwrap();
        }
        text += &todos.tail(now());
        let file = read(Format::Ics, &text);
        let written: Vec<_> = all.iter().zip(&entries)
            .map(|(task, entry)| (project(entry), Entry::of(task.clone(), None)))
            .collect();
        prop_assert_eq!(tasks(&file), written, "{}", text);
        prop_assert_eq!(&file.remarks, &[], "{}", text);

        let plain = |text: &str| {
            let text = text.replace("\r\n", "\n").replace('\r', "\n");
            text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', "")
        };
        let others = by_calcard(&text);
        prop_assert_eq!(others.len(), all.len());
        for ((id, title, description, tags, _), task) in others.iter().zip(&all) {
            prop_assert_eq!(id, &format!("{}@todostack", task.id));
            prop_assert_eq!(title, &task.title);
            prop_assert_eq!(description, &plain(&task.description));
            // It cuts blanks out of lists.
            let dense = |tags: &[String]| tags.iter().map(|tag| tag.replace(' ', "")).collect::<Vec<_>>();
            prop_assert_eq!(dense(tags), dense(&task.tags));
        }
    }

    #[test]
    fn whatever_is_read_each_task_comes_after_its_parent(text in "(id|parent|title|a|b|c|d|,|\n){0,60}") {
        let text = format!("id,parent,title\n{text}");
        if let Ok(mut file) = csv::read(&text) {
            let taken = file.tasks.len();
            let refused = file.refused;
            let nodes = tree(&mut file);
            prop_assert_eq!(nodes.len() + (file.refused - refused) as usize, taken);
            let mut seen = std::collections::HashSet::new();
            for node in nodes {
                prop_assert!(node.parent.is_none_or(|parent| seen.contains(&parent)));
                seen.insert(node.number);
            }
        }
    }

    #[test]
    fn nothing_that_is_sent_as_a_file_panics(text in "\\PC{0,80}") {
        for format in Format::ALL {
            let _ = format.read(&text, Tz::UTC, now());
        }
        let todoist = format!("TYPE,CONTENT,INDENT,DATE,TIMEZONE\ntask,{text}");
        let _ = Format::TodoistCsv.read(&todoist, Tz::UTC, now());
    }
}
