//! The rule of a schedule, made ready to be asked. Pure.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, SubsecRound, Utc};
use chrono_tz::Tz;
use crds::{MonthEndPolicy, ScheduleSpec};
use domain::{
    error::FieldErrors,
    recurrence::{MonthEnd, RuleSpec, Series, SeriesSpec, Start},
};

/// Where the fields of the rule are.
const PATH: &str = "spec.schedule";

/// Missed occurrences of one outage are counted up to this.
const COUNT_MOST: usize = 10_000;

/// The occurrences of a rule.
pub trait Occurrences {
    /// After `from` and up to `to`, at most `limit`.
    fn between(&self, from: DateTime<Utc>, to: DateTime<Utc>, limit: usize) -> Vec<DateTime<Utc>>;
    /// The next `n` after an instant.
    fn upcoming(&self, after: DateTime<Utc>, n: usize) -> Vec<DateTime<Utc>>;
    /// The rule in words.
    fn describe(&self, now: DateTime<Utc>) -> String;
}

impl Occurrences for Series {
    fn between(&self, from: DateTime<Utc>, to: DateTime<Utc>, limit: usize) -> Vec<DateTime<Utc>> {
        // The engine includes the first bound and excludes the second; occurrences are whole seconds.
        let next = |at: DateTime<Utc>| at.trunc_subsecs(0) + Duration::seconds(1);
        Self::between(self, next(from), next(to), limit)
            .into_iter()
            .map(|occurrence| occurrence.at)
            .collect()
    }

    fn upcoming(&self, after: DateTime<Utc>, n: usize) -> Vec<DateTime<Utc>> {
        Self::upcoming(self, after, n)
            .into_iter()
            .map(|occurrence| occurrence.at)
            .collect()
    }

    fn describe(&self, now: DateTime<Utc>) -> String {
        Self::describe(self, now)
    }
}

/// Checks the rule and makes it ready.
///
/// # Errors
/// Every field that cannot be accepted, by its path in the manifest.
pub fn compile(schedule: &ScheduleSpec) -> Result<Series, FieldErrors> {
    let mut errors = FieldErrors::default();
    let zone: Tz = schedule.time_zone.parse().unwrap_or_else(|_| {
        let field = format!("{PATH}.timeZone");
        let given = &schedule.time_zone;
        errors.push(
            field,
            format!("{given:?} is not an IANA zone such as Europe/Berlin"),
        );
        Tz::UTC
    });
    let rule = match (&schedule.rrule, &schedule.cron) {
        (Some(rule), None) => Some(RuleSpec::Rrule(rule.clone())),
        (None, Some(expression)) => Some(RuleSpec::Cron(expression.clone())),
        _ => {
            errors.push(PATH, "give exactly one of rrule and cron");
            None
        }
    };
    let start = match (&schedule.start, &schedule.rrule) {
        (Some(text), _) => local(text).unwrap_or_else(|why| {
            errors.push(format!("{PATH}.start"), why);
            beginning()
        }),
        (None, Some(_)) => {
            errors.push(
                format!("{PATH}.start"),
                "is required with rrule: the local date-time of the first occurrence, such as 2026-01-31T09:00:00",
            );
            beginning()
        }
        (None, None) => beginning(),
    };
    let mut exclude = Vec::new();
    for (i, text) in schedule.exclude.iter().enumerate() {
        match local(text) {
            Ok(at) => exclude.push(at),
            Err(why) => errors.push(format!("{PATH}.exclude[{i}]"), why),
        }
    }
    let Some(rule) = rule else {
        return Err(errors);
    };
    errors.into_result(())?;
    let mut spec = SeriesSpec::new(rule, start, Some(zone));
    spec.exclude = exclude;
    spec.month_end = match schedule.month_end {
        MonthEndPolicy::Skip => MonthEnd::Skip,
        MonthEndPolicy::LastDay => MonthEnd::LastDay,
    };
    Series::compile(&spec, zone).map_err(|mut errors| {
        for error in &mut errors.0 {
            error.field = format!("{PATH}.{}", error.field);
        }
        errors
    })
}

fn local(text: &str) -> Result<Start, String> {
    text.parse()
}

/// A cron expression has no beginning; the engine wants one that lies before every schedule.
fn beginning() -> Start {
    Start::At(NaiveDateTime::from(
        NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default(),
    ))
}

/// The latest occurrences after `from` up to `to`, and how many there are, up to a bound.
pub(super) fn passed(
    series: &dyn Occurrences,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    latest: usize,
) -> (Vec<DateTime<Utc>>, usize) {
    if from >= to {
        return (Vec::new(), 0);
    }
    let all = series.between(from, to, COUNT_MOST);
    if all.len() < COUNT_MOST {
        let count = all.len();
        return (all, count);
    }
    // Too many to walk through: seek the end.
    let mut span = Duration::hours(1);
    loop {
        let start = from.max(to - span);
        let some = series.between(start, to, COUNT_MOST);
        if some.len() >= latest || start == from {
            return (some, COUNT_MOST);
        }
        span = span * 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(value: serde_json::Value) -> ScheduleSpec {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn bounds_are_after_and_up_to() {
        let series = compile(&spec(json!({"cron": "* * * * *"}))).unwrap();
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let found = Occurrences::between(
            &series,
            at("2026-11-21T09:00:00Z"),
            at("2026-11-21T09:02:00Z"),
            10,
        );
        assert_eq!(
            found,
            [at("2026-11-21T09:01:00Z"), at("2026-11-21T09:02:00Z")]
        );
        let found = Occurrences::between(
            &series,
            at("2026-11-21T09:00:00.5Z"),
            at("2026-11-21T09:01:59.999Z"),
            10,
        );
        assert_eq!(found, [at("2026-11-21T09:01:00Z")]);
    }

    #[test]
    fn a_zone_shifts_the_clock_not_the_rule() {
        let series = compile(&spec(json!({
            "rrule": "FREQ=DAILY", "start": "2026-10-24T09:00:00", "timeZone": "Europe/Berlin",
        })))
        .unwrap();
        let found = Occurrences::upcoming(&series, "2026-10-24T00:00:00Z".parse().unwrap(), 2);
        let found: Vec<String> = found.iter().map(|at| at.to_rfc3339()).collect();
        assert_eq!(
            found,
            ["2026-10-24T07:00:00+00:00", "2026-10-25T08:00:00+00:00"]
        );
    }

    #[test]
    fn every_refusal_names_its_field() {
        for (value, field) in [
            (
                json!({"cron": "0 9 * * *", "timeZone": "Mars/Olympus"}),
                "spec.schedule.timeZone",
            ),
            (json!({"cron": "0 99 * * *"}), "spec.schedule.cron"),
            (json!({"rrule": "FREQ=DAILY"}), "spec.schedule.start"),
            (
                json!({"rrule": "FREQ=DAILY", "start": "2026-02-30T09:00:00"}),
                "spec.schedule.start",
            ),
            (
                json!({"rrule": "FREQ=DAILY;BYMONTH=13", "start": "2026-01-01T09:00:00"}),
                "spec.schedule.rrule",
            ),
            (
                json!({"cron": "0 9 * * *", "exclude": ["2026-01-01", "2026-13-01"]}),
                "spec.schedule.exclude[1]",
            ),
            (json!({}), "spec.schedule"),
        ] {
            let errors = compile(&spec(value.clone())).unwrap_err();
            let fields: Vec<&str> = errors.0.iter().map(|e| e.field.as_str()).collect();
            assert_eq!(fields, [field], "{value}: {errors}");
        }
    }
}
