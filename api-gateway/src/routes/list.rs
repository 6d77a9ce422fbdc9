//! The list of a user's tasks.

use axum::extract::State;
use domain::task::{Priority, limits};
use runtime::auth;
use store::tasks::{Filter, Order, Position, Sort, Status};
use uuid::Uuid;

use crate::{
    cursor,
    error::Result,
    query::Parameters,
    state::Gateway,
    view::{PriorityName, ProblemView, TaskPage, TaskView},
};

/// What a list request asks for.
struct Asked {
    filter: Filter,
    order: Order,
    after: Option<Position>,
    limit: u32,
}

/// Lists tasks, a page at a time. Pages are cut by position, not by number: a task that comes or
/// goes between two requests makes no other appear twice or not at all.
#[utoipa::path(
    get,
    path = "/v1/tasks",
    tag = "tasks",
    params(
        ("status" = Option<String>, Query, description = "`open` (default), `completed` or `all`"),
        ("priority" = Option<Vec<PriorityName>>, Query, description = "One of these; may be repeated"),
        ("tag" = Option<Vec<String>>, Query, description = "Every one of these; may be repeated"),
        ("project" = Option<String>, Query, description = "Id of a project, or `inbox`"),
        ("parent" = Option<String>, Query, description = "Id of a task: its subtasks; `none`: those that are no subtasks"),
        ("dueBefore" = Option<DateTime<Utc>>, Query, description = "Due earlier than this instant"),
        ("dueAfter" = Option<DateTime<Utc>>, Query, description = "Due at this instant or later"),
        ("sort" = Option<String>, Query, description = "`created` (default), `due` (tasks without a due date come last), `priority` or `manual` (by `position`)"),
        ("order" = Option<String>, Query, description = "`asc` (default) or `desc`"),
        ("limit" = Option<u32>, Query, description = "1 to 200; 50 when absent"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before, with the same `sort` and `order`"),
    ),
    responses(
        (status = 200, body = TaskPage),
        (status = 401, body = ProblemView, content_type = "application/problem+json"),
        (status = 422, body = ProblemView, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    auth::User(owner): auth::User,
    parameters: Parameters,
) -> Result<TaskPage> {
    let asked = read(parameters)?;
    let mut conn = gateway.store.acquire().await?;
    let page = store::tasks::list(
        &mut conn,
        owner,
        &asked.filter,
        asked.order,
        asked.after,
        asked.limit,
    )
    .await?;
    conn.release();
    Ok(TaskPage {
        items: page.tasks.into_iter().map(TaskView::from).collect(),
        next_cursor: page.next.map(|next| cursor::encode(asked.order, &next)),
    })
}

fn read(mut parameters: Parameters) -> Result<Asked> {
    let status = parameters.word(
        "status",
        &[
            ("open", Status::Open),
            ("completed", Status::Completed),
            ("all", Status::All),
        ],
    );
    let order = Order {
        sort: parameters.word(
            "sort",
            &[
                ("created", Sort::Created),
                ("due", Sort::Due),
                ("priority", Sort::Priority),
                ("manual", Sort::Manual),
            ],
        ),
        descending: parameters.word("order", &[("asc", false), ("desc", true)]),
    };
    let mut priorities = Vec::new();
    for text in parameters.all("priority") {
        match text.as_str() {
            "P1" => priorities.push(Priority::P1),
            "P2" => priorities.push(Priority::P2),
            "P3" => priorities.push(Priority::P3),
            "P4" => priorities.push(Priority::P4),
            _ => {
                let message = "must be one of P1, P2, P3, P4";
                parameters.errors.push("priority", message);
            }
        }
    }
    let tags = parameters.all("tag");
    if tags.len() > limits::TAGS {
        let message = format!("must be given at most {} times", limits::TAGS);
        parameters.errors.push("tag", message);
    }
    if tags.iter().any(|tag| tag.chars().count() > limits::TAG) {
        let message = format!("must have at most {} characters", limits::TAG);
        parameters.errors.push("tag", message);
    }
    let filter = Filter {
        status,
        priorities,
        tags,
        project: of(&mut parameters, "project", "inbox"),
        parent: of(&mut parameters, "parent", "none"),
        due_before: parameters.instant("dueBefore"),
        due_after: parameters.instant("dueAfter"),
    };
    let limit = parameters.limit();
    let after = parameters.one("cursor").and_then(|text| {
        let position = cursor::decode(order, &text);
        if position.is_none() {
            parameters.errors.push(
                "cursor",
                "must be the nextCursor of a list with the same sort and order",
            );
        }
        position
    });
    parameters.finish()?;
    Ok(Asked {
        filter,
        order,
        after,
        limit,
    })
}

/// The value of a parameter that names something by its id, or by a word the lack of it.
fn of(parameters: &mut Parameters, name: &str, lack: &str) -> Option<Option<Uuid>> {
    let value = parameters.one(name)?;
    if value == lack {
        return Some(None);
    }
    let id = value.parse().ok();
    if id.is_none() {
        parameters
            .errors
            .push(name, format!("must be an id, or {lack}"));
    }
    id.map(Some)
}
