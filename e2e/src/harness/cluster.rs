//! The cluster: `kubectl` and `helm` where a user would use them, a client for reading.

use std::{ffi::OsStr, path::Path, process::Stdio};

use anyhow::{Context, Result, ensure};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::{io::AsyncWriteExt, process::Command};

use super::Settings;

/// What a program said.
#[derive(Debug, Clone)]
pub struct Ran {
    /// It ended with exit code 0.
    pub success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A cluster and how to speak with it.
#[derive(Clone)]
pub struct Cluster {
    /// Where everything is.
    pub settings: Settings,
    /// A client with the rights of `E2E_KUBECONFIG`.
    pub client: Client,
}

impl Cluster {
    /// Reads the kubeconfig and makes a client of it.
    ///
    /// # Errors
    /// When the environment names no cluster, or the kubeconfig cannot be used.
    pub async fn connect() -> Result<Self> {
        // Our dependencies bring two; rustls wants to be told. An error says that it was.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let settings = Settings::from_env()?;
        let kubeconfig = Kubeconfig::read_from(&settings.kubeconfig)
            .with_context(|| format!("E2E_KUBECONFIG {}", settings.kubeconfig.display()))?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .context("the kubeconfig")?;
        let client = Client::try_from(config).context("a client of the cluster")?;
        Ok(Self { settings, client })
    }

    /// `kubectl` with these arguments, whatever it says.
    ///
    /// # Errors
    /// When it cannot be run.
    pub async fn try_kubectl<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: Option<&str>,
    ) -> Result<Ran> {
        self.run(&self.settings.kubectl, arguments, input).await
    }

    /// `kubectl` with these words, which must succeed; its standard output.
    ///
    /// # Errors
    /// When it fails.
    pub async fn kubectl(&self, words: &str) -> Result<String> {
        let ran = self.try_kubectl(words.split_whitespace(), None).await?;
        ensure!(ran.success, "kubectl {words}: {}", ran.stderr.trim());
        Ok(ran.stdout)
    }

    /// `kubectl apply -f` of a file of the checkout.
    ///
    /// # Errors
    /// When it fails.
    pub async fn apply(&self, file: &str) -> Result<()> {
        let path = self.settings.root.join(file);
        let arguments = [OsStr::new("apply"), OsStr::new("-f"), path.as_os_str()];
        let ran = self.try_kubectl(arguments, None).await?;
        ensure!(
            ran.success,
            "kubectl apply -f {file}: {}",
            ran.stderr.trim()
        );
        Ok(())
    }

    /// `kubectl apply -f -` of this text.
    ///
    /// # Errors
    /// When it fails.
    pub async fn apply_text(&self, manifest: &str) -> Result<()> {
        let ran = self
            .try_kubectl(["apply", "-f", "-"], Some(manifest))
            .await?;
        ensure!(
            ran.success,
            "kubectl apply: {}\n{manifest}",
            ran.stderr.trim()
        );
        Ok(())
    }

    /// `helm` with these arguments, which must succeed.
    ///
    /// # Errors
    /// When it fails.
    pub async fn helm<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String> {
        let ran = self.run(&self.settings.helm, arguments, None).await?;
        ensure!(ran.success, "helm: {}{}", ran.stdout, ran.stderr.trim());
        Ok(ran.stdout)
    }

    async fn run<A: AsRef<OsStr>>(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        input: Option<&str>,
    ) -> Result<Ran> {
        let mut child = Command::new(program)
            .args(arguments)
            .env("KUBECONFIG", &self.settings.kubeconfig)
            .stdin(if input.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin
                .write_all(input.as_bytes())
                .await
                .context("writing to a program")?;
        }
        let output = child
            .wait_with_output()
            .await
            .context("waiting for a program")?;
        Ok(Ran {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}
