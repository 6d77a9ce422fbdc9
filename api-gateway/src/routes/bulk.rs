//! Many writes of tasks in one request and one transaction. Each is answered as the route that does it alone
//! would answer it.

mod create;
mod operation;

use axum::{Json, http::StatusCode};
use chrono_tz::Tz;
use runtime::{Problem, auth};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use self::operation::Operation;
use super::tasks::{Written, etag, writer_alone};
use crate::{
    body::Body,
    error::{Error, Result},
    state::Gateway,
    view::{ProblemView, TaskView},
};

/// Most operations of a request.
const MOST: usize = 500;

/// Writes of tasks.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Bulk {
    /// All or none. Else each stands for itself: what is refused changes nothing, and the others are done.
    #[serde(default)]
    atomic: bool,
    /// At most 500, done in this order.
    #[schema(value_type = Vec<Operation>, max_items = 500)]
    operations: Vec<Value>,
}

/// The answers, in the order of the operations.
#[derive(Serialize, ToSchema)]
pub(crate) struct BulkView {
    items: Vec<ItemView>,
}

/// The answer to one operation.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemView {
    /// That of the route that does it alone.
    #[schema(minimum = 200, maximum = 499)]
    status: u16,
    /// The `ETag` of the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    /// The task, or why the operation was refused; the pointers of that lead into the whole request. Absent where
    /// there is nothing to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ItemBody>, inline)]
    body: Option<Said>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Said {
    Task(Box<TaskView>),
    Problem(Problem),
}

/// The shape of [`Said`].
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "for the document")]
pub(crate) enum ItemBody {
    Task(Box<TaskView>),
    Problem(ProblemView),
}

impl From<Result<Option<Written>>> for ItemView {
    fn from(outcome: Result<Option<Written>>) -> Self {
        let (status, etag, body) = match outcome {
            Ok(Some(Written(status, task))) => {
                let etag = etag(task.version);
                (status, Some(etag), Some(Said::Task(Box::new(task.into()))))
            }
            Ok(None) => (StatusCode::NO_CONTENT, None, None),
            Err(error) => (error.status(), None, Some(Said::Problem(error.into()))),
        };
        Self {
            status: status.as_u16(),
            etag,
            body,
        }
    }
}

/// Writes up to 500 tasks, in one transaction. With `atomic` either all operations are done, or none: then the
/// answer is a problem, whose pointers lead to the first that was refused. Else each is done or refused by
/// itself, and `items` says which. What an operation takes and answers is that of the route of its name.
#[utoipa::path(
    post,
    path = "/v1/tasks/bulk",
    operation_id = "writeTasks",
    tag = "tasks",
    request_body = Bulk,
    responses(
        (status = 200, body = BulkView),
        (status = 422, description = "There are too many operations; or, with `atomic`, one was refused and none was done."),
    )
)]
pub(super) async fn bulk(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Body(Bulk { atomic, operations }): Body<Bulk>,
) -> Result<Json<BulkView>> {
    if operations.len() > MOST {
        let message = format!("must hold at most {MOST} operations");
        return Err(Error::field("operations", message));
    }
    let mut tx = gateway.store.begin().await?;
    // Before all else, so that no two such requests wait in a circle.
    let zone = writer_alone(&mut tx, owner).await?.zone();
    let (within, loan) = gateway.store.lend(tx);
    let work = Work {
        gateway: gateway.on(within),
        owner,
        zone,
        atomic,
        creates: Vec::new(),
        items: Vec::with_capacity(operations.len()),
    };
    // In a box: it holds every route that it may call.
    let items = Box::pin(work.all(operations)).await?;
    loan.end()?.commit().await?;
    Ok(Json(BulkView { items }))
}

/// Operations under way.
struct Work {
    /// Within the transaction.
    gateway: Gateway,
    owner: Uuid,
    zone: Tz,
    atomic: bool,
    /// Those that are yet to be done, all at once, before the next operation of another kind.
    creates: Vec<Value>,
    /// The answers to those that are done.
    items: Vec<ItemView>,
}

impl Work {
    async fn all(mut self, operations: Vec<Value>) -> Result<Vec<ItemView>> {
        for operation in operations {
            match Operation::read(operation) {
                Ok(Operation::Create { task }) if !is_subtask(&task) => self.creates.push(task),
                Ok(operation) => {
                    self.create().await?;
                    let done = operation.call(&self.gateway, self.owner).await;
                    self.answer(done)?;
                }
                Err(refused) => {
                    self.create().await?;
                    self.answer(Err(refused))?;
                }
            }
        }
        self.create().await?;
        Ok(self.items)
    }

    async fn create(&mut self) -> Result<()> {
        if self.creates.is_empty() {
            return Ok(());
        }
        let tasks = std::mem::take(&mut self.creates);
        let inputs = tasks.into_iter().map(operation::input).collect();
        for outcome in create::all(&self.gateway, self.owner, self.zone, inputs).await? {
            self.answer(outcome)?;
        }
        Ok(())
    }

    /// Takes the answer to the next operation.
    ///
    /// # Errors
    /// One that is an answer to the whole request.
    fn answer(&mut self, outcome: Result<Option<Written>>) -> Result<()> {
        let path = format!("operations[{}]", self.items.len());
        let outcome = outcome.map_err(|error| error.within(&path));
        match outcome {
            Err(error) if error.status().is_server_error() => return Err(error),
            Err(error) if self.atomic => return Err(error.of_part(&path)),
            outcome => self.items.push(outcome.into()),
        }
        Ok(())
    }
}

/// Whether a new task depends on another one, which may be one that was created just before it.
fn is_subtask(task: &Value) -> bool {
    task.get("parent").is_some_and(|parent| !parent.is_null())
}
