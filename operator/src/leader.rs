//! Leader election by a Lease: two operators never write at the same time.
//!
//! The process exits when it loses the lease, since work begun as leader cannot be called back, and
//! releases it at shutdown, so that the next one need not wait for it to expire.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use crate::config::Config;

/// How long a lease holds without renewal.
const DURATION: u64 = 15;
/// How long before its end it is renewed; also how long renewals may fail before we give up.
const GRACE: u64 = 7;
/// A call for the lease that takes longer has failed.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause before a failed renewal is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a standby looks whether the lease was let go of.
const STANDBY: Duration = Duration::from_secs(2);

/// A lease that may be held.
pub struct Leadership {
    builder: Builder,
    manager: Mutex<LeaseManager>,
}

/// What managers of the lease are made from.
struct Builder {
    client: kube::Client,
    lease: String,
    namespace: String,
    identity: String,
}

impl Builder {
    async fn build(&self) -> anyhow::Result<LeaseManager> {
        LeaseManagerBuilder::new(self.client.clone(), &self.lease)
            .with_namespace(&self.namespace)
            .with_identity(&self.identity)
            .with_duration(DURATION)
            .with_grace(GRACE)
            .build()
            .await
            .with_context(|| format!("lease {}/{}", self.namespace, self.lease))
    }

    /// Nobody holds the lease.
    async fn is_free(&self) -> bool {
        let api: Api<Lease> = Api::namespaced(self.client.clone(), &self.namespace);
        match api.get_opt(&self.lease).await {
            Ok(lease) => lease
                .and_then(|lease| lease.spec)
                .and_then(|spec| spec.holder_identity)
                .is_none_or(|holder| holder.is_empty()),
            Err(error) => {
                tracing::debug!(%error, "cannot read the lease");
                false
            }
        }
    }
}

impl Leadership {
    /// Prepares for the lease of the settings, with a client of its own: its calls must fail fast.
    ///
    /// # Errors
    /// When the API server does not let us read or create the lease.
    pub async fn new(mut kube: kube::Config, config: &Config) -> anyhow::Result<Self> {
        kube.connect_timeout = Some(CALL_TIMEOUT);
        kube.read_timeout = Some(CALL_TIMEOUT);
        kube.write_timeout = Some(CALL_TIMEOUT);
        let builder = Builder {
            client: kube::Client::try_from(kube)?,
            lease: config.lease.clone(),
            namespace: config.namespace.clone(),
            // The pod's name, and what tells this process from the one before a restart.
            identity: format!("{}_{}", config.identity, uuid::Uuid::new_v4()),
        };
        let manager = Mutex::new(builder.build().await?);
        Ok(Self { builder, manager })
    }

    /// Waits until we hold the lease.
    pub async fn acquire(&self) {
        let mut manager = self.manager.lock().await;
        loop {
            match timeout(STANDBY, manager.changed()).await {
                Ok(Ok(true)) => return,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "cannot take the lease yet");
                    sleep(STANDBY).await;
                }
                // A manager sleeps until the lease that it knows of ends. One that was let go of
                // meanwhile is taken at once, by a manager that does not know better.
                Err(_) if self.builder.is_free().await => match self.builder.build().await {
                    Ok(fresh) => *manager = fresh,
                    Err(error) => tracing::warn!(%error, "cannot take the lease yet"),
                },
                Err(_) => {}
            }
        }
    }

    /// Renews the lease until it is lost or this is dropped.
    ///
    /// # Errors
    /// When the lease is lost: another took it, or it could not be renewed in time. The manager by
    /// itself would go on as leader while the API server is out of reach.
    pub async fn hold(&self) -> anyhow::Result<Infallible> {
        let manager = self.manager.lock().await;
        let mut failing_since: Option<Instant> = None;
        loop {
            // A renewal that works is silent and sleeps longer than this.
            match timeout(Duration::from_secs(GRACE), manager.changed()).await {
                Err(_) => failing_since = None,
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => bail!("another operator took the lease"),
                Ok(Err(error)) => {
                    let since = *failing_since.get_or_insert_with(Instant::now);
                    tracing::warn!(%error, "cannot renew the lease");
                    // The call that failed first, the pause and one more call must fit into what the
                    // lease still holds: when it ends, another may write.
                    if since.elapsed() + CALL_TIMEOUT + PAUSE + CALL_TIMEOUT
                        >= Duration::from_secs(GRACE)
                    {
                        bail!("the lease could not be renewed in time: {error}");
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Lets another operator take over at once.
    pub async fn release(&self) {
        if let Err(error) = self.manager.lock().await.release().await {
            tracing::warn!(%error, "cannot release the lease; it expires by itself");
        }
    }
}
