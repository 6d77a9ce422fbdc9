//! Where a firing goes: what the service does with events.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    event::{Event, EventType, Topic},
    reminder::{Channel, ReminderEvent},
    task::Priority,
};
use serde::Deserialize as _;
use sqlx::PgConnection;
use store::{
    Transaction,
    channels::StoredChannel,
    deliveries::{self, Delivery, Plan, Target},
    inbox, quiet_hours, reminders,
};
use uuid::Uuid;

use super::{Notifications, Sender as _};
use crate::consumer::Consumer;

/// An event of a firing is expected within this time.
const EXPECTED: chrono::Duration = chrono::Duration::seconds(3);

/// What fired longer ago than this and is not served, the sweep of the reminders service redelivers.
const LOOK_BACK: chrono::Duration = chrono::Duration::minutes(10);

/// Firings that are looked for at once.
const AT_ONCE: i64 = 500;

/// The channels of users, oldest first.
type OfOwners = HashMap<Uuid, Vec<Arc<StoredChannel>>>;

impl Notifications {
    /// Notes where firings go, once for each event; what this process is to attempt.
    async fn plan(
        &self,
        firings: Vec<(&Event, ReminderEvent)>,
    ) -> Result<Vec<Delivery>, sqlx::Error> {
        let mut transaction = self.store.begin().await?;
        let ids: Vec<Uuid> = firings.iter().map(|(event, _)| event.id).collect();
        let mut accepted = inbox::accept(&mut transaction, self.name(), &ids).await?;
        let new: Vec<(Option<Uuid>, ReminderEvent)> = firings
            .into_iter()
            .filter(|(event, _)| accepted.take(event.id))
            .map(|(event, due)| (event.owner, due))
            .collect();
        self.plan_in(transaction, new).await
    }

    /// Notes where firings go whose event has not come for a while, straight from the store: a broker
    /// that is away makes no reminder late by more than that. What this process is to attempt.
    pub(super) async fn plan_overdue(&self) -> Result<Vec<Delivery>, sqlx::Error> {
        let now = Utc::now();
        let mut transaction = self.store.begin().await?;
        let span = now - LOOK_BACK..now - EXPECTED;
        let unserved = reminders::unserved(&mut transaction, span, AT_ONCE).await?;
        if unserved.is_empty() {
            return Ok(Vec::new());
        }
        tracing::warn!(
            reminders = unserved.len(),
            "their events have not come; they are served without"
        );
        self.plan_in(transaction, unserved).await
    }

    /// Notes where these firings go, and commits; what this process is to attempt.
    pub(super) async fn plan_in(
        &self,
        mut transaction: Transaction,
        mut new: Vec<(Option<Uuid>, ReminderEvent)>,
    ) -> Result<Vec<Delivery>, sqlx::Error> {
        let tasks: Vec<Uuid> = new.iter().filter_map(|(_, due)| due.task_id).collect();
        let priorities = deliveries::priorities(&mut transaction, &tasks).await?;
        for (_, due) in &mut new {
            due.priority = due.task_id.and_then(|task| priorities.get(&task).copied());
        }
        let owners: BTreeSet<Uuid> = new.iter().filter_map(|(owner, _)| *owner).collect();
        let owners: Vec<Uuid> = owners.into_iter().collect();
        let stored = self.stored.of_owners(&mut transaction, &owners).await?;
        let now = Utc::now();
        let quiet = quiet(&mut transaction, &owners, &new, now).await?;
        let mut coming: HashMap<String, usize> = HashMap::new();
        let mut all_held = true;
        let plans: Vec<Plan> = new
            .into_iter()
            .map(|(owner, due)| Plan {
                targets: self
                    .channels_of(owner, &due, &stored)
                    .into_iter()
                    .map(|channel| {
                        let lane = self.lane(owner, &channel, &stored);
                        let coming = coming.entry(lane.clone()).or_default();
                        let not_before = quiet.get(&due.reminder_id).copied();
                        let hold = not_before.is_none()
                            && self.is_alive()
                            && self.queue().room(&lane, *coming) > 0;
                        *coming += 1;
                        all_held &= hold;
                        Target {
                            channel,
                            lane,
                            hold,
                            not_before,
                        }
                    })
                    .collect(),
                owner,
                due,
            })
            .collect();
        let held = deliveries::plan_all(&mut transaction, &plans, self.id, now).await?;
        transaction.commit().await?;
        if !all_held {
            self.more.notify_one();
        }
        Ok(held)
    }

    /// The channels of a firing: those it names; else its owner's default ones; else the stack's.
    fn channels_of(
        &self,
        owner: Option<Uuid>,
        due: &ReminderEvent,
        stored: &OfOwners,
    ) -> Vec<Channel> {
        if !due.channels.is_empty() {
            return due.channels.clone();
        }
        let mut own: Vec<Channel> = owner
            .and_then(|owner| stored.get(&owner))
            .into_iter()
            .flatten()
            .filter(|channel| channel.is_default && channel.disabled_at.is_none())
            .map(|stored| stored.channel())
            .collect();
        if own.is_empty() && self.senders.webhooks.has_default() {
            own.push(Channel::Webhook {
                url: None,
                id: None,
            });
        }
        own
    }

    /// See [`Delivery::lane`].
    fn lane(&self, owner: Option<Uuid>, channel: &Channel, stored: &OfOwners) -> String {
        let stored = owner
            .and_then(|owner| stored.get(&owner))
            .into_iter()
            .flatten()
            .find(|stored| channel.stored_id() == Some(stored.id));
        let receiver = match (channel.stored_id(), stored) {
            (Some(_), None) => "removed".into(),
            (_, stored) => self.senders.receiver(channel, stored.map(|arc| &**arc)),
        };
        match owner {
            Some(owner) => format!("{owner}/{receiver}"),
            None => format!("-/{receiver}"),
        }
    }
}

/// The reminders that fire in their owner's quiet hours, with the end of these. Those of the tasks that
/// matter most are not among them.
async fn quiet(
    conn: &mut PgConnection,
    owners: &[Uuid],
    firings: &[(Option<Uuid>, ReminderEvent)],
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, DateTime<Utc>>, sqlx::Error> {
    let over: HashMap<Uuid, DateTime<Utc>> = quiet_hours::of_owners(conn, owners)
        .await?
        .into_iter()
        .filter_map(|hours| Some((hours.owner_id, hours.over(now)?)))
        .collect();
    Ok(firings
        .iter()
        .filter(|(_, due)| due.priority != Some(Priority::P1))
        .filter_map(|(owner, due)| Some((due.reminder_id, *over.get(owner.as_ref()?)?)))
        .collect())
}

#[async_trait]
impl Consumer for Notifications {
    fn name(&self) -> &'static str {
        "notifications"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::Reminders]
    }

    async fn handle(&self, events: &[Event]) -> anyhow::Result<()> {
        let due = events
            .iter()
            .filter(|event| event.kind == EventType::ReminderDue);
        let firings = due
            .map(|event| Ok((event, ReminderEvent::deserialize(&event.data)?)))
            .collect::<serde_json::Result<Vec<_>>>()?;
        if firings.is_empty() {
            return Ok(());
        }
        let held = self.plan(firings).await?;
        self.enqueue(held);
        Ok(())
    }
}
