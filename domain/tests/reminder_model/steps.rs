//! What each part does: one function for each transaction of the store and each call between processes. The
//! comment of each names the code that it stands for; decisions are the domain's own.

use domain::{
    event::EventType,
    reminder::{Alarm, Effect, Input, Phase, State},
};

use uuid::Uuid;

use crate::world::{
    Answer, Attempt, Command, Delivery, Due, Job, Protocol, Settle, Target, TaskEvent, World, at,
    id, number,
};

impl World {
    /// Writes a reminder; that the input is impossible is noted.
    fn input(&mut self, reminder: usize, input: &Input, protocol: &Protocol) {
        let Some(state) = self.rows[reminder].clone() else {
            return;
        };
        match state.apply(input, at(self.now), protocol.policy) {
            Ok((next, _)) => self.rows[reminder] = Some(next),
            Err(_) => self.wrong.impossible = true,
        }
    }

    /// `tasks::create`.
    pub(crate) fn create(&mut self, reminder: u8) {
        self.rows[usize::from(reminder)] = Some(State::new(id(reminder), at(1), false));
        self.task_events.insert((reminder, 0));
    }

    /// A write of the gateway, or a put of the operator: `replace_for_task`, `cancel_for_tasks`, `put`.
    /// `None`: it changes nothing, or is refused.
    pub(crate) fn command(
        &mut self,
        reminder: u8,
        command: Command,
        protocol: &Protocol,
    ) -> Option<()> {
        let old = self.rows[usize::from(reminder)].clone()?;
        let later =
            |steps| Some(at(self.now + steps)).filter(|_| self.now + steps <= protocol.until);
        let input = match command {
            Command::Edit(steps) => Input::Edit {
                fire_at: later(steps)?,
            },
            Command::Suspend => Input::Suspend,
            Command::Resume => Input::Resume,
            Command::Snooze(steps) => Input::Snooze {
                until: later(steps)?,
            },
            Command::Cancel => Input::Cancel,
            Command::Complete => Input::Complete,
            Command::Restore(steps) => Input::Restore {
                fire_at: later(steps)?,
            },
        };
        let (next, _) = old
            .clone()
            .apply(&input, at(self.now), protocol.policy)
            .ok()?;
        if next == old {
            return None;
        }
        self.rows[usize::from(reminder)] = Some(next);
        self.task_events.insert((reminder, self.left.commands));
        self.left.commands -= 1;
        Some(())
    }

    /// `AlarmWork::to_set` and `to_cancel`, and the steps of `settle_one` that follow from them.
    fn work(state: &State) -> Vec<Settle> {
        let timing = state.timing();
        let own = timing.alarm();
        let set = state.scheduled_generation();
        let wants = state.phase().is_waiting() && !state.is_suspended();
        let mut steps = Vec::new();
        if wants && set != Some(timing.generation) {
            steps.extend([Settle::Set(own, timing.fire_at), Settle::NoteSet(own)]);
        }
        if let Some(generation) = set.filter(|&set| !wants || set != timing.generation) {
            let old = Alarm { generation, ..own };
            steps.extend([Settle::Cancel(old), Settle::NoteGone(old)]);
        }
        steps
    }

    /// The reminders service begins with a task event (`Reminders::handle`).
    pub(crate) fn handle(&mut self, event: TaskEvent, protocol: &Protocol) -> Option<()> {
        let taken = self.jobs.iter().any(|job| job.event == Some(event));
        if taken || self.jobs.len() >= protocol.workers {
            return None;
        }
        let steps = Self::work(self.rows[usize::from(event.0)].as_ref()?);
        if steps.is_empty() {
            self.task_events.remove(&event);
        } else {
            self.begin(event.0, Some(event), steps);
        }
        Some(())
    }

    /// The sweep begins with an alarm that is not as it should be (`unarmed`, `left_over`).
    pub(crate) fn mend(&mut self, reminder: u8, protocol: &Protocol) -> Option<()> {
        let state = self.rows[usize::from(reminder)].as_ref()?;
        let wants = state.phase().is_waiting() && !state.is_suspended();
        let unarmed = state.phase() == Phase::Pending && wants;
        let left_over = state.scheduled_generation().is_some() && !wants;
        let sweeping = self.jobs.iter().any(|job| job.event.is_none());
        if sweeping || self.jobs.len() >= protocol.workers || !(unarmed || left_over) {
            return None;
        }
        let steps = Self::work(state);
        self.begin(reminder, None, steps);
        Some(())
    }

