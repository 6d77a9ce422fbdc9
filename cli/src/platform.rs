//! Everything that a stack runs, in this process: the same gateway and services as in a cluster, with
//! the in-process transport and timer.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use domain::{reminder::CatchUp, web_push::VapidKey, webhook::Secret, wording::Wording};
use gateway::{Gateway, OidcProviders, RateLimits};
use runtime::auth;
use services::{
    audit::{self, Audit},
    consumer::Consumer,
    intake::Intake,
    notifications::{
        Notifications, Senders,
        ntfy::Ntfy,
        retry::Retry,
        slack::Slack,
        web_push::{Vapid, WebPush},
        webhook::Webhooks,
    },
    recurrence::Recurrence,
    relay::Relay,
    reminders::{self, Reminders},
    replay,
    sync::Sync,
    timer::Timer,
    transport::InProcess,
};
use store::Store;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{keys::Keys, postgres::Embedded};

/// A token that was printed is good for a day's work.
const TOKENS_LAST: Duration = Duration::from_secs(12 * 3600);

/// What to run.
pub(crate) struct Options {
    /// Namespace and name of the stack.
    pub(crate) stack: (String, String),
    /// Where to listen; port 0: any free one.
    pub(crate) listen: SocketAddr,
    /// Webhook of reminders that have no channel.
    pub(crate) webhook_url: Option<String>,
    /// Whom the operators of push services may write to.
    pub(crate) push_subject: String,
    /// When deliveries are tried again.
    pub(crate) retry: Retry,
    /// What messages say; absent: what they say by themselves.
    pub(crate) wording: Option<Wording>,
    /// What to do with overdue reminders.
    pub(crate) catch_up: CatchUp,
    /// How many requests may be made.
    pub(crate) rate_limits: RateLimits,
    /// Issuers at which users may log in.
    pub(crate) oidc: OidcProviders,
    /// For how long the audit trail is kept.
    pub(crate) trail_kept: Duration,
}

/// A running platform.
pub(crate) struct Platform {
    /// The gateway's URL.
    pub(crate) address: String,
    /// The store.
    pub(crate) store: Store,
    /// The service that fires.
    pub(crate) reminders: Arc<Reminders>,
    /// Cancelled when it stops.
    pub(crate) shutdown: CancellationToken,
    postgres: Embedded,
    work: JoinSet<()>,
}

impl Platform {
    /// Starts all of it.
    ///
    /// # Errors
    /// Names the part that does not start.
    pub(crate) async fn start(
        data_dir: &Path,
        keys: &Keys,
        options: Options,
    ) -> anyhow::Result<Self> {
        // First of all: a port that is taken is told before anything is started.
        let listener = TcpListener::bind(options.listen)
            .await
            .with_context(|| format!("listen on {}: give another with --listen", options.listen))?;
        let address = format!("http://{}", listener.local_addr()?);
        let postgres = Embedded::start(data_dir, &keys.database_password).await?;
        let started = Self::start_on(postgres, listener, address, keys, options).await;
        match started {
            Ok(platform) => Ok(platform),
            Err((postgres, error)) => {
                postgres.stop().await?;
                Err(error)
            }
        }
    }

