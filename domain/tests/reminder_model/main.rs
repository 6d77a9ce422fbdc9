//! The protocol around a reminder, every way that it can go within small bounds: the API, the alarm clock,
//! the sweep, the relay and its broker, notifications and their receivers, with crashes between any two
//! steps, lost alarms and events, lost answers, and calls doubled, late and out of order. Decisions are those
//! of `domain::reminder`. `docs/reminders.md` has the bounds and what is proven.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod actions;
mod broken;
mod checks;
mod steps;
mod world;

use domain::reminder::{CatchUp, CatchUpMode};
use stateright::{Checker, Model};
use world::{
    Broken, Budget,
    Command::{Cancel, Complete, Edit, Restore, Resume, Snooze, Suspend},
    Protocol,
};

/// One reminder with one channel; nothing goes wrong and nobody changes anything.
fn whole() -> Protocol {
    Protocol {
        reminders: 1,
        channels: 1,
        until: 2,
        delivered_at_once: false,
        due_at_first: false,
        workers: 1,
        budget: Budget::default(),
        commands: &[],
        policy: CatchUp::default(),
        broken: Broken::default(),
        reaches: &["delivered"],
    }
}

/// What comes before the claim.
fn alarms() -> Protocol {
    Protocol {
        delivered_at_once: true,
        ..whole()
    }
}

/// What comes after the claim.
fn deliveries() -> Protocol {
    Protocol {
        due_at_first: true,
        until: 1,
        ..whole()
    }
}

fn commands(commands: u8) -> Budget {
    Budget {
        commands,
        ..Budget::default()
    }
}

/// Every property holds in every state. The number of states is pinned: a bound that shrinks, or a step that
/// cannot be taken any more, is seen.
fn assert_holds(protocol: Protocol, states: usize) {
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    assert_eq!(checker.unique_state_count(), states);
}

#[test]
fn every_step_of_all_parts_with_a_crash_and_one_edit_snooze_or_cancel() {
    let protocol = Protocol {
        budget: Budget {
            crashes: 1,
            ..commands(1)
        },
        commands: &[Edit(1), Snooze(1), Cancel],
        reaches: &[
            "delivered",
            "delivered after a snooze",
            "a stale alarm rings",
            "a cancelled one's alarm rings",
        ],
        ..whole()
    };
    assert_holds(protocol, 157_790);
}

#[test]
fn every_step_of_all_parts_with_crashes_and_a_lost_alarm() {
    let budget = Budget {
        crashes: 2,
        alarms_lost: 1,
        ..Budget::default()
    };
    assert_holds(Protocol { budget, ..whole() }, 7_341);
}

#[test]
fn two_workers_an_edit_a_crash_and_a_lost_alarm() {
    let budget = Budget {
        crashes: 1,
        alarms_lost: 1,
        ..commands(1)
    };
    let protocol = Protocol {
        budget,
        commands: &[Edit(1), Snooze(1), Cancel],
        workers: 2,
        ..alarms()
    };
    assert_holds(protocol, 54_569);
}

#[test]
fn two_edits_or_snoozes_a_crash_and_a_lost_alarm() {
    let budget = Budget {
        crashes: 1,
        alarms_lost: 1,
        ..commands(2)
    };
    let protocol = Protocol {
        budget,
        commands: &[Edit(1), Snooze(1)],
        reaches: &["delivered after a snooze", "a stale alarm rings"],
        ..alarms()
    };
    assert_holds(protocol, 110_231);
}

fn withdrawn() -> Protocol {
    let budget = Budget {
        crashes: 1,
        alarms_lost: 1,
        ..commands(3)
    };
    Protocol {
        budget,
        commands: &[Cancel, Complete, Restore(1), Edit(1)],
        reaches: &["delivered", "a cancelled one's alarm rings"],
        ..alarms()
    }
}

#[test]
fn cancelled_completed_and_restored() {
    assert_holds(withdrawn(), 106_133);
    assert_eq!(withdrawn().each_state_can_settle(), Ok(106_133));
}

fn held() -> Protocol {
    let budget = Budget {
        crashes: 1,
        alarms_lost: 1,
        ..commands(3)
    };
    Protocol {
        budget,
        commands: &[Suspend, Resume, Edit(1)],
        reaches: &["delivered", "a stale alarm rings"],
        ..alarms()
    }
}

#[test]
fn held_back_and_let_go() {
    assert_holds(held(), 103_013);
    assert_eq!(held().each_state_can_settle(), Ok(103_013));
}

#[test]
fn two_reminders_a_cancel_a_crash_and_a_lost_alarm() {
    let budget = Budget {
        crashes: 1,
        alarms_lost: 1,
        ..commands(1)
    };
    let protocol = Protocol {
        reminders: 2,
        budget,
        commands: &[Cancel],
        ..alarms()
    };
    assert_holds(protocol, 27_750);
}

#[test]
fn what_is_late_is_skipped_by_policy() {
    let skip = CatchUp {
        mode: CatchUpMode::Skip,
        ..CatchUp::default()
    };
    let protocol = Protocol {
        policy: skip,
        budget: commands(1),
        commands: &[Edit(1), Snooze(1), Cancel],
        reaches: &["delivered", "missed"],
        ..alarms()
    };
    assert_holds(protocol.clone(), 2_175);
    assert_eq!(protocol.each_state_can_settle(), Ok(2_175));
}

fn two_channels() -> Protocol {
    let budget = Budget {
        crashes: 1,
        failures: 2,
        ..Budget::default()
    };
    Protocol {
        channels: 2,
        budget,
        reaches: &["delivered", "failed", "sent twice"],
        ..deliveries()
    }
}

#[test]
fn two_channels_with_failures_and_a_crash() {
    assert_holds(two_channels(), 8_749);
    assert_eq!(two_channels().each_state_can_settle(), Ok(8_749));
}

#[test]
fn one_channel_and_all_that_can_befall_it() {
    let budget = Budget {
        crashes: 1,
        events_lost: 1,
        failures: 2,
        pauses: 1,
        told: 1,
        ..Budget::default()
    };
    let protocol = Protocol {
        budget,
        reaches: &["delivered", "failed", "sent twice", "told again"],
        ..deliveries()
    };
    assert_holds(protocol, 108_569);
}

#[test]
fn without_a_channel_it_fails_with_the_reason() {
    let protocol = Protocol {
        channels: 0,
        reaches: &["failed"],
        ..deliveries()
    };
    assert_holds(protocol, 15);
}
