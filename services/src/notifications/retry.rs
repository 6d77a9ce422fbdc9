//! When a delivery is tried again, and when it is given up: a table for each kind of channel.

use std::collections::BTreeMap;

use anyhow::ensure;
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use domain::reminder::ChannelKind;
use serde::Deserialize;
use store::deliveries::{Delivery, Outcome};

use super::sender::Attempt;

/// Each pause is this many times the one before.
const FACTOR: f64 = 6.0;

/// Longest pause and longest time of any table, in seconds: 30 days.
const LONGEST: u32 = 30 * 24 * 3600;

/// One kind's table of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Attempts at most, the first included.
    pub max_attempts: u32,
    /// No attempt begins later than this after the first could, in seconds.
    pub give_up_after_seconds: u32,
    /// Pause after the first attempt, in seconds.
    pub base_seconds: u32,
    /// Longest pause, in seconds.
    pub cap_seconds: u32,
    /// A pause is longer by up to this share of it, so that what failed together does not come back
    /// together.
    pub jitter_percent: u32,
}

impl Policy {
    /// What a kind has when nothing is said.
    pub fn of(kind: ChannelKind) -> Self {
        let machine = Self {
            max_attempts: 9,
            give_up_after_seconds: 36 * 3600,
            base_seconds: 5,
            cap_seconds: 10 * 3600,
            jitter_percent: 10,
        };
        match kind {
            ChannelKind::Webhook
            | ChannelKind::Ntfy
            | ChannelKind::Slack
            | ChannelKind::Binding => machine,
            // Servers that put off strangers want some minutes, and RFC 5321 §4.5.4.1 days of patience.
            ChannelKind::Email => Self {
                max_attempts: 30,
                give_up_after_seconds: 3 * 24 * 3600,
                base_seconds: 30,
                cap_seconds: 4 * 3600,
                ..machine
            },
            // On a screen a reminder of yesterday is worth nothing.
            ChannelKind::WebPush => Self {
                max_attempts: 40,
                give_up_after_seconds: 24 * 3600,
                cap_seconds: 3600,
                ..machine
            },
        }
    }

    /// Pause after this many failed attempts, in seconds, without what jitter adds.
    fn pause(&self, failed: u32) -> f64 {
        let exponent = i32::try_from(failed.saturating_sub(1)).unwrap_or(i32::MAX);
        (f64::from(self.base_seconds) * FACTOR.powi(exponent)).min(f64::from(self.cap_seconds))
    }
}

/// What the platform engineer wants otherwise.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    max_attempts: Option<u32>,
    give_up_after_seconds: Option<u32>,
    base_seconds: Option<u32>,
    cap_seconds: Option<u32>,
    jitter_percent: Option<u32>,
}

impl Change {
    fn of(self, policy: Policy) -> Policy {
        Policy {
            max_attempts: self.max_attempts.unwrap_or(policy.max_attempts),
            give_up_after_seconds: self
                .give_up_after_seconds
                .unwrap_or(policy.give_up_after_seconds),
            base_seconds: self.base_seconds.unwrap_or(policy.base_seconds),
            cap_seconds: self.cap_seconds.unwrap_or(policy.cap_seconds),
            jitter_percent: self.jitter_percent.unwrap_or(policy.jitter_percent),
        }
    }
}

/// The tables of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry(BTreeMap<&'static str, Policy>);

impl Default for Retry {
    fn default() -> Self {
        Self::changed(|_, policy| policy)
    }
}

impl Retry {
    fn changed(change: impl Fn(ChannelKind, Policy) -> Policy) -> Self {
        let table = |kind: ChannelKind| (kind.as_str(), change(kind, Policy::of(kind)));
        Self(ChannelKind::ALL.map(table).into())
    }

