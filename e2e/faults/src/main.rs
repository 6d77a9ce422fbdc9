//! `faults`: brings a stack up on this machine, breaks it under load, and checks what came of it.
//! Exit code 1: a rule was broken; 2: it could not be run. See docs/faults.md; `./justw faults` builds what it needs.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use faults::{
    checker::{self, Rule, Verdict},
    gather,
    history::History,
    injector,
    proxy::Manners,
    report,
    sink::Sink,
    workload::Workload,
    world::{Binaries, ROLES, World},
};
use tokio::{signal::unix, sync::watch};

/// Breaks a stack and checks that nothing is lost, doubled, early or late.
#[derive(Parser)]
struct Settings {
    /// Minutes of the whole run, its start and its end included.
    #[arg(long, default_value_t = 3)]
    minutes: u64,
    /// Decides what is written, what is broken and when.
    #[arg(long, default_value_t = 20_261_121)]
    seed: u64,
    /// Only faults whose name has this text in it.
    #[arg(long)]
    only: Option<String>,
    /// Lists the faults and ends.
    #[arg(long)]
    list: bool,
    /// Writes a second.
    #[arg(long, default_value_t = 15.0)]
    rate: f64,
    /// Breaks a promise of the product itself and injects no fault; exit code 1: the checker did not
    /// notice.
    #[arg(long, value_enum)]
    sabotage: Option<Sabotage>,
    /// Leaves the folder with the logs and what Postgres and Kafka wrote.
    #[arg(long)]
    keep: bool,
    /// Folder with `daprd` and `scheduler`.
    #[arg(long, env = "FAULTS_DAPR")]
    dapr: PathBuf,
    /// Folder with Kafka's `libs`.
    #[arg(long, env = "FAULTS_KAFKA")]
    kafka: PathBuf,
    /// Folder with `initdb` and `postgres`; absent: Debian's newest.
    #[arg(long, env = "FAULTS_POSTGRES")]
    postgres: Option<PathBuf>,
}

/// A promise that is broken from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sabotage {
    /// The claim of a firing holds no more: its key is gone, and so is the note that it was made.
    NoClaim,
    /// Writes, events and alarms are acknowledged before their effect is committed, and some die in
    /// between.
    EarlyAck,
    /// Alarms are dropped on their way to the clock, and the sweep does not run.
    NoSweep,
}

/// What is not for faults: bringing everything up, and waiting for what is under way.
const MARGIN: u64 = 45;
/// Before the first fault and after the last.
const CALM: Duration = Duration::from_secs(5);

