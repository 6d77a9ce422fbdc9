//! What comes after an instance is completed, by basis and late policy.

use chrono::{DateTime, Utc};

use super::{
    Basis, Late, MAX_OPEN_INSTANCES, Occurrence, Series, SeriesSpec, Start,
    calendar::{DAY, FIRST, LAST, reading},
    rrule::Rule,
    spec::RuleSpec,
    to_instant,
};

impl SeriesSpec {
    /// The series as the next instance carries it. COUNT of a completion-based rule, which no
    /// original time can tell, is one less; everything else is the same.
    #[must_use]
    pub fn for_next_instance(&self) -> Self {
        let mut next = self.clone();
        if self.basis == Basis::Completion
            && let RuleSpec::Rrule(text) = &self.rule
            && let Ok(rule) = text.parse::<Rule>()
            && let Some(count) = rule.count
        {
            let rest = Rule {
                count: Some(count.saturating_sub(1).max(1)),
                ..rule
            };
            next.rule = RuleSpec::Rrule(rest.to_string());
        }
        next
    }
}

impl Series {
    /// What is to be open once the instance with the original time `current` was completed, in
    /// order; empty when the series is over, more than one only by [`Late::Each`].
    ///
    /// By [`Basis::DueDate`] the rule alone decides, and `late` what becomes of occurrences that
    /// passed meanwhile. By [`Basis::Completion`] the rule starts anew on the local day of the
    /// completion, at the series' time of day, and the first occurrence on a later day, and after
    /// `current`, is next; a rule finer than a day starts anew at the instant of the completion.
    /// COUNT then counts what is left, the completed one first: let each instance carry
    /// [`SeriesSpec::for_next_instance`], or tell its number to [`Self::next_on_completion_of`].
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
                .after_completion(current, index, completed_at)
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
        let mut from = after.max(now.timestamp().saturating_add(1));
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
        current: &Start,
        index: Option<u64>,
        completed_at: DateTime<Utc>,
    ) -> Option<Occurrence> {
        let counts = self.rules().filter_map(|rule| rule.count).min();
        // Unless told otherwise the completed one is the first of what COUNT counts.
        if counts.is_some_and(|count| index.unwrap_or(1) >= u64::from(count)) {
            return None;
        }
        let completed = completed_at.timestamp().clamp(FIRST, LAST);
        let local = self.zone.local(completed);
        let today = local.div_euclid(DAY);
        let finer = self.rules().any(|rule| rule.freq.is_finer_than_daily());
        let start = match self.spec.start {
            Start::On(_) => Start::On(reading(today * DAY).date()),
            Start::At(_) if finer && self.zone.resolve(local).at != completed => {
                Start::second_time(reading(local))
            }
            Start::At(_) if finer => Start::At(reading(local)),
            Start::At(at) => Start::At(reading(today * DAY).date().and_time(at.time())),
        };
        let uncounted = self.rules().map(|rule| Rule {
            count: None,
            ..rule.clone()
        });
        let spec = SeriesSpec {
            start,
            ..self.spec.clone()
        };
        // What was valid from one start may have nothing left from another: it is over then.
        let anew = Series::build(&spec, self.zone, uncounted.collect()).ok()?;
        let later = if finer {
            completed + 1
        } else {
            self.zone.resolve((today + 1) * DAY).at
        };
        // An instance completed ahead of its time is not made again, nor any before it: the ids of
        // a series would meet.
        let after_current = to_instant(current, self.zone()).timestamp() + 1;
        let mut found = anew.original_from(later.max(after_current))?;
        found.index = index.map_or(0, |index| index + 1);
        Some(found)
    }
}
