//! What a recurrence would do, before it is saved.

use axum::Json;
use chrono::{DateTime, Utc};
use domain::{
    error::FieldErrors,
    recurrence::{ClockChange, Series},
    task::RemindAt,
};
use runtime::auth;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::tasks::now;
use crate::{
    body::Body,
    error::{Error, Result},
    input::{check_at, check_due, check_recurrence, zone},
    openapi::texts::TimeZone,
    state::Gateway,
    view::{DueInput, Recurrence},
};

/// Most occurrences of a preview.
const MOST: u32 = 100;

/// A recurrence that is not saved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PreviewInput {
    /// As in a task.
    #[schema(value_type = Recurrence)]
    recurrence: Value,
    /// When the task would be due.
    due: DueInput,
    /// IANA zone of the one whose task it would be; absent: the user's.
    #[serde(default)]
    #[schema(value_type = Option<TimeZone>, inline)]
    time_zone: Option<String>,
    /// How many occurrences, 1 to 100; 5 when absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100)]
    count: Option<u32>,
    /// Those later than this instant; absent: than now.
    #[serde(default)]
    #[schema(format = "date-time")]
    after: Option<String>,
}

/// What a recurrence would do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PreviewView {
    /// In words, such as "every month on the last Friday at 09:00, Europe/Berlin".
    description: String,
    /// By the rule. One that counts from completion has them when each is completed on its day.
    occurrences: Vec<OccurrenceView>,
    /// What the next change of clocks does, when one comes within 400 days and the series goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ClockChangeView>)]
    clock_change: Option<ClockChange>,
}

/// One occurrence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OccurrenceView {
    /// Its local time, or its day, as the clock shows it.
    local: String,
    /// Its instant; of a day its beginning.
    at: DateTime<Utc>,
}

/// A change of clocks.
#[derive(ToSchema)]
#[schema(as = ClockChange)]
#[allow(
    dead_code,
    reason = "describes domain::recurrence::ClockChange, which knows no OpenAPI"
)]
pub(crate) struct ClockChangeView {
    at: DateTime<Utc>,
    /// By how much clocks go forward; negative: back.
    seconds: i64,
    /// In words, such as "clocks there go forward by 1 h on 28 March 2027: 02:30 does not exist that day,
    /// it comes at 03:30".
    text: String,
}

/// Tells the next occurrences of a recurrence, what it is in words, and what the next change of clocks does
/// to it.
#[utoipa::path(
    post,
    path = "/v1/recurrence/preview",
    operation_id = "previewRecurrence",
    tag = "recurrence",
    request_body = PreviewInput,
    responses(
        (status = 200, body = PreviewView),
    )
)]
pub(super) async fn preview(
    gateway: Gateway,
    auth::User(user): auth::User,
    Body(input): Body<PreviewInput>,
) -> Result<Json<PreviewView>> {
    let mut errors = FieldErrors::default();
    let said = input
        .time_zone
        .as_deref()
        .and_then(|name| zone(name, "timeZone", &mut errors));
    let zone = match said {
        Some(zone) => zone,
        None => {
            let mut conn = gateway.store.acquire().await?;
            let user = store::users::by_id(&mut conn, user).await?;
            user.ok_or_else(Error::no_account)?.zone()
        }
    };
    let count = input.count.unwrap_or(5);
    if !(1..=MOST).contains(&count) {
        errors.push("count", format!("must be from 1 to {MOST}"));
    }
    let now = now();
    let after = match &input.after {
        Some(text) => match check_at(text, "after", &mut errors) {
            Some(RemindAt::At { at }) => Some(at),
            _ => None,
        },
        None => Some(now),
    };
    let due = check_due(&input.due, zone, &mut errors);
    // A recurrence starts with its due date: without that, nothing could be said of it.
    let spec = due
        .as_ref()
        .and_then(|due| check_recurrence(input.recurrence, Some(due), zone, &mut errors));
    let (Some(spec), Some(after)) = (spec, after) else {
        return Err(errors.into());
    };
    errors.into_result(())?;
    let series = Series::compile(&spec, zone)?;
    let occurrences = series.upcoming(after, count as usize);
    Ok(Json(PreviewView {
        description: series.in_words(),
        occurrences: occurrences
            .into_iter()
            .map(|occurrence| OccurrenceView {
                local: occurrence.local.to_string(),
                at: occurrence.at,
            })
            .collect(),
        clock_change: series.next_clock_change(now),
    }))
}
