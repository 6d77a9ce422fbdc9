//! Series: what recurs, what was done of it, and its end.

use axum::{
    Json,
    http::{HeaderMap, StatusCode},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{instances::instances_after, recurrence::SeriesSpec, task::Task};
use runtime::auth;
use serde::Serialize;
use store::{
    Owner,
    series::{Completion, Series},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::tasks::{Written, changed_meanwhile, now, require_match, writer, writer_alone};
use crate::{
    error::{Error, Result},
    openapi::parameters::{Cursor, PageSize},
    path::Id,
    query::{Parameters, page_of},
    state::Gateway,
    view::{Recurrence, TaskPage, TaskView},
};

/// A series that goes on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeriesView {
    /// The id of its first task.
    id: Uuid,
    /// That of the instances from the next one on.
    title: String,
    /// Its rule in words, such as "every month on the last Friday at 09:00, Europe/Berlin", and what the
    /// next change of clocks does to it.
    description: String,
    #[schema(value_type = Recurrence)]
    recurrence: SeriesSpec,
    /// Of the open instances the one that is due first.
    current: TaskView,
    /// When the instance behind that would be due, were that completed now; absent: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<DateTime<Utc>>,
    /// Open instances.
    open: i64,
    /// Completed instances.
    completed: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_completed_at: Option<DateTime<Utc>>,
}

impl SeriesView {
    /// `None` for a rule that was taken once and cannot be read any more.
    fn of(series: Series, zone: Tz, now: DateTime<Utc>) -> Option<Self> {
        let Series { current, counts } = series;
        let spec = current.recurrence.clone()?;
        let compiled = domain::recurrence::Series::compile(&spec, zone).ok()?;
        let next = instances_after(&current, now, zone).ok()?;
        let due = next.first().and_then(|next| next.due);
        Some(Self {
            id: counts.series,
            title: match &current.following {
                Some(following) => following.title.clone(),
                None => current.title.clone(),
            },
            description: compiled.describe(now),
            recurrence: spec,
            next: due.map(|due| domain::task::due_at(&due, zone)),
            current: current.into(),
            open: counts.open,
            completed: counts.completed,
            last_completed_at: counts.last_completed_at,
        })
    }
}

/// A page of series.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeriesPage {
    items: Vec<SeriesView>,
    /// Send it as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists the series that go on.
#[utoipa::path(
    get,
    path = "/v1/series",
    operation_id = "listSeries",
    tag = "series",
    params(
        ("limit" = inline(Option<PageSize>), Query),
        ("cursor" = Option<Uuid>, Query, description = "`nextCursor` of the page before"),
    ),
    responses(
        (status = 200, body = SeriesPage),
    )
)]
pub(super) async fn list(
    gateway: Gateway,
    auth::User(user): auth::User,
    mut parameters: Parameters,
) -> Result<Json<SeriesPage>> {
    let limit = parameters.limit();
    let after: Option<Uuid> = parameters.cursor(|text| text.parse().ok());
    parameters.finish()?;
    let mut conn = gateway.store.acquire().await?;
    let zone = store::users::by_id(&mut conn, user)
        .await?
        .ok_or_else(Error::no_account)?
        .zone();
    let found =
        store::series::list(&mut conn, Owner::of(user), after, i64::from(limit) + 1).await?;
    let (found, more) = page_of(found, limit);
    let last = found.last().map(|series| series.counts.series.to_string());
    let now = now();
    let items = found
        .into_iter()
        .filter_map(|series| SeriesView::of(series, zone, now));
    Ok(Json(SeriesPage {
        items: items.collect(),
        next_cursor: last.filter(|_| more),
    }))
}

