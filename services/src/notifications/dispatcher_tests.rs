use std::collections::BTreeMap;

use chrono::Utc;
use domain::reminder::{Channel, ReminderEvent};
use sqlx::types::Json;

use super::*;

/// A first attempt on a lane.
pub(in crate::notifications) fn delivery(lane: &str, owner: Option<Uuid>) -> Delivery {
    Delivery {
        reminder_id: Uuid::new_v4(),
        occurrence: 0,
        channel: "webhook".into(),
        target: Json(Channel::Webhook {
            url: None,
            id: None,
        }),
        body: Json(ReminderEvent {
            reminder_id: Uuid::nil(),
            occurrence: 0,
            generation: 1,
            task_id: None,
            priority: None,
            message: "m".into(),
            fire_at: Utc::now(),
            fired_at: None,
            lateness_ms: None,
            reason: None,
            channels: Vec::new(),
            digest: None,
        }),
        owner_id: owner,
        idempotency_key: Uuid::new_v4(),
        attempts: 0,
        lane: lane.into(),
        holder: None,
        replays: 0,
        began_at: Utc::now(),
        trace: None,
    }
}

fn fill(dispatcher: &mut Dispatcher, lane: &str, owner: Option<Uuid>, count: usize, now: Instant) {
    for _ in 0..count {
        dispatcher.push(delivery(lane, owner), now);
    }
}

/// Takes all that may go now, by lane.
fn pick_all(dispatcher: &mut Dispatcher, now: Instant) -> BTreeMap<String, usize> {
    let mut picked = BTreeMap::new();
    while let Some(pick) = dispatcher.pick(now) {
        let Pick::Attempt(delivery) = pick else {
            panic!("refused: {pick:?}")
        };
        *picked.entry(delivery.lane).or_default() += 1;
    }
    picked
}

fn failed(blame: Blame) -> Told {
    Told::Failed(blame, "timed out".into())
}

#[test]
fn a_receiver_that_never_answers_holds_few_places_and_nobody_waits_for_it() {
    let now = Instant::now();
    let mut dispatcher = Dispatcher::default();
    fill(
        &mut dispatcher,
        "a/dead",
        Some(Uuid::from_u128(1)),
        500,
        now,
    );
    assert_eq!(pick_all(&mut dispatcher, now)["a/dead"], LANE.0);
    fill(&mut dispatcher, "b/fine", Some(Uuid::from_u128(2)), 1, now);
    assert_eq!(pick_all(&mut dispatcher, now)["b/fine"], 1);
}

#[test]
fn places_grow_with_answers_up_to_their_most() {
    let now = Instant::now();
    let mut dispatcher = Dispatcher::default();
    fill(&mut dispatcher, "a/fine", None, 1000, now);
    let mut under_way = 0;
    for _ in 0..100 {
        under_way += pick_all(&mut dispatcher, now).get("a/fine").unwrap_or(&0);
        for _ in 0..under_way.min(4) {
            dispatcher.done("a/fine", &Told::Alive, now);
            under_way -= 1;
        }
    }
    under_way += pick_all(&mut dispatcher, now).get("a/fine").unwrap_or(&0);
    assert_eq!(under_way, LANE.1);
    assert_eq!(dispatcher.under_way(), LANE.1);
}

#[test]
fn owners_take_turns_at_a_receiver() {
    let now = Instant::now();
    let mut dispatcher = Dispatcher::default();
    fill(&mut dispatcher, "a/x", Some(Uuid::from_u128(1)), 100, now);
    fill(&mut dispatcher, "b/x", Some(Uuid::from_u128(2)), 100, now);
    fill(&mut dispatcher, "c/x", Some(Uuid::from_u128(3)), 1, now);
    let picked = pick_all(&mut dispatcher, now);
    assert_eq!(picked.values().sum::<usize>(), RECEIVER.0);
    assert_eq!(picked["c/x"], 1);
    assert!(picked["a/x"].abs_diff(picked["b/x"]) <= 1, "{picked:?}");
}

#[test]
fn an_owner_with_many_receivers_keeps_to_the_owners_places() {
    let now = Instant::now();
    let mut dispatcher = Dispatcher::default();
    let owner = Some(Uuid::from_u128(1));
    for receiver in 0..40 {
        fill(&mut dispatcher, &format!("a/{receiver}"), owner, 10, now);
    }
    let picked = pick_all(&mut dispatcher, now);
    assert_eq!(picked.values().sum::<usize>(), OWNER);
    // When one ends, another lane of the owner goes on.
    let lane = picked.keys().next().unwrap();
    dispatcher.done(lane, &Told::Alive, now);
    assert_eq!(pick_all(&mut dispatcher, now).values().sum::<usize>(), 1);
}

