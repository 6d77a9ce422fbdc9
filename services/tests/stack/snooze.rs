//! Putting reminders off, and what their ledger says afterwards.

use std::sync::Arc;

use chrono::{DateTime, Duration, SubsecRound, Utc};
use chrono_tz::Tz;
use domain::{
    history::History,
    reminder::Alarm,
    task::{Due, RemindAt, ReminderSpec, Task},
};
use store::Store;
use store::reminders::{Snoozed, Whose};
use uuid::Uuid;

use crate::support::{Silent, alarm_of, create, events, phase, service, task, user};

fn in_minutes(minutes: i64) -> DateTime<Utc> {
    (Utc::now() + Duration::minutes(minutes)).trunc_subsecs(6)
}

async fn snooze(pool: &Store, whose: Whose, id: Uuid, until: DateTime<Utc>) -> Snoozed {
    let mut transaction = pool.begin().await.unwrap();
    let outcome = store::reminders::snooze(&mut transaction, whose, id, until, Utc::now())
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    outcome
}

async fn write(pool: &Store, task: &Task, now: DateTime<Utc>) -> Task {
    let mut transaction = pool.begin().await.unwrap();
    let written = store::tasks::update(&mut transaction, task, Tz::Europe__Berlin, now);
    let written = written.await.unwrap().unwrap();
    transaction.commit().await.unwrap();
    written
}

/// When it fires, its occurrence and generation.
async fn place(pool: &Store, id: Uuid) -> (DateTime<Utc>, i32, i64) {
    sqlx::query_as("select fire_at, occurrence, generation from reminders where id = $1")
        .bind(id)
        .fetch_one(pool.pool())
        .await
        .unwrap()
}

/// What the audit service would have written by now.
async fn keep_trail(pool: &Store) {
    let mut connection = pool.acquire().await.unwrap();
    for topic in ["task-events", "reminders"] {
        for event in events(pool, topic).await {
            store::audit::append_all(&mut connection, &[event])
                .await
                .unwrap();
        }
    }
}

async fn ledger(pool: &Store, id: Uuid) -> History {
    keep_trail(pool).await;
    let mut connection = pool.acquire().await.unwrap();
    let history = store::reminders::history(&mut connection, None, id);
    history.await.unwrap().unwrap()
}

#[tokio::test]
async fn a_snoozed_reminder_fires_again_as_another_occurrence_and_the_earlier_one_stays() {
    let pool = store::testing::database().await;
    let owner = user(&pool).await;
    let written = task(owner, &[Utc::now() - Duration::seconds(1)]);
    let id = create(&pool, &written).await[0];
    let clock = Arc::new(Silent::default());
    let service = service(&pool, clock.clone());
    service.sweep().await.unwrap();
    let first = alarm_of(&pool, id).await;
    service.ring(&first).await.unwrap();
    assert_eq!(phase(&pool, id).await, "Fired");
    sqlx::query(
        "insert into deliveries (reminder_id, occurrence, channel, target, body, idempotency_key,
             state, attempts, last_error, delivered_at)
         select id, 0, 'webhook', '{}', '{}', gen_random_uuid(), 'Delivered', 2,
             'connection refused', fired_at + interval '5 s' from reminders where id = $1",
    )
    .bind(id)
    .execute(&*pool)
    .await
    .unwrap();
    sqlx::query("update reminders set phase = 'Delivered', finished_at = now() where id = $1")
        .bind(id)
        .execute(&*pool)
        .await
        .unwrap();
    let delivered = ledger(&pool, id).await;
    let end =
        " late by its alarm; webhook took it on the 2nd attempt after 5 s: connection refused";
    assert!(delivered.summary.starts_with("fired "), "{delivered:?}");
    assert!(delivered.summary.ends_with(end), "{delivered:?}");

    let until = in_minutes(10);
    let outcome = snooze(&pool, Whose::User(owner), id, until).await;
    let Snoozed::Until(view) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((view.fire_at, view.phase.as_str()), (until, "Pending"));
    assert_eq!(view.fired_at, None);
    assert_eq!(place(&pool, id).await, (until, 1, 2));
    // The same once more, as after an answer that was lost, is no other snooze.
    snooze(&pool, Whose::User(owner), id, until).await;
    assert_eq!(place(&pool, id).await, (until, 1, 2));
    let told = events(&pool, "reminders").await;
    let snoozed: Vec<_> = told
        .iter()
        .filter(|event| event.kind.as_str() == "reminder.snoozed")
        .collect();
    assert_eq!(snoozed.len(), 1);
    assert_eq!(snoozed[0].owner, Some(owner));
    assert_eq!(snoozed[0].subject, written.id.to_string());

    // The sweep sets its alarm; the first one's, which rings late and again, does nothing.
    service.sweep().await.unwrap();
    let alarm = Alarm {
        occurrence: 1,
        generation: 2,
        ..first
    };
    assert!(clock.names().contains(&alarm.name()));
    service.ring(&first).await.unwrap();
    assert_eq!(phase(&pool, id).await, "Scheduled");

    sqlx::query("update reminders set fire_at = now() where id = $1")
        .bind(id)
        .execute(&*pool)
        .await
        .unwrap();
    service.ring(&alarm).await.unwrap();
    assert_eq!(phase(&pool, id).await, "Fired");
    let history = ledger(&pool, id).await;
    let fired: Vec<(i32, bool, usize)> = history
        .occurrences
        .iter()
        .map(|one| (one.occurrence, one.fired_at.is_some(), one.deliveries.len()))
        .collect();
    assert_eq!(fired, [(0, true, 1), (1, true, 0)]);
    assert_eq!(
        history.occurrences[0].alarm_set_at.map(|_| ()),
        Some(()),
        "{history:?}"
    );
    assert!(
        history.summary.starts_with("snoozed once; fired "),
        "{history:?}"
    );
    let kinds: Vec<&str> = history.events.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "reminder.scheduled",
            "reminder.due",
            "reminder.snoozed",
            "reminder.scheduled",
            "reminder.stale",
            "reminder.due"
        ]
    );
    let cause = history.events[2].cause.as_deref().unwrap();
    assert!(cause.starts_with("it was Delivered for 20"), "{cause}");
    assert_eq!(history.events[3].cause.as_deref(), Some("it was snoozed"));
}

