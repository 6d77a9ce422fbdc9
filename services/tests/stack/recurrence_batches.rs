//! Many completions in one batch: each series goes on as if it had come alone.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    event::Event,
    instances::next_instances,
    recurrence::{Late, MAX_OPEN_INSTANCES, RuleSpec, SeriesSpec, Start},
    task::{Due, RemindAt, ReminderSpec, Task},
};
use services::{
    consumer::{Consumer, Outcome, deliver},
    recurrence::Recurrence,
};
use store::Store;
use uuid::Uuid;

use crate::{
    recurrence::{completed, daily, open_tasks},
    support::{create, task, user},
};

async fn handle(store: &Store, events: &[Event]) {
    let service = Recurrence {
        store: store.clone(),
    };
    service.handle(events).await.unwrap();
}

/// What is open of a user, the first created first.
async fn open_of(store: &Store, owner: Uuid) -> Vec<Task> {
    let mut conn = store.acquire().await.unwrap();
    let mut open = Vec::new();
    for id in open_tasks(store).await {
        open.extend(store::tasks::get(&mut conn, owner, id).await.unwrap());
    }
    open.sort_by(|a, b| (&a.title, &a.occurrence).cmp(&(&b.title, &b.occurrence)));
    open
}

/// The task of a completion.
fn of(event: &Event) -> Task {
    serde_json::from_value(event.data.clone()).unwrap()
}

async fn created_events(store: &Store) -> i64 {
    sqlx::query_scalar(
        "select count(*) from outbox where topic = 'task-events' and event->>'type' = 'task.created'",
    )
    .fetch_one(store.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn the_series_of_many_owners_go_on_each_by_its_owners_zone() {
    let store = store::testing::database().await;
    let zones = [
        chrono_tz::Europe::Berlin,
        chrono_tz::Pacific::Auckland,
        chrono_tz::UTC,
    ];
    let tags: Vec<String> = ["a, \"b\"", "{}", "größe \\ 'x'", "NULL"]
        .map(String::from)
        .into();
    let (mut owners, mut events) = (Vec::new(), Vec::new());
    for zone in zones {
        let owner = user(&store).await;
        sqlx::query("update users set time_zone = $2 where id = $1")
            .bind(owner)
            .bind(zone.name())
            .execute(store.pool())
            .await
            .unwrap();
        owners.push(owner);
    }
    for n in 0..4 {
        for owner in &owners {
            let start = Utc::now().date_naive() + chrono::Days::new(1);
            let rule = RuleSpec::Rrule("FREQ=DAILY".into());
            let mut first = task(*owner, &[]);
            first.title = format!("series {n}");
            first.tags = if n == 0 { Vec::new() } else { tags.clone() };
            first.due = Some(Due::On { date: start });
            first.reminders = vec![ReminderSpec {
                when: RemindAt::Before {
                    before_seconds: 60 * n,
                },
                channels: Vec::new(),
            }];
            first.recurrence = Some(SeriesSpec::new(rule, Start::On(start), None));
            first.series = Some(first.id);
            first.occurrence = Some(start.to_string());
            create(&store, &first).await;
            let event = completed(&store, *owner, first.id).await;
            // The broker may bring an event twice, in one batch even.
            events.extend([event.clone(), event]);
        }
    }
    let before = created_events(&store).await;
    handle(&store, &events).await;
    handle(&store, &events).await;
    assert_eq!(created_events(&store).await - before, 12);
    for (owner, zone) in owners.iter().zip(zones) {
        let open = open_of(&store, *owner).await;
        assert_eq!(open.len(), 4);
        for next in &open {
            let done = events
                .iter()
                .map(of)
                .find(|done| done.owner == *owner && done.title == next.title);
            let wanted = next_instances(&done.unwrap(), zone).unwrap();
            let wanted = Task {
                due_at: wanted[0].due.map(|due| domain::task::due_at(&due, zone)),
                created_at: next.created_at,
                updated_at: next.updated_at,
                version: 1,
                ..wanted[0].clone()
            };
            assert_eq!(*next, wanted);
            let reminder: DateTime<Utc> = sqlx::query_scalar(
                "select fire_at from reminders where task_id = $1 and owner_id = $2 and phase = 'Pending'",
            )
            .bind(next.id)
            .bind(owner)
            .fetch_one(store.pool())
            .await
            .unwrap();
            let at = next.reminders[0].when.fire_at(next.due.as_ref(), zone);
            assert_eq!(Some(reminder), at);
        }
    }
}

#[tokio::test]
async fn an_instance_that_was_completed_twice_is_followed_once() {
    let store = store::testing::database().await;
    let owner = user(&store).await;
    let first = daily(&store, owner).await;
    let step = Task {
        parent: Some(first.id),
        ..Task::new(Uuid::now_v7(), owner, "step", Utc::now())
    };
    create(&store, &step).await;
    let mut events = vec![completed(&store, owner, first.id).await];
    let mut conn = store.acquire().await.unwrap();
    store::tasks::reopen(&mut conn, owner, first.id, chrono_tz::UTC, Utc::now())
        .await
        .unwrap()
        .unwrap();
    events.push(completed(&store, owner, first.id).await);
    assert_ne!(events[0].id, events[1].id);
    handle(&store, &events).await;
    let open = open_of(&store, owner).await;
    assert_eq!(open.len(), 2, "the next instance with its step");
    let next = open.iter().find(|task| task.series.is_some()).unwrap();
    let again = open.iter().find(|task| task.series.is_none()).unwrap();
    assert_eq!(again.parent, Some(next.id));
    // One for each task that was ever made.
    assert_eq!(created_events(&store).await, 4);
}

#[tokio::test]
async fn an_id_that_a_moved_instance_has_is_told_apart_in_a_batch_too() {
    let store = store::testing::database().await;
    let owner = user(&store).await;
    let first = daily(&store, owner).await;
    let event = completed(&store, owner, first.id).await;
    handle(&store, &[event]).await;
    let next = open_of(&store, owner).await.remove(0);
    // It takes another occurrence, so that its own, whose id it has, is the one that follows.
    sqlx::query("update tasks set occurrence = $2 where id = $1")
        .bind(next.id)
        .bind(&first.occurrence)
        .execute(store.pool())
        .await
        .unwrap();
    let mut events = vec![completed(&store, owner, next.id).await];
    let mut conn = store.acquire().await.unwrap();
    store::tasks::reopen(&mut conn, owner, next.id, chrono_tz::UTC, Utc::now())
        .await
        .unwrap()
        .unwrap();
    events.push(completed(&store, owner, next.id).await);
    handle(&store, &events).await;
    let open = open_of(&store, owner).await;
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].occurrence, next.occurrence);
    assert_eq!(open[0].id, Uuid::new_v5(&next.id, next.id.as_bytes()));
}

