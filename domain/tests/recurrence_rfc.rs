//! The examples of RFC 5545 §3.8.5.3, all in America/New_York as printed there.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::recurrence::{Series, SeriesSpec, Start};

const ZONE: Tz = Tz::America__New_York;

fn series(rule: &str, start: &str, exclude: &[&str]) -> Series {
    let start: Start = start.parse().unwrap();
    let mut spec = SeriesSpec::rrule(rule, start, Some(ZONE));
    spec.exclude = exclude.iter().map(|text| text.parse().unwrap()).collect();
    Series::compile(&spec, Tz::UTC).unwrap_or_else(|e| panic!("{rule}: {e}"))
}

fn first(series: &Series, n: usize) -> Vec<String> {
    let found = series.upcoming(DateTime::<Utc>::UNIX_EPOCH, n);
    found.iter().map(|o| o.original.to_string()).collect()
}

/// `1997-09 2-5,9; 1997-10 1` at 09:00.
fn days(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for month in text.split(';') {
        let (month, days) = month.trim().split_once(' ').unwrap();
        for item in days.split(',') {
            let (from, to) = item.split_once('-').unwrap_or((item, item));
            for day in from.parse::<u32>().unwrap()..=to.parse().unwrap() {
                found.push(format!("{month}-{day:02}T09:00:00"));
            }
        }
    }
    found
}

/// The whole series is what the RFC prints.
fn is(rule: &str, start: &str, expected: &str) {
    let expected = days(expected);
    assert_eq!(
        first(&series(rule, start, &[]), expected.len() + 1),
        expected,
        "{rule}"
    );
}

/// The series begins as the RFC prints, which goes on with "...".
fn begins(rule: &str, start: &str, expected: &str) {
    let expected = days(expected);
    let found = first(&series(rule, start, &[]), expected.len() + 1);
    assert_eq!(found[..expected.len()], expected, "{rule}");
    assert_eq!(found.len(), expected.len() + 1, "{rule} goes on");
}

const SEPTEMBER_2: &str = "1997-09-02T09:00:00";

#[test]
fn daily() {
    is("FREQ=DAILY;COUNT=10", SEPTEMBER_2, "1997-09 2-11");
    is(
        "FREQ=DAILY;UNTIL=19971224T000000Z",
        SEPTEMBER_2,
        "1997-09 2-30; 1997-10 1-31; 1997-11 1-30; 1997-12 1-23",
    );
    begins(
        "FREQ=DAILY;INTERVAL=2",
        SEPTEMBER_2,
        "1997-09 2,4,6,8,10,12,14,16,18,20,22,24,26,28,30; 1997-10 2,4,6,8,10,12,14,16,18,20,22,24,26,28,30; 1997-11 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29; 1997-12 1,3",
    );
    is(
        "FREQ=DAILY;INTERVAL=10;COUNT=5",
        SEPTEMBER_2,
        "1997-09 2,12,22; 1997-10 2,12",
    );
    let januaries = "1998-01 1-31; 1999-01 1-31; 2000-01 1-31";
    is(
        "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
        "1998-01-01T09:00:00",
        januaries,
    );
    is(
        "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1",
        "1998-01-01T09:00:00",
        januaries,
    );
}

#[test]
fn weekly() {
    is(
        "FREQ=WEEKLY;COUNT=10",
        SEPTEMBER_2,
        "1997-09 2,9,16,23,30; 1997-10 7,14,21,28; 1997-11 4",
    );
    is(
        "FREQ=WEEKLY;UNTIL=19971224T000000Z",
        SEPTEMBER_2,
        "1997-09 2,9,16,23,30; 1997-10 7,14,21,28; 1997-11 4,11,18,25; 1997-12 2,9,16,23",
    );
    begins(
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        SEPTEMBER_2,
        "1997-09 2,16,30; 1997-10 14,28; 1997-11 11,25; 1997-12 9,23; 1998-01 6,20; 1998-02 3,17",
    );
    for bound in ["UNTIL=19971007T000000Z", "COUNT=10"] {
        is(
            &format!("FREQ=WEEKLY;{bound};WKST=SU;BYDAY=TU,TH"),
            SEPTEMBER_2,
            "1997-09 2,4,9,11,16,18,23,25,30; 1997-10 2",
        );
    }
    is(
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "1997-09-01T09:00:00",
        "1997-09 1,3,5,15,17,19,29; 1997-10 1,3,13,15,17,27,29,31; 1997-11 10,12,14,24,26,28; 1997-12 8,10,12,22",
    );
    is(
        "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
        SEPTEMBER_2,
        "1997-09 2,4,16,18,30; 1997-10 2,14,16",
    );
}