/// How long a sabotaged stack is worked with, and then waited for.
const SABOTAGED: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> ExitCode {
    match start().await {
        Ok(code) => code,
        Err(error) => {
            // The sentence; where in this program it came up is nobody's concern.
            eprintln!("faults: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn start() -> Result<ExitCode> {
    let settings = Settings::parse();
    if settings.list {
        for fault in injector::all() {
            println!("{}", fault.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    // The clients' TLS library wants one, though nothing here uses TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let binaries = binaries(&settings)?;
    let mut interrupt = unix::signal(unix::SignalKind::interrupt())?;
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    // Whatever ends the run drops the world, and with it every process.
    tokio::select! {
        code = run(&settings, &binaries) => code,
        _ = interrupt.recv() => anyhow::bail!("interrupted"),
        _ = terminate.recv() => anyhow::bail!("terminated"),
    }
}

async fn run(settings: &Settings, binaries: &Binaries) -> Result<ExitCode> {
    let seconds = (settings.minutes * 60).saturating_sub(MARGIN);
    let plan = match settings.sabotage {
        Some(_) => Vec::new(),
        None => injector::plan(seconds, settings.seed, settings.only.as_deref()),
    };
    anyhow::ensure!(
        !plan.is_empty() || settings.sabotage.is_some(),
        "no fault fits: see --list, and give it more --minutes"
    );
    let started = std::time::Instant::now();
    eprintln!("faults: seed {}; bringing a stack up", settings.seed);
    let sink = Sink::open().await?;
    let world = World::up(binaries, settings.seed).await?;
    eprintln!("faults: up after {} s", started.elapsed().as_secs());
    let outcome = break_it(settings, &world, &sink, &plan).await;
    let ended = world.ended().await;
    let good = outcome
        .as_ref()
        .is_ok_and(|verdict| as_it_should_be(settings, verdict));
    if let Some(folder) = world.down(settings.keep || !good).await {
        eprintln!("faults: logs are in {}", folder.join("logs").display());
    }
    let verdict = outcome?;
    println!("{}", report::markdown(&verdict));
    for (part, times) in ended {
        println!("{part} ended by itself {times} times.");
    }
    eprintln!("faults: {} s in all", started.elapsed().as_secs());
    if let Some(sabotage) = settings.sabotage {
        let found = if good { "noticed" } else { "NOT NOTICED" };
        println!("Sabotage {sabotage:?}: {found}.");
    }
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// Nothing is broken; or, after a sabotage, what it must break.
fn as_it_should_be(settings: &Settings, verdict: &Verdict) -> bool {
    let broken = verdict.by_rule();
    match settings.sabotage {
        None => broken.is_empty(),
        Some(Sabotage::NoClaim) => broken.contains_key(&Rule::ClaimedTwice),
        Some(Sabotage::EarlyAck) => {
            let all = [Rule::LostWrite, Rule::Lost, Rule::NotAudited];
            all.iter().all(|rule| broken.contains_key(rule))
        }
        Some(Sabotage::NoSweep) => broken.contains_key(&Rule::Lost),
    }
}

async fn break_it(
    settings: &Settings,
    world: &World,
    sink: &Sink,
    plan: &[injector::Injection],
) -> Result<Verdict> {
    let workload = Arc::new(Workload::open(&world.gateway, sink).await?);
    if let Some(sabotage) = settings.sabotage {
        eprintln!("faults: sabotage: {sabotage:?}");
        apply(sabotage, world).await?;
    }
    if !workload.snoozes() {
        eprintln!("faults: this gateway has no snoozes; the run is without them");
    }
    let channels = workload.channels();
    let (stop, stopped) = watch::channel(false);
    let work = tokio::spawn(workload.run(settings.seed, settings.rate, stopped));
    tokio::time::sleep(CALM).await;
    let mut history = History::default();
    for injection in plan {
        eprintln!("faults: {}", injection.name);
        history.faults.push(injection.inject(world, sink).await?);
    }
    tokio::time::sleep(if settings.sabotage.is_some() {
        SABOTAGED
    } else {
        CALM
    })
    .await;
    stop.send_replace(true);
    history.writes = work.await.context("the writers")??;
    eprintln!(
        "faults: {} writes; waiting for what is under way",
        history.writes.len()
    );
    let patience = match settings.sabotage {
        // It will not settle.
        Some(_) => SABOTAGED,
        None => gather::PATIENCE,
    };
    gather::gather(world, &channels, patience, &mut history).await?;
    history.posts = sink.posts();
    Ok(checker::check(&history))
}

/// Breaks a promise from outside: no build of ours has a switch for it.
async fn apply(sabotage: Sabotage, world: &World) -> Result<()> {
    match sabotage {
        Sabotage::NoClaim => {
            gather::execute(
                &world.database,
                &[
                    "alter table firings drop constraint if exists firings_pkey",
                    "alter table outbox drop constraint if exists outbox_event_id_key",
                    "create function forget() returns trigger language plpgsql as
                     $$ begin new.phase := old.phase; return new; end $$",
                    "create trigger forget before update on reminders for each row
                     when (new.phase = 'Fired' and old.phase <> 'Fired') execute function forget()",
                ],
            )
            .await?;
            let double = Manners {
                double: 1.0,
                ..Manners::default()
            };
            world.middlemen["reminders"].behave(double);
        }
        Sabotage::EarlyAck => {
            let swallow = Manners {
                swallow: 0.1,
                ..Manners::default()
            };
            for part in ROLES.into_iter().chain(["gateway"]) {
                world.middlemen[part].behave(swallow);
            }
        }
        Sabotage::NoSweep => {
            // One Job serves a whole second, and a reminder that is near sets it anew: with a tenth
            // dropped, another's Job makes up for nearly every one that is lost.
            let swallow = Manners {
                swallow: 0.5,
                ..Manners::default()
            };
            world.middlemen["reminders-out"].behave(swallow);
            world.middlemen["reminders"].swallow("/sweep");
            // What is looked for each second is found, and can claim nothing.
            gather::execute(
                &world.database,
                &[
                    "create function refuse() returns trigger language plpgsql as
                     $$ begin raise exception 'the sweep is off'; end $$",
                    "create trigger refuse before insert on firings for each row
                     when (new.path = 'sweep') execute function refuse()",
                ],
            )
            .await?;
        }
    }
    Ok(())
}

fn binaries(settings: &Settings) -> Result<Binaries> {
    let ours = std::env::current_exe().context("where this program is")?;
    let ours = ours.parent().context("a program lies in a folder")?;
    let postgres = match &settings.postgres {
        Some(folder) => folder.clone(),
        None => newest_postgres()?,
    };
    let binaries = Binaries {
        dapr: settings.dapr.clone(),
        kafka: settings.kafka.clone(),
        postgres,
        ours: ours.to_owned(),
    };
    for needed in [
        binaries.dapr.join("daprd"),
        binaries.dapr.join("scheduler"),
        binaries.kafka.join("libs"),
        binaries.postgres.join("initdb"),
        binaries.ours.join("todostack-gateway"),
        binaries.ours.join("todostack-services"),
    ] {
        anyhow::ensure!(
            needed.exists(),
            "{} is missing: `./justw faults` builds what a run needs",
            needed.display()
        );
    }
    Ok(binaries)
}

fn newest_postgres() -> Result<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut found: Vec<(u32, PathBuf)> = folders
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    found.sort();
    let (_, folder) = found
        .pop()
        .context("Postgres is missing: apt-get install postgresql, or set FAULTS_POSTGRES")?;
    Ok(folder)
}
