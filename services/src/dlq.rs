//! `todostack-services dlq`: the events that consumers could not deal with and those that the broker
//! never took, for an operator with a shell in any pod of the stack.

use std::io::Write as _;

use clap::{Args, Subcommand};
use store::{Store, dead_letters};

use crate::{config::Common, consumer};

/// Rows read at once.
const PAGE: i64 = 500;

/// What to do.
#[derive(Args)]
pub struct DlqArgs {
    /// What every role needs.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with dead letters.
#[derive(Subcommand)]
pub enum Action {
    /// List them, one JSON object a line.
    List {
        /// Those of this consumer only, such as `audit`; `relay`: what the broker never took.
        #[arg(long, value_parser = consumer::NAMES)]
        consumer: Option<String>,
        /// Only those behind this id.
        #[arg(long, default_value_t = 0)]
        after: i64,
        /// So many at most; absent: all of them.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
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

/// Does it, and prints what it did.
///
/// # Errors
/// From the database.
pub async fn run(args: DlqArgs) -> anyhow::Result<()> {
    let store = Store::connect(&args.common.database_url, "todostack-dlq", 2)?;
    let mut out = std::io::stdout().lock();
    match args.action {
        Action::List {
            consumer,
            mut after,
            limit,
        } => {
            let mut left = limit.map_or(i64::MAX, i64::from);
            while left > 0 {
                let page = {
                    let mut connection = store.acquire().await?;
                    let limit = left.min(PAGE);
                    dead_letters::list(&mut connection, consumer.as_deref(), after, limit).await?
                };
                let Some(last) = page.last() else { break };
                after = last.id;
                left -= page.len() as i64;
                for letter in &page {
                    writeln!(out, "{}", serde_json::to_string(letter)?)?;
                }
            }
        }
        Action::Replay { consumer, ids } => {
            let ids = (!ids.is_empty()).then_some(ids.as_slice());
            let count = dead_letters::replay(&store, consumer.as_deref(), ids).await?;
            writeln!(out, "{count} to be replayed")?;
        }
        Action::Drop { consumer, ids } => {
            let mut connection = store.acquire().await?;
            let count = dead_letters::discard(&mut connection, consumer.as_deref(), &ids).await?;
            writeln!(out, "{count} deleted")?;
        }
    }
    Ok(())
}
