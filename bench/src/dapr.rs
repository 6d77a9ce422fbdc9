//! The relay, each consumer and the setting of alarms behind real sidecars with Kafka and Dapr's
//! scheduler, beside what the same APIs of Dapr do for a client that does nothing else.

mod app;
mod bare;
mod parts;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::{
    Bench, finish,
    http::{self, Connection},
    part::{self, Part, Start},
    postgres::{self, Postgres},
    report::{Report, Table, met, per_second, percent},
    say,
    sink::Sink,
};
use parts::Parts;

/// Events a second that are enough, or else the share of the bare API that is.
const EVENTS: f64 = 10_000.0;

/// Share of the bare Jobs API at the least.
const ALARMS: f64 = 0.5;

/// Calls to the Jobs API under way at once, by the reminders service and by the bare client.
const AT_ONCE: usize = 32;

/// A backlog that is not drained by then is measured by what was.
const PATIENCE: Duration = Duration::from_secs(90);

const EVENTS_SQL: &str = include_str!("../sql/events.sql");
const ALARMS_SQL: &str = include_str!("../sql/alarms.sql");

/// Set in the network namespace of [`isolated`].
const ISOLATED: &str = "TODOSTACK_BENCH_ISOLATED";

/// Signs the webhooks of the notifications service.
const SECRET: &str = "whsec_YSBrZXkgb2YgdGhlIGJlbmNobWFyayBhbG9uZSwgb2su";

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
    let pool = server.database("events").await?;
    postgres::users(&pool, 100).await?;
    say(format!("writing 2 × {events} events"));
    let set = [("events", events.to_string())];
    server.script("events", EVENTS_SQL, &set).await?;
    let parts = Parts::start(bench).await?;
    let sink = Sink::start()?;
    let url = server.url("events");
    let world = World {
        bench,
        parts,
        pool,
        url,
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

    let alarms: u64 = bench.pick(5_000, 300);
    let (rate, bare) = world.alarms(&server, alarms).await?;
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

/// Everything that runs.
struct World<'a> {
    bench: &'a Bench,
    parts: Parts,
    pool: PgPool,
    url: String,
    sink: Sink,
}

