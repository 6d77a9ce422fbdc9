//! How long a reminder is put off.

use chrono::{DateTime, Duration, SubsecRound, Utc};

use crate::error::FieldErrors;

/// The furthest that a reminder is put off, in minutes: a year.
pub const MOST_MINUTES: i64 = 366 * 24 * 60;

/// The time until which a reminder is put off, from exactly one of a number of minutes and an instant
/// (RFC 3339).
///
/// # Errors
/// The field that cannot be accepted.
pub fn until(
    minutes: Option<i64>,
    until: Option<&str>,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, FieldErrors> {
    let mut errors = FieldErrors::default();
    let most = now + Duration::minutes(MOST_MINUTES);
    let at = match (minutes, until) {
        (Some(_), Some(_)) => {
            errors.push("until", "must be absent where `minutes` is given");
            None
        }
        (None, None) => {
            errors.push("minutes", "must be given, or `until`");
            None
        }
        (Some(minutes), None) => {
            let fits = (1..=MOST_MINUTES).contains(&minutes);
            if !fits {
                errors.push("minutes", format!("must be 1 to {MOST_MINUTES}, a year"));
            }
            fits.then(|| now + Duration::minutes(minutes))
        }
        (None, Some(text)) => {
            let at = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
            let at = at.ok().filter(|at| *at > now && *at <= most);
            if at.is_none() {
                errors.push(
                    "until",
                    "must be an instant such as 2026-11-30T09:00:00Z, in the future and at most a year ahead",
                );
            }
            at
        }
    };
    errors.into_result(())?;
    // Postgres keeps microseconds.
    Ok(at.unwrap_or(most).trunc_subsecs(6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn it_is_a_number_of_minutes_or_an_instant() {
        let now = Utc.with_ymd_and_hms(2026, 11, 21, 9, 0, 0).unwrap();
        let ten = Utc.with_ymd_and_hms(2026, 11, 21, 9, 10, 0).unwrap();
        assert_eq!(until(Some(10), None, now), Ok(ten));
        assert_eq!(until(None, Some("2026-11-21T10:10:00+01:00"), now), Ok(ten));
        for (minutes, at, field) in [
            (None, None, "minutes"),
            (Some(0), None, "minutes"),
            (Some(-5), None, "minutes"),
            (Some(i64::MAX), None, "minutes"),
            (Some(10), Some("2026-11-21T10:00:00Z"), "until"),
            (None, Some("tomorrow"), "until"),
            (None, Some("2026-11-21T09:00:00Z"), "until"),
            (None, Some("2028-01-01T00:00:00Z"), "until"),
        ] {
            let errors = until(minutes, at, now).unwrap_err();
            assert_eq!(errors.0[0].field, field, "{minutes:?} {at:?}");
        }
    }
}
