//! Setting alarms, ringing, and the sweep.

use std::sync::{Arc, atomic::Ordering};

use chrono::{DateTime, Duration, SubsecRound, Utc};
use domain::{
    event::EventType,
    reminder::{Alarm, CatchUp},
};
use services::{consumer::Consumer, reminders::Reminders};
use store::reminders::{Fired, Path};
use uuid::Uuid;

use crate::support::{
    Silent, alarm_of, asked_for, create, events, eventually, phase, service, task, user,
};

#[tokio::test]
async fn an_event_sets_the_alarm_and_a_completed_task_takes_it_away() {
    let pool = store::testing::database().await;
    let clock = Arc::new(Silent::default());
    let service = service(&pool, clock.clone());
    let task = task(user(&pool).await, &[Utc::now() + Duration::hours(1)]);
    let reminder = create(&pool, &task).await[0];
    assert_eq!(phase(&pool, reminder).await, "Pending");

    let written = events(&pool, "task-events").await;
    service.handle(&written[0..=0]).await.unwrap();
    // Twice is as once.
    service.handle(&written[0..=0]).await.unwrap();
    assert_eq!(phase(&pool, reminder).await, "Scheduled");
    assert_eq!(clock.names(), [alarm_of(&pool, reminder).await.name()]);
    let kinds: Vec<EventType> = events(&pool, "reminders")
        .await
        .iter()
        .map(|e| e.kind)
        .collect();
    assert_eq!(kinds, [EventType::ReminderScheduled]);

    let mut transaction = pool.begin().await.unwrap();
    store::tasks::complete(&mut transaction, task.owner, task.id, Utc::now())
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(phase(&pool, reminder).await, "Cancelled");
    service.handle(&written[0..=0]).await.unwrap();
    assert!(clock.names().is_empty());
}

#[tokio::test]
async fn many_alarms_and_sweeps_at_once_fire_once() {
    let pool = store::testing::database().await;
    let service = service(&pool, Arc::new(Silent::default()));
    let task = task(user(&pool).await, &[Utc::now()]);
    let reminder = create(&pool, &task).await[0];
    let alarm = alarm_of(&pool, reminder).await;
    let rings = (0..20).map(|i| {
        let service = service.clone();
        tokio::spawn(async move {
            if i % 2 == 0 {
                service.ring(&alarm).await.unwrap()
            } else {
                sweep_one(&service, alarm).await
            }
        })
    });
    let mut outcomes = Vec::new();
    for ring in rings {
        outcomes.push(ring.await.unwrap());
    }
    let fired = outcomes
        .iter()
        .filter(|o| matches!(o, Fired::Now { .. }))
        .count();
    assert_eq!(fired, 1);
    assert_eq!(outcomes.iter().filter(|o| **o == Fired::Stale).count(), 19);
    let due = events(&pool, "reminders").await;
    assert_eq!(
        due.iter()
            .filter(|e| e.kind == EventType::ReminderDue)
            .count(),
        1
    );
    assert_eq!(phase(&pool, reminder).await, "Fired");
}

/// Rings as the sweep does.
async fn sweep_one(service: &Reminders, alarm: Alarm) -> Fired {
    let mut transaction = service.store.begin().await.unwrap();
    let fired = store::reminders::ring(
        &mut transaction,
        &[alarm],
        Path::Sweep,
        service.policy,
        Duration::MAX,
        Utc::now(),
    )
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    fired[0]
}

