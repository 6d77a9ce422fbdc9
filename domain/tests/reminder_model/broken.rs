//! What each safeguard is for: without it, something breaks, and the checker shows how.

use stateright::{Checker, HasDiscoveries, Model};

use crate::{
    alarms, assert_holds, commands, deliveries,
    world::{
        Broken, Budget,
        Command::{Cancel, Edit},
        Protocol,
    },
};

/// A property fails, and this is how.
fn assert_breaks(protocol: Protocol, property: &'static str) {
    let reaches: &[&str] = &[];
    let protocol = Protocol {
        reaches,
        ..protocol
    };
    let until = HasDiscoveries::AnyOf([property].into());
    let checker = protocol.checker().finish_when(until);
    let checker = checker.spawn_bfs().join();
    let Some(path) = checker.discovery(property) else {
        panic!("{property:?} holds, though the protocol is broken");
    };
    for action in path.into_actions() {
        eprintln!("{property}: {action:?}");
    }
}

const NO_SWEEP: Broken = Broken {
    no_sweep: true,
    no_lock: false,
    no_key: false,
    no_generation: false,
    no_due_check: false,
    alarm_acknowledged_first: false,
    event_acknowledged_first: false,
    recorded_first: false,
    fresh_keys: false,
};

/// The sweep is the backstop: as long as no alarm is lost, nothing needs it.
#[test]
fn without_the_sweep_all_is_well_until_an_alarm_is_lost() {
    let calm = Protocol {
        budget: Budget {
            crashes: 1,
            ..commands(1)
        },
        commands: &[Edit(1), Cancel],
        broken: NO_SWEEP,
        ..alarms()
    };
    assert_holds(calm.clone(), 1_008);
    let budget = Budget {
        alarms_lost: 1,
        ..Budget::default()
    };
    let lost = Protocol { budget, ..calm };
    lost.each_state_can_settle().unwrap_err();
    assert_breaks(lost, "at last");
}

#[test]
fn without_the_claim_it_fires_twice() {
    let broken = Broken {
        no_lock: true,
        no_key: true,
        ..Broken::default()
    };
    assert_breaks(Protocol { broken, ..alarms() }, "claimed once");
}

#[test]
fn without_the_lock_it_fires_after_a_cancel_though_the_claim_has_its_key() {
    let protocol = Protocol {
        broken: Broken {
            no_lock: true,
            ..Broken::default()
        },
        budget: commands(1),
        commands: &[Cancel],
        ..alarms()
    };
    assert_breaks(protocol, "never after a cancel");
}

/// With the sweep such a firing is only late; without it, it is lost.
#[test]
fn an_alarm_acknowledged_before_the_commit_is_lost_with_a_crash() {
    let protocol = |broken| Protocol {
        budget: Budget {
            crashes: 1,
            ..Budget::default()
        },
        broken: Broken {
            alarm_acknowledged_first: true,
            ..broken
        },
        ..alarms()
    };
    assert_holds(protocol(Broken::default()), 336);
    assert_breaks(protocol(NO_SWEEP), "at last");
}

/// The same for the event of a firing.
#[test]
fn an_event_acknowledged_before_the_commit_is_lost_with_a_crash() {
    let protocol = |broken| Protocol {
        budget: Budget {
            crashes: 1,
            ..Budget::default()
        },
        broken: Broken {
            event_acknowledged_first: true,
            ..broken
        },
        ..deliveries()
    };
    assert_holds(protocol(Broken::default()), 829);
    assert_breaks(protocol(NO_SWEEP), "at last");
}

#[test]
fn a_delivery_recorded_before_it_is_sent_is_lost_with_a_crash() {
    let protocol = Protocol {
        budget: Budget {
            crashes: 1,
            ..Budget::default()
        },
        broken: Broken {
            recorded_first: true,
            ..Broken::default()
        },
        ..deliveries()
    };
    assert_breaks(protocol, "at last");
}

/// The time in the row keeps a stale alarm from firing early; the generation keeps it from firing at all.
#[test]
fn without_the_generation_a_stale_alarm_fires_and_without_the_time_too_early() {
    let protocol = |no_due_check| Protocol {
        budget: commands(1),
        commands: &[Edit(1)],
        broken: Broken {
            no_generation: true,
            no_due_check,
            ..Broken::default()
        },
        ..alarms()
    };
    assert_breaks(protocol(false), "never by a stale alarm");
    assert_breaks(protocol(true), "never early");
}

#[test]
fn with_a_key_for_each_attempt_the_receiver_cannot_tell() {
    let protocol = Protocol {
        budget: Budget {
            failures: 1,
            ..Budget::default()
        },
        broken: Broken {
            fresh_keys: true,
            ..Broken::default()
        },
        ..deliveries()
    };
    assert_breaks(protocol, "one idempotency key");
}
