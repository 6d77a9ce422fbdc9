//! Kafka without a sidecar.

use std::{collections::HashMap, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::event::{Event, Topic, dead_letter_topic};
use rdkafka::{
    ClientConfig,
    producer::{FutureProducer, FutureRecord},
};
use services::{
    intake::Intake,
    kafka::{KafkaArgs, KafkaPublisher, Patience, Subscriber, Subscription, reader},
    transport::{Outgoing, Publisher},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    PATIENCE, PREFIX, Transport,
    consumer::{Recording, prepare},
    dapr, laws,
    parts::{Ground, Kafka, eventually},
};

pub(crate) struct Direct {
    ground: Ground,
    kafka: Kafka,
    intakes: Vec<Arc<Intake>>,
    publisher: Arc<KafkaPublisher>,
    running: Vec<(CancellationToken, JoinHandle<()>)>,
}

pub(crate) fn settings(kafka: &Kafka) -> KafkaArgs {
    KafkaArgs {
        kafka_brokers: vec![kafka.brokers.clone()],
        ..KafkaArgs::default()
    }
}

/// Every topic of the consumers.
pub(crate) fn topics(intakes: &[Arc<Intake>]) -> Vec<String> {
    let dead = intakes
        .iter()
        .map(|intake| dead_letter_topic(intake.name()));
    let topics = Topic::ALL.map(|topic| topic.as_str().to_owned());
    topics
        .into_iter()
        .chain(dead)
        .map(|topic| format!("{PREFIX}{topic}"))
        .collect()
}

/// The consumer group, as Dapr names it for the app `st-<role>` in the namespace `test`.
fn subscribe(kafka: &Kafka, intake: &Arc<Intake>) -> (CancellationToken, JoinHandle<()>) {
    let subscription = Subscription {
        kafka: settings(kafka),
        group: format!("test.st-{}", intake.name()),
        prefix: PREFIX.into(),
        patience: Patience {
            first: Duration::from_millis(50),
            longest: Duration::from_millis(300),
            total: PATIENCE,
        },
    };
    let stop = CancellationToken::new();
    let subscriber = Subscriber::new(subscription, intake.clone(), stop.clone()).unwrap();
    (stop, tokio::spawn(subscriber.run()))
}

pub(crate) async fn start(intakes: Vec<Arc<Intake>>) -> Direct {
    let ground = Ground::new();
    let kafka = Kafka::start(&ground).await;
    kafka.topics(&ground, &topics(&intakes)).await;
    let running = intakes.iter().map(|intake| subscribe(&kafka, intake));
    Direct {
        running: running.collect(),
        publisher: Arc::new(KafkaPublisher::new(&settings(&kafka), PREFIX.into()).unwrap()),
        intakes,
        kafka,
        ground,
    }
}

/// Puts a raw message into the topic of task events.
pub(crate) async fn produce(brokers: &str, message: &str) {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .unwrap();
    let topic = format!("{PREFIX}{}", Topic::TaskEvents.as_str());
    let record = FutureRecord::<str, str>::to(&topic).payload(message);
    producer
        .send(record, Duration::from_secs(10))
        .await
        .unwrap();
}

#[async_trait(?Send)]
impl Transport for Direct {
    fn publisher(&self) -> Arc<dyn Publisher> {
        self.publisher.clone()
    }

    /// The broker is killed; and each consumer ends in order and begins again, as in a rollout.
    async fn interrupt(&mut self, meanwhile: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.kafka.part.kill();
        meanwhile.await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.kafka.part.start().unwrap();
        self.kafka.topics(&self.ground, &topics(&[])).await;
        let (stops, running): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.running).into_iter().unzip();
        stops.iter().for_each(CancellationToken::cancel);
        for running in running {
            running.await.unwrap();
        }
        let again = self
            .intakes
            .iter()
            .map(|intake| subscribe(&self.kafka, intake));
        self.running = again.collect();
    }

    async fn inject(&self, message: &str) -> bool {
        produce(&self.kafka.brokers, message).await;
        true
    }

    fn too_large(&self) -> Option<usize> {
        Some(3_000_000)
    }

    fn last_words(&self) -> String {
        self.ground.last_words("kafka")
    }
}

