//! `todostack smoke`: the demo without hands. Starts the platform, signs a user up, makes a task with
//! a reminder three seconds ahead, receives the webhook and verifies its signature.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context, bail, ensure};
use chrono::{SecondsFormat, Utc};
use crds::AuditSpec;
use domain::{reminder::CatchUp, webhook::Secret};
use gateway::{OidcProviders, RateLimits};
use serde_json::json;
use services::notifications::retry::Retry;
use uuid::Uuid;

use crate::{
    client::Api,
    hold::Hold,
    keys::Keys,
    platform::{Options, Platform},
    sink::Sink,
};

/// How far ahead the reminder is.
const AHEAD: Duration = Duration::from_secs(3);
/// How long the webhook may take after its time before the smoke test gives up.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs the whole of it, from an empty database, which is removed afterwards.
///
/// # Errors
/// Names the step that did not go as it should.
pub(crate) async fn run(data_dir: &Path) -> anyhow::Result<()> {
    let mut hold = Hold::take(data_dir, "smoke")?;
    remove_data(data_dir)?;
    let keys = Keys::load(data_dir)?;
    let options = Options {
        stack: ("default".into(), "smoke".into()),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        webhook_url: None,
        push_subject: "mailto:smoke@example.com".into(),
        retry: Retry::default(),
        wording: None,
        catch_up: CatchUp::default(),
        rate_limits: RateLimits::default(),
        oidc: OidcProviders::default(),
        trail_kept: AuditSpec::default().retention(),
    };
    let platform = Platform::start(data_dir, &keys, options).await?;
    let outcome = async {
        hold.listens(&platform.address)?;
        remind(&platform.address).await
    }
    .await;
    platform.stop().await?;
    remove_data(data_dir)?;
    let late = outcome?;
    println!("smoke ok: reminder delivered {late} ms after its time");
    Ok(())
}

/// The server's binaries stay: they need not be downloaded again.
fn remove_data(data_dir: &Path) -> anyhow::Result<()> {
    let data = data_dir.join("pgdata");
    if data.exists() {
        fs::remove_dir_all(&data).with_context(|| format!("removing {}", data.display()))?;
    }
    Ok(())
}

/// Makes the task and waits for its webhook; how late it came, in milliseconds.
async fn remind(address: &str) -> anyhow::Result<i64> {
    let (sink, inbox, mut received) = Sink::start().await?;
    let mut api = Api::new(address)?;
    let email = format!("smoke-{}@example.com", Uuid::new_v4());
    api.log_in(&email, &Uuid::new_v4().to_string()).await?;
    let channel = api
        .post(
            "/v1/channels",
            &json!({"type": "webhook", "url": sink.url, "isDefault": true}),
        )
        .await
        .context("making a webhook")?;
    let secret = channel["secret"]
        .as_str()
        .context("a new channel answers its secret")?;
    inbox.trust(Secret::parse(secret)?);

    let due = Utc::now() + AHEAD;
    let at = due.to_rfc3339_opts(SecondsFormat::Millis, true);
    api.post(
        "/v1/tasks",
        &json!({"title": "Smoke test", "reminders": [{"at": at}]}),
    )
    .await
    .context("making a task")?;

    let first = tokio::time::timeout(AHEAD + PATIENCE, received.recv())
        .await
        .context("no webhook with a valid signature came")?
        .context("the receiver is gone")?;
    // Once means once: anything more within two seconds is a fault.
    if tokio::time::timeout(Duration::from_secs(2), received.recv())
        .await
        .is_ok()
    {
        bail!("the webhook came twice");
    }
    // The reminder's time was sent in milliseconds.
    let late = first.at.timestamp_millis() - due.timestamp_millis();
    ensure!(late >= 0, "the reminder came {} ms before its time", -late);
    Ok(late)
}
