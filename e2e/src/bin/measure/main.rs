//! Measures a running stack and prints Markdown tables for docs/measured.md: delays over a number
//! of reminders, memory of each process, sizes of the images. `e2e/measure` runs it with the
//! environment of the test cluster. Where there is no stack it makes the one of the end-to-end test.
//! With `load` as its argument: the same stack under ten times that test's load, or one stage of it
//! (`load burst`; the others are `log-ins`, `steady`, `jobs` and `hanging`). With `faults`: the stack while its
//! parts are killed and paused; exit code 1 when a promise was broken.

mod delays;
mod faults;
mod footprint;
mod load;

use anyhow::{Context, Result};
use e2e::harness::Cluster;

/// Reminders measured where no other number is given as the first argument.
const REMINDERS: usize = 200;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    e2e::exit_code(run().await)
}

async fn run() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let what = words.next();
    let count = match what.as_deref() {
        None | Some("load" | "faults") => REMINDERS,
        Some(text) => text
            .parse()
            .with_context(|| format!("{text:?} is no number of reminders"))?,
    };
    let cluster = Cluster::connect().await?;
    cluster.install().await?;
    match what.as_deref() {
        Some("faults") => {
            println!("{}", faults::table(&cluster).await?);
            return Ok(());
        }
        Some("load") => {
            let stage = words.next();
            println!("{}", load::tables(&cluster, stage.as_deref()).await?);
        }
        _ => {
            println!("{}", delays::table(&cluster, count).await?);
            println!("{}", footprint::memory(&cluster).await?);
        }
    }
    println!("{}", footprint::images(&cluster).await?);
    Ok(())
}
