//! The state machine of a reminder: what each phase does with each input, and laws over long lives.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, TimeZone, Utc};
use domain::{
    event::EventType,
    reminder::{Alarm, CatchUp, CatchUpMode, Effect, Input, Phase, State, Timing, WhyMissed},
};
use proptest::prelude::*;
use uuid::Uuid;

fn due() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 9, 0, 0).unwrap()
}

fn timing() -> Timing {
    Timing {
        reminder: Uuid::nil(),
        generation: 3,
        occurrence: 1,
        fire_at: due(),
    }
}

fn alarm(generation: i64) -> Alarm {
    Alarm {
        generation,
        ..timing().alarm()
    }
}

/// One reminder in each phase, and one that is held back.
fn states() -> Vec<(&'static str, State)> {
    let (timing, fired_at) = (timing(), due());
    let left_over = Some(2);
    let pending = |suspended| State::Pending {
        timing,
        suspended,
        left_over,
    };
    vec![
        ("Pending", pending(false)),
        ("Held", pending(true)),
        ("Scheduled", State::Scheduled { timing }),
        ("Fired", State::Fired { timing, fired_at }),
        ("Delivered", State::Delivered { timing, fired_at }),
        (
            "Failed",
            State::Failed {
                timing,
                fired_at,
                reason: "gone".into(),
            },
        ),
        (
            "Missed",
            State::Missed {
                timing,
                why: WhyMissed::Window(90_000),
            },
        ),
        ("Cancelled", State::Cancelled { timing, left_over }),
    ]
}

/// Every input, in each way that it can come. With when it comes, in seconds after the time.
fn inputs() -> Vec<(&'static str, Input, i64)> {
    let later = due() + Duration::hours(1);
    let rings = |generation, room| Input::Rings {
        alarm: alarm(generation),
        room,
        newer: None,
    };
    let overdue = |generation| Input::Overdue {
        alarm: alarm(generation),
        newer: None,
    };
    let gave_up = |occurrence| Input::GaveUp {
        occurrence,
        reason: "no".into(),
    };
    let delivered = |occurrence| Input::Delivered { occurrence };
    let miss = Input::Miss(WhyMissed::Skipped(300));
    vec![
        ("edit: another time", Input::Edit { fire_at: later }, -60),
        ("edit: the same time", Input::Edit { fire_at: due() }, -60),
        ("suspend", Input::Suspend, -60),
        ("resume", Input::Resume, -60),
        ("snooze", Input::Snooze { until: later }, 60),
        ("snooze to the past", Input::Snooze { until: due() }, 60),
        ("cancel", Input::Cancel, -60),
        ("complete", Input::Complete, -60),
        ("restore", Input::Restore { fire_at: later }, -60),
        ("alarm set: its own", Input::AlarmSet(alarm(3)), -60),
        ("alarm set: an earlier", Input::AlarmSet(alarm(2)), -60),
        ("alarm set: a later", Input::AlarmSet(alarm(4)), -60),
        ("alarm gone: its own", Input::AlarmGone(alarm(3)), -60),
        ("alarm gone: an earlier", Input::AlarmGone(alarm(2)), -60),
        ("alarm gone: a later", Input::AlarmGone(alarm(4)), -60),
        ("rings", rings(3, false), 1),
        ("rings: early", rings(3, true), -10),
        ("rings: an earlier", rings(2, true), 1),
        ("rings: a later", rings(4, true), 1),
        ("rings: late, with room", rings(3, true), 600),
        ("rings: late, no room", rings(3, false), 600),
        ("rings: too late", rings(3, true), 90_000),
        ("overdue", overdue(3), 600),
        ("overdue: as it was before an edit", overdue(2), 600),
        ("unserved", Input::Unserved, 600),
        ("delivered: this occurrence", delivered(1), 1),
        ("delivered: an earlier", delivered(0), 1),
        ("delivered: a later", delivered(2), 1),
        ("gave up: this occurrence", gave_up(1), 1),
        ("gave up: an earlier", gave_up(0), 1),
        ("gave up: a later", gave_up(2), 1),
        ("miss", miss.clone(), 300),
        ("miss: not due", miss, -60),
    ]
}