/// Lists the completed instances of a series, the last first.
#[utoipa::path(
    get,
    path = "/v1/series/{id}/completions",
    operation_id = "listSeriesCompletions",
    tag = "series",
    params(
        ("id" = Uuid, Path, description = "`series` of a task"),
        ("limit" = inline(Option<PageSize>), Query),
        ("cursor" = inline(Option<Cursor>), Query, description = "`nextCursor` of the page before"),
    ),
    responses(
        (status = 200, body = TaskPage),
    )
)]
pub(super) async fn completions(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
    mut parameters: Parameters,
) -> Result<Json<TaskPage>> {
    let limit = parameters.limit();
    let before = parameters.cursor(read_place);
    parameters.finish()?;
    let owner = Owner::of(user);
    let mut conn = gateway.store.acquire().await?;
    if !store::series::exists(&mut conn, owner, id).await? {
        return Err(Error::not_found("series"));
    }
    let wanted = i64::from(limit) + 1;
    let tasks = store::series::completions(&mut conn, owner, id, before, wanted).await?;
    let (tasks, more) = page_of(tasks, limit);
    Ok(Json(TaskPage {
        next_cursor: tasks.last().filter(|_| more).and_then(write_place),
        items: tasks.into_iter().map(TaskView::from).collect(),
        ..TaskPage::default()
    }))
}

fn write_place(task: &Task) -> Option<String> {
    let micros = task.completed_at?.timestamp_micros();
    Some(URL_SAFE_NO_PAD.encode(format!("{micros}:{}", task.id)))
}

fn read_place(cursor: &str) -> Option<Completion> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (micros, id) = text.split_once(':')?;
    Some((crate::cursor::time(micros)?, id.parse().ok()?))
}

/// Ends a series: no more instances come. The open one stays, as a task that does not recur; what was
/// completed stays in its history.
#[utoipa::path(
    post,
    path = "/v1/series/{id}/end",
    operation_id = "endSeries",
    tag = "series",
    params(("id" = Uuid, Path, description = "`series` of a task")),
    responses(
        (status = 204, description = "It is over, as it may have been before."),
    )
)]
pub(super) async fn end(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
) -> Result<StatusCode> {
    let mut tx = gateway.store.begin().await?;
    writer_alone(&mut tx, user).await?;
    if !store::series::end(&mut tx, Owner::of(user), id, now()).await? {
        return Err(Error::not_found("series"));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Skips an occurrence: an open task of a series becomes the one that would follow, were it completed now.
/// It keeps its id and its subtasks; what was edited of it alone is forgotten.
#[utoipa::path(
    post,
    path = "/v1/tasks/{id}/skip",
    operation_id = "skipOccurrence",
    tag = "tasks",
    params(
        ("id" = Uuid, Path),
        ("if-match" = Option<String>, Header, description = "The `ETag` of the version to be skipped."),
    ),
    responses(
        (status = 200, body = TaskView, headers(("etag" = String))),
        (status = 409, description = "It does not recur, is completed, or nothing follows it that is not there already."),
    )
)]
pub(super) async fn skip(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Written> {
    let now = now();
    let mut tx = gateway.store.begin().await?;
    let zone = writer(&mut tx, user).await?.zone();
    let task = store::tasks::get_for_update(&mut tx, user, id)
        .await?
        .ok_or_else(|| Error::not_found("task"))?;
    require_match(&headers, task.version)?;
    let conflict = |why: &str| Error::new(StatusCode::CONFLICT, why);
    if task.completed_at.is_some() {
        return Err(conflict(
            "the task is completed; what follows it comes by itself",
        ));
    }
    if task.recurrence.is_none() {
        return Err(conflict(
            "the task does not recur; give it another due date",
        ));
    }
    let next = instances_after(&task, now, zone)?;
    let wanted: Vec<String> = next
        .iter()
        .filter_map(|next| next.occurrence.clone())
        .collect();
    let series = task.series.unwrap_or(task.id);
    let there = store::series::occurrences(&mut tx, Owner::of(user), series, &wanted).await?;
    let next = next.into_iter().find(|next| {
        let occurrence = next.occurrence.as_ref();
        occurrence.is_some_and(|occurrence| !there.contains(occurrence))
    });
    let next = next.ok_or_else(|| {
        conflict("nothing follows it that is not there already; complete or delete it")
    })?;
    let skipped = Task {
        id: task.id,
        ..next
    };
    let task = store::tasks::update(&mut tx, &skipped, zone, now)
        .await?
        .ok_or_else(changed_meanwhile)?;
    tx.commit().await?;
    Ok(Written(StatusCode::OK, task))
}
