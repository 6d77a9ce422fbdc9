//! Exponential backoff per object: kube has none of its own
//! (<https://github.com/kube-rs/kube/issues/1916>).

use std::{collections::HashMap, sync::Mutex, time::Duration};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// How often each object has failed in a row.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: Mutex<HashMap<String, u32>>,
}

impl Backoff {
    /// Notes one more failure and tells how long to wait: 1 s, 2 s, 4 s … 5 min.
    pub fn fail(&self, key: &str) -> Duration {
        let mut failures = self.lock();
        let count = failures.entry(key.to_owned()).or_default();
        let delay = FIRST
            .saturating_mul(1_u32.checked_shl(*count).unwrap_or(u32::MAX))
            .min(LONGEST);
        *count = count.saturating_add(1);
        delay
    }

    /// It went well, or it is gone: the next failure starts from the beginning.
    pub fn forget(&self, key: &str) {
        self.lock().remove(key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, u32>> {
        // Nothing in here can panic half-way, so a poisoned map is still whole.
        self.failures
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest_and_starts_over_after_success() {
        let backoff = Backoff::default();
        let seconds: Vec<u64> = (0..12).map(|_| backoff.fail("a").as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        for _ in 0..100 {
            assert_eq!(backoff.fail("a").as_secs(), 300);
        }
        backoff.forget("a");
        assert_eq!(backoff.fail("a").as_secs(), 1);
    }

    #[test]
    fn one_object_does_not_slow_another() {
        let backoff = Backoff::default();
        backoff.fail("a");
        backoff.fail("a");
        assert_eq!(backoff.fail("b").as_secs(), 1);
    }
}