/// `Phase g+1 o+1`, `=` for no change, `✗` for impossible; what has to be done is another matter.
fn cell(state: &State, input: &Input, now: DateTime<Utc>) -> String {
    let Ok((next, _)) = state.clone().apply(input, now, CatchUp::default()) else {
        return "✗".into();
    };
    if next == *state {
        return "=".into();
    }
    let mut text = next.phase().as_str().to_owned();
    if next.is_suspended() {
        text = "Held".into();
    }
    if next.timing().generation > state.timing().generation {
        text += " g+1";
    }
    if next.timing().occurrence > state.timing().occurrence {
        text += " o+1";
    }
    text
}

#[test]
fn each_phase_does_with_each_input_what_the_table_says() {
    let mut table = vec![];
    let names: Vec<&str> = states().iter().map(|(name, _)| *name).collect();
    table.push(format!("| | {} |", names.join(" | ")));
    table.push(format!("|---|{}", "---|".repeat(names.len())));
    for (name, input, after) in inputs() {
        let now = due() + Duration::seconds(after);
        let cells: Vec<String> = states()
            .iter()
            .map(|(_, state)| cell(state, &input, now))
            .collect();
        table.push(format!("| {name} | {} |", cells.join(" | ")));
    }
    let table = table.join("\n");
    let written = include_str!("../../docs/reminders.md");
    assert!(
        written.contains(&table),
        "docs/reminders.md has another table than\n{table}"
    );
}

#[test]
fn what_is_impossible_says_why() {
    let refused = |state: State, input| {
        state
            .apply(&input, due(), CatchUp::default())
            .unwrap_err()
            .to_string()
    };
    let fired = State::Fired {
        timing: timing(),
        fired_at: due(),
    };
    assert_eq!(
        refused(fired, Input::Cancel),
        "a reminder that is Fired cannot take cancel: it is too late: it fired, or it was missed"
    );
}

#[test]
fn what_has_to_be_done_goes_with_the_transition() {
    let scheduled = State::Scheduled { timing: timing() };
    let later = due() + Duration::hours(1);
    let set = |occurrence| {
        let alarm = Alarm {
            occurrence,
            ..alarm(4)
        };
        Effect::SetAlarm(alarm, later)
    };
    let tell = Effect::Announce;
    let claim = |seconds| Effect::Claim {
        alarm: alarm(3),
        late: Duration::seconds(seconds),
    };
    let rings = |generation, room| Input::Rings {
        alarm: alarm(generation),
        room,
        newer: None,
    };
    let served = Input::Delivered { occurrence: 1 };
    let fired = State::Fired {
        timing: timing(),
        fired_at: due(),
    };
    // The alarm that a snooze leaves over is of the occurrence before it.
    let old = Effect::CancelAlarm(alarm(3));
    for (state, input, after, expected) in [
        (
            &scheduled,
            Input::Edit { fire_at: later },
            -60,
            vec![set(1), old.clone()],
        ),
        (
            &scheduled,
            Input::Snooze { until: later },
            -60,
            vec![set(2), old.clone()],
        ),
        (&scheduled, Input::Suspend, -60, vec![old.clone()]),
        (
            &scheduled,
            Input::Cancel,
            -60,
            vec![tell(EventType::ReminderCancelled), old],
        ),
        (
            &scheduled,
            rings(3, false),
            1,
            vec![claim(1), tell(EventType::ReminderDue)],
        ),
        (
            &scheduled,
            rings(3, true),
            600,
            vec![claim(600), tell(EventType::ReminderDue)],
        ),
        (&scheduled, rings(3, false), 600, vec![Effect::LeaveToSweep]),
        // However little: the other clock is ahead.
        (&scheduled, rings(3, true), -1, vec![Effect::RingAgain]),
        (
            &scheduled,
            rings(3, true),
            0,
            vec![claim(0), tell(EventType::ReminderDue)],
        ),
        (
            &scheduled,
            rings(2, true),
            1,
            vec![Effect::NoteStale(alarm(2))],
        ),
        (&scheduled, rings(4, true), 1, vec![]),
        (
            &scheduled,
            rings(3, true),
            90_000,
            vec![tell(EventType::ReminderFailed)],
        ),
        (&fired, rings(3, true), 1, vec![]),
        (
            &fired,
            Input::Unserved,
            600,
            vec![tell(EventType::ReminderDue)],
        ),
        (&fired, served, 1, vec![tell(EventType::ReminderDelivered)]),
    ] {
        let now = due() + Duration::seconds(after);
        let (_, effects) = state
            .clone()
            .apply(&input, now, CatchUp::default())
            .unwrap();
        assert_eq!(effects, expected, "{input:?} {after}");
    }
}

