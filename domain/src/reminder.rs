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

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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

/// Which firing an alarm stands for. It travels in the alarm's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Alarm {
    /// The reminder.
    pub reminder: Uuid,
    /// Its occurrence: 0, and one more for each snooze.
    pub occurrence: i32,
    /// The generation that the alarm was set for.
    pub generation: i64,
}

impl Alarm {
    /// Name of the alarm in the scheduler: `r.<id>.<occurrence>.<generation>`.
    pub fn name(&self) -> String {
        format!(
            "r.{}.{}.{}",
            self.reminder, self.occurrence, self.generation
        )
    }

    /// Reads a name that [`Alarm::name`] wrote.
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix("r.")?.split('.');
        let alarm = Self {
            reminder: parts.next()?.parse().ok()?,
            occurrence: parts.next()?.parse().ok()?,
            generation: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(alarm)
    }
}

/// What to do with reminders found overdue after an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatchUp {
    /// Overdue by at most this many seconds: fire late. By more: `Missed`.
    pub window_seconds: i64,
    /// At most this many late firings a second.
    pub per_second: u32,
}

impl Default for CatchUp {
    fn default() -> Self {
        Self {
            window_seconds: 24 * 3600,
            per_second: 50,
        }
    }
}

/// What a fired alarm leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firing {
    /// Claim it and serve the channels.
    Fire {
        /// How late it is, never negative.
        late: Duration,
    },
    /// The alarm is older than the reminder's last edit, or the reminder is over: acknowledge, audit, nothing else.
    Stale,
    /// Not due yet (an alarm of a scheduler whose clock is ahead): try again later.
    Early,
    /// Too late by the catch-up policy.
    Miss,
}

/// What the store knows of a reminder when its alarm rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ringing {
    /// The current phase.
    pub phase: Phase,
    /// The current generation.
    pub generation: i64,
    /// The current occurrence.
    pub occurrence: i32,
    /// When it should fire.
    pub fire_at: DateTime<Utc>,
}

/// An alarm that rings early by at most this is waited for: the scheduler's clock is ahead of ours.
pub const CLOCK_SKEW: Duration = Duration::seconds(2);

/// The alarm clock holds the alarms of this time ahead only: reminders further off are rows of the
/// store and cost it nothing.
pub const HORIZON: Duration = Duration::hours(24);

/// Decides what a ringing alarm leads to. Pure: both the alarm clock and the sweep call it.
pub fn decide(now: &Ringing, alarm: &Alarm, at: DateTime<Utc>, policy: CatchUp) -> Firing {
    if !now.phase.is_waiting()
        || now.generation != alarm.generation
        || now.occurrence != alarm.occurrence
    {
        return Firing::Stale;
    }
    let late = at - now.fire_at;
    if late < Duration::zero() {
        Firing::Early
    } else if late.num_seconds() > policy.window_seconds {
        Firing::Miss
    } else {
        Firing::Fire {
            late: late.max(Duration::zero()),
        }
    }
}

/// A way to reach somebody.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Channel {
    /// An HTTP POST signed by the Standard Webhooks scheme.
    Webhook {
        /// Where to post; absent: the stack's default webhook.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// The user's stored channel whose secret signs; absent: the stack's signing key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Uuid>,
    },
}

impl Channel {
    /// Key of the channel within one firing: deliveries are recorded once for each.
    pub fn key(&self) -> String {
        match self {
            Self::Webhook { id: Some(id), .. } => format!("webhook:{id}"),
            Self::Webhook { url: Some(url), .. } => format!("webhook:{url}"),
            Self::Webhook { .. } => "webhook".into(),
        }
    }
}

/// `data` of every `reminder.*` event, and the body of a webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReminderEvent {
    /// The reminder.
    pub reminder_id: Uuid,
    /// Its occurrence.
    pub occurrence: i32,
    /// Its generation.
    pub generation: i64,
    /// The task, when it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Uuid>,
    /// What to say.
    pub message: String,
    /// When it should fire.
    pub fire_at: DateTime<Utc>,
    /// When it was claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<DateTime<Utc>>,
    /// `fired_at - fire_at` in milliseconds, never negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness_ms: Option<i64>,
    /// Why it failed, was missed or went stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The channels to serve.
    #[serde(default)]
    pub channels: Vec<Channel>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn ringing() -> (Ringing, Alarm) {
        let fire_at = Utc.with_ymd_and_hms(2026, 11, 21, 9, 0, 0).unwrap();
        let alarm = Alarm {
            reminder: Uuid::nil(),
            occurrence: 0,
            generation: 3,
        };
        let now = Ringing {
            phase: Phase::Scheduled,
            generation: 3,
            occurrence: 0,
            fire_at,
        };
        (now, alarm)
    }

    #[test]
    fn an_alarms_name_can_be_read_back() {
        let (_, alarm) = ringing();
        assert_eq!(Alarm::parse(&alarm.name()), Some(alarm));
        for bad in [
            "",
            "r.1",
            "x.0.0.0",
            "r.zz.0.1",
            &format!("{}.9", alarm.name()),
        ] {
            assert_eq!(Alarm::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_alarm_on_time_fires() {
        let (now, alarm) = ringing();
        let at = now.fire_at + Duration::milliseconds(2);
        assert_eq!(
            decide(&now, &alarm, at, CatchUp::default()),
            Firing::Fire {
                late: Duration::milliseconds(2)
            }
        );
    }

    #[test]
    fn an_alarm_from_before_an_edit_is_stale() {
        let (mut now, alarm) = ringing();
        now.generation = 4;
        assert_eq!(
            decide(&now, &alarm, now.fire_at, CatchUp::default()),
            Firing::Stale
        );
    }

    #[test]
    fn a_reminder_that_is_over_does_not_fire_again() {
        for phase in [
            Phase::Fired,
            Phase::Delivered,
            Phase::Cancelled,
            Phase::Missed,
        ] {
            let (mut now, alarm) = ringing();
            now.phase = phase;
            assert_eq!(
                decide(&now, &alarm, now.fire_at, CatchUp::default()),
                Firing::Stale
            );
        }
    }

    #[test]
    fn beyond_the_window_it_is_missed() {
        let (now, alarm) = ringing();
        let policy = CatchUp {
            window_seconds: 60,
            per_second: 1,
        };
        let at = now.fire_at + Duration::seconds(61);
        assert_eq!(decide(&now, &alarm, at, policy), Firing::Miss);
    }

    #[test]
    fn a_clock_that_runs_ahead_is_told_to_wait() {
        let (now, alarm) = ringing();
        let at = now.fire_at - Duration::seconds(10);
        assert_eq!(decide(&now, &alarm, at, CatchUp::default()), Firing::Early);
    }
}
