//! What every step stands on: the operator installed, a stack Ready, a sink for its webhooks.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat, Utc};
use crds::{ReminderJob, ReminderPhase};
use domain::webhook::Secret;
use e2e::harness::{
    Cluster, Database, Gateway, Kafka, NAMESPACE, STACK, Sidecar, Webhooks, eventually,
};
use k8s_openapi::api::core::v1;
use kube::{Api, ResourceExt};
use tokio::sync::OnceCell;

use crate::Step;

/// The one [`World`] of this run, made by the first step that is run.
#[derive(Default)]
pub(crate) struct Shared(OnceCell<Result<World, String>>);

impl Shared {
    /// Runs one step; when it fails, says also what the cluster looks like.
    pub(crate) async fn run(&self, name: &str, step: Step) -> Result<(), String> {
        let world = match self.0.get_or_init(setup).await {
            Ok(world) => world,
            // Told in full when it happened.
            Err(error) => {
                let reason = error.lines().next().unwrap_or_default();
                return Err(format!("nothing can be tested: {reason}"));
            }
        };
        let Err(error) = step(world).await else {
            return Ok(());
        };
        eprintln!(
            "step {name} failed; the cluster now:\n{}",
            world.cluster.dump().await
        );
        Err(format!("{error:#}"))
    }
}

/// See the [module](self).
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) gateway: Gateway,
    pub(crate) kafka: Kafka,
    pub(crate) database: Database,
    /// What is signed with the stack's own secret.
    pub(crate) webhooks: Webhooks,
}

async fn setup() -> Result<World, String> {
    let cluster = Cluster::connect()
        .await
        .map_err(|error| format!("{error:#}"))?;
    match World::make(cluster.clone()).await {
        Ok(world) => Ok(world),
        Err(error) => {
            eprintln!(
                "no stack to test: {error:#}\nthe cluster now:\n{}",
                cluster.dump().await
            );
            Err(format!("{error:#}"))
        }
    }
}

impl World {
    async fn make(cluster: Cluster) -> Result<Self> {
        let settings = cluster.settings.clone();
        cluster.install().await?;
        let keys: Api<v1::Secret> = Api::namespaced(cluster.client.clone(), NAMESPACE);
        let keys = keys
            .get(&format!("{STACK}-keys"))
            .await
            .context("the stack's keys")?;
        let secret = keys.data.unwrap_or_default().remove("webhook-secret");
        let secret = secret.context("the stack's keys have no webhook-secret")?;
        let secret = String::from_utf8(secret.0).context("the webhook-secret is text")?;
        let secret = Secret::parse(&secret).context("the stack's webhook-secret")?;
        Ok(Self {
            gateway: Gateway::open(cluster.client.clone(), settings.reach).await?,
            kafka: Kafka::new(&settings.kafka_brokers),
            database: Database::new(&settings.database_url)?,
            webhooks: Webhooks::open(cluster.client.clone(), settings.reach, secret).await?,
            cluster,
        })
    }

    /// A way to the sidecar of a role.
    pub(crate) async fn sidecar(&self, role: &str) -> Result<Sidecar> {
        Sidecar::open(self.cluster.client.clone(), role).await
    }

    /// The stack's ReminderJobs.
    pub(crate) fn reminder_jobs(&self) -> Api<ReminderJob> {
        Api::namespaced(self.cluster.client.clone(), NAMESPACE)
    }

    /// Applies a ReminderJob whose message is its name.
    pub(crate) async fn apply_reminder_job(&self, name: &str, at: DateTime<Utc>) -> Result<()> {
        self.cluster.apply_text(&reminder_job(name, at, name)).await
    }

    /// Waits until a ReminderJob is in this phase.
    pub(crate) async fn reach_phase(
        &self,
        name: &str,
        phase: ReminderPhase,
        within: Duration,
    ) -> Result<ReminderJob> {
        eventually(
            &format!("ReminderJob {name} to be {phase:?}"),
            within,
            async || {
                let job = self.reminder_jobs().get(name).await?;
                let now = job.status.as_ref().and_then(|status| status.phase);
                ensure!(now == Some(phase), "its phase is {now:?}");
                Ok(job)
            },
        )
        .await
    }

    /// Deletes ReminderJobs and waits until their finalizers let go.
    pub(crate) async fn delete_reminder_job(&self, name: &str) -> Result<()> {
        let words = format!("delete reminderjob {name} --namespace {NAMESPACE} --timeout 60s");
        self.cluster.kubectl(&words).await.map(drop)
    }
}

/// A ReminderJob's manifest.
pub(crate) fn reminder_job(name: &str, at: DateTime<Utc>, message: &str) -> String {
    let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!(
        r#"
apiVersion: todostack.dev/v1alpha1
kind: ReminderJob
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec:
  stackRef: {{name: {STACK}}}
  fireAt: "{at}"
  message: {message}
"#
    )
}

/// A name that no other run of the tests uses.
pub(crate) fn unique(what: &str) -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    format!("{what}-{}", &id[..8])
}

/// The UID of an object of the cluster; a ReminderJob's is the id of its reminder.
pub(crate) fn uid(object: &impl ResourceExt) -> Result<uuid::Uuid> {
    object
        .uid()
        .context("an object of the API server has a UID")?
        .parse()
        .context("a UID")
}

/// A whole second, this many from now: times in manifests have no fractions.
pub(crate) fn in_seconds(seconds: i64) -> DateTime<Utc> {
    let at = Utc::now().timestamp() + seconds;
    DateTime::from_timestamp(at, 0).unwrap_or_default()
}

/// Sleeps until then.
pub(crate) async fn sleep_until(at: DateTime<Utc>) {
    tokio::time::sleep((at - Utc::now()).to_std().unwrap_or_default()).await;
}
