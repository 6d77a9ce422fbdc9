//! Decides, from what was observed, what a ReminderJob needs. Pure: no I/O and no clock.
//!
//! In order: [`farewell`] for one that is being deleted, otherwise [`request`] (what to ask the
//! stack), [`status`](super::status) (what to show) and [`next`] (when to look again).

use std::time::Duration;

use chrono::{DateTime, Utc};
use crds::{LABEL_ORIGIN, ReminderJob, ReminderJobStatus, ReminderPhase, conditions};
use domain::{
    internal_api::{ReminderPut, ReminderView},
    reminder::Phase,
};
use kube::ResourceExt;

use super::{
    observe::Seen,
    request,
    stacks::StackState,
    status::{FINISHED, READY},
};
use crate::stack_client::StackError;

/// How often a waiting reminder is looked at although no change was heard of.
pub const BACKSTOP: Duration = Duration::from_secs(600);
/// How soon a refused reminder is offered again.
const REFUSED_RETRY: Duration = Duration::from_secs(300);
/// How soon one whose alarm is not yet set is looked at.
const ALARM_SOON: Duration = Duration::from_secs(5);
/// How long after its time a reminder is looked at, should no change have been heard of.
const AFTER_FIRING: Duration = Duration::from_secs(3);

/// What asking the stack came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing was asked: the stack cannot answer.
    NotAsked(StackState),
    /// The reminder as the stack knows it.
    View(Box<ReminderView>),
    /// The stack will not have it.
    Refused(String),
    /// The stack could not be reached or could not answer.
    Failed(String),
}

