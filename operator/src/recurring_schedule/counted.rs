//! What a status counts as missed before the ReminderJobs show it. The status is written first, for
//! that write may be refused; were a ReminderJob marked or gone by then, nobody would count it. Until
//! our cache shows the mark, a plan would count it once more: it is told here.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crds::ReminderJob;
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::{Resource, ResourceExt};

use super::child;

/// ReminderJobs that were counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Owed {
    /// To mark as counted.
    pub(super) mark: Vec<ReminderJob>,
    /// To delete.
    pub(super) delete: Vec<ReminderJob>,
}

impl Owed {
    /// What is still owed, given what our cache has; in `jobs` it is as if it were done.
    fn settle(self, jobs: &mut [ReminderJob], now: Timestamp) -> Self {
        let mut owed = Self::default();
        let mut find = |job: &ReminderJob| jobs.iter().position(|other| other.uid() == job.uid());
        let mark: Vec<usize> = self.mark.iter().filter_map(&mut find).collect();
        let delete: Vec<usize> = self.delete.iter().filter_map(&mut find).collect();
        for index in mark {
            if !is_marked(&jobs[index]) {
                owed.mark.push(jobs[index].clone());
                mark_counted(&mut jobs[index]);
            }
        }
        for index in delete {
            owed.delete.push(jobs[index].clone());
            // It may yet end as missed while it is on its way out.
            mark_counted(&mut jobs[index]);
            let meta = jobs[index].meta_mut();
            meta.deletion_timestamp.get_or_insert(Time(now));
        }
        owed
    }

    fn is_empty(&self) -> bool {
        self.mark.is_empty() && self.delete.is_empty()
    }
}

fn is_marked(job: &ReminderJob) -> bool {
    job.annotations().contains_key(child::COUNTED)
}

fn mark_counted(job: &mut ReminderJob) {
    job.annotations_mut()
        .insert(child::COUNTED.into(), "true".into());
}

/// What is owed, by the uid of the schedule.
#[derive(Debug, Default)]
pub(super) struct Counted(Mutex<HashMap<String, Owed>>);

impl Counted {
    /// What is still owed to a schedule; in `jobs` it is as if it were done.
    pub(super) fn recall(&self, schedule: &str, jobs: &mut [ReminderJob], now: Timestamp) -> Owed {
        let mut all = self.lock();
        let owed = all.remove(schedule).unwrap_or_default().settle(jobs, now);
        if !owed.is_empty() {
            all.insert(schedule.into(), owed.clone());
        }
        owed
    }

    /// A status was written that counts these.
    pub(super) fn remember(&self, schedule: &str, owed: &Owed) {
        if owed.is_empty() {
            return;
        }
        let mut all = self.lock();
        let known = all.entry(schedule.into()).or_default();
        known.mark.extend(owed.mark.iter().cloned());
        known.delete.extend(owed.delete.iter().cloned());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Owed>> {
        // Each change is whole by itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(uid: &str) -> ReminderJob {
        serde_json::from_value(json!({
            "metadata": {"name": format!("standup-{uid}"), "uid": uid},
            "spec": {"stackRef": {"name": "demo"}, "fireAt": "2026-11-21T09:00:00Z", "message": "m"},
        }))
        .unwrap()
    }

    fn recall(counted: &Counted, jobs: &[ReminderJob]) -> (Owed, Vec<ReminderJob>) {
        let mut seen = jobs.to_vec();
        (counted.recall("s", &mut seen, Timestamp::UNIX_EPOCH), seen)
    }

    #[test]
    fn what_was_counted_is_taken_as_done_until_the_cache_shows_it() {
        let counted = Counted::default();
        let mut jobs = vec![job("1"), job("2"), job("3")];
        assert_eq!(recall(&counted, &jobs), (Owed::default(), jobs.clone()));
        let owed = Owed {
            mark: vec![job("1")],
            delete: vec![job("2")],
        };
        counted.remember("s", &owed);
        for _ in 0..2 {
            let (still, seen) = recall(&counted, &jobs);
            assert_eq!(still, owed);
            assert!(is_marked(&seen[0]) && seen[0].metadata.deletion_timestamp.is_none());
            assert!(is_marked(&seen[1]) && seen[1].metadata.deletion_timestamp.is_some());
            assert_eq!(seen[2], jobs[2]);
        }
        mark_counted(&mut jobs[0]);
        jobs.remove(1);
        assert_eq!(recall(&counted, &jobs), (Owed::default(), jobs.clone()));
        assert!(counted.lock().is_empty());
    }

    #[test]
    fn another_object_of_the_same_name_owes_nothing() {
        let counted = Counted::default();
        counted.remember(
            "s",
            &Owed {
                mark: vec![job("1")],
                delete: vec![],
            },
        );
        let mut other = job("1");
        other.metadata.uid = Some("4".into());
        let jobs = [other];
        assert_eq!(recall(&counted, &jobs), (Owed::default(), jobs.to_vec()));
    }
}
