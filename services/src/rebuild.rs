//! `todostack-services rebuild`: what a consumer makes of events, made again from the first event that
//! Kafka still has, without doing anything twice.

use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use domain::event::Event;
use runtime::telemetry;
use store::Store;

use crate::{
    audit::Audit,
    config::Common,
    consumer::Consumer,
    intake::{Intake, Read},
    kafka::reader,
    recurrence::Recurrence,
};

/// What to rebuild.
#[derive(Args)]
pub struct RebuildArgs {
    /// What every role needs.
    #[command(flatten)]
    pub common: Common,
    /// Whose work is done again.
    #[arg(value_enum)]
    pub what: Rebuilt,
}

/// Consumers whose work can be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rebuilt {
    /// Instances that are missing behind the last completed one of a series.
    Recurrence,
    /// Lines that are missing in the trail.
    Audit,
}

/// Reads the consumer's topics from their first message to what is their end now.
///
/// # Errors
/// When Kafka or the database cannot be reached, or an event cannot be dealt with: begin again once the
/// cause is gone.
pub async fn run(args: RebuildArgs) -> anyhow::Result<()> {
    telemetry::init(telemetry::Format::Json, &args.common.log)?;
    let store = Store::connect(&args.common.database_url, "todostack-rebuild", 2)?;
    let recurrence = Arc::new(Recurrence {
        store: store.clone(),
    });
    let audit = Arc::new(Audit {
        store: store.clone(),
    });
    let consumer: Arc<dyn Consumer> = match args.what {
        Rebuilt::Recurrence => recurrence.clone(),
        Rebuilt::Audit => audit.clone(),
    };
    let intake = Intake::new(consumer, store.pool().clone());
    let prefix = args.common.topic_prefix();
    for topic in intake.topics() {
        let name = format!("{prefix}{}", topic.as_str());
        let mut events_read = 0;
        let messages = reader::read_all(&args.common.kafka, &name, async |messages| {
            let events: Vec<Event> = messages
                .iter()
                .filter_map(|message| match intake.read(topic.as_str(), message) {
                    Read::Event(event) => Some(*event),
                    // Its dead letter is there since it first came.
                    Read::Newer | Read::Unreadable(_) => None,
                })
                .collect();
            events_read += events.len();
            match args.what {
                Rebuilt::Recurrence => recurrence.rebuild(&events).await,
                Rebuilt::Audit => audit.handle(&events).await,
            }
        })
        .await
        .with_context(|| format!("rebuild from {name}"))?;
        tracing::info!(topic = name, messages, events = events_read, "read");
    }
    Ok(())
}
