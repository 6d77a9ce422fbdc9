//! The same work in a small and in a large database: it should take as long.

mod queries;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::{
    Bench, create, finish,
    gateway::{self, Gateway},
    http, list,
    postgres::{self, Postgres},
    report::{Report, Table, median, met, milliseconds, per_second, percent},
    say,
};
use queries::Query;

const SQL: &str = include_str!("../sql/growth.sql");

/// The slowest may take this much longer than the smallest.
const TARGET: f64 = 1.2;

/// Tasks and reminders of the databases.
const SIZES: [(&str, u32, u32); 3] = [
    ("small", 10_000, 10_000),
    ("medium", 100_000, 300_000),
    ("large", 1_000_000, 3_000_000),
];
const QUICK: [(&str, u32, u32); 3] = [
    ("small", 10_000, 10_000),
    ("medium", 20_000, 30_000),
    ("large", 30_000, 60_000),
];

/// What is measured at one size: milliseconds, or for requests the time of one at their rate.
type Times = Vec<Vec<f64>>;

/// Measures it.
///
/// # Errors
/// What failed.
pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let sizes = bench.pick(SIZES, QUICK);
    let server = Postgres::start()?;
    let mut pools = Vec::new();
    for (name, tasks, reminders) in sizes {
        let started = Instant::now();
        let pool = server.database(name).await?;
        postgres::users(&pool, 101).await?;
        let set = [
            ("tasks", tasks.to_string()),
            ("reminders", reminders.to_string()),
        ];
        server.script(name, SQL, &set).await?;
        say(format!(
            "{name}: {tasks} tasks, {reminders} reminders, loaded in {:.0} s",
            started.elapsed().as_secs_f64()
        ));
        pools.push(pool);
    }
    // What was loaded must not be written back while it is measured.
    sqlx::query("checkpoint").execute(&pools[0]).await?;

    // First the queries: requests leave rows that the queries would find.
    let calls = bench.pick(200, 20);
    let mut lines: Vec<(String, Times)> = Vec::new();
    for query in Query::ALL {
        let mut times: Times = vec![Vec::new(); pools.len()];
        let mut rows = Vec::new();
        for call in 0..calls {
            for (pool, times) in pools.iter().zip(&mut times) {
                let (found, time) = timed(query, pool).await?;
                // The first finds nothing planned yet.
                if call > 0 {
                    times.push(time);
                } else {
                    rows.push(found);
                }
            }
        }
        anyhow::ensure!(
            rows.iter().all(|found| *found == rows[0] && *found > 0),
            "{} finds {rows:?} rows: not the same work",
            query.name()
        );
        let name = format!("`{}`, {} rows", query.name(), rows[0]);
        say(format!("{name}: {}", medians(&times)));
        lines.push((name, times));
    }

    let mut gateways = Vec::new();
    for (name, ..) in sizes {
        gateways.push(Gateway::start(bench, &format!("gateway-{name}"), server.url(name)).await?);
    }
    let tokens = gateway::tokens(create::CONNECTIONS)?;
    let scripts = [
        ("list 50, requests", list::script(tokens[0].clone())),
        ("create, requests", create::script(tokens)),
    ];
    for (name, script) in scripts {
        let mut times: Times = vec![Vec::new(); pools.len()];
        for round in 0..=bench.rounds() {
            for (gateway, times) in gateways.iter().zip(&mut times) {
                let time = if round == 0 {
                    Duration::from_secs(1)
                } else {
                    bench.round()
                };
                let connections = create::CONNECTIONS;
                let loaded =
                    http::load(&gateway.address, connections, time, script.clone()).await?;
                loaded.faultless()?;
                if round > 0 {
                    times.push(1000.0 / loaded.rate());
                }
            }
        }
        say(format!("{name}: {}", medians(&times)));
        lines.push((name.to_owned(), times));
    }
    Ok(report(bench, &sizes, &lines))
}

fn medians(times: &[Vec<f64>]) -> String {
    let each: Vec<String> = times.iter().map(|one| milliseconds(median(one))).collect();
    each.join(", ")
}

async fn timed(query: Query, pool: &PgPool) -> anyhow::Result<(usize, f64)> {
    let mut connection = pool.acquire().await?;
    let started = Instant::now();
    let found = query.run(pool, &mut connection).await?;
    Ok((found, started.elapsed().as_secs_f64() * 1000.0))
}

fn report(bench: &Bench, sizes: &[(&str, u32, u32)], lines: &[(String, Times)]) -> Report {
    let mut report = Report::new("growth", "The same work in a database that grows");
    let heads: Vec<String> = sizes
        .iter()
        .map(|(_, tasks, reminders)| format!("{tasks} tasks, {reminders} reminders"))
        .collect();
    let mut head = vec!["work"];
    head.extend(heads.iter().map(String::as_str));
    head.extend(["largest against smallest", "target", "met"]);
    let mut table = Table::new(&head);
    let mut figures = Vec::new();
    for (name, times) in lines {
        let medians: Vec<f64> = times.iter().map(|times| median(times)).collect();
        let ratio = medians.iter().copied().fold(0.0, f64::max) / medians[0];
        let is_rate = name.ends_with("requests");
        let cell = |time: &f64| {
            if is_rate {
                per_second(1000.0 / time)
            } else {
                milliseconds(*time)
            }
        };
        let mut cells = vec![name.clone()];
        cells.extend(medians.iter().map(cell));
        cells.extend([
            percent(ratio),
            format!("≤ {}", percent(TARGET)),
            met(ratio <= TARGET),
        ]);
        table.push(cells);
        figures.push(json!({"work": name, "milliseconds": medians, "ratio": ratio}));
    }
    report.tables.push(table);
    report.notes.push(format!(
        "Medians, the databases in turns; of requests {} rounds of {} s over 32 connections, the ratio by the \
         time of one. Half of the reminders wait with their alarms set, half are delivered, with their \
         firings and deliveries; the work to be found is the same in each database. The largest is compared \
         by the slowest of the three.",
        bench.rounds(),
        bench.round().as_secs(),
    ));
    finish(report, Value::Array(figures))
}
