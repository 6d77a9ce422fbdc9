//! Which delivery is attempted next. Pure: no clock, no I/O.
//!
//! A *lane* is one owner's way to one receiver. Places are limited for each receiver, for each lane and
//! for each owner, and begin few: they grow with each answer and shrink with each failure, so that a
//! receiver that never answers holds four. Receivers take turns, and the lanes of a receiver; first
//! attempts come before others. What a circuit breaker refuses takes no place.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use store::deliveries::Delivery;
use uuid::Uuid;

use super::{breaker::Breaker, sender::Blame};

/// Attempts under way at once.
const EVERYWHERE: usize = 512;
/// Attempts of one owner under way at once.
const OWNER: usize = 64;
/// Places of a receiver, at first and at most.
const RECEIVER: (usize, usize) = (8, 64);
/// Places of a lane, at first and at most.
const LANE: (usize, usize) = (4, 32);

/// Deliveries of a lane that may wait here; the others wait in the database.
const WAITING_OF_LANE: usize = 1024;
/// Deliveries that may wait here before lanes are kept to [`FEW`].
const WAITING: usize = 8192;
/// What a lane may have waiting here even then, so that nobody's many keep another's one out.
const FEW: usize = 16;
/// Deliveries that may wait here at all.
const WAITING_AT_MOST: usize = 20_000;

/// A lane or receiver unused for this long is forgotten: longer than a circuit stays open.
const FORGET: Duration = Duration::from_secs(600);

/// First attempts, and others.
const CLASSES: [usize; 2] = [0, 1];

type Name = Arc<str>;

/// What to do with the next delivery.
#[derive(Debug)]
pub(super) enum Pick {
    /// Attempt it; then call [`Dispatcher::done`].
    Attempt(Delivery),
    /// Its circuit is open: reschedule it, for this reason.
    Refused(Delivery, String),
}

/// What an attempt told of its receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It answers.
    Alive,
    /// It failed, and what is to blame.
    Failed(Blame, String),
}

/// A circuit changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Circuit {
    Opened,
    Closed,
}

/// Places that grow with answers and shrink with failures.
struct Places {
    taken: usize,
    now: usize,
    most: usize,
}

impl Places {
    fn new((first, most): (usize, usize)) -> Self {
        Self {
            taken: 0,
            now: first,
            most,
        }
    }

    fn free(&self) -> bool {
        self.taken < self.now
    }

    fn grow(&mut self) {
        self.now = (self.now + 1).min(self.most);
    }

    fn shrink(&mut self) {
        self.now = (self.now / 2).max(1);
    }
}

struct Lane {
    receiver: Name,
    owner: Option<Uuid>,
    waiting: [VecDeque<Delivery>; 2],
    /// Whether it stands in its receiver's line of that class.
    listed: [bool; 2],
    places: Places,
    breaker: Breaker,
    used: Instant,
}

impl Lane {
    fn len(&self) -> usize {
        self.waiting[0].len() + self.waiting[1].len()
    }
}

struct Receiver {
    lanes: [VecDeque<Name>; 2],
    listed: [bool; 2],
    places: Places,
    breaker: Breaker,
    used: Instant,
}

#[derive(Default)]
struct Owner {
    taken: usize,
    /// Lanes that wait for a place of the owner.
    parked: Vec<Name>,
}

/// What waits and what is under way.
#[derive(Default)]
pub(super) struct Dispatcher {
    lanes: HashMap<Name, Lane>,
    receivers: HashMap<Name, Receiver>,
    owners: HashMap<Uuid, Owner>,
    ready: [VecDeque<Name>; 2],
    waiting: usize,
    under_way: usize,
}

impl Dispatcher {
    /// How many more of `lane` may wait here, with `coming` on their way.
    pub(super) fn room(&self, lane: &str, coming: usize) -> usize {
        let here = self.lanes.get(lane).map_or(0, Lane::len) + coming;
        let most = if self.waiting < WAITING {
            WAITING_OF_LANE
        } else if self.waiting < WAITING_AT_MOST {
            FEW
        } else {
            0
        };
        most.saturating_sub(here)
    }

    /// How many deliveries may be taken from the database, and the lanes of which none may be.
    pub(super) fn appetite(&self) -> (usize, Vec<String>) {
        let full = self
            .lanes
            .iter()
            .filter(|(name, _)| self.room(name, 0) == 0)
            .map(|(name, _)| name.to_string())
            .collect();
        (WAITING_AT_MOST.saturating_sub(self.waiting), full)
    }

    /// Adds a delivery to its lane.
    pub(super) fn push(&mut self, delivery: Delivery, now: Instant) {
        let name: Name = delivery.lane.as_str().into();
        let class = usize::from(delivery.attempts > 0);
        let lane = self.lanes.entry(name.clone()).or_insert_with(|| {
            let receiver = delivery.lane.split_once('/').map_or("", |(_, name)| name);
            Lane {
                receiver: receiver.into(),
                owner: delivery.owner_id,
                waiting: Default::default(),
                listed: [false; 2],
                places: Places::new(LANE),
                breaker: Breaker::default(),
                used: now,
            }
        });
        lane.used = now;
        lane.waiting[class].push_back(delivery);
        self.waiting += 1;
        self.list(&name, now);
    }

    /// Puts a lane with something waiting into its receiver's lines, and the receiver into ours.
    fn list(&mut self, name: &Name, now: Instant) {
        let Some(lane) = self.lanes.get_mut(name) else {
            return;
        };
        let receiver = self
            .receivers
            .entry(lane.receiver.clone())
            .or_insert_with(|| Receiver {
                lanes: Default::default(),
                listed: [false; 2],
                places: Places::new(RECEIVER),
                breaker: Breaker::default(),
                used: now,
            });
        receiver.used = now;
        for class in CLASSES {
            if !lane.waiting[class].is_empty() && !lane.listed[class] {
                lane.listed[class] = true;
                receiver.lanes[class].push_back(name.clone());
            }
            if !receiver.lanes[class].is_empty() && !receiver.listed[class] {
                receiver.listed[class] = true;
                self.ready[class].push_back(lane.receiver.clone());
            }
        }
    }

