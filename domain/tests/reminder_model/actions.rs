//! Every step that somebody can take.

use domain::reminder::{Alarm, State};

use crate::world::{
    Answer, Command, Delivery, Due, Protocol, Target, TaskEvent, World, at, number,
};

/// One step of somebody.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Action {
    /// Five minutes pass.
    Tick,
    Create(u8),
    Command(u8, Command),
    /// The reminders service begins with a task event.
    Handle(TaskEvent),
    /// One step of settling an alarm.
    Settle(usize),
    /// The sweep: alarms not set or left over, alarms lost, overdue, unserved.
    Mend(u8),
    SetAgain(u8),
    Overdue(u8),
    TellAgain(u8),
    /// An alarm rings and is acknowledged. Whether the catch-up rate has room.
    Ring(Alarm, bool),
    /// An alarm rings twice, late, out of turn, or its acknowledgement is lost.
    RingOnly(Alarm),
    /// A transaction that did not lock its row, or whose alarm is acknowledged already, is committed.
    Commit(usize),
    LoseAlarm(Alarm),
    /// All of what follows, in one step.
    Deliver(Due),
    /// The relay: to the broker, then the note that it is there.
    Publish(Due),
    NotePublished(Due),
    /// Notifications: the deliveries are planned, then the event is acknowledged.
    Plan(Due),
    Acknowledge(Due),
    LoseEvent(Due),
    Take(Target),
    Send(usize, Answer),
    Record(usize),
    CrashReminders,
    CrashRelay,
    CrashNotifications,
}

impl Action {
    /// Neither a fault, nor somebody's wish.
    pub(crate) fn is_progress(self) -> bool {
        !matches!(
            self,
            Self::Command(..)
                | Self::RingOnly(_)
                | Self::LoseAlarm(_)
                | Self::LoseEvent(_)
                | Self::Send(_, Answer::Lost | Answer::Refused | Answer::Gone)
                | Self::CrashReminders
                | Self::CrashRelay
                | Self::CrashNotifications
        )
    }
}

impl World {
    /// `None`: it cannot be done now.
    pub(crate) fn step(&mut self, action: Action, protocol: &Protocol) -> Option<()> {
        let broken = protocol.broken;
        match action {
            Action::Tick => self.now += 1,
            Action::Create(reminder) => self.create(reminder),
            Action::Command(reminder, command) => self.command(reminder, command, protocol)?,
            Action::Handle(event) => self.handle(event, protocol)?,
            Action::Settle(job) => self.settle(job, protocol),
            Action::Mend(reminder) => self.mend(reminder, protocol)?,
            Action::SetAgain(reminder) => self.set_again(reminder)?,
            Action::Overdue(reminder) => {
                let timing = self.waiting(reminder)?.timing();
                if timing.fire_at > at(self.now) {
                    return None;
                }
                self.ring(timing.alarm(), true, None, protocol);
            }
            Action::TellAgain(reminder) => self.tell_again(reminder)?,
            Action::Ring(alarm, _) if broken.no_lock || broken.alarm_acknowledged_first => {
                if self.rung.len() > 1 || !self.is_due(&alarm, protocol) {
                    return None;
                }
                let read: Option<State> = self.rows[number(&alarm)].clone();
                self.rung.push((alarm, read.filter(|_| broken.no_lock)));
                if broken.alarm_acknowledged_first {
                    self.clock.remove(&alarm);
                }
            }
            Action::Ring(alarm, room) => {
                if self.ring(alarm, room, None, protocol) {
                    self.clock.remove(&alarm);
                }
            }
            Action::RingOnly(_) if broken.no_lock || broken.alarm_acknowledged_first => {
                return None;
            }
            Action::RingOnly(alarm) => {
                self.ring(alarm, true, None, protocol);
            }
            Action::Commit(index) => {
                let (alarm, read) = self.rung.remove(index);
                if self.ring(alarm, true, read, protocol) {
                    self.clock.remove(&alarm);
                }
            }
            Action::LoseAlarm(alarm) => {
                self.clock.remove(&alarm);
                self.left.alarms_lost -= 1;
            }
            Action::Deliver(due) => {
                self.outbox.remove(&due);
                self.plan(due, protocol);
                while let Some((&target, _)) = self
                    .deliveries
                    .iter()
                    .find(|(_, d)| **d == Delivery::Pending)
                {
                    self.take(target, protocol)?;
                    self.send(0, Answer::Accepted, protocol)?;
                    self.done(0, protocol)?;
                }
            }
            Action::Publish(due) => {
                self.published.insert(due);
                self.due_events.insert(due);
            }
            Action::NotePublished(due) => {
                self.published.remove(&due);
                self.outbox.remove(&due);
            }
            Action::Plan(due) => {
                if broken.event_acknowledged_first && !self.handling.remove(&due) {
                    return None;
                }
                self.plan(due, protocol);
            }
            Action::Acknowledge(due) => {
                self.due_events.remove(&due);
                if broken.event_acknowledged_first {
                    self.handling.insert(due);
                }
            }
            Action::LoseEvent(due) => {
                self.due_events.remove(&due);
                self.left.events_lost -= 1;
            }
            Action::Take(target) => self.take(target, protocol)?,
            Action::Send(attempt, answer) => self.send(attempt, answer, protocol)?,
            Action::Record(attempt) => self.done(attempt, protocol)?,
            Action::CrashReminders => {
                if self.jobs.is_empty() && self.rung.is_empty() {
                    return None;
                }
                self.jobs.clear();
                self.rung.clear();
                self.left.crashes -= 1;
            }
            Action::CrashRelay => {
                if self.published.is_empty() {
                    return None;
                }
                self.published.clear();
                self.left.crashes -= 1;
            }
            Action::CrashNotifications => {
                if self.attempts.is_empty() && self.handling.is_empty() {
                    return None;
                }
                self.attempts.clear();
                self.handling.clear();
                self.left.crashes -= 1;
            }
        }
        Some(())
    }

    fn is_due(&self, alarm: &Alarm, protocol: &Protocol) -> bool {
        protocol.broken.no_due_check
            || self
                .clock
                .get(alarm)
                .is_some_and(|when| *when <= at(self.now))
    }
}
