//! A task from one line of English.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use domain::{
    project::name_key,
    quick_add::{Part, PartKind, QuickAdd, QuickAddError, Span, parse},
    task::{ReminderSpec, Task},
};
use runtime::{Problem, auth};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use store::Owner;
use utoipa::ToSchema;
use uuid::Uuid;

use super::tasks::{created, now};
use crate::{
    body::Body,
    error::{Error, Result},
    state::Gateway,
    view::{DueInput, ReminderInput, TaskInput, TaskView},
};

/// A line to be read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QuickInput {
    /// Such as `pay rent every month on the 1st at 9 p1 #home @bank remind me 1 day before`; see
    /// docs/quick-add.md. At most 2,000 characters.
    #[schema(min_length = 1, max_length = 2000)]
    line: String,
    /// The id of the new task, as in `POST /v1/tasks`.
    #[serde(default)]
    id: Option<Uuid>,
    /// Read it only, and make no task.
    #[serde(default)]
    dry_run: bool,
}

/// A line as it was read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuickView {
    /// What `POST /v1/tasks` takes to make the same task.
    input: TaskInput,
    /// The parts that were understood, in the order of the line; the rest is the title.
    #[schema(value_type = Vec<PartView>)]
    parts: Vec<Part>,
    /// The task, unless it was a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<TaskView>,
}

/// A part of the line that was understood.
#[derive(ToSchema)]
#[schema(as = QuickAddPart)]
#[allow(
    dead_code,
    reason = "describes domain::quick_add::Part, which knows no OpenAPI"
)]
pub(crate) struct PartView {
    /// Where it stands, in UTF-16 code units: `line.slice(start, end)` in JavaScript.
    #[schema(value_type = SpanView)]
    span: SpanView,
    /// What it says something of; a `mark` is punctuation that belongs to no part and to no title.
    #[schema(value_type = PartKindName)]
    kind: PartKindName,
    /// What it was read as, in words; empty for a mark.
    reading: String,
}

/// A place in a line.
#[derive(ToSchema)]
#[schema(as = QuickAddSpan)]
#[allow(
    dead_code,
    reason = "describes domain::quick_add::Span, which knows no OpenAPI"
)]
pub(crate) struct SpanView {
    start: usize,
    end: usize,
}

/// What a part says something of.
#[derive(ToSchema)]
#[schema(as = QuickAddKind, rename_all = "camelCase")]
#[allow(
    dead_code,
    reason = "describes domain::quick_add::PartKind, which knows no OpenAPI"
)]
pub(crate) enum PartKindName {
    Project,
    Tag,
    Priority,
    Date,
    Time,
    Recurrence,
    Reminder,
    Mark,
}

/// Makes a task of one line of English, read in the user's zone, and tells what each part of it was read
/// as. What is not understood stays in the title.
#[utoipa::path(
    post,
    path = "/v1/tasks/quick",
    operation_id = "quickAddTask",
    tag = "tasks",
    request_body = QuickInput,
    responses(
        (status = 201, body = QuickView),
        (status = 200, description = "A dry run, or it was created by an earlier request.", body = QuickView),
        (status = 409, description = "The id belongs to a task of other content."),
        (status = 422, description = "Something cannot be read as it was meant; the message names its place."),
    )
)]
pub(super) async fn quick(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Body(quick): Body<QuickInput>,
) -> Result<Response> {
    let mut conn = gateway.store.acquire().await?;
    let user = store::users::by_id(&mut conn, owner).await?;
    let zone = user.ok_or_else(Error::no_account)?.zone();
    let read = parse(&quick.line, now().with_timezone(&zone)).map_err(|error| refused(&error))?;
    let project = match &read.project {
        Some(name) => Some(project(&mut conn, owner, name, &read.parts).await?),
        None => None,
    };
    conn.release();
    let (input, parts) = input_of(read, quick.id, project)?;
    let (status, task) = if quick.dry_run {
        (StatusCode::OK, None)
    } else {
        let (status, task) = created(&gateway, owner, input.clone()).await?;
        (status, Some(task))
    };
    let view = QuickView {
        input,
        parts,
        task: task.map(|task: Task| task.into()),
    };
    Ok((status, Json(view)).into_response())
}

fn refused(error: &QuickAddError) -> Error {
    at(error.span, &error.to_string())
}

/// 422 for a place of the line.
fn at(Span { start, end }: Span, message: &str) -> Error {
    Error::field("line", format!("characters {start} to {end}: {message}"))
}

/// The project of this name.
async fn project(conn: &mut PgConnection, owner: Uuid, name: &str, parts: &[Part]) -> Result<Uuid> {
    let found = store::projects::by_name(conn, Owner::of(owner), &name_key(name)).await?;
    found.ok_or_else(|| {
        let part = parts.iter().find(|part| part.kind == PartKind::Project);
        let span = part.map_or(Span { start: 0, end: 0 }, |part| part.span);
        at(
            span,
            "you have no project of this name; make it first, or write a backslash before it to keep it in the title",
        )
    })
}

/// What was read, as `POST /v1/tasks` takes it.
fn input_of(
    read: QuickAdd,
    id: Option<Uuid>,
    project: Option<Uuid>,
) -> Result<(TaskInput, Vec<Part>)> {
    let recurrence = read.recurrence.as_ref().map(serde_json::to_value);
    let input = TaskInput {
        id,
        title: read.title,
        description: String::new(),
        priority: read.priority.unwrap_or_default(),
        tags: read.tags,
        project,
        parent: None,
        due: read.due.as_ref().map(DueInput::from),
        recurrence: recurrence.transpose().map_err(Problem::internal)?,
        reminders: read
            .reminders
            .into_iter()
            .map(|when| {
                ReminderInput::from(&ReminderSpec {
                    when,
                    channels: Vec::new(),
                })
            })
            .collect(),
    };
    Ok((input, read.parts))
}