#[tokio::test]
async fn an_alarm_from_before_an_edit_does_nothing_but_leave_a_line() {
    let pool = store::testing::database().await;
    let service = service(&pool, Arc::new(Silent::default()));
    let owner = user(&pool).await;
    let mut task = task(owner, &[]);
    task.due = Some(domain::task::Due::At {
        date_time: Utc::now().naive_utc(),
        time_zone: chrono_tz::UTC,
    });
    task.reminders = vec![domain::task::ReminderSpec {
        when: domain::task::RemindAt::Before { before_seconds: 0 },
        channels: Vec::new(),
    }];
    let reminder = create(&pool, &task).await[0];
    let old = alarm_of(&pool, reminder).await;
    task.due = Some(domain::task::Due::At {
        date_time: Utc::now().naive_utc() + Duration::hours(2),
        time_zone: chrono_tz::UTC,
    });
    let mut transaction = pool.begin().await.unwrap();
    let edited = store::tasks::update(&mut transaction, &task, chrono_tz::UTC, Utc::now()).await;
    assert!(edited.unwrap().is_some());
    transaction.commit().await.unwrap();

    let new = alarm_of(&pool, reminder).await;
    assert_eq!(
        (new.reminder, new.occurrence),
        (old.reminder, old.occurrence)
    );
    assert!(new.generation > old.generation);
    assert_eq!(service.ring(&old).await.unwrap(), Fired::Stale);
    assert_eq!(phase(&pool, reminder).await, "Pending");
    let trail = store::audit::list(&pool, owner, &store::audit::Filter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(trail.len(), 1);
    assert_eq!(trail[0].kind, "reminder.stale");
    // The new one is not due for two hours.
    let early = service.ring(&new).await.unwrap();
    assert!(matches!(early, Fired::Early { .. }), "{early:?}");
}

#[tokio::test]
async fn the_sweep_fires_what_is_overdue_and_mends_alarms_that_were_lost() {
    let pool = store::testing::database().await;
    let clock = Arc::new(Silent::default());
    let service = service(&pool, clock.clone());
    let now = Utc::now();
    let times = [
        now - Duration::seconds(30),
        now + Duration::seconds(60),
        now + Duration::hours(9),
    ];
    let reminders = create(&pool, &task(user(&pool).await, &times)).await;

    // The scheduler is away: what is overdue fires nevertheless, and nothing is marked as set.
    clock.broken.store(true, Ordering::Relaxed);
    service.tick().await.unwrap();
    service.sweep().await.unwrap_err();
    assert_eq!(phase(&pool, reminders[0]).await, "Fired");
    assert_eq!(phase(&pool, reminders[1]).await, "Pending");

    clock.broken.store(false, Ordering::Relaxed);
    service.sweep().await.unwrap();
    assert_eq!(phase(&pool, reminders[1]).await, "Scheduled");
    assert_eq!(phase(&pool, reminders[2]).await, "Scheduled");
    assert_eq!(clock.names().len(), 2);

    // The scheduler lost everything: what is about to ring is set again.
    clock.set.lock().unwrap().clear();
    service.sweep().await.unwrap();
    assert_eq!(clock.names(), [alarm_of(&pool, reminders[1]).await.name()]);
}

#[tokio::test]
async fn beyond_the_window_a_reminder_is_missed_and_says_so() {
    let pool = store::testing::database().await;
    let policy = CatchUp {
        window_seconds: 20,
        per_second: 10,
        ..CatchUp::default()
    };
    let service = Reminders::new(pool.clone(), Arc::new(Silent::default()), policy);
    let late = Utc::now() - Duration::seconds(30);
    let reminder = create(&pool, &task(user(&pool).await, &[late])).await[0];
    service.tick().await.unwrap();
    assert_eq!(phase(&pool, reminder).await, "Missed");
    let failed = events(&pool, "reminders").await;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].kind, EventType::ReminderFailed);
    let reason = failed[0].data["reason"].as_str().unwrap();
    assert!(reason.contains("overdue by 30 s"), "{reason}");
}

#[tokio::test]
async fn late_alarms_beyond_the_rate_are_left_to_the_sweep() {
    let pool = store::testing::database().await;
    let policy = CatchUp {
        window_seconds: 3600,
        per_second: 1,
        ..CatchUp::default()
    };
    let service = Reminders::new(pool.clone(), Arc::new(Silent::default()), policy);
    let late = Utc::now() - Duration::seconds(30);
    let times: Vec<_> = (0..4).map(|i| late - Duration::milliseconds(i)).collect();
    let reminders = create(&pool, &task(user(&pool).await, &times)).await;
    for reminder in &reminders {
        let alarm = alarm_of(&pool, *reminder).await;
        assert_eq!(service.ring(&alarm).await.unwrap(), Fired::Deferred);
    }
    // Two replicas share the rate: one in a second; the turn of a second may fall in between.
    let other = Reminders::new(pool.clone(), Arc::new(Silent::default()), policy);
    let fired = service.tick().await.unwrap() + other.tick().await.unwrap();
    assert!((1..=2).contains(&fired), "{fired}");
    eventually("all of them fire", async || {
        other.tick().await.unwrap();
        let mut fired = 0;
        for reminder in &reminders {
            fired += u32::from(phase(&pool, *reminder).await == "Fired");
        }
        fired == 4
    })
    .await;
}

