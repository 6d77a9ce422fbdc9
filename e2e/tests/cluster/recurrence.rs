//! Step 3: the next instance of a recurring task.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use chrono::{Days, NaiveTime, Utc};
use domain::task::Due;
use e2e::harness::{Task, User, eventually};
use serde_json::json;

use crate::world::{World, unique};

pub(crate) async fn next_instance_appears(world: &World) -> Result<()> {
    let user = world.gateway.sign_up().await?;
    let title = unique("water-the-plants");
    let zone = chrono_tz::Europe::Berlin;
    let tomorrow = Utc::now().with_timezone(&zone).date_naive() + Days::new(1);
    let nine = NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default();
    let due = tomorrow.and_time(nine);
    let first = user
        .create_task(&json!({
            "title": title,
            "priority": "P2",
            "due": {"dateTime": due, "timeZone": zone.name()},
            "recurrence": {"rrule": "FREQ=DAILY"},
        }))
        .await?;
    let done = user.complete(first.id).await?;
    ensure!(
        done.completed_at.is_some(),
        "a completed task says when: {done:?}"
    );

    let next = eventually("the next instance", Duration::from_secs(5), async || {
        let mut open = of(&user, &title).await?;
        ensure!(open.len() == 1, "{} open tasks {title:?}", open.len());
        Ok(open.remove(0))
    })
    .await?;
    ensure!(next.id != first.id, "the completed task is open again");
    ensure!(
        next.series == Some(first.series.unwrap_or(first.id)),
        "{next:?} is of the series"
    );
    let Some(Due::At {
        date_time,
        time_zone,
    }) = next.due
    else {
        bail!("{next:?} is due at a time");
    };
    // The wall clock stays, whatever the clocks change in between.
    ensure!(
        date_time == due + Days::new(1),
        "due {date_time}, a day after {due}"
    );
    ensure!(time_zone == zone, "due in {time_zone}");

    // A second tap on "done" makes no second instance.
    let again = user.complete(first.id).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let open = of(&user, &title).await?;
    ensure!(
        open.len() == 1,
        "after a second completion ({again:?}): {open:#?}"
    );
    Ok(())
}

/// The open tasks with this title.
async fn of(user: &User, title: &str) -> Result<Vec<Task>> {
    let mut tasks = user.open_tasks().await?;
    tasks.retain(|task| task.title == title);
    Ok(tasks)
}
