//! Lists of tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    api::Api,
    bound::fitting,
    refusal::Refusal,
    tool::{Effect, Tool},
    view::{ListedTask, Priority, Task},
};

/// Tasks of a page when no `limit` is given.
const PAGE: u32 = 25;

/// Whether tasks are done.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
enum Status {
    Open,
    Completed,
    All,
}

/// When tasks are due, by the days of the user.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
enum DueDay {
    Overdue,
    Today,
    Week,
    None,
}

/// What tasks are sorted by.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
enum Sort {
    Created,
    Due,
    Priority,
    Manual,
    Updated,
    Completed,
    Title,
}

/// What found tasks are sorted by.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
enum FoundSort {
    Relevance,
    Created,
    Due,
    Priority,
    Manual,
    Updated,
    Completed,
    Title,
}

/// Which way they are sorted.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
enum Direction {
    Asc,
    Desc,
}

/// Which tasks; what is said by several arguments must all be true.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Asked {
    /// In the language of filters, such as `(p1 | overdue) & #home & !@waiting & due < +3d`: # for a project, @
    /// for a tag, and words such as today, overdue, recurring, subtask, `no due`, `title: rent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    /// Absent: open; with `filter` all; with `completedBefore`, `completedAfter` or sort by completed, completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    /// One of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    priority: Vec<Priority>,
    /// Every one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tag: Vec<String>,
    /// At least one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tag_any: Vec<String>,
    /// None of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tag_none: Vec<String>,
    /// Id of a project, or `inbox`.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    /// Id of a task: its subtasks. `none`: those that are no subtasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    /// In the user's zone; week: today and the six days after it; none: without a date.
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<DueDay>,
    /// Due earlier than this instant (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    due_before: Option<String>,
    /// Due at this instant or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_after: Option<String>,
    /// Made earlier than this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_before: Option<String>,
    /// Made at this instant or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_after: Option<String>,
    /// Last changed earlier than this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_before: Option<String>,
    /// Last changed at this instant or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_after: Option<String>,
    /// Completed earlier than this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_before: Option<String>,
    /// Completed at this instant or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_after: Option<String>,
    /// Whether it has a reminder.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_reminder: Option<bool>,
    /// Whether it recurs.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_recurring: Option<bool>,
    /// Absent: created.
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<Sort>,
    /// Absent: asc.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Direction>,
    /// Most tasks of a page; absent: 25. A page may hold fewer where they are long.
    #[serde(default = "page")]
    #[schemars(range(min = 1, max = 200))]
    limit: u32,
    /// `nextCursor` of the page before, with the same other arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    /// Whether to count the tasks of all pages, up to 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<bool>,
}

fn page() -> u32 {
    PAGE
}

/// A page of tasks.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskPage {
    pub(crate) items: Vec<ListedTask>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
    /// Tasks of all pages together, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u32>,
    /// Beside `total`: whether that is all of them, or there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_is_exact: Option<bool>,
    /// Of a search: whether no task has the words, and these have titles that resemble them.
    #[serde(skip_serializing_if = "Option::is_none")]
    fuzzy: Option<bool>,
}

/// A page as the REST interface gives it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    items: Vec<Task>,
    next_cursor: Option<String>,
    total: Option<u32>,
    total_is_exact: Option<bool>,
    fuzzy: Option<bool>,
}

impl From<Found> for TaskPage {
    fn from(found: Found) -> Self {
        Self {
            items: found.items.into_iter().map(ListedTask::from).collect(),
            next_cursor: found.next_cursor,
            total: found.total,
            total_is_exact: found.total_is_exact,
            fuzzy: found.fuzzy,
        }
    }
}

impl Tool for List {
    const NAME: &'static str = "list_tasks";
    const TITLE: &'static str = "List tasks";
    const DESCRIPTION: &'static str = "Lists tasks, a page at a time, by any of their fields. Without arguments: \
        the open ones, the oldest first. For words that a task holds, use search_tasks.";
    const EFFECT: Effect = Effect::Reads;
    type Input = Asked;
    type Output = TaskPage;

    async fn call(api: &Api<'_>, asked: Asked) -> Result<TaskPage, Refusal> {
        pages(api, &asked).await
    }
}

/// Lists tasks.
pub(super) struct List;

/// The page that is asked for, or as much of its beginning as fits into a result.
///
/// # Errors
/// What the REST interface answers instead.
pub(crate) async fn pages(api: &Api<'_>, asked: &impl Serialize) -> Result<TaskPage, Refusal> {
    let mut asked = serde_json::to_value(asked)?;
    let page: TaskPage = api.get::<Found>(PATH, &asked).await?.into();
    let fit = fitting(&page.items);
    if fit == page.items.len() {
        return Ok(page);
    }
    // Only the interface knows the cursor behind the last one that fits.
    asked["limit"] = Value::from(fit);
    Ok(api.get::<Found>(PATH, &asked).await?.into())
}

const PATH: &str = "/v1/tasks";

/// Finds tasks.
pub(super) struct Search;

/// What to look for, and where.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Sought {
    /// Words of the title, the tags or the description: `"an exact phrase"`, `this or that`, `-without`. The last
    /// word may be the beginning of one.
    #[schemars(length(min = 1, max = 200))]
    q: String,
    /// As in `list_tasks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    /// Absent: open; with `filter` all.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    /// Id of a project, or `inbox`.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    /// Absent: relevance, the best first.
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<FoundSort>,
    /// Absent: desc by relevance, else asc.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Direction>,
    /// Most tasks of a page; absent: 25. A page may hold fewer where they are long.
    #[serde(default = "page")]
    #[schemars(range(min = 1, max = 200))]
    limit: u32,
    /// `nextCursor` of the page before, with the same other arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    /// Whether to count what is found, up to 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<bool>,
}

impl Tool for Search {
    const NAME: &'static str = "search_tasks";
    const TITLE: &'static str = "Search tasks";
    const DESCRIPTION: &'static str = "Finds tasks by words, the best first. Where no task has the words, it gives \
        those whose titles resemble them, and says so.";
    const EFFECT: Effect = Effect::Reads;
    type Input = Sought;
    type Output = TaskPage;

    async fn call(api: &Api<'_>, sought: Sought) -> Result<TaskPage, Refusal> {
        pages(api, &sought).await
    }
}
