//! What becomes of a reminder: [`State::apply`].

use chrono::{DateTime, Utc};

use super::{
    Alarm, CatchUp, Effect, Firing, Impossible, Input, LATE, Phase, Ringing, State, Timing,
    WhyMissed, decide_in_series,
};
use crate::event::EventType;

type Step = Result<(State, Vec<Effect>), &'static str>;

impl State {
    /// What becomes of it. Equal arguments give equal results.
    ///
    /// # Errors
    /// The input is impossible in this phase.
    pub fn apply(
        self,
        input: &Input,
        now: DateTime<Utc>,
        policy: CatchUp,
    ) -> Result<(Self, Vec<Effect>), Impossible> {
        let phase = self.phase();
        let step = match input {
            Input::Edit { fire_at } => self.edit(*fire_at),
            Input::Suspend => self.suspend(true),
            Input::Resume => self.suspend(false),
            Input::Snooze { until } => self.snooze(*until, now),
            Input::Cancel if phase.is_waiting() => Ok(self.cancel()),
            Input::Cancel if phase == Phase::Cancelled => unchanged(self),
            Input::Cancel => Err("it is too late: it fired, or it was missed"),
            Input::Complete if phase.is_waiting() => Ok(self.cancel()),
            Input::Complete => unchanged(self),
            Input::Restore { fire_at } => match self {
                Self::Cancelled { timing, left_over } => {
                    Ok(wait(timing.edited(*fire_at), false, left_over))
                }
                _ => unchanged(self),
            },
            Input::AlarmSet(alarm) => self.alarm_set(alarm),
            Input::AlarmGone(alarm) => self.alarm_gone(alarm),
            Input::Rings { alarm, room, newer } => Ok(self.ring(alarm, *room, *newer, now, policy)),
            Input::Overdue { alarm, newer } => Ok(self.ring(alarm, true, *newer, now, policy)),
            Input::Unserved if phase == Phase::Fired => {
                Ok((self, vec![Effect::Announce(EventType::ReminderDue)]))
            }
            Input::Unserved => unchanged(self),
            Input::Delivered { occurrence } => self.served(*occurrence, None),
            Input::GaveUp { occurrence, reason } => self.served(*occurrence, Some(reason)),
            Input::Miss(why) => self.miss(*why, now),
        };
        step.map_err(|why| Impossible {
            phase,
            input: input.name(),
            why,
        })
    }

    fn edit(self, fire_at: DateTime<Utc>) -> Step {
        if let Self::Cancelled { .. } = self {
            return Err("it was withdrawn; restore it");
        }
        let timing = self.timing();
        if timing.fire_at == fire_at {
            return unchanged(self);
        }
        let timing = if self.phase().is_waiting() {
            timing.edited(fire_at)
        } else {
            timing.again(fire_at)
        };
        Ok(self.wait_anew(timing))
    }

    fn suspend(self, hold: bool) -> Step {
        if !self.phase().is_waiting() {
            return Err("it does not wait any more");
        }
        if self.is_suspended() == hold {
            return unchanged(self);
        }
        let timing = self.timing();
        let left_over = self.scheduled_generation();
        Ok(wait(timing.edited(timing.fire_at), hold, left_over))
    }

    fn snooze(self, until: DateTime<Utc>, now: DateTime<Utc>) -> Step {
        if let Self::Cancelled { .. } = self {
            return Err("it was withdrawn; restore it");
        }
        if until <= now {
            return Err("the time has passed");
        }
        let timing = self.timing().again(until);
        Ok(self.wait_anew(timing))
    }

    /// Waits from now on for another time. An alarm set before is to be taken away, by its own name.
    fn wait_anew(self, timing: Timing) -> (Self, Vec<Effect>) {
        let old = self.timing();
        let (state, mut effects) = wait(timing, self.is_suspended(), self.scheduled_generation());
        for effect in &mut effects {
            if let Effect::CancelAlarm(alarm) = effect {
                alarm.occurrence = old.occurrence;
            }
        }
        (state, effects)
    }

    /// Call it of one that waits.
    fn cancel(self) -> (Self, Vec<Effect>) {
        let timing = self.timing();
        let left_over = self.scheduled_generation();
        let mut effects = vec![Effect::Announce(EventType::ReminderCancelled)];
        effects.extend(left_over.map(|set| cancel_alarm(timing, set)));
        (Self::Cancelled { timing, left_over }, effects)
    }

    fn alarm_set(self, alarm: &Alarm) -> Step {
        let timing = self.timing();
        if alarm.generation > timing.generation {
            return Err("it has not come to that generation");
        }
        match self {
            Self::Pending {
                suspended: true, ..
            } if alarm.generation == timing.generation => Err("it is held back and has no alarm"),
            Self::Pending { .. } if alarm.generation == timing.generation => Ok((
                Self::Scheduled { timing },
                vec![Effect::Announce(EventType::ReminderScheduled)],
            )),
            // It changed meanwhile: the alarm rings and is recognised as stale.
            _ => unchanged(self),
        }
    }