    fn begin(&mut self, reminder: u8, event: Option<TaskEvent>, steps: Vec<Settle>) {
        self.jobs.push(Job {
            reminder,
            event,
            steps,
        });
        self.jobs.sort();
    }

    /// One step of settling: a call of the alarm clock, or a transaction.
    pub(crate) fn settle(&mut self, job: usize, protocol: &Protocol) {
        let step = self.jobs[job].steps.remove(0);
        let reminder = usize::from(self.jobs[job].reminder);
        match step {
            Settle::Set(alarm, when) => {
                self.clock.insert(alarm, when);
            }
            Settle::NoteSet(alarm) => {
                self.input(reminder, &Input::AlarmSet(alarm), protocol);
            }
            Settle::Cancel(alarm) => {
                self.clock.remove(&alarm);
            }
            Settle::NoteGone(alarm) => {
                self.input(reminder, &Input::AlarmGone(alarm), protocol);
            }
        }
        if self.jobs[job].steps.is_empty()
            && let Some(event) = self.jobs.remove(job).event
        {
            self.task_events.remove(&event);
        }
        self.jobs.sort();
    }

    /// The sweep finds an alarm gone that is noted as set and lies ahead (`imminent`).
    pub(crate) fn set_again(&mut self, reminder: u8) -> Option<()> {
        let timing = self.waiting(reminder)?.timing();
        let noted = self.waiting(reminder)?.phase() == Phase::Scheduled;
        if !noted || timing.fire_at <= at(self.now) || self.clock.contains_key(&timing.alarm()) {
            return None;
        }
        self.clock.insert(timing.alarm(), timing.fire_at);
        Some(())
    }

    /// `ring`, one transaction. `basis`: the row as it was read before, without the lock. `true`: the caller
    /// is done with the alarm.
    pub(crate) fn ring(
        &mut self,
        alarm: Alarm,
        room: bool,
        basis: Option<State>,
        protocol: &Protocol,
    ) -> bool {
        let reminder = number(&alarm);
        let Some(row) = self.rows[reminder].clone() else {
            return true;
        };
        let read = basis.unwrap_or_else(|| row.clone());
        let broken = protocol.broken;
        let input = Input::Rings {
            alarm: if broken.no_generation {
                read.timing().alarm()
            } else {
                alarm
            },
            room,
            newer: None,
        };
        let mut now = at(self.now);
        if broken.no_due_check {
            now = now.max(read.timing().fire_at);
        }
        let Ok((next, effects)) = read.apply(&input, now, protocol.policy) else {
            self.wrong.impossible = true;
            return true;
        };
        if effects.contains(&Effect::RingAgain) {
            return false;
        }
        if effects.iter().any(|e| matches!(e, Effect::Claim { .. })) {
            let of = u8::try_from(reminder).expect("few reminders");
            let occurrence = next.timing().occurrence;
            if !self.firings.insert((of, occurrence)) {
                if !broken.no_key {
                    // The transaction fails, and the alarm rings again.
                    self.wrong.refused_by_key = true;
                    return false;
                }
                self.wrong.claimed_twice = true;
            }
            let committed = row.timing();
            self.wrong.early |= at(self.now) < committed.fire_at;
            self.wrong.after_cancel |= row.phase() == Phase::Cancelled || row.is_suspended();
            self.wrong.by_a_stale_alarm |= alarm != committed.alarm();
            if effects.contains(&Effect::Announce(EventType::ReminderDue)) {
                self.outbox.insert(Due {
                    reminder: of,
                    occurrence,
                    told: 0,
                });
            }
        }
        self.rows[reminder] = Some(next);
        true
    }

