//! Files of tasks that are taken into an account: kept first, and worked off step by step.

mod place;
mod projects;
mod step;
mod work;

use axum::{
    Json,
    http::{StatusCode, header},
    response::IntoResponse,
};
use chrono::{DateTime, Utc};
use domain::transfer::{Format, Remark, Unreadable, tree};
use runtime::{Problem, auth, problem::BODY};
use serde::Serialize;
use sqlx::types::Json as Jsonb;
use store::{
    Owner,
    imports::{self, Import},
    projects::Archived,
};
use utoipa::ToSchema;
use uuid::Uuid;

pub use work::{import_next, run_imports};

use super::tasks::{now, writer_alone};
use crate::{
    body::FileText,
    error::{Error, Result},
    path::Id,
    query::Parameters,
    state::Gateway,
};

/// What a file of tasks is.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[allow(dead_code, reason = "a shape of the document")]
pub(crate) enum ImportFormat {
    Json,
    Csv,
    Ics,
    TodoistCsv,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ImportStatus {
    /// It is under way, or waits for its turn.
    Running,
    /// All of it was dealt with.
    Done,
    /// It was given up; what was made stays.
    Failed,
}

/// An import.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportView {
    id: Uuid,
    format: String,
    /// It only tells what would be done.
    dry_run: bool,
    status: ImportStatus,
    /// Tasks of the file.
    total: i32,
    /// Of these, dealt with so far: `created`, `existing` and some of `refused` together.
    taken: i32,
    created: i32,
    /// Tasks that an earlier import made, or that are in the account themselves. They stay as they are.
    existing: i32,
    /// Lines of the file that no task comes of; `remarks` say why.
    refused: i32,
    /// At most 1,000.
    #[schema(value_type = Vec<RemarkView>)]
    remarks: Vec<Remark>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<DateTime<Utc>>,
}

/// What is to be said of a line of the file.
#[derive(ToSchema)]
#[schema(as = ImportRemark)]
#[allow(
    dead_code,
    reason = "describes domain::transfer::Remark, which knows no OpenAPI"
)]
pub(crate) struct RemarkView {
    /// The line, from 1; of JSON the how-manieth task; 0 for the file as a whole.
    line: u32,
    /// No task comes of it. Otherwise one does, but for what is said here.
    refused: bool,
    /// What is wrong, and what was done about it.
    detail: String,
}

impl From<Import> for ImportView {
    fn from(import: Import) -> Self {
        let status = match (&import.failure, import.finished_at) {
            (Some(_), _) => ImportStatus::Failed,
            (None, Some(_)) => ImportStatus::Done,
            (None, None) => ImportStatus::Running,
        };
        Self {
            id: import.id,
            format: import.format,
            dry_run: import.dry_run,
            status,
            total: import.total,
            taken: import.taken,
            created: import.created,
            existing: import.existing,
            refused: import.refused,
            remarks: import.remarks.0,
            failure: import.failure,
            created_at: import.created_at,
            finished_at: import.finished_at,
        }
    }
}

