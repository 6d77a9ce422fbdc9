//! What becomes of reminders that are overdue, and alarms that a snooze leaves behind.

use std::sync::Arc;

use chrono::{DateTime, Duration, SubsecRound, Utc};
use domain::{
    internal_api::ReminderPut,
    reminder::{CatchUp, CatchUpMode},
    task::Task,
};
use services::reminders::Reminders;
use store::{
    Store,
    reminders::{Snoozed, Whose},
};
use uuid::Uuid;

use crate::support::{
    Silent, alarm_of, asked_for, create, events, eventually, phase, service, task, user,
};

fn policy(mode: CatchUpMode, per_second: u32) -> CatchUp {
    CatchUp {
        mode,
        per_second,
        ..CatchUp::default()
    }
}

fn wanted(fire_at: DateTime<Utc>, mode: Option<CatchUpMode>, series: Option<Uuid>) -> ReminderPut {
    ReminderPut {
        catch_up: mode,
        series,
        ..asked_for(fire_at)
    }
}

fn ago(minutes: i64) -> DateTime<Utc> {
    Utc::now() - Duration::minutes(minutes)
}

async fn put(store: &Store, wanted: &ReminderPut) -> Uuid {
    let id = Uuid::new_v4();
    let mut transaction = store.begin().await.unwrap();
    store::reminders::put(&mut transaction, id, wanted, Utc::now())
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    id
}

/// The phases, once none of them waits for its turn.
async fn settled(store: &Store, service: &Reminders, ids: &[Uuid]) -> Vec<String> {
    eventually("all had their turn", async || {
        service.tick().await.unwrap();
        let overdue: bool = sqlx::query_scalar(
            "select exists (select 1 from reminders where phase = 'Pending' and fire_at < now() - interval '3 s')",
        )
        .fetch_one(store.pool())
        .await
        .unwrap();
        !overdue
    })
    .await;
    let mut phases = Vec::new();
    for id in ids {
        phases.push(phase(store, *id).await);
    }
    phases
}

#[tokio::test]
async fn each_reminder_job_is_caught_up_with_as_its_schedule_says() {
    use CatchUpMode::{All, Latest, Skip};
    for (mode, stack, expected) in [
        (Some(Skip), All, ["Missed", "Missed", "Missed", "Fired"]),
        (Some(Latest), All, ["Missed", "Missed", "Missed", "Fired"]),
        (Some(All), Skip, ["Fired", "Fired", "Fired", "Fired"]),
        (None, Skip, ["Missed", "Missed", "Missed", "Fired"]),
        (None, All, ["Fired", "Fired", "Fired", "Fired"]),
    ] {
        let store = store::testing::database().await;
        let clock = Arc::new(Silent::default());
        let service = Reminders::new(store.clone(), clock, policy(stack, 50));
        let series = Some(Uuid::new_v4());
        let mut ids = Vec::new();
        for minutes in [30, 20, 10] {
            ids.push(put(&store, &wanted(ago(minutes), mode, series)).await);
        }
        // Late by less than two minutes is on time.
        ids.push(put(&store, &wanted(ago(1), mode, series)).await);
        // Neither another schedule's, nor one that is not due, makes any of them superseded.
        let other = put(&store, &wanted(ago(25), Some(Latest), Some(Uuid::new_v4()))).await;
        put(&store, &wanted(ago(-60), mode, series)).await;
        ids.push(other);
        let phases = settled(&store, &service, &ids).await;
        assert_eq!(phases[..4], expected, "{mode:?} {stack:?}");
        assert_eq!(phases[4], "Fired");
    }
}

#[tokio::test]
async fn of_a_series_the_newest_fires_even_if_few_have_their_turn_at_once() {
    let store = store::testing::database().await;
    let clock = Arc::new(Silent::default());
    let service = Reminders::new(store.clone(), clock, policy(CatchUpMode::All, 2));
    let series = Some(Uuid::new_v4());
    let mut ids = Vec::new();
    for minutes in [50, 40, 30, 20, 10] {
        let mode = Some(CatchUpMode::Latest);
        ids.push(put(&store, &wanted(ago(minutes), mode, series)).await);
    }
    let phases = settled(&store, &service, &ids).await;
    assert_eq!(phases, ["Missed", "Missed", "Missed", "Missed", "Fired"]);
    let told = events(&store, "reminders").await;
    let reason = told[0].data["reason"].as_str().unwrap();
    assert!(
        reason.ends_with("and a later one of its series is due"),
        "{reason}"
    );
    let fired = told.last().unwrap();
    assert!(fired.data["latenessMs"].as_i64().unwrap() > 590_000);
}

