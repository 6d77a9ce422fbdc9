//! Tasks with one reminder made in a second, beside pgbench with one statement that writes the same
//! rows and notifies nobody.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use chrono::{SecondsFormat, Utc};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};

use crate::{
    Bench, finish,
    gateway::{self, Gateway},
    http::{self, Script},
    part,
    postgres::{self, Postgres},
    report::{Report, Spread, Table, median, met, milliseconds, per_second, percent},
    say,
};

/// Connections of either side.
pub(crate) const CONNECTIONS: usize = 32;

/// At least this share of what pgbench gets.
const TARGET: f64 = 0.75;

const SQL: &str = include_str!("../sql/create.sql");

/// The tables that a create writes to.
const TABLES: [&str; 4] = ["tasks", "task_words", "reminders", "outbox"];

/// Bytes of a row may differ by this share, or the comparison is none.
const FAIR: f64 = 0.1;

/// A request of [`script`] for connection and number.
pub(crate) fn script(tokens: Vec<String>) -> Arc<Script> {
    let at = Utc::now() + chrono::Duration::days(30);
    let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let body =
        format!(r#"{{"title":"Water the plants on the balcony","reminders":[{{"at":"{at}"}}]}}"#);
    Arc::new(move |connection, _, buffer| {
        let token = &tokens[connection % tokens.len()];
        http::request(buffer, "POST", "/v1/tasks", token, &body);
        true
    })
}

/// Measures it.
///
/// # Errors
/// What failed.
pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let server = Postgres::start()?;
    let ours = server.database("gateway").await?;
    let theirs = server.database("baseline").await?;
    // Where a write wakes the relay by NOTIFY, the baseline does not.
    sqlx::query("drop trigger if exists outbox_notify on outbox")
        .execute(&theirs)
        .await?;
    for pool in [&ours, &theirs] {
        postgres::users(pool, i32::try_from(CONNECTIONS)?).await?;
    }
    let gateway = Gateway::start(bench, "gateway", server.url("gateway")).await?;
    let script = script(gateway::tokens(CONNECTIONS)?);
    let one = || http::load(&gateway.address, CONNECTIONS, bench.round(), script.clone());
    let two = || {
        server.pgbench(
            "baseline",
            SQL,
            CONNECTIONS,
            bench.round(),
            bench.scratch.path(),
        )
    };

    // Connections and caches are warm, and there are rows to compare.
    let warm = Duration::from_secs(1);
    http::load(&gateway.address, CONNECTIONS, warm, script.clone())
        .await?
        .faultless()?;
    server
        .pgbench("baseline", SQL, CONNECTIONS, warm, bench.scratch.path())
        .await?;
    let sizes = compare(&ours, &theirs).await?;

    let (mut rates, mut baselines, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let (mut clients, mut pgbenches, mut gateways) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=bench.rounds() {
        let before = part::processor_seconds(gateway.part.pid);
        let loaded = one().await?;
        loaded.faultless()?;
        let used = part::processor_seconds(gateway.part.pid) - before;
        gateways.push(used / loaded.elapsed.as_secs_f64());
        let baseline = two().await?;
        say(format!(
            "round {round}: gateway {}, pgbench {}",
            per_second(loaded.rate()),
            per_second(baseline.rate)
        ));
        rates.push(loaded.rate());
        baselines.push(baseline.rate);
        clients.push(loaded.client);
        pgbenches.push(baseline.client);
        times.extend(loaded.times);
    }
    let (rate, baseline) = (median(&rates), median(&baselines));
    let ratios: Vec<f64> = rates.iter().zip(&baselines).map(|(a, b)| a / b).collect();
    let ratio = median(&ratios);
    let times = Spread::of(times);

    let mut report = Report::new("create", "Create a task with one reminder");
    let mut table = Table::new(&[
        "32 connections, fsync on",
        "gateway",
        "pgbench",
        "share",
        "target",
        "met",
    ]);
    table.push(vec![
        "created".into(),
        per_second(rate),
        per_second(baseline),
        percent(ratio),
        format!("≥ {}", percent(TARGET)),
        met(ratio >= TARGET),
    ]);
    report.tables.push(table);
    report.notes.push(format!(
        "Medians of {} rounds of {} s each, in turns. Answered after {} (p50), {} (p99). Processors kept \
         busy: gateway {:.2}, its client {:.2}; pgbench {:.2}. Bytes of the rows of one create, gateway \
         and pgbench: {}.",
        bench.rounds(),
        bench.round().as_secs(),
        milliseconds(times.p50),
        milliseconds(times.p99),
        median(&gateways),
        median(&clients),
        median(&pgbenches),
        sizes
            .iter()
            .map(|(table, a, b)| format!("{table} {a:.0} and {b:.0}"))
            .collect::<Vec<_>>()
            .join(", "),
    ));
    Ok(finish(
        report,
        json!({
            "gateway": rates, "pgbench": baselines, "ratio": ratio, "target": TARGET,
            "milliseconds": times, "bytes": sizes,
            "processors": {"gateway": gateways, "client": clients, "pgbench": pgbenches},
        }),
    ))
}

/// Mean bytes that a create writes to each table, on either side: a baseline that writes other rows is
/// none.
async fn compare(ours: &PgPool, theirs: &PgPool) -> anyhow::Result<Vec<(&'static str, f64, f64)>> {
    let mut sizes = Vec::new();
    for table in TABLES {
        let bytes = format!(
            "select sum(pg_column_size(r.*))::float8 / (select count(*) from tasks) from {table} r"
        );
        let mut both = [0.0; 2];
        for (size, pool) in both.iter_mut().zip([ours, theirs]) {
            *size = sqlx::query_scalar::<_, Option<f64>>(AssertSqlSafe(bytes.clone()))
                .fetch_one(pool)
                .await?
                .with_context(|| format!("no row in {table}"))?;
        }
        let [a, b] = both;
        anyhow::ensure!(
            (a / b - 1.0).abs() <= FAIR,
            "bench/sql/create.sql writes {b:.0} bytes to {table}, the gateway {a:.0}: make it write what \
             the gateway does"
        );
        sizes.push((table, a, b));
    }
    Ok(sizes)
}
