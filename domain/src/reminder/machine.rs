//! The states of a reminder, what may happen to it, and what has to be done then.

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

use super::{Alarm, Phase, WhyMissed};
use crate::event::EventType;

/// Which reminder, which of its edits and snoozes, and when that fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timing {
    /// The reminder.
    pub reminder: Uuid,
    /// One more with each edit.
    pub generation: i64,
    /// One more with each snooze.
    pub occurrence: i32,
    /// When it fires.
    pub fire_at: DateTime<Utc>,
}

impl Timing {
    /// The alarm that stands for it.
    pub fn alarm(&self) -> Alarm {
        Alarm {
            reminder: self.reminder,
            occurrence: self.occurrence,
            generation: self.generation,
        }
    }

    pub(super) fn edited(self, fire_at: DateTime<Utc>) -> Self {
        Self {
            generation: self.generation + 1,
            fire_at,
            ..self
        }
    }

    pub(super) fn again(self, fire_at: DateTime<Utc>) -> Self {
        Self {
            occurrence: self.occurrence + 1,
            ..self.edited(fire_at)
        }
    }
}

/// A reminder, with what its phase has and nothing else: only one that fired has a time at which it
/// did, only one that waits or was cancelled may have an alarm left over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum State {
    /// Written; its own alarm is not noted as set.
    Pending {
        /// When it fires.
        timing: Timing,
        /// Held back: it keeps its time, has no alarm and does not fire.
        suspended: bool,
        /// The generation of an alarm set earlier and not noted as taken away.
        left_over: Option<i64>,
    },
    /// The alarm of its own generation is set.
    Scheduled {
        /// When it fires.
        timing: Timing,
    },
    /// Claimed; its channels are being served.
    Fired {
        /// When it should have fired.
        timing: Timing,
        /// When it was claimed.
        fired_at: DateTime<Utc>,
    },
    /// Every channel took it.
    Delivered {
        /// When it should have fired.
        timing: Timing,
        /// When it was claimed.
        fired_at: DateTime<Utc>,
    },
    /// At least one channel gave up for good.
    Failed {
        /// When it should have fired.
        timing: Timing,
        /// When it was claimed.
        fired_at: DateTime<Utc>,
        /// Why. Holds no secret.
        reason: String,
    },
    /// The catch-up policy let it go.
    Missed {
        /// When it should have fired.
        timing: Timing,
        /// Why.
        why: WhyMissed,
    },
    /// Withdrawn before it fired.
    Cancelled {
        /// When it would have fired.
        timing: Timing,
        /// The generation of an alarm not noted as taken away.
        left_over: Option<i64>,
    },
}

/// What happens to a reminder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// Its owner gives it another time.
    Edit {
        /// The time.
        fire_at: DateTime<Utc>,
    },
    /// Its owner holds it back.
    Suspend,
    /// Its owner lets it go on.
    Resume,
    /// Its owner wants it once more, later.
    Snooze {
        /// When; in the future.
        until: DateTime<Utc>,
    },
    /// Its owner withdraws it.
    Cancel,
    /// Its task is completed or deleted, or written without it.
    Complete,
    /// Its task is open again, or written with it again.
    Restore {
        /// When it fires.
        fire_at: DateTime<Utc>,
    },
    /// The alarm clock took an alarm.
    AlarmSet(Alarm),
    /// The alarm clock took an alarm away.
    AlarmGone(Alarm),
    /// An alarm rings.
    Rings {
        /// Which.
        alarm: Alarm,
        /// Whether the catch-up rate has room for one more late firing.
        room: bool,
        /// When the newest waiting reminder of its series is due.
        newer: Option<DateTime<Utc>>,
    },
    /// The sweep found it overdue, when it was as this alarm says; it keeps the catch-up rate itself.
    Overdue {
        /// Its alarm as the sweep read it.
        alarm: Alarm,
        /// When the newest waiting reminder of its series is due.
        newer: Option<DateTime<Utc>>,
    },
    /// The sweep found that it fired and nobody serves its channels.
    Unserved,
    /// Every channel of a firing took it.
    Delivered {
        /// The firing.
        occurrence: i32,
    },
    /// A channel of a firing gave up, and none is still being served.
    GaveUp {
        /// The firing.
        occurrence: i32,
        /// Why. Holds no secret.
        reason: String,
    },
    /// The catch-up policy let it go, decided over many at once.
    Miss(WhyMissed),
}

