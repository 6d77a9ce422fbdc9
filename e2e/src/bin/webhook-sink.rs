//! The webhook sink as a program: listens on `LISTEN`, or port 8080 of every address.

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
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    axum::serve(listener, e2e::sink::router())
        .with_graceful_shutdown(async move {
            terminate.recv().await;
        })
        .await
        .context("the server ended")
}
