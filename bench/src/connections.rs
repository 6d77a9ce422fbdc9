//! A thousand connections at once, reading and writing: no error, and little memory.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use uuid::Uuid;

use crate::{
    Bench, finish,
    gateway::{self, Gateway},
    http::{self, Script},
    part,
    postgres::{self, Postgres},
    report::{Report, Spread, Table, met, milliseconds, per_second},
};

/// Users among whom the connections are spread.
const USERS: usize = 100;

/// The gateway stays under this, in MiB.
const TARGET: f64 = 80.0;

/// Each connection makes a task, reads it, lists, completes it, and so on; the connections are not in step, and each
/// lists until it is its turn to begin.
pub(crate) fn script(tokens: Vec<String>) -> Arc<Script> {
    Arc::new(move |connection, n, buffer| {
        let token = &tokens[connection % tokens.len()];
        let n = n + connection as u64 % 10;
        // The same for one connection and ten requests, so that what was made is what is read.
        let id = Uuid::from_u128(
            0x0000_0000_0000_7000_8000_0000_0000_0000
                | (connection as u128 + 1) << 32
                | u128::from(n / 10),
        );
        let has_begun = n >= 10 || connection % 10 == 0;
        match n % 10 {
            0 => {
                let body = format!(
                    r#"{{"id":"{id}","title":"Water the plants on the balcony","tags":["home"],"reminders":[{{"at":"2030-01-01T08:00:00Z"}}]}}"#
                );
                http::request(buffer, "POST", "/v1/tasks", token, &body);
            }
            5 if has_begun => {
                let path = format!("/v1/tasks/{id}/complete");
                http::request(buffer, "POST", &path, token, "");
            }
            1..=4 if has_begun => {
                http::request(buffer, "GET", &format!("/v1/tasks/{id}"), token, "");
            }
            _ => http::request(buffer, "GET", "/v1/tasks?limit=20", token, ""),
        }
        true
    })
}

/// Measures it.
///
/// # Errors
/// What failed.
pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let connections = bench.pick(1_000, 100);
    let time = Duration::from_secs(bench.pick(30, 2));
    let server = Postgres::start()?;
    let pool = server.database("many").await?;
    postgres::users(&pool, i32::try_from(USERS)?).await?;
    let gateway = Gateway::start(bench, "gateway", server.url("many")).await?;
    let idle = part::memory(gateway.part.pid).map_or(0.0, |memory| memory.now);
    let script = script(gateway::tokens(USERS)?);
    let loaded = http::load(&gateway.address, connections, time, script).await?;
    let Some(memory) = part::memory(gateway.part.pid) else {
        return Err(gateway.part.failure("ended under load"));
    };
    let times = Spread::of(loaded.times.clone());

    let mut report = Report::new("connections", "1,000 connections, reads and writes mixed");
    let mut table = Table::new(&["", "measured", "target", "met"]);
    let rows = [
        (
            "errors",
            loaded.failures().to_string(),
            "0".to_owned(),
            met(loaded.errors.is_empty()),
        ),
        (
            "gateway, most memory",
            format!("{:.0} MiB", memory.peak),
            format!("< {TARGET:.0} MiB"),
            met(memory.peak < TARGET),
        ),
        (
            "answered",
            per_second(loaded.rate()),
            String::new(),
            String::new(),
        ),
        (
            "answer, p50 / p99 / max",
            times.cells().join(" / "),
            String::new(),
            String::new(),
        ),
    ];
    for (what, measured, target, met) in rows {
        table.push(vec![what.into(), measured, target, met]);
    }
    report.tables.push(table);
    report.notes.push(format!(
        "{connections} connections kept alive, each with one request under way, for {} s: of ten requests \
         one makes a task with a reminder, one completes it, four read it, four list 20. The gateway has \
         {idle:.0} MiB before and runs {}. Its client keeps {:.2} processors busy. p50 under such a load is \
         the time to wait for the others: {}.",
        time.as_secs(),
        limit(gateway.part.is_limited()),
        loaded.client,
        milliseconds(times.p50),
    ));
    for (what, count) in &loaded.errors {
        report.notes.push(format!("{count} × {what}"));
    }
    Ok(finish(
        report,
        json!({
            "connections": connections, "errors": loaded.errors, "memoryMiB": memory, "idleMiB": idle,
            "rate": loaded.rate(), "milliseconds": times,
        }),
    ))
}

/// Whether the operator's limit held, for people.
pub(crate) fn limit(limited: bool) -> String {
    if limited {
        format!(
            "under the operator's limit of {} MiB, set by a control group",
            part::LIMIT_MIB
        )
    } else {
        format!(
            "without the operator's limit of {} MiB, which this machine does not let us set",
            part::LIMIT_MIB
        )
    }
}
