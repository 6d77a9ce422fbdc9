//! A whole stack on the loopback interface: real Postgres (fsync on), real Kafka, Dapr's schedulers,
//! a real sidecar for each role, and our binaries, each with wires and middlemen of ours in between.
//!
//! ```text
//! daprd ──middleman──► service ──middleman──► daprd ──wire──► Kafka
//!                         └──────wire──────► Postgres
//! ```

mod clock;
mod dapr;
mod kafka;
mod part;
mod postgres;
mod services;

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{sync::Mutex, task::JoinHandle};

use crate::proxy::{Middleman, Wire};
pub use dapr::standalone;
pub use part::Part;

/// Roles that have a sidecar; the gateway has none to talk to.
pub const ROLES: [&str; 6] = [
    "relay",
    "reminders",
    "notifications",
    "recurrence",
    "audit",
    "sync",
];
/// What topic names begin with.
pub const PREFIX: &str = "faults.st.";
/// Schedulers: as many as Dapr's chart runs.
pub const SCHEDULERS: usize = 3;

/// How often parts are looked after; one that ended by itself starts again then, as the kubelet
/// would have it.
const WATCH: Duration = Duration::from_millis(500);

/// Where the parts are that the world is made of.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// Folder with `daprd` and `scheduler`.
    pub dapr: PathBuf,
    /// Folder with Kafka's `libs`.
    pub kafka: PathBuf,
    /// Folder with `initdb` and `postgres`.
    pub postgres: PathBuf,
    /// Folder with `todostack-gateway` and `todostack-services`.
    pub ours: PathBuf,
}

/// The world.
#[derive(Debug)]
pub struct World {
    folder: tempfile::TempDir,
    parts: BTreeMap<String, Arc<Mutex<Part>>>,
    /// Between a service and Postgres (`relay-postgres`), and its sidecar and Kafka (`relay-kafka`).
    pub wires: BTreeMap<String, Wire>,
    /// Between a sidecar and its service (`relay`), and back (`relay-out`); between the writers and
    /// the `gateway`.
    pub middlemen: BTreeMap<String, Middleman>,
    /// The gateway.
    pub gateway: String,
    /// Postgres itself.
    pub database: String,
    /// Kafka itself.
    pub brokers: String,
    watch: Option<JoinHandle<()>>,
}

impl World {
    /// Brings everything up and waits until it works.
    ///
    /// # Errors
    /// When a part does not come up; everything that did is ended.
    pub async fn up(binaries: &Binaries, seed: u64) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("todostack-faults-")
            .tempdir()
            .context("a temporary folder")?;
        // Postgres, as another user, must reach its own folder in it.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        fs::create_dir(folder.path().join("logs"))?;
        let mut world = Self {
            folder,
            parts: BTreeMap::new(),
            wires: BTreeMap::new(),
            middlemen: BTreeMap::new(),
            gateway: String::new(),
            database: String::new(),
            brokers: String::new(),
            watch: None,
        };
        let postgres = postgres::start(&mut world, binaries).await?;
        let listeners = kafka::start(&mut world, binaries).await?;
        let schedulers = dapr::schedulers(&mut world, binaries).await?;
        postgres::ready(&world, postgres).await?;
        kafka::ready(&world).await?;
        services::start(
            &mut world,
            binaries,
            postgres,
            &listeners,
            &schedulers,
            seed,
        )
        .await?;
        let parts: Vec<_> = world.parts.values().cloned().collect();
        world.watch = Some(tokio::spawn(async move {
            loop {
                tokio::time::sleep(WATCH).await;
                for part in &parts {
                    if let Err(error) = part.lock().await.revive() {
                        eprintln!("faults: {error:#}");
                    }
                }
            }
        }));
        services::ready(&world).await?;
        Ok(world)
    }

    /// A part by its name.
    ///
    /// # Errors
    /// When there is none.
    pub fn part(&self, name: &str) -> Result<Arc<Mutex<Part>>> {
        let part = self.parts.get(name).cloned();
        part.with_context(|| format!("there is no part {name}"))
    }

    /// Puts the clock of the reminders service off by so many milliseconds.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn step_clock(&self, milliseconds: i64) -> Result<()> {
        clock::step(self.path(), milliseconds)
    }

    /// Names of all parts.
    pub fn names(&self) -> Vec<&str> {
        self.parts.keys().map(String::as_str).collect()
    }

    /// Parts that ended by themselves, and how often.
    pub async fn ended(&self) -> Vec<(String, usize)> {
        let mut ended = Vec::new();
        for (name, part) in &self.parts {
            let times = part.lock().await.ended();
            if times > 0 {
                ended.push((name.clone(), times));
            }
        }
        ended
    }

    /// Ends everything. The folder stays, and is told, if `keep`.
    pub async fn down(mut self, keep: bool) -> Option<PathBuf> {
        if let Some(watch) = self.watch.take() {
            watch.abort();
        }
        for part in self.parts.values() {
            part.lock().await.kill();
        }
        if keep {
            let folder = self.folder.path().to_owned();
            self.folder.disable_cleanup(true);
            return Some(folder);
        }
        None
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a part for the first time.
    fn start(&mut self, mut part: Part) -> Result<()> {
        part.start()?;
        let name = part.name().to_owned();
        self.parts.insert(name, Arc::new(Mutex::new(part)));
        Ok(())
    }

    fn new_part(&self, name: &str, program: impl Into<PathBuf>) -> Part {
        Part::new(
            name,
            program.into(),
            self.path().join("logs").join(format!("{name}.log")),
        )
    }

    /// The last lines that a part wrote.
    fn last_words(&self, name: &str) -> String {
        let log = fs::read_to_string(self.path().join("logs").join(format!("{name}.log")));
        let log = log.unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Tries until it works, for `patience`; else the error holds what `part` wrote last.
    async fn eventually<T>(
        &self,
        part: &str,
        patience: Duration,
        mut attempt: impl AsyncFnMut() -> Result<T>,
    ) -> Result<T> {
        let end = tokio::time::Instant::now() + patience;
        loop {
            match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) if tokio::time::Instant::now() > end => {
                    let words = self.last_words(part);
                    bail!("{part} does not come up: {error:#}\n{words}");
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

/// Ports that are free now. All are held until the last is found, so that they differ. They lie below those
/// that the kernel gives to whoever connects (32768 on), which could take one before its server listens.
///
/// # Errors
/// When there are none.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = std::iter::from_fn(|| Some(NEXT.fetch_add(1, Ordering::Relaxed)))
            .take(usize::from(SPAN))
            .find_map(|n| TcpListener::bind(("127.0.0.1", LOWEST + n % SPAN)).ok())
            .context("a free port")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Where ports are looked for.
const LOWEST: u16 = 20_000;
const SPAN: u16 = 12_000;

/// Each process begins elsewhere, and goes on from there.
static NEXT: LazyLock<AtomicU16> =
    LazyLock::new(|| AtomicU16::new((std::process::id() % u32::from(SPAN)) as u16));
