//! The hours in which a user wants no reminders.

use chrono::{DateTime, Days, Duration, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// From `starts` to `ends`, each day, by the clock of the user's zone; past midnight when `ends` comes
/// first. They are never the same.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct QuietHours {
    /// Whose they are.
    pub owner_id: Uuid,
    /// When they begin.
    pub starts: NaiveTime,
    /// When they are over.
    pub ends: NaiveTime,
    /// IANA zone of the user, as stored.
    pub time_zone: String,
}

impl QuietHours {
    /// When it is loud again, if `at` lies in the quiet hours. An end that the clocks skip is that of
    /// an hour later.
    pub fn over(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let zone: Tz = self.time_zone.parse().unwrap_or(Tz::UTC);
        let local = at.with_timezone(&zone).naive_local();
        let (time, today) = (local.time(), local.date());
        let past_midnight = self.ends < self.starts;
        let day = match (past_midnight, time >= self.starts, time < self.ends) {
            (false, true, true) | (true, false, true) => today,
            (true, true, _) => today.checked_add_days(Days::new(1))?,
            _ => return None,
        };
        let end = day.and_time(self.ends);
        [end, end + Duration::hours(1)]
            .into_iter()
            .flat_map(|end| {
                let found = zone.from_local_datetime(&end);
                [found.earliest(), found.latest()]
            })
            .flatten()
            .map(|end| end.to_utc())
            .find(|end| *end > at)
    }
}

/// The quiet hours of these users, of those that have some.
///
/// # Errors
/// Whatever Postgres says.
pub async fn of_owners(conn: &mut PgConnection, owners: &[Uuid]) -> sqlx::Result<Vec<QuietHours>> {
    sqlx::query_as(
        "select owner_id, starts, ends, time_zone from quiet_hours join users on users.id = owner_id
         where owner_id = any($1)",
    )
    .bind(owners)
    .fetch_all(conn)
    .await
}

/// Sets the quiet hours of a user.
///
/// # Errors
/// Whatever Postgres says.
pub async fn set(
    conn: &mut PgConnection,
    owner: Uuid,
    starts: NaiveTime,
    ends: NaiveTime,
) -> sqlx::Result<()> {
    sqlx::query(
        "insert into quiet_hours (owner_id, starts, ends) values ($1, $2, $3)
         on conflict (owner_id) do update set starts = $2, ends = $3",
    )
    .bind(owner)
    .bind(starts)
    .bind(ends)
    .execute(conn)
    .await
    .map(|_| ())
}

/// Ends the quiet hours of a user.
///
/// # Errors
/// Whatever Postgres says.
pub async fn clear(conn: &mut PgConnection, owner: Uuid) -> sqlx::Result<()> {
    sqlx::query("delete from quiet_hours where owner_id = $1")
        .bind(owner)
        .execute(conn)
        .await
        .map(|_| ())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_end_by_the_users_clock() {
        for (starts, ends, zone, at, over) in [
            (
                "22:00",
                "07:00",
                "Europe/Berlin",
                "2026-11-21T22:30:00Z",
                Some("2026-11-22T06:00:00Z"),
            ),
            (
                "22:00",
                "07:00",
                "Europe/Berlin",
                "2026-11-22T05:59:59Z",
                Some("2026-11-22T06:00:00Z"),
            ),
            (
                "22:00",
                "07:00",
                "Europe/Berlin",
                "2026-11-22T06:00:00Z",
                None,
            ),
            (
                "22:00",
                "07:00",
                "Europe/Berlin",
                "2026-11-21T20:59:59Z",
                None,
            ),
            (
                "22:00",
                "07:00",
                "Europe/Berlin",
                "2026-11-21T21:00:00Z",
                Some("2026-11-22T06:00:00Z"),
            ),
            (
                "12:00",
                "13:30",
                "UTC",
                "2026-11-21T12:00:00Z",
                Some("2026-11-21T13:30:00Z"),
            ),
            ("12:00", "13:30", "UTC", "2026-11-21T13:30:00Z", None),
            // The clocks skip 02:30; they show 02:30 twice, and the second 02:15 is still quiet.
            (
                "22:00",
                "02:30",
                "Europe/Berlin",
                "2026-03-29T00:30:00Z",
                Some("2026-03-29T01:30:00Z"),
            ),
            (
                "22:00",
                "02:30",
                "Europe/Berlin",
                "2026-10-25T01:15:00Z",
                Some("2026-10-25T01:30:00Z"),
            ),
        ] {
            let hours = QuietHours {
                owner_id: Uuid::nil(),
                starts: starts.parse().unwrap(),
                ends: ends.parse().unwrap(),
                time_zone: zone.into(),
            };
            let over = over.map(|over| over.parse::<DateTime<Utc>>().unwrap());
            assert_eq!(
                hours.over(at.parse().unwrap()),
                over,
                "{starts} {ends} {at}"
            );
        }
    }
}
