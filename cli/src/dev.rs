//! `todostack dev`: the platform that manifests describe, on this machine.

use std::{env, fs, net::SocketAddr, path::Path};

use anyhow::{Context as _, anyhow};
use chrono::{Local, TimeDelta, Utc};
use crds::{NotificationsSpec, OidcProviderSpec, RateLimitSpec, RateLimitsSpec};
use domain::{internal_api::ReminderPut, reminder::CatchUp, webhook::Secret, wording::Wording};
use gateway::{OidcProviders, RateLimits};
use kube::ResourceExt;
use operator::reminder_job::request;
use serde::{Deserialize, Serialize};
use serde_json::json;
use services::{notifications::retry::Retry, reminders::Reminders};
use uuid::Uuid;

use crate::{
    client::Api,
    hold::Hold,
    keys::Keys,
    manifests::Manifests,
    platform::{Options, Platform},
    schedules::Follower,
    sink::{Received, Sink},
};

/// The ready-made user.
const DEMO_EMAIL: &str = "demo@example.com";

/// How far ahead the first reminder is when the greeting comes.
const FIRST: TimeDelta = TimeDelta::seconds(3);

/// What other commands need to know of a running `dev`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Running {
    /// The database's URL.
    pub(crate) database_url: String,
    /// Name of the stack.
    pub(crate) stack: String,
}

impl Running {
    const FILE: &str = "running.json";

