//! Series in words.

use super::*;

fn words(spec: &SeriesSpec) -> String {
    let zone = Tz::Europe__Berlin;
    Series::compile(spec, zone)
        .unwrap()
        .describe(utc("2026-11-21T00:00:00Z"))
}

#[test]
fn cron_is_told_as_people_say_it() {
    let start = Start::At("2026-01-05T00:00:00".parse().unwrap());
    for (text, expected) in [
        ("* * * * *", "every minute, UTC"),
        ("*/15 * * * *", "every 15 minutes, UTC"),
        ("0 * * * *", "every hour at minute 0, UTC"),
        (
            "*/30 9-17 * * 1-5",
            "every day on Monday to Friday at minute 0 and 30 of the hours 9 to 17, UTC",
        ),
        ("0 9 * * 1-5", "every day on Monday to Friday at 09:00, UTC"),
    ] {
        assert_eq!(
            words(&SeriesSpec::cron(text, start, Some(Tz::UTC))),
            expected,
            "{text}"
        );
    }
}

#[test]
fn rules_are_told_in_words() {
    let utc = Tz::UTC;
    for (spec, expected) in [
        (
            rrule("FREQ=DAILY", "2026-03-02T09:00", utc),
            "every day at 09:00, UTC",
        ),
        (
            rrule("FREQ=DAILY;INTERVAL=2;COUNT=5", "2026-03-02", utc),
            "every other day, all day, 5 times, UTC",
        ),
        (
            rrule("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-03-02T09:00", utc),
            "every week on Monday to Friday at 09:00, UTC",
        ),
        (
            rrule(
                "FREQ=WEEKLY;INTERVAL=3;UNTIL=20261231",
                "2026-03-02T09:00",
                utc,
            ),
            "every 3 weeks on Monday at 09:00, until 31 December 2026, UTC",
        ),
        (
            rrule("FREQ=MONTHLY", "2026-01-31T09:00", utc),
            "every month on the 31st (not in a month without that day) at 09:00, UTC",
        ),
        (
            rrule("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31T09:00", utc),
            "every month on the last day of the month at 09:00, UTC",
        ),
        (
            rrule(
                "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
                "2026-01-31T09:00",
                utc,
            ),
            "every month on Monday to Friday at 09:00, only the last of these in the month, UTC",
        ),
        (
            rrule("FREQ=YEARLY;BYMONTH=6,7;BYDAY=1TU", "2026-01-31T09:00", utc),
            "every year on the 1st Tuesday in June and July at 09:00, UTC",
        ),
        (
            rrule(
                "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12",
                "2026-01-31T09:00",
                utc,
            ),
            "every 20 minutes in the hours 9 to 12, UTC",
        ),
        (
            SeriesSpec::cron("0 9 13 * 5", start("2026-01-01T00:00"), Some(utc)),
            "every day on the 13th day of the month at 09:00, or every day on Friday at 09:00, UTC",
        ),
    ] {
        assert_eq!(words(&spec), expected);
    }
}

#[test]
fn the_next_change_of_clocks_is_told() {
    let berlin = Tz::Europe__Berlin;
    assert_eq!(
        words(&rrule(
            "FREQ=MONTHLY;BYDAY=-1FR",
            "2026-01-31T09:00",
            berlin
        )),
        "every month on the last Friday at 09:00, Europe/Berlin; clocks there go forward by \
         1 h on 28 March 2027: it stays at the same time of day, 1 h earlier in UTC"
    );
    assert_eq!(
        words(&SeriesSpec::rrule(
            "FREQ=DAILY",
            start("2026-01-31T02:30"),
            None
        )),
        "every day at 02:30, Europe/Berlin (the user's zone); clocks there go forward by 1 h \
         on 28 March 2027: 02:30 does not exist that day, it comes at 03:30"
    );
    let sydney = rrule("FREQ=DAILY", "2026-01-31T02:30", Tz::Australia__Sydney);
    assert_eq!(
        words(&sydney),
        "every day at 02:30, Australia/Sydney; clocks there go back by 1 h on 4 April 2027: \
         02:30 comes twice that day, the first one counts"
    );
    assert!(
        words(&rrule("FREQ=HOURLY", "2026-01-31T02:30", berlin))
            .ends_with("absolute time, so that nothing is lost or repeated")
    );
    // Over before the change, and all day: nothing to tell.
    for rule in ["FREQ=DAILY;UNTIL=20261224", "FREQ=DAILY;COUNT=1"] {
        let spec = rrule(rule, "2026-11-30T09:00", berlin);
        assert!(!words(&spec).contains("clocks"), "{}", words(&spec));
    }
    assert!(!words(&rrule("FREQ=DAILY", "2026-11-30", berlin)).contains("clocks"));
}
