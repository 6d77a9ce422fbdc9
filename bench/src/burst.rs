//! `todostack dev` with many reminders at once, one at a time, and 200 a second, all to one receiver.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, SubsecRound, Utc};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    Bench,
    dev::Dev,
    finish,
    http::{self, Script},
    report::{Report, Spread, Table, met, milliseconds},
    say,
    sink::{Received, Sink, between},
};

/// Users whose reminders they are.
const USERS: usize = 100;

/// Connections that write them.
const CONNECTIONS: usize = 16;

/// All of a burst are delivered within this many milliseconds.
const BURST: f64 = 10_000.0;

/// p99 of a single reminder, and at 200 a second.
const IDLE: f64 = 50.0;
const STEADY: f64 = 150.0;

/// A second's reminders where they come steadily.
const RATE: u64 = 200;

/// Writes `count` tasks, the n-th with a reminder at `at(n)`.
///
/// # Errors
/// When one is refused.
pub(crate) async fn write(
    dev: &Dev,
    count: u64,
    at: impl Fn(u64) -> DateTime<Utc> + Send + Sync + 'static,
) -> anyhow::Result<()> {
    let tokens = dev.tokens.clone();
    let connections = u64::min(CONNECTIONS as u64, count);
    let script: Arc<Script> = Arc::new(move |connection, n, buffer| {
        let number = n * connections + connection as u64;
        let at = at(number).to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let body = format!(
            r#"{{"title":"Water the plants on the balcony","reminders":[{{"at":"{at}"}}]}}"#
        );
        let user = usize::try_from(number).unwrap_or_default() % tokens.len();
        http::request(buffer, "POST", "/v1/tasks", &tokens[user], &body);
        number < count
    });
    let hour = Duration::from_secs(3600);
    let written = http::load(&dev.address, usize::try_from(connections)?, hour, script).await?;
    written.faultless()?;
    anyhow::ensure!(written.good == count, "{} of {count} written", written.good);
    Ok(())
}

/// Waits for `count` deliveries until `end`.
async fn wait(sink: &Sink, count: usize, end: DateTime<Utc>) -> Vec<Received> {
    while sink.count() < count && Utc::now() < end {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    sink.take()
}

/// Measures it.
///
/// # Errors
/// What failed.
pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let sink = Sink::start()?;
    let dev = Dev::start(bench, "dev", USERS, &sink.url).await?;
    let mut report = Report::new(
        "burst",
        "From a reminder's time to its receiver, in one process",
    );
    let mut table = Table::new(&[
        "reminders",
        "delivered",
        "p50",
        "p99",
        "max",
        "target",
        "met",
    ]);
    let mut figures = serde_json::Map::new();
    let mut line = |name: &str,
                    wanted: usize,
                    got: &[Received],
                    target: String,
                    ok: &dyn Fn(&Spread) -> bool| {
        let late = Spread::of(got.iter().map(Received::late).collect());
        let [p50, p99, max] = late.cells();
        let whole = got.len() == wanted;
        let cells = [
            name.to_owned(),
            format!("{} of {wanted}", got.len()),
            p50,
            p99,
            max,
            target,
        ];
        table.push(cells.into_iter().chain([met(whole && ok(&late))]).collect());
        figures.insert(
            name.to_owned(),
            json!({"wanted": wanted, "lateMilliseconds": late}),
        );
        say(format!(
            "{name}: {} of {wanted}, {}",
            got.len(),
            late.cells().join(" / ")
        ));
    };

    // One at a time, two seconds apart.
    let count: u64 = bench.pick(60, 5);
    let first = Utc::now() + chrono::Duration::seconds(5);
    let apart =
        move |n| first + chrono::Duration::seconds(2) * i32::try_from(n).unwrap_or_default();
    write(&dev, count, apart).await?;
    let wanted = usize::try_from(count)?;
    let got = wait(&sink, wanted, apart(count) + chrono::Duration::seconds(20)).await;
    line(
        "one every 2 s",
        wanted,
        &got,
        format!("p99 < {}", milliseconds(IDLE)),
        &|late| late.p99 < IDLE,
    );

    // 200 a second.
    let seconds: u64 = bench.pick(20, 3);
    let count = RATE * seconds;
    let first = Utc::now() + chrono::Duration::seconds(bench.pick(60, 10));
    let each = chrono::Duration::microseconds(1_000_000 / i64::try_from(RATE)?);
    let apart = move |n| first + each * i32::try_from(n).unwrap_or_default();
    write(&dev, count, apart).await?;
    let armed = dev.armed(i64::try_from(count)?, first).await?;
    let wanted = usize::try_from(count)?;
    let got = wait(&sink, wanted, apart(count) + chrono::Duration::seconds(60)).await;
    line(
        "200 a second",
        wanted,
        &got,
        format!("p99 < {}", milliseconds(STEADY)),
        &|late| late.p99 < STEADY,
    );
    let steady = format!("{armed} of {count}");
    dev.quiet(Duration::from_secs(120)).await?;

    // All in one second.
    let count: u64 = bench.pick(10_000, 500);
    let lead = chrono::Duration::seconds(bench.pick(150, 15));
    let due = (Utc::now() + lead).trunc_subsecs(0);
    write(&dev, count, move |_| due).await?;
    let written = Utc::now();
    let armed = dev.armed(i64::try_from(count)?, due).await?;
    let ready = Utc::now();
    let wanted = usize::try_from(count)?;
    say(format!(
        "{armed} of {count} alarms set, {:.0} s before their time",
        (due - ready).as_seconds_f64()
    ));
    let got = wait(&sink, wanted, due + chrono::Duration::seconds(120)).await;
    line(
        &format!("{count} at one instant"),
        wanted,
        &got,
        format!("all < {}", milliseconds(BURST)),
        &|late| late.max < BURST,
    );
    report.tables.push(table);
    dev.quiet(Duration::from_secs(60)).await?;
    let (stages, spreads) = stages(&dev.pool, due, &got).await?;
    report.tables.push(stages);
    figures.insert("stages".into(), spreads);
    let memory = crate::part::memory(dev.part.pid);
    report.notes.push(format!(
        "`todostack dev` with its embedded Postgres, fsync on, and a receiver on the same two processors that \
         answers at once; {USERS} users. Alarms set before the time: {steady} of those at 200 a second, {armed} of \
         those at one instant, the last {:.0} s after the last task was written. Memory of the process at the \
         end {:.0} MiB, at most {:.0} MiB. The second table is where the time of those at one instant goes.",
        between(written, ready) / 1000.0,
        memory.map_or(0.0, |memory| memory.now),
        memory.map_or(0.0, |memory| memory.peak),
    ));
    Ok(finish(report, serde_json::Value::Object(figures)))
}

