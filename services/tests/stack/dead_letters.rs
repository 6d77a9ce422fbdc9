//! Dead letters: recorded once with the reason, whatever brings them; replayed to their consumer alone.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use chrono::{Duration, Utc};
use domain::event::{Event, EventType, Topic};
use serde_json::json;
use services::{
    consumer::{Consumer, Outcome},
    intake::Intake,
    relay::Relay,
    replay,
    transport::{InProcess, Outgoing, Publisher},
};
use store::{
    Store,
    dead_letters::{self, DeadLetter},
    inbox,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::eventually;

/// Counts its effects in its inbox's transaction, and fails with deleted tasks while `broken`.
pub(crate) struct Counting {
    pub(crate) store: Store,
    pub(crate) name: &'static str,
    pub(crate) broken: AtomicBool,
    pub(crate) effects: Mutex<Vec<Uuid>>,
}

impl Counting {
    pub(crate) fn new(store: &Store, name: &'static str, broken: bool) -> Arc<Self> {
        Arc::new(Self {
            store: store.clone(),
            name,
            broken: broken.into(),
            effects: Mutex::default(),
        })
    }

    pub(crate) fn effects(&self) -> Vec<Uuid> {
        self.effects.lock().unwrap().clone()
    }
}

#[async_trait]
impl Consumer for Counting {
    fn name(&self) -> &'static str {
        self.name
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::TaskEvents]
    }

    async fn handle(&self, events: &[Event]) -> anyhow::Result<()> {
        let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
        let mut transaction = self.store.begin().await?;
        let mut accepted = inbox::accept(&mut transaction, self.name, &ids).await?;
        if self.broken.load(Ordering::Relaxed) {
            for event in events {
                anyhow::ensure!(event.kind != EventType::TaskDeleted, "cannot stomach it");
            }
        }
        transaction.commit().await?;
        let effects = ids.into_iter().filter(|id| accepted.take(*id));
        self.effects.lock().unwrap().extend(effects);
        Ok(())
    }
}

pub(crate) fn event(kind: EventType) -> Event {
    let subject = Uuid::new_v4().to_string();
    Event::new(Uuid::new_v4(), kind, subject, None, Utc::now(), json!({}))
}

async fn list(store: &Store) -> Vec<DeadLetter> {
    let mut connection = store.acquire().await.unwrap();
    dead_letters::list(&mut connection, None, 0, 500)
        .await
        .unwrap()
}

