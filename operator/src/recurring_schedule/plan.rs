//! Decides which ReminderJobs a schedule needs. Pure: no I/O and no clock; `todostack dev` uses it too.
//!
//! - Ahead: the next `lookahead` occurrences have their ReminderJobs. One that is deleted by hand
//!   before its time is made again, as with any controller: an occurrence is left out by
//!   `spec.schedule.exclude`, all of them by `spec.suspend`.
//! - Behind: occurrences that passed without ReminderJobs (the operator was down, the schedule was
//!   suspended) are made up for by `spec.catchUp`, one reminder each: what was to come an hour before
//!   is of no use an hour after. What is not made up for counts as missed.
//! - While the stack is down, those whose time came wait for it, at most the hundred latest.
//! - A reminder whose time passed while a later one of the same occurrence is still ahead is let go.
//! - Those that wait follow the schedule when it is edited; those that fired stay as history.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use crds::{
    CatchUpPolicy, RecurringSchedule, RecurringScheduleStatus, ReminderJob, ReminderJobSpec,
    ReminderPhase,
};
use kube::ResourceExt;

use super::{
    child,
    series::{self, Occurrences},
    status,
};

/// At most this many occurrences are made up for.
const CATCH_UP_MOST: usize = 100;
/// At most this many have ReminderJobs ahead, however long before them the first reminder comes.
const AHEAD_MOST: usize = 100;
/// How many occurrences the status tells.
const TOLD: usize = 5;

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// To make.
    pub create: Vec<ReminderJob>,
    /// To change, with the new spec.
    pub change: Vec<(ReminderJob, ReminderJobSpec)>,
    /// To delete.
    pub delete: Vec<ReminderJob>,
    /// Names of those that the status newly counts as missed: they must not go before it is written.
    pub counted: BTreeSet<String>,
    /// Missed ones to mark as counted.
    pub count: Vec<ReminderJob>,
    /// The new status.
    pub status: RecurringScheduleStatus,
    /// When to plan again although nothing changes.
    pub next: Option<DateTime<Utc>>,
}

impl Plan {
    /// No ReminderJob needs to be written.
    pub fn is_empty(&self) -> bool {
        self.create.is_empty()
            && self.change.is_empty()
            && self.delete.is_empty()
            && self.count.is_empty()
    }
}

/// What the schedule needs, given its ReminderJobs. `window`: what is overdue by more is not made up
/// for, unless the schedule has a deadline of its own.
pub fn plan(
    schedule: &RecurringSchedule,
    series: &dyn Occurrences,
    jobs: &[ReminderJob],
    window: Duration,
    now: DateTime<Utc>,
) -> Plan {
    let mut planning = Planning::new(schedule, series, jobs, window, now);
    let ahead = planning.ahead();
    if schedule.spec.suspend {
        planning.hold_back(&ahead);
    } else {
        planning.catch_up();
        planning.keep(&ahead);
        planning.shed();
    }
    planning.retire(&ahead);
    planning.finish(&ahead)
}

struct Planning<'a> {
    schedule: &'a RecurringSchedule,
    series: &'a dyn Occurrences,
    now: DateTime<Utc>,
    /// Longest first.
    offsets: Vec<Duration>,
    window: Duration,
    /// The ReminderJobs of this schedule by name, with their occurrences.
    jobs: BTreeMap<String, (DateTime<Utc>, &'a ReminderJob)>,
    made_until: Option<DateTime<Utc>>,
    missed: i64,
    plan: Plan,
}

/// What is to wait.
struct Ahead {
    jobs: BTreeMap<String, ReminderJob>,
    last: Option<DateTime<Utc>>,
}

impl<'a> Planning<'a> {
    fn new(
        schedule: &'a RecurringSchedule,
        series: &'a dyn Occurrences,
        jobs: &'a [ReminderJob],
        window: Duration,
        now: DateTime<Utc>,
    ) -> Self {
        let status = schedule.status.clone().unwrap_or_default();
        let own = schedule.name_any();
        let mut planning = Self {
            schedule,
            series,
            now,
            offsets: child::offsets(schedule),
            window: schedule
                .spec
                .starting_deadline_seconds
                .map_or(window, Duration::seconds),
            jobs: jobs
                .iter()
                .filter(|job| child::is_of(job, schedule))
                .filter_map(|job| Some((job.name_any(), (child::occurrence(&own, job)?, job))))
                .collect(),
            made_until: status.made_until,
            missed: status.missed,
            plan: Plan {
                status,
                ..Plan::default()
            },
        };
        planning.made_until = planning.begin();
        planning
    }

    /// Up to which occurrence there is nothing to make up for. A new schedule begins when it was made;
    /// one whose rule was changed begins anew, for nobody waited for what the new rule would have
    /// made before it existed.
    fn begin(&self) -> Option<DateTime<Utc>> {
        let Some(until) = self.made_until else {
            let created = self.schedule.metadata.creation_timestamp.as_ref();
            let created = created
                .and_then(|time| DateTime::from_timestamp(time.0.as_second(), 0))
                .unwrap_or(self.now);
            return Some(created + self.last_offset());
        };
        let edited = self.plan.status.observed_generation != self.schedule.metadata.generation;
        let still = || {
            let just_before = until - Duration::seconds(1);
            !self.series.between(just_before, until, 1).is_empty()
        };
        Some(if edited && !still() {
            until.max(self.behind())
        } else {
            until
        })
    }

