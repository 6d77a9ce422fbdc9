//! People who write tasks: seeded, each one thing after the other, asking again until answered. What
//! they asked and were told is the log that the checker believes.

mod api;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use chrono::{TimeDelta, Utc};
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use crate::{
    history::{Kind, Time, Write},
    sink::Sink,
};
pub use api::Api;

/// Writers at work at once.
const WRITERS: usize = 8;
/// Most tasks that a writer goes on with.
const KEPT: usize = 60;

/// What the writers share.
#[derive(Debug)]
pub struct Workload {
    users: Vec<User>,
    /// Whether the API has snoozes.
    snoozes: bool,
}

/// A user and their default channels, by the sink's names.
#[derive(Debug)]
struct User {
    api: Api,
    channels: Vec<Channel>,
}

/// A channel.
#[derive(Debug, Clone)]
pub struct Channel {
    /// The API's id.
    pub id: Uuid,
    /// The sink's name.
    pub name: String,
}

impl Workload {
    /// Signs users up: with one channel, with two, and with one that is gone.
    ///
    /// # Errors
    /// When the gateway refuses.
    pub async fn open(gateway: &str, sink: &Sink) -> Result<Self> {
        let mut users = Vec::new();
        for (user, channels) in [&["one"][..], &["left", "right"][..], &[GONE_ONE][..]]
            .into_iter()
            .enumerate()
        {
            let api = Api::sign_up(gateway, &format!("faults-{user}@example.com")).await?;
            let mut made = Vec::new();
            for name in channels {
                let (id, secret) = api.add_webhook(&sink.url(name)).await?;
                sink.trust(name, &secret)?;
                let name = (*name).to_owned();
                made.push(Channel { id, name });
            }
            users.push(User {
                api,
                channels: made,
            });
        }
        let snoozes = users[0].api.has("/v1/reminders/{id}/snooze").await?;
        Ok(Self { users, snoozes })
    }

    /// Whether the API has snoozes, so that they are part of the work.
    pub fn snoozes(&self) -> bool {
        self.snoozes
    }

    /// Every channel.
    pub fn channels(&self) -> Vec<Channel> {
        let channels = self.users.iter().flat_map(|user| &user.channels);
        channels.cloned().collect()
    }

    /// Works at `rate` writes a second until told to stop; what was asked and answered.
    ///
    /// # Errors
    /// When a writer panicked.
    pub async fn run(
        self: Arc<Self>,
        seed: u64,
        rate: f64,
        stop: watch::Receiver<bool>,
    ) -> Result<Vec<Write>> {
        let mut seeds = fastrand::Rng::with_seed(seed);
        let mut writers = JoinSet::new();
        #[allow(clippy::cast_precision_loss)] // eight
        let pause = Duration::from_secs_f64(WRITERS as f64 / rate);
        for number in 0..WRITERS {
            let writer = Writer {
                workload: self.clone(),
                rng: seeds.fork(),
                open: Vec::new(),
                log: Vec::new(),
                number,
                made: 0,
            };
            writers.spawn(writer.run(pause, stop.clone()));
        }
        let mut log = Vec::new();
        while let Some(written) = writers.join_next().await {
            log.extend(written.context("a writer")?);
        }
        Ok(log)
    }
}

/// The channel that is gone.
const GONE_ONE: &str = "gone-1";

/// A task that a writer goes on with.
#[derive(Debug)]
struct Open {
    user: usize,
    write: Write,
    snoozed: bool,
}

struct Writer {
    workload: Arc<Workload>,
    rng: fastrand::Rng,
    open: Vec<Open>,
    log: Vec<Write>,
    number: usize,
    made: usize,
}

