//! What the status of a ReminderJob says. Pure: no I/O and no clock.

use chrono::{DateTime, Utc};
use crds::{
    DeliveryStatus, ReminderJob, ReminderJobStatus, ReminderPhase,
    conditions::{self, Verdict},
};
use domain::{internal_api::ReminderView, reminder::Phase};
use k8s_openapi::jiff::Timestamp;

use super::{
    history,
    plan::{Outcome, is_accepted, phase, phase_of},
    stacks::StackState,
};

/// Condition: the stack has taken the reminder and it goes its way.
pub const READY: &str = "Ready";
/// Condition: nothing will happen to the reminder any more; its transition time starts the TTL.
pub const FINISHED: &str = "Finished";

/// Puts what the stack knows into a status; conditions stay as they are.
pub fn copy_view(status: &mut ReminderJobStatus, view: &ReminderView) {
    status.phase = Some(phase_of(view.phase));
    status.fire_at = Some(view.fire_at);
    status.fired_at = view.fired_at;
    status.lateness_ms = view.lateness_ms;
    status.deliveries = view
        .deliveries
        .iter()
        .map(|delivery| DeliveryStatus {
            channel: delivery.channel.clone(),
            state: delivery.state.clone(),
            attempts: delivery.attempts,
            delivered_at: delivery.delivered_at,
            last_error: delivery.last_error.clone(),
        })
        .collect();
}

/// The status after `outcome`. Equal to the present one when there is nothing new to say.
pub fn status(job: &ReminderJob, outcome: &Outcome, now: DateTime<Utc>) -> ReminderJobStatus {
    let generation = job.metadata.generation;
    let mut status = job.status.clone().unwrap_or_default();
    if passes_by_itself(outcome) && is_accepted(job) {
        return status;
    }
    status.phase.get_or_insert(ReminderPhase::Pending);
    let verdict = match outcome {
        Outcome::View(view) => {
            copy_view(&mut status, view);
            let suspended = job.spec.suspend;
            history::note(&mut status, view, view.reason.as_deref(), suspended, now);
            status.observed_generation = generation;
            view_verdict(view.phase, view.reason.as_deref(), job.spec.suspend)
        }
        Outcome::Refused(why) => {
            status.observed_generation = generation;
            Verdict::no("Rejected", format!("the stack refused it: {why}"))
        }
        Outcome::Failed(why) => Verdict::no("StackUnreachable", why.clone()),
        Outcome::NotAsked(state) => stack_verdict(&job.spec.stack_ref.name, *state),
    };
    let now = timestamp(now);
    conditions::set(&mut status.conditions, READY, verdict, generation, now);
    conditions::set(
        &mut status.conditions,
        FINISHED,
        finished_verdict(status.phase.unwrap_or(ReminderPhase::Pending)),
        generation,
        now,
    );
    status
}

/// The status of a job that is about to be sent to its stack for the first time.
pub fn first_status(job: &ReminderJob, now: DateTime<Utc>) -> Option<ReminderJobStatus> {
    if phase(job).is_some() {
        return None;
    }
    let mut status = job.status.clone().unwrap_or_default();
    status.phase = Some(ReminderPhase::Pending);
    let verdict = Verdict::unknown("Sending", "it is being sent to its stack");
    let generation = job.metadata.generation;
    conditions::set(
        &mut status.conditions,
        READY,
        verdict,
        generation,
        timestamp(now),
    );
    Some(status)
}

/// A short absence of the service does not touch what it has taken: the alarm is set elsewhere, and
/// a restart must not rewrite the status of every reminder.
fn passes_by_itself(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Failed(_) | Outcome::NotAsked(StackState::NotReady)
    )
}

/// The status of a job that is over: only the generation can still be new, when somebody edits it.
pub fn finished_status(job: &ReminderJob, now: DateTime<Utc>) -> ReminderJobStatus {
    let mut status = job.status.clone().unwrap_or_default();
    if status.observed_generation != job.metadata.generation {
        status.observed_generation = job.metadata.generation;
        let verdict = Verdict::no(
            "AlreadyFinished",
            "the change has no effect, the reminder is over: make another ReminderJob",
        );
        conditions::set(
            &mut status.conditions,
            READY,
            verdict,
            job.metadata.generation,
            timestamp(now),
        );
    }
    status
}

