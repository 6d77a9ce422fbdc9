//! A thousand users at once, who read and write as people do; and a device that reads everything.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{
    Bench, connections, finish,
    gateway::{self, Gateway},
    http,
    postgres::{self, Postgres},
    report::{Report, Spread, Table, median, met, milliseconds, per_second},
};

/// Of 100 requests 95 are to be answered within so many milliseconds.
const TARGET: f64 = 200.0;

/// Each user makes a request so often.
const INTERVAL: Duration = Duration::from_secs(1);

const TASKS: &str = include_str!("../sql/tasks.sql");

/// Tasks of the user whose device reads everything.
const COUNT: u32 = 10_000;

/// A device has everything within so many milliseconds.
const SYNCED: f64 = 1000.0;

/// Measures it.
///
/// # Errors
/// What failed.
pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let users = bench.pick(1_000, 100);
    let time = Duration::from_secs(bench.pick(30, 3));
    let server = Postgres::start()?;
    let pool = server.database("users").await?;
    postgres::users(&pool, i32::try_from(users)? + 1).await?;
    let set = [("tasks", COUNT.to_string()), ("owner", users.to_string())];
    server.script("users", TASKS, &set).await?;
    let gateway = Gateway::start(bench, "gateway", server.url("users")).await?;
    let mut tokens = gateway::tokens(users + 1)?;
    let device = tokens.pop().context("one for each user")?;

    let script = connections::script(tokens);
    let loaded = http::load_every(&gateway.address, users, INTERVAL, time, script).await?;
    let times = Spread::of(loaded.times.clone());
    let mut report = Report::new(
        "users",
        "1,000 users at once, and a device that reads 10,000 tasks",
    );
    let mut table = Table::new(&["", "measured", "target", "met"]);
    let failures = loaded.failures();
    let mut row = |cells: [String; 4]| table.push(cells.into());
    row([
        "errors".into(),
        failures.to_string(),
        "0".into(),
        met(failures == 0),
    ]);
    row([
        "answered".into(),
        per_second(loaded.rate()),
        String::new(),
        String::new(),
    ]);
    row([
        "answer, p95".into(),
        milliseconds(times.p95),
        format!("< {}", milliseconds(TARGET)),
        met(times.p95 < TARGET),
    ]);
    row([
        "answer, p50 / p99 / max".into(),
        times.cells().join(" / "),
        String::new(),
        String::new(),
    ]);

    let mut whole = Vec::new();
    for _ in 0..bench.rounds() {
        whole.push(everything(&gateway.address, &device).await?);
    }
    let synced = median(&whole);
    row([
        format!("everything of {COUNT} tasks, `GET /v1/sync` page after page"),
        milliseconds(synced),
        format!("< {}", milliseconds(SYNCED)),
        met(synced < SYNCED),
    ]);
    report.tables.push(table);
    report.notes.push(format!(
        "{users} users, each with a connection that is kept alive and a request every {} ms for {} s: of ten requests \
         one makes a task with a reminder, one completes it, four read it, four list 20. A time counts from when the \
         request was to be sent. The device reads pages of 1,000 with nobody else there; the median of {}.",
        INTERVAL.as_millis(),
        time.as_secs(),
        bench.rounds(),
    ));
    for (what, count) in &loaded.errors {
        report.notes.push(format!("{count} × {what}"));
    }
    Ok(finish(
        report,
        json!({
            "users": users, "errors": loaded.errors, "rate": loaded.rate(), "milliseconds": times,
            "syncMilliseconds": whole,
        }),
    ))
}

/// Milliseconds in which a device without a token has read all of its user's tasks.
async fn everything(address: &str, token: &str) -> anyhow::Result<f64> {
    let mut connection = http::Connection::open(address).await?;
    let mut buffer = Vec::new();
    let mut path = "/v1/sync?limit=1000".to_owned();
    let (started, mut tasks) = (Instant::now(), 0);
    loop {
        http::request(&mut buffer, "GET", &path, token, "");
        let (status, body) = connection.call(&buffer).await?;
        anyhow::ensure!(status == 200, "{status} {}", String::from_utf8_lossy(body));
        let page: Value = serde_json::from_slice(body)?;
        tasks += page["tasks"].as_array().map_or(0, Vec::len);
        if page["more"] != json!(true) {
            break;
        }
        let next = page["token"].as_str().context("no token")?;
        path = format!("/v1/sync?limit=1000&token={next}");
    }
    let time = started.elapsed().as_secs_f64() * 1000.0;
    anyhow::ensure!(tasks == COUNT as usize, "{tasks} tasks of {COUNT}");
    Ok(time)
}