async fn rows(store: &Store) -> i64 {
    sqlx::query_scalar("select count(*) from dead_letters")
        .fetch_one(store.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_poison_event_is_a_dead_letter_of_one_consumer_and_a_replay_does_its_effect_once() {
    let store = store::testing::database().await;
    let choosy = Counting::new(&store, "recurrence", true);
    let other = Counting::new(&store, "audit", false);
    let intakes: Vec<Arc<Intake>> = [choosy.clone(), other.clone()]
        .map(|consumer| Intake::new(consumer, store.pool().clone()))
        .into();
    let transport = InProcess::new(intakes.clone());
    let poison = event(EventType::TaskDeleted);
    let good = event(EventType::TaskCreated);
    let batch = [poison.clone(), good.clone()].map(|event| Outgoing {
        topic: Topic::TaskEvents,
        event,
    });
    assert_eq!(transport.publish(&batch).await.unwrap(), [Ok(()), Ok(())]);
    assert_eq!(choosy.effects(), [good.id]);
    assert_eq!(other.effects(), [poison.id, good.id]);
    let dead = list(&store).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].consumer, "recurrence");
    assert_eq!(dead[0].event_id, poison.id);
    assert_eq!(dead[0].topic.as_deref(), Some("task-events"));
    assert_eq!(dead[0].kind.as_deref(), Some("task.deleted"));
    assert_eq!(dead[0].reason.as_deref(), Some("cannot stomach it"));
    assert_eq!((dead[0].state.as_str(), dead[0].attempts), ("dead", 5));
    assert_eq!(
        dead_letters::waiting(store.pool()).await.unwrap(),
        [("recurrence".to_owned(), 1)]
    );

    // While the cause is there it is dead again.
    let stop = CancellationToken::new();
    let running = tokio::spawn(replay::run(store.clone(), intakes, stop.clone()));
    let replay = async || dead_letters::replay(&store, None, None).await.unwrap();
    assert_eq!(replay().await, 1);
    eventually("it was tried once more", async || {
        let dead = list(&store).await;
        (dead[0].state.as_str(), dead[0].attempts) == ("dead", 6)
    })
    .await;

    // The cause is gone.
    choosy.broken.store(false, Ordering::Relaxed);
    let id = dead[0].id;
    let ids = Some(&[id][..]);
    let asked = dead_letters::replay(&store, Some("audit"), ids).await;
    assert_eq!(asked.unwrap(), 0, "it is another consumer's");
    assert_eq!(replay().await, 1);
    eventually("nothing is dead", async || rows(&store).await == 0).await;
    assert_eq!(choosy.effects(), [good.id, poison.id]);
    assert_eq!(replay().await, 0);

    // One that nobody wants any more.
    choosy.broken.store(true, Ordering::Relaxed);
    let unwanted = event(EventType::TaskUpdated);
    let again = Intake::new(choosy.clone(), store.pool().clone());
    again
        .give_up(std::slice::from_ref(&unwanted))
        .await
        .unwrap();
    let id = list(&store).await[0].id;
    let discard = async |consumer| {
        let mut conn = store.acquire().await.unwrap();
        let done = dead_letters::discard(&mut conn, consumer, &[id]).await;
        done.unwrap()
    };
    assert_eq!(discard(Some("audit")).await, 0, "it is another consumer's");
    assert_eq!(discard(None).await, 1);
    assert_eq!(rows(&store).await, 0);
    choosy.broken.store(false, Ordering::Relaxed);

    // The same event dead once more, as when an answer was lost: its effect is done.
    let again = Intake::new(choosy.clone(), store.pool().clone());
    again.give_up(std::slice::from_ref(&poison)).await.unwrap();
    assert_eq!(replay().await, 1);
    eventually("nothing is dead", async || rows(&store).await == 0).await;
    assert_eq!(choosy.effects(), [good.id, poison.id]);
    assert_eq!(other.effects(), [poison.id, good.id]);
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn what_failed_and_then_passed_is_forgotten() {
    let store = store::testing::database().await;
    let choosy = Counting::new(&store, "recurrence", true);
    let intake = Intake::new(choosy.clone(), store.pool().clone());
    let events = [event(EventType::TaskDeleted), event(EventType::TaskCreated)];
    for _ in 0..3 {
        let failed = Outcome::Failed("cannot stomach it".into());
        assert_eq!(intake.deliver(&events).await, [failed, Outcome::Done]);
    }
    let noted: (String, i32, String) =
        sqlx::query_as("select state, attempts, reason from dead_letters")
            .fetch_one(store.pool())
            .await
            .unwrap();
    assert_eq!(noted, ("retrying".into(), 3, "cannot stomach it".into()));
    assert!(list(&store).await.is_empty(), "it is not dead yet");
    assert_eq!(dead_letters::replay(&store, None, None).await.unwrap(), 0);
    choosy.broken.store(false, Ordering::Relaxed);
    assert_eq!(
        intake.deliver(&events).await,
        [Outcome::Done, Outcome::Done]
    );
    assert_eq!(rows(&store).await, 0);
    assert_eq!(
        choosy.effects(),
        [1, 0].map(|place: usize| events[place].id)
    );
}

#[tokio::test]
async fn the_list_has_pages_and_old_letters_are_pruned() {
    let store = store::testing::database().await;
    let intake = Intake::new(Counting::new(&store, "audit", true), store.pool().clone());
    let events: Vec<Event> = (0..7).map(|_| event(EventType::TaskDeleted)).collect();
    for event in &events {
        intake.give_up(std::slice::from_ref(event)).await.unwrap();
        // However often it comes.
        intake.give_up(std::slice::from_ref(event)).await.unwrap();
    }
    let mut connection = store.acquire().await.unwrap();
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let page = dead_letters::list(&mut connection, Some("audit"), after, 3).await;
        let page = page.unwrap();
        let Some(last) = page.last() else { break };
        after = last.id;
        seen.extend(page.iter().map(|letter| letter.event_id));
    }
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    assert_eq!(seen, ids);
    let none = dead_letters::list(&mut connection, Some("sync"), 0, 3).await;
    assert!(none.unwrap().is_empty());

    // One is dead for long, one waits for its replay for as long, one was tried elsewhere.
    sqlx::query(
        "update dead_letters set last_seen_at = now() - interval '31 days',
             state = case event_id when $1 then 'dead' when $2 then 'replaying' else 'retrying' end
         where event_id = any($3)",
    )
    .bind(ids[0])
    .bind(ids[1])
    .bind(&ids[..3])
    .execute(&mut *connection)
    .await
    .unwrap();
    // What the inbox knows of a letter outlives what it knows of other events.
    let _ = inbox::accept(&mut connection, "audit", &[ids[1], Uuid::new_v4()])
        .await
        .unwrap();
    let now = Utc::now();
    let (dead, retrying) = (now - Duration::days(30), now - Duration::hours(1));
    let pruned = dead_letters::prune(store.pool(), dead, retrying, 10).await;
    assert_eq!(pruned.unwrap(), 2);
    assert_eq!(rows(&store).await, 5);
    let later = now + Duration::hours(1);
    assert_eq!(inbox::prune(store.pool(), later, 10).await.unwrap(), 1);
}

