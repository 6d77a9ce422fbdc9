//! What the model's world is made of: the rows of Postgres, what the broker and the alarm clock hold, what
//! each process has in hand (and loses in a crash), and what the receivers saw.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use domain::reminder::{Alarm, CatchUp, Channel, Phase, State};
use uuid::Uuid;

/// The first reminder is due at 1; one step of time is five minutes, so late is more than a little.
pub(crate) fn at(step: u8) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::minutes(5) * i32::from(step)
}

/// Reminders are numbered.
pub(crate) fn id(reminder: u8) -> Uuid {
    Uuid::from_u128(reminder.into())
}

/// The number of a reminder.
pub(crate) fn number(alarm: &Alarm) -> usize {
    usize::try_from(alarm.reminder.as_u128()).expect("a small number")
}

/// A `reminder.due`. A claim tells first (`told` 0), the sweep may tell again: another event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Due {
    pub(crate) reminder: u8,
    pub(crate) occurrence: i32,
    pub(crate) told: u8,
}

/// One channel of one firing: the key of `deliveries`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Target {
    pub(crate) reminder: u8,
    pub(crate) occurrence: i32,
    pub(crate) channel: u8,
}

impl Target {
    /// As `store::deliveries::plan` makes it.
    pub(crate) fn idempotency_key(&self) -> Uuid {
        let channel = Channel::Webhook {
            url: Some(format!("https://{}.example", self.channel)),
            id: None,
        };
        let name = format!("{}.{}", self.occurrence, channel.key());
        Uuid::new_v5(&id(self.reminder), name.as_bytes())
    }
}

/// `state` of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Delivery {
    Pending,
    Delivered,
    Failed,
}

/// What a call of a receiver comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Answer {
    Accepted,
    /// It was accepted, and the answer was lost.
    Lost,
    /// To be tried again.
    Refused,
    /// Not to be tried again.
    Gone,
}

/// A delivery that a process of notifications has in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Attempt {
    pub(crate) target: Target,
    /// Once it was sent.
    pub(crate) answer: Option<Answer>,
}

/// What is left to do of `services::alarm::settle_one`, one call or transaction each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Settle {
    Set(Alarm, DateTime<Utc>),
    NoteSet(Alarm),
    Cancel(Alarm),
    NoteGone(Alarm),
}

/// A task event: its reminder, and a number.
pub(crate) type TaskEvent = (u8, u8);

/// A process of the reminders service that settles one reminder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Job {
    pub(crate) reminder: u8,
    /// The event that it acknowledges in the end; absent: the sweep's.
    pub(crate) event: Option<TaskEvent>,
    pub(crate) steps: Vec<Settle>,
}

/// What a receiver saw of one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    pub(crate) keys: BTreeSet<Uuid>,
    /// At most 2 is counted.
    pub(crate) times: u8,
}

/// How much may still go wrong, and be asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Commands of the API besides the creation of each reminder.
    pub(crate) commands: u8,
    /// Processes that die with what they have in hand.
    pub(crate) crashes: u8,
    /// Alarms that the clock forgets.
    pub(crate) alarms_lost: u8,
    /// Events that the broker loses, or whose consumer gives them up.
    pub(crate) events_lost: u8,
    /// Attempts that are refused, or whose answer is lost.
    pub(crate) failures: u8,
    /// Leases that end while their attempt is still under way.
    pub(crate) pauses: u8,
    /// Firings told again although their event is on its way.
    pub(crate) told: u8,
}

/// What must never be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Wrong {
    pub(crate) claimed_twice: bool,
    pub(crate) early: bool,
    pub(crate) after_cancel: bool,
    pub(crate) by_a_stale_alarm: bool,
    /// The key of `firings` had to refuse a second claim.
    pub(crate) refused_by_key: bool,
    /// A service asked the state machine for what is impossible.
    pub(crate) impossible: bool,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: u8,
    // Postgres.
    pub(crate) rows: Vec<Option<State>>,
    pub(crate) firings: BTreeSet<(u8, i32)>,
    pub(crate) outbox: BTreeSet<Due>,
    pub(crate) inbox: BTreeSet<Due>,
    pub(crate) deliveries: BTreeMap<Target, Delivery>,
    // The broker: what its consumers have not acknowledged. A set has no order: anything may come next.
    pub(crate) task_events: BTreeSet<TaskEvent>,
    pub(crate) due_events: BTreeSet<Due>,
    // The alarm clock: what is set and was not acknowledged.
    pub(crate) clock: BTreeMap<Alarm, DateTime<Utc>>,
    // In hand of the reminders service, the relay, notifications.
    pub(crate) jobs: Vec<Job>,
    pub(crate) rung: Vec<(Alarm, Option<State>)>,
    pub(crate) published: BTreeSet<Due>,
    pub(crate) handling: BTreeSet<Due>,
    pub(crate) attempts: Vec<Attempt>,
    // Outside.
    pub(crate) seen: BTreeMap<Target, Seen>,
    pub(crate) left: Budget,
    pub(crate) wrong: Wrong,
}