#[test]
fn of_a_series_the_policy_decides_which_overdue_ones_fire() {
    let overdue = Input::Overdue {
        alarm: alarm(3),
        newer: Some(due() + Duration::minutes(5)),
    };
    for (mode, expected) in [
        (CatchUpMode::All, Phase::Fired),
        (CatchUpMode::Latest, Phase::Missed),
        (CatchUpMode::Skip, Phase::Missed),
    ] {
        let policy = CatchUp {
            mode,
            ..CatchUp::default()
        };
        let state = State::Scheduled { timing: timing() };
        let now = due() + Duration::minutes(10);
        let (next, _) = state.apply(&overdue, now, policy).unwrap();
        assert_eq!(next.phase(), expected, "{mode:?}");
    }
}

/// Something to happen, of a reminder as it will be then: how far back its generation and occurrence
/// lie is chosen, so that what is stale comes as often as what is not.
fn happening() -> impl Strategy<Value = (u8, i64, i32, i64)> {
    (0..15_u8, 0..3_i64, 0..2_i32, -40..4000_i64)
}

fn input_of(
    (kind, back, occurrences, seconds): (u8, i64, i32, i64),
    at: Timing,
    now: DateTime<Utc>,
) -> Input {
    let fire_at = now + Duration::seconds(seconds);
    let alarm = Alarm {
        reminder: at.reminder,
        generation: at.generation - back,
        occurrence: at.occurrence - occurrences,
    };
    let occurrence = alarm.occurrence;
    match kind {
        0 => Input::Edit { fire_at },
        1 => Input::Suspend,
        2 => Input::Resume,
        3 => Input::Snooze { until: fire_at },
        4 => Input::Cancel,
        5 => Input::Complete,
        6 => Input::Restore { fire_at },
        7 => Input::AlarmSet(alarm),
        8 => Input::AlarmGone(alarm),
        9 | 10 => Input::Rings {
            alarm,
            room: seconds % 2 == 0,
            newer: None,
        },
        11 => Input::Overdue { alarm, newer: None },
        12 => Input::Unserved,
        13 => Input::Delivered { occurrence },
        _ => Input::GaveUp {
            occurrence,
            reason: "no".into(),
        },
    }
}

proptest! {
    /// However a life goes: generations and occurrences only grow, an occurrence is claimed once, not
    /// before its time, by its own alarm, and never while the reminder is cancelled or held back.
    #[test]
    fn a_life_claims_each_occurrence_once_and_never_early(
        life in prop::collection::vec((happening(), 0..900_i64), 1..60)
    ) {
        let mut state = State::new(Uuid::nil(), due() + Duration::minutes(10), false);
        let mut now = due();
        let mut claimed = BTreeSet::new();
        for (happening, passes) in life {
            now += Duration::seconds(passes);
            let before = state.timing();
            let was = state.clone();
            let input = input_of(happening, before, now);
            let Ok((next, effects)) = state.clone().apply(&input, now, CatchUp::default()) else {
                continue;
            };
            state = next;
            let after = state.timing();
            prop_assert!(after.generation >= before.generation && after.occurrence >= before.occurrence);
            prop_assert!(after.generation - before.generation >= i64::from(after.occurrence - before.occurrence));
            let claims = effects.iter().filter_map(|effect| match effect {
                Effect::Claim { alarm, .. } => Some(*alarm),
                _ => None,
            });
            for alarm in claims {
                prop_assert!(was.phase().is_waiting() && !was.is_suspended());
                prop_assert_eq!(alarm, before.alarm());
                prop_assert!(now >= before.fire_at);
                prop_assert!(claimed.insert(alarm.occurrence), "claimed twice");
                prop_assert_eq!(state.phase(), Phase::Fired);
            }
        }
    }
}
