//! What changed since a device read last.

use std::ops::ControlFlow;

use axum::Json;
use domain::task::Task;
use runtime::auth;
use serde::Serialize;
use store::{
    Owner,
    sync::{Change, Moment, Span, read},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{filters::SavedFilterView, projects::ProjectView};
use crate::{
    error::Result,
    query::Parameters,
    state::Gateway,
    sync_token::{Rest, Token},
    view::TaskView,
};

/// The page that is answered when no `limit` is given.
const DEFAULT_PAGE: u32 = 500;

/// Largest `limit`.
const LARGEST_PAGE: u32 = 1000;

/// A page ends once its texts have this many bytes, so that none takes much memory.
const TEXT: usize = 1 << 20;

/// What changed. Pages are taken in their order, and of each page what is there before what is deleted.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SyncPage {
    /// This is the first page of everything: forget all that you have. So it is without a token, and where
    /// the token is older than 60 days, another user's, or of a database that was replaced.
    reset: bool,
    /// Made or changed, as they are now; archived ones, too.
    projects: Vec<ProjectView>,
    /// Ids.
    deleted_projects: Vec<Uuid>,
    /// Made, changed, completed or restored, as they are now.
    tasks: Vec<TaskView>,
    /// Ids. Some you may never have seen.
    deleted_tasks: Vec<Uuid>,
    /// Made or changed, as they are now.
    saved_filters: Vec<SavedFilterView>,
    /// Ids.
    deleted_saved_filters: Vec<Uuid>,
    /// There are more pages: ask again at once.
    more: bool,
    /// Send it next time. It may be sent again: the answer then begins at the same place.
    token: String,
}

impl SyncPage {
    fn take(&mut self, change: Change) {
        match change {
            Change::Project(project) => self.projects.push(project.into()),
            Change::ProjectDeleted(id) => self.deleted_projects.push(id),
            Change::Task(task) => self.tasks.push((*task).into()),
            Change::TaskDeleted(id) => self.deleted_tasks.push(id),
            Change::Filter(filter) => self.saved_filters.push((*filter).into()),
            Change::FilterDeleted(id) => self.deleted_saved_filters.push(id),
        }
    }
}

/// Reads what changed since the `token` of an earlier answer, page by page: tasks, projects and saved
/// filters. What was committed before the first page was asked for is in its pages. What is committed while
/// they are read may be told in them and again with the next token: put it in the place of what you have.
#[utoipa::path(
    get,
    path = "/v1/sync",
    operation_id = "sync",
    tag = "tasks",
    params(
        ("token" = Option<String>, Query, description = "That of the last answer; absent: everything"),
        ("limit" = Option<u32>, Query, description = "Most items of a page, 1 to 1000; 500 when absent", minimum = 1, maximum = 1000),
    ),
    responses(
        (status = 200, body = SyncPage),
    )
)]
pub(super) async fn sync(
    gateway: Gateway,
    auth::User(owner): auth::User,
    mut parameters: Parameters,
) -> Result<Json<SyncPage>> {
    let (token, limit) = (token(&mut parameters), limit(&mut parameters));
    parameters.finish()?;

    let mut conn = gateway.store.acquire().await?;
    let now = Moment::now(&mut conn).await?;
    let good = token.filter(|token| token.is_good(owner, &now));
    let reset = good.is_none();
    let (until, span, after) = match good {
        Some(token) => token.next(&now),
        None => (now, Span::Everything, None),
    };
    let mut page = SyncPage {
        reset,
        ..SyncPage::default()
    };
    let mut text = 0;
    let take = |change: Change| {
        if let Change::Task(task) = &change {
            text += text_of(task);
        }
        page.take(change);
        if text < TEXT {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let next = read(&mut conn, Owner::of(owner), &span, after, limit, take).await?;
    // After a page that was broken off more may be on its way: the pool takes such a connection back.
    if text < TEXT {
        conn.release();
    }
    page.more = next.is_some();
    let rest = next.map(|after| Rest {
        since: match span {
            Span::Everything => None,
            Span::Between(since, _) => Some(since),
        },
        after,
    });
    page.token = Token { owner, until, rest }.encode();
    Ok(Json(page))
}

/// Bytes of what a user may write at length.
fn text_of(task: &Task) -> usize {
    let following = task.following.as_ref();
    let following = following.map_or(0, |following| following.description.len());
    let tags: usize = task.tags.iter().map(String::len).sum();
    task.title.len() + task.description.len() + tags + following
}

fn token(parameters: &mut Parameters) -> Option<Token> {
    let text = parameters.one("token")?;
    let token = Token::decode(&text);
    if token.is_none() {
        let message = "must be the token of an earlier answer; leave it out to read everything";
        parameters.errors.push("token", message);
    }
    token
}

fn limit(parameters: &mut Parameters) -> u32 {
    let Some(value) = parameters.one("limit") else {
        return DEFAULT_PAGE;
    };
    match value.parse() {
        Ok(limit) if (1..=LARGEST_PAGE).contains(&limit) => limit,
        _ => {
            let message = format!("must be a number from 1 to {LARGEST_PAGE}");
            parameters.errors.push("limit", message);
            DEFAULT_PAGE
        }
    }
}
