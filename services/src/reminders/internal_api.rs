//! The internal HTTP interface, see [`domain::internal_api`].

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{FromRequest, Path, Query, Request, State},
    http::{StatusCode, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{TimeDelta, Utc};
use domain::{
    error::FieldErrors,
    history::History,
    internal_api::{Changes, Lookup, ReminderList, ReminderPut, ReminderView, Snooze},
    snooze,
    task::limits,
};
use runtime::{Problem, auth::bearer};
use serde::{Deserialize, de::DeserializeOwned};
use store::reminders::{self, Cursor, Put, Snoozed, Whose};
use subtle::ConstantTimeEq;
use tower_http::limit::RequestBodyLimitLayer;
use uuid::Uuid;

use super::{Reminders, dead_letters_api};

/// Reminders of one answer, at most.
const PAGE: i64 = 500;

/// The longest that a long poll waits.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often a long poll looks.
const LOOK: Duration = Duration::from_millis(250);

/// Seconds of a year, as in the ReminderJob's schema.
const LONGEST_DEADLINE: i64 = 31_536_000;

/// Latest year of a reminder: beyond it, no client is right.
const LAST_YEAR: i32 = 9999;

/// The routes, behind the bearer token.
pub fn router(service: Arc<Reminders>, token: &str) -> Router {
    let token: Arc<str> = token.into();
    Router::new()
        .route(
            "/internal/v1/reminders/{id}",
            get(read).put(put).delete(cancel),
        )
        .route("/internal/v1/reminders/{id}/snooze", post(put_off))
        .route("/internal/v1/reminders/{id}/history", get(history))
        .route("/internal/v1/reminders/lookup", post(lookup))
        .route("/internal/v1/reminders/upcoming", get(upcoming))
        .route("/internal/v1/reminders/changes", get(changes))
        .merge(dead_letters_api::router())
        .layer(RequestBodyLimitLayer::new(limits::BODY))
        .layer(middleware::from_fn_with_state(token, check_token))
        .with_state(service)
}

async fn check_token(State(token): State<Arc<str>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if !is_ours(&parts, &token) {
        return Problem::unauthorized("send the stack's internal token").into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}

fn is_ours(parts: &Parts, token: &str) -> bool {
    bearer(&parts.headers).is_some_and(|sent| sent.as_bytes().ct_eq(token.as_bytes()).into())
}

/// A JSON body whose errors are problem documents.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Json(value) = Json::<T>::from_request(request, state)
            .await
            .map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
        Ok(Self(value))
    }
}

pub(super) fn failed(error: impl Into<anyhow::Error>) -> Problem {
    Problem::internal(format!("{:#}", error.into()))
}

async fn view(service: &Reminders, id: Uuid) -> Result<Json<ReminderView>, Problem> {
    let mut connection = service.store.acquire().await.map_err(failed)?;
    reminders::get(&mut connection, id)
        .await
        .map_err(failed)?
        .map(Json)
        .ok_or_else(|| Problem::not_found("reminder"))
}

async fn read(
    State(service): State<Arc<Reminders>>,
    Path(id): Path<Uuid>,
) -> Result<Json<ReminderView>, Problem> {
    view(&service, id).await
}

fn check(wanted: &ReminderPut) -> Result<(), FieldErrors> {
    use chrono::Datelike;
    let mut errors = FieldErrors::default();
    if wanted.message.trim().is_empty() || wanted.message.chars().count() > 2000 {
        errors.push("message", "must have 1 to 2000 characters");
    }
    if wanted.message.contains('\0') {
        errors.push("message", "must not contain the NUL character");
    }
    if !(1970..=LAST_YEAR).contains(&wanted.fire_at.year()) {
        errors.push("fireAt", "must lie between 1970 and 9999");
    }
    if wanted
        .deadline_seconds
        .is_some_and(|deadline| !(1..=LONGEST_DEADLINE).contains(&deadline))
    {
        errors.push("deadlineSeconds", "must be 1 to 31536000, a year");
    }
    errors.into_result(())
}

async fn put(
    State(service): State<Arc<Reminders>>,
    Path(id): Path<Uuid>,
    Body(wanted): Body<ReminderPut>,
) -> Result<Json<ReminderView>, Problem> {
    check(&wanted)?;
    if let Some(task) = wanted.task_id {
        let mut connection = service.store.acquire().await.map_err(failed)?;
        let owner = store::tasks::owner_of(&mut connection, task)
            .await
            .map_err(failed)?;
        if owner.is_none() {
            let mut errors = FieldErrors::default();
            errors.push("taskId", "there is no task of this id in the stack");
            return Err(errors.into());
        }
    }
    if service.put(id, &wanted).await.map_err(failed)? == Put::NotYours {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "the id belongs to a reminder that a user made",
        ));
    }
    view(&service, id).await
}