    /// Reads `spec.notifications.retry` as JSON: by kind, and `all` for every kind; what a kind says goes
    /// before what `all` says.
    ///
    /// # Errors
    /// Names the field that is unknown or out of its range.
    pub fn parse(json: &str) -> anyhow::Result<Self> {
        let mut changes: BTreeMap<String, Change> = serde_json::from_str(json)?;
        let all = changes.remove("all").unwrap_or_default();
        let retry = Self::changed(|kind, policy| {
            let own = changes.get(kind.as_str()).copied().unwrap_or_default();
            own.of(all.of(policy))
        });
        for name in changes.keys() {
            ensure!(
                retry.0.contains_key(name.as_str()),
                "{name}: there is no such kind of channel"
            );
        }
        for (name, policy) in &retry.0 {
            let Policy {
                max_attempts,
                give_up_after_seconds,
                base_seconds,
                cap_seconds,
                jitter_percent,
            } = *policy;
            ensure!(
                (1..=1000).contains(&max_attempts),
                "{name}.maxAttempts: 1 to 1000"
            );
            ensure!(
                give_up_after_seconds <= LONGEST,
                "{name}.giveUpAfterSeconds: 0 to {LONGEST}"
            );
            ensure!(
                (1..=LONGEST).contains(&base_seconds),
                "{name}.baseSeconds: 1 to {LONGEST}"
            );
            ensure!(
                (1..=LONGEST).contains(&cap_seconds),
                "{name}.capSeconds: 1 to {LONGEST}"
            );
            ensure!(jitter_percent <= 100, "{name}.jitterPercent: 0 to 100");
        }
        Ok(retry)
    }

    /// The table of a kind.
    pub fn of(&self, kind: ChannelKind) -> Policy {
        // Every kind has one; the default is what it would hold.
        self.0
            .get(kind.as_str())
            .copied()
            .unwrap_or_else(|| Policy::of(kind))
    }

    /// What an attempt means for the delivery.
    pub(super) fn judge(
        &self,
        attempt: Attempt,
        delivery: &Delivery,
        now: DateTime<Utc>,
    ) -> Outcome {
        match attempt {
            Attempt::Delivered => Outcome::Delivered,
            Attempt::GiveUp(error) | Attempt::Gone(error) => Outcome::Failed { error },
            Attempt::Retry { error, after, .. } => self.again(error, after, delivery, now),
        }
    }

    /// Tries it again after its pause, `after` at the earliest, or gives it up.
    pub(super) fn again(
        &self,
        error: String,
        after: Option<std::time::Duration>,
        delivery: &Delivery,
        now: DateTime<Utc>,
    ) -> Outcome {
        let policy = self.of(delivery.target.kind());
        let failed = u32::try_from(delivery.attempts)
            .unwrap_or(0)
            .saturating_add(1);
        if failed >= policy.max_attempts {
            let error = format!("{error}; given up after {failed} attempts");
            return Outcome::Failed { error };
        }
        let jitter = f64::from(policy.jitter_percent) / 100.0 * share(delivery);
        let pause = policy.pause(failed) * (1.0 + jitter);
        // Neither table nor receiver may ask for more than a time can hold.
        let wanted = after.map_or(0.0, |after| after.as_secs_f64());
        let pause = pause.max(wanted).min(f64::from(LONGEST) * 2.0);
        let at = now + Duration::milliseconds((pause * 1000.0) as i64);
        let end = delivery.began_at + Duration::seconds(policy.give_up_after_seconds.into());
        if at > end {
            let end = end.to_rfc3339_opts(SecondsFormat::Secs, true);
            let error = format!(
                "{error}; given up after {failed} attempts: the next one would come after {end}"
            );
            return Outcome::Failed { error };
        }
        Outcome::Retry { at, error }
    }
}

/// From 0 to 1: another for each delivery and attempt, and always the same for the same.
fn share(delivery: &Delivery) -> f64 {
    let bytes = delivery.idempotency_key.as_bytes();
    let place = usize::try_from(delivery.attempts).unwrap_or_default() % 15;
    f64::from(u16::from_be_bytes([bytes[place], bytes[place + 1]])) / f64::from(u16::MAX)
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
