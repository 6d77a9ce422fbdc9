//! Who users are at other issuers (OpenID Connect): a log-in there is a log-in here.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::users::User;

/// Most identities of a user.
pub const MOST: i64 = 20;

/// What an issuer says of who logs in.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// Its name for the user, which it gives to nobody else (OpenID Connect Core 1.0, §5.7).
    pub subject: &'a str,
    /// The user's address there, where it tells one.
    pub email: Option<&'a str>,
}

/// A user's identity at an issuer.
#[derive(Debug, Clone, FromRow)]
pub struct Identity {
    /// Its id here.
    pub id: Uuid,
    /// The issuer.
    pub issuer: String,
    /// The address that it told last.
    pub email: Option<String>,
    /// When it was linked to the account.
    pub created_at: DateTime<Utc>,
    /// When it last logged in.
    pub last_used_at: DateTime<Utc>,
}

/// The user who has this identity, which is noted as used now; kept from changing until the transaction ends,
/// as by [`crate::users::by_id_locked`].
///
/// # Errors
/// Whatever Postgres says.
pub async fn user_of(
    conn: &mut PgConnection,
    of: Subject<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<User>> {
    let user: Option<Uuid> = sqlx::query_scalar(
        "update identities set last_used_at = $3, email = $4
         where issuer = $1 and subject = $2 returning user_id",
    )
    .bind(of.issuer)
    .bind(of.subject)
    .bind(now)
    .bind(of.email)
    .fetch_optional(&mut *conn)
    .await?;
    match user {
        Some(user) => crate::users::by_id_locked(conn, user).await,
        None => Ok(None),
    }
}

/// Makes an account without a password for an address that its issuer vouches for; none when the address is
/// taken.
///
/// # Errors
/// Whatever Postgres says.
pub async fn create_user(
    conn: &mut PgConnection,
    email: &str,
    zone: Tz,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<User>> {
    let user = crate::users::create(conn, email, "", zone).await?;
    if let Some(user) = &user {
        crate::users::prove_email(conn, user.id, now).await?;
    }
    Ok(user)
}

/// What became of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linked {
    /// The user has this identity now, or had it before.
    Done(Uuid),
    /// Another account has it.
    Taken,
    /// The user has [`MOST`] already.
    TooMany,
}

/// Gives a user an identity. Call it with the user locked by [`crate::users::by_id_alone`], or just made.
///
/// # Errors
/// Whatever Postgres says.
pub async fn link(
    conn: &mut PgConnection,
    user: Uuid,
    of: Subject<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<Linked> {
    let made: Option<Uuid> = sqlx::query_scalar(
        "insert into identities (id, user_id, issuer, subject, email, created_at, last_used_at)
         select $1, $2, $3, $4, $5, $6, $6
         where (select count(*) from identities where user_id = $2) < $7
         on conflict (issuer, subject) do nothing returning id",
    )
    .bind(Uuid::now_v7())
    .bind(user)
    .bind(of.issuer)
    .bind(of.subject)
    .bind(of.email)
    .bind(now)
    .bind(MOST)
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(id) = made {
        return Ok(Linked::Done(id));
    }
    let there: Option<(Uuid, Uuid)> =
        sqlx::query_as("select id, user_id from identities where issuer = $1 and subject = $2")
            .bind(of.issuer)
            .bind(of.subject)
            .fetch_optional(conn)
            .await?;
    Ok(match there {
        Some((id, owner)) if owner == user => Linked::Done(id),
        Some(_) => Linked::Taken,
        None => Linked::TooMany,
    })
}

/// A user's identities, oldest first.
///
/// # Errors
/// Whatever Postgres says.
pub async fn of_user(conn: &mut PgConnection, user: Uuid) -> sqlx::Result<Vec<Identity>> {
    sqlx::query_as("select * from identities where user_id = $1 order by created_at, id")
        .bind(user)
        .fetch_all(conn)
        .await
}

/// What became of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Done,
    /// The user has no such identity.
    NotFound,
    /// The user has no password and no other identity: nobody could log in any more.
    Last,
}

/// Takes an identity away from its user. Call it in a transaction.
///
/// # Errors
/// Whatever Postgres says.
pub async fn remove(conn: &mut PgConnection, user: Uuid, id: Uuid) -> sqlx::Result<Removed> {
    let Some(account) = crate::users::by_id_alone(conn, user).await? else {
        return Ok(Removed::NotFound);
    };
    let all = of_user(conn, user).await?;
    if !all.iter().any(|identity| identity.id == id) {
        return Ok(Removed::NotFound);
    }
    if all.len() == 1 && account.password().is_none() {
        return Ok(Removed::Last);
    }
    sqlx::query("delete from identities where id = $1 and user_id = $2")
        .bind(id)
        .bind(user)
        .execute(conn)
        .await?;
    Ok(Removed::Done)
}