/// An instance of the series of `first` that is due on `day`, stored.
async fn instance(store: &Store, first: &Task, day: NaiveDate) -> Task {
    let instance = Task {
        id: Uuid::now_v7(),
        due: Some(Due::On { date: day }),
        occurrence: Some(day.to_string()),
        ..first.clone()
    };
    create(store, &instance).await;
    instance
}

#[tokio::test]
async fn a_batch_opens_no_more_instances_of_a_series_than_there_may_be() {
    let store = store::testing::database().await;
    let (owner, other) = (user(&store).await, user(&store).await);
    let first = daily(&store, owner).await;
    let day = |n| first.due.unwrap().date() + chrono::Days::new(n);
    let mut events = vec![completed(&store, owner, first.id).await];
    for n in [10, 20, 30] {
        let later = instance(&store, &first, day(n)).await;
        events.push(completed(&store, owner, later.id).await);
    }
    // There is room for two more; a series of somebody else's has room of its own.
    sqlx::query(
        "insert into tasks (id, owner_id, title, series_id, occurrence)
         select gen_random_uuid(), $1, 'filler', $2, 'filler ' || n from generate_series(1, $3) as n",
    )
    .bind(owner)
    .bind(first.id)
    .bind(i32::try_from(MAX_OPEN_INSTANCES).unwrap() - 2)
    .execute(store.pool())
    .await
    .unwrap();
    let unlike = daily(&store, other).await;
    events.push(completed(&store, other, unlike.id).await);
    handle(&store, &events).await;
    let made: Vec<Task> = open_of(&store, owner)
        .await
        .into_iter()
        .filter(|task| task.title != "filler")
        .collect();
    let due: Vec<_> = made.iter().map(|task| task.due.unwrap().date()).collect();
    assert_eq!(due, [day(1), day(11)], "in the order of the events");
    assert_eq!(open_of(&store, other).await.len(), 1);
}

