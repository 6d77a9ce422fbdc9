//! What is left out of a series, added to it and moved within it.

use chrono::{Datelike, NaiveDate};

use super::{Occurrence, Series, Start, calendar::reading, to_instant};
use crate::error::FieldErrors;

/// EXDATE, RDATE and edits of single occurrences, ready to be looked up.
#[derive(Debug, Clone, Default)]
pub(super) struct Exceptions {
    /// Occurrences left out, sorted.
    pub(super) times: Vec<Start>,
    /// Whole days left out, sorted.
    pub(super) days: Vec<NaiveDate>,
    /// Overrides by original time, sorted.
    pub(super) overrides: Vec<(Start, Option<Start>)>,
    /// RDATE and moved occurrences, sorted by instant.
    pub(super) extras: Vec<Occurrence>,
    /// Instants of the extras' original times, sorted, with their places in `extras`.
    pub(super) originals: Vec<(i64, usize)>,
}

impl Series {
    /// A listed time in the form of this series: with a time, or without.
    fn listed(&self, written: Start) -> Result<Start, String> {
        if !(1..=9999).contains(&written.date().year()) {
            return Err("must lie in the years 1 to 9999".into());
        }
        match (self.spec.start, written) {
            (Start::At(start), Start::On(day)) => Ok(Start::At(day.and_time(start.time()))),
            (Start::On(_), Start::At(at)) => Err(format!(
                "the series is all-day; write a date, such as {}",
                at.date()
            )),
            _ => Ok(written),
        }
    }

    pub(super) fn add_exceptions(&mut self, errors: &mut FieldErrors) {
        let spec = self.spec.clone();
        for (i, written) in spec.exclude.iter().enumerate() {
            match (written, self.listed(*written)) {
                (Start::On(day), _) => self.exceptions.days.push(*day),
                (_, Ok(at)) => self.exceptions.times.push(at),
                (_, Err(why)) => errors.push(format!("exclude[{i}]"), why),
            }
        }
        self.exceptions.times.sort_unstable();
        self.exceptions.days.sort_unstable();
        for (i, moved) in spec.overrides.iter().enumerate() {
            let to = moved.to.map(|to| self.listed(to)).transpose();
            match (self.listed(moved.occurrence), to) {
                (Ok(original), Ok(to)) => self.exceptions.overrides.push((original, to)),
                (Err(why), _) => errors.push(format!("overrides[{i}].occurrence"), why),
                (_, Err(why)) => errors.push(format!("overrides[{i}].to"), why),
            }
        }
        self.exceptions.overrides.sort_unstable();
        if let Some(pair) = self
            .exceptions
            .overrides
            .windows(2)
            .find(|pair| pair[0].0 == pair[1].0)
        {
            errors.push(
                "overrides",
                format!("{} is overridden twice; once is allowed", pair[0].0),
            );
        }
        let mut extras = Vec::new();
        for (i, written) in spec.include.iter().enumerate() {
            match self.listed(*written) {
                Err(why) => errors.push(format!("include[{i}]"), why),
                Ok(original) if self.is_excluded(original) => {}
                Ok(original) => {
                    if self.override_of(original).is_none() && self.find(original).is_none() {
                        extras.push(self.occurrence(original, original, 0));
                    }
                }
            }
        }
        for (original, to) in &self.exceptions.overrides {
            // An override of what is no occurrence says nothing (the rule may have changed).
            let included = || {
                spec.include
                    .iter()
                    .any(|i| self.listed(*i) == Ok(*original))
            };
            let index = self.find(*original).or_else(|| included().then_some(0));
            if let (Some(index), Some(to), false) = (index, to, self.is_excluded(*original)) {
                extras.push(self.occurrence(*original, *to, index));
            }
        }
        extras.sort_unstable_by_key(|extra| (extra.at, extra.original));
        extras.dedup_by_key(|extra| extra.at);
        let instant = |e: &Occurrence| to_instant(&e.original, self.zone.tz()).timestamp();
        self.exceptions.originals = extras.iter().map(instant).zip(0..).collect();
        self.exceptions.originals.sort_unstable();
        self.exceptions.extras = extras;
    }

    /// The occurrence that is now at a listed local time.
    fn occurrence(&self, original: Start, local: Start, index: u64) -> Occurrence {
        let at = to_instant(&local, self.zone.tz());
        Occurrence {
            original,
            local: self.shown(local, at.timestamp()),
            at,
            index,
        }
    }

    /// What the clock shows at an occurrence: a time out of a gap comes after it.
    pub(super) fn shown(&self, local: Start, at: i64) -> Start {
        match local {
            Start::At(_) => Start::At(reading(self.zone.local(at))),
            Start::On(_) => local,
        }
    }

    /// The index of a rule's occurrence with this original time, when there is one.
    pub(super) fn find(&self, original: Start) -> Option<u64> {
        let at = to_instant(&original, self.zone.tz()).timestamp();
        // The step at this instant is the first or second that is looked at.
        let raw = self.raw_from(at, &mut 8)?;
        (raw.original == original).then(|| self.rules[raw.rule].index(raw.key))
    }

    pub(super) fn is_excluded(&self, original: Start) -> bool {
        self.exceptions.times.binary_search(&original).is_ok()
            || self.exceptions.days.binary_search(&original.date()).is_ok()
    }

    pub(super) fn override_of(&self, original: Start) -> Option<Option<Start>> {
        let place = self
            .exceptions
            .overrides
            .binary_search_by_key(&original, |(original, _)| *original);
        place.ok().map(|i| self.exceptions.overrides[i].1)
    }
}