#[tokio::test]
async fn an_alarm_of_nobody_does_nothing() {
    let pool = store::testing::database().await;
    let service = service(&pool, Arc::new(Silent::default()));
    let nobody = Alarm {
        reminder: Uuid::new_v4(),
        occurrence: 0,
        generation: 1,
    };
    assert_eq!(service.ring(&nobody).await.unwrap(), Fired::Unknown);
}

/// When each reminder was claimed.
async fn claimed(pool: &sqlx::PgPool) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    sqlx::query_as(
        "select r.fire_at, f.fired_at from firings f join reminders r on r.id = f.reminder_id
         order by r.fire_at, r.id",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn everything_of_a_second_fires_at_its_own_instant_and_once() {
    let pool = store::testing::database().await;
    let service = service(&pool, Arc::new(Silent::default()));
    let owner = user(&pool).await;
    let second = (Utc::now() + Duration::milliseconds(1_300)).trunc_subsecs(0);
    let within = [0, 1, 250, 600, 999].map(|ms| second + Duration::milliseconds(ms));
    let beside = [
        second - Duration::milliseconds(1),
        second + Duration::seconds(1),
    ];
    create(&pool, &task(owner, &within)).await;
    create(&pool, &task(owner, &beside)).await;
    // Held back, it is not fired; nor is one that is over.
    let held = create(&pool, &task(owner, &[second])).await[0];
    sqlx::query("update reminders set suspended = true where id = $1")
        .bind(held)
        .execute(&*pool)
        .await
        .unwrap();

    // Twice at once, and once more.
    let (first, again) = tokio::join!(service.on_second(second), service.on_second(second));
    assert!(first.unwrap() && again.unwrap());
    assert!(service.on_second(second).await.unwrap());
    let claimed = claimed(&pool).await;
    assert_eq!(
        claimed.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        within
    );
    for (at, claimed) in claimed {
        assert!(claimed >= at, "{at} fired at {claimed}");
        assert!(
            claimed - at < Duration::milliseconds(900),
            "{at} fired at {claimed}"
        );
    }
}

#[tokio::test]
async fn a_second_of_more_than_a_page_fires_whole_and_one_that_rings_too_early_rings_again() {
    let pool = store::testing::database().await;
    let service = service(&pool, Arc::new(Silent::default()));
    let second = (Utc::now() - Duration::seconds(1)).trunc_subsecs(0);
    sqlx::query(
        "insert into reminders (id, origin, message, fire_at, phase)
         select gen_random_uuid(), 'kubernetes', 'x', $1, 'Scheduled' from generate_series(1, 5010)",
    )
    .bind(second)
    .execute(&*pool)
    .await
    .unwrap();
    assert!(service.on_second(second).await.unwrap());
    assert_eq!(claimed(&pool).await.len(), 5_010);

    let early = second + Duration::seconds(60);
    assert!(!service.on_second(early).await.unwrap());
}

#[tokio::test]
async fn a_firing_that_nobody_serves_is_redelivered() {
    let pool = store::testing::database().await;
    let service = service(&pool, Arc::new(Silent::default()));
    let reminder = create(&pool, &task(user(&pool).await, &[Utc::now()])).await[0];
    let alarm = alarm_of(&pool, reminder).await;
    service.ring(&alarm).await.unwrap();
    service.sweep().await.unwrap();
    assert_eq!(events(&pool, "reminders").await.len(), 1);

    // Its event was given up ten minutes ago.
    sqlx::raw_sql(
        "alter table reminders disable trigger reminders_touch;
         update reminders set fired_at = now() - interval '10 min',
             updated_at = now() - interval '10 min';
         alter table reminders enable trigger reminders_touch;",
    )
    .execute(&*pool)
    .await
    .unwrap();
    service.sweep().await.unwrap();
    // Once, until it had its time again.
    service.sweep().await.unwrap();
    let told = events(&pool, "reminders").await;
    assert_eq!(told.len(), 2);
    assert_eq!(told[1].kind, EventType::ReminderDue);
    assert_eq!(told[1].data["occurrence"], told[0].data["occurrence"]);
}

#[tokio::test]
async fn an_alarm_of_a_clock_that_is_ahead_is_waited_for() {
    let pool = store::testing::database().await;
    let service = service(&pool, Arc::new(Silent::default()));
    let at = Utc::now() + Duration::milliseconds(700);
    let reminder = create(&pool, &task(user(&pool).await, &[at])).await[0];
    let alarm = alarm_of(&pool, reminder).await;
    let fired = service.ring(&alarm).await.unwrap();
    assert!(matches!(fired, Fired::Now { .. }), "{fired:?}");
    assert!(Utc::now() >= at);
}

