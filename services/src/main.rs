//! `todostack-services <role>`: one service of a stack.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use clap::Parser;
use domain::reminder::CatchUp;
use runtime::{auth::Keys, ops, shutdown, telemetry};
use services::{
    audit::{self, Audit},
    config::{Common, Config, Role},
    consumer::{self, Consumer, for_sidecar},
    dapr::{DaprPublisher, Sidecar},
    jobs::JobClock,
    notifications::Notifications,
    recurrence::Recurrence,
    relay::Relay,
    reminders::{self, Reminders},
    sync::Sync,
};
use store::Store;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections of one process to Postgres, at most.
const CONNECTIONS: u32 = 8;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    runtime::exit::code(run().await)
}

async fn run() -> anyhow::Result<()> {
    match Config::parse().role {
        Role::Migrate(common) => {
            telemetry::init(telemetry::Format::Json, &common.log)?;
            store::migrate_url(&common.database_url)
                .await
                .context("migrate the database")?;
            tracing::info!("the schema is up to date");
            Ok(())
        }
        Role::DeadLetters(args) => services::dead_letters::run(args).await,
        Role::Relay(args) => {
            let process = Process::start(args.common, "relay")?;
            let Common {
                stack, namespace, ..
            } = &process.common;
            let publisher = DaprPublisher {
                sidecar: Sidecar::new(process.common.dapr_http_port)?,
                pubsub: args.pubsub.unwrap_or_else(|| format!("{stack}-pubsub")),
                prefix: args
                    .topic_prefix
                    .unwrap_or_else(|| format!("{namespace}.{stack}.")),
            };
            let relay = Relay {
                store: process.store.clone(),
                publisher: Arc::new(publisher),
                source: process.common.source(),
            };
            let mut work = JoinSet::new();
            work.spawn(relay.run(process.shutdown.clone()));
            process.serve(Router::new(), Router::new(), work).await
        }
        Role::Reminders(args) => {
            let process = Process::start(args.common, "reminders")?;
            let policy = CatchUp {
                mode: args.catch_up,
                window_seconds: args.catch_up_window_seconds,
                per_second: args.catch_up_per_second,
                ..CatchUp::default()
            };
            let sidecar = Sidecar::new(process.common.dapr_http_port)?;
            let clock = Arc::new(JobClock::new(sidecar));
            let service = Reminders::new(process.store.clone(), clock, policy);
            let mut work = JoinSet::new();
            work.spawn(reminders::tick_each_second(
                service.clone(),
                process.shutdown.clone(),
            ));
            let internal = reminders::internal_api::router(service.clone(), &args.internal_token);
            let stop = process.shutdown.clone();
            work.spawn(async move {
                if let Err(error) =
                    ops::serve_router(args.internal_listen, internal, stop.clone()).await
                {
                    tracing::error!(error = format!("{error:#}"), "the internal API ended");
                    stop.cancel();
                }
            });
            let sidecar = consumer::routes(service.clone()).merge(reminders::routes(service));
            process.serve(sidecar, Router::new(), work).await
        }
        Role::Recurrence(common) => {
            let process = Process::start(common, "recurrence")?;
            let store = process.store.clone();
            process.consume(Arc::new(Recurrence { store })).await
        }
        Role::Audit(args) => {
            let retention = args.retention();
            let process = Process::start(args.common, "audit")?;
            let store = process.store.clone();
            let mut work = JoinSet::new();
            let shutdown = process.shutdown.clone();
            work.spawn(audit::maintain(store.clone(), retention, shutdown));
            let sidecar = consumer::routes(Arc::new(Audit { store }));
            process.serve(sidecar, Router::new(), work).await
        }
        Role::Notifications(args) => {
            let common = args.common.clone();
            let senders = args.senders()?;
            let process = Process::start(common, "notifications")?;
            let service = Notifications::new(process.store.clone(), senders);
            let mut work = JoinSet::new();
            work.spawn(service.clone().run(process.shutdown.clone()));
            process
                .serve(consumer::routes(service), Router::new(), work)
                .await
        }
        Role::Sync(args) => {
            let process = Process::start(args.common, "sync")?;
            let keys = Keys::new(args.jwt_key.as_bytes())?;
            let sync = Sync::new(process.store.pool().clone(), keys, process.shutdown.clone());
            let mut work = JoinSet::new();
            work.spawn(sync.clone().listen());
            let devices = sync.router();
            process
                .serve(consumer::routes(Arc::new(sync)), devices, work)
                .await
        }
    }
}

/// What every role has.
struct Process {
    common: Common,
    store: Store,
    metrics: runtime::ops::MetricsHandle,
    shutdown: CancellationToken,
}

impl Process {
    fn start(common: Common, role: &'static str) -> anyhow::Result<Self> {
        telemetry::init(telemetry::Format::Json, &common.log)?;
        let metrics = ops::install_metrics()?;
        let store = Store::connect(
            &common.database_url,
            &format!("{}-{role}", common.stack),
            CONNECTIONS,
        )?;
        let shutdown = shutdown::token()?;
        tracing::info!(
            role,
            version = env!("CARGO_PKG_VERSION"),
            stack = common.stack,
            namespace = common.namespace,
            "started"
        );
        Ok(Self {
            common,
            store,
            metrics,
            shutdown,
        })
    }

    async fn consume(self, consumer: Arc<dyn Consumer>) -> anyhow::Result<()> {
        self.serve(consumer::routes(consumer), Router::new(), JoinSet::new())
            .await
    }

    /// Serves until the signal, then lets `work` end within the time of grace.
    async fn serve(
        self,
        sidecar: Router,
        public: Router,
        mut work: JoinSet<()>,
    ) -> anyhow::Result<()> {
        let token = self.common.dapr_app_token.as_deref();
        let router = for_sidecar(sidecar, token).merge(public);
        let pool = self.store.pool().clone();
        let ready = move || {
            let pool = pool.clone();
            async move { store::ping(&pool).await.map_err(|error| error.to_string()) }
        };
        let ops = ops::serve(
            self.common.ops_listen,
            self.metrics,
            ready,
            self.shutdown.clone(),
        );
        let app = ops::serve_router(self.common.listen, router, self.shutdown.clone());
        let grace = async {
            self.shutdown.cancelled().await;
            tokio::time::sleep(shutdown::GRACE).await;
        };
        let all = async {
            let served = tokio::try_join!(ops, app);
            while work.join_next().await.is_some() {}
            served.map(|_| ())
        };
        tokio::select! {
            served = all => served,
            () = grace => anyhow::bail!("some work did not end within {:?}", shutdown::GRACE),
        }
    }
}