#[test]
fn first_attempts_come_before_others() {
    let now = Instant::now();
    let mut dispatcher = Dispatcher::default();
    for tried in [1, 3, 0] {
        let mut delivery = delivery(&format!("{tried}/x"), None);
        delivery.attempts = tried;
        dispatcher.push(delivery, now);
    }
    let Some(Pick::Attempt(first)) = dispatcher.pick(now) else {
        panic!()
    };
    assert_eq!(first.lane, "0/x");
}

#[test]
fn an_open_circuit_refuses_the_rest_and_a_probe_closes_it() {
    let start = Instant::now();
    let mut dispatcher = Dispatcher::default();
    fill(&mut dispatcher, "a/dead", None, 20, start);
    let mut failures = 0;
    let mut circuit = None;
    while circuit.is_none() {
        let Some(Pick::Attempt(delivery)) = dispatcher.pick(start) else {
            panic!("after {failures} failures")
        };
        failures += 1;
        circuit = dispatcher.done(&delivery.lane, &failed(Blame::Address), start);
    }
    assert_eq!((failures, circuit), (5, Some(Circuit::Opened)));
    let mut refused = 0;
    while let Some(pick) = dispatcher.pick(start) {
        let Pick::Refused(_, reason) = pick else {
            panic!("{pick:?}")
        };
        assert_eq!(reason, "circuit open: timed out");
        refused += 1;
    }
    assert_eq!(
        (refused, dispatcher.waiting(), dispatcher.under_way()),
        (15, 0, 0)
    );
    assert_eq!(dispatcher.open_circuits(), 1);
    // Later one goes, and the others are refused until it has ended.
    let later = start + Duration::from_secs(5);
    fill(&mut dispatcher, "a/dead", None, 3, later);
    assert!(matches!(dispatcher.pick(later), Some(Pick::Attempt(_))));
    assert!(matches!(dispatcher.pick(later), Some(Pick::Refused(..))));
    assert_eq!(
        dispatcher.done("a/dead", &Told::Alive, later),
        Some(Circuit::Closed)
    );
    assert!(matches!(dispatcher.pick(later), Some(Pick::Attempt(_))));
}

#[test]
fn what_fails_at_one_owners_address_is_not_held_against_the_receiver() {
    let now = Instant::now();
    let mut dispatcher = Dispatcher::default();
    for (blame, everybody) in [(Blame::Address, false), (Blame::Receiver, true)] {
        let lane = |owner: &str| format!("{owner}/{everybody}");
        for _ in 0..5 {
            fill(&mut dispatcher, &lane("a"), None, 1, now);
            assert!(matches!(dispatcher.pick(now), Some(Pick::Attempt(_))));
            dispatcher.done(&lane("a"), &failed(blame), now);
        }
        fill(&mut dispatcher, &lane("b"), None, 1, now);
        let refused = matches!(dispatcher.pick(now), Some(Pick::Refused(..)));
        assert_eq!(refused, everybody);
    }
}

#[test]
fn nobodys_many_keep_anothers_one_out() {
    let now = Instant::now();
    let mut dispatcher = Dispatcher::default();
    for hog in 0..WAITING / WAITING_OF_LANE {
        let lane = format!("hog{hog}/x");
        assert_eq!(dispatcher.room(&lane, 0), WAITING_OF_LANE);
        fill(&mut dispatcher, &lane, None, WAITING_OF_LANE, now);
    }
    assert_eq!(dispatcher.room("hog0/x", 0), 0);
    assert_eq!(dispatcher.room("quiet/x", 0), FEW);
    let (room, full) = dispatcher.appetite();
    assert_eq!(room, WAITING_AT_MOST - WAITING);
    assert_eq!(full.len(), 8);
}

#[test]
fn what_is_unused_is_forgotten_and_what_waits_is_not() {
    let now = Instant::now();
    let mut dispatcher = Dispatcher::default();
    fill(&mut dispatcher, "a/x", None, 1, now);
    pick_all(&mut dispatcher, now);
    fill(&mut dispatcher, "b/y", None, 100, now);
    let later = now + FORGET;
    dispatcher.forget(later);
    assert_eq!(dispatcher.lanes.len(), 2, "one is under way");
    dispatcher.done("a/x", &Told::Alive, now);
    dispatcher.forget(later);
    assert_eq!(dispatcher.lanes.len(), 1);
    assert_eq!(pick_all(&mut dispatcher, later)["b/y"], LANE.0);
    assert_eq!(dispatcher.drain().len(), 100 - LANE.0);
    assert_eq!(dispatcher.waiting(), 0);
}