#[test]
fn monthly() {
    is(
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "1997-09-05T09:00:00",
        "1997-09 5; 1997-10 3; 1997-11 7; 1997-12 5; 1998-01 2; 1998-02 6; 1998-03 6; 1998-04 3; 1998-05 1; 1998-06 5",
    );
    is(
        "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
        "1997-09-05T09:00:00",
        "1997-09 5; 1997-10 3; 1997-11 7; 1997-12 5",
    );
    is(
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "1997-09-07T09:00:00",
        "1997-09 7,28; 1997-11 2,30; 1998-01 4,25; 1998-03 1,29; 1998-05 3,31",
    );
    is(
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "1997-09-22T09:00:00",
        "1997-09 22; 1997-10 20; 1997-11 17; 1997-12 22; 1998-01 19; 1998-02 16",
    );
    begins(
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "1997-09-28T09:00:00",
        "1997-09 28; 1997-10 29; 1997-11 28; 1997-12 29; 1998-01 29; 1998-02 26",
    );
    is(
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        SEPTEMBER_2,
        "1997-09 2,15; 1997-10 2,15; 1997-11 2,15; 1997-12 2,15; 1998-01 2,15",
    );
    is(
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "1997-09-30T09:00:00",
        "1997-09 30; 1997-10 1,31; 1997-11 1,30; 1997-12 1,31; 1998-01 1,31; 1998-02 1",
    );
    is(
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "1997-09-10T09:00:00",
        "1997-09 10-15; 1999-03 10-13",
    );
    begins(
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        SEPTEMBER_2,
        "1997-09 2,9,16,23,30; 1997-11 4,11,18,25; 1998-01 6,13,20,27; 1998-03 3,10,17,24,31",
    );
}

#[test]
fn yearly() {
    is(
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "1997-06-10T09:00:00",
        "1997-06 10; 1997-07 10; 1998-06 10; 1998-07 10; 1999-06 10; 1999-07 10; 2000-06 10; 2000-07 10; 2001-06 10; 2001-07 10",
    );
    is(
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "1997-03-10T09:00:00",
        "1997-03 10; 1999-01 10; 1999-02 10; 1999-03 10; 2001-01 10; 2001-02 10; 2001-03 10; 2003-01 10; 2003-02 10; 2003-03 10",
    );
    is(
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "1997-01-01T09:00:00",
        "1997-01 1; 1997-04 10; 1997-07 19; 2000-01 1; 2000-04 9; 2000-07 18; 2003-01 1; 2003-04 10; 2003-07 19; 2006-01 1",
    );
    begins(
        "FREQ=YEARLY;BYDAY=20MO",
        "1997-05-19T09:00:00",
        "1997-05 19; 1998-05 18; 1999-05 17",
    );
    begins(
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "1997-05-12T09:00:00",
        "1997-05 12; 1998-05 11; 1999-05 17",
    );
    begins(
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "1997-03-13T09:00:00",
        "1997-03 13,20,27; 1998-03 5,12,19,26; 1999-03 4,11,18,25",
    );
    begins(
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "1997-06-05T09:00:00",
        "1997-06 5,12,19,26; 1997-07 3,10,17,24,31; 1997-08 7,14,21,28; 1998-06 4,11,18,25; 1998-07 2,9,16,23,30; 1998-08 6,13,20,27; 1999-06 3,10,17,24; 1999-07 1,8,15,22,29; 1999-08 5,12,19,26",
    );
}

