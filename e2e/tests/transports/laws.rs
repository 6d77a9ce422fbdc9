//! The laws, one after the other, on one world of a transport.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chrono::Utc;
use domain::event::{Event, EventType, Topic};
use serde_json::json;
use services::{
    intake::Intake,
    relay::Relay,
    transport::{Outgoing, Refusal},
};
use store::{Store, dead_letters, outbox};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Transport,
    consumer::{ALWAYS, Recording, prepare},
    parts::eventually,
};

/// An event of a subject, which one of it its version says.
fn event(subject: &str, version: i64) -> Event {
    let data = json!({"version": version});
    Event::new(
        Uuid::new_v4(),
        EventType::TaskUpdated,
        subject,
        None,
        Utc::now(),
        data,
    )
}

/// So many events of so many subjects, as they come about: turn by turn.
pub(crate) fn events(subjects: usize, each: i64) -> Vec<Event> {
    let subjects: Vec<String> = (0..subjects).map(|_| Uuid::new_v4().to_string()).collect();
    (1..=each)
        .flat_map(|version| subjects.iter().map(move |subject| event(subject, version)))
        .collect()
}

/// Every one of `events` had its effect once, and those of a subject in their order.
#[track_caller]
pub(crate) fn in_order_and_once(effects: &[(Uuid, String, i64)], events: &[Event]) {
    once(effects, events);
    let ids: HashSet<Uuid> = events.iter().map(|event| event.id).collect();
    let mut last: HashMap<&str, i64> = HashMap::new();
    for (_, subject, number) in effects.iter().filter(|(id, ..)| ids.contains(id)) {
        let last = last.entry(subject).or_default();
        assert!(*last < *number, "{subject}: {number} came after {last}");
        *last = *number;
    }
}

/// Every one of `events` had its effect once.
#[track_caller]
fn once(effects: &[(Uuid, String, i64)], events: &[Event]) {
    let mut times: HashMap<Uuid, u32> = events.iter().map(|event| (event.id, 0)).collect();
    for (id, ..) in effects {
        if let Some(times) = times.get_mut(id) {
            *times += 1;
        }
    }
    let wrong: Vec<_> = times.iter().filter(|(_, times)| **times != 1).collect();
    assert!(wrong.is_empty(), "effects not once: {wrong:?}");
}

/// Two consumers behind a transport, and the outbox before it.
struct World<T> {
    store: Store,
    /// The first fails where it is asked to, the second never.
    consumers: [Arc<Recording>; 2],
    intakes: Vec<Arc<Intake>>,
    transport: T,
}

impl<T: Transport> World<T> {
    async fn write(&self, events: &[Event]) {
        write(&self.store, events).await;
    }

    /// Waits until both consumers have dealt with these.
    async fn dealt_with(&self, what: &str, events: &[Event]) {
        for consumer in &self.consumers {
            self.dealt_with_by(what, consumer, events).await;
        }
    }