    /// `tell_again`: it fired, and nobody serves it.
    pub(crate) fn tell_again(&mut self, reminder: u8) -> Option<()> {
        let state = self.rows[usize::from(reminder)].as_ref()?;
        let occurrence = state.timing().occurrence;
        let of = |due: &&Due| due.reminder == reminder && due.occurrence == occurrence;
        let served =
            |target: &Target| (target.reminder, target.occurrence) == (reminder, occurrence);
        if state.phase() != Phase::Fired || self.deliveries.keys().any(served) {
            return None;
        }
        let under_way = self
            .outbox
            .iter()
            .chain(&self.due_events)
            .any(|due| of(&due));
        if under_way {
            self.left.told = self.left.told.checked_sub(1)?;
        }
        let told = self
            .outbox
            .iter()
            .chain(&self.due_events)
            .chain(&self.inbox);
        let told = told.filter(of).map(|due| due.told + 1).max().unwrap_or(1);
        self.outbox.insert(Due {
            reminder,
            occurrence,
            told,
        });
        Some(())
    }

    /// Notifications takes a `reminder.due`: inbox and deliveries in one transaction (`plan`).
    pub(crate) fn plan(&mut self, due: Due, protocol: &Protocol) {
        if !self.inbox.insert(due) {
            return;
        }
        for channel in 0..protocol.channels {
            let target = Target {
                reminder: due.reminder,
                occurrence: due.occurrence,
                channel,
            };
            self.deliveries.entry(target).or_insert(Delivery::Pending);
        }
        if protocol.channels == 0 {
            self.finish(due.reminder, due.occurrence, true, protocol);
        }
    }

    /// Notifications takes a delivery (`take`): once at a time, unless its lease is over.
    pub(crate) fn take(&mut self, target: Target, protocol: &Protocol) -> Option<()> {
        if self.deliveries.get(&target) != Some(&Delivery::Pending) {
            return None;
        }
        match self.attempts.iter().filter(|a| a.target == target).count() {
            0 => {}
            1 => self.left.pauses = self.left.pauses.checked_sub(1)?,
            _ => return None,
        }
        if protocol.broken.recorded_first {
            self.record(target, Answer::Accepted, protocol);
        }
        self.attempts.push(Attempt {
            target,
            answer: None,
        });
        self.attempts.sort();
        Some(())
    }

    /// It is sent, and this is the answer.
    pub(crate) fn send(
        &mut self,
        attempt: usize,
        answer: Answer,
        protocol: &Protocol,
    ) -> Option<()> {
        let target = self.attempts[attempt].target;
        if self.attempts[attempt].answer.is_some() {
            return None;
        }
        if answer != Answer::Accepted {
            self.left.failures = self.left.failures.checked_sub(1)?;
        }
        if matches!(answer, Answer::Accepted | Answer::Lost) {
            let seen = self.seen.entry(target).or_default();
            let mut key = target.idempotency_key();
            if protocol.broken.fresh_keys {
                key = Uuid::new_v5(&key, &[seen.times]);
            }
            seen.keys.insert(key);
            seen.times = 2.min(seen.times + 1);
        }
        self.attempts[attempt].answer = Some(answer);
        self.attempts.sort();
        Some(())
    }

    /// The answer is recorded (`record`), and the process is done with it.
    pub(crate) fn done(&mut self, attempt: usize, protocol: &Protocol) -> Option<()> {
        let answer = self.attempts[attempt].answer?;
        let target = self.attempts.remove(attempt).target;
        self.record(target, answer, protocol);
        Some(())
    }

    fn record(&mut self, target: Target, answer: Answer, protocol: &Protocol) {
        let delivery = self.deliveries.entry(target).or_insert(Delivery::Pending);
        if *delivery == Delivery::Pending {
            *delivery = match answer {
                Answer::Accepted => Delivery::Delivered,
                Answer::Lost | Answer::Refused => Delivery::Pending,
                Answer::Gone => Delivery::Failed,
            };
        }
        let of_firing = self.deliveries.iter().filter(|(other, _)| {
            (other.reminder, other.occurrence) == (target.reminder, target.occurrence)
        });
        let states: Vec<Delivery> = of_firing.map(|(_, state)| *state).collect();
        if !states.contains(&Delivery::Pending) {
            let failed = states.contains(&Delivery::Failed);
            self.finish(target.reminder, target.occurrence, failed, protocol);
        }
    }

    fn finish(&mut self, reminder: u8, occurrence: i32, failed: bool, protocol: &Protocol) {
        let input = if failed {
            Input::GaveUp {
                occurrence,
                reason: "a channel gave up".into(),
            }
        } else {
            Input::Delivered { occurrence }
        };
        self.input(reminder.into(), &input, protocol);
    }
}
