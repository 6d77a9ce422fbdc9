//! How long a change takes to Kafka, and a due reminder to its webhook.

use std::{collections::HashMap, fmt::Write as _, time::Duration};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use e2e::harness::{
    Cluster, Database, Gateway, Kafka, Record, SINK_URL, TOPIC_PREFIX, User, Webhooks, eventually,
};
use uuid::Uuid;

/// Between one reminder's time and the next's.
const SPACING: TimeDelta = TimeDelta::milliseconds(100);
/// From the first task's creation to the first reminder, so that all are set before any is due.
const LEAD: TimeDelta = TimeDelta::seconds(45);
/// For what is still on its way after the last reminder's time.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes that many reminders, waits for them, and tabulates the delays.
pub(crate) async fn table(cluster: &Cluster, count: usize) -> Result<String> {
    let reach = cluster.settings.reach;
    let user = Gateway::open(cluster.client.clone(), reach)
        .await?
        .sign_up()
        .await?;
    let channel = user.add_webhook(SINK_URL).await?;
    let webhooks = Webhooks::open(cluster.client.clone(), reach, channel.secret).await?;
    let kafka = Kafka::new(&cluster.settings.kafka_brokers);
    let database = Database::new(&cluster.settings.database_url)?;

    let start = Utc::now();
    let marker = Uuid::new_v4().to_string();
    create(&user, &marker, start + LEAD, count).await?;
    let span = SPACING * i32::try_from(count).context("a sensible number of reminders")?;
    tokio::time::sleep(
        (start + LEAD + span - Utc::now())
            .to_std()
            .unwrap_or_default(),
    )
    .await;
    let received = eventually("the webhooks", PATIENCE, async || {
        let received = webhooks.taken(&marker).await?;
        ensure!(
            received.len() >= count,
            "{} of {count} came",
            received.len()
        );
        Ok(received)
    })
    .await?;
    ensure!(
        received.len() == count,
        "{} webhooks for {count} reminders",
        received.len()
    );
    let late: Vec<_> = received.iter().map(|webhook| webhook.late()).collect();

    let mut table = format!(
        "| delay over {count} reminders, 10 a second | p50 | p99 | max |\n| --- | --- | --- | --- |\n"
    );
    row(&mut table, "reminder's time to webhook", late);
    for (topic, kind) in [
        ("task-events", "task.created"),
        ("reminders", "reminder.due"),
    ] {
        let committed: HashMap<_, _> = database.committed(kind, start).await?.into_iter().collect();
        let enough = move |records: &[Record]| of_kind(records, kind).count() >= count;
        let topic = format!("{TOPIC_PREFIX}{topic}");
        let records = kafka.read(&topic, start, PATIENCE, enough).await?;
        let delays = of_kind(&records, kind).filter_map(|record| {
            let id = record.attribute("id").parse().ok()?;
            Some(record.time - *committed.get(&id)?)
        });
        let delays: Vec<_> = delays.collect();
        ensure!(
            delays.len() >= count,
            "{} of {count} {kind} are in the outbox",
            delays.len()
        );
        row(&mut table, &format!("commit to Kafka, {kind}"), delays);
    }
    Ok(table)
}

async fn create(user: &User, marker: &str, first: DateTime<Utc>, count: usize) -> Result<()> {
    let mut at = first;
    for number in 0..count {
        user.task_with_reminder(&format!("{marker} {number}"), at)
            .await?;
        at += SPACING;
    }
    ensure!(
        Utc::now() < first,
        "creating {count} tasks took longer than {LEAD}; ask for fewer"
    );
    Ok(())
}

fn of_kind<'a>(records: &'a [Record], kind: &'a str) -> impl Iterator<Item = &'a Record> {
    records
        .iter()
        .filter(move |record| record.attribute("type") == kind)
}

/// Adds a row of percentiles.
pub(crate) fn row(table: &mut String, what: &str, mut delays: Vec<TimeDelta>) {
    delays.sort();
    let p50 = rank(&delays, 50);
    let p99 = rank(&delays, 99);
    let max = rank(&delays, 100);
    // Writing to a String cannot fail.
    let _ = writeln!(table, "| {what} | {p50} ms | {p99} ms | {max} ms |");
}

/// The nearest-rank percentile of sorted delays, in milliseconds.
pub(crate) fn rank(sorted: &[TimeDelta], percent: usize) -> i64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0, TimeDelta::num_milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_nearest_rank() {
        let delays: Vec<_> = (1..=200).map(TimeDelta::milliseconds).collect();
        assert_eq!(
            [50, 99, 100].map(|percent| rank(&delays, percent)),
            [100, 198, 200]
        );
        assert_eq!(rank(&[TimeDelta::milliseconds(7)], 1), 7);
    }
}
