use super::{
    summary::{human, ordinal},
    *,
};
use chrono::TimeZone;

fn at(second: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 9, 0, 0).unwrap() + Duration::seconds(second)
}

fn row(phase: Phase) -> Row {
    Row {
        id: Uuid::nil(),
        of_object: false,
        phase,
        occurrence: 0,
        generation: 1,
        fire_at: at(0),
        suspended: false,
        finished_at: None,
        reason: None,
    }
}

fn records(row: Row) -> Records {
    Records {
        reminder: row,
        firings: Vec::new(),
        deliveries: Vec::new(),
        trail: Vec::new(),
        task: Vec::new(),
    }
}

fn firing(occurrence: i32, generation: i64, fired_at: DateTime<Utc>) -> Firing {
    Firing {
        occurrence,
        generation,
        fired_at,
        lateness_ms: 12,
        path: "alarm".into(),
    }
}

fn delivery(occurrence: i32, state: &str, attempts: i32, error: Option<&str>) -> Delivery {
    Delivery {
        occurrence,
        channel: "webhook:https://example.com/".into(),
        state: state.into(),
        attempts,
        last_error: error.map(str::to_owned),
        delivered_at: (state == "Delivered").then(|| at(5)),
        next_attempt_at: None,
    }
}

fn told(kind: &str, second: i64, (occurrence, generation): (i32, i64), fires: i64) -> Told {
    Told {
        kind: format!("reminder.{kind}"),
        time: at(second),
        occurrence,
        generation,
        fire_at: at(fires),
        reason: None,
    }
}

fn task(kind: &str, second: i64) -> TaskTold {
    TaskTold {
        kind: format!("task.{kind}"),
        time: at(second),
    }
}

fn summary_of(records: Records) -> String {
    History::from(records).summary
}

#[test]
fn a_firing_is_told_with_its_attempts() {
    for (phase, delivery, expected) in [
        (
            Phase::Delivered,
            delivery(0, "Delivered", 2, Some("connection refused")),
            "fired 12 ms late by its alarm; webhook took it on the 2nd attempt after 5 s: connection refused",
        ),
        (
            Phase::Delivered,
            delivery(0, "Delivered", 1, None),
            "fired 12 ms late by its alarm; webhook took it after 5 s",
        ),
        (
            Phase::Failed,
            delivery(0, "Failed", 8, Some("410 Gone")),
            "fired 12 ms late by its alarm; webhook gave up after 8 attempts: 410 Gone",
        ),
        (
            Phase::Fired,
            delivery(0, "Pending", 1, Some("503")),
            "fired 12 ms late by its alarm; webhook has had 1 attempt: 503",
        ),
    ] {
        let mut records = records(row(phase));
        records.firings.push(firing(0, 1, at(0)));
        records.deliveries.push(delivery);
        assert_eq!(summary_of(records), expected);
    }
}

#[test]
fn what_has_not_fired_says_what_it_waits_for_or_why_it_will_not() {
    let mut suspended = row(Phase::Pending);
    suspended.suspended = true;
    let mut missed = row(Phase::Missed);
    missed.reason = Some("overdue by 90 s".into());
    let mut failed = row(Phase::Failed);
    failed.reason = Some("there is no user".into());
    for (row, expected) in [
        (
            row(Phase::Pending),
            "fires at 2026-11-21T09:00:00Z; its alarm is not set yet",
        ),
        (
            row(Phase::Scheduled),
            "fires at 2026-11-21T09:00:00Z; its alarm is set",
        ),
        (
            suspended,
            "held back; it was to fire at 2026-11-21T09:00:00Z",
        ),
        (missed, "missed: overdue by 90 s"),
        (failed, "failed: there is no user"),
        (row(Phase::Cancelled), "cancelled"),
    ] {
        assert_eq!(summary_of(records(row)), expected);
    }
}

#[test]
fn a_cancel_has_its_cause() {
    for (kind, expected) in [
        ("completed", "its task was completed"),
        ("deleted", "its task was deleted"),
        (
            "updated",
            "its task was written without it, or with a time that had passed",
        ),
    ] {
        let mut row = row(Phase::Cancelled);
        row.finished_at = Some(at(-60));
        let mut records = records(row);
        records.trail = vec![told("cancelled", -60, (0, 1), 0)];
        records.task = vec![task("created", -90), task(kind, -60)];
        let history = History::from(records);
        assert_eq!(history.events[0].cause.as_deref(), Some(expected));
        let whole = format!("cancelled at 2026-11-21T08:59:00Z: {expected}");
        assert_eq!(history.summary, whole);
    }
    let mut row = row(Phase::Cancelled);
    row.of_object = true;
    let mut records = records(row);
    records.trail = vec![told("cancelled", -60, (0, 1), 0)];
    assert_eq!(
        summary_of(records),
        "cancelled: its ReminderJob was deleted"
    );
}

#[test]
fn an_edit_and_a_snooze_are_told_apart_and_each_occurrence_keeps_its_own() {
    let mut row = row(Phase::Scheduled);
    (row.occurrence, row.generation, row.fire_at) = (1, 3, at(600));
    let mut records = records(row);
    records.trail = vec![
        told("scheduled", -90, (0, 1), -30),
        told("scheduled", -59, (0, 2), 0),
        told("stale", -30, (0, 1), -30),
        told("due", 0, (0, 2), 0),
        told("delivered", 5, (0, 2), 0),
        told("snoozed", 10, (1, 3), 600),
        told("scheduled", 11, (1, 3), 600),
    ];
    records.task = vec![task("created", -91), task("updated", -60)];
    records.firings = vec![firing(0, 2, at(0))];
    records.deliveries = vec![delivery(0, "Delivered", 1, None)];
    let history = History::from(records);
    let causes: Vec<Option<&str>> = history
        .events
        .iter()
        .map(|one| one.cause.as_deref())
        .collect();
    assert_eq!(causes[1], Some("its task was edited"));
    assert_eq!(causes[6], Some("it was snoozed"));
    assert_eq!(causes.iter().flatten().count(), 2, "{causes:?}");
    let [first, second] = &history.occurrences[..] else {
        panic!("{:?}", history.occurrences)
    };
    assert_eq!(
        (first.planned_at, &first.generations[..]),
        (at(0), &[1, 2][..])
    );
    assert_eq!(first.alarm_set_at, Some(at(-59)));
    assert_eq!(first.deliveries.len(), 1);
    assert_eq!((second.planned_at, second.fired_at), (at(600), None));
    assert_eq!(
        history.summary,
        "snoozed once; fires at 2026-11-21T09:10:00Z; its alarm is set"
    );
}

#[test]
fn lengths_of_time_and_ordinals_read_well() {
    for (milliseconds, expected) in [
        (-3, "0 ms"),
        (999, "999 ms"),
        (5000, "5 s"),
        (5_450, "5.4 s"),
        (61_000, "61 s"),
        (600_000, "10 min"),
        (9_000_000, "2 h"),
        (400_000_000, "4 days"),
    ] {
        assert_eq!(human(milliseconds), expected);
    }
    let read: Vec<String> = [1, 2, 3, 4, 11, 12, 21, 102].map(ordinal).to_vec();
    assert_eq!(
        read,
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "102nd"]
    );
}
