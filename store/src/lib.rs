//! The Postgres store of todostack, which is the truth of a stack.
//!
//! Functions take a connection, so that one transaction holds a write, its reminders and its
//! events. Queries are checked by the tests, which run them on a real Postgres.

pub mod accounts;
pub mod api_tokens;
pub mod attempts;
pub mod audit;
pub mod calendar_feeds;
pub mod channels;
mod connection;
pub mod dead_letters;
pub mod deliveries;
pub mod digests;
pub mod export;
pub mod idempotency;
pub mod identities;
pub mod imports;
pub mod inbox;
mod lend;
pub mod outbox;
mod owner;
pub mod password_resets;
mod pool;
pub mod projects;
pub mod quiet_hours;
pub mod rate_limits;
pub mod reminders;
pub mod saved_filters;
pub mod seen_on;
pub mod series;
pub mod sessions;
pub mod statistics;
pub mod sync;
pub mod tags;
pub mod tasks;
#[cfg(feature = "testing")]
pub mod testing;
pub mod trace;
pub mod users;
mod wake;

use sqlx::{PgPool, postgres::PgPoolOptions};

pub use connection::Connection;
pub use lend::Loan;
pub use owner::Owner;
pub use pool::{Store, Transaction};
pub use wake::CHANNEL;

/// Connects and brings the schema up to date, without the time limits of [`Store::connect`]: a
/// migration may take long, and waits for another process that migrates.
///
/// # Errors
/// When the database cannot be reached or a migration fails.
pub async fn migrate_url(url: &str) -> anyhow::Result<()> {
    let options = pool::connect_options(url)?;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(options.application_name("todostack-migrate"))
        .await?;
    migrate(&pool).await?;
    pool.close().await;
    Ok(())
}

/// Brings the schema up to date, and gives the role of the audit service its rights. Safe to run from
/// several processes at once.
///
/// # Errors
/// When a migration fails, or the database knows migrations that this program does not.
pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::migrate::MigrateError> {
    MIGRATOR.run(pool).await?;
    if let Some(why) = audit::grant(pool).await? {
        tracing::warn!(
            why,
            "the database user may make no role for the audit service: triggers alone keep the trail append-only"
        );
    }
    Ok(())
}

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// `Ok` when the database answers.
///
/// # Errors
/// Why it does not.
pub async fn ping(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(pool).await.map(|_| ())
}
