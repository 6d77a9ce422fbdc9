//! When a delivery is tried again, and when it is given up.

use chrono::{DateTime, Duration, Utc};
use store::deliveries::{Delivery, Outcome};

use super::sender::Attempt;

/// Pauses after the first, second, … failed attempt, in seconds
/// (the schedule that the Standard Webhooks specification recommends). After the last, it has failed.
const PAUSES: [i64; 8] = [5, 30, 300, 1800, 7200, 18_000, 36_000, 36_000];

/// A pause is longer by up to this share of it, so that what failed together does not come back together.
const JITTER: f64 = 0.1;

/// What an attempt means for the delivery.
pub(super) fn judge(attempt: Attempt, delivery: &Delivery, now: DateTime<Utc>) -> Outcome {
    match attempt {
        Attempt::Delivered => Outcome::Delivered,
        Attempt::GiveUp(error) => Outcome::Failed { error },
        Attempt::Retry { error, .. } => again(error, delivery, now),
    }
}

/// Tries it again after its pause, or gives it up.
pub(super) fn again(error: String, delivery: &Delivery, now: DateTime<Utc>) -> Outcome {
    let pause = usize::try_from(delivery.attempts)
        .ok()
        .and_then(|tried| PAUSES.get(tried));
    match pause {
        Some(&seconds) => {
            let milliseconds = seconds as f64 * 1000.0 * (1.0 + JITTER * share(delivery));
            Outcome::Retry {
                at: now + Duration::milliseconds(milliseconds as i64),
                error,
            }
        }
        None => Outcome::Failed { error },
    }
}

/// From 0 to 1: another for each delivery and attempt, and always the same for the same.
fn share(delivery: &Delivery) -> f64 {
    let bytes = delivery.idempotency_key.as_bytes();
    let place = usize::try_from(delivery.attempts).unwrap_or_default() % 15;
    f64::from(u16::from_be_bytes([bytes[place], bytes[place + 1]])) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notifications::{dispatcher::tests::delivery, sender::Blame};

    #[test]
    fn a_failed_attempt_is_tried_again_until_the_schedule_ends() {
        let now = Utc::now();
        let mut seen = std::collections::BTreeSet::new();
        for seconds in PAUSES.into_iter().map(Some).chain([None]) {
            let mut tried = delivery("a/x", None);
            tried.attempts = seen.len() as i32;
            let attempt = Attempt::retry(Blame::Nobody, "no");
            match (seconds, judge(attempt, &tried, now)) {
                (Some(seconds), Outcome::Retry { at, error }) => {
                    assert_eq!(error, "no");
                    let pause = (at - now).num_milliseconds();
                    assert!(
                        (seconds * 1000..=seconds * 1100).contains(&pause),
                        "{pause}"
                    );
                    seen.insert((pause, tried.attempts));
                }
                (None, outcome) => assert_eq!(outcome, Outcome::Failed { error: "no".into() }),
                (_, outcome) => panic!("{outcome:?}"),
            }
        }
        assert_eq!(seen.len(), PAUSES.len());
    }

    #[test]
    fn those_that_failed_together_do_not_come_back_together() {
        let now = Utc::now();
        let times: std::collections::BTreeSet<_> = (0..50)
            .map(|_| match again("no".into(), &delivery("a/x", None), now) {
                Outcome::Retry { at, .. } => at,
                outcome => panic!("{outcome:?}"),
            })
            .collect();
        assert!(times.len() > 40, "{}", times.len());
    }

    #[test]
    fn gone_is_not_tried_again() {
        let outcome = judge(
            Attempt::GiveUp("gone".into()),
            &delivery("a/x", None),
            Utc::now(),
        );
        assert_eq!(
            outcome,
            Outcome::Failed {
                error: "gone".into()
            }
        );
    }
}
