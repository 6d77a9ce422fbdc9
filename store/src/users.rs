//! Accounts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::language::Language;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// A stored account.
#[derive(Clone, FromRow)]
pub struct User {
    /// Its id: the subject of its tokens.
    pub id: Uuid,
    /// Unique without regard to case.
    pub email: String,
    /// A PHC string; empty: the account has no password, see [`User::password`].
    pub password_hash: String,
    /// IANA zone, as stored.
    pub time_zone: String,
    /// A language, as stored.
    #[sqlx(default)]
    pub language: String,
    /// Since when words of their tasks wait for [`crate::tasks::reword_step`].
    #[sqlx(default)]
    pub reword_since: Option<DateTime<Utc>>,
    /// Since when it is known that mail to the address reaches the user.
    #[sqlx(default)]
    pub email_proved_at: Option<DateTime<Utc>>,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
}

/// Never prints the password hash.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("time_zone", &self.time_zone)
            .finish_non_exhaustive()
    }
}

impl User {
    /// The PHC string of the password; none where the user logs in at another issuer only.
    pub fn password(&self) -> Option<&str> {
        Some(self.password_hash.as_str()).filter(|hash| !hash.is_empty())
    }

    /// The zone in which days begin and end for this user.
    pub fn zone(&self) -> Tz {
        zone_of(&self.time_zone)
    }

    /// The language in which this user's tasks are searched. A name that this build does not know counts as
    /// none.
    pub fn language(&self) -> Language {
        self.language.parse().unwrap_or_default()
    }
}

/// A stored zone. A name that this build's time zone database has lost counts as UTC.
fn zone_of(name: &str) -> Tz {
    name.parse().unwrap_or(Tz::UTC)
}

/// Makes an account; none when the e-mail address is taken.
///
/// # Errors
/// Whatever Postgres says.
pub async fn create(
    conn: &mut PgConnection,
    email: &str,
    password_hash: &str,
    zone: Tz,
) -> sqlx::Result<Option<User>> {
    sqlx::query_as(
        "insert into users (id, email, password_hash, time_zone) values ($1, $2, $3, $4)
         on conflict (lower(email)) do nothing returning *",
    )
    .bind(Uuid::now_v7())
    .bind(email)
    .bind(password_hash)
    .bind(zone.name())
    .fetch_optional(conn)
    .await
}

/// The account of an e-mail address.
///
/// # Errors
/// Whatever Postgres says.
pub async fn by_email(conn: &mut PgConnection, email: &str) -> sqlx::Result<Option<User>> {
    sqlx::query_as("select * from users where lower(email) = lower($1)")
        .bind(email)
        .fetch_optional(conn)
        .await
}

/// An account by its id.
///
/// # Errors
/// Whatever Postgres says.
pub async fn by_id(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<User>> {
    sqlx::query_as("select * from users where id = $1")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// An account by its id, kept from changing until the transaction ends: a writer that computes
/// instants in the user's zone must not race with a change of that zone.
///
/// # Errors
/// Whatever Postgres says.
pub async fn by_id_locked(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<User>> {
    sqlx::query_as("select * from users where id = $1 for share")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// The zones of accounts, which are kept from changing as by [`by_id_locked`], in the order of their ids: two
/// writers never wait in a circle.
///
/// # Errors
/// Whatever Postgres says.
pub async fn zones_locked(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> sqlx::Result<HashMap<Uuid, Tz>> {
    let rows: Vec<(Uuid, String)> =
        sqlx::query_as("select id, time_zone from users where id = any($1) order by id for share")
            .bind(ids)
            .fetch_all(conn)
            .await?;
    let read = |(id, zone): (Uuid, String)| (id, zone_of(&zone));
    Ok(rows.into_iter().map(read).collect())
}

/// An account by its id, for a writer that looks at other rows of the user's than the one it writes: until
/// its transaction ends no other such writer, and none that [`by_id_locked`] keeps in step, goes on.
///
/// # Errors
/// Whatever Postgres says.
pub async fn by_id_alone(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<User>> {
    sqlx::query_as("select * from users where id = $1 for no key update")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// Changes the password, provided that it still is the one of the hash `old`; false when it is not.
///
/// # Errors
/// Whatever Postgres says.
pub async fn set_password(
    conn: &mut PgConnection,
    id: Uuid,
    old: &str,
    new: &str,
) -> sqlx::Result<bool> {
    let done =
        sqlx::query("update users set password_hash = $3 where id = $1 and password_hash = $2")
            .bind(id)
            .bind(old)
            .bind(new)
            .execute(conn)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Notes that mail to the user's address reaches the user; the first time counts.
///
/// # Errors
/// Whatever Postgres says.
pub async fn prove_email(
    conn: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query("update users set email_proved_at = $2 where id = $1 and email_proved_at is null")
        .bind(id)
        .bind(now)
        .execute(conn)
        .await
        .map(|_| ())
}

/// Changes the user's zone, and notes that the user's all-day tasks are to move:
/// [`crate::tasks::rezone_step`] does that.
///
/// # Errors
/// Whatever Postgres says.
pub async fn set_time_zone(
    conn: &mut PgConnection,
    id: Uuid,
    zone: Tz,
) -> sqlx::Result<Option<User>> {
    sqlx::query_as(
        "update users set time_zone = $2,
             rezone_after = case when time_zone <> $2
                 then '00000000-0000-0000-0000-000000000000' else rezone_after end,
             rezone_since = case when time_zone <> $2 then now() else rezone_since end
         where id = $1 returning *",
    )
    .bind(id)
    .bind(zone.name())
    .fetch_optional(conn)
    .await
}

/// Changes the user's language, and notes that the words of their tasks are to be written anew:
/// [`crate::tasks::reword_step`] does that.
///
/// # Errors
/// Whatever Postgres says.
pub async fn set_language(
    conn: &mut PgConnection,
    id: Uuid,
    language: Language,
) -> sqlx::Result<Option<User>> {
    sqlx::query_as(
        "update users set language = $2,
             reword_after = case when language <> $2 then null else reword_after end,
             reword_since = case when language <> $2 then now() else reword_since end
         where id = $1 returning *",
    )
    .bind(id)
    .bind(language.name())
    .fetch_optional(conn)
    .await
}
