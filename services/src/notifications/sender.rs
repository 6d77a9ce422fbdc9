//! What every channel does: bring one firing to one receiver.

use std::time::Duration;

use async_trait::async_trait;
use domain::{
    reminder::{Channel, ReminderEvent},
    trace::TraceContext,
    wording::Wording,
};
use store::channels::StoredChannel;
use uuid::Uuid;

/// A firing on its way to one channel.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The channel that the reminder names.
    pub channel: &'a Channel,
    /// The user's stored channel behind it.
    pub stored: Option<&'a StoredChannel>,
    /// The same in each attempt, so that the receiver can recognise a repetition.
    pub id: Uuid,
    /// What to tell.
    pub reminder: &'a ReminderEvent,
    /// In whose words; absent: our own.
    pub wording: Option<&'a Wording>,
    /// The trace of what caused it.
    pub trace: Option<&'a TraceContext>,
}

/// One kind of channel.
#[async_trait]
pub trait Sender: Send + Sync + 'static {
    /// Who takes it, as `host:port` or the like: what one receiver's time-outs and failures are counted
    /// by. Holds no secret.
    fn receiver(&self, channel: &Channel, stored: Option<&StoredChannel>) -> String;

    /// Makes one attempt, within 20 s.
    async fn send(&self, message: Message<'_>) -> Attempt;
}

/// What one attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The receiver took it.
    Delivered,
    /// It may work later.
    Retry {
        /// Why. Holds no secret.
        error: String,
        /// Whom to leave alone if it goes on.
        blame: Blame,
        /// The receiver asks to be left alone for this long.
        after: Option<Duration>,
    },
    /// It never will. The reason holds no secret.
    GiveUp(String),
    /// Nor will any other to this channel: its receiver is gone. The reason holds no secret.
    Gone(String),
}

impl Attempt {
    /// It may work later; `blame` says whom to leave alone if it goes on.
    pub(crate) fn retry(blame: Blame, error: impl Into<String>) -> Self {
        Self::Retry {
            error: error.into(),
            blame,
            after: None,
        }
    }
}

/// What a failure tells of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The receiver cannot be reached by anybody.
    Receiver,
    /// The receiver can be reached, and fails or hangs at this address.
    Address,
    /// The failure was ours, or the receiver answers and does not want this one.
    Nobody,
}
