//! Dapr's bulk publish and its Jobs, called by a client that does nothing else.

use std::{sync::Arc, time::Duration};

use chrono::{SecondsFormat, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{
    AT_ONCE,
    parts::{PREFIX, PUBSUB, Sidecar},
};
use crate::http::{self, Script};

/// Events of one call, as many as the relay's.
const BATCH: u64 = 500;

/// Connections that publish.
const PUBLISHERS: u64 = 4;

/// Publishes about `count` events like those of a new task; events in a second.
///
/// # Errors
/// When Dapr refuses one.
pub(super) async fn publish(sidecar: &Sidecar, count: u64) -> anyhow::Result<f64> {
    let calls = count.div_ceil(BATCH * PUBLISHERS).max(2);
    let path = format!("/v1.0-alpha1/publish/bulk/{PUBSUB}/{PREFIX}bare");
    // One body for all, made before: the client's own work is not what is measured.
    let body = json!((0..BATCH).map(entry).collect::<Vec<_>>()).to_string();
    let script: Arc<Script> = Arc::new(move |_, n, buffer| {
        http::request(buffer, "POST", &path, "", &body);
        n < calls
    });
    let hour = Duration::from_secs(3600);
    // The first call makes the topic.
    let first = script.clone();
    let one: Arc<Script> =
        Arc::new(move |connection, n, buffer| first(connection, n, buffer) && n < 1);
    http::load(&sidecar.address, 1, hour, one)
        .await?
        .faultless()?;
    let done = http::load(&sidecar.address, usize::try_from(PUBLISHERS)?, hour, script).await?;
    done.faultless()?;
    Ok((done.good * BATCH) as f64 / done.elapsed.as_secs_f64())
}

fn entry(n: u64) -> serde_json::Value {
    let (id, task) = (Uuid::now_v7(), Uuid::now_v7());
    let (owner, now) = (Uuid::from_u64_pair(7, n), Utc::now());
    json!({
        "entryId": n.to_string(),
        "contentType": "application/cloudevents+json",
        "metadata": {"partitionKey": task},
        "event": {
            "specversion": "1.0", "id": id, "source": "/todostack/default/bench",
            "type": "task.created", "subject": task, "time": now, "datacontenttype": "application/json",
            "dataschema": "https://todostack.dev/schemas/task.created/v1", "owner": owner,
            "data": {
                "id": task, "owner": owner, "title": "Water the plants on the balcony",
                "description": "", "priority": "P4", "tags": [], "reminders": [], "version": 1,
                "createdAt": now, "updatedAt": now,
            },
        },
    })
}

/// Creates `count` Jobs like those of alarms; Jobs in a second.
///
/// # Errors
/// When Dapr refuses one.
pub(super) async fn jobs(
    sidecar: &Sidecar,
    count: u64,
    round: &'static str,
) -> anyhow::Result<f64> {
    let at = Utc::now() + chrono::Duration::hours(6);
    let body = json!({
        "dueTime": at.to_rfc3339_opts(SecondsFormat::Nanos, true),
        "repeats": 1,
        "overwrite": true,
        "data": {"reminder": Uuid::nil(), "occurrence": 0, "generation": 1},
        "failurePolicy": {"constant": {"interval": "5s"}},
    })
    .to_string();
    let each = count / AT_ONCE as u64;
    let script: Arc<Script> = Arc::new(move |connection, n, buffer| {
        let path = format!("/v1.0-alpha1/jobs/bare-{round}-{connection}-{n}");
        http::request(buffer, "POST", &path, "", &body);
        n < each
    });
    let hour = Duration::from_secs(3600);
    let done = http::load(&sidecar.address, AT_ONCE, hour, script).await?;
    done.faultless()?;
    Ok(done.rate())
}
