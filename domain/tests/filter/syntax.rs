//! What is read, and its canonical form.

use super::*;

/// What is written, and the canonical form.
const FORMS: [(&str, &str); 111] = [
    // The example of the first page.
    (
        "(p1 | overdue) & #home & !#waiting & due < +3d",
        "(p1 | overdue) & #home & !#waiting & due < +3d",
    ),
    // Words.
    ("all", "all"),
    ("nothing", "nothing"),
    ("p1", "p1"),
    ("P4", "p4"),
    ("open", "open"),
    ("done", "done"),
    ("Done", "done"),
    ("overdue", "overdue"),
    ("recurring", "recurring"),
    ("subtask", "subtask"),
    ("today", "due: today"),
    ("tomorrow", "due: tomorrow"),
    ("yesterday", "due: yesterday"),
    ("week", "due: today..+6d"),
    ("  p1\n\t", "p1"),
    // What there is and what not.
    ("has due", "has due"),
    ("no due", "no due"),
    ("has tags", "has tags"),
    ("no tag", "no tags"),
    ("has project", "has project"),
    ("NO PROJECT", "no project"),
    ("has reminder", "has reminder"),
    ("no reminders", "no reminder"),
    ("has completed", "done"),
    ("no completed", "open"),
    ("has created", "has created"),
    ("no updated", "no updated"),
    // Names.
    ("#home", "#home"),
    ("@work", "@work"),
    ("@work*", "@work*"),
    ("#\"Home office\"", "#\"Home office\""),
    ("#\"Home\"", "#Home"),
    ("#\"Home off\"*", "#\"Home off\"*"),
    ("@\"a&b\"", "@\"a&b\""),
    ("@a/b-c_d.e+f'g", "@a/b-c_d.e+f'g"),
    ("@größe", "@größe"),
    ("@日本", "@日本"),
    ("@🎉", "@🎉"),
    ("@\"say \\\"hi\\\"\"", "@\"say \\\"hi\\\"\""),
    ("@\"back\\\\slash\"", "@\"back\\\\slash\""),
    ("#and", "#and"),
    ("@not & @or", "@not & @or"),
    ("project: home", "#home"),
    ("project:\"Home office\"", "#\"Home office\""),
    ("tag : work*", "@work*"),
    // Texts.
    ("text: rent", "text: rent"),
    ("search: rent", "text: rent"),
    ("text:\"exact phrase\"", "text: \"exact phrase\""),
    ("text: \"rent\"", "text: rent"),
    ("title: rent", "title: rent"),
    ("title:\"*\"", "title: \"*\""),
    ("text: and", "text: and"),
    ("text: rent or p1", "text: rent | p1"),
    // Dates.
    ("due < +3d", "due < +3d"),
    ("due<3d", "due < +3d"),
    ("due <= +2W", "due <= +2w"),
    ("due > -1m", "due > -1m"),
    ("due >= -1y", "due >= -1y"),
    ("due >= +0w", "due >= +0w"),
    ("due: +0d", "due: today"),
    ("due: +1d", "due: tomorrow"),
    ("due = -1d", "due: yesterday"),
    ("due < now", "due < now"),
    ("due < +4h", "due < +4h"),
    ("due: mon", "due: monday"),
    ("due <= Friday", "due <= friday"),
    ("due: 2026-12-01", "due: 2026-12-01"),
    ("due < 2026-12-01T09:00", "due < 2026-12-01T09:00"),
    ("due < 2026-12-01T09:00:00", "due < 2026-12-01T09:00"),
    ("due < 2026-12-01T09:00:30", "due < 2026-12-01T09:00:30"),
    ("due < 2026-12-01T09:00:00Z", "due < 2026-12-01T09:00:00Z"),
    (
        "due < 2026-12-01T09:00:00.25+01:00",
        "due < 2026-12-01T08:00:00.250Z",
    ),
    ("due: 2026-12-01..2026-12-07", "due: 2026-12-01..2026-12-07"),
    ("due: 2026-12-01..2026-12-01", "due: 2026-12-01"),
    ("due: today..", "due >= today"),
    ("due: ..friday", "due <= friday"),
    ("due: ..<friday", "due < friday"),
    ("due: today<..", "due > today"),
    ("due: today..<friday", "due: today..<friday"),
    ("due: today<..friday", "due: today<..friday"),
    ("due: today<..<friday", "due: today<..<friday"),
    ("due: now..+4h", "due: now..+4h"),
    ("created > -7d", "created > -7d"),
    ("updated >= now", "updated >= now"),
    ("completed: yesterday", "completed: yesterday"),
    ("completed: -1w..", "completed >= -1w"),
    // Operators.
    ("p1&p2", "p1 & p2"),
    ("p1|p2", "p1 | p2"),
    ("p1 and p2", "p1 & p2"),
    ("p1 OR p2", "p1 | p2"),
    ("not p1", "!p1"),
    ("not(p1)", "!p1"),
    ("!!p1", "!!p1"),
    ("! not p1", "!!p1"),
    ("p1 | p2 & p3", "p1 | p2 & p3"),
    ("p1 | (p2 & p3)", "p1 | p2 & p3"),
    ("(p1 | p2) & p3", "(p1 | p2) & p3"),
    ("!p1 & p2", "!p1 & p2"),
    ("!(p1 & p2)", "!(p1 & p2)"),
    ("(p1 & p2) & p3", "p1 & p2 & p3"),
    ("p1 | (p2 | p3)", "p1 | p2 | p3"),
    ("(((p1)))", "p1"),
    ("!no due", "!no due"),
    ("!open", "!open"),
    ("!done", "open"),
    ("not has tags", "no tags"),
    // Parts that say nothing by themselves.
    ("all & p1", "p1"),
    ("nothing | p1", "p1"),
    ("!all | (nothing & p1)", "!all | nothing & p1"),
    ("open & due < now", "overdue"),
];