    async fn dealt_with_by(&self, what: &str, consumer: &Recording, events: &[Event]) {
        for _ in 0..600 {
            let done = consumer.done().await;
            if events.iter().all(|event| done.contains(&event.id)) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let done = consumer.done().await;
        let missing = events
            .iter()
            .filter(|event| !done.contains(&event.id))
            .count();
        panic!(
            "{what}: {missing} of {} did not come in 60 s\n{}",
            events.len(),
            self.transport.last_words()
        );
    }

    async fn dead(&self) -> Vec<(Uuid, String, Option<String>)> {
        let mut connection = self.store.acquire().await.unwrap();
        let list = dead_letters::list(&mut connection, None, 0, 500).await;
        let letters = list.unwrap().into_iter();
        letters
            .map(|letter| (letter.event_id, letter.consumer, letter.reason))
            .collect()
    }
}

async fn write(store: &Store, events: &[Event]) {
    let mut transaction = store.begin().await.unwrap();
    outbox::put_all(&mut transaction, events).await.unwrap();
    transaction.commit().await.unwrap();
}

/// Holds all laws against a transport.
pub(crate) async fn check<T: Transport>(start: impl AsyncFnOnce(Vec<Arc<Intake>>) -> T) {
    let store = store::testing::database().await;
    prepare(&store).await;
    let consumers = ["recurrence", "audit"].map(|name| Recording::new(&store, name));
    let intakes: Vec<Arc<Intake>> = consumers
        .iter()
        .map(|consumer| Intake::new(consumer.clone(), store.pool().clone()))
        .collect();
    let transport = start(intakes.clone()).await;
    let relay = Relay {
        store: store.clone(),
        publisher: transport.publisher(),
        source: "/todostack/test/st".into(),
    };
    let stop = CancellationToken::new();
    let relaying = tokio::spawn(relay.run(stop.clone()));
    let mut world = World {
        store,
        consumers,
        intakes,
        transport,
    };
    let clock = std::time::Instant::now();
    // Shown with `--nocapture`.
    let held = |law: &str| {
        println!(
            "{law}: held {:.1} s after the start",
            clock.elapsed().as_secs_f64()
        )
    };
    everything_arrives_once_and_in_order(&world).await;
    held("everything arrives once and in order");
    a_failing_event_comes_again_alone(&world).await;
    held("a failing event comes again alone");
    poison_is_a_dead_letter_of_one(&world).await;
    held("poison is a dead letter of one");
    what_is_none_of_ours_holds_nothing_up(&world).await;
    held("what is none of ours holds nothing up");
    what_is_too_large_is_refused_for_good(&world).await;
    held("what is too large is refused for good");
    nothing_is_lost_in_between(&mut world).await;
    held("nothing is lost in between");
    stop.cancel();
    relaying.await.unwrap();
}

async fn everything_arrives_once_and_in_order<T: Transport>(world: &World<T>) {
    let events = events(20, 10);
    for turn in events.chunks(20) {
        world.write(turn).await;
    }
    world.dealt_with("everything arrives", &events).await;
    for consumer in &world.consumers {
        in_order_and_once(&consumer.effects().await, &events);
    }
}

async fn a_failing_event_comes_again_alone<T: Transport>(world: &World<T>) {
    let events = events(30, 1);
    world.consumers[0].fail(events[11].id, 2);
    world.write(&events).await;
    world
        .dealt_with("a failing event comes again", &events)
        .await;
    for consumer in &world.consumers {
        in_order_and_once(&consumer.effects().await, &events);
    }
    assert_eq!(world.dead().await, [], "it was no dead letter");
}

async fn poison_is_a_dead_letter_of_one<T: Transport>(world: &World<T>) {
    let [choosy, other] = &world.consumers;
    let events = events(30, 1);
    let (poison, good) = events.split_first().unwrap();
    choosy.fail(poison.id, ALWAYS);
    world.write(&events).await;
    let dead = eventually("there is a dead letter", async || {
        let dead = world.dead().await;
        (!dead.is_empty()).then_some(dead)
    })
    .await;
    let reason = Some("asked to fail".to_owned());
    assert_eq!(dead, [(poison.id, "recurrence".to_owned(), reason)]);
    world.dealt_with_by("the others go on", choosy, good).await;
    world.dealt_with_by("one has all", other, &events).await;

    choosy.fail(poison.id, 0);
    let handed_to_other = other.seen.lock().unwrap().len();
    for expected in [1, 0] {
        let replayed = dead_letters::replay(&world.store, None, None).await;
        assert_eq!(replayed.unwrap(), expected);
        assert_eq!(world.intakes[0].replay().await.unwrap() as u64, expected);
    }
    assert_eq!(world.dead().await, []);
    in_order_and_once(&choosy.effects().await, &events);
    assert_eq!(other.seen.lock().unwrap().len(), handed_to_other);
}

async fn what_is_none_of_ours_holds_nothing_up<T: Transport>(world: &World<T>) {
    let mut newer = serde_json::to_value(event("s", 1)).unwrap();
    newer["type"] = "task.shared".into();
    if !world.transport.inject(&newer.to_string()).await {
        return;
    }
    world.transport.inject(r#"{"what": "is this"}"#).await;
    world.transport.inject("no JSON at all").await;
    let events = events(10, 2);
    world.write(&events).await;
    world
        .dealt_with("what is ours comes behind it", &events)
        .await;
    let dead = eventually("both are dead letters of both", async || {
        let dead = world.dead().await;
        (dead.len() >= 4).then_some(dead)
    })
    .await;
    assert_eq!(dead.len(), 4, "{dead:?}");
    let unreadable = dead.iter().filter(|(.., reason)| {
        reason
            .as_ref()
            .is_some_and(|reason| reason.starts_with("no event of ours"))
    });
    assert!(unreadable.count() >= 2, "{dead:?}");
    sqlx::query("delete from dead_letters")
        .execute(world.store.pool())
        .await
        .unwrap();
}

async fn what_is_too_large_is_refused_for_good<T: Transport>(world: &World<T>) {
    let Some(size) = world.transport.too_large() else {
        return;
    };
    let mut batch: Vec<Outgoing> = events(3, 1)
        .into_iter()
        .map(|event| Outgoing {
            topic: Topic::TaskEvents,
            event,
        })
        .collect();
    batch[1].event.data["description"] = "x".repeat(size).into();
    let outcome = world.transport.publisher().publish(&batch).await.unwrap();
    assert_eq!(outcome[0], Ok(()));
    assert_eq!(outcome[2], Ok(()));
    assert!(
        matches!(outcome[1], Err(Refusal::Permanent(_))),
        "{outcome:?}"
    );
    let others = [batch[0].event.clone(), batch[2].event.clone()];
    world.dealt_with("its neighbours pass", &others).await;
}

async fn nothing_is_lost_in_between<T: Transport>(world: &mut World<T>) {
    let before = events(10, 5);
    let during = events(10, 5);
    let after = events(10, 5);
    world.write(&before).await;
    let (store, written) = (world.store.clone(), during.clone());
    let meanwhile = async move { write(&store, &written).await };
    world.transport.interrupt(Box::pin(meanwhile)).await;
    world.write(&after).await;
    let all = [before, during, after].concat();
    world.dealt_with("nothing is lost", &all).await;
    for consumer in &world.consumers {
        let effects = consumer.effects().await;
        if world.transport.keeps_order_when_killed() {
            in_order_and_once(&effects, &all);
        } else {
            once(&effects, &all);
        }
    }
    let dead = world.dead().await;
    let ours = |id: Uuid| all.iter().any(|event| event.id == id);
    assert!(!dead.iter().any(|(id, ..)| ours(*id)), "{dead:?}");
}
