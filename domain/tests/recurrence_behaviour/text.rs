//! The wire form and complaints.

use super::*;

#[test]
fn the_wire_form_is_camel_case_and_round_trips() {
    let value = json!({
        "rrule": "FREQ=WEEKLY;BYDAY=MO",
        "start": "2026-03-02T09:00:00",
        "timeZone": "Europe/Berlin",
        "exclude": ["2026-03-09"],
        "overrides": [{"occurrence": "2026-03-16T09:00:00", "to": "2026-03-17T09:00:00"}],
        "monthEnd": "lastDay",
        "basis": "completion",
        "late": "catchUp",
    });
    let spec: SeriesSpec = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(spec.late, Late::CatchUp);
    assert_eq!(serde_json::to_value(&spec).unwrap(), value);
}

#[test]
fn presets_are_rules_with_a_name() {
    for (preset, expected) in [
        (json!({"kind": "daily"}), "FREQ=DAILY"),
        (
            json!({"kind": "weekdays"}),
            "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        ),
        (
            json!({"kind": "weekly", "on": ["FR", "MO"], "every": 2}),
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
        ),
        (
            json!({"kind": "monthly", "day": 15}),
            "FREQ=MONTHLY;BYMONTHDAY=15",
        ),
        (
            json!({"kind": "lastDayOfMonth"}),
            "FREQ=MONTHLY;BYMONTHDAY=-1",
        ),
        (
            json!({"kind": "monthlyWeekday", "nth": -1, "weekday": "FR"}),
            "FREQ=MONTHLY;BYDAY=-1FR",
        ),
        (json!({"kind": "yearly"}), "FREQ=YEARLY"),
    ] {
        let value = json!({"preset": preset, "start": "2026-03-02", "monthEnd": "skip", "basis": "dueDate", "late": "nextFuture"});
        let spec: SeriesSpec = serde_json::from_value(value.clone()).unwrap();
        let series = compile(&spec);
        let rules: Vec<String> = series.rules().map(ToString::to_string).collect();
        assert_eq!(rules, [expected]);
        assert_eq!(serde_json::to_value(&spec).unwrap(), value);
    }
    let bad = SeriesSpec::new(
        RuleSpec::Preset(Preset::MonthlyWeekday {
            nth: 6,
            weekday: Weekday::FR,
        }),
        start("2026-01-01"),
        None,
    );
    assert!(complaint(&bad).starts_with("preset.nth: must be 1 to 5"));
}

#[test]
fn unreadable_json_is_answered_in_words() {
    for (value, expected) in [
        (
            json!({"rrule": "FREQ=DAILY", "start": "tomorrow"}),
            "\"tomorrow\" is not a local date-time",
        ),
        (
            json!({"rrule": "FREQ=DAILY", "start": "2026-01-01T09:00:00Z"}),
            "without Z or an offset",
        ),
        (
            json!({"rrule": "FREQ=DAILY", "start": "2026-01-01", "timeZone": "Mars"}),
            "\"Mars\" is not an IANA zone",
        ),
        (
            json!({"rrule": "FREQ=DAILY", "cron": "* * * * *", "start": "2026-01-01"}),
            "exactly one of rrule, cron and preset",
        ),
        (
            json!({"start": "2026-01-01"}),
            "exactly one of rrule, cron and preset",
        ),
        (
            json!({"rule": "FREQ=DAILY", "start": "2026-01-01"}),
            "unknown field `rule`",
        ),
    ] {
        let error = serde_json::from_value::<SeriesSpec>(value)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn complaints_point_at_the_part() {
    for (rule, expected) in [
        ("", "the rule is empty"),
        ("BYDAY=MO", "FREQ is missing"),
        (
            "FREQ=FORTNIGHTLY",
            "at character 1, \"FREQ=FORTNIGHTLY\": write SECONDLY",
        ),
        (
            "FREQ=DAILY;BYMONTH=13",
            "at character 12, \"BYMONTH=13\": \"13\" is not a number from 1 to 12",
        ),
        (
            "FREQ=DAILY;INTERVAL=0",
            "write a number from 1 to 4294967295",
        ),
        (
            "FREQ=DAILY;COUNT=3;UNTIL=20300101",
            "COUNT and UNTIL exclude each other",
        ),
        ("FREQ=DAILY;COUNT=3;COUNT=4", "COUNT is given twice"),
        ("FREQ=DAILY;BYDAY=2MO", "FREQ=MONTHLY or YEARLY only"),
        (
            "FREQ=WEEKLY;BYMONTHDAY=3",
            "BYMONTHDAY does not go with FREQ=WEEKLY",
        ),
        (
            "FREQ=MONTHLY;BYWEEKNO=3",
            "BYWEEKNO goes with FREQ=YEARLY only",
        ),
        ("FREQ=MONTHLY;BYYEARDAY=3", "BYYEARDAY goes with"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS needs another BY part"),
        ("FREQ=MONTHLY;BYDAY=6MO", "at most five of a weekday"),
        ("FREQ=MONTHLY;BYDAY=XX", "\"XX\" is not a day such as MO"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "from 1 to 31 or -31 to -1"),
        ("FREQ=DAILY;UNTIL=2026-01-01", "write a date 20261231"),
        ("FREQ=DAILY;BYEASTER=1", "there is no such part"),
        (
            "FREQ=DAILY;DTSTART=20260101",
            "use start, exclude or include",
        ),
        ("FREQ=DAILY;X", "a part is NAME=VALUE"),
        (
            "FREQ=DAILY;UNTIL=20200101",
            "no occurrence from 2026-01-01T09:00:00 to its UNTIL",
        ),
        (
            "FREQ=DAILY;UNTIL=20200101T000000Z",
            "no occurrence from 2026-01-01T09:00:00 to its UNTIL",
        ),
        (
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
            "its parts never meet",
        ),
    ] {
        let found = complaint(&rrule(rule, "2026-01-01T09:00", Tz::UTC));
        assert!(
            found.starts_with("rrule: ") && found.contains(expected),
            "{rule}: {found}"
        );
    }
    let hourly = complaint(&rrule("FREQ=HOURLY", "2026-01-01", Tz::UTC));
    assert!(hourly.contains("needs a start with a time, such as 2026-01-01T09:00:00"));
}

#[test]
fn a_rule_is_read_in_any_case_and_order() {
    let spec = rrule("RRULE:byday=fr,mo;freq=weekly;", "2026-01-01", Tz::UTC);
    let rules: Vec<String> = compile(&spec).rules().map(ToString::to_string).collect();
    assert_eq!(rules, ["FREQ=WEEKLY;BYDAY=MO,FR"]);
}

#[test]
fn ids_of_instances_are_the_same_for_every_writer() {
    let series = Uuid::from_u128(1);
    let id = instance_id(series, &start("2026-03-02T09:00"));
    assert_eq!(id, instance_id(series, &start("2026-03-02T09:00:00")));
    assert_eq!(id.get_version_num(), 5);
    assert_ne!(id, instance_id(series, &start("2026-03-02")));
}
