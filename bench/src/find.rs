//! Searches, filters and sorts: 10,000 tasks a user, a million in the table.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use crate::{
    Bench,
    create::CONNECTIONS,
    finish,
    gateway::{self, Gateway},
    http::{self, Script},
    postgres::{self, Postgres},
    report::{Report, Spread, Table, met, milliseconds},
    say,
};

const SQL: &str = include_str!("../sql/find.sql");

/// Tasks of each user.
const TASKS: u32 = 10_000;

/// Each connection asks so often.
const INTERVAL: Duration = Duration::from_millis(100);

/// What is asked for, and within how many milliseconds 95 of 100 are to be answered.
struct Group {
    title: &'static str,
    target: f64,
    connections: usize,
    queries: &'static [(&'static str, &'static str)],
}

/// The words are those of `find.sql`.
const SEARCHES: Group = Group {
    title: "search",
    target: 50.0,
    connections: 4,
    queries: &[
        ("a rare word", "q=checkwise%20"),
        ("a word of 3 in 100 tasks", "q=washing%20"),
        ("a word of 13 in 100 tasks", "q=mail%20"),
        ("a word of 40 in 100 tasks", "q=meet%20"),
        ("the beginning of words of 11 in 100 tasks", "q=wash"),
        ("two words", "q=washing%20mail%20"),
        ("one of two words", "q=checkwise%20or%20washing%20"),
        ("a phrase", "q=%22meet%20the%20washing%22"),
        ("a word by due time", "q=washing%20&sort=due"),
        ("a mistyped word", "q=checkwsie%20"),
    ],
};

const LISTS: Group = Group {
    title: "filter or sort",
    target: 20.0,
    connections: CONNECTIONS,
    queries: &[
        ("as they were created", ""),
        ("status", "status=completed"),
        ("priority", "priority=P1"),
        ("every tag", "tag=home&tag=tag7"),
        ("any tag", "tagAny=tag7&tagAny=tag8"),
        ("no tag", "tagNone=tag7"),
        ("inbox", "project=inbox"),
        ("subtasks of none", "parent=none"),
        ("overdue", "due=overdue"),
        ("due today", "due=today"),
        ("due this week", "due=week"),
        ("due never", "due=none"),
        ("created since", "createdAfter=2026-01-01T00:00:00Z"),
        ("updated since", "updatedAfter=2026-01-01T00:00:00Z"),
        ("completed since", "completedAfter=2026-01-01T00:00:00Z"),
        ("has a reminder", "hasReminder=true"),
        ("recurs", "isRecurring=true"),
        ("`text:` of few", "filter=text%3Acheckwise"),
        (
            "a filter of several",
            "filter=%28p1%20%7C%20overdue%29%20%26%20%40home%20%26%20%21%40tag7%20%26%20due%20%3C%20%2B3d",
        ),
        ("by due time", "sort=due"),
        ("by due time, descending", "sort=due&order=desc"),
        ("by priority", "sort=priority"),
        ("by update", "sort=updated&order=desc"),
        ("by completion", "sort=completed&order=desc"),
        ("by title", "sort=title"),
        ("by hand", "sort=manual"),
    ],
};

fn script(tokens: Vec<String>, query: &str) -> Arc<Script> {
    let path = format!("/v1/tasks?limit=50&{query}");
    Arc::new(move |connection, _, buffer| {
        let token = &tokens[connection % tokens.len()];
        http::request(buffer, "GET", path.trim_end_matches('&'), token, "");
        true
    })
}

/// Measures it.
///
/// # Errors
/// What failed.
pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let owners: u32 = bench.pick(100, 2);
    let server = Postgres::start()?;
    let pool = server.database("find").await?;
    postgres::users(&pool, i32::try_from(owners)?).await?;
    let set = [("tasks", TASKS.to_string()), ("owners", owners.to_string())];
    server.script("find", SQL, &set).await?;
    say(format!("{owners} users with {TASKS} tasks each"));
    let gateway = Gateway::start(bench, "gateway", server.url("find")).await?;
    let tokens = gateway::tokens(owners as usize)?;

    let mut report = Report::new("find", "Searches, filters and sorts");
    let mut figures = Vec::new();
    for group in [SEARCHES, LISTS] {
        let mut table = Table::new(&[group.title, "p50", "p95", "p99", "target", "met"]);
        for (name, query) in group.queries {
            let script = script(tokens.clone(), query);
            let ask = |time| {
                http::load_every(
                    &gateway.address,
                    group.connections,
                    INTERVAL,
                    time,
                    script.clone(),
                )
            };
            // Its plans are made, and its rows are in memory.
            ask(bench.round() / 5).await?.faultless()?;
            let loaded = ask(bench.round()).await?;
            loaded.faultless()?;
            let times = Spread::of(loaded.times);
            table.push(vec![
                (*name).into(),
                milliseconds(times.p50),
                milliseconds(times.p95),
                milliseconds(times.p99),
                format!("p95 < {}", milliseconds(group.target)),
                met(times.p95 < group.target),
            ]);
            figures.push(json!({"query": query, "target": group.target, "milliseconds": times}));
        }
        report.tables.push(table);
    }
    report.notes.push(format!(
        "{} tasks in the table, {TASKS} of each user; the first page of 50. Searches over {} connections, lists over \
         {}, each of which asks every {} ms for {} s; a time counts from when the request was to be sent.",
        owners * TASKS,
        SEARCHES.connections,
        LISTS.connections,
        INTERVAL.as_millis(),
        bench.round().as_secs(),
    ));
    Ok(finish(report, json!(figures)))
}
