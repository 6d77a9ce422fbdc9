//! What comes after an instance is completed, by basis and late policy.

use chrono::{DateTime, Utc};

use super::{
    Basis, Late, MAX_OPEN_INSTANCES, Occurrence, Series, SeriesSpec, Start,
    calendar::{DAY, reading},
    rrule::Rule,
    spec::RuleSpec,
    to_instant,
};

impl Series {
    /// What is to be open once the instance with the original time `current` was completed, in
    /// order; empty when the series is over, more than one only by [`Late::Each`].
    ///
    /// By [`Basis::DueDate`] the rule alone decides, and `late` what becomes of occurrences that
    /// passed meanwhile. By [`Basis::Completion`] the rule starts anew on the local day of the
    /// completion, at the series' time of day, and the first occurrence on a later day is next; a
    /// rule finer than a day starts anew at the instant of the completion. Without a rule's grid
    /// COUNT cannot be told from `current`: use [`Self::next_on_completion_of`] there.
    pub fn next_on_completion(
        &self,
        current: &Start,
        completed_at: DateTime<Utc>,
    ) -> Vec<Occurrence> {
        self.next_on_completion_of(current, None, completed_at)
    }

    /// As [`Self::next_on_completion`], with which instance of the series the completed one is,
    /// counted from 1: COUNT of a completion-based series is measured by it.
    pub fn next_on_completion_of(
        &self,
        current: &Start,
        index: Option<u64>,
        completed_at: DateTime<Utc>,
    ) -> Vec<Occurrence> {
        match self.spec.basis {
            Basis::Completion => self
                .after_completion(index, completed_at)
                .into_iter()
                .collect(),
            Basis::DueDate => self.after_due_date(current, completed_at),
        }
    }

    fn after_due_date(&self, current: &Start, completed_at: DateTime<Utc>) -> Vec<Occurrence> {
        let after = to_instant(current, self.zone()).timestamp() + 1;
        match self.spec.late {
            Late::CatchUp => self.original_from(after).into_iter().collect(),
            Late::NextFuture => self.future_from(after, completed_at).into_iter().collect(),
            Late::Each => {
                let mut found = Vec::new();
                let mut from = after;
                while found.len() < MAX_OPEN_INSTANCES {
                    let Some(next) = self.original_from(from) else {
                        break;
                    };
                    from = to_instant(&next.original, self.zone()).timestamp() + 1;
                    let future = next.at > completed_at;
                    found.push(next);
                    if future {
                        break;
                    }
                }
                found
            }
        }
    }

    /// The first in the order of original times, from an instant on, that lies after `now`.
    fn future_from(&self, after: i64, now: DateTime<Utc>) -> Option<Occurrence> {
        // What was moved from the past into the future comes before what was always there.
        let mut from = after.max(now.timestamp() + 1);
        let moved = self
            .extras_between(after, from)
            .find(|o| o.at > now)
            .cloned();
        if moved.is_some() {
            return moved;
        }
        loop {
            let next = self.original_from(from)?;
            if next.at > now {
                return Some(next);
            }
            from = to_instant(&next.original, self.zone()).timestamp() + 1;
        }
    }

    fn after_completion(
        &self,
        index: Option<u64>,
        completed_at: DateTime<Utc>,
    ) -> Option<Occurrence> {
        let local = self.zone.local(completed_at.timestamp());
        let today = local.div_euclid(DAY);
        let mut found = None;
        for rule in self.rules() {
            if let (Some(count), Some(index)) = (rule.count, index)
                && index >= u64::from(count)
            {
                continue;
            }
            let finer = rule.freq.is_finer_than_daily();
            let start = match self.spec.start {
                Start::On(_) => Start::On(reading(today * DAY).date()),
                Start::At(_) if finer => Start::At(reading(local)),
                Start::At(at) => Start::At(reading(today * DAY).date().and_time(at.time())),
            };
            let Some(anew) = self.anew(rule, start) else {
                continue;
            };
            let next = if finer {
                anew.next_after(completed_at)
            } else {
                anew.from(self.zone.resolve((today + 1) * DAY).at)
            };
            found = match (found, next) {
                (None, next) => next,
                (Some(a), Some(b)) if b.at < a.at => Some(b),
                (found, _) => found,
            };
        }
        if let (Some(found), Some(index)) = (&mut found, index) {
            found.index = index + 1;
        }
        found
    }

    /// The series with another start, and without COUNT.
    fn anew(&self, rule: &Rule, start: Start) -> Option<Series> {
        let uncounted = Rule {
            count: None,
            ..rule.clone()
        };
        let spec = SeriesSpec {
            rule: RuleSpec::Rrule(uncounted.to_string()),
            start,
            time_zone: Some(self.zone()),
            ..self.spec.clone()
        };
        // What was valid from one start may have nothing left from another: it is over then.
        Series::compile(&spec, self.zone()).ok()
    }
}
