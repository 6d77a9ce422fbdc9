//! Who may do what when, and what must hold: the model as stateright wants it.

use std::collections::{BTreeSet, HashMap, VecDeque};

use domain::reminder::Phase;
use stateright::{Model, Property};

use crate::actions::Action;
use crate::world::{Answer, Protocol, Target, World, at, number};

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.now < self.until {
            actions.push(Action::Tick);
        }
        for reminder in 0..self.reminders {
            self.actions_on(world, reminder, actions);
        }
        actions.extend(world.task_events.iter().map(|&event| Action::Handle(event)));
        actions.extend((0..world.jobs.len()).map(Action::Settle));
        for &alarm in world.clock.keys() {
            actions.extend([Action::Ring(alarm, true), Action::RingOnly(alarm)]);
            if !self.broken.no_sweep {
                actions.push(Action::Ring(alarm, false));
            }
            if world.left.alarms_lost > 0 {
                actions.push(Action::LoseAlarm(alarm));
            }
        }
        actions.extend((0..world.rung.len()).map(Action::Commit));
        if self.delivered_at_once {
            actions.extend(world.outbox.iter().map(|&due| Action::Deliver(due)));
        } else {
            self.delivery_actions(world, actions);
        }
        if world.left.crashes > 0 {
            actions.extend([
                Action::CrashReminders,
                Action::CrashRelay,
                Action::CrashNotifications,
            ]);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        next.step(action, self)?;
        (next != *world).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::<Self>::always("claimed once", |_, w| !w.wrong.claimed_twice),
            Property::<Self>::always("never early", |_, w| !w.wrong.early),
            Property::<Self>::always("never after a cancel", |_, w| !w.wrong.after_cancel),
            Property::<Self>::always("never by a stale alarm", |_, w| !w.wrong.by_a_stale_alarm),
            Property::<Self>::always("the lock alone suffices", |_, w| !w.wrong.refused_by_key),
            Property::<Self>::always("nothing impossible is asked", |_, w| !w.wrong.impossible),
            Property::<Self>::always("one idempotency key", |_, w| {
                let keys: BTreeSet<_> = w.seen.values().flat_map(|seen| &seen.keys).collect();
                w.seen.values().all(|seen| seen.keys.len() == 1) && keys.len() == w.seen.len()
            }),
            Property::<Self>::always("nothing is sent that was not claimed", |_, w| {
                let claimed = |t: &Target| w.firings.contains(&(t.reminder, t.occurrence));
                w.seen.keys().all(claimed)
            }),
            Property::<Self>::always("at last", |model, w| {
                w.is_settled(model) || model.progress(w).next().is_some()
            }),
        ];
        let reachable = [
            Property::<Self>::sometimes("delivered", |_, w| w.reached(Phase::Delivered, 0)),
            Property::<Self>::sometimes("delivered after a snooze", |_, w| {
                w.reached(Phase::Delivered, 1)
            }),
            Property::<Self>::sometimes("failed", |_, w| w.reached(Phase::Failed, 0)),
            Property::<Self>::sometimes("missed", |_, w| w.reached(Phase::Missed, 0)),
            Property::<Self>::sometimes("sent twice", |_, w| {
                w.seen.values().any(|seen| seen.times > 1)
            }),
            Property::<Self>::sometimes("a cancelled one's alarm rings", |_, w| {
                w.reached(Phase::Cancelled, 0) && w.clock.values().any(|when| *when <= at(w.now))
            }),
            Property::<Self>::sometimes("a stale alarm rings", |_, w| {
                w.clock.iter().any(|(alarm, when)| {
                    let row = w.rows[number(alarm)].as_ref();
                    *when <= at(w.now)
                        && row.is_some_and(|row| {
                            row.phase().is_waiting() && row.timing().alarm() != *alarm
                        })
                })
            }),
            Property::<Self>::sometimes("told again", |_, w| {
                w.inbox.iter().any(|due| due.told > 0)
            }),
        ];
        let wanted = |property: &Property<Self>| self.reaches.contains(&property.name);
        properties.extend(reachable.into_iter().filter(wanted));
        properties
    }
}

