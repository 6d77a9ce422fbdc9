//! Memory of the gateway after a thousand log-ins: each takes 19 MiB for a moment.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use crate::{
    Bench, connections, finish,
    gateway::Gateway,
    http::{self, Script},
    part,
    postgres::Postgres,
    report::{Report, Spread, Table, met, per_second},
    say,
};

/// New accounts; an address may make 300 in five minutes.
const USERS: u64 = 25;

/// Connections that log in.
const CONNECTIONS: usize = 8;

/// The gateway stays under this, in MiB.
const TARGET: f64 = 60.0;

fn body(user: u64) -> String {
    format!(r#"{{"email":"user{user}@example.com","password":"correct horse battery"}}"#)
}

/// Measures it.
///
/// # Errors
/// What failed.
pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let wanted: u64 = bench.pick(1_000, 40);
    let server = Postgres::start()?;
    server.database("logins").await?;
    let gateway = Gateway::start(bench, "gateway", server.url("logins")).await?;
    let idle = part::memory(gateway.part.pid).map_or(0.0, |memory| memory.now);
    let sign_up: Arc<Script> = Arc::new(|_, n, buffer| {
        http::request(buffer, "POST", "/v1/users", "", &body(n));
        n < USERS
    });
    let hour = Duration::from_secs(3600);
    let signed = http::load(&gateway.address, 1, hour, sign_up).await?;
    let after = part::memory(gateway.part.pid).map_or(0.0, |memory| memory.now);
    say(format!("{} sign-ups: {after:.0} MiB", signed.good));
    let each = (wanted - USERS) / CONNECTIONS as u64;
    let log_in: Arc<Script> = Arc::new(move |connection, n, buffer| {
        let user = (connection as u64 + n) % USERS;
        http::request(buffer, "POST", "/v1/login", "", &body(user));
        n < each
    });
    let logged = if gateway.part.is_alive() {
        http::load(&gateway.address, CONNECTIONS, hour, log_in).await?
    } else {
        http::Loaded::default()
    };
    let memory = part::memory(gateway.part.pid);
    let good = signed.good + logged.good;
    let times = Spread::of(logged.times.clone());

    let mut report = Report::new("logins", "Memory after 1,000 log-ins");
    let mut table = Table::new(&["", "measured", "target", "met"]);
    let measured = memory.map_or_else(
        || format!("killed by its limit after {good}"),
        |memory| format!("{:.0} MiB", memory.now),
    );
    table.push(vec![
        format!("gateway after {good} sign-ups and log-ins"),
        measured,
        format!("< {TARGET:.0} MiB"),
        met(memory.is_some_and(|memory| memory.now < TARGET)),
    ]);
    if let Some(memory) = memory {
        table.push(vec![
            "its most while they went on".into(),
            format!("{:.0} MiB", memory.peak),
            String::new(),
            String::new(),
        ]);
        table.push(vec![
            "log-ins".into(),
            per_second(logged.rate()),
            String::new(),
            String::new(),
        ]);
    }
    report.tables.push(table);
    report.notes.push(format!(
        "{USERS} sign-ups one after the other, then log-ins over {CONNECTIONS} connections. The gateway has \
         {idle:.0} MiB before, {after:.0} MiB after the sign-ups, and runs {}.",
        connections::limit(gateway.part.is_limited()),
    ));
    let rate = logged.rate();
    let mut errors = signed.errors;
    errors.extend(logged.errors);
    // Of one that was killed there is nothing more to say.
    for (what, count) in errors.iter().filter(|_| memory.is_some()) {
        report.notes.push(format!("{count} × {what}"));
    }
    Ok(finish(
        report,
        json!({
            "wanted": wanted, "good": good, "errors": errors, "idleMiB": idle, "afterSignUpsMiB": after,
            "memoryMiB": memory, "rate": rate, "milliseconds": times,
        }),
    ))
}
