//! 500 tasks with one reminder each, created by one request.

use std::sync::Arc;

use chrono::{SecondsFormat, Utc};
use serde_json::json;

use crate::{
    Bench, finish,
    gateway::{self, Gateway},
    http::{self, Script},
    postgres::{self, Postgres},
    report::{Report, Spread, Table, met, milliseconds},
};

/// Most operations of a request.
const OPERATIONS: usize = 500;

/// Of 100 requests 99 are to be answered within so many milliseconds.
const TARGET: f64 = 300.0;

fn script(token: String) -> Arc<Script> {
    let at = Utc::now() + chrono::Duration::days(30);
    let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let task = json!({ "title": "Water the plants on the balcony", "reminders": [{ "at": at }] });
    let operations = vec![json!({ "op": "create", "task": task }); OPERATIONS];
    let body = json!({ "operations": operations }).to_string();
    Arc::new(move |_, _, buffer| {
        http::request(buffer, "POST", "/v1/tasks/bulk", &token, &body);
        true
    })
}

/// Measures it.
///
/// # Errors
/// What failed.
pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let server = Postgres::start()?;
    let pool = server.database("bulk").await?;
    postgres::users(&pool, 1).await?;
    let gateway = Gateway::start(bench, "gateway", server.url("bulk")).await?;
    let script = script(gateway::tokens(1)?.remove(0));
    let mut times = Vec::new();
    for _ in 0..bench.rounds() {
        let loaded = http::load(&gateway.address, 1, bench.round(), script.clone()).await?;
        loaded.faultless()?;
        times.extend(loaded.times);
    }
    let (requests, times) = (times.len(), Spread::of(times));

    let mut report = Report::new("bulk", "Create 500 tasks with one reminder in one request");
    let mut table = Table::new(&["fsync on", "p50", "p99", "target", "met"]);
    table.push(vec![
        "answered after".into(),
        milliseconds(times.p50),
        milliseconds(times.p99),
        format!("≤ {}", milliseconds(TARGET)),
        met(times.p99 <= TARGET),
    ]);
    report.tables.push(table);
    report.notes.push(format!(
        "{requests} requests, one after the other, in {} rounds of {} s.",
        bench.rounds(),
        bench.round().as_secs(),
    ));
    Ok(finish(
        report,
        json!({ "milliseconds": times, "requests": requests, "target": TARGET }),
    ))
}
