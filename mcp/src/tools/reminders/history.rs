//! What became of a reminder.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    api::Api,
    bound::window,
    refusal::Refusal,
    tool::{Effect, Tool},
};

/// Most events of one occurrence: the last ones.
const EVENTS: usize = 20;

/// Tells what became of a reminder.
pub(in crate::tools) struct History;

/// Which reminder.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::tools) struct Asked {
    /// Id of the reminder, from `get_task`.
    id: Uuid,
    /// Most occurrences of a page; absent: 10.
    #[serde(default = "page")]
    #[schemars(range(min = 1, max = 100))]
    limit: u32,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

fn page() -> u32 {
    10
}

/// What became of a reminder.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tools) struct Ledger {
    id: Uuid,
    /// Pending, Scheduled, Fired, Delivered, Failed, Missed or Cancelled.
    phase: String,
    /// What became of it, in a sentence.
    summary: String,
    /// Each time that it was to fire, the last first; one more with each snooze.
    occurrences: Vec<Occurrence>,
    /// Give it as `cursor` for those before them; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One time that a reminder was to fire.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Occurrence {
    /// From 0.
    occurrence: i32,
    /// When it was to fire, after all edits.
    planned_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm_set_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fired_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lateness_ms: Option<i64>,
    /// Why it failed or was missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    deliveries: Vec<Delivery>,
    /// What was done to it and what it did, the first first: the last 20.
    #[serde(default)]
    events: Vec<Event>,
}

/// One channel's part in a firing.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    channel: String,
    /// Pending, Delivered or Failed.
    state: String,
    attempts: i32,
    /// Why the last attempt that failed did.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<String>,
    /// While it is Pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<String>,
}

/// Something that happened to a reminder.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Event {
    at: String,
    /// Such as reminder.snoozed.
    #[serde(rename = "type")]
    kind: String,
    /// When the reminder was to fire from then on.
    fire_at: String,
    /// Why, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// Of which occurrence.
    #[serde(skip_serializing)]
    #[schemars(skip)]
    occurrence: i32,
}

/// As the REST interface gives it.
#[derive(Deserialize)]
struct Found {
    id: Uuid,
    phase: String,
    summary: String,
    occurrences: Vec<Occurrence>,
    events: Vec<Event>,
}

impl Tool for History {
    const NAME: &'static str = "reminder_history";
    const TITLE: &'static str = "Tell what became of a reminder";
    const DESCRIPTION: &'static str = "Tells what happened to a reminder and why it came, came late or did not: \
        each time that it was to fire, its deliveries, edits, snoozes and cancel.";
    const EFFECT: Effect = Effect::Reads;
    type Input = Asked;
    type Output = Ledger;

    async fn call(api: &Api<'_>, asked: Asked) -> Result<Ledger, Refusal> {
        let path = format!("/v1/reminders/{}/history", asked.id);
        let mut found: Found = api.get(&path, &()).await?;
        for event in found.events {
            let of_it = |there: &&mut Occurrence| there.occurrence == event.occurrence;
            if let Some(occurrence) = found.occurrences.iter_mut().find(of_it) {
                occurrence.events.push(event);
            }
        }
        for occurrence in &mut found.occurrences {
            let events = &mut occurrence.events;
            events.drain(..events.len().saturating_sub(EVENTS));
        }
        found.occurrences.reverse();
        let (occurrences, next_cursor) =
            window(found.occurrences, asked.cursor.as_deref(), asked.limit)?;
        Ok(Ledger {
            id: found.id,
            phase: found.phase,
            summary: found.summary,
            occurrences,
            next_cursor,
        })
    }
}