#[tokio::test]
async fn an_edit_that_leaves_the_time_leaves_the_snooze_and_another_time_ends_it() {
    let pool = store::testing::database().await;
    let owner = user(&pool).await;
    let mut written = task(owner, &[in_minutes(30)]);
    let id = create(&pool, &written).await[0];
    let until = in_minutes(60);
    snooze(&pool, Whose::User(owner), id, until).await;
    // Before the time that its owner wrote, and when that has passed.
    for minutes in [0, 45] {
        written.title = format!("Another {minutes}");
        written = write(&pool, &written, in_minutes(minutes)).await;
        assert_eq!(place(&pool, id).await, (until, 1, 2), "{minutes}");
        assert_eq!(phase(&pool, id).await, "Pending");
    }
    written.reminders = task(owner, &[in_minutes(90)]).reminders;
    write(&pool, &written, in_minutes(46)).await;
    assert_eq!(phase(&pool, id).await, "Cancelled");
    let history = ledger(&pool, id).await;
    let why = "its task was written without it, or with a time that had passed";
    assert!(history.summary.ends_with(why), "{history:?}");
}

#[tokio::test]
async fn a_reminder_before_the_due_time_moves_with_it_and_its_snooze_is_over() {
    let pool = store::testing::database().await;
    let owner = user(&pool).await;
    let mut written = task(owner, &[]);
    written.reminders = vec![ReminderSpec {
        when: RemindAt::Before {
            before_seconds: 600,
        },
        channels: Vec::new(),
    }];
    let due = |minutes| {
        let at = in_minutes(minutes);
        Due::At {
            date_time: at.with_timezone(&Tz::Europe__Berlin).naive_local(),
            time_zone: Tz::Europe__Berlin,
        }
    };
    written.due = Some(due(40));
    let id = create(&pool, &written).await[0];
    snooze(&pool, Whose::User(owner), id, in_minutes(35)).await;
    let moved = due(400);
    written.due = Some(moved);
    write(&pool, &written, Utc::now()).await;
    let wanted = written.reminders[0]
        .when
        .fire_at(Some(&moved), Tz::Europe__Berlin)
        .unwrap();
    let (fire_at, occurrence, generation) = place(&pool, id).await;
    assert_eq!((occurrence, generation), (1, 3));
    assert_eq!(fire_at, wanted.trunc_subsecs(6));
    let base: Option<DateTime<Utc>> =
        sqlx::query_scalar("select base_at from reminders where id = $1")
            .bind(id)
            .fetch_one(&*pool)
            .await
            .unwrap();
    assert_eq!(base, None);
}

#[tokio::test]
async fn what_is_over_for_good_is_not_snoozed_and_says_why() {
    let pool = store::testing::database().await;
    let owner = user(&pool).await;
    let written = task(owner, &[in_minutes(30)]);
    let id = create(&pool, &written).await[0];
    let until = in_minutes(60);
    let try_it = async || snooze(&pool, Whose::User(owner), id, until).await;
    let mut connection = pool.acquire().await.unwrap();
    let now = Utc::now();
    store::tasks::complete(&mut connection, owner, written.id, now)
        .await
        .unwrap();
    let completed = Snoozed::Refused("its task is completed; reopen it first");
    assert_eq!(try_it().await, completed);
    store::tasks::delete(&mut connection, owner, written.id, None, now)
        .await
        .unwrap();
    let deleted = Snoozed::Refused("its task is deleted; restore it first");
    assert_eq!(try_it().await, deleted);
    let history = ledger(&pool, id).await;
    let why = ": its task was completed";
    assert!(history.summary.ends_with(why), "{history:?}");

    let mut written = task(owner, &[in_minutes(30)]);
    let id = create(&pool, &written).await[0];
    written.reminders.clear();
    write(&pool, &written, now).await;
    let outcome = snooze(&pool, Whose::User(owner), id, until).await;
    assert_eq!(outcome, Snoozed::Refused("it is cancelled"));
    // Nor another's, nor one that does not exist; nor a user's by who speaks for the objects.
    let stranger = Whose::User(user(&pool).await);
    for (whose, id) in [
        (stranger, id),
        (Whose::User(owner), Uuid::new_v4()),
        (Whose::Objects, id),
    ] {
        assert_eq!(snooze(&pool, whose, id, until).await, Snoozed::Unknown);
    }
}
