//! What a ReminderJob is judged by: what its stack knows of it.

use crds::ReminderJob;
use domain::internal_api::ReminderView;
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
    if let Some(view) = heard {
        return Seen::View(Box::new(view));
    }
    match client.get(id).await {
        Ok(Some(view)) => Seen::View(Box::new(view)),
        Ok(None) => Seen::Gone,
        Err(error) => Seen::Failed(error),
    }
}
