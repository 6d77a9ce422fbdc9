//! What a ReminderJob is judged by: what its stack knows of it.

use crds::{ReminderJob, ReminderPhase};
use domain::{internal_api::ReminderView, reminder::Phase};
use uuid::Uuid;

use super::plan;
use crate::stack_client::{StackClient, StackError};

/// What the stack said of a reminder.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// It was not asked.
    NotAsked,
    /// It knows none of this id.
    Gone,
    /// This.
    View(Box<ReminderView>),
    /// It could not be asked.
    Failed(StackError),
}

/// What is known of the job at the stack: what was just heard of it, or else asked for, where the
/// plan wants to know.
pub(super) async fn seen(
    job: &ReminderJob,
    id: Uuid,
    heard: Option<ReminderView>,
    client: &StackClient,
) -> Seen {
    if !plan::wants_view(job) {
        return Seen::NotAsked;
    }
    if let Some(view) = heard
        && !may_be_old(job, view.phase)
    {
        return Seen::View(Box::new(view));
    }
    match client.get(id).await {
        Ok(Some(view)) => Seen::View(Box::new(view)),
        Ok(None) => Seen::Gone,
        Err(error) => Seen::Failed(error),
    }
}

/// Whether what was heard may be older than the answer to what we sent: then the stack is asked,
/// and the job does not go back to an earlier phase for a moment.
fn may_be_old(job: &ReminderJob, heard: Phase) -> bool {
    let step = |phase| match phase {
        ReminderPhase::Pending => 0,
        ReminderPhase::Scheduled => 1,
        ReminderPhase::Fired => 2,
        ReminderPhase::Delivered
        | ReminderPhase::Failed
        | ReminderPhase::Missed
        | ReminderPhase::Cancelled => 3,
    };
    let shown = job.status.as_ref().and_then(|status| status.phase);
    // The cache may not have what we wrote a moment ago, and a sent reminder is soon scheduled.
    heard == Phase::Pending || shown.is_some_and(|shown| step(plan::phase_of(heard)) < step(shown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_step_back_is_not_taken_on_hearsay() {
        let job = |phase: &str| {
            serde_json::from_value::<ReminderJob>(json!({
                "apiVersion": "todostack.dev/v1alpha1", "kind": "ReminderJob",
                "metadata": {"name": "one"},
                "spec": {"stackRef": {"name": "demo"}, "fireAt": "2026-11-21T09:00:00Z", "message": "m"},
                "status": {"phase": phase},
            }))
            .unwrap()
        };
        assert!(may_be_old(&job("Scheduled"), Phase::Pending));
        assert!(may_be_old(&job("Pending"), Phase::Pending));
        assert!(may_be_old(&job("Fired"), Phase::Scheduled));
        assert!(!may_be_old(&job("Scheduled"), Phase::Fired));
        assert!(!may_be_old(&job("Scheduled"), Phase::Scheduled));
        assert!(!may_be_old(&job("Fired"), Phase::Delivered));
    }
}