/// When a reminder passed each stage.
#[derive(sqlx::FromRow)]
struct Passed {
    reminder_id: Uuid,
    fired_at: DateTime<Utc>,
    written_at: DateTime<Utc>,
    published_at: Option<DateTime<Utc>>,
    planned_at: DateTime<Utc>,
    recorded_at: Option<DateTime<Utc>>,
}

/// Where the time of the reminders due at `due` goes, by what is stored of them.
async fn stages(
    pool: &PgPool,
    due: DateTime<Utc>,
    got: &[Received],
) -> anyhow::Result<(Table, serde_json::Value)> {
    let passed: Vec<Passed> = sqlx::query_as(include_str!("../sql/stages.sql"))
        .bind(due)
        .fetch_all(pool)
        .await?;
    let arrived: HashMap<Uuid, DateTime<Utc>> =
        got.iter().map(|one| (one.reminder, one.at)).collect();
    type Stage<'a> = (&'a str, Box<dyn Fn(&Passed) -> Option<f64> + 'a>);
    let at = |passed: &Passed| arrived.get(&passed.reminder_id).copied();
    let all: [Stage<'_>; 6] = [
        (
            "due → claimed (`firings.fired_at`)",
            Box::new(|p| Some(between(due, p.fired_at))),
        ),
        (
            "claimed → written to the outbox",
            Box::new(|p| Some(between(p.fired_at, p.written_at))),
        ),
        (
            "written → handed on, its delivery planned",
            Box::new(|p| Some(between(p.written_at, p.planned_at))),
        ),
        (
            "planned → at the receiver",
            Box::new(|p| Some(between(p.planned_at, at(p)?))),
        ),
        (
            "at the receiver → recorded as delivered",
            Box::new(|p| Some(between(at(p)?, p.recorded_at?))),
        ),
        (
            "beside them: written → marked as published, after all consumers",
            Box::new(|p| Some(between(p.written_at, p.published_at?))),
        ),
    ];
    let mut table = Table::new(&["stage", "p50", "p99", "max"]);
    let mut figures = serde_json::Map::new();
    for (name, stage) in all {
        let spread = Spread::of(passed.iter().filter_map(stage).collect());
        table.push(
            [name.to_owned()]
                .into_iter()
                .chain(spread.cells())
                .collect(),
        );
        figures.insert(name.to_owned(), json!(spread));
    }
    Ok((table, figures.into()))
}