#[tokio::test]
async fn a_letter_that_no_version_can_read_says_so_and_stays() {
    let store = store::testing::database().await;
    let counting = Counting::new(&store, "audit", false);
    let intake = Intake::new(counting.clone(), store.pool().clone());
    let mut newer = serde_json::to_value(event(EventType::TaskCreated)).unwrap();
    newer["type"] = "task.shared".into();
    let good = serde_json::to_vec(&event(EventType::TaskCreated)).unwrap();
    let bodies = [
        b"\xff\x00 no JSON".to_vec(),
        newer.to_string().into_bytes(),
        good,
    ];
    intake.bury(bodies.clone().into()).await.unwrap();
    intake.bury(bodies.into()).await.unwrap();
    assert_eq!(list(&store).await.len(), 3, "each once");
    assert_eq!(dead_letters::replay(&store, None, None).await.unwrap(), 3);
    assert_eq!(intake.replay().await.unwrap(), 2);
    let left = list(&store).await;
    assert_eq!(left.len(), 1);
    let reason = left[0].reason.as_deref().unwrap();
    assert!(reason.starts_with("no event of ours: "), "{reason}");
    assert_eq!(counting.effects().len(), 1);
}

/// The migration moves what an older relay set aside, and its outbox works on.
#[tokio::test]
async fn what_an_older_relay_set_aside_is_kept_by_the_migration() {
    let store = store::testing::database().await;
    let aside = event(EventType::TaskCreated);
    let waiting = event(EventType::TaskCreated);
    let mut connection = store.acquire().await.unwrap();
    store::outbox::put_all(&mut connection, &[aside.clone(), waiting.clone()])
        .await
        .unwrap();
    // Back to the schema before, as far as the migration touches it.
    sqlx::raw_sql(
        "drop table dead_letters; drop index outbox_unpublished;
         create index outbox_unpublished on outbox (seq)
             where published_at is null and set_aside_at is null;
         create index outbox_set_aside on outbox (seq) where set_aside_at is not null",
    )
    .execute(&mut *connection)
    .await
    .unwrap();
    sqlx::query(
        "update outbox set set_aside_at = now(), attempts = 5, last_error = 'too large'
         where event_id = $1",
    )
    .bind(aside.id)
    .execute(&mut *connection)
    .await
    .unwrap();
    sqlx::raw_sql(include_str!(
        "../../../store/migrations/0007_dead_letters.sql"
    ))
    .execute(&mut *connection)
    .await
    .unwrap();
    let moved = list(&store).await;
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].consumer, "relay");
    assert_eq!(moved[0].event_id, aside.id);
    assert_eq!(moved[0].reason.as_deref(), Some("too large"));
    assert_eq!(store::outbox::backlog(&store).await.unwrap().0, 3);

    // And it can be published.
    assert_eq!(
        dead_letters::replay(&store, Some("relay"), None)
            .await
            .unwrap(),
        1
    );
    let counting = Counting::new(&store, "audit", false);
    let relay = Relay {
        store: store.clone(),
        publisher: Arc::new(InProcess::new(vec![Intake::new(
            counting.clone(),
            store.pool().clone(),
        )])),
        source: "/todostack/default/test".into(),
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn(relay.run(stop.clone()));
    eventually("both arrived", async || counting.effects().len() == 2).await;
    assert!(counting.effects().contains(&aside.id));
    stop.cancel();
    running.await.unwrap();
}
