//! Judges a [`History`]: pure, and ignorant of how the services do what they do.
//!
//! A reminder is known by its task and its time. One that a task had from an acknowledged write on
//! must reach each channel of its owner once; one that an acknowledged write took away must not come
//! any more. The race window of a cancel: when it is acknowledged *before* the reminder's time,
//! nothing may come; when after, what was claimed before the acknowledgement may still arrive,
//! within the limit of lateness.

mod deliveries;
mod events;
mod writes;

use std::{collections::BTreeMap, fmt};

use chrono::TimeDelta;

use crate::history::{Fault, History, Time};

/// What one dead part may make a reminder late by, at most.
pub const ONE_DEAD: TimeDelta = TimeDelta::seconds(10);

/// What all dead schedulers may make a reminder late by, at most: a minute's sweep and its work.
pub const SCHEDULERS_DEAD: TimeDelta = TimeDelta::seconds(65);

/// A rule that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// An acknowledged write is not in Postgres.
    LostWrite,
    /// A due reminder neither came nor was given up with a reason.
    Lost,
    /// A reminder came twice to one channel, under different ids.
    Twice,
    /// A firing was claimed twice.
    ClaimedTwice,
    /// A webhook came for which there is no claim.
    Unclaimed,
    /// A webhook came before its time.
    Early,
    /// A webhook came later than the fault's limit.
    Late,
    /// A webhook came after its cancel, outside of the race window.
    AfterCancel,
    /// A webhook came that nobody asked for.
    Unasked,
    /// A webhook's signature is wrong.
    BadSignature,
    /// The events of a task are out of order in Kafka.
    OutOfOrder,
    /// An event is not in Kafka.
    NotPublished,
    /// An event is not in the trail.
    NotAudited,
    /// An event is in the trail twice, or was never written.
    WrongAudit,
}

/// One broken rule.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// What exactly.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.what)
    }
}

/// A line of the table: every time that a fault was injected.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// How often.
    pub times: usize,
    /// Reminders and channels that were due in its turns.
    pub reminders: usize,
    /// Neither delivered nor given up with a reason.
    pub lost: usize,
    /// Delivered under different ids.
    pub twice: usize,
    /// Taken by the receiver more than once under one `webhook-id`: it counts as once.
    pub again: usize,
    /// Given up with a reason.
    pub failed: usize,
    /// How late each first delivery was.
    pub late: Vec<TimeDelta>,
    /// The largest limit.
    pub limit: TimeDelta,
}

/// What the checker found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Broken rules.
    pub violations: Vec<Violation>,
    /// By fault, in order of first appearance.
    pub rows: Vec<(String, Row)>,
    /// Acknowledged writes.
    pub writes: usize,
    /// Records in Kafka that repeat an earlier one.
    pub redelivered: usize,
}

impl Verdict {
    fn broken(&mut self, rule: Rule, what: impl Into<String>) {
        self.violations.push(Violation {
            rule,
            what: what.into(),
        });
    }

    /// How often each rule was broken.
    pub fn by_rule(&self) -> BTreeMap<Rule, usize> {
        let mut counts = BTreeMap::new();
        for violation in &self.violations {
            *counts.entry(violation.rule).or_default() += 1;
        }
        counts
    }

    fn row(&mut self, name: &str) -> &mut Row {
        let place = self.rows.iter().position(|(other, _)| other == name);
        let place = place.unwrap_or_else(|| {
            let row = Row {
                limit: ONE_DEAD,
                ..Row::default()
            };
            self.rows.push((name.to_owned(), row));
            self.rows.len() - 1
        });
        &mut self.rows[place].1
    }
}

/// Judges everything.
pub fn check(history: &History) -> Verdict {
    let mut verdict = Verdict::default();
    for fault in &history.faults {
        let row = verdict.row(&fault.name);
        row.times += 1;
        row.limit = row.limit.max(fault.limit);
    }
    writes::check(history, &mut verdict);
    deliveries::check(history, &mut verdict);
    events::check(history, &mut verdict);
    verdict
}

/// The fault in whose turn `at` lies.
fn fault_at(faults: &[Fault], at: Time) -> Option<&Fault> {
    faults
        .iter()
        .find(|fault| fault.began <= at && at < fault.over)
}

/// The most by which a reminder due at `at` may be late: of the fault in whose turn it was due, or of
/// one that began while it could still be under way.
fn limit_at(faults: &[Fault], at: Time) -> TimeDelta {
    faults
        .iter()
        .filter(|fault| fault.began <= at + ONE_DEAD && at < fault.over)
        .map(|fault| fault.limit)
        .max()
        .unwrap_or(ONE_DEAD)
        .max(ONE_DEAD)
}

/// By how much a webhook may come before `at`.
fn early_at(faults: &[Fault], at: Time) -> TimeDelta {
    fault_at(faults, at).map_or(TimeDelta::zero(), |fault| fault.early)
}
