//! The channels that a stack has, by kind.

use async_trait::async_trait;
use domain::{
    reminder::{Channel, ChannelKind},
    wording::Wording,
};
use store::channels::StoredChannel;

use super::{
    binding::Bindings,
    email::Email,
    ntfy::Ntfy,
    retry::Retry,
    sender::{Attempt, Message, Sender},
    slack::Slack,
    web_push::WebPush,
    webhook::Webhooks,
};

/// One sender for each kind of channel; a kind that the stack does not have is absent.
pub struct Senders {
    /// Webhooks.
    pub webhooks: Webhooks,
    /// E-mails.
    pub email: Option<Email>,
    /// ntfy.
    pub ntfy: Option<Ntfy>,
    /// Slack.
    pub slack: Option<Slack>,
    /// Output bindings of Dapr.
    pub bindings: Option<Bindings>,
    /// Web Push.
    pub web_push: Option<WebPush>,
    /// When they are tried again.
    pub retry: Retry,
    /// What messages say; absent: what they say by themselves.
    pub wording: Option<Wording>,
}

/// Webhooks alone.
impl From<Webhooks> for Senders {
    fn from(webhooks: Webhooks) -> Self {
        Self {
            webhooks,
            email: None,
            ntfy: None,
            slack: None,
            bindings: None,
            web_push: None,
            retry: Retry::default(),
            wording: None,
        }
    }
}

impl Senders {
    /// A stored channel is served as what it is stored as.
    pub(super) fn kind(channel: &Channel, stored: Option<&StoredChannel>) -> ChannelKind {
        stored.map_or_else(|| channel.kind(), StoredChannel::kind)
    }

    fn of(&self, kind: ChannelKind) -> Option<&dyn Sender> {
        fn some<S: Sender>(sender: &Option<S>) -> Option<&dyn Sender> {
            sender.as_ref().map(|sender| sender as &dyn Sender)
        }
        match kind {
            ChannelKind::Webhook => Some(&self.webhooks),
            ChannelKind::Email => some(&self.email),
            ChannelKind::Ntfy => some(&self.ntfy),
            ChannelKind::Slack => some(&self.slack),
            ChannelKind::Binding => some(&self.bindings),
            ChannelKind::WebPush => some(&self.web_push),
        }
    }
}

#[async_trait]
impl Sender for Senders {
    fn receiver(&self, channel: &Channel, stored: Option<&StoredChannel>) -> String {
        self.of(Self::kind(channel, stored)).map_or_else(
            || "nowhere".into(),
            |sender| sender.receiver(channel, stored),
        )
    }

    async fn send(&self, message: Message<'_>) -> Attempt {
        let kind = Self::kind(message.channel, message.stored);
        match self.of(kind) {
            Some(sender) => sender.send(message).await,
            None => Attempt::GiveUp(format!(
                "the stack serves no {}; `spec.notifications` of the TodoStack says what it serves",
                kind.as_str()
            )),
        }
    }
}