#[tokio::test]
async fn of_a_recurring_task_the_stacks_policy_decides() {
    let store = store::testing::database().await;
    let clock = Arc::new(Silent::default());
    let service = Reminders::new(store.clone(), clock, policy(CatchUpMode::Latest, 50));
    let (owner, series) = (user(&store).await, Uuid::new_v4());
    let mut ids = Vec::new();
    for minutes in [30, 20, 10] {
        // A reminder is not written for a time that has passed: it is moved there.
        let one = Task {
            series: Some(series),
            ..task(owner, &[Utc::now() + Duration::hours(1)])
        };
        ids.push(create(&store, &one).await[0]);
        let alone = create(&store, &task(owner, &[Utc::now() + Duration::hours(1)])).await[0];
        for id in [ids[ids.len() - 1], alone] {
            sqlx::query("update reminders set fire_at = $2 where id = $1")
                .bind(id)
                .bind(ago(minutes))
                .execute(store.pool())
                .await
                .unwrap();
        }
        ids.push(alone);
    }
    let phases = settled(&store, &service, &ids).await;
    assert_eq!(
        phases,
        ["Missed", "Fired", "Missed", "Fired", "Fired", "Fired"]
    );
}

#[tokio::test]
async fn one_by_one_they_keep_the_rate_too() {
    let store = store::testing::database().await;
    let clock = Arc::new(Silent::default());
    let replicas =
        [(); 2].map(|()| Reminders::new(store.clone(), clock.clone(), policy(CatchUpMode::All, 2)));
    // The oldest cannot be fired: the others go one by one.
    let poison = put(&store, &wanted(ago(30), None, None)).await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "create function poison() returns trigger language plpgsql as $$
         begin raise exception 'no'; end $$;
         create trigger poison before update on reminders for each row
         when (new.phase = 'Fired' and new.id = '{poison}') execute function poison()"
    )))
    .execute(store.pool())
    .await
    .unwrap();
    for minutes in 10..18 {
        put(&store, &wanted(ago(minutes), None, None)).await;
    }
    let started = tokio::time::Instant::now();
    for _ in 0..4 {
        for replica in &replicas {
            replica.tick().await.unwrap();
        }
    }
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap() + 2;
    let fired: i64 = sqlx::query_scalar("select count(*) from firings")
        .fetch_one(store.pool())
        .await
        .unwrap();
    let fired = usize::try_from(fired).unwrap();
    assert!(fired >= 1, "the one that cannot fire holds back no other");
    assert!(fired <= 2 * seconds, "{fired} in {seconds} s");
    eventually("the others fire", async || {
        replicas[0].tick().await.unwrap();
        let fired: i64 = sqlx::query_scalar("select count(*) from firings")
            .fetch_one(store.pool())
            .await
            .unwrap();
        fired == 8
    })
    .await;
}

async fn snooze(store: &Store, whose: Whose, id: Uuid, hours: i64) {
    let until = (Utc::now() + Duration::hours(hours)).trunc_subsecs(6);
    let mut transaction = store.begin().await.unwrap();
    let outcome = store::reminders::snooze(&mut transaction, whose, id, until, Utc::now()).await;
    assert!(matches!(outcome.unwrap(), Snoozed::Until(_)));
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn the_alarm_that_a_snooze_leaves_behind_is_taken_away() {
    let store = store::testing::database().await;
    let clock = Arc::new(Silent::default());
    let service = service(&store, clock.clone());
    let owner = user(&store).await;
    let id = create(&store, &task(owner, &[Utc::now() + Duration::hours(1)])).await[0];
    service.sweep().await.unwrap();
    assert_eq!(clock.names(), [format!("r.{id}.0.1")]);
    // Within the clock's horizon, beyond it, and back.
    for (hours, expected) in [
        (2, vec![format!("r.{id}.1.2")]),
        (3, vec![format!("r.{id}.2.3")]),
        (72, vec![]),
        (4, vec![format!("r.{id}.4.5")]),
    ] {
        snooze(&store, Whose::User(owner), id, hours).await;
        service.sweep().await.unwrap();
        assert_eq!(clock.names(), expected, "{hours}");
    }
    // Withdrawn while the alarm of the occurrence before is still set.
    snooze(&store, Whose::User(owner), id, 5).await;
    let of_task: Uuid = sqlx::query_scalar("select task_id from reminders where id = $1")
        .bind(id)
        .fetch_one(store.pool())
        .await
        .unwrap();
    let mut transaction = store.begin().await.unwrap();
    store::tasks::complete(&mut transaction, owner, of_task, Utc::now())
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    service.sweep().await.unwrap();
    assert!(clock.names().is_empty(), "{:?}", clock.names());
}

#[tokio::test]
async fn an_alarm_set_before_its_occurrence_was_noted_goes_under_the_name_of_the_row() {
    let store = store::testing::database().await;
    let clock = Arc::new(Silent::default());
    let service = service(&store, clock.clone());
    let written = wanted(Utc::now() + Duration::hours(1), None, None);
    let id = put(&store, &written).await;
    service.sweep().await.unwrap();
    let alarm = alarm_of(&store, id).await;
    assert_eq!(clock.names(), [alarm.name()]);
    sqlx::query("update reminders set scheduled_occurrence = null")
        .execute(store.pool())
        .await
        .unwrap();
    assert!(service.cancel(id).await.unwrap());
    assert!(clock.names().is_empty());
}