    async fn start_on(
        postgres: Embedded,
        listener: TcpListener,
        address: String,
        keys: &Keys,
        options: Options,
    ) -> Result<Self, (Embedded, anyhow::Error)> {
        let prepared = async {
            let url = postgres.url();
            store::migrate_url(&url).await.context("the schema")?;
            let store = Store::connect(&url, "todostack-dev", 30)?;
            let secret = Secret::parse(&keys.webhook)?;
            let vapid = Vapid {
                key: VapidKey::parse(&keys.vapid)?,
                subject: options.push_subject,
            };
            let tokens = auth::Keys::new(keys.jwt.as_bytes())?.lasting(TOKENS_LAST);
            let gateway = Gateway::new(store.clone(), tokens.clone())?
                .with_push(Some(vapid.key.public()))
                .with_oidc(options.oidc)
                .with_rate_limits(options.rate_limits);
            // Everything is on this machine, the receivers too.
            let webhooks = Webhooks::new(options.webhook_url, Some(secret), true)?;
            let senders = Senders {
                web_push: Some(WebPush::new(true, vapid, Some(address.clone()))?),
                ntfy: Some(Ntfy::new(true, Some(address.clone()))?),
                slack: Some(Slack::new(true)?),
                retry: options.retry,
                wording: options.wording,
                ..webhooks.into()
            };
            anyhow::Ok((store, senders, tokens, gateway))
        };
        let (store, senders, tokens, gateway) = match prepared.await {
            Ok(prepared) => prepared,
            Err(error) => return Err((postgres, error)),
        };
        let shutdown = CancellationToken::new();
        let mut work = JoinSet::new();

        let (timer, ringing) = Timer::new();
        let reminders = Reminders::new(store.clone(), Arc::new(timer), options.catch_up);
        let notifications = Notifications::new(store.clone(), senders);
        let sync = Sync::new(store.pool().clone(), tokens.clone(), shutdown.clone());
        let consumers: Vec<Arc<dyn Consumer>> = vec![
            reminders.clone(),
            notifications.clone(),
            Arc::new(Recurrence {
                store: store.clone(),
            }),
            Arc::new(Audit {
                store: store.clone(),
            }),
            Arc::new(sync.clone()),
        ];
        let intakes: Vec<Arc<Intake>> = consumers
            .into_iter()
            .map(|consumer| Intake::new(consumer, store.pool().clone()))
            .collect();
        let (namespace, name) = &options.stack;
        let relay = Relay {
            store: store.clone(),
            publisher: Arc::new(InProcess::new(intakes.clone())),
            source: format!("/todostack/{namespace}/{name}"),
        };
        work.spawn(relay.run(shutdown.clone()));
        work.spawn(replay::run(store.clone(), intakes, shutdown.clone()));
        work.spawn(reminders.clone().listen(ringing, shutdown.clone()));
        // The timer starts empty: the first sweep sets what is about to ring.
        work.spawn(reminders::sweep_each_minute(
            reminders.clone(),
            shutdown.clone(),
        ));
        work.spawn(reminders::tick_each_second(
            reminders.clone(),
            shutdown.clone(),
        ));
        work.spawn(notifications.run(shutdown.clone()));
        work.spawn(audit::maintain(
            store.clone(),
            options.trail_kept,
            shutdown.clone(),
        ));
        work.spawn(sync.clone().listen());
        work.spawn(gateway::renew_statistics(store.clone(), shutdown.clone()));
        work.spawn(gateway::run_imports(gateway.clone(), shutdown.clone()));
        work.spawn(gateway::share_rate_limits(
            gateway.clone(),
            shutdown.clone(),
        ));
        let router = gateway::router(gateway).merge(sync.router());
        let stop = shutdown.clone();
        work.spawn(async move {
            let served = axum::serve(
                listener,
                router.into_make_service_with_connect_info::<SocketAddr>(),
            )
            .with_graceful_shutdown(stop.clone().cancelled_owned())
            .await;
            if let Err(error) = served {
                tracing::error!(%error, "the gateway ended");
                stop.cancel();
            }
        });
        Ok(Self {
            address,
            store,
            reminders,
            shutdown,
            postgres,
            work,
        })
    }

    /// URL of the database.
    pub(crate) fn database_url(&self) -> String {
        self.postgres.url()
    }

    /// Lets work under way end, then stops the database.
    ///
    /// # Errors
    /// When the database cannot be stopped.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        let all = async { while self.work.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(10), all)
            .await
            .is_err()
        {
            tracing::warn!("some work did not end in time; it goes on at the next start");
            self.work.abort_all();
        }
        self.store.close().await;
        self.postgres.stop().await
    }
}
