//! Who is told what: a notice wakes the streams of its user on this replica, and no others.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use domain::event::Event;
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

/// Streams of one user on one replica, at most.
pub(super) const STREAMS: usize = 50;

/// Notices that a slow device may lag behind before some are left out.
const QUEUE: usize = 1024;

/// Users are spread over so many maps, so that one that is told of a gap does not hold up the others.
const SHARDS: usize = 16;

/// The streams of this replica.
#[derive(Default)]
pub(super) struct Hub {
    shards: [Mutex<HashMap<Uuid, Vec<Stream>>>; SHARDS],
    numbers: AtomicU64,
}

struct Stream {
    number: u64,
    queue: mpsc::Sender<Arc<Event>>,
    gap: Arc<Gap>,
}

/// Notices were left out.
#[derive(Default)]
struct Gap {
    told: Notify,
    /// Because the device was too slow.
    slow: AtomicBool,
}

/// What a stream is told.
#[derive(Debug)]
pub(super) enum Told {
    /// Something of its user changed.
    Change(Arc<Event>),
    /// Notices were left out: read everything anew.
    Gap {
        /// The device was too slow to take them.
        slow: bool,
    },
}

impl Hub {
    /// A stream of `user`, told what comes from now on; none when there are [`STREAMS`] already.
    pub(super) fn subscribe(self: &Arc<Self>, user: Uuid) -> Option<Subscription> {
        let mut streams = self.streams(user);
        let streams = streams.entry(user).or_default();
        if streams.len() >= STREAMS {
            return None;
        }
        let (queue, taken) = mpsc::channel(QUEUE);
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let gap = Arc::<Gap>::default();
        streams.push(Stream {
            number,
            queue,
            gap: gap.clone(),
        });
        metrics::gauge!("todostack_streams_open").increment(1.0);
        Some(Subscription {
            hub: self.clone(),
            user,
            number,
            queue: taken,
            gap,
        })
    }

    /// Tells the streams of the user whose event this is.
    pub(super) fn tell(&self, event: Event) {
        let Some(user) = event.owner else {
            return;
        };
        let event = Arc::new(event);
        let streams = self.streams(user);
        for stream in streams.get(&user).into_iter().flatten() {
            // It is closed only when its stream is being dropped.
            if let Err(mpsc::error::TrySendError::Full(_)) = stream.queue.try_send(event.clone()) {
                stream.gap.slow.store(true, Ordering::Relaxed);
                stream.gap.told.notify_one();
            }
        }
    }

    /// Tells every stream that something was missed.
    pub(super) fn tell_all_of_a_gap(&self) {
        for shard in &self.shards {
            for stream in locked(shard).values().flatten() {
                stream.gap.told.notify_one();
            }
        }
    }

    fn streams(&self, user: Uuid) -> MutexGuard<'_, HashMap<Uuid, Vec<Stream>>> {
        // The last byte of a UUID of any version in use is random.
        locked(&self.shards[usize::from(user.as_bytes()[15]) % SHARDS])
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves a map whole: every change is a single call.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One stream; dropped, it is told nothing more.
pub(super) struct Subscription {
    hub: Arc<Hub>,
    user: Uuid,
    number: u64,
    queue: mpsc::Receiver<Arc<Event>>,
    gap: Arc<Gap>,
}

impl Subscription {
    /// What comes next. Dropped before it is there, it loses nothing.
    pub(super) async fn next(&mut self) -> Told {
        tokio::select! {
            biased;
            () = self.gap.told.notified() => {
                // What waits is part of what is read anew.
                while self.queue.try_recv().is_ok() {}
                let slow = self.gap.slow.swap(false, Ordering::Relaxed);
                Told::Gap { slow }
            }
            // It is open for as long as the hub has its other end, which this stream takes away.
            Some(event) = self.queue.recv() => Told::Change(event),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut users = self.hub.streams(self.user);
        if let Some(streams) = users.get_mut(&self.user) {
            streams.retain(|stream| stream.number != self.number);
            if streams.is_empty() {
                users.remove(&self.user);
            }
        }
        metrics::gauge!("todostack_streams_open").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::event::EventType;
    use futures::FutureExt as _;
    use serde_json::json;

    use super::*;

    fn event(owner: Uuid, n: usize) -> Event {
        let (kind, time) = (EventType::TaskUpdated, DateTime::UNIX_EPOCH);
        let subject = n.to_string();
        Event::new(Uuid::now_v7(), kind, subject, Some(owner), time, json!({}))
    }

    fn subject(told: Option<Told>) -> String {
        match told {
            Some(Told::Change(event)) => event.subject.clone(),
            other => panic!("{other:?} is no change"),
        }
    }

    #[test]
    fn a_notice_reaches_every_stream_of_its_user_and_nobody_else() {
        let hub = Arc::<Hub>::default();
        let (ada, eve) = (Uuid::from_u128(1), Uuid::from_u128(17));
        let mut first = hub.subscribe(ada).unwrap();
        let mut second = hub.subscribe(ada).unwrap();
        // In the same shard.
        let mut other = hub.subscribe(eve).unwrap();
        hub.tell(event(ada, 7));
        assert_eq!(subject(first.next().now_or_never()), "7");
        assert_eq!(subject(second.next().now_or_never()), "7");
        assert!(other.next().now_or_never().is_none());
        drop(first);
        hub.tell(event(ada, 8));
        assert_eq!(subject(second.next().now_or_never()), "8");
    }

    #[test]
    fn who_is_too_slow_is_told_of_the_gap_and_of_what_comes_after_it() {
        let hub = Arc::<Hub>::default();
        let user = Uuid::from_u128(1);
        let mut stream = hub.subscribe(user).unwrap();
        for n in 0..=QUEUE {
            hub.tell(event(user, n));
        }
        let told = stream.next().now_or_never();
        assert!(matches!(told, Some(Told::Gap { slow: true })), "{told:?}");
        assert!(stream.next().now_or_never().is_none());
        hub.tell(event(user, 9));
        assert_eq!(subject(stream.next().now_or_never()), "9");
        hub.tell_all_of_a_gap();
        let told = stream.next().now_or_never();
        assert!(matches!(told, Some(Told::Gap { slow: false })), "{told:?}");
    }

    #[test]
    fn a_user_has_so_many_streams_and_an_end_makes_room() {
        let hub = Arc::<Hub>::default();
        let user = Uuid::from_u128(1);
        let mut streams: Vec<_> = (0..STREAMS).map(|_| hub.subscribe(user).unwrap()).collect();
        assert!(hub.subscribe(user).is_none());
        assert!(hub.subscribe(Uuid::from_u128(2)).is_some());
        streams.pop();
        assert!(hub.subscribe(user).is_some());
        streams.clear();
        assert!(hub.shards.iter().all(|shard| locked(shard).is_empty()));
    }
}
