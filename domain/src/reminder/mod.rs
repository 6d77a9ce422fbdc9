//! The life of one reminder.
//!
//! ```text
//! Pending ──► Scheduled ──► Fired ──► Delivered
//!    │            │           └─────► Failed      a channel gave up
//!    │            ├─────────────────► Missed      the catch-up policy let it go
//!    └────────────┴─────────────────► Cancelled
//! ```
//!
//! A reminder has a *generation*, bumped by each edit, so that an alarm set before the edit is
//! recognised as stale; and an *occurrence*, bumped by each snooze, so that a snoozed reminder may
//! fire again. A firing is claimed once for each `(reminder, occurrence)`.
//!
//! [`State`] is the whole of it as a pure state machine; [`decide`] is the part of it that answers a
//! ringing alarm. `docs/reminders.md` has the table and the protocol around it.

mod alarm;
mod catch_up;
mod channel;
mod firing;
mod machine;
mod transitions;

use serde::{Deserialize, Serialize};

pub use alarm::Alarm;
pub use catch_up::{CLOCK_SKEW, CatchUp, CatchUpMode, HORIZON, LATE, WhyMissed};
pub use channel::{Channel, ChannelKind, ReminderEvent};
pub use firing::{Firing, Ringing, decide, decide_in_series};
pub use machine::{Effect, Impossible, Input, State, Timing};

/// Where a reminder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Written, its alarm not yet set.
    Pending,
    /// The alarm is set.
    Scheduled,
    /// The time came and the firing was claimed; channels are being served.
    Fired,
    /// Every channel took it.
    Delivered,
    /// At least one channel gave up for good.
    Failed,
    /// Overdue by more than the catch-up policy allows; it was let go.
    Missed,
    /// Withdrawn before it fired.
    Cancelled,
}

impl Phase {
    /// The stored and printed name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Scheduled => "Scheduled",
            Self::Fired => "Fired",
            Self::Delivered => "Delivered",
            Self::Failed => "Failed",
            Self::Missed => "Missed",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Nothing will happen to it any more.
    pub fn is_finished(self) -> bool {
        matches!(
            self,
            Self::Delivered | Self::Failed | Self::Missed | Self::Cancelled
        )
    }

    /// It has yet to fire.
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::Pending | Self::Scheduled)
    }
}

impl std::str::FromStr for Phase {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [
            Self::Pending,
            Self::Scheduled,
            Self::Fired,
            Self::Delivered,
            Self::Failed,
            Self::Missed,
            Self::Cancelled,
        ]
        .into_iter()
        .find(|phase| phase.as_str() == text)
        .ok_or_else(|| format!("unknown reminder phase {text:?}"))
    }
}
