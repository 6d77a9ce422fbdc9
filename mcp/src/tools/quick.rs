//! A task from one line of English.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    api::Api,
    refusal::Refusal,
    tool::{Effect, Tool},
    view::Task,
};

/// Makes a task of a line.
pub(super) struct QuickAdd;

/// A line to be read.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Line {
    /// Such as `pay rent every month on the 1st at 9 p1 #home @bank remind me 1 day before`: # for a project that
    /// there is, @ for a tag, p1 to p4. A backslash before a word keeps it in the title.
    #[schemars(length(min = 1, max = 2000))]
    line: String,
    /// A UUID of your own, best of version 7: called again with the same id and line, no second task is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    /// Read it only, and make no task.
    #[serde(default)]
    dry_run: bool,
}

/// A line as it was read.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReadLine {
    /// The parts that were understood, in the order of the line; the rest is the title.
    parts: Vec<Part>,
    /// The task that was made; absent of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<Task>,
    /// The arguments of `add_task` that make the same task.
    input: Map<String, Value>,
}

/// A part that was understood.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Part {
    /// project, tag, priority, date, time, recurrence, reminder, or mark for punctuation.
    kind: String,
    /// What it was read as, in words.
    reading: String,
}

impl Tool for QuickAdd {
    const NAME: &'static str = "quick_add";
    const TITLE: &'static str = "Add a task by a line of English";
    const DESCRIPTION: &'static str = "Makes a task of one line of English, read in the user's own time zone, and \
        tells what each part of it was read as. What is not understood stays in the title.";
    const EFFECT: Effect = Effect::Adds;
    type Input = Line;
    type Output = ReadLine;

    async fn call(api: &Api<'_>, line: Line) -> Result<ReadLine, Refusal> {
        api.post("/v1/tasks/quick", &line).await
    }
}
