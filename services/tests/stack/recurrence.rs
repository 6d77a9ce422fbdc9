//! The next instance of a series.

use chrono::{NaiveDate, Utc};
use domain::{
    instances::next_instances,
    recurrence::{Basis, RuleSpec, SeriesSpec, Start},
    task::{Due, RemindAt, ReminderSpec, Task},
};
use services::{consumer::Consumer, recurrence::Recurrence};

use crate::support::{create, events, task, user};

#[tokio::test]
async fn completing_an_instance_makes_the_next_one_once() {
    let pool = store::testing::database().await;
    let owner = user(&pool).await;
    let tomorrow = Utc::now().date_naive() + chrono::Days::new(1);
    let start = tomorrow.and_hms_opt(9, 0, 0).unwrap();
    let mut first = task(owner, &[Utc::now() + chrono::Duration::hours(1)]);
    let zone = chrono_tz::Europe::Berlin;
    first.due = Some(Due::At {
        date_time: start,
        time_zone: zone,
    });
    first.reminders.push(ReminderSpec {
        when: RemindAt::Before {
            before_seconds: 600,
        },
        channels: Vec::new(),
    });
    let rule = RuleSpec::Rrule("FREQ=DAILY".into());
    first.recurrence = Some(SeriesSpec::new(rule, Start::At(start), Some(zone)));
    first.series = Some(first.id);
    first.occurrence = Some(Start::At(start).to_string());
    create(&pool, &first).await;
    let mut transaction = pool.begin().await.unwrap();
    store::tasks::complete(&mut transaction, owner, first.id, Utc::now())
        .await
        .unwrap()
        .unwrap();
    transaction.commit().await.unwrap();

    let service = Recurrence {
        store: pool.clone(),
    };
    for _ in 0..2 {
        for event in events(&pool, "task-events").await {
            service.handle(std::slice::from_ref(&event)).await.unwrap();
        }
    }
    let open: Vec<(Option<NaiveDate>, Option<String>, serde_json::Value)> = sqlx::query_as(
        "select due_local::date, occurrence, reminders from tasks where completed_at is null",
    )
    .fetch_all(&*pool)
    .await
    .unwrap();
    assert_eq!(open.len(), 1);
    let next = tomorrow + chrono::Days::new(1);
    assert_eq!(open[0].0, Some(next));
    assert_eq!(open[0].1, Some(format!("{next}T09:00:00")));
    // A fixed instant does not recur; what counts from the due time does.
    assert_eq!(open[0].2.as_array().unwrap().len(), 1);
    let waiting: i64 = sqlx::query_scalar("select count(*) from reminders where phase = 'Pending'")
        .fetch_one(&*pool)
        .await
        .unwrap();
    assert_eq!(waiting, 1);
}

#[tokio::test]
async fn a_series_counted_from_completion_comes_to_its_end() {
    let start = NaiveDate::from_ymd_opt(2026, 11, 2).unwrap();
    let mut task = task(uuid::Uuid::from_u128(1), &[]);
    task.due = Some(Due::On { date: start });
    let rule = RuleSpec::Rrule("FREQ=DAILY;INTERVAL=3;COUNT=3".into());
    let mut spec = SeriesSpec::new(rule, Start::On(start), None);
    spec.basis = Basis::Completion;
    task.recurrence = Some(spec);
    task.series = Some(task.id);
    task.occurrence = Some(start.to_string());
    let mut due = Vec::new();
    for day in 5.. {
        let at = NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        task.completed_at = Some(at.and_hms_opt(12, 0, 0).unwrap().and_utc());
        let next = next_instances(&task, chrono_tz::UTC).unwrap();
        let Some(next) = next.into_iter().next() else {
            break;
        };
        due.push(next.due);
        task = next;
    }
    let on = |day| NaiveDate::from_ymd_opt(2026, 11, day).map(|date| Due::On { date });
    assert_eq!(due, [on(8), on(9)]);
}

/// Completes a task; its event.
pub(crate) async fn completed(
    store: &store::Store,
    owner: uuid::Uuid,
    id: uuid::Uuid,
) -> domain::event::Event {
    let mut transaction = store.begin().await.unwrap();
    store::tasks::complete(&mut transaction, owner, id, Utc::now())
        .await
        .unwrap()
        .unwrap();
    transaction.commit().await.unwrap();
    let all = events(store, "task-events").await;
    let of = id.to_string();
    all.into_iter().rfind(|event| event.subject == of).unwrap()
}

