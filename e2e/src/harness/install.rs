//! The way of a platform engineer: the chart, a manifest, a stack that is Ready.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use crds::{TodoStack, conditions};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;

use super::{
    Cluster, eventually,
    stack::{NAMESPACE, OPERATOR_NAMESPACE, STACK},
};

/// From the manifest to a Ready stack, image pulls and first start of Dapr's sidecars included.
const READY: Duration = Duration::from_secs(300);

impl Cluster {
    /// Installs the operator by its chart and applies the webhook sink and
    /// `examples/todostack.yaml`; what is there already stays. Returns when the stack is Ready.
    ///
    /// # Errors
    /// When a program fails, or when the stack is not Ready in time.
    pub async fn install(&self) -> Result<()> {
        let text = |path: &Path| path.display().to_string();
        let chart = text(&self.settings.root.join("charts/todostack-operator"));
        let values = text(&self.settings.helm_values);
        let namespace = ["--namespace", OPERATOR_NAMESPACE, "--create-namespace"];
        let install = [
            "upgrade",
            "--install",
            "todostack",
            &chart,
            "--values",
            &values,
        ];
        let wait = ["--wait", "--timeout", "3m"];
        self.helm([&install[..], &namespace, &wait].concat())
            .await?;
        self.apply("e2e/manifests/webhook-sink.yaml").await?;
        self.apply("examples/todostack.yaml").await?;
        self.kubectl(&format!(
            "rollout status deployment/webhook-sink --namespace {NAMESPACE} --timeout 60s"
        ))
        .await?;
        self.wait_until_ready().await
    }

    /// Waits until the stack says Ready about its present generation.
    async fn wait_until_ready(&self) -> Result<()> {
        let stacks: Api<TodoStack> = Api::namespaced(self.client.clone(), NAMESPACE);
        eventually(
            &format!("TodoStack {STACK} to be Ready"),
            READY,
            async || {
                let stack = stacks.get(STACK).await?;
                let status = stack.status.as_ref().context("it has no status")?;
                ensure!(
                    status.observed_generation == stack.metadata.generation
                        && conditions::is_true(&status.conditions, "Ready"),
                    "it says\n{}",
                    said(&status.conditions)
                );
                Ok(())
            },
        )
        .await
    }
}

/// Conditions as lines to read.
fn said(conditions: &[Condition]) -> String {
    let line = |c: &Condition| format!("{}={} {}: {}", c.type_, c.status, c.reason, c.message);
    let lines: Vec<_> = conditions.iter().map(line).collect();
    lines.join("\n")
}