    fn last_offset(&self) -> Duration {
        self.offsets.last().copied().unwrap_or_default()
    }

    fn several(&self) -> bool {
        self.offsets.len() > 1
    }

    /// An occurrence up to this one has no reminder ahead.
    fn behind(&self) -> DateTime<Utc> {
        self.now + self.last_offset()
    }

    /// The reminders that are to wait now: those of the next occurrences, as far as they are ahead.
    fn ahead(&self) -> Ahead {
        let lookahead = usize::try_from(self.schedule.spec.lookahead)
            .unwrap_or(1)
            .max(1);
        let first_offset = self.offsets.first().copied().unwrap_or_default();
        let mut ahead = Ahead {
            jobs: BTreeMap::new(),
            last: None,
        };
        let mut whole = 0;
        let mut taken = 0;
        let mut after = self.behind();
        while whole < lookahead && taken < AHEAD_MOST {
            let some = self.series.upcoming(after, lookahead);
            if some.is_empty() {
                break;
            }
            for occurrence in some {
                after = occurrence;
                if whole == lookahead || taken == AHEAD_MOST {
                    break;
                }
                taken += 1;
                whole += usize::from(occurrence - first_offset > self.now);
                ahead.last = Some(occurrence);
                for offset in self.offsets.iter().filter(|o| occurrence - **o > self.now) {
                    let job = child::job(self.schedule, occurrence, *offset, self.several());
                    ahead.jobs.insert(job.name_any(), job);
                }
            }
        }
        ahead
    }

    /// While suspended nothing is made; what waits is held back, and what the schedule no longer
    /// wants goes.
    fn hold_back(&mut self, ahead: &Ahead) {
        for (name, (_, job)) in &self.jobs {
            if !self.is_ahead(job) {
                continue;
            }
            match ahead.jobs.get(name) {
                Some(wanted) => self.plan.follow(job, wanted),
                None => self.plan.delete.push((*job).clone()),
            }
        }
    }

    /// Makes what is missing ahead, mends what differs, deletes what is not wanted any more.
    fn keep(&mut self, ahead: &Ahead) {
        for (name, wanted) in &ahead.jobs {
            match self.jobs.get(name) {
                None => self.plan.create.push(wanted.clone()),
                Some((_, job)) if self.is_live(job) => self.plan.follow(job, wanted),
                // It is over, or on its way out: made again once its name is free.
                Some(_) => {}
            }
        }
        for (name, (_, job)) in &self.jobs {
            if self.is_ahead(job) && !ahead.jobs.contains_key(name) {
                self.plan.delete.push((*job).clone());
            }
        }
        self.made_until = ahead.last.or(self.made_until);
    }

    fn is_live(&self, job: &ReminderJob) -> bool {
        child::is_waiting(job) && job.metadata.deletion_timestamp.is_none()
    }

    fn is_ahead(&self, job: &ReminderJob) -> bool {
        self.is_live(job) && job.spec.fire_at > self.now
    }

    /// Occurrences that passed without firing: those never made, and those held back.
    fn catch_up(&mut self) {
        let behind = self.behind();
        let from = self.made_until.unwrap_or(behind);
        let (unmade, count) = series::passed(self.series, from, behind, CATCH_UP_MOST);
        if let Some(last) = unmade.last() {
            self.made_until = Some(*last);
        }
        let held: Vec<(DateTime<Utc>, &ReminderJob)> = self
            .jobs
            .values()
            .filter(|(_, job)| {
                self.is_live(job) && job.spec.suspend && job.spec.fire_at <= self.now
            })
            .copied()
            .collect();
        // One with a reminder still ahead is not over.
        let over: BTreeSet<_> = held
            .iter()
            .map(|(occurrence, _)| *occurrence)
            .filter(|occurrence| *occurrence <= behind)
            .collect();
        let mut candidates: BTreeSet<_> = unmade.into_iter().collect();
        candidates.extend(&over);
        let oldest = self.now - self.window;
        let last_offset = self.last_offset();
        let picked: BTreeSet<_> = candidates
            .into_iter()
            .rev()
            .filter(|occurrence| *occurrence - last_offset >= oldest)
            .take(match self.schedule.spec.catch_up {
                CatchUpPolicy::Skip => 0,
                CatchUpPolicy::Latest => 1,
                CatchUpPolicy::All => CATCH_UP_MOST,
            })
            .collect();
        let passed_by = (count + over.len()).saturating_sub(picked.len());
        self.missed += i64::try_from(passed_by).unwrap_or(i64::MAX);
        let made: BTreeMap<String, ReminderJob> = picked
            .iter()
            .map(|at| child::job(self.schedule, *at, last_offset, self.several()))
            .map(|job| (job.name_any(), job))
            .collect();
        for (occurrence, job) in held {
            match made.get(&job.name_any()) {
                Some(wanted) => self.plan.follow(job, wanted),
                None => {
                    self.plan.delete.push(job.clone());
                    if over.contains(&occurrence) {
                        self.plan.counted.insert(job.name_any());
                    }
                }
            }
        }
        for (name, job) in made {
            if !self.jobs.contains_key(&name) {
                self.plan.create.push(job);
            }
        }
    }

