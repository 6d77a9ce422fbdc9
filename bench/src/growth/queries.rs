//! The queries of the sweep and of the notifications service, as those call them.

use chrono::{Duration, Utc};
use domain::reminder;
use sqlx::{PgConnection, PgPool};
use store::{deliveries, reminders};
use uuid::Uuid;

/// A query.
#[derive(Debug, Clone, Copy)]
pub(super) enum Query {
    Overdue,
    Unarmed,
    Imminent,
    LeftOver,
    Take,
}

/// Rows that a round of the sweep asks for.
const ROUND: i64 = 1000;

/// Late reminders of one second, by the default catch-up rate.
const RATE: i64 = 50;

/// Attempts of the notifications service under way at once.
const PLACES: i64 = 32;

impl Query {
    pub(super) const ALL: [Self; 5] = [
        Self::Overdue,
        Self::Unarmed,
        Self::Imminent,
        Self::LeftOver,
        Self::Take,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Overdue => "reminders::overdue",
            Self::Unarmed => "reminders::unarmed",
            Self::Imminent => "reminders::imminent",
            Self::LeftOver => "reminders::left_over",
            Self::Take => "deliveries::take",
        }
    }

    /// How many rows it finds. What it finds stays as it is, or is due again at once.
    pub(super) async fn run(
        self,
        pool: &PgPool,
        connection: &mut PgConnection,
    ) -> Result<usize, sqlx::Error> {
        let now = Utc::now();
        Ok(match self {
            Self::Overdue => reminders::overdue(connection, now, RATE).await?.len(),
            Self::Unarmed => {
                let span = now..now + reminder::HORIZON;
                reminders::unarmed(connection, span, now, ROUND)
                    .await?
                    .len()
            }
            Self::Imminent => {
                let (from, until) = (now, now + Duration::minutes(90));
                reminders::imminent(connection, from, until, ROUND)
                    .await?
                    .len()
            }
            Self::LeftOver => reminders::left_over(connection, ROUND).await?.len(),
            Self::Take => {
                let holder = Uuid::nil();
                let taken = deliveries::take(pool, holder, &[], PLACES).await?;
                deliveries::release(connection, holder, &taken).await?;
                taken.len()
            }
        })
    }
}
