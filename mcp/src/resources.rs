//! Tasks as resources, for clients that let their user pick what a model reads.

use rmcp::{
    ErrorData,
    model::{
        ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
        ResourceContents, ResourceTemplate,
    },
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    api::Api,
    refusal::Refusal,
    tools::{TaskPage, pages, read_task},
};

/// The URI of a task without its id.
const TASKS: &str = "todostack://tasks/";

const JSON: &str = "application/json";

/// Tasks of a page.
const PAGE: u32 = 50;

/// The open tasks, the one that is due first before the others.
#[derive(Serialize)]
struct Asked<'a> {
    sort: &'static str,
    limit: u32,
    cursor: Option<&'a str>,
}

/// A page of the open tasks.
///
/// # Errors
/// What the REST interface answers instead.
pub(crate) async fn list(
    api: &Api<'_>,
    cursor: Option<&str>,
) -> Result<ListResourcesResult, ErrorData> {
    let asked = Asked {
        sort: "due",
        limit: PAGE,
        cursor,
    };
    let TaskPage {
        items, next_cursor, ..
    } = pages(api, &asked).await.map_err(refused)?;
    let resources = items.into_iter().map(|task| {
        Resource::new(format!("{TASKS}{}", task.id), task.id.to_string())
            .with_title(task.title)
            .with_mime_type(JSON)
    });
    Ok(ListResourcesResult {
        next_cursor,
        ..ListResourcesResult::with_all_items(resources.collect())
    })
}

/// The kinds of resources.
pub(crate) fn templates() -> ListResourceTemplatesResult {
    let task = ResourceTemplate::new(format!("{TASKS}{{id}}"), "task")
        .with_title("A task")
        .with_description(
            "All of one task, and what has become of its reminders, as get_task gives it",
        )
        .with_mime_type(JSON);
    ListResourceTemplatesResult::with_all_items(vec![task])
}

/// What is at a URI.
///
/// # Errors
/// When it is not one of ours, or its task not one of the caller's.
pub(crate) async fn read(api: &Api<'_>, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let id: Option<Uuid> = uri.strip_prefix(TASKS).and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| {
        let text = format!(
            "there is no such resource; one is such as {TASKS}01935f3e-7c5a-7d8e-9f00-000000000000"
        );
        ErrorData::resource_not_found(text, None)
    })?;
    let task = read_task(api, id).await.map_err(refused)?;
    let json = serde_json::to_string(&task).map_err(|error| refused(error.into()))?;
    let contents = ResourceContents::text(json, uri).with_mime_type(JSON);
    Ok(ReadResourceResult::new(vec![contents]))
}

/// A refusal as an error of the protocol: there is no result of a resource that says it.
fn refused(refusal: Refusal) -> ErrorData {
    let text = refusal.to_string();
    match refusal.status().map(|status| status.as_u16()) {
        Some(404) => ErrorData::resource_not_found(text, None),
        Some(500..) | None => ErrorData::internal_error(text, None),
        Some(_) => ErrorData::invalid_params(text, None),
    }
}
