//! A pod's Dapr sidecar, asked through its HTTP port: what has it loaded, which jobs does it hold?

use anyhow::{Context, Result, bail};
use kube::Client;
use serde_json::Value;

use super::{
    reach::{Forward, Target},
    stack::{self, NAMESPACE},
};

/// Dapr's HTTP port on the pod's loopback address.
const PORT: u16 = 3500;

/// The sidecar of one role of the stack.
#[derive(Debug)]
pub struct Sidecar {
    forward: Forward,
    http: reqwest::Client,
}

impl Sidecar {
    /// Opens a way to the sidecar of this role.
    ///
    /// # Errors
    /// When no local port is to be had.
    pub async fn open(client: Client, role: &str) -> Result<Self> {
        let target = Target::Pod {
            namespace: NAMESPACE.into(),
            selector: stack::selector(role),
            port: PORT,
        };
        Ok(Self {
            forward: Forward::open(client, target).await?,
            http: super::gateway::http()?,
        })
    }

    /// Names of the components that it has loaded.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn components(&self) -> Result<Vec<String>> {
        let url = self.forward.url("/v1.0/metadata");
        let answer = self
            .http
            .get(url)
            .send()
            .await
            .context("asking a sidecar")?;
        let metadata: Value = answer.json().await.context("a sidecar's metadata")?;
        let components = metadata["components"].as_array();
        let components = components.context("a sidecar's metadata has components")?;
        let names = components.iter().filter_map(|c| c["name"].as_str());
        Ok(names.map(str::to_owned).collect())
    }

    /// Whether the scheduler holds a job of this name.
    ///
    /// # Errors
    /// When the sidecar answers neither way.
    pub async fn has_job(&self, name: &str) -> Result<bool> {
        let url = self.forward.url(&format!("/v1.0-alpha1/jobs/{name}"));
        let answer = self
            .http
            .get(url)
            .send()
            .await
            .context("asking a sidecar")?;
        if answer.status().is_success() {
            return Ok(true);
        }
        // Dapr 1.16 says 500 to "no such job": its text tells the two apart.
        let status = answer.status();
        let text = answer.text().await.context("a sidecar's answer")?;
        if text.contains("not found") {
            return Ok(false);
        }
        bail!("asked for job {name}, the sidecar says {status}: {text}")
    }
}
