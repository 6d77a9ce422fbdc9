//! What runs beside the sidecars, and what is measured of it.

use std::time::{Duration, Instant};

use sqlx::PgPool;

use super::{app, bare, parts::Parts};
use crate::{
    Bench,
    http::{self, Connection},
    part::{self, Part, Start},
    postgres::Postgres,
    sink::Sink,
};

/// A backlog that is not drained by then is measured by what was.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// Signs the webhooks of the notifications service.
const SECRET: &str = "whsec_YSBrZXkgb2YgdGhlIGJlbmNobWFyayBhbG9uZSwgb2su";

const ALARMS_SQL: &str = include_str!("../../sql/alarms.sql");
const SERIES_SQL: &str = include_str!("../../sql/series.sql");

/// Everything that runs.
pub(super) struct World<'a> {
    pub(super) bench: &'a Bench,
    pub(super) parts: Parts,
    pub(super) server: Postgres,
    pub(super) pool: PgPool,
    pub(super) sink: Sink,
}

/// The one database.
pub(super) const DATABASE: &str = "events";

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
                ("TODOSTACK_DATABASE_URL", self.server.url(DATABASE)),
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

    async fn count(&self, sql: &'static str) -> anyhow::Result<f64> {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&self.pool).await?;
        Ok(count as f64)
    }

    async fn unpublished(&self) -> anyhow::Result<f64> {
        self.count("select count(*) from outbox where published_at is null")
            .await
    }

    /// The consumers are to find all of it.
    async fn published(&self) -> anyhow::Result<()> {
        let end = Instant::now() + 4 * PATIENCE;
        while self.unpublished().await? > 0.0 {
            anyhow::ensure!(Instant::now() < end, "the relay does not publish all");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    /// Publishes all that waits; events in a second.
    pub(super) async fn relay(&self, dapr: u16, count: u64) -> anyhow::Result<(Part, f64)> {
        let (relay, ..) = self.role("relay", dapr).await?;
        let whole = count as f64;
        let published = || async { Ok(whole - self.unpublished().await?) };
        let rate = drained(published, whole, Duration::from_millis(250)).await?;
        self.published().await?;
        Ok((relay, rate))
    }

    /// An app that does nothing drains a topic; events in a second.
    pub(super) async fn bare_consumer(&self, count: u64) -> anyhow::Result<f64> {
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
    pub(super) async fn consumer(&self, role: &str, count: u64) -> anyhow::Result<f64> {
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

    /// Completions of series are followed by the next instances; completions in a second.
    pub(super) async fn series(&self, count: u64) -> anyhow::Result<f64> {
        let set = [("events", count.to_string())];
        self.server.script(DATABASE, SERIES_SQL, &set).await?;
        self.published().await?;
        let dapr = part::free_port()?;
        let (part, port, _ops) = self.role("recurrence", dapr).await?;
        let ports = (dapr, Some(port));
        let bulk = !self.bench.singly;
        // The same group as before: what is there it has dealt with.
        let _sidecar = self
            .parts
            .sidecar(
                self.bench,
                "bench-recurrence",
                ports,
                &["task-events"],
                bulk,
            )
            .await?;
        let made = || self.count("select count(*) from inbox where consumer = 'recurrence'");
        let rate = drained(made, count as f64, Duration::from_millis(100)).await;
        rate.map_err(|error| part.failure(&format!("makes nothing: {error:#}")))
    }

    /// Sets alarms in Dapr's scheduler; alarms in a second, and Jobs in a second by a bare client.
    pub(super) async fn alarms(&self, count: u64) -> anyhow::Result<(f64, f64)> {
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
        self.server.script(DATABASE, ALARMS_SQL, &set).await?;
        let armed = || self.count("select count(*) from reminders where phase = 'Scheduled'");
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
