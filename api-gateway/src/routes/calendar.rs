//! The user's tasks as a calendar that other programs subscribe to: they know nothing of tokens, so that its
//! address is the secret.

use axum::{
    Json,
    extract::{Path, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use domain::{
    icalendar::{self, Shape},
    secret_token,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use store::{Owner, calendar_feeds};
use utoipa::ToSchema;

use super::users::NO_STORE;
use crate::{
    authorize::Session,
    error::{Error, Result},
    query::Parameters,
    random,
    state::Gateway,
};

/// What programs that subscribe keep for so many seconds at the least.
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=300");

const CALENDAR: HeaderValue = HeaderValue::from_static("text/calendar; charset=utf-8");

/// Bytes of the hash that is the `ETag`.
const TAG_BYTES: usize = 16;

/// The address of the user's calendar.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CalendarView {
    /// The path on this gateway, with the secret in it: shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    created_at: DateTime<Utc>,
    /// When a program last read it, to within an hour; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_at: Option<DateTime<Utc>>,
}

impl From<calendar_feeds::CalendarFeed> for CalendarView {
    fn from(feed: calendar_feeds::CalendarFeed) -> Self {
        Self {
            path: None,
            created_at: feed.created_at,
            read_at: feed.read_at,
        }
    }
}

/// Tells whether the user's calendar has an address, and when that was last read.
#[utoipa::path(
    get,
    path = "/v1/me/calendar",
    operation_id = "getCalendar",
    tag = "accounts",
    responses(
        (status = 200, body = CalendarView),
        (status = 404, description = "It has none."),
    )
)]
pub(super) async fn get(gateway: Gateway, session: Session) -> Result<Json<CalendarView>> {
    let mut conn = gateway.store.acquire().await?;
    let feed = calendar_feeds::get(&mut conn, session.user).await?;
    let feed = feed.ok_or_else(|| Error::not_found("calendar"))?;
    Ok(Json(feed.into()))
}

/// Gives the user's calendar an address, for programs that subscribe to calendars; one that it had is good for
/// nothing any more. The answer alone holds it: whoever has it reads all of the user's tasks that are due.
#[utoipa::path(
    post,
    path = "/v1/me/calendar",
    operation_id = "createCalendar",
    tag = "accounts",
    responses(
        (status = 201, body = CalendarView),
    )
)]
pub(super) async fn create(gateway: Gateway, session: Session) -> Result<impl IntoResponse> {
    let text = secret_token::text(secret_token::CALENDAR, random::bytes()?);
    let hash = secret_token::hash(&text);
    let mut conn = gateway.store.acquire().await?;
    let feed = calendar_feeds::put(&mut conn, session.user, hash, Utc::now()).await?;
    let feed = feed.ok_or_else(Error::no_account)?;
    let answer = CalendarView {
        path: Some(format!("/v1/calendars/{text}.ics")),
        ..feed.into()
    };
    Ok((StatusCode::CREATED, NO_STORE, Json(answer)))
}

/// Takes the address of the user's calendar away: who subscribed to it gets nothing from now on.
#[utoipa::path(
    delete,
    path = "/v1/me/calendar",
    operation_id = "deleteCalendar",
    tag = "accounts",
    responses(
        (status = 204),
        (status = 404, description = "It has none."),
    )
)]
pub(super) async fn delete(gateway: Gateway, session: Session) -> Result<StatusCode> {
    let mut conn = gateway.store.acquire().await?;
    if calendar_feeds::delete(&mut conn, session.user).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::not_found("calendar"))
    }
}

/// What tasks are in the calendar.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase", default = "events")]
#[allow(dead_code, reason = "a shape of the document")]
pub(crate) enum CalendarShape {
    Events,
    Todos,
}

/// The calendar (iCalendar, RFC 5545): the open tasks that are due, 2,000 at most, those first that are due
/// first. Recurring ones with their rule, or where no RRULE says it with their next occurrences; reminders as
/// alarms.
#[utoipa::path(
    get,
    path = "/v1/calendars/{file}",
    operation_id = "readCalendar",
    tag = "tasks",
    security(()),
    params(
        ("file" = String, Path, description = "The secret, with or without `.ics`: see `POST /v1/me/calendar`"),
        ("as" = inline(Option<CalendarShape>), Query, description = "`events`, which every calendar shows, or `todos`"),
        ("if-none-match" = Option<String>, Header, description = "`ETag` of an earlier answer"),
    ),
    responses(
        (status = 200, content_type = "text/calendar", body = String),
        (status = 304, description = "It is as it was."),
    )
)]
pub(super) async fn read(
    gateway: Gateway,
    file: std::result::Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<Response> {
    let shape = parameters.word("as", &[("events", Shape::Event), ("todos", Shape::ToDo)]);
    parameters.finish()?;
    let unknown = || Error::not_found("calendar");
    let Path(file) = file.map_err(|_| unknown())?;
    let secret = file.strip_suffix(".ics").unwrap_or(&file);
    let now = Utc::now();
    let mut conn = gateway.store.acquire().await?;
    let user = calendar_feeds::read(&mut conn, secret_token::hash(secret), now).await?;
    let user = user.ok_or_else(unknown)?;
    let account = store::users::by_id(&mut conn, user).await?;
    let zone = account.ok_or_else(unknown)?.zone();
    let tasks = calendar_feeds::tasks(&mut conn, Owner::of(user)).await?;
    conn.release();
    let text = icalendar::calendar(&tasks, shape, zone, now);
    let hash = Sha256::digest(&text);
    let tag: String = hash
        .iter()
        .take(TAG_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("\"{tag}\"");
    let is_known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| known.trim().trim_start_matches("W/") == tag);
    let about = [
        (header::CACHE_CONTROL, CACHE),
        (
            header::ETAG,
            HeaderValue::try_from(tag).map_err(runtime::Problem::internal)?,
        ),
    ];
    Ok(if is_known {
        (StatusCode::NOT_MODIFIED, about).into_response()
    } else {
        (about, [(header::CONTENT_TYPE, CALENDAR)], text).into_response()
    })
}
