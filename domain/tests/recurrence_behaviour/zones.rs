//! Gaps, folds, floating series and UNTIL.

use super::*;

#[test]
fn a_gap_moves_by_the_gap_and_loses_nothing() {
    let spec = rrule("FREQ=DAILY", "2026-09-05T00:30", Tz::America__Santiago);
    let found = compile(&spec).upcoming(EPOCH, 3);
    assert_eq!(
        instants(&found),
        ["09-05 04:30", "09-06 04:30", "09-07 03:30"]
    );
    assert_eq!(found[1].original, start("2026-09-06T00:30"));
    assert_eq!(found[1].local, start("2026-09-06T01:30"));
}

#[test]
fn what_a_gap_moves_onto_another_is_one() {
    let spec = rrule(
        "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,30",
        "2026-03-29T02:00",
        Tz::Europe__Berlin,
    );
    let found = compile(&spec).upcoming(EPOCH, 3);
    assert_eq!(
        instants(&found),
        ["03-29 01:00", "03-29 01:30", "03-30 00:00"]
    );
    assert_eq!(found[0].original, start("2026-03-29T03:00"));
}

#[test]
fn a_gap_that_moves_past_later_readings_keeps_the_order() {
    let spec = rrule(
        "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=10,50;BYSETPOS=2,3",
        "2026-03-29T02:00",
        Tz::Europe__Berlin,
    );
    // 02:50 comes at 03:50, after 03:10.
    let found = compile(&spec).upcoming(EPOCH, 3);
    assert_eq!(
        originals(&found),
        [
            "2026-03-29T03:10:00",
            "2026-03-29T02:50:00",
            "2026-03-30T02:50:00"
        ]
    );
}

#[test]
fn a_fold_is_met_once_by_the_clock_and_twice_in_absolute_time() {
    let daily = rrule("FREQ=DAILY", "2026-10-24T02:30", Tz::Europe__Berlin);
    let found = compile(&daily).upcoming(EPOCH, 3);
    assert_eq!(
        instants(&found),
        ["10-24 00:30", "10-25 00:30", "10-26 01:30"]
    );
    let hourly = rrule("FREQ=HOURLY", "2026-10-25T01:30", Tz::Europe__Berlin);
    let found = compile(&hourly).upcoming(EPOCH, 4);
    assert_eq!(
        instants(&found),
        ["10-24 23:30", "10-25 00:30", "10-25 01:30", "10-25 02:30"]
    );
    assert_eq!(
        originals(&found)[1..3],
        ["2026-10-25T02:30:00", "2026-10-25T02:30:00~2"]
    );
    let series = Uuid::nil();
    assert_ne!(
        instance_id(series, &found[1].original),
        instance_id(series, &found[2].original)
    );
    assert_eq!(found[1].local, found[2].local);
}

#[test]
fn half_hour_shifts_keep_the_steps_and_the_listed_minutes() {
    // Lord Howe goes back from 02:00 to 01:30 on 5 April 2026.
    let spec = rrule("FREQ=HOURLY", "2026-04-05T00:15", Tz::Australia__Lord_Howe);
    assert_eq!(
        first(&spec, 4),
        [
            "2026-04-05T00:15:00",
            "2026-04-05T01:15:00",
            "2026-04-05T01:45:00~2",
            "2026-04-05T02:45:00"
        ]
    );
    // Whatever minute the steps fall on.
    for begin in ["2026-04-05T01:00", "2026-04-05T00:45"] {
        let spec = rrule("FREQ=HOURLY;BYMINUTE=0,30", begin, Tz::Australia__Lord_Howe);
        assert_eq!(
            first(&spec, 4),
            [
                "2026-04-05T01:00:00",
                "2026-04-05T01:30:00",
                "2026-04-05T01:30:00~2",
                "2026-04-05T02:00:00"
            ]
        );
    }
}

#[test]
fn a_step_finer_than_a_minute_finds_its_way_past_a_transition() {
    // Midnight of 9 March 2003 comes an hour late in Santiago.
    let spec = rrule(
        "FREQ=SECONDLY;BYHOUR=0;BYSECOND=0",
        "2003-03-08T00:00",
        Tz::America__Santiago,
    );
    let after = compile(&spec).upcoming(utc("2003-03-08T03:58:30Z"), 2);
    assert_eq!(instants(&after), ["03-08 03:59", "03-09 04:00"]);
    // And 00:01 on the 2nd was 23:01 on the 1st in St John's, until 2011.
    let spec = rrule(
        "FREQ=SECONDLY;BYHOUR=23;BYMINUTE=30;BYSECOND=0;BYMONTHDAY=6",
        "2010-11-01T00:00",
        Tz::America__St_Johns,
    );
    let found = compile(&spec).upcoming(EPOCH, 3);
    assert_eq!(
        instants(&found),
        ["11-07 02:00", "11-07 03:00", "12-07 03:00"]
    );
}

#[test]
fn a_day_that_never_was_is_the_next() {
    let spec = rrule("FREQ=DAILY", "2011-12-29", Tz::Pacific__Apia);
    let found = compile(&spec).upcoming(EPOCH, 3);
    assert_eq!(
        originals(&found),
        ["2011-12-29", "2011-12-31", "2012-01-01"]
    );
    assert_eq!(
        instants(&found),
        ["12-29 10:00", "12-30 10:00", "12-31 10:00"]
    );
}

#[test]
fn without_a_zone_it_follows_the_user() {
    let spec = SeriesSpec::rrule("FREQ=DAILY", start("2026-07-01T09:00"), None);
    let berlin = Series::compile(&spec, Tz::Europe__Berlin).unwrap();
    let tokyo = Series::compile(&spec, Tz::Asia__Tokyo).unwrap();
    assert_eq!(instants(&berlin.upcoming(EPOCH, 1)), ["07-01 07:00"]);
    assert_eq!(instants(&tokyo.upcoming(EPOCH, 1)), ["07-01 00:00"]);
    assert_eq!(tokyo.zone(), Tz::Asia__Tokyo);
}

#[test]
fn until_is_taken_as_a_date_a_local_time_or_an_instant() {
    let zone = Tz::America__New_York;
    let last = |until: &str| {
        let rule = format!("FREQ=DAILY;UNTIL={until}");
        first(&rrule(&rule, "2026-03-01T21:00", zone), 99)
            .pop()
            .unwrap()
    };
    assert_eq!(last("20260310"), "2026-03-10T21:00:00");
    assert_eq!(last("20260310T210000"), "2026-03-10T21:00:00");
    assert_eq!(last("20260310T205959"), "2026-03-09T21:00:00");
    // 01:00Z is 21:00 the day before, in daylight saving time since 8 March.
    assert_eq!(last("20260311T010000Z"), "2026-03-10T21:00:00");
    assert_eq!(last("20260311T005959Z"), "2026-03-09T21:00:00");
}
