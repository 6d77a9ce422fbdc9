//! Moving an occurrence with all that follow.

use chrono::Duration;
use chrono_tz::Tz;

use super::{Basis, Rule, RuleSpec, Series, SeriesSpec, Start, to_instant};
use crate::error::{FieldError, FieldErrors};

impl SeriesSpec {
    /// The series as it goes on when the occurrence with the original time `current` is moved to `to`
    /// together with all that follow: it starts there, and COUNT counts what is left.
    ///
    /// # Errors
    /// `due`, when the rule has no occurrence at `to`, so that what follows would not move with it; else
    /// the fields of the series that go with no such start.
    pub fn moved(&self, current: &Start, to: Start, user_zone: Tz) -> Result<Self, FieldErrors> {
        let mut moved = self.clone();
        // Of a series that counts from completion each instance carries what is left.
        if self.basis == Basis::DueDate
            && let RuleSpec::Rrule(text) = &self.rule
            && let Ok(rule) = text.parse::<Rule>()
            && let Some(count) = rule.count
        {
            let before = Series::compile(self, user_zone)?;
            let passed = before.find(*current).unwrap_or(1).saturating_sub(1);
            let passed = u32::try_from(passed).unwrap_or(u32::MAX);
            let left = Rule {
                count: Some(count.saturating_sub(passed).max(1)),
                ..rule
            };
            moved.rule = RuleSpec::Rrule(left.to_string());
        }
        moved.starting_at(to, user_zone)
    }

    /// The same series from `to` on.
    ///
    /// # Errors
    /// As [`Self::moved`].
    pub fn starting_at(self, to: Start, user_zone: Tz) -> Result<Self, FieldErrors> {
        let moved = Self { start: to, ..self };
        let series = Series::compile(&moved, user_zone)?;
        let at = to_instant(&to, series.zone());
        let found = series.between(at, at + Duration::seconds(1), 1);
        if !found.iter().any(|occurrence| occurrence.original == to) {
            let why = format!(
                "the rule has no occurrence at {to}; change `recurrence` with it, or move this one alone"
            );
            return Err(FieldError::new("due", why).into());
        }
        Ok(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(text: &str) -> Start {
        text.parse().unwrap()
    }

    fn moved(rule: &str, to: &str) -> Result<SeriesSpec, FieldErrors> {
        let spec = SeriesSpec::rrule(rule, start("2026-11-02T09:00:00"), None);
        spec.moved(&start("2026-11-16T09:00:00"), start(to), Tz::Europe__Berlin)
    }

    fn next(spec: &SeriesSpec) -> Vec<String> {
        let series = Series::compile(spec, Tz::Europe__Berlin).unwrap();
        let from = to_instant(&spec.start, Tz::Europe__Berlin) - Duration::seconds(1);
        let next = series.upcoming(from, 3);
        next.iter().map(|o| o.original.to_string()).collect()
    }

    #[test]
    fn what_follows_moves_to_the_same_time_and_day() {
        let later = moved("FREQ=WEEKLY;BYDAY=MO", "2026-11-16T11:30:00").unwrap();
        let expected = [
            "2026-11-16T11:30:00",
            "2026-11-23T11:30:00",
            "2026-11-30T11:30:00",
        ];
        assert_eq!(next(&later), expected);
        let tuesday = moved("FREQ=WEEKLY", "2026-11-17T09:00:00").unwrap();
        assert_eq!(next(&tuesday)[1], "2026-11-24T09:00:00");
    }

    #[test]
    fn a_count_counts_what_is_left() {
        let later = moved("FREQ=WEEKLY;COUNT=4", "2026-11-16T11:30:00").unwrap();
        assert_eq!(next(&later), ["2026-11-16T11:30:00", "2026-11-23T11:30:00"]);
    }

    #[test]
    fn a_time_that_the_rule_does_not_have_is_refused() {
        for (rule, to) in [
            ("FREQ=WEEKLY;BYDAY=MO", "2026-11-17T09:00:00"),
            ("FREQ=DAILY;BYHOUR=9;BYMINUTE=0", "2026-11-16T10:00:00"),
        ] {
            let errors = moved(rule, to).unwrap_err();
            assert_eq!(errors.0[0].field, "due", "{rule}");
        }
        let past_its_end = moved("FREQ=DAILY;UNTIL=20261120", "2026-12-01T09:00:00");
        assert_eq!(past_its_end.unwrap_err().0[0].field, "rrule");
    }
}