impl Protocol {
    fn actions_on(&self, world: &World, reminder: u8, actions: &mut Vec<Action>) {
        let Some(row) = &world.rows[usize::from(reminder)] else {
            actions.push(Action::Create(reminder));
            return;
        };
        if world.left.commands > 0 {
            let commands = self.commands.iter();
            actions.extend(commands.map(|&command| Action::Command(reminder, command)));
        }
        // The alarm of the row as it is may ring even if nobody knows that it is set.
        actions.push(Action::RingOnly(row.timing().alarm()));
        if !self.broken.no_sweep {
            actions.extend([
                Action::Mend(reminder),
                Action::SetAgain(reminder),
                Action::Overdue(reminder),
                Action::TellAgain(reminder),
            ]);
        }
    }

    fn delivery_actions(&self, world: &World, actions: &mut Vec<Action>) {
        let unsent = world.outbox.difference(&world.published);
        actions.extend(unsent.map(|&due| Action::Publish(due)));
        let sent = world.published.iter();
        actions.extend(sent.map(|&due| Action::NotePublished(due)));
        // The broker may give again what was acknowledged.
        let again = world.due_events.union(&world.inbox);
        actions.extend(again.map(|&due| Action::Plan(due)));
        actions.extend(world.handling.iter().map(|&due| Action::Plan(due)));
        for &due in &world.due_events {
            if world.inbox.contains(&due) || self.broken.event_acknowledged_first {
                actions.push(Action::Acknowledge(due));
            } else if world.left.events_lost > 0 {
                actions.push(Action::LoseEvent(due));
            }
        }
        actions.extend(world.deliveries.keys().map(|&target| Action::Take(target)));
        for attempt in 0..world.attempts.len() {
            use Answer::{Accepted, Gone, Lost, Refused};
            let answers = [Accepted, Lost, Refused, Gone];
            actions.extend(answers.map(|answer| Action::Send(attempt, answer)));
            actions.push(Action::Record(attempt));
        }
    }

    /// What can come next without a fault or a wish.
    fn progress<'a>(&'a self, world: &'a World) -> impl Iterator<Item = World> + 'a {
        let mut actions = Vec::new();
        self.actions(world, &mut actions);
        let progress = actions.into_iter().filter(|action| action.is_progress());
        progress.filter_map(|action| self.next_state(world, action))
    }

    /// Walks the whole graph: whether from each state a way without a further fault or wish leads to a state
    /// in which everything due is settled. The number of states, or a state without such a way.
    pub(crate) fn each_state_can_settle(&self) -> Result<usize, Box<World>> {
        let mut numbers: HashMap<World, u32> = HashMap::new();
        let mut came_from: Vec<Vec<u32>> = Vec::new();
        let mut settled = Vec::new();
        let mut queue = VecDeque::new();
        for world in self.init_states() {
            numbers.insert(world.clone(), 0);
            came_from.push(Vec::new());
            queue.push_back((0, world));
        }
        while let Some((from, world)) = queue.pop_front() {
            if world.now == self.until && world.is_settled(self) {
                settled.push(from);
            }
            let mut actions = Vec::new();
            self.actions(&world, &mut actions);
            for action in actions {
                let Some(next) = self.next_state(&world, action) else {
                    continue;
                };
                let count = u32::try_from(numbers.len()).expect("fewer than 2^32 states");
                let number = *numbers.entry(next.clone()).or_insert(count);
                if number == count {
                    came_from.push(Vec::new());
                    queue.push_back((number, next));
                }
                if action.is_progress() {
                    came_from[number as usize].push(from);
                }
            }
        }
        let mut can = vec![false; numbers.len()];
        while let Some(state) = settled.pop() {
            if !std::mem::replace(&mut can[state as usize], true) {
                settled.append(&mut came_from[state as usize]);
            }
        }
        let count = numbers.len();
        let stuck = numbers
            .into_iter()
            .find(|(_, number)| !can[*number as usize]);
        stuck.map_or(Ok(count), |(world, _)| Err(Box::new(world)))
    }
}

impl World {
    fn reached(&self, phase: Phase, occurrence: i32) -> bool {
        self.rows
            .iter()
            .flatten()
            .any(|state| state.phase() == phase && state.timing().occurrence == occurrence)
    }
}
