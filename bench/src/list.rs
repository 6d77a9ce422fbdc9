//! The first 50 of a user's 10,000 tasks, beside pgbench with the same SQL.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use crate::{
    Bench,
    create::CONNECTIONS,
    finish,
    gateway::{self, Gateway},
    http::{self, Script},
    part,
    postgres::{self, Postgres},
    report::{Report, Spread, Table, median, met, milliseconds, per_second, percent},
    say,
};

/// At least this share of what pgbench gets.
const TARGET: f64 = 0.5;

const SQL: &str = include_str!("../sql/list.sql");
const TASKS: &str = include_str!("../sql/tasks.sql");

/// Tasks of the user.
const COUNT: u32 = 10_000;

/// Asks for the first page of a user's tasks, again and again.
pub(crate) fn script(token: String) -> Arc<Script> {
    Arc::new(move |_, _, buffer| {
        http::request(buffer, "GET", "/v1/tasks?limit=50", &token, "");
        true
    })
}

/// Measures it.
///
/// # Errors
/// What failed.
pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let server = Postgres::start()?;
    let pool = server.database("lists").await?;
    postgres::users(&pool, 2).await?;
    for owner in ["0", "1"] {
        let set = [("tasks", COUNT.to_string()), ("owner", owner.to_owned())];
        server.script("lists", TASKS, &set).await?;
    }
    let gateway = Gateway::start(bench, "gateway", server.url("lists")).await?;
    let script = script(gateway::tokens(1)?.remove(0));
    let warm = Duration::from_secs(1);
    http::load(&gateway.address, CONNECTIONS, warm, script.clone())
        .await?
        .faultless()?;

    let (mut rates, mut baselines, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let (mut clients, mut gateways) = (Vec::new(), Vec::new());
    for round in 1..=bench.rounds() {
        let before = part::processor_seconds(gateway.part.pid);
        let loaded =
            http::load(&gateway.address, CONNECTIONS, bench.round(), script.clone()).await?;
        loaded.faultless()?;
        let used = part::processor_seconds(gateway.part.pid) - before;
        gateways.push(used / loaded.elapsed.as_secs_f64());
        let baseline = server
            .pgbench(
                "lists",
                SQL,
                CONNECTIONS,
                bench.round(),
                bench.scratch.path(),
            )
            .await?;
        say(format!(
            "round {round}: gateway {}, pgbench {}",
            per_second(loaded.rate()),
            per_second(baseline.rate)
        ));
        rates.push(loaded.rate());
        baselines.push(baseline.rate);
        clients.push(loaded.client);
        times.extend(loaded.times);
    }
    let (rate, baseline) = (median(&rates), median(&baselines));
    let ratios: Vec<f64> = rates.iter().zip(&baselines).map(|(a, b)| a / b).collect();
    let ratio = median(&ratios);
    let times = Spread::of(times);

    let mut report = Report::new("list", "List 50 of a user's 10,000 tasks");
    let mut table = Table::new(&[
        "32 connections",
        "gateway",
        "pgbench, the same SQL",
        "share",
        "target",
        "met",
    ]);
    table.push(vec![
        "listed".into(),
        per_second(rate),
        per_second(baseline),
        percent(ratio),
        format!("≥ {}", percent(TARGET)),
        met(ratio >= TARGET),
    ]);
    report.tables.push(table);
    report.notes.push(format!(
        "Medians of {} rounds of {} s each, in turns. Answered after {} (p50), {} (p99). Processors kept \
         busy: gateway {:.2}, its client {:.2}.",
        bench.rounds(),
        bench.round().as_secs(),
        milliseconds(times.p50),
        milliseconds(times.p99),
        median(&gateways),
        median(&clients),
    ));
    Ok(finish(
        report,
        json!({
            "gateway": rates, "pgbench": baselines, "ratio": ratio, "target": TARGET,
            "milliseconds": times, "processors": {"gateway": gateways, "client": clients},
        }),
    ))
}
