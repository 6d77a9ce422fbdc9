//! What a ringing alarm leads to.

use chrono::{DateTime, Duration, Utc};

use super::{Alarm, CatchUp, Phase};

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

/// Decides what a ringing alarm leads to. Pure: both the alarm clock and the sweep call it.
pub fn decide(now: &Ringing, alarm: &Alarm, at: DateTime<Utc>, policy: CatchUp) -> Firing {
    decide_in_series(now, alarm, at, policy, None)
}

/// [`decide`] for a reminder of a series: `newer` is when the newest of the series that waits too is
/// due, which [`CatchUpMode::Latest`](super::CatchUpMode::Latest) asks for.
pub fn decide_in_series(
    now: &Ringing,
    alarm: &Alarm,
    at: DateTime<Utc>,
    policy: CatchUp,
    newer: Option<DateTime<Utc>>,
) -> Firing {
    if !now.phase.is_waiting()
        || now.generation != alarm.generation
        || now.occurrence != alarm.occurrence
    {
        return Firing::Stale;
    }
    let late = at - now.fire_at;
    if late < Duration::zero() {
        Firing::Early
    } else if policy.lets_go(now.fire_at, at, newer).is_some() {
        Firing::Miss
    } else {
        Firing::Fire {
            late: late.max(Duration::zero()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use uuid::Uuid;

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
            ..CatchUp::default()
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
