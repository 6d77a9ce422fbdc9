//! `just bench [ROW...]`: measures a release build against what its parts can do by themselves, in the
//! same run. It starts what it needs and leaves nothing behind but its report.

mod bulk;
mod burst;
mod connections;
mod create;
mod dapr;
mod dev;
mod find;
mod gateway;
mod growth;
mod http;
mod list;
mod logins;
mod machine;
mod neighbour;
mod part;
mod postgres;
mod report;
mod sink;
mod sockets;
mod users;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use report::Report;
use tempfile::TempDir;

/// Measures todostack.
#[derive(Parser)]
#[command(name = "todostack-bench")]
struct Arguments {
    /// What to measure; absent: everything.
    rows: Vec<Row>,
    /// Small and short: whether it works, not how fast it is.
    #[arg(long)]
    quick: bool,
    /// Folder of the programs to be measured; absent: that of this program.
    #[arg(long)]
    bin: Option<PathBuf>,
    /// Dapr delivers event by event, as before subscriptions were in bulk.
    #[arg(long)]
    singly: bool,
    /// Where JSON and Markdown go.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Row {
    /// Tasks with a reminder made in a second, beside pgbench.
    Create,
    /// Lists of 50 tasks read in a second, beside pgbench.
    List,
    /// 500 creates in one request.
    Bulk,
    /// Searches, filters and sorts among 10,000 tasks of a user, 1,000,000 in all.
    Find,
    /// 1,000 users at once; a device that reads everything.
    Users,
    /// 1,000 connections, mixed reads and writes.
    Connections,
    /// Memory after 1,000 log-ins.
    Logins,
    /// The same work in a small and in a large database.
    Growth,
    /// 10,000 reminders due in one second; a single one; 200 a second.
    Burst,
    /// A reminder beside those of a receiver that never answers.
    Neighbour,
    /// 1,000 and 10,000 WebSockets: from commit to client, and their memory.
    Sockets,
    /// The relay, each consumer and the setting of alarms, beside Dapr's own APIs.
    Dapr,
}

/// What every row needs.
pub(crate) struct Bench {
    /// Small and short.
    pub(crate) quick: bool,
    /// Dapr delivers event by event.
    pub(crate) singly: bool,
    /// Folder of logs and data, gone at the end.
    pub(crate) scratch: TempDir,
    /// Folder of the programs that are measured.
    pub(crate) bin: PathBuf,
}

impl Bench {
    /// Path of a program of ours.
    ///
    /// # Errors
    /// When it is not built.
    pub(crate) fn program(&self, name: &str) -> anyhow::Result<String> {
        let path = self.bin.join(name);
        anyhow::ensure!(
            path.exists(),
            "{} is not built: `just bench` does it",
            path.display()
        );
        Ok(path.display().to_string())
    }

    /// `full`, or in a quick run `quick`.
    pub(crate) fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// Time of one round.
    pub(crate) fn round(&self) -> Duration {
        Duration::from_secs(self.pick(5, 1))
    }

    /// Rounds of each side.
    pub(crate) fn rounds(&self) -> usize {
        self.pick(5, 2)
    }
}

/// Says what is being done.
pub(crate) fn say(text: impl AsRef<str>) {
    eprintln!("bench: {}", text.as_ref());
}

fn main() -> ExitCode {
    match begin() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn begin() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let threads = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    threads.block_on(async {
        tokio::select! {
            outcome = run(arguments) => outcome,
            // What was started ends with the values that hold it.
            _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        }
    })
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let bin = match arguments.bin {
        Some(folder) => std::path::absolute(folder)?,
        None => std::env::current_exe()?
            .parent()
            .map(Path::to_path_buf)
            .context("the folder of this program")?,
    };
    let scratch = tempfile::Builder::new()
        .prefix("todostack-bench-")
        .tempdir()?;
    // `nobody` passes through it to the data of `todostack dev`, which is closed to others itself.
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o711))?;
    let bench = Bench {
        quick: arguments.quick,
        singly: arguments.singly,
        scratch,
        bin,
    };
    let machine = machine::describe(&bench);
    // A quick run must not be taken for a measurement.
    let out = if bench.quick && !dapr::is_isolated() {
        arguments.out.join("quick")
    } else {
        arguments.out
    };
    let rows = if arguments.rows.is_empty() {
        Row::value_variants().to_vec()
    } else {
        arguments.rows
    };
    let mut failed = Vec::new();
    for row in rows {
        let name = row
            .to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned());
        say(format!("── {name}"));
        if row == Row::Dapr && !dapr::is_isolated() {
            // It writes its report itself.
            if let Err(error) = dapr::isolated(&bench, &out).await {
                say(format!("{name} failed: {error:#}"));
                failed.push(name);
            }
            continue;
        }
        let outcome = match row {
            Row::Create => create::run(&bench).await,
            Row::List => list::run(&bench).await,
            Row::Bulk => bulk::run(&bench).await,
            Row::Find => find::run(&bench).await,
            Row::Users => users::run(&bench).await,
            Row::Connections => connections::run(&bench).await,
            Row::Logins => logins::run(&bench).await,
            Row::Growth => growth::run(&bench).await,
            Row::Burst => burst::run(&bench).await,
            Row::Neighbour => neighbour::run(&bench).await,
            Row::Sockets => sockets::run(&bench).await,
            Row::Dapr => dapr::run(&bench).await,
        };
        match outcome {
            Ok(report) => {
                report.write(&out, &machine)?;
                println!("{}", report.markdown());
            }
            // The others are worth their figures.
            Err(error) => {
                say(format!("{name} failed: {error:#}"));
                failed.push(name);
            }
        }
    }
    if !dapr::is_isolated() {
        gather(&out, &machine)?;
    }
    anyhow::ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// Joins what the rows wrote, in this run and earlier ones, into `measured.md`.
fn gather(out: &Path, machine: &serde_json::Value) -> anyhow::Result<()> {
    let mut text = machine::sentence(machine);
    for row in Row::value_variants() {
        if let Some(name) = row.to_possible_value()
            && let Ok(part) = fs::read_to_string(out.join(format!("{}.md", name.get_name())))
        {
            text.push('\n');
            text.push_str(&part);
        }
    }
    fs::create_dir_all(out)?;
    let file = out.join("measured.md");
    fs::write(&file, text)?;
    say(format!("all tables: {}", file.display()));
    Ok(())
}

/// Puts the figures of a [`Report`] in place.
pub(crate) fn finish(mut report: Report, figures: serde_json::Value) -> Report {
    report.figures = figures;
    report
}
