//! What is remembered between the reconciles of a job.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

use crds::{HistoryEntry, ReminderJob, ReminderJobStatus};
use domain::internal_api::ReminderView;
use uuid::Uuid;

/// What was heard and what was shown of the jobs that are not over.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<Uuid, Entry>>);

#[derive(Default)]
struct Entry {
    /// The latest that was heard and not yet reconciled.
    heard: Option<ReminderView>,
    /// Hash of the status that was last written.
    shown: Option<u64>,
    /// Its history.
    history: Vec<HistoryEntry>,
}

impl Memory {
    /// Keeps what was heard for the next reconcile.
    pub(super) fn hear(&self, view: ReminderView) {
        let id = view.id;
        self.with(|entries| entries.entry(id).or_default().heard = Some(view));
    }

    /// What was heard since the last reconcile.
    pub(super) fn heard(&self, id: Uuid) -> Option<ReminderView> {
        self.with(|entries| entries.get_mut(&id)?.heard.take())
    }

    /// Whether `status` must be written over `cached`. The cache may be behind what was written a
    /// moment ago, and then a status that equals the cached one is another than the real one.
    pub(super) fn is_new(
        &self,
        id: Uuid,
        status: &ReminderJobStatus,
        cached: Option<&ReminderJobStatus>,
    ) -> bool {
        let shown = self.with(|entries| entries.get(&id)?.shown);
        cached != Some(status) || shown.is_some_and(|shown| shown != hash(status))
    }

    /// Remembers what was written.
    pub(super) fn shown(&self, id: Uuid, status: &ReminderJobStatus) {
        let shown = hash(status);
        let history = status.history.clone();
        self.with(|entries| {
            let entry = entries.entry(id).or_default();
            entry.shown = Some(shown);
            entry.history = history;
        });
    }

    /// The history as it was last written, in place of that of a cache that may be behind: what is added
    /// to it must not drop what came between.
    pub(super) fn recall_history(&self, id: Uuid, job: &mut ReminderJob) {
        let written = self.with(|entries| {
            let entry = entries.get(&id).filter(|entry| entry.shown.is_some())?;
            Some(entry.history.clone())
        });
        if let (Some(history), Some(status)) = (written, &mut job.status) {
            status.history = history;
        }
    }

    /// It is over, or gone.
    pub(super) fn forget(&self, id: Uuid) {
        self.with(|entries| entries.remove(&id));
    }

    fn with<T>(&self, change: impl FnOnce(&mut HashMap<Uuid, Entry>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn hash(status: &ReminderJobStatus) -> u64 {
    let mut hasher = DefaultHasher::new();
    // A status always serializes; were it not so, writing it once more would do no harm.
    serde_json::to_string(status)
        .unwrap_or_default()
        .hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crds::ReminderPhase;

    fn status(phase: ReminderPhase) -> ReminderJobStatus {
        ReminderJobStatus {
            phase: Some(phase),
            ..ReminderJobStatus::default()
        }
    }

    #[test]
    fn what_was_written_is_added_to_and_not_what_a_cache_still_has() {
        let memory = Memory::default();
        let id = Uuid::from_u128(1);
        let mut job: ReminderJob = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "one"},
            "spec": {"stackRef": {"name": "demo"}, "fireAt": "2026-11-21T09:00:00Z", "message": "m"},
            "status": {"phase": "Pending"},
        }))
        .unwrap();
        memory.recall_history(id, &mut job);
        assert_eq!(job.status.as_ref().unwrap().history, []);
        let entry = HistoryEntry {
            at: job.spec.fire_at,
            reason: "Scheduled".into(),
            message: "to fire".into(),
        };
        let mut written = status(ReminderPhase::Scheduled);
        written.history.push(entry.clone());
        memory.shown(id, &written);
        memory.recall_history(id, &mut job);
        assert_eq!(
            job.status.as_ref().unwrap().history,
            std::slice::from_ref(&entry)
        );
        // After a restart nothing is remembered, and the cache is what was written.
        memory.forget(id);
        memory.recall_history(id, &mut job);
        assert_eq!(job.status.unwrap().history, [entry]);
    }

    #[test]
    fn a_cache_that_is_behind_does_not_hide_a_change() {
        let memory = Memory::default();
        let id = Uuid::from_u128(1);
        let (pending, scheduled) = (
            status(ReminderPhase::Pending),
            status(ReminderPhase::Scheduled),
        );
        assert!(memory.is_new(id, &scheduled, None));
        assert!(!memory.is_new(id, &scheduled, Some(&scheduled)));
        memory.shown(id, &pending);
        // The cache still has what was there before.
        assert!(memory.is_new(id, &scheduled, Some(&scheduled)));
        memory.shown(id, &scheduled);
        assert!(!memory.is_new(id, &scheduled, Some(&scheduled)));
        memory.forget(id);
        assert!(!memory.is_new(id, &pending, Some(&pending)));
    }
}
