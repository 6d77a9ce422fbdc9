//! A circuit breaker: after failures in a row nothing is sent for a while, then one attempt probes
//! (<https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker>).

use std::time::{Duration, Instant};

/// Failures in a row that open the circuit.
const THRESHOLD: u32 = 5;

/// How long it stays open at first; twice as long after each probe that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// How long it stays open at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A probe that has come to nothing by now never will: longer than any attempt.
const PROBE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Instant, pause: Duration },
    HalfOpen { since: Instant, pause: Duration },
}

/// The breaker of one receiver, or of one owner's way to it.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    failures: u32,
    last_error: String,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Closed,
            failures: 0,
            last_error: String::new(),
        }
    }
}

impl Breaker {
    /// Why nothing may be sent now; `None` when it may.
    pub(super) fn refusal(&self, now: Instant) -> Option<String> {
        let open = match self.state {
            State::Closed => false,
            State::Open { until, .. } => now < until,
            State::HalfOpen { since, .. } => now < since + PROBE,
        };
        open.then(|| format!("circuit open: {}", self.last_error))
    }

    /// An attempt begins that [`Breaker::refusal`] let through.
    pub(super) fn begin(&mut self, now: Instant) {
        if let State::Open { pause, .. } | State::HalfOpen { pause, .. } = self.state {
            self.state = State::HalfOpen { since: now, pause };
        }
    }

    /// The receiver answered. `true`: the circuit was open and closes.
    pub(super) fn succeed(&mut self) -> bool {
        let was_open = self.state != State::Closed;
        *self = Self::default();
        was_open
    }

    /// The receiver did not answer, or as one that is out of order. `true`: the circuit opens.
    pub(super) fn fail(&mut self, now: Instant, error: &str) -> bool {
        self.failures += 1;
        error.clone_into(&mut self.last_error);
        let pause = match self.state {
            State::Closed if self.failures < THRESHOLD => return false,
            State::Closed => FIRST_PAUSE,
            // One that was on its way when it opened.
            State::Open { .. } => return false,
            State::HalfOpen { pause, .. } => (pause * 2).min(LONGEST_PAUSE),
        };
        let opens = self.state == State::Closed;
        self.state = State::Open {
            until: now + pause,
            pause,
        };
        opens
    }

    /// An attempt ended that tells nothing of the receiver: the next one may probe.
    pub(super) fn tell_nothing(&mut self, now: Instant) {
        if let State::HalfOpen { pause, .. } = self.state {
            self.state = State::Open { until: now, pause };
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for failure in 1..=THRESHOLD {
            assert_eq!(breaker.refusal(now), None);
            assert_eq!(breaker.fail(now, "timed out"), failure == THRESHOLD);
        }
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_says_why() {
        let now = Instant::now();
        let breaker = open(now);
        assert_eq!(
            breaker.refusal(now).as_deref(),
            Some("circuit open: timed out")
        );
    }

    #[test]
    fn an_answer_in_between_keeps_it_closed() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..3 * THRESHOLD {
            breaker.fail(now, "x");
            breaker.fail(now, "x");
            assert!(!breaker.succeed());
        }
        assert!(breaker.is_closed());
    }

    #[test]
    fn one_attempt_probes_and_its_answer_closes_it() {
        let start = Instant::now();
        let mut breaker = open(start);
        let later = start + FIRST_PAUSE;
        assert_eq!(breaker.refusal(later), None);
        breaker.begin(later);
        assert!(breaker.refusal(later).is_some(), "a second probe");
        assert!(breaker.succeed());
        assert_eq!(breaker.refusal(later), None);
    }

    #[test]
    fn a_probe_that_fails_keeps_it_open_for_twice_as_long() {
        let start = Instant::now();
        let mut breaker = open(start);
        let mut now = start;
        let mut pause = FIRST_PAUSE;
        for _ in 0..6 {
            now += pause;
            assert_eq!(breaker.refusal(now), None);
            breaker.begin(now);
            breaker.fail(now, "x");
            pause = (pause * 2).min(LONGEST_PAUSE);
            assert!(
                breaker
                    .refusal(now + pause - Duration::from_millis(1))
                    .is_some()
            );
        }
        assert_eq!(pause, LONGEST_PAUSE);
    }

    #[test]
    fn one_that_was_on_its_way_when_it_opened_does_not_prolong_it() {
        let now = Instant::now();
        let mut breaker = open(now);
        breaker.fail(now + FIRST_PAUSE / 2, "late");
        assert_eq!(breaker.refusal(now + FIRST_PAUSE), None);
    }

    #[test]
    fn a_probe_that_says_nothing_lets_the_next_one_probe() {
        let start = Instant::now();
        let mut breaker = open(start);
        let now = start + FIRST_PAUSE;
        breaker.begin(now);
        breaker.tell_nothing(now);
        assert_eq!(breaker.refusal(now), None);
    }
}
