//! Histories made by hand, one for each rule: the checker must tell a good one from a bad one.

use chrono::{DateTime, TimeDelta};
use faults::{
    checker::{ONE_DEAD, Rule, SCHEDULERS_DEAD, check},
    history::{
        AuditLine, Excuse, Fault, Firing, History, Kind, OutboxRow, Post, Record, TaskRow, Time,
        Write,
    },
};
use uuid::Uuid;

const TASK: Uuid = Uuid::from_u128(1);
const REMINDER: Uuid = Uuid::from_u128(2);
const CREATED: Uuid = Uuid::from_u128(3);
const DUE: Uuid = Uuid::from_u128(4);
const DELETED: Uuid = Uuid::from_u128(5);

/// That many milliseconds into the run.
fn at(ms: i64) -> Time {
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
}

fn write(kind: Kind, ms: i64, version: i64, reminders: &[i64]) -> Write {
    Write {
        task: TASK,
        kind,
        title: "milk".into(),
        reminders: reminders.iter().map(|ms| at(*ms)).collect(),
        channels: vec!["a".into()],
        sent: at(ms - 10),
        acknowledged: Some(at(ms)),
        version: Some(version),
        attempts: 1,
    }
}

fn post(ms: i64, id: &str) -> Post {
    Post {
        received: at(ms),
        channel: "a".into(),
        webhook_id: id.into(),
        signed: true,
        taken: true,
        task: TASK,
        reminder: REMINDER,
        occurrence: 0,
        fire_at: at(5_000),
    }
}

fn record(event: Uuid, kind: &str, offset: i64, version: Option<i64>) -> Record {
    let topic = if kind.starts_with("task.") {
        "task-events"
    } else {
        "reminders"
    };
    Record {
        topic: topic.into(),
        partition: 0,
        offset,
        key: TASK.to_string(),
        event,
        kind: kind.into(),
        version,
    }
}

fn line(event: Uuid, kind: &str, version: Option<i64>) -> AuditLine {
    AuditLine {
        event,
        kind: kind.into(),
        subject: TASK.to_string(),
        version,
    }
}

fn outbox(event: Uuid, kind: &str) -> OutboxRow {
    OutboxRow {
        event,
        kind: kind.into(),
        published: true,
    }
}

/// A task made at 1 s whose reminder of 5 s came 3 ms late.
fn good() -> History {
    History {
        writes: vec![write(Kind::Create, 1_000, 1, &[5_000])],
        posts: vec![post(5_003, "w1")],
        tasks: vec![TaskRow {
            id: TASK,
            title: "milk".into(),
            version: 1,
            completed: false,
            deleted: false,
        }],
        firings: vec![Firing {
            reminder: REMINDER,
            occurrence: 0,
            fired_at: at(5_001),
        }],
        excuses: vec![],
        outbox: vec![outbox(CREATED, "task.created"), outbox(DUE, "reminder.due")],
        audit: vec![
            line(CREATED, "task.created", Some(1)),
            line(DUE, "reminder.due", None),
        ],
        records: vec![
            record(CREATED, "task.created", 0, Some(1)),
            record(DUE, "reminder.due", 0, None),
        ],
        faults: vec![Fault {
            name: "kill relay".into(),
            began: at(0),
            over: at(60_000),
            limit: ONE_DEAD,
            early: TimeDelta::zero(),
        }],
        until: at(60_000),
    }
}

/// The same, deleted at `ms`.
fn deleted(ms: i64) -> History {
    let mut history = good();
    history.writes.push(write(Kind::Delete, ms, 2, &[]));
    history.tasks[0].version = 2;
    history.tasks[0].deleted = true;
    history.outbox.push(outbox(DELETED, "task.deleted"));
    history.audit.push(line(DELETED, "task.deleted", Some(2)));
    history
        .records
        .push(record(DELETED, "task.deleted", 1, Some(2)));
    history
}

fn broken(history: &History) -> Vec<Rule> {
    let verdict = check(history);
    verdict.violations.iter().map(|found| found.rule).collect()
}

