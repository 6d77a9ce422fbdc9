//! The user's own trail.

use axum::Json;
use domain::event::EventType;
use runtime::auth;
use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value::Error as ValueError},
};
use store::audit::{Entry, Filter};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::Result,
    openapi::parameters::{Cursor, Direction, PageSize},
    query::Parameters,
    state::Gateway,
};

/// A page of the trail.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditPage {
    /// `seq` (its place in the trail), `eventId`, `type`, `subject` (the task, or a reminder of none),
    /// `actor` (who caused it: `type` is `app_user` with `id`, or `system`), `time`, `data`. The data of a
    /// task's write holds `changes`: by field, `before` and `after`.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Entry>,
    /// Send it as `cursor` for what follows; also on the last page. Oldest first, it can be asked with again
    /// later for what came meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Reads what happened to the user's tasks and reminders, in the order in which it was noted.
#[utoipa::path(
    get,
    path = "/v1/audit",
    operation_id = "listAudit",
    tag = "audit",
    params(
        ("task" = Option<Uuid>, Query, description = "Only what is about this task and its reminders"),
        ("type" = Option<String>, Query, description = "Only events of this type, such as `task.updated`"),
        ("since" = Option<DateTime<Utc>>, Query, description = "What happened at this instant or later"),
        ("before" = Option<DateTime<Utc>>, Query, description = "What happened earlier than this instant"),
        ("order" = inline(Option<Direction>), Query, description = "Oldest first, or newest first."),
        ("limit" = inline(Option<PageSize>), Query),
        ("cursor" = inline(Option<Cursor>), Query, description = "`nextCursor` of an earlier page, with the same `order`"),
    ),
    responses(
        (status = 200, body = AuditPage),
    )
)]
pub(super) async fn list(
    gateway: Gateway,
    auth::User(owner): auth::User,
    mut parameters: Parameters,
) -> Result<Json<AuditPage>> {
    let limit = parameters.limit();
    let filter = Filter {
        subject: task(&mut parameters),
        kind: kind(&mut parameters),
        since: parameters.instant("since"),
        before: parameters.instant("before"),
        descending: parameters.word("order", &[("asc", false), ("desc", true)]),
    };
    let place: Option<i64> = parameters.cursor(|text| text.parse().ok().filter(|seq| *seq >= 0));
    parameters.finish()?;
    let items = store::audit::list(&gateway.store, owner, &filter, place, i64::from(limit)).await?;
    let end = items.last().map(|entry| entry.seq).or(place);
    let next_cursor = end.map(|seq| seq.to_string());
    Ok(Json(AuditPage { items, next_cursor }))
}

fn task(parameters: &mut Parameters) -> Option<Uuid> {
    let id = parameters.one("task")?.parse().ok();
    if id.is_none() {
        parameters.errors.push("task", "must be the id of a task");
    }
    id
}

/// A type that lines of the trail have.
fn kind(parameters: &mut Parameters) -> Option<String> {
    let name = parameters.one("type")?;
    let event: std::result::Result<_, ValueError> =
        EventType::deserialize(name.as_str().into_deserializer());
    if event.is_err() && name != store::audit::STALE {
        let message = "must be a type of events, such as task.updated or reminder.due";
        parameters.errors.push("type", message);
    }
    Some(name)
}
