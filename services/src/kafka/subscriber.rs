//! Consuming: one member of a consumer group, a worker for each of its partitions.
//!
//! An offset is committed after the effects of what lies before it are durable. A partition that is
//! taken away is dropped at once: what was under way there either commits, and the inbox knows it, or
//! is rolled back; its new owner begins at the last committed offset.

use std::{collections::HashMap, ops::Deref, sync::Arc, time::Duration};

use domain::event::dead_letter_topic;
use rdkafka::{
    ClientContext, Message as _, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance, StreamConsumer},
    error::KafkaError,
    message::OwnedMessage,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    KafkaArgs, log,
    partition::{Patience, Progress, Worker},
    publisher::Sender,
};
use crate::intake::Intake;

/// Messages of a partition that wait in this process; beyond, it is paused, and below the lower number
/// read again.
const WAITING: (usize, usize) = (500, 2000);

/// How long partitions may take to end at shutdown.
const GRACE: Duration = Duration::from_secs(5);

/// What is consumed, and how.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// The brokers.
    pub kafka: KafkaArgs,
    /// The consumer group: for a role of a stack `<namespace>.<stack>-<role>`, as Dapr names it.
    pub group: String,
    /// What topic names begin with.
    pub prefix: String,
    /// With what fails.
    pub patience: Patience,
}

/// A member of a consumer group.
pub struct Subscriber {
    group: Group,
    progress: mpsc::UnboundedReceiver<(Place, u64, Progress)>,
    lost: mpsc::UnboundedReceiver<Vec<Place>>,
}

