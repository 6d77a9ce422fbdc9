//! Days, times and zones as users write them.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, SubsecRound, Timelike};
use chrono_tz::Tz;
use domain::{
    error::FieldErrors,
    task::{Due, RemindAt, limits},
};

use crate::{body::quote, view::DueInput};

/// An IANA zone.
pub(crate) fn zone(name: &str, field: &str, errors: &mut FieldErrors) -> Option<Tz> {
    let zone = name.parse().ok();
    if zone.is_none() {
        errors.push(
            field,
            format!(
                "{:?} is not an IANA zone such as Europe/Berlin",
                quote(name)
            ),
        );
    }
    zone
}

/// When a task is due.
pub(crate) fn check_due(due: &DueInput, owner_zone: Tz, errors: &mut FieldErrors) -> Option<Due> {
    match (&due.date, &due.date_time) {
        (Some(_), Some(_)) => {
            errors.push("due", "give either date or dateTime; set the other to null");
            None
        }
        (None, None) => {
            errors.push("due", "give date, or dateTime with timeZone");
            None
        }
        (Some(date), None) => {
            if due.time_zone.is_some() {
                errors.push(
                    "due.timeZone",
                    "goes with dateTime; an all-day task follows its owner's zone",
                );
            }
            // chrono takes years of any length and sign: ten characters keep to four digits.
            let parsed = (date.len() == 10)
                .then(|| NaiveDate::parse_from_str(date, "%Y-%m-%d").ok())
                .flatten();
            let Some(date) = parsed else {
                errors.push("due.date", "must be a date such as 2026-11-30");
                return None;
            };
            in_years(date.year(), "due.date", errors).then_some(Due::On { date })
        }
        (None, Some(text)) => {
            let time_zone = match &due.time_zone {
                Some(name) => zone(name, "due.timeZone", errors),
                None => Some(owner_zone),
            };
            let Some(date_time) = local_time(text) else {
                errors.push(
                    "due.dateTime",
                    "must be a local time such as 2026-11-30T09:00:00; its zone goes into timeZone",
                );
                return None;
            };
            let good = in_years(date_time.year(), "due.dateTime", errors);
            let time_zone = time_zone?;
            good.then_some(Due::At {
                date_time,
                time_zone,
            })
        }
    }
}

fn local_time(text: &str) -> Option<NaiveDateTime> {
    let format = match text.len() {
        16 => "%Y-%m-%dT%H:%M",
        19 => "%Y-%m-%dT%H:%M:%S",
        _ => return None,
    };
    // A leap second is taken as the second before it (RFC 5545 §3.3.12).
    NaiveDateTime::parse_from_str(text, format)
        .ok()?
        .with_nanosecond(0)
}

fn in_years(year: i32, field: &str, errors: &mut FieldErrors) -> bool {
    let good = limits::YEARS.contains(&year);
    if !good {
        errors.push(
            field,
            format!(
                "must lie between the years {} and {}",
                limits::YEARS.start(),
                limits::YEARS.end()
            ),
        );
    }
    good
}

/// An instant at which a reminder fires.
pub(crate) fn check_at(text: &str, field: &str, errors: &mut FieldErrors) -> Option<RemindAt> {
    let Ok(at) = DateTime::parse_from_rfc3339(text) else {
        errors.push(field, "must be an instant such as 2026-11-30T09:00:00Z");
        return None;
    };
    // Postgres stores microseconds.
    let at = at.to_utc().trunc_subsecs(6);
    in_years(at.year(), field, errors).then_some(RemindAt::At { at })
}
