//! `todostack dlq`: events that could not be dealt with, listed, replayed and dropped.

use std::path::Path;

use anyhow::Context as _;
use chrono::Utc;
use clap::Subcommand;
use services::consumer;
use store::{
    Store,
    dead_letters::{self, DeadLetter},
};

use crate::{
    dev::Running,
    get::{human, table},
};

/// Characters of a reason that the table shows.
const REASON: usize = 80;

/// What can be done with dead letters.
#[derive(Subcommand)]
pub(crate) enum Action {
    /// List them, the oldest first.
    List {
        /// Those of this consumer only; `relay`: what the broker never took.
        #[arg(long, value_parser = consumer::NAMES)]
        consumer: Option<String>,
        /// Only those behind this id.
        #[arg(long, default_value_t = 0)]
        after: i64,
        /// So many at most.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5000))]
        limit: u32,
    },
    /// Hand them to their consumer once more: those of the ids given, or all.
    Replay {
        /// Those of this consumer only.
        #[arg(long, value_parser = consumer::NAMES)]
        consumer: Option<String>,
        /// Ids, as `list` shows them.
        ids: Vec<i64>,
    },
    /// Delete them for good: those of the ids given.
    Drop {
        /// Those of this consumer only.
        #[arg(long, value_parser = consumer::NAMES)]
        consumer: Option<String>,
        /// Ids, as `list` shows them.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

/// Names the database, by the environment only: an argument is everybody's to read.
const URL: &str = "TODOSTACK_DATABASE_URL";

/// Does it: on the database that [`URL`] names, or on that of the `todostack dev` that runs on `data_dir`.
///
/// # Errors
/// When there is no such database.
pub(crate) async fn run(data_dir: &Path, action: Action) -> anyhow::Result<()> {
    let (url, whose) = match std::env::var(URL) {
        Ok(url) => (url, format!("the database of {URL} cannot be reached")),
        Err(_) => (
            Running::read(data_dir)?.database_url,
            format!("no `todostack dev` is running on {}", data_dir.display()),
        ),
    };
    let store = Store::connect(&url, "todostack-dlq", 2)?;
    match action {
        Action::List {
            consumer,
            after,
            limit,
        } => {
            let mut connection = store.acquire().await.context(whose)?;
            let limit = i64::from(limit);
            let letters =
                dead_letters::list(&mut connection, consumer.as_deref(), after, limit).await?;
            let rows: Vec<_> = letters.iter().map(row).collect();
            print!("{}", table(HEAD, &rows));
            if let Some(last) = letters.last()
                && rows.len() as i64 == limit
            {
                println!("more: --after {}", last.id);
            }
        }
        Action::Replay { consumer, ids } => {
            let ids = (!ids.is_empty()).then_some(ids.as_slice());
            let count = dead_letters::replay(&store, consumer.as_deref(), ids)
                .await
                .context(whose)?;
            println!("{count} to be replayed");
        }
        Action::Drop { consumer, ids } => {
            let mut connection = store.acquire().await.context(whose)?;
            let count = dead_letters::discard(&mut connection, consumer.as_deref(), &ids).await?;
            println!("{count} deleted");
        }
    }
    Ok(())
}

const HEAD: [&str; 7] = [
    "ID", "CONSUMER", "TYPE", "SUBJECT", "STATE", "AGE", "REASON",
];

fn row(letter: &DeadLetter) -> [String; 7] {
    let reason = letter.reason.as_deref().unwrap_or("");
    // One line each, whatever an error says.
    let reason: String = reason
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(REASON)
        .collect();
    let text = |text: &Option<String>| -> String {
        text.iter()
            .flat_map(|text| text.chars())
            .filter(|c| !c.is_control())
            .take(40)
            .collect()
    };
    [
        letter.id.to_string(),
        letter.consumer.clone(),
        text(&letter.kind),
        text(&letter.subject),
        letter.state.clone(),
        human(Utc::now() - letter.first_seen_at),
        reason,
    ]
}