    /// While the stack is down, those whose time came stay. The oldest of very many go: the stack would
    /// let go of them too, and a schedule must not fill the cluster.
    fn shed(&mut self) {
        let leaving: BTreeSet<String> =
            self.plan.delete.iter().map(ResourceExt::name_any).collect();
        let mut overdue: Vec<_> = self
            .jobs
            .values()
            .filter(|(_, job)| self.is_live(job) && job.spec.fire_at <= self.now)
            .filter(|(_, job)| !leaving.contains(&job.name_any()))
            .copied()
            .collect();
        overdue.sort_by_key(|(_, job)| std::cmp::Reverse((job.spec.fire_at, job.name_any())));
        let made = self.plan.create.iter();
        let made = made.filter(|job| job.spec.fire_at <= self.now).count();
        let room = CATCH_UP_MOST.saturating_sub(made);
        for (occurrence, job) in overdue.into_iter().skip(room) {
            self.plan.delete.push(job.clone());
            if self.is_decisive(occurrence, job) {
                self.missed += 1;
                self.plan.counted.insert(job.name_any());
            }
        }
    }

    /// It is the last reminder of its occurrence: with it the occurrence is missed.
    fn is_decisive(&self, occurrence: DateTime<Utc>, job: &ReminderJob) -> bool {
        job.spec.fire_at == occurrence - self.last_offset()
    }

    /// Counts what the stack missed and deletes what is beyond the history limits.
    fn retire(&mut self, ahead: &Ahead) {
        let mut delivered = Vec::new();
        let mut failed = Vec::new();
        for (name, (occurrence, job)) in &self.jobs {
            let Some(phase) = child::phase(job).filter(|phase| phase.is_finished()) else {
                continue;
            };
            let uncounted = !job.annotations().contains_key(child::COUNTED);
            let decisive = self.is_decisive(*occurrence, job);
            if phase == ReminderPhase::Missed && decisive && uncounted {
                self.missed += 1;
                self.plan.count.push((*job).clone());
                self.plan.counted.insert(name.clone());
            }
            // One that was cancelled before its time would be made again, were it deleted.
            if job.metadata.deletion_timestamp.is_some() || ahead.jobs.contains_key(name) {
                continue;
            }
            if phase == ReminderPhase::Delivered {
                delivered.push(*job);
            } else {
                failed.push(*job);
            }
        }
        let spec = &self.schedule.spec;
        for (mut jobs, limit) in [
            (delivered, spec.successful_history_limit),
            (failed, spec.failed_history_limit),
        ] {
            jobs.sort_by_key(|job| std::cmp::Reverse((job.spec.fire_at, job.name_any())));
            let limit = usize::try_from(limit).unwrap_or(0);
            self.plan
                .delete
                .extend(jobs.into_iter().skip(limit).cloned());
        }
    }

    fn finish(mut self, ahead: &Ahead) -> Plan {
        let generation = self.schedule.metadata.generation;
        let suspended = self.schedule.spec.suspend;
        let mut told = self.series.upcoming(self.now, TOLD);
        let ended = told.is_empty();
        if suspended {
            told.clear();
        }
        let status = &mut self.plan.status;
        status.observed_generation = generation;
        status.description = Some(self.series.describe(self.now));
        status.made_until = self.made_until;
        status.missed = self.missed;
        let fired = self
            .jobs
            .values()
            .filter_map(|(_, job)| job.status.as_ref())
            .filter_map(|of| Some((of.fired_at?, of.lateness_ms)))
            .max();
        if let Some((at, late)) = fired.filter(|(at, _)| Some(*at) >= status.last_fired_at) {
            status.last_fired_at = Some(at);
            status.last_lateness_ms = late;
        }
        let waits = ahead.jobs.values().map(|job| job.spec.fire_at);
        let waits = waits.filter(|_| !suspended);
        self.plan.next = waits.chain(told.first().copied()).min();
        status.next_occurrences = told;
        status::conclude(status, ended, suspended, generation, self.now);
        self.plan
    }
}

impl Plan {
    /// Makes a waiting job what it should be: changed where that can be, else deleted, and made
    /// again once it is gone.
    fn follow(&mut self, job: &ReminderJob, wanted: &ReminderJob) {
        if job.spec == wanted.spec {
            return;
        }
        if child::can_become(&job.spec, &wanted.spec) {
            self.change.push((job.clone(), wanted.spec.clone()));
        } else {
            self.delete.push(job.clone());
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
