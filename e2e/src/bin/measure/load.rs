//! Ten times the load of the end-to-end test, on a stack within its operator's limits: log-ins, steady
//! reminders, a burst from the API, a burst of ReminderJobs, and a receiver that hangs.

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use crds::ReminderJob;
use e2e::harness::{Cluster, Database, Gateway, HANGING_URL, NAMESPACE, STACK, User, Webhooks};
use futures::{StreamExt, TryStreamExt, stream};
use kube::{Api, api::PostParams};
use serde_json::json;
use uuid::Uuid;

use crate::{
    delays::{rank, row},
    faults, footprint,
};

/// Users; their reminders go to the stack's webhook.
const USERS: usize = 100;
/// Log-ins after their sign-ups.
const LOG_INS: usize = 1_000;
/// Requests under way while something is made.
const CONNECTIONS: usize = 16;
/// Reminders at a steady rate, and the time between two of them.
const STEADY: usize = 4_000;
const SPACING: TimeDelta = TimeDelta::milliseconds(5);
/// Reminders of the API at one instant.
const BURST: usize = 10_000;
/// ReminderJobs at one instant.
const JOBS: usize = 2_000;
/// Deliveries of one user to a receiver that hangs.
const HANGING: usize = 200;
/// After the last reminder's time.
const PATIENCE: Duration = Duration::from_secs(120);

/// The stack under load, stage after stage.
struct Load<'a> {
    cluster: &'a Cluster,
    gateway: Gateway,
    webhooks: Webhooks,
    database: Database,
    users: Vec<User>,
    table: String,
}

/// Puts the stack under load and tabulates what came of it.
/// With `only`: that stage.
pub(crate) async fn tables(cluster: &Cluster, only: Option<&str>) -> Result<String> {
    let wanted = |stage: &str| only.is_none_or(|only| only == stage);
    let reach = cluster.settings.reach;
    let gateway = Gateway::open(cluster.client.clone(), reach).await?;
    let before = footprint::restart_counts(cluster).await?;
    let times = if wanted("log-ins") { LOG_INS } else { 0 };
    let (users, log_ins) = log_ins(&gateway, times).await?;
    let after = footprint::memory(cluster).await?;
    // Nothing is verified here: the end-to-end test does that.
    let channel = users[0].add_webhook(HANGING_URL).await?;
    let mut load = Load {
        cluster,
        gateway,
        webhooks: Webhooks::open(cluster.client.clone(), reach, channel.secret).await?,
        database: Database::new(&cluster.settings.database_url)?,
        users,
        table: "| load | delivered | p50 | p99 | max |\n| --- | --- | --- | --- | --- |\n".into(),
    };
    let mut stages = String::new();
    if wanted("steady") {
        load.steady().await?;
    }
    if wanted("burst") {
        stages = load.burst().await?;
    }
    if wanted("jobs") {
        load.jobs().await?;
    }
    if wanted("hanging") {
        load.beside_a_hanging_receiver().await?;
    }
    let end = footprint::memory(cluster).await?;
    let restarts = footprint::restarts(&before, &footprint::restart_counts(cluster).await?);
    Ok(format!(
        "{log_ins}\n{after}\n{}\n{stages}\n{end}\n{restarts}",
        load.table
    ))
}

/// Signs users up, then logs them in again and again.
async fn log_ins(gateway: &Gateway, times: usize) -> Result<(Vec<User>, String)> {
    let users: Vec<User> = stream::iter(0..USERS)
        .map(|_| gateway.sign_up())
        .buffer_unordered(CONNECTIONS)
        .try_collect()
        .await?;
    let started = std::time::Instant::now();
    stream::iter(0..times)
        .map(|n| users[n % USERS].log_in())
        .buffer_unordered(CONNECTIONS)
        .try_collect::<()>()
        .await?;
    let seconds = started.elapsed().as_secs_f64();
    Ok((
        users,
        format!("{USERS} sign-ups and {times} log-ins in {seconds:.0} s.\n"),
    ))
}