/// What `Finished` says of a phase.
pub fn finished_verdict(phase: ReminderPhase) -> Verdict {
    let name = format!("{phase:?}");
    if phase.is_finished() {
        Verdict::yes(name, "nothing more will happen to it")
    } else {
        Verdict::no(name, "it goes its way")
    }
}

/// What `Ready` says of a reminder that the stack knows; `why` is what it says of a failure.
pub fn view_verdict(phase: Phase, why: Option<&str>, suspended: bool) -> Verdict {
    let because = |otherwise: &str| why.unwrap_or(otherwise).to_owned();
    match phase {
        Phase::Pending | Phase::Scheduled if suspended => Verdict::yes(
            "Suspended",
            "the stack has it and holds it back: spec.suspend is true",
        ),
        Phase::Pending | Phase::Scheduled => Verdict::yes("Accepted", "the stack will fire it"),
        Phase::Fired => Verdict::yes("Accepted", "it fired; its channels are being served"),
        Phase::Delivered => Verdict::yes("Delivered", "every channel took it"),
        Phase::Failed => Verdict::no(
            "DeliveryFailed",
            because("a channel gave up: see status.deliveries for why"),
        ),
        Phase::Missed => Verdict::no(
            "Missed",
            because(
                "it was overdue by more than spec.deadlineSeconds, or the stack's catch-up window, and was let go",
            ),
        ),
        Phase::Cancelled => Verdict::no("Cancelled", because("it was withdrawn before it fired")),
    }
}

fn stack_verdict(name: &str, state: StackState) -> Verdict {
    match state {
        StackState::Missing => Verdict::no(
            "StackNotFound",
            format!(
                "there is no TodoStack {name:?} in this namespace: make it, or mend spec.stackRef.name by making another ReminderJob"
            ),
        ),
        StackState::Deleting => Verdict::no(
            "StackDeleting",
            format!("TodoStack {name:?} is being deleted"),
        ),
        StackState::Suspended => Verdict::no(
            "StackSuspended",
            format!(
                "TodoStack {name:?} is suspended; the reminder goes on when spec.suspend is false again"
            ),
        ),
        StackState::NotReady | StackState::Ready => Verdict::no(
            "StackNotReady",
            format!(
                "the reminders service of TodoStack {name:?} is not ready: see the conditions of the TodoStack"
            ),
        ),
    }
}

/// Something worth an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// It needs somebody's attention.
    pub warning: bool,
    /// One CamelCase word.
    pub reason: String,
    /// One sentence.
    pub note: String,
}

/// What there is to tell of a change of the status: a new phase, or a new reason for which the job
/// does not go its way.
pub fn news(before: Option<&ReminderJobStatus>, after: &ReminderJobStatus) -> Option<News> {
    let ready = conditions::find(&after.conditions, READY)?;
    let phase = after.phase?;
    if before.and_then(|status| status.phase) != Some(phase) && phase != ReminderPhase::Pending {
        let note = match (phase, after.lateness_ms) {
            (ReminderPhase::Fired | ReminderPhase::Delivered, Some(late)) => {
                format!("{} ({late} ms after its time)", ready.message)
            }
            _ => ready.message.clone(),
        };
        return Some(News {
            warning: matches!(phase, ReminderPhase::Failed | ReminderPhase::Missed),
            reason: format!("{phase:?}"),
            note,
        });
    }
    let said = before
        .and_then(|status| conditions::find(&status.conditions, READY))
        .is_some_and(|earlier| earlier.reason == ready.reason);
    (ready.status == "False" && !said).then(|| News {
        warning: true,
        reason: ready.reason.clone(),
        note: ready.message.clone(),
    })
}

/// The status of a job that is being deleted and cannot go yet.
pub fn held_status(job: &ReminderJob, why: &str, now: DateTime<Utc>) -> ReminderJobStatus {
    let mut status = job.status.clone().unwrap_or_default();
    let verdict = Verdict::no(
        "CancelPending",
        format!(
            "it is deleted once the stack has cancelled its alarm, or the TodoStack is gone: {why}"
        ),
    );
    conditions::set(
        &mut status.conditions,
        READY,
        verdict,
        job.metadata.generation,
        timestamp(now),
    );
    status
}

/// The same moment in the type that Kubernetes' own objects use, in whole seconds as they have it.
pub fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp::from_second(at.timestamp()).unwrap_or_default()
}
