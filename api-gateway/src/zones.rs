//! The zones of users who wrote lately. They may be out of date: who uses one has the database compare
//! it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono_tz::Tz;
use uuid::Uuid;

/// Users remembered at a time.
const MOST: usize = 50_000;

/// The zones; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Zones(Arc<Mutex<HashMap<Uuid, Tz>>>);

impl Zones {
    /// The zone last read of a user.
    pub(crate) fn of(&self, user: Uuid) -> Option<Tz> {
        self.lock().get(&user).copied()
    }

    /// Remembers what was read.
    pub(crate) fn remember(&self, user: Uuid, zone: Tz) {
        let mut zones = self.lock();
        if zones.len() >= MOST {
            // Reading them again costs a query each; keeping an order costs every request.
            zones.clear();
        }
        zones.insert(user, zone);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Tz>> {
        // A panic elsewhere leaves the map whole: every change of it is a single call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
