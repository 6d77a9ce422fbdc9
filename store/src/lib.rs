//! The Postgres store of todostack, which is the truth of a stack.
//!
//! Functions take a connection, so that one transaction holds a write, its reminders and its
//! events. Queries are checked by the tests, which run them on a real Postgres.

pub mod audit;
pub mod channels;
pub mod deliveries;
pub mod inbox;
pub mod outbox;
pub mod reminders;
pub mod tasks;
#[cfg(feature = "testing")]
pub mod testing;
pub mod users;

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Opens a pool of at most `connections`. Connects lazily: the first query reports a database that
/// is away.
///
/// # Errors
/// When the URL cannot be read. The message never holds the password.
pub fn connect(url: &str, name: &str, connections: u32) -> Result<PgPool, sqlx::Error> {
    let options: PgConnectOptions = url.parse().map_err(|_| unreadable())?;
    Ok(PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(5))
        .max_lifetime(Duration::from_secs(1800))
        .connect_lazy_with(
            options
                .application_name(name)
                .options([("statement_timeout", "15s"), ("lock_timeout", "10s")]),
        ))
}

/// Connects and brings the schema up to date, without the time limits of [`connect`]: a migration may
/// take long, and waits for another process that migrates.
///
/// # Errors
/// When the database cannot be reached or a migration fails.
pub async fn migrate_url(url: &str) -> anyhow::Result<()> {
    let options: PgConnectOptions = url.parse().map_err(|_| unreadable())?;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(options.application_name("todostack-migrate"))
        .await?;
    migrate(&pool).await?;
    pool.close().await;
    Ok(())
}

/// The parser's own message may quote the URL, and with it the password.
fn unreadable() -> sqlx::Error {
    sqlx::Error::Configuration(
        "the database URL must look like postgres://user:password@host:5432/database".into(),
    )
}

/// Brings the schema up to date. Safe to run from several processes at once.
///
/// # Errors
/// When a migration fails, or the database knows migrations that this program does not.
pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::migrate::MigrateError> {
    sqlx::migrate!("./migrations").run(pool).await
}

/// `Ok` when the database answers.
///
/// # Errors
/// Why it does not.
pub async fn ping(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(pool).await.map(|_| ())
}
