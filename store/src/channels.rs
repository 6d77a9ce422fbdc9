//! The ways in which a user can be reached.

use chrono::{DateTime, Utc};
use domain::{
    reminder::{Channel, ChannelKind},
    webhook::Secret,
};
use sqlx::{FromRow, PgConnection};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// A stored channel.
#[derive(Clone, FromRow)]
pub struct StoredChannel {
    /// Its id, by which reminders name it.
    pub id: Uuid,
    /// Whose it is.
    pub owner_id: Uuid,
    /// [`ChannelKind`] by name.
    pub kind: String,
    /// Where it leads: of webhook, ntfy, slack and web push an HTTP URL; `mailto:<address>`;
    /// `binding:<name>`.
    pub url: String,
    /// Of a webhook `whsec_…`, which signs what is posted; of an e-mail the same, which signs the
    /// link that unsubscribes; of ntfy the access token; of web push
    /// [`SubscriptionKeys`](domain::web_push::SubscriptionKeys) as text; empty where there is none.
    pub secret: String,
    /// It serves reminders that name no channel.
    pub is_default: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Since when it is not tried any more.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why. Holds no secret.
    pub disabled_reason: Option<String>,
}

/// Never prints the secret, nor the URL, which may hold one.
impl std::fmt::Debug for StoredChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredChannel")
            .field("id", &self.id)
            .field("owner_id", &self.owner_id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl StoredChannel {
    /// Its kind. The table's check constraint keeps others out.
    pub fn kind(&self) -> ChannelKind {
        ChannelKind::of(&self.kind).unwrap_or(ChannelKind::Webhook)
    }

    /// As a reminder names it.
    pub fn channel(&self) -> Channel {
        self.kind().stored(self.id, None)
    }

    /// What its owner wrote: an HTTP URL, an e-mail address, the name of a binding.
    pub fn target(&self) -> &str {
        let prefix = prefix(self.kind());
        self.url.strip_prefix(prefix).unwrap_or(&self.url)
    }

    /// What proves that somebody has read an e-mail that went to this channel: a signature over its
    /// id, fit for a URL. `None` for other kinds.
    pub fn unsubscribe_token(&self) -> Option<String> {
        if self.kind() != ChannelKind::Email {
            return None;
        }
        let secret = Secret::parse(&self.secret).ok()?;
        let signature = secret.sign(&self.id.to_string(), 0, b"unsubscribe");
        let base64 = signature.trim_start_matches("v1,").trim_end_matches('=');
        Some(base64.replace('+', "-").replace('/', "_"))
    }
}

/// What makes a URL of what the owner of a channel wrote.
fn prefix(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Webhook | ChannelKind::Ntfy | ChannelKind::Slack | ChannelKind::WebPush => "",
        ChannelKind::Email => "mailto:",
        ChannelKind::Binding => "binding:",
    }
}

/// A channel that is to be stored.
#[derive(Clone, Copy)]
pub struct NewChannel<'a> {
    /// Its kind.
    pub kind: ChannelKind,
    /// See [`StoredChannel::target`].
    pub target: &'a str,
    /// See [`StoredChannel::secret`].
    pub secret: &'a str,
    /// It serves reminders that name no channel.
    pub is_default: bool,
}

/// Adds a channel; none when the owner has `most` channels already. A push subscription that the owner
/// has is that channel again, with what is new about it, and enabled.
///
/// # Errors
/// Whatever Postgres says.
pub async fn create(
    conn: &mut PgConnection,
    owner: Uuid,
    new: NewChannel<'_>,
    most: i64,
) -> sqlx::Result<Option<StoredChannel>> {
    // Two additions at once would both see a free place: one waits for the other.
    sqlx::query("select 1 from users where id = $1 for update")
        .bind(owner)
        .execute(&mut *conn)
        .await?;
    sqlx::query_as(
        "insert into channels (id, owner_id, kind, url, secret, is_default)
         select $1, $2, $3, $4, $5, $6
         where (select count(*) from channels
                where owner_id = $2 and not ($3 = 'webPush' and kind = $3 and url = $4)) < $7
         on conflict (owner_id, url) where kind = 'webPush'
             do update set secret = excluded.secret, is_default = excluded.is_default,
                 disabled_at = null, disabled_reason = null
         returning *",
    )
    .bind(Uuid::now_v7())
    .bind(owner)
    .bind(new.kind.as_str())
    .bind(format!("{}{}", prefix(new.kind), new.target))
    .bind(new.secret)
    .bind(new.is_default)
    .bind(most)
    .fetch_optional(conn)
    .await
}