#[tokio::test]
async fn the_clock_holds_only_what_comes_within_its_horizon() {
    let pool = store::testing::database().await;
    let clock = Arc::new(Silent::default());
    let service = service(&pool, clock.clone());
    let far = Utc::now() + domain::reminder::HORIZON + Duration::minutes(1);
    let reminder = create(&pool, &task(user(&pool).await, &[far])).await[0];
    let written = events(&pool, "task-events").await;
    service.handle(&written).await.unwrap();
    service.sweep().await.unwrap();
    assert!(clock.names().is_empty());
    // Whoever looks at it sees that it has all that it needs.
    let mut connection = pool.acquire().await.unwrap();
    let view = store::reminders::get(&mut connection, reminder).await;
    assert_eq!(
        view.unwrap().unwrap().phase,
        domain::reminder::Phase::Scheduled
    );
    sqlx::query("update reminders set fire_at = fire_at - interval '2 minutes'")
        .execute(&*pool)
        .await
        .unwrap();
    service.sweep().await.unwrap();
    assert_eq!(clock.names().len(), 1);
}

#[tokio::test]
async fn on_a_restored_database_every_alarm_is_set_again() {
    let pool = store::testing::database().await;
    let clock = Arc::new(Silent::default());
    let service = service(&pool, clock.clone());
    let soon = Utc::now() + Duration::hours(3);
    create(&pool, &task(user(&pool).await, &[soon])).await;
    service.sweep().await.unwrap();
    assert_eq!(clock.names().len(), 1);
    // The dump is restored on a new server: the clock there knows nothing.
    clock.set.lock().unwrap().clear();
    service.sweep().await.unwrap();
    assert!(clock.names().is_empty(), "three hours are not imminent");
    sqlx::query("update seen_on set identity = 'another server'")
        .execute(&*pool)
        .await
        .unwrap();
    service.sweep().await.unwrap();
    assert_eq!(clock.names().len(), 1);
}

#[tokio::test]
async fn what_is_long_over_is_forgotten_but_for_objects_that_are_still_there() {
    let pool = store::testing::database().await;
    let service = service(&pool, Arc::new(Silent::default()));
    let of_task = create(&pool, &task(user(&pool).await, &[Utc::now()])).await[0];
    let of_object = Uuid::new_v4();
    let wanted = asked_for(Utc::now());
    service.put(of_object, &wanted).await.unwrap();
    for reminder in [of_task, of_object] {
        let alarm = alarm_of(&pool, reminder).await;
        service.ring(&alarm).await.unwrap();
    }
    sqlx::query(
        "update reminders set phase = 'Delivered', finished_at = now() - interval '31 days'",
    )
    .execute(&*pool)
    .await
    .unwrap();
    let left = async || -> Vec<Uuid> {
        sqlx::query_scalar("select id from reminders")
            .fetch_all(&*pool)
            .await
            .unwrap()
    };
    service.sweep().await.unwrap();
    assert_eq!(left().await, [of_object]);
    assert!(service.cancel(of_object).await.unwrap());
    service.sweep().await.unwrap();
    assert!(left().await.is_empty());
}

#[tokio::test]
async fn a_change_of_zone_that_stopped_half_way_goes_on_with_the_sweep() {
    let store = store::testing::database().await;
    let service = service(&store, Arc::new(Silent::default()));
    let owner = user(&store).await;
    let date = "2030-12-01".parse().unwrap();
    for _ in 0..600 {
        let mut all_day = task(owner, &[]);
        all_day.due = Some(domain::task::Due::On { date });
        create(&store, &all_day).await;
    }
    let mut transaction = store.begin().await.unwrap();
    let zone = chrono_tz::America::New_York;
    store::users::set_time_zone(&mut transaction, owner, zone)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    // The gateway took one step and died.
    let more = store::tasks::rezone_step(&store, Some(owner), Utc::now()).await;
    assert!(more.unwrap());
    let moved = async || -> i64 {
        sqlx::query_scalar(
            "select count(*) from tasks where due_at = '2030-12-02T04:59:59Z' and version = 2",
        )
        .fetch_one(&*store)
        .await
        .unwrap()
    };
    assert_eq!(moved().await, 500);
    service.sweep().await.unwrap();
    assert_eq!(moved().await, 600);
    service.sweep().await.unwrap();
    assert_eq!(events(&store, "task-events").await.len(), 1200);
}