impl World<'_> {
    /// Starts a role; its process, the port that its sidecar calls, and the address of its metrics.
    async fn role(&self, role: &str, dapr: u16) -> anyhow::Result<(Part, u16, String)> {
        let port = part::free_port()?;
        let ops = format!("127.0.0.1:{}", part::free_port()?);
        let internal = format!("127.0.0.1:{}", part::free_port()?);
        let part = Part::start(Start {
            name: role,
            command: vec![self.bench.program("todostack-services")?, role.to_owned()],
            env: vec![
                ("TODOSTACK_DATABASE_URL", self.url.clone()),
                ("TODOSTACK_STACK", "bench".into()),
                ("TODOSTACK_NAMESPACE", "default".into()),
                ("TODOSTACK_LISTEN", format!("127.0.0.1:{port}")),
                ("TODOSTACK_OPS_LISTEN", ops.clone()),
                ("TODOSTACK_INTERNAL_LISTEN", internal),
                ("TODOSTACK_INTERNAL_TOKEN", "none".into()),
                ("TODOSTACK_WEBHOOK_URL", self.sink.url.clone()),
                ("TODOSTACK_WEBHOOK_SECRET", SECRET.into()),
                ("TODOSTACK_WEBHOOK_ALLOW_PRIVATE", "true".into()),
                ("TODOSTACK_LOG", "warn".into()),
                ("DAPR_HTTP_PORT", dapr.to_string()),
            ],
            folder: self.bench.scratch.path(),
            limited: true,
        })?;
        part.listening(&ops).await?;
        Ok((part, port, ops))
    }

    /// Publishes all that waits; events in a second.
    async fn relay(&self, dapr: u16, count: u64) -> anyhow::Result<(Part, f64)> {
        let (relay, ..) = self.role("relay", dapr).await?;
        let pool = &self.pool;
        let count = i64::try_from(count)?;
        let published = || async {
            let waiting: i64 =
                sqlx::query_scalar("select count(*) from outbox where published_at is null")
                    .fetch_one(pool)
                    .await?;
            anyhow::Ok((count - waiting) as f64)
        };
        let rate = drained(published, count as f64, Duration::from_millis(250)).await?;
        // The consumers are to find all of it.
        let end = Instant::now() + 4 * PATIENCE;
        while published().await? < count as f64 {
            anyhow::ensure!(Instant::now() < end, relay.failure("does not publish"));
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok((relay, rate))
    }

    /// An app that does nothing drains a topic; events in a second.
    async fn bare_consumer(&self, count: u64) -> anyhow::Result<f64> {
        let app = app::App::start()?;
        let ports = (part::free_port()?, Some(app.port));
        let sidecar = self
            .parts
            .sidecar(self.bench, "bench-bare", ports, &["task-events"], true)
            .await?;
        let got = || async { Ok(app.count() as f64) };
        let rate = drained(got, count as f64, Duration::from_millis(50)).await;
        rate.map_err(|error| {
            sidecar
                .part
                .failure(&format!("delivers nothing: {error:#}"))
        })
    }

    /// A role drains its topics; events in a second.
    async fn consumer(&self, role: &str, count: u64) -> anyhow::Result<f64> {
        let topics: &[&str] = match role {
            "audit" => &["task-events", "reminders"],
            "notifications" => &["reminders"],
            _ => &["task-events"],
        };
        let app = format!("bench-{role}");
        let dapr = part::free_port()?;
        let (part, port, ops) = self.role(role, dapr).await?;
        let bulk = !self.bench.singly;
        let ports = (dapr, Some(port));
        let _sidecar = self
            .parts
            .sidecar(self.bench, &app, ports, topics, bulk)
            .await?;
        let got = || async { consumed(&ops).await };
        let rate = drained(got, count as f64, Duration::from_millis(100)).await;
        rate.map_err(|error| part.failure(&format!("consumes nothing: {error:#}")))
    }

    /// Sets alarms in Dapr's scheduler; alarms in a second, and Jobs in a second by a bare client.
    async fn alarms(&self, server: &Postgres, count: u64) -> anyhow::Result<(f64, f64)> {
        let dapr = part::free_port()?;
        let (_part, port, _ops) = self.role("reminders", dapr).await?;
        let bulk = !self.bench.singly;
        // The same group as before: what is there it has dealt with.
        let sidecar = self
            .parts
            .sidecar(
                self.bench,
                "bench-reminders",
                (dapr, Some(port)),
                &["task-events"],
                bulk,
            )
            .await?;
        let before = bare::jobs(&sidecar, count, "before").await?;
        let set = [("alarms", count.to_string())];
        server.script("events", ALARMS_SQL, &set).await?;
        let pool = &self.pool;
        let armed = || async {
            let armed: i64 =
                sqlx::query_scalar("select count(*) from reminders where phase = 'Scheduled'")
                    .fetch_one(pool)
                    .await?;
            anyhow::Ok(armed as f64)
        };
        let rate = drained(armed, count as f64, Duration::from_millis(100)).await?;
        let after = bare::jobs(&sidecar, count, "after").await?;
        Ok((rate, before.max(after)))
    }
}

/// Watches a count grow to `whole`; how much a second, from the first growth that is seen to the last.
async fn drained<F: Future<Output = anyhow::Result<f64>>>(
    count: impl Fn() -> F,
    whole: f64,
    pause: Duration,
) -> anyhow::Result<f64> {
    let end = Instant::now() + PATIENCE;
    let mut first: Option<(Instant, f64)> = None;
    let mut last = (Instant::now(), 0.0);
    while last.1 < whole && Instant::now() < end {
        tokio::time::sleep(pause).await;
        let now = (Instant::now(), count().await?);
        if now.1 > last.1 {
            last = now;
            first.get_or_insert(now);
        }
    }
    match first {
        Some((at, from)) if last.0 > at => Ok((last.1 - from) / (last.0 - at).as_secs_f64()),
        // All of it at one glance.
        Some((at, from)) if from >= whole => Ok(from / (at.elapsed() + pause).as_secs_f64()),
        _ => anyhow::bail!("nothing came in {PATIENCE:?}"),
    }
}

/// Events that a role has dealt with, by its own metrics.
async fn consumed(ops: &str) -> anyhow::Result<f64> {
    let mut request = Vec::new();
    http::request(&mut request, "GET", "/metrics", "", "");
    let mut connection = Connection::open(ops).await?;
    let (status, body) = connection.call(&request).await?;
    anyhow::ensure!(status == 200, "/metrics answered {status}");
    let text = std::str::from_utf8(body)?;
    Ok(text
        .lines()
        .filter(|line| {
            line.starts_with("todostack_events_consumed_total") && line.contains(r#"result="ok""#)
        })
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum())
}
