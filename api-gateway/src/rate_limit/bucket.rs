//! The buckets of this process.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use store::rate_limits::Drawn;
use uuid::Uuid;

use super::Limit;

/// Most buckets that are kept. Who comes from more addresses than that is not to be held by a limit for
/// each; their number must not cost all memory.
const MOST: usize = 100_000;

/// Part of a bucket that is drawn from it before the other gateways hear of it. What most callers use
/// stays below, so that nothing is written for them.
const TOLD_FROM: i64 = 10;

/// The bucket of one caller: the instant at which it is full again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    /// Microseconds of the Unix epoch.
    until: i64,
    /// Microseconds of that which the other gateways have not heard of.
    untold: i64,
    /// From how many on they are to hear of it.
    told_from: i64,
}

/// The buckets that are not full, by their callers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buckets(Arc<Mutex<HashMap<Uuid, Bucket>>>);

impl Buckets {
    /// Takes a token out of a bucket; answers with the microseconds that it then takes to be full.
    ///
    /// # Errors
    /// The same, when it holds no token.
    pub(super) fn take(&self, subject: Uuid, limit: Limit, now: i64) -> Result<i64, i64> {
        let mut buckets = self.lock();
        let is_full = buckets.len() >= MOST;
        let bucket = match buckets.entry(subject) {
            Entry::Occupied(bucket) => bucket.into_mut(),
            Entry::Vacant(_) if is_full => return Ok(limit.token()),
            Entry::Vacant(place) => place.insert(Bucket {
                until: now,
                untold: 0,
                told_from: limit.whole() / TOLD_FROM,
            }),
        };
        let missing = (bucket.until - now).max(0);
        let then = missing + limit.token();
        if then > limit.whole() {
            return Err(missing);
        }
        bucket.until = now + then;
        bucket.untold += limit.token();
        Ok(then)
    }

    /// What the other gateways have to hear of; it counts as told from now on. Full buckets are forgotten.
    pub(super) fn tell(&self, now: i64) -> Vec<Drawn> {
        let mut told = Vec::new();
        self.lock().retain(|subject, bucket| {
            if bucket.untold > bucket.told_from {
                told.push(Drawn {
                    subject: *subject,
                    micros: std::mem::take(&mut bucket.untold),
                });
            }
            bucket.until > now
        });
        told
    }

    /// What could not be told is told the next time.
    pub(super) fn untell(&self, drawn: &[Drawn]) {
        let mut buckets = self.lock();
        for one in drawn {
            if let Some(bucket) = buckets.get_mut(&one.subject) {
                bucket.untold += one.micros;
            }
        }
    }

    /// Hears what is missing in buckets by everybody's doing, but for what was drawn here meanwhile.
    pub(super) fn hear(&self, missing: &[Drawn], now: i64) {
        let mut buckets = self.lock();
        for one in missing {
            if let Some(bucket) = buckets.get_mut(&one.subject) {
                bucket.until = now + one.micros + bucket.untold;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Bucket>> {
        // Each change of the map is whole: one that panicked has done nothing to it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SUBJECT: Uuid = Uuid::from_u128(1);

    #[test]
    fn only_what_is_much_is_told_and_only_once() {
        let (buckets, limit) = (Buckets::default(), "100/100".parse().unwrap());
        for _ in 0..10 {
            buckets.take(SUBJECT, limit, 0).unwrap();
        }
        assert_eq!(buckets.tell(0), []);
        buckets.take(SUBJECT, limit, 0).unwrap();
        let told = buckets.tell(0);
        let micros = 11_000_000;
        assert_eq!(
            told,
            [Drawn {
                subject: SUBJECT,
                micros
            }]
        );
        assert_eq!(buckets.tell(0), []);
        buckets.untell(&told);
        assert_eq!(buckets.tell(0), told);
    }

    #[test]
    fn what_others_drew_is_missing_here_and_what_is_full_is_forgotten() {
        let (buckets, limit) = (Buckets::default(), "10/10".parse().unwrap());
        for _ in 0..3 {
            buckets.take(SUBJECT, limit, 0).unwrap();
        }
        let told = buckets.tell(0);
        buckets.take(SUBJECT, limit, 0).unwrap();
        let micros = told[0].micros + 5_000_000;
        buckets.hear(
            &[Drawn {
                subject: SUBJECT,
                micros,
            }],
            0,
        );
        assert_eq!(buckets.take(SUBJECT, limit, 0), Ok(10_000_000));
        assert_eq!(buckets.take(SUBJECT, limit, 0), Err(10_000_000));
        buckets.tell(10_000_000);
        assert!(buckets.lock().is_empty());
    }

    #[test]
    fn many_callers_do_not_cost_all_memory() {
        let (buckets, limit) = (Buckets::default(), "1/10".parse().unwrap());
        for i in 0..=MOST {
            buckets.take(Uuid::from_u128(i as u128), limit, 0).unwrap();
        }
        assert_eq!(buckets.lock().len(), MOST);
    }

    proptest! {
        /// In no stretch of time are there more than a bucket and what comes into it meanwhile.
        #[test]
        fn no_more_than_a_bucket_and_what_comes_in(
            requests in 1..50_u32,
            seconds in 1..20_u32,
            pauses in prop::collection::vec(0..2_000_000_i64, 1..200),
        ) {
            let limit: Limit = format!("{requests}/{seconds}").parse().unwrap();
            let (buckets, mut now) = (Buckets::default(), 0);
            let mut taken: Vec<i64> = Vec::new();
            for pause in pauses {
                now += pause;
                if buckets.take(SUBJECT, limit, now).is_ok() {
                    taken.push(now);
                }
            }
            for (i, from) in taken.iter().enumerate() {
                for (j, to) in taken.iter().enumerate().skip(i) {
                    let allowed = i64::from(requests) + (to - from) / limit.token() + 1;
                    prop_assert!(((j - i) as i64) < allowed);
                }
            }
        }

        /// Who waits as long as told is served.
        #[test]
        fn the_wait_is_enough(requests in 1..50_u32, seconds in 1..20_u32, taken in 1..100_usize) {
            let limit: Limit = format!("{requests}/{seconds}").parse().unwrap();
            let buckets = Buckets::default();
            for _ in 0..taken {
                let _ = buckets.take(SUBJECT, limit, 0);
            }
            if let Err(missing) = buckets.take(SUBJECT, limit, 0) {
                let wait = missing + limit.token() - limit.whole();
                prop_assert!(buckets.take(SUBJECT, limit, wait).is_ok());
            }
        }
    }
}