/// Imports a file of tasks: at most 10 MiB and 10,000 tasks; see docs/import.md. The answer comes when the file
/// was read and is kept; `GET /v1/imports/{id}` tells how far it has come. Tasks that are there already stay as
/// they are, so that a file may be sent again.
#[utoipa::path(
    post,
    path = "/v1/imports",
    operation_id = "createImport",
    tag = "tasks",
    params(
        ("format" = inline(ImportFormat), Query),
        ("dryRun" = Option<bool>, Query, description = "Tell what would be done, and do nothing"),
        ("project" = Option<Uuid>, Query, description = "Id of the project that tasks go to which name none; absent: the inbox"),
    ),
    request_body(content((String = "text/csv"), (String = "text/calendar"), (Object = "application/json")), description = "The file, in UTF-8."),
    responses(
        (status = 202, description = "It is being worked on.", body = ImportView, headers(("location" = String))),
        (status = 409, description = "Another import of this user is under way."),
    )
)]
pub(super) async fn create(
    gateway: Gateway,
    auth::User(user): auth::User,
    mut parameters: Parameters,
    FileText(text): FileText,
) -> Result<impl IntoResponse> {
    let words = Format::ALL.map(|format| (format.as_str(), Some(format)));
    let format: Option<Format> = parameters.word("format", &words);
    let dry_run = parameters.flag("dryRun").unwrap_or_default();
    let project = parameters.one("project");
    let project_id: Option<Uuid> = project.as_deref().and_then(|id| id.parse().ok());
    if project.is_some() && project_id.is_none() {
        parameters.errors.push("project", NO_PROJECT);
    }
    parameters.finish()?;
    let format = format.ok_or_else(|| {
        let names = Format::ALL.map(Format::as_str).join(", ");
        Error::parameter("format", format!("must be one of {names}"))
    })?;
    let now = now();
    let zone = {
        let mut conn = gateway.store.acquire().await?;
        let zone = store::users::by_id(&mut conn, user).await?;
        let running = imports::running(&mut conn, Owner::of(user)).await?;
        conn.release();
        if let Some(id) = running {
            return Err(under_way(id));
        }
        zone.ok_or_else(Error::no_account)?.zone()
    };
    // One at a time: what is read takes several times the memory of the file.
    let permit = gateway.reading.acquire().await.map_err(Problem::internal)?;
    let read = tokio::task::spawn_blocking(move || {
        let mut file = format.read(&text, zone, now)?;
        let total = tree(&mut file).len();
        Ok::<_, Unreadable>((file, total, text))
    });
    let read = read.await.map_err(Problem::internal)?;
    drop(permit);
    let (file, total, text) = read.map_err(|why| Error::field(BODY, why.to_string()))?;
    let import = Import {
        id: Uuid::now_v7(),
        owner_id: user,
        format: format.as_str().to_owned(),
        dry_run,
        project_id,
        total: count(total),
        taken: 0,
        created: 0,
        existing: 0,
        refused: i32::try_from(file.refused).unwrap_or(i32::MAX),
        remarks: Jsonb(file.remarks),
        failure: None,
        created_at: now,
        finished_at: None,
    };
    let mut tx = gateway.store.begin().await?;
    writer_alone(&mut tx, user).await?;
    if let Some(id) = project_id {
        let open = store::projects::list(&mut tx, Owner::of(user), Archived::No).await?;
        if !open.iter().any(|project| project.id == id) {
            return Err(Error::parameter("project", NO_PROJECT));
        }
    }
    // Another may have begun while this one was read.
    if let Some(id) = imports::running(&mut tx, Owner::of(user)).await? {
        return Err(under_way(id));
    }
    imports::create(&mut tx, &import, &text).await?;
    tx.commit().await?;
    gateway.imports.notify_one();
    let location = [(header::LOCATION, format!("/v1/imports/{}", import.id))];
    Ok((
        StatusCode::ACCEPTED,
        location,
        Json(ImportView::from(import)),
    ))
}

fn under_way(id: Uuid) -> Error {
    let detail =
        format!("another import of yours is under way: wait until /v1/imports/{id} is done");
    Error::busy(detail)
}

const NO_PROJECT: &str = "must be the id of one of your projects that is not archived";

/// A number of tasks, of which a file holds few enough.
fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Tells how far an import has come. It is kept for 30 days.
#[utoipa::path(
    get,
    path = "/v1/imports/{id}",
    operation_id = "getImport",
    tag = "tasks",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = ImportView),
    )
)]
pub(super) async fn get(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
) -> Result<Json<ImportView>> {
    let mut conn = gateway.store.acquire().await?;
    let import = imports::get(&mut conn, Owner::of(user), id).await?;
    conn.release();
    let import = import.ok_or_else(|| Error::not_found("import"))?;
    Ok(Json(import.into()))
}
