//! The webhook sink as a program: listens on `LISTEN`, or port 8080 of every address; on the port
//! after it, it takes connections and never answers.

use anyhow::{Context, Result};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

#[tokio::main]
async fn main() -> std::process::ExitCode {
    e2e::exit_code(run().await)
}

async fn run() -> Result<()> {
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "0.0.0.0:8080".into());
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("cannot listen on {address}; set LISTEN to a free host:port"))?;
    let mut silent = listener.local_addr().context("a listener's address")?;
    silent.set_port(silent.port() + 1);
    let silent = TcpListener::bind(silent)
        .await
        .with_context(|| format!("cannot listen on {silent}"))?;
    tokio::spawn(e2e::sink::hang(silent));
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    axum::serve(listener, e2e::sink::router())
        .with_graceful_shutdown(async move {
            terminate.recv().await;
        })
        .await
        .context("the server ended")
}