async fn cancel(
    State(service): State<Arc<Reminders>>,
    Path(id): Path<Uuid>,
) -> Result<Json<ReminderView>, Problem> {
    if !service.cancel(id).await.map_err(failed)? {
        return Err(Problem::not_found("reminder"));
    }
    view(&service, id).await
}

async fn put_off(
    State(service): State<Arc<Reminders>>,
    Path(id): Path<Uuid>,
    Body(wanted): Body<Snooze>,
) -> Result<Json<ReminderView>, Problem> {
    let now = Utc::now();
    let until = snooze::until(wanted.minutes, wanted.until.as_deref(), now)?;
    let mut transaction = service.store.begin().await.map_err(failed)?;
    let outcome = reminders::snooze(&mut transaction, Whose::Objects, id, until, now)
        .await
        .map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    match outcome {
        Snoozed::Until(_) => {
            service.settle(id).await;
            view(&service, id).await
        }
        Snoozed::Unknown => Err(Problem::not_found("reminder")),
        Snoozed::Refused(why) => Err(Problem::new(axum::http::StatusCode::CONFLICT, why)),
    }
}

async fn history(
    State(service): State<Arc<Reminders>>,
    Path(id): Path<Uuid>,
) -> Result<Json<History>, Problem> {
    let mut connection = service.store.acquire().await.map_err(failed)?;
    reminders::history(&mut connection, None, id)
        .await
        .map_err(failed)?
        .map(Json)
        .ok_or_else(|| Problem::not_found("reminder"))
}

async fn lookup(
    State(service): State<Arc<Reminders>>,
    Body(wanted): Body<Lookup>,
) -> Result<Json<ReminderList>, Problem> {
    if wanted.ids.len() > PAGE as usize {
        let mut errors = FieldErrors::default();
        errors.push("ids", format!("at most {PAGE} of them"));
        return Err(errors.into());
    }
    let mut connection = service.store.acquire().await.map_err(failed)?;
    let items = reminders::lookup(&mut connection, &wanted.ids)
        .await
        .map_err(failed)?;
    Ok(Json(ReminderList { items }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpcomingQuery {
    horizon_seconds: i64,
    limit: Option<i64>,
}

async fn upcoming(
    State(service): State<Arc<Reminders>>,
    Query(query): Query<UpcomingQuery>,
) -> Result<Json<ReminderList>, Problem> {
    let horizon =
        TimeDelta::try_seconds(query.horizon_seconds.clamp(0, 31_536_000)).unwrap_or_default();
    let mut connection = service.store.acquire().await.map_err(failed)?;
    let items = reminders::upcoming(
        &mut connection,
        Utc::now() + horizon,
        query.limit.unwrap_or(PAGE).clamp(0, 5000),
    )
    .await
    .map_err(failed)?;
    Ok(Json(ReminderList { items }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangesQuery {
    after: Option<String>,
    #[serde(default)]
    wait_seconds: u64,
    limit: Option<i64>,
}

async fn changes(
    State(service): State<Arc<Reminders>>,
    Query(query): Query<ChangesQuery>,
) -> Result<Json<Changes>, Problem> {
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let after: Cursor = match query.after {
        Some(text) => text
            .parse()
            .map_err(|wrong: &str| Problem::from(domain::error::FieldError::new("after", wrong)))?,
        None => {
            let mut connection = service.store.acquire().await.map_err(failed)?;
            Cursor::now(&mut connection).await.map_err(failed)?
        }
    };
    let mut connection = service.store.acquire().await.map_err(failed)?;
    if !after
        .is_of_this_server(&mut connection)
        .await
        .map_err(failed)?
    {
        return Err(Problem::new(
            StatusCode::GONE,
            "the database was restored or has failed over since this cursor: begin without one",
        ));
    }
    drop(connection);
    let wait = Duration::from_secs(query.wait_seconds).min(LONGEST_WAIT);
    let deadline = tokio::time::Instant::now() + wait;
    loop {
        // A connection for each look: a waiting follower holds none.
        let mut connection = service.store.acquire().await.map_err(failed)?;
        let (items, cursor) = reminders::changes(&mut connection, &after, limit)
            .await
            .map_err(failed)?;
        drop(connection);
        if !items.is_empty() || tokio::time::Instant::now() + LOOK > deadline {
            let cursor = cursor.to_string();
            return Ok(Json(Changes { items, cursor }));
        }
        tokio::time::sleep(LOOK).await;
    }
}