    /// What a running `dev` left in its data folder.
    ///
    /// # Errors
    /// When none is running.
    pub(crate) fn read(data_dir: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(data_dir.join(Self::FILE))
            .with_context(|| format!("no `todostack dev` is running on {}", data_dir.display()))?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// Runs until Ctrl-C.
///
/// # Errors
/// Names what cannot be read or started.
pub(crate) async fn run(
    data_dir: &Path,
    filename: &Path,
    listen: SocketAddr,
) -> anyhow::Result<()> {
    let stop = runtime::shutdown::token()?;
    let mut hold = Hold::take(data_dir, "dev")?;
    let manifests = Manifests::read(filename)?;
    let keys = Keys::load(data_dir)?;
    let spec = &manifests.stack.spec;
    let (sink, inbox, mut deliveries) = Sink::start().await?;
    inbox.trust(Secret::parse(&keys.webhook)?);
    let own = spec
        .notifications
        .webhook
        .as_ref()
        .and_then(|webhook| webhook.url.clone());
    let stack = manifests.stack.name_any();
    let namespace = manifests
        .stack
        .namespace()
        .unwrap_or_else(|| "default".into());
    let options = Options {
        stack: (namespace.clone(), stack.clone()),
        listen,
        webhook_url: Some(own.clone().unwrap_or_else(|| sink.url.clone())),
        push_subject: spec.notifications.web_push.as_ref().map_or_else(
            || format!("mailto:{DEMO_EMAIL}"),
            |push| push.subject.clone(),
        ),
        retry: retry(&spec.notifications)?,
        wording: wording(&spec.notifications)?,
        catch_up: CatchUp {
            mode: request::catch_up(spec.reminders.catch_up),
            window_seconds: spec.reminders.catch_up_window_seconds,
            per_second: u32::try_from(spec.reminders.catch_up_per_second).unwrap_or(1),
            ..CatchUp::default()
        },
        rate_limits: rate_limits(&spec.gateway.rate_limits)?,
        oidc: issuers(&spec.gateway.auth.oidc)?,
        trail_kept: spec.audit.retention(),
    };
    println!("starting Postgres in {} …", data_dir.display());
    let platform = tokio::select! {
        platform = Platform::start(data_dir, &keys, options) => platform?,
        () = stop.cancelled() => return Ok(()),
    };
    let running = Running {
        database_url: platform.database_url(),
        stack,
    };
    let file = data_dir.join(Running::FILE);
    fs::write(&file, serde_json::to_vec(&running)?)?;
    let outcome = async {
        hold.listens(&platform.address)?;
        let mut follower = Follower::new(platform.reminders.clone(), manifests.schedules)?;
        follower.begin(manifests.reminders).await?;
        tokio::spawn(follower.run(platform.shutdown.clone()));
        let mut api = Api::new(&platform.address)?;
        let token = api.log_in(DEMO_EMAIL, &keys.demo_password).await?;
        if own.is_none() {
            // Shown below; a webhook of the manifest's is for what the manifest says.
            welcome(&platform.reminders, &namespace).await?;
        }
        greet(&platform.address, &token, &keys.demo_password);
        loop {
            tokio::select! {
                Some(delivery) = deliveries.recv() => tell(&delivery),
                () = stop.cancelled() => return anyhow::Ok(()),
                () = platform.shutdown.cancelled() => anyhow::bail!("the gateway ended"),
            }
        }
    }
    .await;
    println!("stopping …");
    let stopped = platform.stop().await;
    // Gone already, or never written: nothing else may mistake it for a running one.
    let _ = fs::remove_file(file);
    outcome.and(stopped)
}

/// What the manifest says of further attempts, read as the notifications service of a stack reads it.
fn retry(spec: &NotificationsSpec) -> anyhow::Result<Retry> {
    let asked = spec.retry.as_ref().map_or(json!({}), |retry| json!(retry));
    Retry::parse(&asked.to_string()).context("spec.notifications.retry")
}

/// What the manifest says of the texts of messages.
fn wording(spec: &NotificationsSpec) -> anyhow::Result<Option<Wording>> {
    let Some(templates) = &spec.templates else {
        return Ok(None);
    };
    let read = serde_json::from_value(json!(templates));
    let parsed = read
        .map_err(anyhow::Error::from)
        .and_then(|read| Ok(Wording::parse(read)?));
    parsed.map(Some).context("spec.notifications.templates")
}

/// How many requests the manifest lets callers make.
fn rate_limits(spec: &RateLimitsSpec) -> anyhow::Result<RateLimits> {
    let read = |limit: Option<RateLimitSpec>, name| {
        let parsed = limit.map(|limit| limit.as_setting().parse()).transpose();
        parsed.map_err(|error: String| anyhow!("spec.gateway.rateLimits.{name}: {error}"))
    };
    Ok(RateLimits {
        user: read(spec.user, "user")?,
        address: read(spec.address, "address")?,
    })
}

/// The issuers that the manifest lets users log in at. There are no Secrets here: a client secret is in the
/// environment, as the gateway of a stack has it.
fn issuers(specs: &[OidcProviderSpec]) -> anyhow::Result<OidcProviders> {
    let settings: Vec<_> = specs.iter().map(OidcProviderSpec::as_setting).collect();
    let providers = OidcProviders::parse(&json!(settings).to_string(), |name| env::var(name).ok());
    providers.context("spec.gateway.auth.oidc")
}

/// Asks for a first reminder, so that nobody waits for the manifests' own to see one.
async fn welcome(reminders: &Reminders, namespace: &str) -> anyhow::Result<()> {
    let wanted = ReminderPut {
        fire_at: Utc::now() + FIRST,
        message: "Welcome: so a reminder arrives".into(),
        task_id: None,
        task: None,
        channels: Vec::new(),
        suspend: false,
        // What a run that was killed left is of no use to the next one.
        deadline_seconds: Some(60),
        catch_up: None,
        series: None,
        object: format!("{namespace}/welcome"),
    };
    reminders.put(Uuid::new_v4(), &wanted).await?;
    Ok(())
}

fn greet(address: &str, token: &str, password: &str) {
    // The shell tells the time as the line is run: whoever reads first finds it still ahead.
    println!(
        "\
todostack is at {address}: open it in a browser  (the API: {address}/docs)
user {DEMO_EMAIL}, password {password}, token:

    TOKEN={token}

Make a task with a reminder in five seconds, then list the tasks:

    curl -s {address}/v1/tasks -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{{\"title\":\"Water the plants\",\"reminders\":[{{\"at\":\"'$(date -u -d @$(($(date +%s)+5)) +%FT%TZ)'\"}}]}}'
    curl -s {address}/v1/tasks -H \"Authorization: Bearer $TOKEN\"

Deliveries appear below, the first in a few seconds; `todostack get reminderjobs` shows what waits. Ctrl-C stops."
    );
}

fn tell(delivery: &Received) {
    let reminder = &delivery.reminder;
    let late = (delivery.at - reminder.fire_at).num_milliseconds();
    println!(
        "{}  reminder delivered {late} ms after its time: {}",
        delivery.at.with_timezone(&Local).format("%H:%M:%S"),
        reminder.message
    );
}
