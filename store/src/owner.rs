//! Whose rows a query may touch.

use uuid::Uuid;

/// The user for whom a query runs. Every function that reads or writes one user's rows takes it and binds
/// it: a query without its scope, or with another id in its place, does not compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner(Uuid);

impl Owner {
    /// The user whom a verified token names, or who is named by a row that was read for the platform's own
    /// work. Never an id that a request holds.
    pub fn of(user: Uuid) -> Self {
        Self(user)
    }

    /// The user's id.
    pub fn id(self) -> Uuid {
        self.0
    }
}
