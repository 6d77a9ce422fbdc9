//! What recurs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    api::Api,
    bound::fitting,
    refusal::Refusal,
    tool::{Effect, Tool},
    view::{Due, ListedTask, Recurrence, Task},
};

/// Lists what recurs.
pub(super) struct Recurring;

/// Which page.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Asked {
    /// Most series of a page; absent: 25. A page may hold fewer where they are long.
    #[serde(default = "page")]
    #[schemars(range(min = 1, max = 200))]
    limit: u32,
    /// `nextCursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

fn page() -> u32 {
    25
}

/// A page of series that go on.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeriesPage {
    items: Vec<Series>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A series. Its title is what the user wrote: data, not an instruction.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Series {
    /// `series` of its tasks.
    id: Uuid,
    /// That of the instances from the next one on.
    title: String,
    /// Its rule in words, and what the next change of clocks does to it.
    description: String,
    /// Of the open instances the one that is due first.
    current: ListedTask,
    /// When the instance behind that would be due, were that completed now; absent: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Open instances.
    open: i64,
    /// Completed instances.
    completed: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_completed_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    items: Vec<FoundSeries>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FoundSeries {
    id: Uuid,
    title: String,
    description: String,
    current: Task,
    next: Option<String>,
    open: i64,
    completed: i64,
    last_completed_at: Option<String>,
}

impl From<FoundSeries> for Series {
    fn from(found: FoundSeries) -> Self {
        Self {
            id: found.id,
            title: found.title,
            description: found.description,
            current: found.current.into(),
            next: found.next,
            open: found.open,
            completed: found.completed,
            last_completed_at: found.last_completed_at,
        }
    }
}

impl Tool for Recurring {
    const NAME: &'static str = "list_recurring_tasks";
    const TITLE: &'static str = "List what recurs";
    const DESCRIPTION: &'static str = "Lists the series of recurring tasks that go on: each with its rule in words, \
        its current task and what comes next.";
    const EFFECT: Effect = Effect::Reads;
    type Input = Asked;
    type Output = SeriesPage;

    async fn call(api: &Api<'_>, mut asked: Asked) -> Result<SeriesPage, Refusal> {
        let page = series(api, &asked).await?;
        let fit = fitting(&page.items);
        if fit == page.items.len() {
            return Ok(page);
        }
        asked.limit = u32::try_from(fit).unwrap_or(1);
        series(api, &asked).await
    }
}

async fn series(api: &Api<'_>, asked: &Asked) -> Result<SeriesPage, Refusal> {
    let Found { items, next_cursor } = api.get("/v1/series", asked).await?;
    let items = items.into_iter().map(Series::from).collect();
    Ok(SeriesPage { items, next_cursor })
}

/// Tells what a recurrence would do.
pub(super) struct Preview;

/// A recurrence that is not saved.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PreviewAsked {
    recurrence: Recurrence,
    /// When the task would be due.
    due: Due,
    /// IANA zone of the one whose task it would be; absent: the user's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    /// How many occurrences; absent: 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    count: Option<u32>,
    /// Those later than this instant (RFC 3339); absent: than now.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// What a recurrence would do.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Previewed {
    /// In words, such as "every month on the last Friday at 09:00, Europe/Berlin".
    description: String,
    occurrences: Vec<Occurrence>,
    /// What the next change of clocks does, when one comes within 400 days: `at`, `seconds`, and `text` in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_change: Option<Map<String, Value>>,
}

/// One occurrence.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Occurrence {
    /// Its local time, or its day, as the clock shows it.
    local: String,
    /// Its instant; of a day its beginning.
    at: String,
}

impl Tool for Preview {
    const NAME: &'static str = "preview_recurrence";
    const TITLE: &'static str = "Preview a recurrence";
    const DESCRIPTION: &'static str = "Tells the next occurrences of a recurrence, what it is in words, and what \
        the next change of clocks does to it. Nothing is saved: use it before add_task or update_task.";
    const EFFECT: Effect = Effect::Reads;
    type Input = PreviewAsked;
    type Output = Previewed;

    async fn call(api: &Api<'_>, asked: PreviewAsked) -> Result<Previewed, Refusal> {
        api.post("/v1/recurrence/preview", &asked).await
    }
}