    /// The next delivery, if there is one that has a place.
    pub(super) fn pick(&mut self, now: Instant) -> Option<Pick> {
        if self.under_way >= EVERYWHERE {
            return None;
        }
        CLASSES
            .into_iter()
            .find_map(|class| self.pick_of(class, now))
    }

    fn pick_of(&mut self, class: usize, now: Instant) -> Option<Pick> {
        while let Some(at) = self.ready[class].pop_front() {
            let Some(receiver) = self.receivers.get_mut(&at) else {
                continue;
            };
            receiver.listed[class] = false;
            // Lanes without a place of their own are put in line again when one of theirs ends.
            while let Some(name) = receiver.lanes[class].pop_front() {
                let Some(lane) = self.lanes.get_mut(&name) else {
                    continue;
                };
                lane.listed[class] = false;
                if lane.waiting[class].is_empty() {
                    continue;
                }
                let refusal = receiver
                    .breaker
                    .refusal(now)
                    .or_else(|| lane.breaker.refusal(now));
                if refusal.is_none() {
                    if !receiver.places.free() {
                        // The whole receiver waits for one of its own to end.
                        lane.listed[class] = true;
                        receiver.lanes[class].push_front(name);
                        break;
                    }
                    if !lane.places.free() {
                        continue;
                    }
                    if let Some(owner) = lane.owner {
                        let owner = self.owners.entry(owner).or_default();
                        if owner.taken >= OWNER {
                            owner.parked.push(name);
                            continue;
                        }
                        owner.taken += 1;
                    }
                }
                let delivery = lane.waiting[class].pop_front()?;
                self.waiting -= 1;
                let pick = match refusal {
                    Some(reason) => Pick::Refused(delivery, reason),
                    None => {
                        receiver.places.taken += 1;
                        receiver.breaker.begin(now);
                        lane.places.taken += 1;
                        lane.breaker.begin(now);
                        self.under_way += 1;
                        Pick::Attempt(delivery)
                    }
                };
                self.list(&name, now);
                return Some(pick);
            }
        }
        None
    }

    /// An attempt of `lane` ended. What became of its circuits.
    pub(super) fn done(&mut self, lane: &str, told: &Told, now: Instant) -> Option<Circuit> {
        self.under_way = self.under_way.saturating_sub(1);
        let name: Name = lane.into();
        let lane = self.lanes.get_mut(&name)?;
        let receiver = self.receivers.get_mut(&lane.receiver)?;
        lane.places.taken = lane.places.taken.saturating_sub(1);
        receiver.places.taken = receiver.places.taken.saturating_sub(1);
        let (mut opened, mut closed) = (false, false);
        match told {
            Told::Alive => {
                lane.places.grow();
                receiver.places.grow();
                closed |= lane.breaker.succeed();
                closed |= receiver.breaker.succeed();
            }
            // Others may reach what one owner's address does not: only a receiver that cannot be
            // reached at all is everybody's.
            Told::Failed(Blame::Receiver, error) => {
                lane.places.shrink();
                receiver.places.shrink();
                opened |= lane.breaker.fail(now, error);
                opened |= receiver.breaker.fail(now, error);
            }
            Told::Failed(Blame::Address, error) => {
                lane.places.shrink();
                closed |= receiver.breaker.succeed();
                opened |= lane.breaker.fail(now, error);
            }
            Told::Failed(Blame::Nobody, _) => {
                lane.breaker.tell_nothing(now);
                receiver.breaker.tell_nothing(now);
            }
        }
        lane.used = now;
        let mut again = vec![name.clone()];
        if let Some(id) = lane.owner
            && let Some(owner) = self.owners.get_mut(&id)
        {
            owner.taken = owner.taken.saturating_sub(1);
            again.append(&mut owner.parked);
            if owner.taken == 0 {
                self.owners.remove(&id);
            }
        }
        for name in again {
            self.list(&name, now);
        }
        match (opened, closed) {
            (true, _) => Some(Circuit::Opened),
            (false, true) => Some(Circuit::Closed),
            (false, false) => None,
        }
    }

    /// Deliveries that wait here.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Attempts under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    /// Circuits that are not closed: of receivers and of lanes.
    pub(super) fn open_circuits(&self) -> usize {
        let receivers = self.receivers.values().map(|receiver| &receiver.breaker);
        let lanes = self.lanes.values().map(|lane| &lane.breaker);
        receivers.chain(lanes).filter(|b| !b.is_closed()).count()
    }

    /// Takes out all that waits.
    pub(super) fn drain(&mut self) -> Vec<Delivery> {
        self.waiting = 0;
        self.lanes
            .values_mut()
            .flat_map(|lane| lane.waiting.iter_mut())
            .flat_map(std::mem::take)
            .collect()
    }

    /// Forgets what was not used for long.
    pub(super) fn forget(&mut self, now: Instant) {
        self.lanes.retain(|_, lane| {
            lane.places.taken > 0
                || lane.len() > 0
                || lane.listed.contains(&true)
                || now - lane.used < FORGET
        });
        self.receivers.retain(|_, receiver| {
            receiver.places.taken > 0
                || receiver.listed.contains(&true)
                || receiver.lanes.iter().any(|lanes| !lanes.is_empty())
                || now - receiver.used < FORGET
        });
    }
}

#[cfg(test)]
#[path = "dispatcher_tests.rs"]
pub(super) mod tests;