    fn alarm_gone(self, alarm: &Alarm) -> Step {
        let timing = self.timing();
        if alarm.generation > timing.generation {
            return Err("it has not come to that generation");
        }
        match self {
            Self::Scheduled { .. } if alarm.generation == timing.generation => {
                Err("it waits for that alarm")
            }
            Self::Pending {
                suspended,
                left_over: Some(set),
                ..
            } if set == alarm.generation => unchanged(Self::Pending {
                timing,
                suspended,
                left_over: None,
            }),
            Self::Cancelled {
                left_over: Some(set),
                ..
            } if set == alarm.generation => unchanged(Self::Cancelled {
                timing,
                left_over: None,
            }),
            _ => unchanged(self),
        }
    }

    fn ring(
        self,
        alarm: &Alarm,
        room: bool,
        newer: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        policy: CatchUp,
    ) -> (Self, Vec<Effect>) {
        if self.is_suspended() {
            return (self, Vec::new());
        }
        let timing = self.timing();
        let ringing = Ringing {
            phase: self.phase(),
            generation: timing.generation,
            occurrence: timing.occurrence,
            fire_at: timing.fire_at,
        };
        match decide_in_series(&ringing, alarm, now, policy, newer) {
            Firing::Early => (self, vec![Effect::RingAgain]),
            // One that rings again for what it has fired is of no interest to anybody.
            Firing::Stale if *alarm == timing.alarm() => (self, Vec::new()),
            // Nor is one of a later time, which a store restored from a copy may meet.
            Firing::Stale if alarm.generation > timing.generation => (self, Vec::new()),
            Firing::Stale => (self, vec![Effect::NoteStale(*alarm)]),
            Firing::Miss => {
                let why = policy
                    .lets_go(timing.fire_at, now, newer)
                    .unwrap_or(WhyMissed::Window((now - timing.fire_at).num_seconds()));
                missed(timing, why)
            }
            Firing::Fire { late } if late > LATE && !room => (self, vec![Effect::LeaveToSweep]),
            Firing::Fire { late } => (
                Self::Fired {
                    timing,
                    fired_at: now,
                },
                vec![
                    Effect::Claim {
                        alarm: *alarm,
                        late,
                    },
                    Effect::Announce(EventType::ReminderDue),
                ],
            ),
        }
    }

    fn served(self, occurrence: i32, gave_up: Option<&String>) -> Step {
        let timing = self.timing();
        if occurrence > timing.occurrence {
            return Err("it has not come to that occurrence");
        }
        // Snoozed meanwhile: the row tells of the occurrence that waits.
        if occurrence < timing.occurrence {
            return unchanged(self);
        }
        match (self, gave_up) {
            (Self::Fired { fired_at, .. }, None) => Ok((
                Self::Delivered { timing, fired_at },
                vec![Effect::Announce(EventType::ReminderDelivered)],
            )),
            (Self::Fired { fired_at, .. }, Some(reason)) => Ok((
                Self::Failed {
                    timing,
                    fired_at,
                    reason: reason.clone(),
                },
                vec![Effect::Announce(EventType::ReminderFailed)],
            )),
            (over @ (Self::Delivered { .. } | Self::Failed { .. }), _) => unchanged(over),
            _ => Err("that occurrence has not fired"),
        }
    }

    fn miss(self, why: WhyMissed, now: DateTime<Utc>) -> Step {
        let timing = self.timing();
        match self {
            Self::Missed { .. } => unchanged(self),
            _ if !self.phase().is_waiting() => Err("it does not wait any more"),
            _ if self.is_suspended() => Err("it is held back"),
            _ if timing.fire_at > now => Err("it is not due yet"),
            _ => Ok(missed(timing, why)),
        }
    }
}

fn unchanged(state: State) -> Step {
    Ok((state, Vec::new()))
}

fn cancel_alarm(timing: Timing, generation: i64) -> Effect {
    Effect::CancelAlarm(Alarm {
        generation,
        ..timing.alarm()
    })
}

/// Waits for `timing`; the alarm of an earlier generation is to be taken away after its own is set.
fn wait(timing: Timing, suspended: bool, left_over: Option<i64>) -> (State, Vec<Effect>) {
    let set = (!suspended).then(|| Effect::SetAlarm(timing.alarm(), timing.fire_at));
    let gone = left_over.map(|generation| cancel_alarm(timing, generation));
    let state = State::Pending {
        timing,
        suspended,
        left_over,
    };
    (state, set.into_iter().chain(gone).collect())
}

fn missed(timing: Timing, why: WhyMissed) -> (State, Vec<Effect>) {
    (
        State::Missed { timing, why },
        vec![Effect::Announce(EventType::ReminderFailed)],
    )
}
