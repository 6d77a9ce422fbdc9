//! Single reminders.

use axum::{Json, http::StatusCode};
use chrono::{DateTime, Utc};
use domain::{history::History, internal_api, snooze};
use runtime::auth;
use serde::{Deserialize, Serialize};
use store::reminders::{Snoozed, Whose};
use utoipa::ToSchema;
use uuid::Uuid;

use super::tasks::now;
use crate::{
    body::Body,
    error::{Error, Result},
    path::Id,
    state::Gateway,
};

/// For how long, or until when, a reminder is put off: exactly one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Snooze {
    /// 1 to 527,040, a year.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 527_040)]
    minutes: Option<i64>,
    /// RFC 3339; in the future and at most a year ahead.
    #[serde(default)]
    #[schema(format = "date-time")]
    until: Option<String>,
}

/// A reminder that was put off.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SnoozedReminder {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<Uuid>,
    /// When it fires now.
    fire_at: DateTime<Utc>,
    /// `Pending`, or `Scheduled` once its alarm is set.
    phase: &'static str,
}

impl From<internal_api::ReminderView> for SnoozedReminder {
    fn from(view: internal_api::ReminderView) -> Self {
        Self {
            id: view.id,
            task_id: view.task_id,
            fire_at: view.fire_at,
            phase: view.phase.as_str(),
        }
    }
}

/// Puts a reminder off, whether or not it has fired. An edit of its task that leaves the reminder's own
/// time as it is leaves it put off.
#[utoipa::path(
    post,
    path = "/v1/reminders/{id}/snooze",
    operation_id = "snoozeReminder",
    tag = "reminders",
    params(("id" = Uuid, Path, description = "One of `GET /v1/tasks/{id}/reminders`.")),
    request_body = Snooze,
    responses(
        (status = 200, body = SnoozedReminder),
        (status = 409, description = "It is cancelled or held back, or its task is completed or deleted."),
    )
)]
pub(super) async fn snooze(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Id(id): Id,
    Body(body): Body<Snooze>,
) -> Result<Json<SnoozedReminder>> {
    let now = now();
    let until = snooze::until(body.minutes, body.until.as_deref(), now)?;
    let mut tx = gateway.store.begin().await?;
    let whose = Whose::User(owner);
    match store::reminders::snooze(&mut tx, whose, id, until, now).await? {
        Snoozed::Until(view) => {
            tx.commit().await?;
            Ok(Json(SnoozedReminder::from(*view)))
        }
        Snoozed::Unknown => Err(Error::not_found("reminder")),
        Snoozed::Refused(why) => Err(Error::new(StatusCode::CONFLICT, why)),
    }
}

/// Tells what happened to a reminder, and why: each time that it was to fire, its alarm, its
/// deliveries, and its edits, snoozes and cancel.
#[utoipa::path(
    get,
    path = "/v1/reminders/{id}/history",
    operation_id = "getReminderHistory",
    tag = "reminders",
    params(("id" = Uuid, Path, description = "One of `GET /v1/tasks/{id}/reminders`.")),
    responses(
        (status = 200, body = HistoryView),
    )
)]
pub(super) async fn history(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Id(id): Id,
) -> Result<Json<History>> {
    let mut conn = gateway.store.acquire().await?;
    store::reminders::history(&mut conn, Some(owner), id)
        .await?
        .map(Json)
        .ok_or_else(|| Error::not_found("reminder"))
}

/// What happened to a reminder.
#[derive(ToSchema)]
#[schema(as = ReminderHistory, rename_all = "camelCase")]
#[allow(
    dead_code,
    reason = "the shape of domain::history::History, for the document"
)]
pub(crate) struct HistoryView {
    id: Uuid,
    /// `Pending`, `Scheduled`, `Fired`, `Delivered`, `Failed`, `Missed` or `Cancelled`.
    phase: String,
    /// What became of it, in a sentence.
    summary: String,
    /// Each time that it was to fire, the first first; one more with each snooze.
    occurrences: Vec<OccurrenceView>,
    /// Oldest first; it follows what happens within moments.
    events: Vec<HappeningView>,
}

/// One time that a reminder was to fire.
#[derive(ToSchema)]
#[schema(as = ReminderOccurrence, rename_all = "camelCase")]
#[allow(dead_code, reason = "as above")]
pub(crate) struct OccurrenceView {
    /// From 0.
    occurrence: i32,
    /// When it was to fire, after all edits.
    planned_at: DateTime<Utc>,
    /// One more with each edit of its time.
    generations: Vec<i64>,
    alarm_set_at: Option<DateTime<Utc>>,
    fired_at: Option<DateTime<Utc>>,
    lateness_ms: Option<i64>,
    /// What made it fire: `alarm`, or `sweep` when that was faster.
    path: Option<String>,
    /// Why it failed or was missed.
    reason: Option<String>,
    deliveries: Vec<DeliveryView>,
}

/// One channel's part in a firing.
#[derive(ToSchema)]
#[schema(as = ReminderDelivery, rename_all = "camelCase")]
#[allow(dead_code, reason = "as above")]
pub(crate) struct DeliveryView {
    channel: String,
    /// `Pending`, `Delivered` or `Failed`.
    state: String,
    attempts: i32,
    /// Why the last attempt that failed did.
    last_error: Option<String>,
    delivered_at: Option<DateTime<Utc>>,
    /// While it is `Pending`.
    next_attempt_at: Option<DateTime<Utc>>,
}

/// Something that happened to a reminder.
#[derive(ToSchema)]
#[schema(as = ReminderHappening, rename_all = "camelCase")]
#[allow(dead_code, reason = "as above")]
pub(crate) struct HappeningView {
    at: DateTime<Utc>,
    /// Such as `reminder.snoozed`; `reminder.stale` is an alarm set before an edit, which did nothing.
    r#type: String,
    occurrence: i32,
    generation: i64,
    /// When the reminder was to fire from then on.
    fire_at: DateTime<Utc>,
    /// Why, where that is known.
    cause: Option<String>,
}
