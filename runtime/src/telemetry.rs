//! Logs. Metrics are in [`crate::ops`].

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, for collectors.
    Json,
    /// For people.
    Text,
}

/// Sends `tracing` events to standard error, filtered by `directives` (such as `info,sqlx=warn`).
///
/// # Errors
/// When the directives cannot be read, or when it was called before.
pub fn init(format: Format, directives: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(directives)
        .with_context(|| format!("log filter {directives:?} cannot be read"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let set = match format {
        Format::Json => builder.json().flatten_event(true).try_init(),
        Format::Text => builder.compact().with_target(false).try_init(),
    };
    set.map_err(|error| anyhow::anyhow!("logs: {error}"))
}