#[test]
fn a_good_history_breaks_nothing() {
    let verdict = check(&good());
    assert!(verdict.violations.is_empty(), "{:?}", verdict.violations);
    let (name, row) = &verdict.rows[0];
    assert_eq!(name, "kill relay");
    assert_eq!((row.times, row.reminders, row.lost), (1, 1, 0));
    assert_eq!(row.late, [TimeDelta::milliseconds(3)]);
}

#[test]
fn a_write_that_postgres_does_not_have() {
    let mut history = good();
    history.tasks.clear();
    assert_eq!(broken(&history), [Rule::LostWrite]);
}

#[test]
fn a_write_of_which_postgres_has_an_earlier_version() {
    let mut history = deleted(9_000);
    history.tasks[0].deleted = false;
    history.tasks[0].version = 1;
    assert_eq!(broken(&history), [Rule::LostWrite]);
}

#[test]
fn a_write_that_happened_twice() {
    let mut history = good();
    history.tasks[0].version = 2;
    assert_eq!(broken(&history), [Rule::LostWrite]);
}

#[test]
fn a_write_that_was_never_acknowledged_may_have_happened_or_not() {
    let mut history = deleted(9_000);
    history.writes[1].acknowledged = None;
    history.writes[1].version = None;
    assert_eq!(broken(&history), []);
    history.tasks = good().tasks;
    assert_eq!(broken(&history), []);
}

#[test]
fn a_reminder_that_never_came() {
    let mut history = good();
    history.posts.clear();
    assert_eq!(broken(&history), [Rule::Lost]);
    assert_eq!(check(&history).rows[0].1.lost, 1);
}

#[test]
fn a_reminder_that_may_still_come() {
    let mut history = good();
    history.posts.clear();
    history.until = at(14_000);
    assert_eq!(broken(&history), []);
}

#[test]
fn a_reminder_that_was_refused_and_never_came_again() {
    let mut history = good();
    history.posts[0].taken = false;
    assert_eq!(broken(&history), [Rule::Lost]);
}

#[test]
fn a_reminder_that_came_to_one_of_two_channels() {
    let mut history = good();
    history.writes[0].channels.push("b".into());
    assert_eq!(broken(&history), [Rule::Lost]);
}

#[test]
fn a_reminder_that_was_given_up_with_a_reason() {
    let mut history = good();
    history.posts.clear();
    history.excuses.push(Excuse {
        task: TASK,
        fire_at: at(5_000),
        channel: Some("a".into()),
        reason: "410 Gone".into(),
    });
    assert_eq!(broken(&history), []);
    assert_eq!(check(&history).rows[0].1.failed, 1);
    history.excuses[0].reason.clear();
    assert_eq!(broken(&history), [Rule::Lost]);
}

#[test]
fn a_reminder_that_came_twice() {
    let mut history = good();
    history.posts.push(post(5_100, "w2"));
    assert_eq!(broken(&history), [Rule::Twice]);
}

#[test]
fn the_same_webhook_id_counts_as_once() {
    let mut history = good();
    history.posts.push(post(9_000, "w1"));
    let verdict = check(&history);
    assert!(verdict.violations.is_empty(), "{:?}", verdict.violations);
    assert_eq!(verdict.rows[0].1.again, 1);
}

#[test]
fn a_firing_that_was_claimed_twice() {
    let mut history = good();
    history.firings.push(history.firings[0].clone());
    assert_eq!(broken(&history), [Rule::ClaimedTwice]);
}

#[test]
fn a_webhook_without_a_claim() {
    let mut history = good();
    history.firings.clear();
    assert_eq!(broken(&history), [Rule::Unclaimed]);
}

#[test]
fn a_reminder_that_came_early() {
    let mut history = good();
    history.posts[0].received = at(4_999);
    assert_eq!(broken(&history), [Rule::Early]);
    history.faults[0].early = TimeDelta::seconds(2);
    assert_eq!(broken(&history), []);
}

