//! The next instance of a series.

use chrono::{NaiveDate, Utc};
use domain::{
    recurrence::{Basis, RuleSpec, SeriesSpec, Start},
    task::{Due, RemindAt, ReminderSpec},
};
use services::{
    consumer::Consumer,
    recurrence::{Recurrence, next_instances},
};

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
