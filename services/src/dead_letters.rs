//! `todostack-services dead-letters`: the events that the broker never took, for an operator with a
//! shell in any pod of the stack.

use std::io::Write as _;

use clap::{Args, Subcommand};
use store::{Store, outbox};

use crate::config::Common;

/// Rows read at once.
const PAGE: i64 = 500;

/// What to do.
#[derive(Args)]
pub struct DeadLettersArgs {
    /// What every role needs.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with events that were set aside.
#[derive(Subcommand)]
pub enum Action {
    /// List them, one JSON object a line.
    List,
    /// Publish them once more: those of the places given, or all.
    Replay {
        /// Places (`seq`), as `list` shows them.
        seqs: Vec<i64>,
    },
}

/// Does it, and prints what it did.
///
/// # Errors
/// From the database.
pub async fn run(args: DeadLettersArgs) -> anyhow::Result<()> {
    let store = Store::connect(&args.common.database_url, "todostack-dead-letters", 1)?;
    let mut out = std::io::stdout().lock();
    match args.action {
        Action::List => {
            let mut after = 0;
            loop {
                let mut connection = store.acquire().await?;
                let events = outbox::set_aside(&mut connection, after, PAGE).await?;
                let Some(last) = events.last() else {
                    return Ok(());
                };
                after = last.seq;
                for event in &events {
                    writeln!(out, "{}", serde_json::to_string(event)?)?;
                }
            }
        }
        Action::Replay { seqs } => {
            let which = (!seqs.is_empty()).then_some(seqs.as_slice());
            let mut transaction = store.begin().await?;
            let count = outbox::put_back(&mut transaction, which).await?;
            transaction.commit().await?;
            writeln!(out, "{count} to be published again")?;
            Ok(())
        }
    }
}