#[test]
fn each_form_has_a_canonical_one() {
    for (written, canonical) in FORMS {
        let filter = parse(written);
        assert_eq!(filter.to_string(), canonical, "{written}");
        assert_eq!(parse(canonical), filter, "{canonical}");
    }
}

#[test]
fn overdue_stays_a_word_among_other_conditions() {
    for (written, canonical) in [
        ("p1 & overdue & p2", "p1 & overdue & p2"),
        ("open & overdue & due < now", "open & overdue & due < now"),
        ("due < now & open", "due < now & open"),
        ("!overdue", "!overdue"),
        ("!(overdue & p1)", "!(overdue & p1)"),
        ("p1 | overdue", "p1 | overdue"),
    ] {
        assert_eq!(parse(written).to_string(), canonical);
        assert_eq!(parse(canonical), parse(written));
    }
}

#[test]
fn a_filter_is_its_text_in_json() {
    let json = r##""p1 & #\"Home office\"""##;
    let filter: Filter = serde_json::from_str(json).unwrap();
    assert_eq!(filter, parse(r#"p1 & #"Home office""#));
    assert_eq!(serde_json::to_string(&filter).unwrap(), json);
    let error = serde_json::from_str::<Filter>(r#""overdeu""#).unwrap_err();
    assert!(error.to_string().contains("did you mean `overdue`?"));
}

#[test]
fn query_parameters_make_what_the_language_makes() {
    use domain::{
        filter::{Condition, DateField, Edge, Moment, Name, Range},
        task::Priority,
    };
    let tag = |name: &str| Filter::from(Condition::Tag(Name::Is(name.into())));
    let priorities = [Priority::P1, Priority::P2].map(|p| Condition::Priority(p).into());
    let instant = |text| Some(Edge::Start(Moment::Instant(utc(text))));
    let week = Range {
        from: instant("2026-12-01T00:00:00Z"),
        to: instant("2026-12-08T00:00:00Z"),
    };
    let asked = Filter::all_of([
        Filter::ALL,
        Filter::open(),
        Filter::any_of(priorities),
        Filter::all_of(["a", "b"].map(tag)),
        !Filter::any_of(["c", "d"].map(tag)),
        Condition::Date(DateField::Created, week).into(),
    ]);
    assert_eq!(
        asked.to_string(),
        "open & (p1 | p2) & @a & @b & !(@c | @d) \
         & created: 2026-12-01T00:00:00Z..<2026-12-08T00:00:00Z"
    );
    assert_eq!(parse(&asked.to_string()), asked);
    for (word, made) in [
        ("overdue", Filter::overdue()),
        ("today", Filter::today()),
        ("week", Filter::week()),
        ("no due", !Filter::due(Range::ANY)),
    ] {
        assert_eq!(parse(word), made);
    }
}