/// What is left out or turned around.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Broken {
    /// No sweep: neither overdue reminders, nor alarms, nor unserved firings are looked for.
    pub(crate) no_sweep: bool,
    /// The row is read without a lock: another transaction may come between reading and writing.
    pub(crate) no_lock: bool,
    /// `firings` has no key, and the event of a firing no id of its own.
    pub(crate) no_key: bool,
    /// An alarm of any generation stands for the reminder as it is.
    pub(crate) no_generation: bool,
    /// That an alarm rings is taken to mean that it is time.
    pub(crate) no_due_check: bool,
    /// An alarm is acknowledged before what it leads to is committed.
    pub(crate) alarm_acknowledged_first: bool,
    /// `reminder.due` is acknowledged before the deliveries are committed.
    pub(crate) event_acknowledged_first: bool,
    /// A delivery is recorded before it is sent.
    pub(crate) recorded_first: bool,
    /// Each attempt has a key of its own.
    pub(crate) fresh_keys: bool,
}

/// A command of the API. Times are steps from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Command {
    Edit(u8),
    Suspend,
    Resume,
    Snooze(u8),
    Cancel,
    Complete,
    Restore(u8),
}

/// The model: how large, and what is broken.
#[derive(Debug, Clone)]
pub(crate) struct Protocol {
    pub(crate) reminders: u8,
    /// Channels of each.
    pub(crate) channels: u8,
    /// From the outbox to the receiver in one step that cannot fail: for models of what comes before.
    pub(crate) delivered_at_once: bool,
    /// It begins with reminders that are due and whose alarms are set: for models of what comes after.
    pub(crate) due_at_first: bool,
    /// Reminders that the reminders service settles at a time.
    pub(crate) workers: usize,
    /// The last step of time.
    pub(crate) until: u8,
    pub(crate) budget: Budget,
    pub(crate) commands: &'static [Command],
    pub(crate) policy: CatchUp,
    pub(crate) broken: Broken,
    /// What this model must also be seen to reach, or it would prove nothing.
    pub(crate) reaches: &'static [&'static str],
}

impl World {
    pub(crate) fn new(protocol: &Protocol) -> Self {
        let mut world = Self {
            now: 0,
            rows: vec![None; protocol.reminders.into()],
            firings: BTreeSet::new(),
            outbox: BTreeSet::new(),
            inbox: BTreeSet::new(),
            deliveries: BTreeMap::new(),
            task_events: BTreeSet::new(),
            due_events: BTreeSet::new(),
            clock: BTreeMap::new(),
            jobs: Vec::new(),
            rung: Vec::new(),
            published: BTreeSet::new(),
            handling: BTreeSet::new(),
            attempts: Vec::new(),
            seen: BTreeMap::new(),
            left: protocol.budget,
            wrong: Wrong::default(),
        };
        if protocol.due_at_first {
            world.now = 1;
            for reminder in 0..protocol.reminders {
                let timing = State::new(id(reminder), at(1), false).timing();
                world.clock.insert(timing.alarm(), timing.fire_at);
                world.rows[usize::from(reminder)] = Some(State::Scheduled { timing });
            }
        }
        world
    }

    pub(crate) fn waiting(&self, reminder: u8) -> Option<&State> {
        self.rows[usize::from(reminder)]
            .as_ref()
            .filter(|state| state.phase().is_waiting() && !state.is_suspended())
    }

    /// Whether nothing that is due is still to be done: fired and served, or let go with a reason.
    pub(crate) fn is_settled(&self, protocol: &Protocol) -> bool {
        let over = |(reminder, state): (usize, &Option<State>)| {
            let Some(state) = state else { return false };
            let reminder = u8::try_from(reminder).expect("few reminders");
            match state.phase() {
                Phase::Pending | Phase::Scheduled => {
                    state.is_suspended() || state.timing().fire_at > at(self.now)
                }
                Phase::Fired => false,
                Phase::Delivered | Phase::Failed => {
                    self.is_served(reminder, state.timing().occurrence, protocol)
                }
                Phase::Missed | Phase::Cancelled => true,
            }
        };
        // What was snoozed after it fired is served too, unless the broker lost its event: it is told
        // again only while it is the reminder's current occurrence.
        let earlier = |&(reminder, occurrence): &(u8, i32)| {
            self.left.events_lost < protocol.budget.events_lost
                || self.is_served(reminder, occurrence, protocol)
        };
        self.rows.iter().enumerate().all(over) && self.firings.iter().all(earlier)
    }

    /// Each channel was reached, or gave up.
    fn is_served(&self, reminder: u8, occurrence: i32, protocol: &Protocol) -> bool {
        (0..protocol.channels).all(|channel| {
            let target = Target {
                reminder,
                occurrence,
                channel,
            };
            match self.deliveries.get(&target) {
                Some(Delivery::Delivered) => self.seen.contains_key(&target),
                Some(Delivery::Failed) => true,
                Some(Delivery::Pending) | None => false,
            }
        })
    }
}
