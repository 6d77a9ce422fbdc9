//! The connections of a process, and transactions that wake the relay.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    connection::{Connection, LIFETIME, TRUSTED, Warm},
    lend::Lender,
    wake::Wake,
};

/// A process's way to its database; cheap to clone. Reads go through [`Store::acquire`], or the pool that
/// it dereferences to; what writes events goes through [`Store::begin`], whose commit wakes the relay.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    warm: Arc<Warm>,
    wake: Wake,
    /// In whose transaction the work is.
    lender: Option<Arc<Lender>>,
}

impl Store {
    /// On a pool that is there. Needs an async runtime.
    pub fn new(pool: PgPool) -> Self {
        Self {
            warm: Warm::new(pool.clone()),
            wake: Wake::new(pool.clone()),
            pool,
            lender: None,
        }
    }

    /// Opens a pool of at most `connections`. Connects lazily: the first query reports a database that
    /// is away.
    ///
    /// # Errors
    /// When the URL cannot be read. The message never holds the password.
    pub fn connect(url: &str, name: &str, connections: u32) -> Result<Self, sqlx::Error> {
        let options = connect_options(url)?.application_name(name).options([
            ("statement_timeout", "15s"),
            ("lock_timeout", "10s"),
            // A search for a word that Postgres leaves out is no news for the log.
            ("client_min_messages", "warning"),
        ]);
        Ok(Self::new(
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(5))
                .max_lifetime(LIFETIME)
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

    /// A connection. Released at the end of the work, it is used again without a question.
    ///
    /// # Errors
    /// From the database; `PoolTimedOut` when all are in use for too long.
    pub async fn acquire(&self) -> Result<Connection, sqlx::Error> {
        match &self.lender {
            Some(lender) => lender.lend(),
            None => self.warm.take().await,
        }
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// From the database; `PoolTimedOut` when all connections are in use for too long.
    pub async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        let mut connection = self.acquire().await?;
        connection.begin().await?;
        Ok(self.resume(connection))
    }

    /// The transaction that is open on a connection.
    pub(crate) fn resume(&self, connection: Connection) -> Transaction {
        Transaction {
            connection,
            wake: self.wake.clone(),
        }
    }

    /// The same for work in the transaction that `lender` lends.
    pub(crate) fn within(&self, lender: Arc<Lender>) -> Self {
        Self {
            lender: Some(lender),
            ..self.clone()
        }
    }

    /// Closes all connections; those in use when they come back.
    pub async fn close(&self) {
        self.warm.close().await;
    }

    /// Wakes the relay after a statement outside of a [`Transaction`] that wrote events.
    pub fn wake(&self) {
        if self.lender.is_none() {
            self.wake.wake();
        }
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
    connection: Connection,
    wake: Wake,
}

impl Transaction {
    /// Commits, and wakes the relay. One within a transaction that is lent becomes durable with that.
    ///
    /// # Errors
    /// From the database; whether it is committed is then unknown.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.connection.commit().await?;
        if !self.connection.is_lent() {
            self.wake.wake();
        }
        self.connection.release();
        Ok(())
    }

    /// Rolls back, and returns when it is done: no lock is held any more.
    ///
    /// # Errors
    /// From the database, which then rolls back by itself.
    pub async fn rollback(mut self) -> Result<(), sqlx::Error> {
        self.connection.rollback().await?;
        self.connection.release();
        Ok(())
    }

    /// The connection, on which it stays open.
    pub(crate) fn into_connection(self) -> Connection {
        self.connection
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
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
