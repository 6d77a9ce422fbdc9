//! The next instance of a series.

use chrono::{NaiveDate, Utc};
use domain::{
    recurrence::{RuleSpec, SeriesSpec, Start},
    task::{Due, RemindAt, ReminderSpec},
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

    let service = Recurrence { pool: pool.clone() };
    for _ in 0..2 {
        for event in events(&pool, "task-events").await {
            service.handle(&event).await.unwrap();
        }
    }
    let open: Vec<(Option<NaiveDate>, Option<String>, serde_json::Value)> = sqlx::query_as(
        "select due_local::date, occurrence, reminders from tasks where completed_at is null",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(open.len(), 1);
    let next = tomorrow + chrono::Days::new(1);
    assert_eq!(open[0].0, Some(next));
    assert_eq!(open[0].1, Some(format!("{next}T09:00:00")));
    // A fixed instant does not recur; what counts from the due time does.
    assert_eq!(open[0].2.as_array().unwrap().len(), 1);
    let waiting: i64 = sqlx::query_scalar("select count(*) from reminders where phase = 'Pending'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(waiting, 1);
}
