//! Why a task was found: where the words stand that were searched for.
//!
//! Places and not marked-up text: what a user wrote is never HTML.

use std::collections::HashSet;

use domain::{
    quick_add::Span,
    search::{spans, words},
    task::Task,
};
use serde::Serialize;
use sqlx::PgConnection;
use store::tasks::Search;
use utoipa::ToSchema;

/// Words of a text that are looked at: what is found far below is not shown beside a title.
const MOST_WORDS: usize = 1_000;

/// Different words of a page that are looked at; a page of some hundred long descriptions has more.
const MOST_OF_PAGE: usize = 5_000;

/// Spans of a text.
const MOST_SPANS: usize = 100;

/// Where the words stand that were searched for, in order: at most 100 in each text, of its first 1,000 words.
/// Both are empty where only a tag was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Highlights {
    #[schema(value_type = Vec<TextSpan>, max_items = 100)]
    title: Vec<Span>,
    #[schema(value_type = Vec<TextSpan>, max_items = 100)]
    description: Vec<Span>,
}

/// A part of a text, in UTF-16 code units: `text.slice(start, end)` in JavaScript.
#[derive(ToSchema)]
#[allow(
    dead_code,
    reason = "describes domain::quick_add::Span, which knows no OpenAPI"
)]
pub(crate) struct TextSpan {
    start: usize,
    end: usize,
}

/// The highlights of a page of tasks, in their order: by one statement.
///
/// # Errors
/// Whatever Postgres says.
pub(crate) async fn of(
    conn: &mut PgConnection,
    search: &Search,
    tasks: &[Task],
) -> sqlx::Result<Vec<Highlights>> {
    let mut asked: HashSet<&str> = HashSet::new();
    for task in tasks {
        for text in texts(search, task) {
            if asked.len() >= MOST_OF_PAGE {
                break;
            }
            asked.extend(words(text).iter().take(MOST_WORDS).map(|word| word.text));
        }
    }
    let found = search.found(conn, asked.into_iter().collect()).await?;
    let found: HashSet<&str> = found.iter().map(String::as_str).collect();
    let highlights = |task| {
        let [title, description] = texts(search, task).map(|text| spans(text, &found, MOST_SPANS));
        Highlights { title, description }
    };
    Ok(tasks.iter().map(highlights).collect())
}

/// Title and description, as far as they are searched: what resembles is looked for in titles alone.
fn texts<'a>(search: &Search, task: &'a Task) -> [&'a str; 2] {
    let description = if search.is_fuzzy() {
        ""
    } else {
        &task.description
    };
    [&task.title, description]
}