/// What has to be done with a transition: the first two at the alarm clock once the transaction is
/// committed, all others in the transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Set an alarm. When that fails the sweep does it.
    SetAlarm(Alarm, DateTime<Utc>),
    /// Take an alarm away. When that fails it rings and is recognised as stale.
    CancelAlarm(Alarm),
    /// Write the claim of this firing; its key admits one.
    Claim {
        /// The generation and occurrence that fire.
        alarm: Alarm,
        /// How late, never negative.
        late: Duration,
    },
    /// Tell of it.
    Announce(EventType),
    /// Leave a line in the trail: an alarm from before an edit or a snooze rang.
    NoteStale(Alarm),
    /// Do not acknowledge the alarm: it came early and must ring again.
    RingAgain,
    /// Leave the firing to the sweep, which keeps the catch-up rate.
    LeaveToSweep,
}

/// An input that a reminder in this phase cannot take. It stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("a reminder that is {phase:?} cannot take {input}: {why}")]
pub struct Impossible {
    /// Where it stands.
    pub phase: Phase,
    /// What it was to take.
    pub input: &'static str,
    /// Why not.
    pub why: &'static str,
}

impl Input {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Edit { .. } => "edit",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Snooze { .. } => "snooze",
            Self::Cancel => "cancel",
            Self::Complete => "complete",
            Self::Restore { .. } => "restore",
            Self::AlarmSet(_) => "alarm set",
            Self::AlarmGone(_) => "alarm gone",
            Self::Rings { .. } => "rings",
            Self::Overdue { .. } => "overdue",
            Self::Unserved => "unserved",
            Self::Delivered { .. } => "delivered",
            Self::GaveUp { .. } => "gave up",
            Self::Miss(_) => "miss",
        }
    }
}

impl State {
    /// A new reminder. Its alarm is to be set unless it is held back.
    pub fn new(reminder: Uuid, fire_at: DateTime<Utc>, suspended: bool) -> Self {
        Self::Pending {
            timing: Timing {
                reminder,
                generation: 1,
                occurrence: 0,
                fire_at,
            },
            suspended,
            left_over: None,
        }
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Pending { .. } => Phase::Pending,
            Self::Scheduled { .. } => Phase::Scheduled,
            Self::Fired { .. } => Phase::Fired,
            Self::Delivered { .. } => Phase::Delivered,
            Self::Failed { .. } => Phase::Failed,
            Self::Missed { .. } => Phase::Missed,
            Self::Cancelled { .. } => Phase::Cancelled,
        }
    }

    /// Which of its edits and snoozes it is at.
    pub fn timing(&self) -> Timing {
        match self {
            Self::Pending { timing, .. }
            | Self::Scheduled { timing }
            | Self::Fired { timing, .. }
            | Self::Delivered { timing, .. }
            | Self::Failed { timing, .. }
            | Self::Missed { timing, .. }
            | Self::Cancelled { timing, .. } => *timing,
        }
    }

    /// Whether it is held back.
    pub fn is_suspended(&self) -> bool {
        matches!(self, Self::Pending { suspended, .. } if *suspended)
    }

    /// The generation whose alarm is noted as set, its own or one left over.
    pub fn scheduled_generation(&self) -> Option<i64> {
        match self {
            Self::Scheduled { timing } => Some(timing.generation),
            Self::Pending { left_over, .. } | Self::Cancelled { left_over, .. } => *left_over,
            _ => None,
        }
    }
}
