//! Where the cluster and what belongs to it are found: all from the environment, which
//! `e2e/cluster/up` prints for our own cluster.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// The addresses and programs that the tests use.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `E2E_KUBECONFIG`: the cluster, with the rights of an administrator.
    pub kubeconfig: PathBuf,
    /// `E2E_KUBECTL`, default `kubectl`.
    pub kubectl: PathBuf,
    /// `E2E_HELM`, default `helm`.
    pub helm: PathBuf,
    /// `E2E_KAFKA_BROKERS`: the stack's Kafka as seen from here, default `127.0.0.1:19092`.
    pub kafka_brokers: String,
    /// `E2E_DATABASE_URL`: the stack's Postgres as seen from here.
    pub database_url: String,
    /// `E2E_REACH`, default `forward`: how Services are reached.
    pub reach: Reach,
    /// `E2E_HELM_VALUES`: a values file for the operator's chart, default that of our own cluster.
    pub helm_values: PathBuf,
    /// The checkout.
    pub root: PathBuf,
}

/// How Services are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// By port-forward through the API server.
    Forward,
    /// By their ClusterIP: the test runs in the cluster's network.
    Service,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// When no cluster is named: a test that cannot run fails, it does not pass.
    pub fn from_env() -> Result<Self> {
        let kubeconfig = std::env::var_os("E2E_KUBECONFIG").context(
            "E2E_KUBECONFIG names no cluster: run `./justw test-cluster`, which makes one \
             (or set E2E_KUBECONFIG and E2E_DATABASE_URL to use yours); \
             everything that needs no cluster runs with `./justw test-no-cluster`",
        )?;
        let database_url = std::env::var("E2E_DATABASE_URL").context(
            "E2E_DATABASE_URL is not set: give the URL of the stack's Postgres as seen from here",
        )?;
        let program = |variable: &str, default: &str| {
            PathBuf::from(std::env::var_os(variable).unwrap_or_else(|| default.into()))
        };
        let reach = match std::env::var("E2E_REACH").as_deref() {
            Err(_) | Ok("" | "forward") => Reach::Forward,
            Ok("service") => Reach::Service,
            Ok(other) => bail!("E2E_REACH is {other:?}; say service or forward"),
        };
        let root = root();
        Ok(Self {
            kubeconfig: kubeconfig.into(),
            kubectl: program("E2E_KUBECTL", "kubectl"),
            helm: program("E2E_HELM", "helm"),
            kafka_brokers: std::env::var("E2E_KAFKA_BROKERS")
                .unwrap_or_else(|_| "127.0.0.1:19092".into()),
            database_url,
            reach,
            helm_values: std::env::var_os("E2E_HELM_VALUES").map_or_else(
                || root.join("e2e/manifests/operator-values.yaml"),
                PathBuf::from,
            ),
            root,
        })
    }
}

/// The checkout: where Cargo runs the test, or where it was compiled.
fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let checkout = package
        .ancestors()
        .find(|folder| folder.join("charts/todostack-operator").is_dir());
    checkout.unwrap_or(&package).to_path_buf()
}