impl Subscriber {
    /// Will hand the events of the consumer's topics to it, until `shutdown`.
    ///
    /// # Errors
    /// When the settings cannot be used. A broker that is away is waited for.
    pub fn new(
        subscription: Subscription,
        intake: Arc<Intake>,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let dead_letters = format!(
            "{}{}",
            subscription.prefix,
            dead_letter_topic(intake.name())
        );
        let mut topics: Vec<String> = intake
            .topics()
            .iter()
            .map(|topic| format!("{}{}", subscription.prefix, topic.as_str()))
            .collect();
        topics.push(dead_letters.clone());
        let (losing, lost) = mpsc::unbounded_channel();
        let consumer: StreamConsumer<Member> = subscription
            .kafka
            .config()?
            .set("group.id", &subscription.group)
            // A consumer that is new must not miss what was published before it.
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "1000")
            .set("enable.auto.offset.store", "false")
            // What a member that died held is another's after so long, as with Dapr.
            .set("session.timeout.ms", "10000")
            .set("heartbeat.interval.ms", "3000")
            .set("queued.max.messages.kbytes", "8192")
            .create_with_context(Member(losing))?;
        consumer.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())?;
        let (done, progress) = mpsc::unbounded_channel();
        let group = Group {
            sender: Arc::new(Sender::new(&subscription.kafka)?),
            consumer: Closing(Some(consumer)),
            intake,
            dead_letters,
            prefix: subscription.prefix,
            patience: subscription.patience,
            shutdown,
            partitions: HashMap::new(),
            epoch: 0,
            done,
        };
        Ok(Self {
            group,
            progress,
            lost,
        })
    }

    /// Hands them over. Returns when the group is left.
    pub async fn run(self) {
        let Self {
            mut group,
            mut progress,
            mut lost,
        } = self;
        let shutdown = group.shutdown.clone();
        loop {
            let received = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(gone) = lost.recv() => {
                    group.drop_partitions(&gone);
                    continue;
                }
                Some((place, epoch, made)) = progress.recv() => {
                    group.advance(&place, epoch, made);
                    continue;
                }
                received = group.consumer.recv() => received.map(|message| message.detach()),
            };
            // Said while the message was fetched, so before it.
            while let Ok(gone) = lost.try_recv() {
                group.drop_partitions(&gone);
            }
            match received {
                Ok(message) => group.hand_over(message),
                Err(error) => {
                    tracing::warn!(%error, "Kafka: nothing can be read now");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        group.end(&mut progress).await;
    }
}

/// Topic and partition.
type Place = (String, i32);

struct Partition {
    /// Tells a partition that was taken away and given back from what it was before.
    epoch: u64,
    messages: mpsc::UnboundedSender<OwnedMessage>,
    waiting: usize,
    paused: bool,
    worker: JoinHandle<()>,
}

struct Group {
    consumer: Closing,
    intake: Arc<Intake>,
    dead_letters: String,
    prefix: String,
    sender: Arc<Sender>,
    patience: Patience,
    shutdown: CancellationToken,
    partitions: HashMap<Place, Partition>,
    epoch: u64,
    done: mpsc::UnboundedSender<(Place, u64, Progress)>,
}

impl Group {
    fn hand_over(&mut self, message: OwnedMessage) {
        let place = (message.topic().to_owned(), message.partition());
        if !self.partitions.contains_key(&place) {
            let partition = self.start(place.clone());
            self.partitions.insert(place.clone(), partition);
        }
        let Some(partition) = self.partitions.get_mut(&place) else {
            return;
        };
        partition.waiting += 1;
        if partition.messages.send(message).is_err() && !self.shutdown.is_cancelled() {
            // It would stand still for ever: another process begins where it committed last.
            tracing::error!(
                topic = place.0,
                partition = place.1,
                "a worker ended by itself"
            );
            self.shutdown.cancel();
            return;
        }
        if partition.waiting >= WAITING.1 && !partition.paused {
            partition.paused = set_paused(&self.consumer, &place, true);
        }
    }

    fn start(&mut self, place: Place) -> Partition {
        self.epoch += 1;
        let epoch = self.epoch;
        let topic = (place.0 != self.dead_letters).then(|| {
            place
                .0
                .strip_prefix(&self.prefix)
                .unwrap_or(&place.0)
                .to_owned()
        });
        let worker = Worker {
            intake: self.intake.clone(),
            topic,
            dead_letters: self.dead_letters.clone(),
            sender: self.sender.clone(),
            patience: self.patience,
            shutdown: self.shutdown.clone(),
        };
        let (messages, queue) = mpsc::unbounded_channel();
        let done = self.done.clone();
        let progress = move |made| {
            // Nobody listens: the process has stopped.
            let _ = done.send((place.clone(), epoch, made));
        };
        Partition {
            epoch,
            messages,
            waiting: 0,
            paused: false,
            worker: tokio::spawn(worker.run(queue, progress)),
        }
    }

    /// Notes what a partition has dealt with: it is committed with the next interval.
    fn advance(&mut self, place: &Place, epoch: u64, made: Progress) {
        let Some(partition) = self.partitions.get_mut(place) else {
            return;
        };
        if partition.epoch != epoch {
            return;
        }
        partition.waiting = partition.waiting.saturating_sub(made.messages);
        if partition.paused && partition.waiting <= WAITING.0 {
            partition.paused = !set_paused(&self.consumer, place, false);
        }
        let mut offsets = TopicPartitionList::new();
        let stored = offsets
            .add_partition_offset(&place.0, place.1, Offset::Offset(made.next))
            .and_then(|()| self.consumer.store_offsets(&offsets));
        if let Err(error) = stored {
            // It is another's by now, who reads from the last offset that was committed.
            tracing::debug!(topic = place.0, partition = place.1, %error, "an offset is not stored");
        }
    }

    fn drop_partitions(&mut self, gone: &[Place]) {
        for place in gone {
            if let Some(partition) = self.partitions.remove(place) {
                partition.worker.abort();
            }
        }
    }

    /// Lets what is under way end, commits, and leaves the group.
    async fn end(mut self, progress: &mut mpsc::UnboundedReceiver<(Place, u64, Progress)>) {
        let mut workers = Vec::new();
        let mut epochs = HashMap::new();
        for (place, partition) in self.partitions.drain() {
            epochs.insert(place, partition.epoch);
            workers.push(partition.worker);
        }
        let _ = tokio::time::timeout(GRACE, futures::future::join_all(workers)).await;
        let mut offsets = TopicPartitionList::new();
        while let Ok((place, epoch, made)) = progress.try_recv() {
            if epochs.get(&place) == Some(&epoch) {
                // The last one of a partition counts.
                let _ = offsets.add_partition_offset(&place.0, place.1, Offset::Offset(made.next));
            }
        }
        let (told, left) = oneshot::channel();
        let consumer = self.consumer.0.take();
        std::thread::spawn(move || {
            if let Some(consumer) = consumer {
                if let Err(error) = consumer.store_offsets(&offsets) {
                    tracing::debug!(%error, "the last offsets are not stored");
                }
                // Commits what is stored, and leaves the group.
                drop(consumer);
            }
            let _ = told.send(());
        });
        if tokio::time::timeout(GRACE, left).await.is_err() {
            tracing::warn!("Kafka did not hear that we leave; what was not committed comes again");
        }
    }
}

/// A consumer that is closed on a thread of its own: librdkafka blocks until the broker has heard of it,
/// which may be away.
struct Closing(Option<StreamConsumer<Member>>);

impl Deref for Closing {
    type Target = StreamConsumer<Member>;

    fn deref(&self) -> &Self::Target {
        self.0
            .as_ref()
            .expect("it is taken by what ends the group only")
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(consumer) = self.0.take() {
            std::thread::spawn(move || drop(consumer));
        }
    }
}

/// Whether it could be done.
fn set_paused(consumer: &StreamConsumer<Member>, place: &Place, paused: bool) -> bool {
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition(&place.0, place.1);
    let done = if paused {
        consumer.pause(&partitions)
    } else {
        consumer.resume(&partitions)
    };
    done.is_ok()
}

/// Hears which partitions are taken away.
struct Member(mpsc::UnboundedSender<Vec<Place>>);

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // It is received as well.
        tracing::debug!(%error, reason, "Kafka");
    }
}

impl ConsumerContext for Member {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            let places: Vec<Place> = partitions
                .elements()
                .iter()
                .map(|element| (element.topic().to_owned(), element.partition()))
                .collect();
            // Nobody listens: the group is being left.
            let _ = self.0.send(places);
        }
    }
}