impl Outcome {
    /// What an error of the client means for the reminder.
    pub fn from_error(error: &StackError) -> Self {
        match error {
            StackError::Refused { .. } => Self::Refused(error.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// It is over by what its status says; the stack need not be asked any more.
pub fn is_finished(job: &ReminderJob) -> bool {
    phase(job).is_some_and(ReminderPhase::is_finished)
}

pub(super) fn phase(job: &ReminderJob) -> Option<ReminderPhase> {
    job.status.as_ref().and_then(|status| status.phase)
}

/// It shows a reminder that a user made through the API: the mirror writes it, nobody else.
/// The label alone does not make a mirror, or anybody could keep a reminder from being scheduled by it.
pub fn is_mirror(job: &ReminderJob) -> bool {
    job.labels()
        .get(LABEL_ORIGIN)
        .is_some_and(|origin| origin == "api")
        && job
            .owner_references()
            .iter()
            .any(|owner| owner.kind == "TodoStack" && owner.controller == Some(true))
}

/// The stack took the spec as it is now.
pub(super) fn is_accepted(job: &ReminderJob) -> bool {
    job.status.as_ref().is_some_and(|status| {
        status.observed_generation == job.metadata.generation
            && conditions::find(&status.conditions, READY)
                .is_some_and(|c| c.observed_generation == job.metadata.generation)
            && conditions::is_true(&status.conditions, READY)
    })
}

/// Whether the stack should be asked what it knows before anything is sent to it. A spec that it
/// has not taken yet is sent straight away: sending twice changes nothing.
pub fn wants_view(job: &ReminderJob) -> bool {
    is_accepted(job)
}

/// What to send to the stack; none when it already has it.
///
/// # Errors
/// A field of the job is not what it must be.
pub fn request(job: &ReminderJob, seen: &Seen) -> Result<Option<ReminderPut>, String> {
    let needed = match seen {
        Seen::NotAsked | Seen::Gone => true,
        // The rest of what is sent cannot change, or changes with the generation.
        Seen::View(view) => view.phase.is_waiting() && view.wanted_at() != request::fire_at(job),
        Seen::Failed(_) => false,
    };
    needed.then(|| request::desired(job)).transpose()
}

/// The phase as the API spells it.
pub fn phase_of(phase: Phase) -> ReminderPhase {
    match phase {
        Phase::Pending => ReminderPhase::Pending,
        Phase::Scheduled => ReminderPhase::Scheduled,
        Phase::Fired => ReminderPhase::Fired,
        Phase::Delivered => ReminderPhase::Delivered,
        Phase::Failed => ReminderPhase::Failed,
        Phase::Missed => ReminderPhase::Missed,
        Phase::Cancelled => ReminderPhase::Cancelled,
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAsked(state) => write!(f, "the stack is {state:?}"),
            Self::View(view) => f.write_str(view.phase.as_str()),
            Self::Refused(why) | Self::Failed(why) => f.write_str(why),
        }
    }
}

/// What follows once the status is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Its time to live is over.
    Delete,
    /// Look again then.
    After(Duration),
    /// Try again with growing pauses.
    Retry,
    /// Nothing until something changes.
    Wait,
}

/// When to look at the job again. Changes at the stack are heard of at once; these are the backstops.
pub fn next(
    job: &ReminderJob,
    status: &ReminderJobStatus,
    outcome: Option<&Outcome>,
    now: DateTime<Utc>,
) -> Next {
    if status.phase.is_some_and(ReminderPhase::is_finished) {
        return match expiry(job, status) {
            Some(at) if at <= now => Next::Delete,
            Some(at) => Next::After(until(at, now)),
            None => Next::Wait,
        };
    }
    match outcome {
        Some(Outcome::Failed(_)) => Next::Retry,
        Some(Outcome::Refused(_)) => Next::After(REFUSED_RETRY),
        Some(Outcome::NotAsked(_)) | None => Next::After(spread(BACKSTOP, job)),
        Some(Outcome::View(view)) => Next::After(look_again(job, view, now)),
    }
}

fn look_again(job: &ReminderJob, view: &ReminderView, now: DateTime<Utc>) -> Duration {
    let backstop = spread(BACKSTOP, job);
    match view.phase {
        Phase::Pending | Phase::Scheduled if job.spec.suspend => backstop,
        Phase::Pending if view.fire_at > now => until(view.fire_at, now).min(ALARM_SOON),
        Phase::Pending | Phase::Scheduled => since_or_until(view.fire_at, now, backstop),
        _ => since_or_until(view.fired_at.unwrap_or(view.fire_at), now, backstop),
    }
}

/// Shortly after `at`; once that has passed, after half as long again as has passed, so that an
/// hour of silence costs a dozen looks.
fn since_or_until(at: DateTime<Utc>, now: DateTime<Utc>, longest: Duration) -> Duration {
    let pause = if at > now {
        until(at, now) + AFTER_FIRING
    } else {
        until(now, at) / 2
    };
    pause.clamp(AFTER_FIRING, longest)
}

/// Up to a fifth longer, different for each object: they do not all come at once.
fn spread(duration: Duration, job: &ReminderJob) -> Duration {
    let share = request::id(job).map_or(0, |uid| uid.as_u128() as u32 % 1000);
    duration + duration / 5 * share / 1000
}

/// When the time to live of a finished job is over.
pub fn expiry(job: &ReminderJob, status: &ReminderJobStatus) -> Option<DateTime<Utc>> {
    let ttl = job.spec.ttl_seconds_after_finished?;
    let finished = conditions::find(&status.conditions, FINISHED).filter(|c| c.status == "True")?;
    let at = DateTime::from_timestamp(finished.last_transition_time.0.as_second(), 0)?;
    at.checked_add_signed(chrono::Duration::seconds(ttl))
}

/// How a job that is being deleted goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// Nothing is left to cancel.
    Nothing,
    /// Cancel it at the stack; if that fails, stay and try again.
    Cancel,
    /// Cancel it if that can be done at once, and go in any case: the stack goes too.
    TryCancel,
    /// There is no stack any more.
    StackGone,
    /// It cannot be cancelled now, but would still fire later: stay, and say so.
    Hold,
}

/// How a job that is being deleted goes. It stays only while its stack exists and may yet fire it;
/// a stack that goes, alone or with its namespace, takes the alarms with it.
pub fn farewell(job: &ReminderJob, stack: StackState) -> Farewell {
    if is_finished(job) || is_mirror(job) {
        return Farewell::Nothing;
    }
    match stack {
        StackState::Missing => Farewell::StackGone,
        StackState::Deleting => Farewell::TryCancel,
        StackState::Ready => Farewell::Cancel,
        StackState::Suspended | StackState::NotReady => Farewell::Hold,
    }
}

fn until(at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (at - now).to_std().unwrap_or_default()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