impl Writer {
    async fn run(mut self, pause: Duration, mut stop: watch::Receiver<bool>) -> Vec<Write> {
        let mut turn = tokio::time::interval(pause);
        turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = turn.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return self.log,
            }
            self.act().await;
        }
    }

    async fn act(&mut self) {
        if self.open.len() > KEPT {
            self.open.remove(0);
        }
        // A write in the very moment at which the reminder is due.
        let now = Utc::now();
        let close = TimeDelta::milliseconds(300);
        let racing = self.open.iter().position(|open| {
            let mut times = open.write.reminders.iter();
            times.any(|at| (*at - now).abs() < close)
        });
        let chance = self.rng.u32(0..100);
        if let Some(place) = racing
            && chance < 10
        {
            let kind = if self.rng.bool() {
                Kind::Delete
            } else {
                Kind::Complete
            };
            return self.write(place, kind).await;
        }
        if self.open.is_empty() || chance < 60 {
            return self.create().await;
        }
        let place = self.rng.usize(0..self.open.len());
        let kind = match chance {
            60..80 => Kind::Edit,
            80..88 => Kind::Complete,
            88..96 => Kind::Delete,
            _ if self.workload.snoozes => Kind::Snooze,
            _ => Kind::Edit,
        };
        self.write(place, kind).await;
    }

    /// A time ahead, of whole milliseconds.
    fn ahead(&mut self) -> Time {
        let ahead = TimeDelta::milliseconds(self.rng.i64(4_000..20_000));
        let at = (Utc::now() + ahead).timestamp_millis();
        // Whole milliseconds of now are a time.
        Time::from_timestamp_millis(at).unwrap_or_default()
    }

    async fn create(&mut self) {
        // One in twenty for the user whose channel is gone.
        let user = match self.rng.u32(0..20) {
            0 => 2,
            1..12 => 0,
            _ => 1,
        };
        let mut reminders = vec![self.ahead()];
        if self.rng.u32(0..4) == 0 {
            let second = self.ahead();
            if second != reminders[0] {
                reminders.push(second);
            }
        }
        self.made += 1;
        let mut write = Write {
            // Of the seed, not of chance: a run can be made again.
            task: Uuid::from_u128(self.rng.u128(..)),
            kind: Kind::Create,
            title: format!("task {} of writer {}", self.made, self.number),
            reminders,
            channels: self.workload.users[user]
                .channels
                .iter()
                .map(|channel| channel.name.clone())
                .collect(),
            sent: Utc::now(),
            acknowledged: None,
            version: None,
            attempts: 0,
        };
        self.workload.users[user].api.send(&mut write, None).await;
        self.log.push(write.clone());
        if write.acknowledged.is_some() {
            self.open.push(Open {
                user,
                write,
                snoozed: false,
            });
        }
    }

    async fn write(&mut self, place: usize, kind: Kind) {
        let before = &self.open[place];
        if before.snoozed && matches!(kind, Kind::Edit | Kind::Snooze) {
            // Which of its times an edit would keep, only the service knows.
            return;
        }
        let user = before.user;
        let api = self.workload.users[user].api.clone();
        let mut write = Write {
            kind,
            sent: Utc::now(),
            acknowledged: None,
            attempts: 0,
            ..before.write.clone()
        };
        let version = before.write.version;
        let mut snooze = None;
        match kind {
            Kind::Create => return,
            Kind::Complete | Kind::Delete => write.reminders.clear(),
            Kind::Edit => {
                write.title = format!("{}, {}", write.title, self.rng.u32(..));
                let at = self.ahead();
                let now = Utc::now();
                // Those to come are moved; those that are over stay as they were.
                write.reminders.retain(|at| *at <= now);
                write.reminders.push(at);
                // As many as a task may hold are twenty.
                if write.reminders.len() > 15 {
                    write.reminders.remove(0);
                }
            }
            Kind::Snooze => {
                let over = write
                    .reminders
                    .iter()
                    .copied()
                    .filter(|at| *at + TimeDelta::seconds(2) < Utc::now());
                let (Some(from), to) = (over.max(), self.ahead()) else {
                    return;
                };
                let Some(id) = api.reminder_at(write.task, from).await else {
                    return;
                };
                // It came already: it is not taken away, another occurrence follows.
                write.reminders.push(to);
                write.sent = Utc::now();
                snooze = Some((id, to));
            }
        }
        api.send(&mut write, snooze).await;
        if write.version.is_none() {
            write.version = match kind {
                // Answered without one; it is one more.
                Kind::Delete if write.acknowledged.is_some() => version.map(|version| version + 1),
                _ => None,
            };
        }
        self.log.push(write.clone());
        if write.acknowledged.is_none() || matches!(kind, Kind::Complete | Kind::Delete) {
            self.open.remove(place);
        } else {
            let open = &mut self.open[place];
            open.snoozed |= kind == Kind::Snooze;
            // A snooze is not told the task's version.
            open.write = write;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::GONE;

    #[test]
    fn the_channel_that_is_gone_is_one_to_the_sink() {
        assert!(GONE_ONE.starts_with(GONE));
    }
}
