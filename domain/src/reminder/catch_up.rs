//! What becomes of reminders that are overdue.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// An alarm that rings early by at most this is waited for: the scheduler's clock is ahead of ours.
pub const CLOCK_SKEW: Duration = Duration::seconds(2);

/// The alarm clock holds the alarms of this time ahead only: reminders further off are rows of the
/// store and cost it nothing.
pub const HORIZON: Duration = Duration::hours(24);

/// Later than this a firing counts against the catch-up policy's rate.
pub const LATE: Duration = Duration::seconds(10);

/// What to do with reminders found overdue after an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatchUp {
    /// Which of them fire.
    #[serde(default)]
    pub mode: CatchUpMode,
    /// Overdue by at most this many seconds: fire late. By more: `Missed`, whatever the mode.
    pub window_seconds: i64,
    /// Overdue by at most this many seconds: on time as far as `mode` goes. Longer than the minute that
    /// a lost alarm costs until the sweep finds it.
    #[serde(default = "default_grace")]
    pub grace_seconds: i64,
    /// At most this many late firings a second, by all replicas of the stack together.
    pub per_second: u32,
}

/// Which overdue reminders fire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CatchUpMode {
    /// None: overdue by more than the grace is `Missed`.
    Skip,
    /// Of several overdue ones of one series the newest; those before it are `Missed`.
    Latest,
    /// Each.
    #[default]
    All,
}

impl CatchUpMode {
    /// As stored, and as manifests spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "Skip",
            Self::Latest => "Latest",
            Self::All => "All",
        }
    }
}

impl std::str::FromStr for CatchUpMode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Skip, Self::Latest, Self::All]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or(UnknownMode)
    }
}

/// A text that names no [`CatchUpMode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be Skip, Latest or All")]
pub struct UnknownMode;

fn default_grace() -> i64 {
    120
}

impl Default for CatchUp {
    fn default() -> Self {
        Self {
            mode: CatchUpMode::All,
            window_seconds: 24 * 3600,
            grace_seconds: default_grace(),
            per_second: 500,
        }
    }
}

/// Why a reminder was let go. Seconds are those by which it was overdue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WhyMissed {
    /// The window was over.
    Window(i64),
    /// The policy is `Skip`.
    Skipped(i64),
    /// The policy is `Latest`, and a later one of its series was due already.
    Superseded(i64),
}

impl fmt::Display for WhyMissed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window(late) => write!(
                f,
                "overdue by {late} s, more than the catch-up window allows"
            ),
            Self::Skipped(late) => {
                write!(f, "overdue by {late} s, and overdue reminders are skipped")
            }
            Self::Superseded(late) => write!(
                f,
                "overdue by {late} s, and a later one of its series is due"
            ),
        }
    }
}

impl CatchUp {
    /// Why a reminder that is overdue by `late` is let go; `None`: it fires. `newer` is when the newest
    /// reminder of its series that waits too is due.
    pub fn lets_go(
        &self,
        fire_at: DateTime<Utc>,
        now: DateTime<Utc>,
        newer: Option<DateTime<Utc>>,
    ) -> Option<WhyMissed> {
        let late = (now - fire_at).num_seconds();
        let superseded = newer.is_some_and(|newer| newer > fire_at && newer <= now);
        if late > self.window_seconds {
            return Some(WhyMissed::Window(late));
        }
        match self.mode {
            _ if late <= self.grace_seconds => None,
            CatchUpMode::Skip => Some(WhyMissed::Skipped(late)),
            CatchUpMode::Latest if superseded => Some(WhyMissed::Superseded(late)),
            CatchUpMode::Latest | CatchUpMode::All => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_written_before_there_were_modes_means_all() {
        let policy: CatchUp =
            serde_json::from_str(r#"{"windowSeconds": 86400, "perSecond": 500}"#).unwrap();
        assert_eq!(policy, CatchUp::default());
        let text = serde_json::to_value(CatchUp::default()).unwrap();
        assert_eq!(text["mode"], "All");
        for mode in [CatchUpMode::Skip, CatchUpMode::Latest, CatchUpMode::All] {
            assert_eq!(mode.as_str().parse(), Ok(mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_str());
        }
        assert_eq!("latest".parse::<CatchUpMode>(), Err(UnknownMode));
    }

    #[test]
    fn what_is_overdue_fires_or_not_by_the_mode() {
        let due = DateTime::UNIX_EPOCH;
        let after = |seconds| due + Duration::seconds(seconds);
        let newer = Some(after(60));
        let day = 24 * 3600;
        for (mode, late, newer, expected) in [
            (CatchUpMode::All, 120, newer, None),
            (CatchUpMode::All, day, newer, None),
            (
                CatchUpMode::All,
                day + 1,
                None,
                Some(WhyMissed::Window(day + 1)),
            ),
            (CatchUpMode::Skip, 120, newer, None),
            (CatchUpMode::Skip, 121, None, Some(WhyMissed::Skipped(121))),
            (CatchUpMode::Latest, 120, newer, None),
            (
                CatchUpMode::Latest,
                121,
                newer,
                Some(WhyMissed::Superseded(121)),
            ),
            (CatchUpMode::Latest, 121, None, None),
            // The later one of its series is not due itself, or this is the newest.
            (CatchUpMode::Latest, 121, Some(after(122)), None),
            (CatchUpMode::Latest, 121, Some(due), None),
            (
                CatchUpMode::Latest,
                day + 1,
                None,
                Some(WhyMissed::Window(day + 1)),
            ),
        ] {
            let policy = CatchUp {
                mode,
                ..CatchUp::default()
            };
            let found = policy.lets_go(due, after(late), newer);
            assert_eq!(found, expected, "{mode:?} {late} {newer:?}");
        }
    }
}
