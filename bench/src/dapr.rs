//! The relay, each consumer and the setting of alarms behind real sidecars with Kafka and Dapr's
//! scheduler, beside what the same APIs of Dapr do for a client that does nothing else.

mod app;
mod bare;
mod parts;
mod world;

use std::path::Path;

use crate::{
    Bench, finish, part,
    postgres::{self, Postgres},
    report::{Report, Table, met, per_second, percent},
    say,
    sink::Sink,
};
use parts::Parts;
use serde_json::{Value, json};
use world::{DATABASE, PATIENCE, World};

/// Events a second that are enough, or else the share of the bare API that is.
const EVENTS: f64 = 10_000.0;

/// Share of the bare Jobs API at the least.
const ALARMS: f64 = 0.5;

/// Calls to the Jobs API under way at once, by the reminders service and by the bare client.
const AT_ONCE: usize = 32;

const EVENTS_SQL: &str = include_str!("../sql/events.sql");

/// Set in the network namespace of [`isolated`].
const ISOLATED: &str = "TODOSTACK_BENCH_ISOLATED";

/// Whether this process is in a network of its own.
pub(crate) fn is_isolated() -> bool {
    std::env::var_os(ISOLATED).is_some()
}

/// Runs this row in a network namespace: a sidecar outside of Kubernetes announces itself by multicast,
/// which must reach nobody.
///
/// # Errors
/// When it fails there.
pub(crate) async fn isolated(bench: &Bench, out: &Path) -> anyhow::Result<()> {
    // What is missing is downloaded, which takes the network.
    parts::found().await?;
    let script =
        r#"ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo && exec "$@""#;
    let mut command = tokio::process::Command::new("unshare");
    command
        .args(["--net", "--", "bash", "-c", script, "bash"])
        .arg(std::env::current_exe()?)
        .args(["dapr", "--out"])
        .arg(out)
        .arg("--bin")
        .arg(&bench.bin)
        .args(bench.quick.then_some("--quick"))
        .args(bench.singly.then_some("--singly"))
        .env(ISOLATED, "1")
        .kill_on_drop(true);
    let done = command.status().await?;
    anyhow::ensure!(
        done.success(),
        "it takes root, for a network namespace, and: {done}"
    );
    Ok(())
}

/// Measures it.
///
/// # Errors
/// What failed.
pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let events: u64 = bench.pick(50_000, 2_000);
    let server = Postgres::start()?;
    let pool = server.database(DATABASE).await?;
    postgres::users(&pool, 100).await?;
    say(format!("writing 2 × {events} events"));
    let set = [("events", events.to_string())];
    server.script(DATABASE, EVENTS_SQL, &set).await?;
    let parts = Parts::start(bench).await?;
    let sink = Sink::start()?;
    let world = World {
        bench,
        parts,
        server,
        pool,
        sink,
    };

    let mut table = Table::new(&["", "measured", "the bare API", "share", "target", "met"]);
    let mut figures = Vec::new();
    let mut line = |name: &str, rate: f64, bare: f64, enough: f64, least: f64| {
        let ratio = rate / bare;
        let target = if enough.is_finite() {
            format!("≥ {}, or the bare API's", per_second(enough))
        } else {
            format!("≥ {}", percent(least))
        };
        let ok = rate >= enough || ratio >= least;
        table.push(vec![
            name.to_owned(),
            per_second(rate),
            per_second(bare),
            percent(ratio),
            target,
            met(ok),
        ]);
        say(format!(
            "{name}: {}, bare {}",
            per_second(rate),
            per_second(bare)
        ));
        figures.push(json!({"work": name, "rate": rate, "bare": bare, "ratio": ratio}));
    };

    // The relay, between two runs of the bare bulk publish.
    let port = part::free_port()?;
    let sidecar = world
        .parts
        .sidecar(bench, "bench-relay", (port, None), &[], false)
        .await?;
    let before = bare::publish(&sidecar, events).await?;
    let (relay, rate) = world.relay(port, 2 * events).await?;
    let after = bare::publish(&sidecar, events).await?;
    line("relay, events", rate, before.max(after), EVENTS, 0.9);

    let bare = world.bare_consumer(events).await?;
    for (role, count) in [
        ("audit", 2 * events),
        ("recurrence", events),
        ("reminders", events),
        ("notifications", events),
    ] {
        let rate = world.consumer(role, count).await?;
        line(&format!("{role}, events"), rate, bare, EVENTS, 0.9);
    }

    let series: u64 = bench.pick(20_000, 200);
    let rate = world.series(series).await?;
    line("recurrence, next instances", rate, bare, EVENTS, 0.9);

    let alarms: u64 = bench.pick(5_000, 300);
    let (rate, bare) = world.alarms(alarms).await?;
    line("reminders, alarms set", rate, bare, f64::INFINITY, ALARMS);
    // Until here it publishes what the alarms take.
    drop(relay);

    let mut report = Report::new(
        "dapr",
        "The relay, the consumers and the alarms behind Dapr",
    );
    report.tables.push(table);
    report.notes.push(format!(
        "Dapr's sidecars and one scheduler outside of Kubernetes, one Kafka broker with six partitions a topic, \
         Postgres with fsync on, all on the same two processors. The relay has {} events to publish, half of them \
         `task.created`, half `reminder.due`; its bare API is a bulk publish of 500 such events a call from four \
         connections. Each consumer drains what the relay published ({}); its bare API is an app that answers and does nothing, \
         subscribed to `task-events` in bulk. A backlog that is not drained in {} s is measured by what was. \
         The bare API of alarms is the creation of {alarms} Jobs from {AT_ONCE} connections; the service gets as \
         many `task.created` events.",
        2 * events,
        if bench.singly { "event by event, as its subscriptions were" } else { "in bulk" },
        PATIENCE.as_secs(),
    ));
    Ok(finish(report, Value::Array(figures)))
}
