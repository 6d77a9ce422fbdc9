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
    let count = match std::env::args().nth(1) {
        None => REMINDERS,
        Some(text) if text == "faults" => {
            let cluster = Cluster::connect().await?;
            cluster.install().await?;
            println!("{}", faults::table(&cluster).await?);
            return Ok(());
        }
        Some(text) if text == "load" => {
            let cluster = Cluster::connect().await?;
            cluster.install().await?;
            println!(
                "{}",
                load::tables(&cluster, std::env::args().nth(2).as_deref()).await?
            );
            println!("{}", footprint::images(&cluster).await?);
            return Ok(());
        }
        Some(text) => text
            .parse()
            .with_context(|| format!("{text:?} is no number of reminders"))?,
    };
    let cluster = Cluster::connect().await?;
    cluster.install().await?;
    println!("{}", delays::table(&cluster, count).await?);
    println!("{}", footprint::memory(&cluster).await?);
    println!("{}", footprint::images(&cluster).await?);
    Ok(())
}
