//! What holds for every filter, task and text.

use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime};
use domain::{
    filter::{Condition, DateField, Edge, Moment, Name, Range, Thing, Unit},
    recurrence::Weekday,
    task::Priority,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

const ZONES: [Tz; 8] = [
    Tz::UTC,
    Tz::Europe__Berlin,
    Tz::Australia__Lord_Howe,
    Tz::America__Santiago,
    Tz::America__Sao_Paulo,
    Tz::Africa__Cairo,
    Tz::America__St_Johns,
    Tz::Asia__Gaza,
];

/// Names of tags and projects, few enough that tasks have them.
const NAMES: [&str; 6] = ["home", "Home", "home office", "work", "größe", "\"\\"];

fn zone() -> impl Strategy<Value = Tz> {
    select(ZONES.to_vec())
}

/// A day of 2010 to 2030, when clocks were changed at midnight in some of the zones.
fn day() -> impl Strategy<Value = NaiveDate> {
    let first = NaiveDate::from_ymd_opt(2010, 1, 1).unwrap();
    (0..20 * 365_i64).prop_map(move |days| first + Duration::days(days))
}

fn local() -> impl Strategy<Value = NaiveDateTime> {
    (day(), 0..86_400_i64)
        .prop_map(|(day, second)| NaiveDateTime::from(day) + Duration::seconds(second))
}

fn at() -> impl Strategy<Value = DateTime<Utc>> {
    local().prop_map(|local| local.and_utc())
}

fn moment() -> impl Strategy<Value = Moment> {
    let unit = select(vec![Unit::Day, Unit::Week, Unit::Month, Unit::Year]);
    let near = prop_oneof![-9..9_i16, any::<i16>()];
    prop_oneof![
        Just(Moment::Now),
        near.clone().prop_map(Moment::Hours),
        (near, unit).prop_map(|(count, unit)| Moment::In(count, unit)),
        select(Weekday::ALL.to_vec()).prop_map(Moment::Next),
        day().prop_map(Moment::Day),
        local().prop_map(Moment::Local),
        (at(), 0..1_000_000_i64)
            .prop_map(|(at, micros)| Moment::Instant(at + Duration::microseconds(micros))),
    ]
}

fn range() -> impl Strategy<Value = Range> {
    let edge = || {
        let edge = prop_oneof![moment().prop_map(Edge::Start), moment().prop_map(Edge::End)];
        option::of(edge)
    };
    (edge(), edge()).prop_map(|(from, to)| Range { from, to })
}

/// Texts of whatever characters, and some that tasks have.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        select(NAMES.to_vec()).prop_map(str::to_owned),
        "[^\\x00]{1,6}",
    ]
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![text().prop_map(Name::Is), text().prop_map(Name::StartsWith)]
}

fn condition() -> impl Strategy<Value = Condition> {
    let priorities = [Priority::P1, Priority::P2, Priority::P3, Priority::P4];
    let things = [
        Thing::Project,
        Thing::Tags,
        Thing::Reminder,
        Thing::Recurrence,
        Thing::Parent,
    ];
    prop_oneof![
        select(priorities.to_vec()).prop_map(Condition::Priority),
        select(things.to_vec()).prop_map(Condition::Has),
        name().prop_map(Condition::Project),
        name().prop_map(Condition::Tag),
        (select(DateField::ALL.to_vec()), range())
            .prop_map(|(field, range)| Condition::Date(field, range)),
        text().prop_map(Condition::Title),
        text().prop_map(Condition::Text),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![
        8 => condition().prop_map(Filter::from),
        1 => Just(Filter::overdue()),
        1 => Just(Filter::open()),
        1 => Just(Filter::ALL),
        1 => Just(Filter::NOTHING),
    ];
    leaf.prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Filter::all_of),
            vec(inner.clone(), 0..4).prop_map(Filter::any_of),
            inner.prop_map(|filter| !filter),
        ]
    })
}

/// Text made of pieces of the language, much of which is a filter.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = [
        "p1",
        "overdue",
        "#home",
        "@work*",
        "no due",
        "has",
        "week",
        "due",
        "<",
        "<=",
        ":",
        "..",
        "today",
        "+3d",
        "2026-12-01",
        "text:",
        "\"a b\"",
        "\"",
        "\\",
        "&",
        "|",
        "!",
        "(",
        ")",
        "and",
        "or",
        "not",
        "all",
        "created > -7d",
        "title: x",
        "é😀",
    ];
    vec((select(pieces.to_vec()), select(vec!["", " "])), 0..12).prop_map(|pieces| {
        let pieces = pieces.into_iter().flat_map(|(piece, space)| [piece, space]);
        pieces.collect()
    })
}

prop_compose! {
    /// A task, with its project and whether it is a part of another.
    fn facts()(
        title in text(),
        description in text(),
        priority in select(vec![Priority::P1, Priority::P2, Priority::P4]),
        tags in vec(text(), 0..3),
        dates in (option::of(at()), at(), at(), option::of(at())),
        project in option::of(text()),
        is_subtask in any::<bool>(),
    ) -> (Task, Option<String>, bool) {
        let mut task = task(&title);
        task.description = description;
        task.priority = priority;
        task.tags = tags;
        (task.due_at, task.created_at, task.updated_at, task.completed_at) = dates;
        (task, project, is_subtask)
    }
}

