use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn daily(at: &str, zone: Tz) -> Daily {
    Daily {
        at: at.parse().unwrap(),
        zone,
    }
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn a_digest_comes_by_the_clock_of_its_zone() {
    let eight = daily("08:00:00", Tz::Europe__Berlin);
    let turn = |last, now| {
        let Turn { day, next } = eight.turn(date(last), utc(now));
        (day, next)
    };
    let early = (None, utc("2026-11-21T07:00:00Z"));
    assert_eq!(turn("2026-11-20", "2026-11-21T06:59:59Z"), early);
    let tomorrow = utc("2026-11-22T07:00:00Z");
    let today = Some(date("2026-11-21"));
    assert_eq!(
        turn("2026-11-20", "2026-11-21T07:00:00Z"),
        (today, tomorrow)
    );
    assert_eq!(turn("2026-11-21", "2026-11-21T07:00:00Z"), (None, tomorrow));
    // After an outage of three days there is one, today's.
    assert_eq!(
        turn("2026-11-18", "2026-11-21T20:00:00Z"),
        (today, tomorrow)
    );
    // Or none yet.
    assert_eq!(turn("2026-11-18", "2026-11-21T06:00:00Z"), early);
}

#[test]
fn what_the_clocks_skip_and_show_twice_comes_once() {
    let half_past_two = daily("02:30:00", Tz::Europe__Berlin);
    assert_eq!(
        half_past_two.instant(date("2026-03-29")),
        utc("2026-03-29T01:30:00Z")
    );
    assert_eq!(
        half_past_two.instant(date("2026-10-25")),
        utc("2026-10-25T00:30:00Z")
    );
    // Samoa had no 30 December 2011.
    let apia = daily("08:00:00", Tz::Pacific__Apia);
    let new = apia.instant(date("2011-12-31"));
    let Turn { day, next } = apia.turn(date("2011-12-29"), new);
    assert_eq!(day, Some(date("2011-12-31")));
    assert_eq!(apia.day(next), date("2012-01-01"));
}

#[test]
fn who_moves_gets_each_local_day_once() {
    let berlin = daily("08:00:00", Tz::Europe__Berlin);
    let new_york = daily("08:00:00", Tz::America__New_York);
    let served = date("2026-11-21");
    // West: eight o'clock comes again on the same day.
    let Turn { day, next } = new_york.turn(served, utc("2026-11-21T13:30:00Z"));
    assert_eq!((day, next), (None, utc("2026-11-22T13:00:00Z")));
    // East, past eight, before it had come.
    let Turn { day, .. } = berlin.turn(date("2026-11-20"), utc("2026-11-21T12:00:00Z"));
    assert_eq!(day, Some(served));
    // Back over the date line.
    let Turn { day, next } = daily("08:00:00", Tz::Pacific__Honolulu)
        .turn(date("2026-11-22"), utc("2026-11-21T20:00:00Z"));
    assert_eq!(day, None);
    assert_eq!(next, utc("2026-11-23T18:00:00Z"));
}

#[test]
fn who_asks_after_the_time_gets_the_first_one_tomorrow() {
    let eight = daily("08:00:00", Tz::UTC);
    let noon = utc("2026-11-21T12:00:00Z");
    let early = utc("2026-11-21T07:00:00Z");
    let (today, yesterday) = (date("2026-11-21"), date("2026-11-20"));
    assert_eq!(eight.begin(None, noon), today);
    assert_eq!(eight.begin(None, early), yesterday);
    // Whose day has had one already.
    assert_eq!(eight.begin(Some(today), early), today);
    assert_eq!(eight.begin(Some(date("2026-11-01")), early), yesterday);
}

#[test]
fn its_id_is_the_users_and_the_days() {
    let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let day = date("2026-11-21");
    assert_eq!(id(a, day), id(a, day));
    assert_ne!(id(a, day), id(b, day));
    assert_ne!(id(a, day), id(a, following(day)));
}

fn zone() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![
        Tz::UTC,
        Tz::Europe__Berlin,
        Tz::America__New_York,
        Tz::America__Santiago,
        Tz::Australia__Lord_Howe,
        Tz::Pacific__Apia,
        Tz::Pacific__Honolulu,
        Tz::Asia__Kolkata,
        Tz::Africa__Casablanca,
    ])
}

proptest! {
    /// However a user moves and however long the service is away: no local day has two digests, the next
    /// look lies ahead, and a day on which the service looked after its time has one.
    #[test]
    fn each_local_day_has_one_at_most_and_none_is_left_out(
        at in 0_u32..24 * 60,
        start in 1_300_000_000_i64..1_900_000_000,
        looks in prop::collection::vec((zone(), 0_i64..100_000), 1..60),
    ) {
        let at = NaiveTime::from_num_seconds_from_midnight_opt(at * 60, 0).unwrap();
        let mut now = DateTime::from_timestamp(start, 0).unwrap();
        let mut last = Daily { at, zone: Tz::UTC }.begin(None, now);
        let mut had = BTreeSet::new();
        for (zone, pause) in looks {
            let daily = Daily { at, zone };
            let today = daily.day(now);
            let Turn { day, next } = daily.turn(last, now);
            prop_assert!(next > now, "{now} {next}");
            if let Some(day) = day {
                prop_assert_eq!(day, today);
                prop_assert!(had.insert(day), "{} twice", day);
                last = day;
            }
            if daily.instant(today) <= now && last < today {
                prop_assert!(false, "{} has none", today);
            }
            // The next look is early enough for the next day.
            let after = daily.turn(last, next);
            prop_assert!(after.day.is_some(), "{next} is of no use");
            now += chrono::Duration::seconds(pause);
        }
    }
}
