//! The connections of a process, and transactions that wake the relay.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use sqlx::{
    Connection, PgConnection, PgPool, Postgres,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::wake::Wake;

/// A connection that was idle for less than this is taken to be alive: asking it first would double
/// the round trips of every request.
const TRUSTED: Duration = Duration::from_secs(5);

/// A process's way to its database; cheap to clone. Reads go through the pool that it dereferences to;
/// what writes events goes through [`Store::begin`], whose commit wakes the relay.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    wake: Wake,
}

impl Store {
    /// On a pool that is there. Needs an async runtime.
    pub fn new(pool: PgPool) -> Self {
        let wake = Wake::new(pool.clone());
        Self { pool, wake }
    }

    /// Opens a pool of at most `connections`. Connects lazily: the first query reports a database that
    /// is away.
    ///
    /// # Errors
    /// When the URL cannot be read. The message never holds the password.
    pub fn connect(url: &str, name: &str, connections: u32) -> Result<Self, sqlx::Error> {
        let options = connect_options(url)?
            .application_name(name)
            .options([("statement_timeout", "15s"), ("lock_timeout", "10s")]);
        Ok(Self::new(
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(5))
                .max_lifetime(Duration::from_secs(1800))
                .test_before_acquire(false)
                .before_acquire(|connection, meta| {
                    Box::pin(async move {
                        Ok(meta.idle_for < TRUSTED || connection.ping().await.is_ok())
                    })
                })
                .connect_lazy_with(options),
        ))
    }

    /// The pool.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// From the database.
    pub async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        Ok(Transaction {
            inner: self.pool.begin().await?,
            wake: self.wake.clone(),
        })
    }

    /// Wakes the relay after a statement outside of a [`Transaction`] that wrote events.
    pub fn wake(&self) {
        self.wake.wake();
    }
}

impl Deref for Store {
    type Target = PgPool;

    fn deref(&self) -> &PgPool {
        &self.pool
    }
}

/// A transaction; dropped without a commit it is rolled back.
#[derive(Debug)]
pub struct Transaction {
    inner: sqlx::Transaction<'static, Postgres>,
    wake: Wake,
}

impl Transaction {
    /// Commits, and wakes the relay.
    ///
    /// # Errors
    /// From the database; whether it is committed is then unknown.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.inner.commit().await?;
        self.wake.wake();
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.inner
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

/// What a URL says. The parser's own message may quote the URL, and with it the password.
pub(crate) fn connect_options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    url.parse().map_err(|_| {
        sqlx::Error::Configuration(
            "the database URL must look like postgres://user:password@host:5432/database".into(),
        )
    })
}
