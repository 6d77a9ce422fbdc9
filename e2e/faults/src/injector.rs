//! What is broken, and how.

mod plan;

use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{TimeDelta, Utc};

use crate::{
    checker::{ONE_DEAD, SCHEDULERS_DEAD},
    history::Fault,
    proxy::Manners,
    sink::Sink,
    world::World,
};
pub use plan::{all, plan};

/// From a kill to the next start: what the kubelet takes.
const DEAD: Duration = Duration::from_secs(1);
/// How long a part is paused or cut off.
const AWAY: Duration = Duration::from_secs(3);

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `kill -9` of these parts at once; they start again after a second.
    Kill(Vec<String>),
    /// SIGSTOP of these parts at once, and SIGCONT.
    Pause(Vec<String>),
    /// These wires are cut, and mended.
    Cut(Vec<String>),
    /// The middlemen of these behave like that for a while.
    Meddle(Vec<String>, Manners),
    /// The receiver answers 503 for a while.
    Refuse,
    /// The clock of the reminders service is off by so many milliseconds for a while.
    Step(i64),
}

/// A fault that can be injected.
#[derive(Debug, Clone, PartialEq)]
pub struct Injection {
    /// Such as `kill relay`.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// Seconds of its turn, from its begin to the next one's.
    pub turn: u64,
    /// How long it lasts where it is not a kill.
    pub lasts: Duration,
    /// The most by which a reminder of its turn may be late.
    pub limit: TimeDelta,
}

/// Whether a part takes a while from its start until it works.
fn is_slow(part: &str) -> bool {
    matches!(part, "kafka" | "postgres") || part.starts_with("daprd-")
}

impl Injection {
    fn new(name: impl Into<String>, action: Action) -> Self {
        let lasts = if matches!(action, Action::Kill(_)) {
            DEAD
        } else {
            AWAY
        };
        Self {
            turn: match &action {
                Action::Kill(parts) if parts.iter().any(|part| is_slow(part)) => 15,
                _ => 10,
            },
            name: name.into(),
            action,
            lasts,
            limit: ONE_DEAD,
        }
    }

    fn of_all_schedulers(mut self) -> Self {
        self.turn = 40;
        self.limit = SCHEDULERS_DEAD;
        self
    }

    fn lasting(mut self, seconds: u64) -> Self {
        self.lasts = Duration::from_secs(seconds);
        self
    }

    /// Does it, mends it, and waits until its turn is over.
    ///
    /// # Errors
    /// When a part cannot be started again.
    pub async fn inject(&self, world: &World, sink: &Sink) -> Result<Fault> {
        let began = Utc::now();
        let end = tokio::time::Instant::now() + Duration::from_secs(self.turn);
        self.set(world, sink, true).await?;
        tokio::time::sleep(self.lasts).await;
        self.set(world, sink, false).await?;
        tokio::time::sleep_until(end).await;
        Ok(Fault {
            name: self.name.clone(),
            began,
            over: Utc::now(),
            limit: self.limit,
            early: match self.action {
                // What a service tolerates as the difference of two clocks.
                Action::Step(_) => TimeDelta::seconds(2),
                _ => TimeDelta::zero(),
            },
        })
    }

    async fn set(&self, world: &World, sink: &Sink, broken: bool) -> Result<()> {
        match &self.action {
            Action::Kill(parts) => {
                for part in parts {
                    let part = world.part(part)?;
                    let mut part = part.lock().await;
                    if broken {
                        part.kill();
                    } else {
                        part.start()?;
                    }
                }
            }
            Action::Pause(parts) => {
                for part in parts {
                    world.part(part)?.lock().await.pause(broken);
                }
            }
            Action::Cut(wires) => {
                for name in wires {
                    let wire = world.wires.get(name);
                    wire.with_context(|| format!("there is no wire {name}"))?
                        .cut(broken);
                }
            }
            Action::Meddle(names, manners) => {
                for name in names {
                    let middleman = world.middlemen.get(name);
                    let manners = if broken { *manners } else { Manners::default() };
                    middleman
                        .with_context(|| format!("there is no middleman {name}"))?
                        .behave(manners);
                }
            }
            Action::Refuse => sink.refuse(broken),
            Action::Step(ms) => world.step_clock(if broken { *ms } else { 0 })?,
        }
        Ok(())
    }
}