#[test]
fn combinations() {
    // The start is left out by EXDATE there; here it is no occurrence in the first place.
    for exclude in [&["1997-09-02T09:00:00"][..], &[]] {
        let friday = series("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", SEPTEMBER_2, exclude);
        assert_eq!(
            first(&friday, 5),
            days("1998-02 13; 1998-03 13; 1998-11 13; 1999-08 13; 2000-10 13")
        );
    }
    begins(
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "1997-09-13T09:00:00",
        "1997-09 13; 1997-10 11; 1997-11 8; 1997-12 13; 1998-01 10; 1998-02 7; 1998-03 7; 1998-04 11; 1998-05 9; 1998-06 13",
    );
    begins(
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "1996-11-05T09:00:00",
        "1996-11 5; 2000-11 7; 2004-11 2",
    );
    is(
        "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "1997-09-04T09:00:00",
        "1997-09 4; 1997-10 7; 1997-11 6",
    );
    begins(
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "1997-09-29T09:00:00",
        "1997-09 29; 1997-10 30; 1997-11 27; 1997-12 30; 1998-01 29; 1998-02 26; 1998-03 30",
    );
    is(
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "1997-08-05T09:00:00",
        "1997-08 5,10,19,24",
    );
    is(
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "1997-08-05T09:00:00",
        "1997-08 5,17,19,31",
    );
    is(
        "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
        "2007-01-15T09:00:00",
        "2007-01 15,30; 2007-02 15; 2007-03 15,30",
    );
}

#[test]
fn finer_than_daily() {
    let times = |list: &[&str]| -> Vec<String> {
        list.iter().map(|t| format!("1997-09-02T{t}:00")).collect()
    };
    // 17:00Z is 13:00 in New York: as printed, the third occurrence lies after UNTIL.
    // With the UNTIL that the words around it mean, all three come.
    let printed = series(
        "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z",
        SEPTEMBER_2,
        &[],
    );
    assert_eq!(first(&printed, 9), times(&["09:00", "12:00"]));
    let corrected = series(
        "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z",
        SEPTEMBER_2,
        &[],
    );
    assert_eq!(first(&corrected, 9), times(&["09:00", "12:00", "15:00"]));
    assert_eq!(
        first(
            &series("FREQ=MINUTELY;INTERVAL=15;COUNT=6", SEPTEMBER_2, &[]),
            9
        ),
        times(&["09:00", "09:15", "09:30", "09:45", "10:00", "10:15"])
    );
    assert_eq!(
        first(
            &series("FREQ=MINUTELY;INTERVAL=90;COUNT=4", SEPTEMBER_2, &[]),
            9
        ),
        times(&["09:00", "10:30", "12:00", "13:30"])
    );
    let mut expected = Vec::new();
    for day in 2..5 {
        for hour in 9..17 {
            for minute in [0, 20, 40] {
                expected.push(format!("1997-09-{day:02}T{hour:02}:{minute:02}:00"));
            }
        }
    }
    for rule in [
        "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40",
        "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16",
    ] {
        assert_eq!(
            first(&series(rule, SEPTEMBER_2, &[]), expected.len()),
            expected,
            "{rule}"
        );
    }
}

#[test]
fn the_clock_stays_when_daylight_saving_time_ends() {
    let daily = series("FREQ=DAILY", SEPTEMBER_2, &[]);
    let from = NaiveDate::from_ymd_opt(1997, 10, 25).unwrap();
    let from = from.and_hms_opt(0, 0, 0).unwrap().and_utc();
    let found = daily.upcoming(from, 2);
    assert_eq!(found[0].at.to_rfc3339(), "1997-10-25T13:00:00+00:00");
    assert_eq!(found[1].at.to_rfc3339(), "1997-10-26T14:00:00+00:00");
}
