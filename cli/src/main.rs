//! The `todostack` command: the whole platform on one machine, without a cluster.

mod client;
mod dev;
mod dlq;
mod get;
mod hold;
mod keys;
mod manifests;
mod mcp;
mod platform;
mod postgres;
mod schedules;
mod sink;
mod smoke;
mod unprivileged;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};

/// The to-do platform on your machine.
#[derive(Parser)]
#[command(name = "todostack", version)]
struct Cli {
    /// Folder of the database and the keys; absent: the user's data folder, or for root
    /// `/var/lib`.
    #[arg(long, global = true, env = "TODOSTACK_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// What is logged to standard error, as `tracing` filter directives.
    #[arg(long, global = true, env = "TODOSTACK_LOG", default_value = "warn")]
    log: String,
    #[command(subcommand)]
    command: Any,
}

#[derive(Subcommand)]
enum Any {
    #[command(flatten)]
    Command(Command),
    /// Show or replay events that could not be dealt with: those of a running `todostack dev`, or of a
    /// stack whose database `TODOSTACK_DATABASE_URL` names.
    #[command(subcommand)]
    Dlq(dlq::Action),
    /// Serve the tools of MCP over standard input and output, for an assistant that starts this: on the gateway
    /// at `TODOSTACK_URL`, with the API token in `TODOSTACK_TOKEN`.
    Mcp,
}

/// What runs as the user of the data folder.
#[derive(Subcommand)]
enum Command {
    /// Run the platform that manifests describe, on an embedded Postgres.
    Dev {
        /// Manifests: a TodoStack and its RecurringSchedules and ReminderJobs, as for kubectl.
        #[arg(short, long)]
        filename: PathBuf,
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
    },
    /// Show what a running `todostack dev` has.
    Get {
        /// What to show.
        kind: Kind,
    },
    /// Run the platform, send a reminder through it, and say how late it came.
    Smoke,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Reminders, with the columns of `kubectl get reminderjobs`.
    #[value(alias = "reminderjob", alias = "rj")]
    Reminderjobs,
}

/// The folder of `todostack dev`, where none is given.
const DEV: &str = "todostack-dev";

fn main() -> ExitCode {
    runtime::exit::code(run(Cli::parse()))
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let folder = |name| match &cli.data_dir {
        Some(folder) => std::path::absolute(folder).map_err(anyhow::Error::from),
        None => unprivileged::data_dir(name),
    };
    let command = match cli.command {
        Any::Command(command) => command,
        // It only reads where the database is: whoever may do that needs no other user.
        Any::Dlq(action) => {
            runtime::telemetry::init(runtime::telemetry::Format::Text, &cli.log)?;
            return one_thread()?.block_on(dlq::run(&folder(DEV)?, action));
        }
        Any::Mcp => {
            runtime::telemetry::init(runtime::telemetry::Format::Text, &cli.log)?;
            return one_thread()?.block_on(mcp::run());
        }
    };
    let data_dir = folder(match command {
        // It begins with an empty database of its own.
        Command::Smoke => "todostack-smoke",
        Command::Dev { .. } | Command::Get { .. } => DEV,
    })?;
    unprivileged::prepare(&data_dir)?;
    if unprivileged::is_root()? {
        if !matches!(command, Command::Get { .. }) {
            // Told before anything of the running one is touched.
            hold::check(&data_dir)?;
        }
        let mut arguments = vec!["--data-dir".to_owned(), data_dir.display().to_string()];
        arguments.extend(["--log".into(), cli.log.clone()]);
        match &command {
            Command::Dev { filename, listen } => {
                // `nobody` may not be able to read the file, nor the folder it is in: root reads it.
                let copy = manifests::keep_copy(filename, &data_dir)?;
                arguments.extend(["dev".into(), "--listen".into(), listen.to_string()]);
                arguments.extend(["--filename".into(), copy]);
            }
            Command::Get { .. } => arguments.extend(["get".into(), "reminderjobs".into()]),
            Command::Smoke => arguments.push("smoke".into()),
        }
        return Err(unprivileged::go_on_as_nobody(&data_dir, &arguments));
    }
    runtime::telemetry::init(runtime::telemetry::Format::Text, &cli.log)?;
    let threads = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    threads.block_on(async {
        match command {
            Command::Dev { filename, listen } => dev::run(&data_dir, &filename, listen).await,
            Command::Get {
                kind: Kind::Reminderjobs,
            } => get::reminderjobs(&data_dir).await,
            Command::Smoke => smoke::run(&data_dir).await,
        }
    })
}

fn one_thread() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}