pub(crate) async fn open_tasks(store: &store::Store) -> Vec<uuid::Uuid> {
    sqlx::query_scalar("select id from tasks where completed_at is null and deleted_at is null")
        .fetch_all(store.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_rebuild_makes_what_is_missing_and_nothing_that_was_there_before() {
    let store = store::testing::database().await;
    let owner = user(&store).await;
    let start = Utc::now().date_naive() + chrono::Days::new(1);
    let mut first = task(owner, &[]);
    first.due = Some(Due::On { date: start });
    let rule = RuleSpec::Rrule("FREQ=DAILY".into());
    first.recurrence = Some(SeriesSpec::new(rule, Start::On(start), None));
    first.series = Some(first.id);
    first.occurrence = Some(start.to_string());
    create(&store, &first).await;
    let service = Recurrence {
        store: store.clone(),
    };

    // The effect of the first completion was lost, although the inbox knows of it.
    let lost = completed(&store, owner, first.id).await;
    let mut connection = store.acquire().await.unwrap();
    let _ = store::inbox::accept(&mut connection, "recurrence", &[lost.id])
        .await
        .unwrap();
    service.handle(std::slice::from_ref(&lost)).await.unwrap();
    assert!(open_tasks(&store).await.is_empty());
    for _ in 0..2 {
        service.rebuild(std::slice::from_ref(&lost)).await.unwrap();
    }
    let second = open_tasks(&store).await;
    assert_eq!(second.len(), 1, "it is made, once");

    // The series goes on; then its open instance is deleted, and the inbox forgets.
    let next = completed(&store, owner, second[0]).await;
    service.handle(std::slice::from_ref(&next)).await.unwrap();
    let third = open_tasks(&store).await;
    assert_eq!(third.len(), 1);
    store::tasks::delete(&mut connection, owner, third[0], None, Utc::now())
        .await
        .unwrap();
    sqlx::query("delete from inbox")
        .execute(&mut *connection)
        .await
        .unwrap();
    let before: i64 = sqlx::query_scalar("select count(*) from outbox")
        .fetch_one(store.pool())
        .await
        .unwrap();
    let all = events(&store, "task-events").await;
    service.rebuild(&all).await.unwrap();
    assert!(open_tasks(&store).await.is_empty(), "it stays deleted");

    // As a broker that begins anew would bring them, weeks later: no inbox knows them any more. What
    // is computed today may differ from what was computed then, as after a change of the rule.
    let mut old = all.clone();
    for event in &mut old {
        event.time -= chrono::Duration::days(20);
        if let Some(spec) = event
            .data
            .get_mut("recurrence")
            .filter(|spec| !spec.is_null())
        {
            let weekly = RuleSpec::Rrule("FREQ=WEEKLY".into());
            *spec = serde_json::to_value(SeriesSpec::new(weekly, Start::On(start), None)).unwrap();
        }
    }
    service.handle(&old).await.unwrap();
    assert!(open_tasks(&store).await.is_empty());

    // A completion that was taken back is no completion.
    store::tasks::restore(&mut connection, owner, third[0], chrono_tz::UTC, Utc::now())
        .await
        .unwrap();
    let again = completed(&store, owner, third[0]).await;
    store::tasks::reopen(&mut connection, owner, third[0], chrono_tz::UTC, Utc::now())
        .await
        .unwrap();
    service.rebuild(std::slice::from_ref(&again)).await.unwrap();
    assert_eq!(open_tasks(&store).await, third);
    let after: i64 =
        sqlx::query_scalar("select count(*) from outbox where event->>'type' = 'task.created'")
            .fetch_one(store.pool())
            .await
            .unwrap();
    // Three instances, each an event and its notice.
    assert_eq!(after, 6);
    assert!(before > after);
}

/// A task that is due each day, the first time tomorrow, stored.
pub(crate) async fn daily(store: &store::Store, owner: uuid::Uuid) -> Task {
    let start = Utc::now().date_naive() + chrono::Days::new(1);
    let rule = RuleSpec::Rrule("FREQ=DAILY".into());
    let mut first = task(owner, &[]);
    first.due = Some(Due::On { date: start });
    first.recurrence = Some(SeriesSpec::new(rule, Start::On(start), None));
    first.series = Some(first.id);
    first.occurrence = Some(start.to_string());
    create(store, &first).await;
    first
}

/// Hands the completion of a task to the service; what is open then.
async fn continued(store: &store::Store, owner: uuid::Uuid, id: uuid::Uuid) -> Vec<Task> {
    let event = completed(store, owner, id).await;
    handled(store, owner, event).await
}

async fn handled(
    store: &store::Store,
    owner: uuid::Uuid,
    event: domain::event::Event,
) -> Vec<Task> {
    let service = Recurrence {
        store: store.clone(),
    };
    service.handle(&[event]).await.unwrap();
    let mut conn = store.acquire().await.unwrap();
    let mut open = Vec::new();
    for id in open_tasks(store).await {
        open.push(
            store::tasks::get(&mut conn, owner, id)
                .await
                .unwrap()
                .unwrap(),
        );
    }
    open
}

#[tokio::test]
async fn the_next_instance_has_the_subtasks_of_the_one_before_it() {
    let store = store::testing::database().await;
    let owner = user(&store).await;
    let first = daily(&store, owner).await;
    let mut parent = first.id;
    for title in ["step", "step of the step"] {
        let step = Task {
            parent: Some(parent),
            ..Task::new(uuid::Uuid::now_v7(), owner, title, Utc::now())
        };
        create(&store, &step).await;
        parent = step.id;
    }
    let open = continued(&store, owner, first.id).await;
    assert_eq!(open.len(), 3);
    let by_title = |title: &str| open.iter().find(|task| task.title == title).unwrap();
    let next = by_title(&first.title);
    assert_eq!(next.position, first.position);
    assert_eq!(by_title("step").parent, Some(next.id));
    assert_eq!(
        by_title("step of the step").parent,
        Some(by_title("step").id)
    );
}

#[tokio::test]
async fn a_series_that_was_ended_meanwhile_goes_on_no_more() {
    let store = store::testing::database().await;
    let owner = user(&store).await;
    let first = daily(&store, owner).await;
    let event = completed(&store, owner, first.id).await;
    let mut transaction = store.begin().await.unwrap();
    let of = store::Owner::of(owner);
    let ended = store::series::end(&mut transaction, of, first.id, Utc::now()).await;
    assert!(ended.unwrap());
    transaction.commit().await.unwrap();
    assert_eq!(handled(&store, owner, event).await, []);
}

#[tokio::test]
async fn a_recurring_subtask_ends_with_its_parent() {
    let store = store::testing::database().await;
    let owner = user(&store).await;
    let parent = task(owner, &[]);
    create(&store, &parent).await;
    let first = daily(&store, owner).await;
    sqlx::query("update tasks set parent_id = $2 where id = $1")
        .bind(first.id)
        .bind(parent.id)
        .execute(store.pool())
        .await
        .unwrap();
    let open = continued(&store, owner, first.id).await;
    let next = open.iter().find(|task| task.id != parent.id).unwrap();
    assert_eq!(next.parent, Some(parent.id));
    completed(&store, owner, parent.id).await;
    for event in events(&store, "task-events").await {
        assert_eq!(handled(&store, owner, event).await, []);
    }
}

#[tokio::test]
async fn an_instance_that_was_moved_is_followed_all_the_same() {
    let store = store::testing::database().await;
    let owner = user(&store).await;
    let first = daily(&store, owner).await;
    let mut next = continued(&store, owner, first.id).await.remove(0);
    // It takes another occurrence, so that its own, whose id it has, is the one that follows.
    let second = next.occurrence.replace(first.occurrence.clone().unwrap());
    let mut transaction = store.begin().await.unwrap();
    let zone = chrono_tz::Europe::Berlin;
    store::tasks::update(&mut transaction, &next, zone, Utc::now())
        .await
        .unwrap()
        .unwrap();
    transaction.commit().await.unwrap();
    let open = continued(&store, owner, next.id).await;
    assert_eq!(open.len(), 1);
    assert_ne!(open[0].id, next.id);
    assert_eq!(open[0].occurrence, second);
    // Completed anew, it is followed by the one that is there.
    let mut transaction = store.begin().await.unwrap();
    store::tasks::reopen(&mut transaction, owner, next.id, zone, Utc::now())
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(continued(&store, owner, next.id).await, open);
}