impl Load<'_> {
    /// 200 a second.
    async fn steady(&mut self) -> Result<()> {
        let marker = Uuid::new_v4().to_string();
        let first = (Utc::now() + TimeDelta::seconds(60)).trunc_subsecs(0);
        let at = move |n: usize| first + SPACING * i32::try_from(n).unwrap_or(i32::MAX);
        self.write(&marker, STEADY, at).await?;
        eprintln!(
            "load: {STEADY} written {} before the first",
            first - Utc::now()
        );
        self.arrive(
            "200 a second, 20 s long",
            &marker,
            STEADY,
            (first, at(STEADY)),
        )
        .await
    }

    /// Many at one instant; where their time goes.
    async fn burst(&mut self) -> Result<String> {
        let marker = Uuid::new_v4().to_string();
        let due = (Utc::now() + TimeDelta::seconds(120)).trunc_subsecs(0);
        let started = std::time::Instant::now();
        self.write(&marker, BURST, move |_| due).await?;
        eprintln!(
            "load: {BURST} written in {:.0} s, {} before their time; {} alarms set",
            started.elapsed().as_secs_f64(),
            due - Utc::now(),
            self.database.armed(due).await?,
        );
        self.arrive(
            "10,000 of 100 users at one instant",
            &marker,
            BURST,
            (due, due),
        )
        .await?;
        self.stages(due).await
    }

    /// Many ReminderJobs at one instant.
    async fn jobs(&mut self) -> Result<()> {
        let marker = format!("load-{}", &Uuid::new_v4().simple().to_string()[..8]);
        let jobs: Api<ReminderJob> = Api::namespaced(self.cluster.client.clone(), NAMESPACE);
        let due = (Utc::now() + TimeDelta::seconds(150)).trunc_subsecs(0);
        let started = std::time::Instant::now();
        stream::iter(0..JOBS)
            .map(|n| create_job(&jobs, &marker, n, due))
            .buffer_unordered(CONNECTIONS)
            .try_collect::<()>()
            .await?;
        let made = started.elapsed().as_secs_f64();
        while self.database.known(due).await? < JOBS && Utc::now() < due {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        eprintln!(
            "load: {JOBS} ReminderJobs made in {made:.0} s, known to the stack after {:.0} s, {} before their time",
            started.elapsed().as_secs_f64(),
            due - Utc::now(),
        );
        self.arrive(
            "2,000 ReminderJobs at one instant",
            &marker,
            JOBS,
            (due, due),
        )
        .await?;
        faults::delete_jobs(self.cluster, &marker).await
    }

    /// One user's reminder beside another's whose receiver hangs.
    async fn beside_a_hanging_receiver(&mut self) -> Result<()> {
        let marker = Uuid::new_v4().to_string();
        let due = (Utc::now() + TimeDelta::seconds(20)).trunc_subsecs(0);
        let later = due + TimeDelta::seconds(2);
        let unfortunate = self.users[0].clone();
        stream::iter(0..HANGING)
            .map(|n| {
                let title = format!("hanging {marker} {n}");
                let user = unfortunate.clone();
                async move { user.task_with_reminder(&title, due).await.map(drop) }
            })
            .buffer_unordered(CONNECTIONS)
            .try_collect::<()>()
            .await?;
        // Of a user made now: nothing of theirs is under way.
        let other = self.gateway.sign_up().await?;
        other
            .task_with_reminder(&format!("beside {marker}"), later)
            .await?;
        let what = "one, 2 s after 200 of another user's to a receiver that hangs";
        self.arrive(what, &format!("beside {marker}"), 1, (later, later))
            .await
    }

    /// Writes `count` tasks, the n-th with a reminder at `at(n)`.
    async fn write(
        &self,
        marker: &str,
        count: usize,
        at: impl Fn(usize) -> DateTime<Utc>,
    ) -> Result<()> {
        // The first has a channel of its own, which hangs.
        let users = &self.users[1..];
        stream::iter(0..count)
            .map(|n| {
                let (user, at) = (&users[n % users.len()], at(n));
                async move {
                    let title = format!("{marker} {n}");
                    user.task_with_reminder(&title, at).await.map(drop)
                }
            })
            .buffer_unordered(CONNECTIONS)
            .try_collect()
            .await
    }

    /// Waits for what has this text in it, and adds a row.
    async fn arrive(
        &mut self,
        what: &str,
        marker: &str,
        count: usize,
        (first, last): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<()> {
        tokio::time::sleep((first - Utc::now()).to_std().unwrap_or_default()).await;
        let before = footprint::processors(self.cluster).await?;
        tokio::time::sleep((last - Utc::now()).to_std().unwrap_or_default()).await;
        let end = last + PATIENCE;
        while self.webhooks.count(marker).await? < count && Utc::now() < end {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let elapsed = Utc::now() - first;
        let after = footprint::processors(self.cluster).await?;
        eprintln!(
            "{what}: processor time in {:.1} s: {}",
            elapsed.as_seconds_f64(),
            footprint::busiest(&before, &after)
        );
        // Whether any comes twice.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let arrivals = self.webhooks.arrivals(marker).await?;
        let distinct: std::collections::HashSet<_> = arrivals.iter().map(|one| &one.id).collect();
        let early = arrivals.iter().filter(|one| one.late() < TimeDelta::zero());
        ensure!(early.count() == 0, "{what}: some came early");
        let mut late: Vec<_> = arrivals.iter().map(|one| one.late()).collect();
        late.sort();
        let [p50, p99, max] = [50, 99, 100].map(|percent| rank(&late, percent));
        // Writing to a String cannot fail.
        let twice = arrivals.len() - distinct.len();
        let line = format!(
            "| {what} | {} of {count}{} | {p50} ms | {p99} ms | {max} ms |",
            distinct.len(),
            if twice == 0 {
                String::new()
            } else {
                format!(", {twice} twice")
            },
        );
        eprintln!("{line}");
        let _ = writeln!(self.table, "{line}");
        Ok(())
    }

    /// Where the time of those due then went, by what is stored of them.
    async fn stages(&self, due: DateTime<Utc>) -> Result<String> {
        let passed = self.database.stages(due).await?;
        let mut table = String::from("| stage | p50 | p99 | max |\n| --- | --- | --- | --- |\n");
        let mut stage = |name: &str, pick: &dyn Fn(&e2e::harness::Stages) -> Option<TimeDelta>| {
            row(&mut table, name, passed.iter().filter_map(pick).collect());
        };
        stage("due → claimed", &|p| Some(p.fired_at - due));
        stage("claimed → in the outbox", &|p| {
            Some(p.written_at - p.fired_at)
        });
        stage("in the outbox → marked as published", &|p| {
            Some(p.published_at? - p.written_at)
        });
        stage("in the outbox → its delivery planned", &|p| {
            Some(p.planned_at - p.written_at)
        });
        stage("planned → recorded as delivered", &|p| {
            Some(p.recorded_at? - p.planned_at)
        });
        Ok(table)
    }
}

async fn create_job(
    jobs: &Api<ReminderJob>,
    marker: &str,
    n: usize,
    due: DateTime<Utc>,
) -> Result<()> {
    let job = reminder_job(marker, n, &format!("{marker} {n}"), due)?;
    jobs.create(&PostParams::default(), &job)
        .await
        .context("creating a ReminderJob")
        .map(drop)
}

/// The n-th ReminderJob of those labelled `load=<marker>`.
pub(crate) fn reminder_job(
    marker: &str,
    n: usize,
    message: &str,
    due: DateTime<Utc>,
) -> Result<ReminderJob> {
    let job = json!({
        "apiVersion": "todostack.dev/v1alpha1",
        "kind": "ReminderJob",
        "metadata": {"name": format!("{marker}-{n}"), "namespace": NAMESPACE, "labels": {"load": marker}},
        "spec": {"stackRef": {"name": STACK}, "fireAt": due, "message": message},
    });
    serde_json::from_value(job).context("a ReminderJob")
}
