//! A transaction that is lent to work which begins and ends transactions of its own: those are savepoints
//! of it, and all that the work did becomes durable, or is undone, with it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{Connection, Store, Transaction, connection::Held};

/// Who has lent the connection of a transaction.
#[derive(Debug)]
pub(crate) struct Lender {
    /// Empty while the work uses it.
    place: Mutex<Option<Connection>>,
    /// Transactions that were open on it when it was lent, savepoints included.
    depth: usize,
    /// Whom it goes back to when this is over: such work may lend, too.
    outer: Option<Arc<Self>>,
}

impl Lender {
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Lends the connection.
    ///
    /// # Errors
    /// While another part of the same work has it: one that waited would wait for itself. And when the
    /// transaction is open no more, because the connection broke: what followed would stand outside of it.
    pub(crate) fn lend(self: &Arc<Self>) -> Result<Connection, sqlx::Error> {
        let (held, _) = self.take()?.into_parts();
        Ok(Connection::of(held, Some(self.clone())))
    }

    pub(crate) fn take_back(&self, held: Held) {
        let connection = Connection::of(held, self.outer.clone());
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
    }

    fn take(&self) -> Result<Connection, sqlx::Error> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = place.take().ok_or_else(|| {
            sqlx::Error::Protocol("work in one transaction has one connection".into())
        })?;
        if connection.depth() != self.depth {
            return Err(sqlx::Error::Protocol(
                "the transaction is open no more".into(),
            ));
        }
        Ok(connection)
    }
}

/// A transaction that is lent. Dropped, it is rolled back once the work lets go of it.
#[derive(Debug)]
pub struct Loan {
    lender: Arc<Lender>,
    store: Store,
}

impl Loan {
    /// The transaction with what the work did in it, for the caller to end.
    ///
    /// # Errors
    /// When the work still uses it, or its connection broke.
    pub fn end(self) -> Result<Transaction, sqlx::Error> {
        Ok(self.store.resume(self.lender.take()?))
    }
}

impl Store {
    /// Lends `transaction` to work that is given the store which is returned: all that it reads and writes by
    /// [`Store::acquire`] and [`Store::begin`], one after the other, is in the transaction. What it does by the
    /// pool stands apart.
    pub fn lend(&self, transaction: Transaction) -> (Self, Loan) {
        let connection = transaction.into_connection();
        let depth = connection.depth();
        let (held, outer) = connection.into_parts();
        let lender = Arc::new(Lender {
            place: Mutex::new(Some(Connection::of(held, outer.clone()))),
            depth,
            outer,
        });
        let loan = Loan {
            lender: lender.clone(),
            store: self.clone(),
        };
        (self.within(lender), loan)
    }
}