/// Adds a webhook; none when the owner has `most` channels already.
///
/// # Errors
/// Whatever Postgres says.
pub async fn create_webhook(
    conn: &mut PgConnection,
    owner: Uuid,
    url: &str,
    secret: &str,
    is_default: bool,
    most: i64,
) -> sqlx::Result<Option<StoredChannel>> {
    let new = NewChannel {
        kind: ChannelKind::Webhook,
        target: url,
        secret,
        is_default,
    };
    create(conn, owner, new, most).await
}

/// Whether this address has asked not to get e-mails of this user.
///
/// # Errors
/// Whatever Postgres says.
pub async fn is_unsubscribed(
    conn: &mut PgConnection,
    owner: Uuid,
    address: &str,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select 1 from unsubscribed where owner_id = $1 and address = lower($2))",
    )
    .bind(owner)
    .bind(address)
    .fetch_one(conn)
    .await
}

/// Removes the e-mail channel `id`, for good: its address cannot be added again by the same user.
/// `true` when `token` is that of the channel, or the channel is gone. Call it in a transaction.
///
/// # Errors
/// Whatever Postgres says.
pub async fn unsubscribe(conn: &mut PgConnection, id: Uuid, token: &str) -> sqlx::Result<bool> {
    let channel: Option<StoredChannel> =
        sqlx::query_as("select * from channels where id = $1 for update")
            .bind(id)
            .fetch_optional(&mut *conn)
            .await?;
    let Some(channel) = channel else {
        return Ok(true);
    };
    let expected = channel.unsubscribe_token().unwrap_or_default();
    if expected.is_empty() || !bool::from(expected.as_bytes().ct_eq(token.as_bytes())) {
        return Ok(false);
    }
    sqlx::query(
        "insert into unsubscribed (owner_id, address) values ($1, lower($2))
         on conflict do nothing",
    )
    .bind(channel.owner_id)
    .bind(channel.target())
    .execute(&mut *conn)
    .await?;
    delete(conn, channel.owner_id, id).await?;
    Ok(true)
}

/// The channels of a user, oldest first.
///
/// # Errors
/// Whatever Postgres says.
pub async fn of_owner(conn: &mut PgConnection, owner: Uuid) -> sqlx::Result<Vec<StoredChannel>> {
    sqlx::query_as("select * from channels where owner_id = $1 order by created_at, id")
        .bind(owner)
        .fetch_all(conn)
        .await
}

/// The channels of several users, each user's oldest first.
///
/// # Errors
/// Whatever Postgres says.
pub async fn of_owners(
    conn: &mut PgConnection,
    owners: &[Uuid],
) -> sqlx::Result<Vec<StoredChannel>> {
    sqlx::query_as("select * from channels where owner_id = any($1) order by created_at, id")
        .bind(owners)
        .fetch_all(conn)
        .await
}

/// One channel of a user.
///
/// # Errors
/// Whatever Postgres says.
pub async fn get(
    conn: &mut PgConnection,
    owner: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<StoredChannel>> {
    sqlx::query_as("select * from channels where owner_id = $1 and id = $2")
        .bind(owner)
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// Notes that the receiver of a channel is gone, for `reason`, which holds no secret: it is not tried
/// any more. `secret` is that of the channel that was tried: one that was subscribed anew meanwhile
/// stays as it is.
///
/// # Errors
/// Whatever Postgres says.
pub async fn disable(
    conn: &mut PgConnection,
    id: Uuid,
    secret: &str,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "update channels set disabled_at = now(), disabled_reason = $3
         where id = $1 and secret = $2 and disabled_at is null",
    )
    .bind(id)
    .bind(secret)
    .bind(reason)
    .execute(conn)
    .await
    .map(|_| ())
}

/// Removes a channel of a user; false when there is none.
///
/// # Errors
/// Whatever Postgres says.
pub async fn delete(conn: &mut PgConnection, owner: Uuid, id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query("delete from channels where owner_id = $1 and id = $2")
        .bind(owner)
        .bind(id)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}