#[test]
fn a_reminder_that_came_late() {
    let mut history = good();
    history.posts[0].received = at(15_001);
    assert_eq!(broken(&history), [Rule::Late]);
    history.faults[0].limit = SCHEDULERS_DEAD;
    assert_eq!(broken(&history), []);
}

#[test]
fn a_reminder_is_not_late_before_it_was_written() {
    let mut history = good();
    history.writes[0].acknowledged = Some(at(12_000));
    history.posts[0].received = at(15_001);
    assert_eq!(broken(&history), []);
}

#[test]
fn a_reminder_that_came_after_a_cancel_before_its_time() {
    let history = deleted(4_000);
    assert_eq!(broken(&history), [Rule::AfterCancel]);
}

#[test]
fn a_reminder_that_was_claimed_after_a_cancel() {
    let mut history = deleted(5_500);
    history.posts[0].received = at(5_700);
    history.firings[0].fired_at = at(5_600);
    assert_eq!(broken(&history), [Rule::AfterCancel]);
}

#[test]
fn a_reminder_that_was_claimed_before_a_cancel_may_still_arrive() {
    let mut history = deleted(5_500);
    history.posts[0].received = at(5_700);
    assert_eq!(broken(&history), []);
}

#[test]
fn a_cancelled_reminder_need_not_come() {
    let mut history = deleted(4_000);
    history.posts.clear();
    assert_eq!(broken(&history), []);
}

#[test]
fn a_reminder_that_was_due_long_before_its_cancel_must_come() {
    let mut history = deleted(15_100);
    history.posts.clear();
    assert_eq!(broken(&history), [Rule::Lost]);
}

#[test]
fn a_webhook_that_nobody_asked_for() {
    let mut history = good();
    let mut other = post(5_003, "w9");
    other.fire_at = at(4_000);
    history.posts.push(other);
    assert_eq!(broken(&history), [Rule::Unasked]);
}

#[test]
fn a_webhook_with_a_wrong_signature() {
    let mut history = good();
    history.posts[0].signed = false;
    assert_eq!(broken(&history), [Rule::BadSignature]);
}

#[test]
fn events_out_of_order() {
    let mut history = deleted(9_000);
    history.records[0].offset = 7;
    assert_eq!(broken(&history), [Rule::OutOfOrder]);
}

#[test]
fn a_task_in_two_partitions() {
    let mut history = deleted(9_000);
    history.records[2].partition = 1;
    assert_eq!(broken(&history), [Rule::OutOfOrder]);
}

#[test]
fn an_event_that_comes_again_is_a_redelivery() {
    let mut history = deleted(9_000);
    history
        .records
        .push(record(CREATED, "task.created", 8, Some(1)));
    let verdict = check(&history);
    assert!(verdict.violations.is_empty(), "{:?}", verdict.violations);
    assert_eq!(verdict.redelivered, 1);
}

#[test]
fn an_event_that_kafka_does_not_have() {
    let mut history = good();
    history.records.remove(1);
    assert_eq!(broken(&history), [Rule::NotPublished]);
    let mut history = good();
    history.outbox[1].published = false;
    assert_eq!(broken(&history), [Rule::NotPublished]);
}

#[test]
fn a_line_that_the_trail_lacks() {
    let mut history = good();
    history.audit.remove(1);
    assert_eq!(broken(&history), [Rule::NotAudited]);
}

#[test]
fn a_line_that_the_trail_has_twice() {
    let mut history = good();
    history.audit.push(history.audit[1].clone());
    assert_eq!(broken(&history), [Rule::WrongAudit]);
}

#[test]
fn a_line_of_an_event_that_never_was() {
    let mut history = good();
    history
        .audit
        .push(line(Uuid::from_u128(99), "reminder.due", None));
    assert_eq!(broken(&history), [Rule::WrongAudit]);
    history.audit[2].kind = "reminder.stale".into();
    assert_eq!(broken(&history), []);
}