fn is_meant(filter: &Resolved, (task, project, is_subtask): &(Task, Option<String>, bool)) -> bool {
    filter.matches(&TaskFacts {
        project: project.as_deref(),
        is_subtask: *is_subtask,
        ..TaskFacts::from(task)
    })
}

proptest! {
    #[test]
    fn the_canonical_form_is_read_as_the_same_filter(filter in filter()) {
        let text = filter.to_string();
        prop_assume!(text.chars().count() <= domain::filter::limits::CHARACTERS);
        prop_assert_eq!(Filter::parse(&text).map_err(|error| error.to_string()), Ok(filter));
    }

    #[test]
    fn what_is_read_has_one_canonical_form(text in pieces()) {
        if let Ok(filter) = Filter::parse(&text) {
            let canonical = filter.to_string();
            let again = parse(&canonical);
            prop_assert_eq!(&again, &filter);
            prop_assert_eq!(again.to_string(), canonical);
        }
    }

    #[test]
    fn a_complaint_points_into_the_text(text in prop_oneof![any::<String>(), pieces()]) {
        if let Err(error) = Filter::parse(&text) {
            let bytes = error.span.bytes;
            prop_assert!(text.get(bytes.clone()).is_some());
            let units: Vec<u16> = text.encode_utf16().collect();
            let pointed = String::from_utf16(&units[error.span.utf16]).unwrap();
            prop_assert_eq!(&pointed, &text[bytes]);
            prop_assert!(error.message.chars().count() < 200);
        }
    }

    #[test]
    fn resolving_leaves_nothing_to_resolve(
        filter in filter(), zone in zone(), now in at(), elsewhere in zone(), later in at(),
    ) {
        let resolved = filter.resolve(zone, now);
        let again = resolved.map(&|at| Edge::Start(Moment::Instant(*at)));
        prop_assert_eq!(again.resolve(elsewhere, later), resolved);
    }

    #[test]
    fn logic_is_as_in_books(
        a in filter(), b in filter(), task in facts(), zone in zone(), now in at(),
    ) {
        let [a, b] = [a, b].map(|filter| filter.resolve(zone, now));
        let is = |filter: Resolved| is_meant(&filter, &task);
        let both = || Filter::all_of([a.clone(), b.clone()]);
        let either = || Filter::any_of([a.clone(), b.clone()]);
        prop_assert_eq!(is(both()), is(a.clone()) && is(b.clone()));
        prop_assert_eq!(is(either()), is(a.clone()) || is(b.clone()));
        prop_assert_eq!(is(!a.clone()), !is(a.clone()));
        // De Morgan.
        prop_assert_eq!(is(!both()), is(Filter::any_of([!a.clone(), !b.clone()])));
        prop_assert_eq!(is(!either()), is(Filter::all_of([!a.clone(), !b.clone()])));
        prop_assert_eq!(is(!!a.clone()), is(a));
    }

    #[test]
    fn the_canonical_form_means_the_same_tasks(
        text in pieces(), task in facts(), zone in zone(), now in at(),
    ) {
        if let Ok(filter) = Filter::parse(&text) {
            let canonical = parse(&filter.to_string());
            prop_assert_eq!(
                is_meant(&filter.resolve(zone, now), &task),
                is_meant(&canonical.resolve(zone, now), &task)
            );
        }
    }

    /// The oracle knows days only, and no instants.
    #[test]
    fn due_dates_are_compared_with_days_as_days(
        local in local(), all_day in any::<bool>(), a in day(), off in -2..3_i64, zone in zone(), now in at(),
    ) {
        let b = a + Duration::days(off);
        let due = if all_day {
            Due::On { date: b }
        } else {
            Due::At { date_time: b.and_time(local.time()), time_zone: zone }
        };
        let at = due_at(&due, zone);
        // A time that the clocks skip is moved to a later one, maybe on the next day.
        let b = at.with_timezone(&zone).date_naive();
        let mut task = task("due");
        task.due_at = Some(at);
        let is = |comparison: &str| {
            let filter = parse(&format!("due{comparison}")).resolve(zone, now);
            filter.matches(&TaskFacts::from(&task))
        };
        prop_assert_eq!(is(&format!(" < {a}")), b < a);
        prop_assert_eq!(is(&format!(" <= {a}")), b <= a);
        prop_assert_eq!(is(&format!(" > {a}")), b > a);
        prop_assert_eq!(is(&format!(" >= {a}")), b >= a);
        prop_assert_eq!(is(&format!(": {a}")), b == a);
        prop_assert_eq!(is(&format!(": {a}..{}", a + Duration::days(1))), b == a || b == a.succ_opt().unwrap());
        prop_assert!(!all_day || due.date() == b, "all day stays on its day");
    }

    #[test]
    fn relative_days_are_days_of_the_calendar(
        count in -400..400_i16, zone in zone(), now in at(),
    ) {
        let today = now.with_timezone(&zone).date_naive();
        let start = |moment| Edge::Start(moment).resolve(zone, now);
        let day = today + Duration::days(count.into());
        prop_assert_eq!(start(Moment::In(count, Unit::Day)), start(Moment::Day(day)));
        for weekday in Weekday::ALL {
            let found = (1..=7).map(|days| today + Duration::days(days));
            let mut found = found.filter(|day| day.weekday().num_days_from_monday() == weekday as u32);
            prop_assert_eq!(start(Moment::Next(weekday)), start(Moment::Day(found.next().unwrap())));
        }
    }
}
