//! The binary of the operator: reads its settings and runs [`operator::run`].

use clap::Parser;
use operator::Config;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    runtime::exit::code(run().await)
}

async fn run() -> anyhow::Result<()> {
    let config = Config::parse();
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        // The innermost span names the object; the list of all would say it twice.
        .with_span_list(false)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_new(&config.log)
                .map_err(|error| anyhow::anyhow!("--log {:?}: {error}", config.log))?,
        )
        .init();
    operator::run(config).await
}
