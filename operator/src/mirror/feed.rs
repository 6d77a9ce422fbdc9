//! What the mirror hears of the stacks' reminders, for the controller that shows them.

use std::convert::Infallible;

use domain::internal_api::ReminderView;
use futures::{Stream, stream};
use tokio::sync::broadcast::{self, error::RecvError};

/// How many notices may wait; a reader that falls further behind looks at everything once.
const ROOM: usize = 8192;

/// A notice.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// A reminder that a ReminderJob made is like this now.
    Changed(Box<ReminderView>),
    /// What happened at this stack was not heard for a while: look at all of its reminders.
    Missed {
        /// Its namespace.
        namespace: String,
        /// Its name.
        stack: String,
    },
    /// The reader fell behind: look at all reminders.
    Lagged,
}

/// Carries notices from the mirror to the controller of ReminderJobs.
pub struct Feed(broadcast::Sender<Notice>);

impl Default for Feed {
    fn default() -> Self {
        Self(broadcast::channel(ROOM).0)
    }
}

impl Feed {
    /// Sends a notice. Without a reader it is dropped: whoever comes later looks at everything anyway.
    pub fn send(&self, notice: Notice) {
        let _ = self.0.send(notice);
    }

    /// All notices from now on.
    pub fn notices(&self) -> impl Stream<Item = Notice> + Send + 'static + use<> {
        stream::unfold(self.0.subscribe(), |mut receiver| async move {
            match receiver.recv().await {
                Ok(notice) => Some((notice, receiver)),
                Err(RecvError::Lagged(_)) => Some((Notice::Lagged, receiver)),
                Err(RecvError::Closed) => {
                    // A stream that ends would end the controller that reads it.
                    std::future::pending::<Infallible>().await;
                    None
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};

    use super::*;

    fn missed(stack: usize) -> Notice {
        Notice::Missed {
            namespace: "team".into(),
            stack: stack.to_string(),
        }
    }

    #[test]
    fn notices_come_in_order_and_the_stream_does_not_end() {
        let feed = Feed::default();
        feed.send(missed(0));
        let mut notices = Box::pin(feed.notices());
        feed.send(missed(1));
        feed.send(missed(2));
        assert_eq!(notices.next().now_or_never(), Some(Some(missed(1))));
        assert_eq!(notices.next().now_or_never(), Some(Some(missed(2))));
        drop(feed);
        assert_eq!(notices.next().now_or_never(), None);
    }

    #[test]
    fn a_reader_that_falls_behind_is_told_to_look_at_everything() {
        let feed = Feed::default();
        let mut notices = Box::pin(feed.notices());
        for n in 0..=ROOM {
            feed.send(missed(n));
        }
        assert_eq!(notices.next().now_or_never(), Some(Some(Notice::Lagged)));
        assert_eq!(notices.next().now_or_never(), Some(Some(missed(1))));
    }
}
