//! The list of tasks.

mod asked;
mod found;

use chrono::Utc;
use chrono_tz::Tz;
use runtime::auth;
use store::{Owner, saved_filters::SavedFilter, tasks::Search, users::User};
use uuid::Uuid;

use crate::{
    cursor,
    error::Result,
    highlights,
    openapi::parameters::{
        Cursor, DueDay, PageSize, SearchText, TaskDirection, TaskFilter, TaskSort, TaskStatus,
    },
    openapi::texts::{IdOrInbox, IdOrNone},
    query::Parameters,
    state::Gateway,
    view::{PriorityName, TaskPage, TaskView},
};
use asked::Asked;
pub(super) use asked::complaint;

/// Lists tasks, a page at a time. Pages are cut by position, not by number: a task that comes or
/// goes between two requests makes no other appear twice or not at all. What is asked for by several
/// parameters must all be true.
#[utoipa::path(
    get,
    path = "/v1/tasks",
    operation_id = "listTasks",
    tag = "tasks",
    params(
        ("q" = inline(Option<SearchText>), Query, description = "Words of the title, the tags or the description: `\"an exact phrase\"`, `this or that`, `-without`. The last word may be the beginning of one. See docs/search.md"),
        ("filter" = inline(Option<TaskFilter>), Query),
        ("savedFilter" = Option<Uuid>, Query, description = "Id of a saved filter: as `filter`, with its `sort` and `order` where these are absent"),
        ("status" = inline(Option<TaskStatus>), Query, description = "`open`, `completed` or `all`. Absent: `open`; with `filter` `all`; with `completedAfter`, `completedBefore` or `sort=completed` `completed`"),
        ("priority" = Option<Vec<PriorityName>>, Query, description = "One of these; may be repeated"),
        ("tag" = Option<Vec<String>>, Query, description = "Every one of these; may be repeated"),
        ("tagAny" = Option<Vec<String>>, Query, description = "At least one of these; may be repeated"),
        ("tagNone" = Option<Vec<String>>, Query, description = "None of these; may be repeated"),
        ("project" = inline(Option<IdOrInbox>), Query, description = "Id of a project, or `inbox`"),
        ("parent" = inline(Option<IdOrNone>), Query, description = "Id of a task: its subtasks; `none`: those that are no subtasks"),
        ("due" = inline(Option<DueDay>), Query, description = "`overdue`, `today`, `week` (today and the six days after it) or `none`, in the user's zone"),
        ("dueBefore" = Option<DateTime<Utc>>, Query, description = "Due earlier than this instant"),
        ("dueAfter" = Option<DateTime<Utc>>, Query, description = "Due at this instant or later"),
        ("createdBefore" = Option<DateTime<Utc>>, Query, description = "Created earlier than this instant"),
        ("createdAfter" = Option<DateTime<Utc>>, Query, description = "Created at this instant or later"),
        ("updatedBefore" = Option<DateTime<Utc>>, Query, description = "Last changed earlier than this instant"),
        ("updatedAfter" = Option<DateTime<Utc>>, Query, description = "Last changed at this instant or later"),
        ("completedBefore" = Option<DateTime<Utc>>, Query, description = "Completed earlier than this instant"),
        ("completedAfter" = Option<DateTime<Utc>>, Query, description = "Completed at this instant or later"),
        ("hasReminder" = Option<bool>, Query, description = "Whether it has a reminder"),
        ("isRecurring" = Option<bool>, Query, description = "Whether it has a rule that makes its next instance"),
        ("sort" = inline(Option<TaskSort>), Query),
        ("order" = inline(Option<TaskDirection>), Query),
        ("limit" = inline(Option<PageSize>), Query),
        ("cursor" = inline(Option<Cursor>), Query, description = "`nextCursor` of the page before, with the same `sort` and `order`"),
        ("total" = Option<bool>, Query, description = "Whether to count the tasks of all pages together, up to 10,000"),
    ),
    responses(
        (status = 200, body = TaskPage),
    )
)]
pub(super) async fn list(
    gateway: Gateway,
    auth::User(user): auth::User,
    mut parameters: Parameters,
) -> Result<TaskPage> {
    let owner = Owner::of(user);
    let saved = saved(&gateway, owner, &mut parameters).await?;
    let asked = Asked::read(parameters, saved)?;
    let (mut conn, user) = found::user(&gateway.store, owner, &asked).await?;
    let zone = user.as_ref().map_or(Tz::UTC, User::zone);
    let mut selection = asked.selection(zone, Utc::now());
    if let (Some(text), Some(user)) = (&asked.text, &user) {
        selection.search = Some(Search::read(&mut conn, user.language(), text).await?);
    }
    let page = found::page(&mut conn, owner, &asked, &mut selection).await?;
    let total = if asked.total {
        Some(store::tasks::count(&mut conn, owner, &selection).await?)
    } else {
        None
    };
    let search = selection.search.as_ref();
    let highlights = match search {
        Some(search) => highlights::of(&mut conn, search, &page.tasks).await?,
        None => Vec::new(),
    };
    conn.release();
    let fuzzy = search.map(Search::is_fuzzy);
    let encode = |next| cursor::encode(asked.order, fuzzy.unwrap_or_default(), &next);
    let mut items: Vec<TaskView> = page.tasks.into_iter().map(TaskView::from).collect();
    for (item, highlights) in items.iter_mut().zip(highlights) {
        item.highlights = Some(highlights);
    }
    Ok(TaskPage {
        next_cursor: page.next.map(encode),
        total: total.map(|total| total.count),
        total_is_exact: total.map(|total| total.is_exact),
        fuzzy: fuzzy.map(|fuzzy| fuzzy && !items.is_empty()),
        items,
    })
}

/// The saved filter that a request names.
async fn saved(
    gateway: &Gateway,
    owner: Owner,
    parameters: &mut Parameters,
) -> Result<Option<SavedFilter>> {
    let Some(id) = parameters.one("savedFilter") else {
        return Ok(None);
    };
    let mut filter = None;
    if let Ok(id) = id.parse::<Uuid>() {
        let mut conn = gateway.store.acquire().await?;
        filter = store::saved_filters::get(&mut conn, owner, id).await?;
        conn.release();
    }
    if filter.is_none() {
        let message = "must be the id of one of your saved filters";
        parameters.errors.push("savedFilter", message);
    }
    Ok(filter)
}
