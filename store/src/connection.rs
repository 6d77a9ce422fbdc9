//! Connections that go from one piece of work to the next without a round trip in between.
//!
//! sqlx asks a connection whether it is alive whenever it comes back to the pool: as much work for
//! Postgres as a short query. So work that ended well hands its connection on as it is
//! ([`Connection::release`]). One that is dropped instead (an error, a request that was cancelled
//! half-way) goes back to the pool, which rolls back and asks.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Database, PgConnection, PgPool, Postgres, pool::PoolConnection};
use sqlx_core::transaction::TransactionManager;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::lend::Lender;

/// A connection that was idle for less than this is taken to be alive: asking it first would double
/// the round trips of every request.
pub(crate) const TRUSTED: Duration = Duration::from_secs(5);

/// A connection is closed this long after it was opened, so that a failed-over server is found again and
/// what its backend keeps is freed.
pub(crate) const LIFETIME: Duration = Duration::from_secs(1800);

/// Connections of the pool for those that do not come by [`Warm::take`]: listeners and single statements.
const APART: u32 = 4;

type Manager = <Postgres as Database>::TransactionManager;

/// The connections that are handed on.
#[derive(Debug)]
pub(crate) struct Warm {
    pool: PgPool,
    /// As many as there may be connections here, so that whoever waits is served in turn, by what
    /// another releases.
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: PoolConnection<Postgres>,
    opened: Instant,
    since: Instant,
}

impl Warm {
    /// On the connections of `pool`.
    pub(crate) fn new(pool: PgPool) -> Arc<Self> {
        let most = pool.options().get_max_connections();
        let places = if most > 2 * APART { most - APART } else { most };
        Arc::new(Self {
            pool,
            places: Arc::new(Semaphore::new(places as usize)),
            idle: Mutex::default(),
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // A panic elsewhere leaves the list whole: every change is a single call.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection: the one that was released last, or one of the pool.
    ///
    /// # Errors
    /// `PoolTimedOut` after the pool's time limit; or from the database.
    pub(crate) async fn take(self: &Arc<Self>) -> Result<Connection, sqlx::Error> {
        let patience = self.pool.options().get_acquire_timeout();
        let place = tokio::time::timeout(patience, self.places.clone().acquire_owned())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            // Nobody closes it.
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let warm = self
            .idle()
            .pop()
            .filter(|idle| idle.since.elapsed() < TRUSTED && idle.opened.elapsed() < LIFETIME);
        let (connection, opened) = match warm {
            Some(idle) => (idle.connection, idle.opened),
            // Boxed: opening a connection takes 4 kB of state, which every request that waits for its turn
            // would carry along otherwise.
            None => (Box::pin(self.pool.acquire()).await?, Instant::now()),
        };
        Ok(Connection {
            held: Some(Held {
                connection,
                opened,
                warm: self.clone(),
                place,
            }),
            lender: None,
        })
    }

    /// Whether nobody can be waiting at the pool for what would be kept here.
    fn may_keep(&self) -> bool {
        !self.pool.is_closed()
            && (self.pool.num_idle() > 0
                || self.pool.size() < self.pool.options().get_max_connections())
    }

    /// Closes what is idle here, and the pool.
    pub(crate) async fn close(&self) {
        let closing = self.pool.close();
        // The pool waits for these.
        self.idle().clear();
        closing.await;
    }
}

impl Drop for Warm {
    fn drop(&mut self) {
        // Closed here and now: what is dropped goes back to the pool by a task, and the runtime may be gone.
        for idle in self.idle().drain(..) {
            drop(idle.connection.detach());
        }
    }
}

/// A connection for one piece of work.
#[derive(Debug)]
pub struct Connection {
    /// There until it is released, detached or dropped.
    held: Option<Held>,
    /// Whose transaction is open on it, and to whom it goes back.
    lender: Option<Arc<Lender>>,
}

/// What a [`Connection`] is as long as it is one.
#[derive(Debug)]
pub(crate) struct Held {
    connection: PoolConnection<Postgres>,
    opened: Instant,
    warm: Arc<Warm>,
    place: OwnedSemaphorePermit,
}

impl Held {
    /// Keeps it for the next piece of work, or gives it to the pool. Only then is whoever waits served.
    fn hand_on(self) {
        let Self {
            connection,
            opened,
            warm,
            place,
        } = self;
        if warm.may_keep() {
            let since = Instant::now();
            warm.idle().push(Idle {
                connection,
                opened,
                since,
            });
        } else {
            drop(connection);
        }
        drop(place);
    }

    /// Transactions that are open on it, savepoints included.
    fn depth(&self) -> usize {
        Manager::get_transaction_depth(&self.connection)
    }
}

impl Connection {
    /// One that goes back to `lender`, if there is one.
    pub(crate) fn of(held: Held, lender: Option<Arc<Lender>>) -> Self {
        Self {
            held: Some(held),
            lender,
        }
    }

    /// Itself, and to whom it would go back.
    pub(crate) fn into_parts(mut self) -> (Held, Option<Arc<Lender>>) {
        (self.take(), self.lender.take())
    }

    /// Hands the connection on as it is: what was asked of it is answered, and no transaction is open. One that
    /// is lent goes back.
    pub fn release(mut self) {
        if self.lender.is_none() {
            self.take().hand_on();
        }
    }

    /// Takes the connection out of the pool, which may open another in its place.
    pub fn detach(mut self) -> PgConnection {
        self.take().connection.detach()
    }

    fn take(&mut self) -> Held {
        // It is there: only what consumes `self` takes it.
        self.held.take().expect("a connection")
    }

    /// Whether a transaction that another began is open on it.
    pub(crate) fn is_lent(&self) -> bool {
        self.lender.is_some()
    }

    /// Transactions that are open on it, savepoints included.
    pub(crate) fn depth(&self) -> usize {
        self.held.as_ref().map_or(0, Held::depth)
    }

    pub(crate) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        Manager::begin(self, None).await
    }

    pub(crate) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        Manager::commit(self).await
    }

    pub(crate) async fn rollback(&mut self) -> Result<(), sqlx::Error> {
        Manager::rollback(self).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(mut held) = self.held.take() else {
            return;
        };
        let lender = self.lender.take();
        let depth = lender.as_ref().map_or(0, |lender| lender.depth());
        // Sent before the next statement, or by the pool, which takes the connection back now.
        while held.depth() > depth {
            Manager::start_rollback(&mut held.connection);
        }
        if let Some(lender) = lender {
            lender.take_back(held);
        }
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        // As in `take`.
        &self.held.as_ref().expect("a connection").connection
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.held.as_mut().expect("a connection").connection
    }
}
