//! The user's tasks as a file, for another account or another program.

use std::collections::HashMap;

use axum::{
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use chrono::Utc;
use chrono_tz::Tz;
use domain::{
    filter::Resolved,
    icalendar::Todos,
    transfer::{Entry, Format, ProjectEntry, csv, json},
};
use runtime::auth;
use store::{
    Owner, Store,
    projects::Archived,
    tasks::{Order, Selection, Sort},
    users::User,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    query::Parameters,
    state::Gateway,
    stream::{self, Out, Stopped},
};

/// Tells what the file does not hold.
pub(crate) const LEFT_OUT: HeaderName = HeaderName::from_static("todostack-left-out");

/// Tasks that are read at a time.
const PAGE: u32 = 500;

/// As the document has it.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "a shape of the document")]
pub(crate) enum ExportFormat {
    Json,
    Csv,
    Ics,
}

/// Exports the tasks that are not deleted, completed ones too, as a file that `POST /v1/imports` takes; see
/// docs/import.md. It is streamed; what is written meanwhile may be in it or not. `GET /v1/me/export` has all
/// that is stored of the user.
#[utoipa::path(
    get,
    path = "/v1/export/tasks",
    operation_id = "exportTasks",
    tag = "tasks",
    params(
        ("format" = inline(ExportFormat), Query, description = "`json` has all of a task and of the projects; `csv` and `ics` (to-dos) all of a task"),
    ),
    responses(
        (
            status = 200,
            description = "The file.",
            content((Object = "application/json"), (String = "text/csv"), (String = "text/calendar")),
            headers(("todostack-left-out" = String, description = "What the file does not hold, with commas: `reminders.channels` (an import sends to the default channels), `projects.empty`, `projects.order`"))
        ),
    )
)]
pub(super) async fn tasks(
    gateway: Gateway,
    auth::User(user): auth::User,
    mut parameters: Parameters,
) -> Result<Response> {
    let format = parameters.word(
        "format",
        &[
            ("json", Some(Format::Json)),
            ("csv", Some(Format::Csv)),
            ("ics", Some(Format::Ics)),
        ],
    );
    parameters.finish()?;
    let format =
        format.ok_or_else(|| Error::parameter("format", "must be one of json, csv, ics"))?;
    let kind = match format {
        Format::Json => "application/json",
        Format::Ics => "text/calendar; charset=utf-8",
        Format::Csv | Format::TodoistCsv => "text/csv; charset=utf-8",
    };
    let name = format!("attachment; filename=\"tasks.{}\"", format.as_str());
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (LEFT_OUT, format.left_out().join(", ")),
    ];
    let owner = Owner::of(user);
    let body = stream::body(|out| write(gateway.store, owner, format, out));
    Ok((headers, body).into_response())
}

/// Writes the file. No connection is held while the reader takes it.
async fn write(
    store: Store,
    owner: Owner,
    format: Format,
    mut out: Out,
) -> std::result::Result<(), Stopped> {
    let (projects, user) = {
        let mut conn = store.acquire().await?;
        let projects = store::projects::list(&mut conn, owner, Archived::Too).await?;
        let user = store::users::by_id(&mut conn, owner.id()).await?;
        conn.release();
        (projects, user)
    };
    let zone = user.as_ref().map_or(Tz::UTC, User::zone);
    let numbers: HashMap<Uuid, usize> = (projects.iter().map(|project| project.id))
        .zip(0..)
        .collect();
    let projects: Vec<ProjectEntry> = projects
        .into_iter()
        .map(|project| ProjectEntry {
            archived: project.archived_at.is_some(),
            name: project.name,
            color: project.color,
        })
        .collect();
    out.text(match format {
        Format::Json => json::head(&projects)?,
        Format::Csv | Format::TodoistCsv => csv::head(),
        Format::Ics => Todos::head(),
    })
    .await?;
    let selection = Selection {
        filter: Resolved::ALL,
        project: None,
        parent: None,
        search: None,
        is_one_of_many: false,
    };
    // Read again, they stand in the same order.
    let order = Order {
        sort: Sort::Manual,
        descending: false,
    };
    let (mut todos, now) = (Todos::default(), Utc::now());
    let mut after = None;
    let mut first = true;
    loop {
        let page = {
            let mut conn = store.acquire().await?;
            let page = store::tasks::list(&mut conn, owner, &selection, order, after, PAGE).await?;
            conn.release();
            page
        };
        let mut text = String::new();
        for task in page.tasks {
            let project = task.project.and_then(|id| numbers.get(&id).copied());
            text += &match format {
                Format::Json => json::task(&Entry::of(task, project), first)?,
                Format::Csv | Format::TodoistCsv => {
                    csv::task(&Entry::of(task, project), &projects)?
                }
                Format::Ics => {
                    todos.task(&task, project.map(|number| &projects[number]), zone, now)?
                }
            };
            first = false;
        }
        out.text(text).await?;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    match format {
        Format::Json => out.text(json::TAIL.into()).await,
        Format::Csv | Format::TodoistCsv => Ok(()),
        Format::Ics => out.text(todos.tail(now)).await,
    }
}