/// What Dapr published and consumed, Kafka directly goes on with, and the other way round: the same
/// partitions, groups and messages.
pub(crate) async fn hand_over() {
    let store = store::testing::database().await;
    prepare(&store).await;
    let consumer = Recording::new(&store, "audit");
    let intakes = vec![Intake::new(consumer.clone(), store.pool().clone())];
    let mut dapr = dapr::with_kafka(intakes.clone()).await;
    let kafka = dapr.kafka();
    let direct = KafkaPublisher::new(&settings(kafka), PREFIX.into()).unwrap();
    let events = laws::events(12, 4);
    let batch = |turn: usize| -> Vec<Outgoing> {
        events
            .iter()
            .filter(|event| event.data["version"] == turn)
            .map(|event| Outgoing {
                topic: Topic::TaskEvents,
                event: event.clone(),
            })
            .collect()
    };
    let taken = |outcome: Vec<Result<(), _>>| assert!(outcome.iter().all(Result::is_ok));
    taken(dapr.publisher().publish(&batch(1)).await.unwrap());
    taken(direct.publish(&batch(2)).await.unwrap());
    eventually("Dapr hands over both", async || {
        (consumer.done().await.len() == 24).then_some(())
    })
    .await;

    // The sidecar goes, and its group is ours: nothing is read again, nothing left out.
    dapr.stop_consumers();
    taken(dapr.publisher().publish(&batch(3)).await.unwrap());
    let seen = consumer.seen.lock().unwrap().len();
    let (stop, running) = subscribe(dapr.kafka(), &intakes[0]);
    eventually("what came meanwhile is handed over", async || {
        (consumer.done().await.len() == 36).then_some(())
    })
    .await;
    let again = consumer.seen.lock().unwrap().len() - seen;
    assert!(
        again <= 12 + 24,
        "all but the last second's was committed: {again}"
    );
    taken(direct.publish(&batch(4)).await.unwrap());
    eventually("and the rest", async || {
        (consumer.done().await.len() == 48).then_some(())
    })
    .await;
    stop.cancel();
    running.await.unwrap();
    laws::in_order_and_once(&consumer.effects().await, &events);

    // Read from the first offset, beside the groups and one partition after the other: each subject's
    // events lie in one partition, in their order, whoever put them there by turns.
    let mut found = HashMap::<String, Vec<i64>>::new();
    let topic = format!("{PREFIX}{}", Topic::TaskEvents.as_str());
    let reached = settings(dapr.kafka());
    let read = reader::read_all(&reached, &topic, async |messages| {
        for message in messages {
            let event: Event = serde_json::from_slice(&message)?;
            let version = event.data["version"].as_i64().unwrap();
            found.entry(event.subject).or_default().push(version);
        }
        Ok(())
    });
    assert_eq!(read.await.unwrap(), 48);
    let together = found.values().all(|versions| *versions == [1, 2, 3, 4]);
    assert!(found.len() == 12 && together, "{found:?}");
    let none = reader::read_all(&reached, "test.st.none", async |_| Ok(())).await;
    assert!(none.is_err());
}

/// Members of a group come and go while events flow: each has its effect once, in order.
pub(crate) async fn come_and_go() {
    let store = store::testing::database().await;
    prepare(&store).await;
    let consumer = Recording::new(&store, "audit");
    let intakes = vec![Intake::new(consumer.clone(), store.pool().clone())];
    let mut world = start(intakes.clone()).await;
    let events = laws::events(40, 30);
    let (publisher, all) = (world.publisher.clone(), events.clone());
    let publishing = tokio::spawn(async move {
        for turn in all.chunks(40) {
            let batch: Vec<Outgoing> = turn
                .iter()
                .map(|event| Outgoing {
                    topic: Topic::TaskEvents,
                    event: event.clone(),
                })
                .collect();
            let outcome = publisher.publish(&batch).await.unwrap();
            assert!(outcome.iter().all(Result::is_ok), "{outcome:?}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    for turn in 0..3 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        // Another process: what it remembers is its own.
        let other = Intake::new(consumer.clone(), store.pool().clone());
        let joined = subscribe(&world.kafka, &other);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (stop, running) = std::mem::replace(&mut world.running[0], joined);
        if turn == 1 {
            // In the midst of its work.
            running.abort();
        } else {
            stop.cancel();
            running.await.unwrap();
        }
    }
    publishing.await.unwrap();
    eventually("all are dealt with", async || {
        (consumer.done().await.len() == events.len()).then_some(())
    })
    .await;
    laws::in_order_and_once(&consumer.effects().await, &events);
}
