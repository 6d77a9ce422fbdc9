//! What query parameters may be: types for the document alone, named in the `params` of routes as
//! `("limit" = inline(Option<PageSize>), Query)`. The gateway reads parameters by [`query`].
//!
//! [`query`]: crate::query
#![allow(
    dead_code,
    reason = "shapes of the document: `query` reads the parameters themselves"
)]

use utoipa::ToSchema;

/// How many a page holds.
#[derive(ToSchema)]
#[schema(minimum = 1, maximum = 200, default = 50)]
pub(crate) struct PageSize(u32);

/// `nextCursor` of the page before, in the same order.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 1000)]
pub(crate) struct Cursor(String);

/// Which way.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase", default = "asc")]
pub(crate) enum Direction {
    Asc,
    Desc,
}

/// Which way. Absent: `asc`; by `relevance` `desc`, the best first.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum TaskDirection {
    Asc,
    Desc,
}

/// Which tasks.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum TaskStatus {
    Open,
    Completed,
    All,
}

/// What tasks are sorted by: those without a due date come last by `due`; `manual` is by `position`;
/// `completed` lists completed tasks only; `relevance` needs `q`. Absent: `created`; with `q` `relevance`.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum TaskSort {
    Created,
    Due,
    Priority,
    Manual,
    Updated,
    Title,
    Completed,
    Relevance,
}

/// What the tasks of a saved filter are sorted by.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum SavedSort {
    Created,
    Due,
    Priority,
    Manual,
    Updated,
    Title,
    Completed,
}

/// What is searched for.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 200)]
pub(crate) struct SearchText(String);

/// When tasks are due, by the days of the user's zone.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum DueDay {
    Overdue,
    Today,
    Week,
    None,
}

/// A filter such as `(p1 | overdue) & #home`; see docs/filters.md.
#[derive(ToSchema)]
#[schema(format = "task-filter", min_length = 1, max_length = 1000)]
pub(crate) struct TaskFilter(String);

/// Which instances of a series an edit holds for.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum EditScope {
    This,
    Following,
}

/// Whether archived projects are listed: `true` is for them alone.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase", default = "false")]
pub(crate) enum ArchivedOnes {
    False,
    True,
    All,
}

/// What becomes of the tasks of a project.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase", default = "keep")]
pub(crate) enum TasksOfProject {
    Keep,
    Delete,
}

/// Makes the request safe to send again: for 24 hours its answer is that of the first with this key, 409 while
/// the first is under way, 422 for another request. Best a UUID.
#[derive(ToSchema)]
#[schema(pattern = r#"^([!#-\[\]-~]{1,255}|"[!#-\[\]-~]{1,255}")$"#)]
pub(crate) struct IdempotencyKey(String);