#[tokio::test]
async fn what_was_missed_comes_in_one_batch_with_what_follows() {
    let store = store::testing::database().await;
    let owner = user(&store).await;
    let today = Utc::now().date_naive();
    let start = today - chrono::Days::new(3);
    let mut first = task(owner, &[]);
    let rule = RuleSpec::Rrule("FREQ=DAILY".into());
    let mut spec = SeriesSpec::new(rule, Start::On(start), None);
    spec.late = Late::Each;
    first.due = Some(Due::On { date: start });
    first.recurrence = Some(spec);
    first.series = Some(first.id);
    first.occurrence = Some(start.to_string());
    create(&store, &first).await;
    let second = instance(&store, &first, start + chrono::Days::new(1)).await;
    let events = [
        completed(&store, owner, first.id).await,
        completed(&store, owner, second.id).await,
    ];
    handle(&store, &events).await;
    let open = open_of(&store, owner).await;
    let mut due: Vec<NaiveDate> = open.iter().map(|task| task.due.unwrap().date()).collect();
    let last = due.pop().unwrap();
    // The first day that is still to come in the owner's zone: today, or tomorrow late in the evening.
    assert!(last > start + chrono::Days::new(2) && last <= today + chrono::Days::new(2));
    let between: Vec<NaiveDate> = start
        .iter_days()
        .skip(2)
        .take_while(|day| *day < last)
        .collect();
    assert_eq!(due, between, "each once, and not the second again");
}

#[tokio::test]
async fn a_completion_that_cannot_be_followed_holds_back_only_itself() {
    let store = store::testing::database().await;
    let owner = user(&store).await;
    let mut events = Vec::new();
    for _ in 0..7 {
        let first = daily(&store, owner).await;
        events.push(completed(&store, owner, first.id).await);
    }
    // Of another shape than a task; and with a title that Postgres refuses.
    events[2].data = serde_json::json!({ "id": "none" });
    events[5].data["title"] = "nul \0".into();
    let service = Recurrence {
        store: store.clone(),
    };
    for _ in 0..2 {
        let outcomes = deliver(&service, &events).await;
        for (place, outcome) in outcomes.iter().enumerate() {
            let failed = matches!(outcome, Outcome::Failed(_));
            assert_eq!(failed, [2, 5].contains(&place), "{place}: {outcome:?}");
            assert_eq!(*outcome == Outcome::Done, !failed);
        }
    }
    assert_eq!(open_of(&store, owner).await.len(), 5);
}

#[tokio::test]
async fn an_archived_project_a_deleted_task_and_a_closed_parent_are_each_seen_in_a_batch() {
    let store = store::testing::database().await;
    let owner = user(&store).await;
    let project: Uuid = sqlx::query_scalar(
        "insert into projects (id, owner_id, name, name_key, position, created_at, updated_at)
         values (gen_random_uuid(), $1, 'p', 'p', '8', now(), now()) returning id",
    )
    .bind(owner)
    .fetch_one(store.pool())
    .await
    .unwrap();
    let mut series = Vec::new();
    for _ in 0..4 {
        series.push(daily(&store, owner).await);
    }
    let [filed, gone, below, plain] = &series[..] else {
        panic!("four");
    };
    let parent = task(owner, &[]);
    create(&store, &parent).await;
    for (column, task, to) in [
        ("project_id", filed, project),
        ("parent_id", below, parent.id),
    ] {
        let statement = format!("update tasks set {column} = $2 where id = $1");
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(task.id)
            .bind(to)
            .execute(store.pool())
            .await
            .unwrap();
    }
    let mut events = Vec::new();
    for task in &series {
        events.push(completed(&store, owner, task.id).await);
    }
    // All of it after the completions, before their events come.
    sqlx::query("update projects set archived_at = now()")
        .execute(store.pool())
        .await
        .unwrap();
    completed(&store, owner, parent.id).await;
    let mut conn = store.acquire().await.unwrap();
    store::tasks::delete(&mut conn, owner, gone.id, None, Utc::now())
        .await
        .unwrap();
    handle(&store, &events).await;
    let mut open: Vec<_> = open_of(&store, owner)
        .await
        .iter()
        .map(|task| (task.series, task.project))
        .collect();
    open.sort();
    let mut wanted = [(Some(filed.id), Some(project)), (Some(plain.id), None)];
    wanted.sort();
    assert_eq!(open, wanted);
}
