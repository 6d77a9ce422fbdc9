//! `todostack-services <role>`: one service of a stack.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use clap::Parser;
use domain::reminder::CatchUp;
use runtime::{ops, shutdown, telemetry};
use services::{
    audit::{self, Audit},
    config::{Common, Config, Role, Transport},
    consumer::Consumer,
    dapr::{DaprPublisher, Sidecar},
    intake::Intake,
    jobs::JobClock,
    kafka::{KafkaPublisher, Patience, Subscriber, Subscription},
    notifications::Notifications,
    recurrence::Recurrence,
    relay::Relay,
    reminders::{self, Reminders},
    replay,
    subscriptions::{self, for_sidecar},
    sync::Sync,
    timer::Timer,
    transport::Publisher,
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
        Role::Dlq(args) => services::dlq::run(args).await,
        Role::Rebuild(args) => services::rebuild::run(args).await,
        Role::Relay(args) => {
            let process = Process::start(args.common, "relay")?;
            let common = &process.common;
            let prefix = common.topic_prefix();
            let publisher: Arc<dyn Publisher> = match common.transport {
                Transport::Dapr => Arc::new(DaprPublisher {
                    sidecar: Sidecar::new(common.dapr_http_port)?,
                    pubsub: args
                        .pubsub
                        .unwrap_or_else(|| format!("{}-pubsub", common.stack)),
                    prefix,
                }),
                Transport::Kafka => Arc::new(KafkaPublisher::new(&common.kafka, prefix)?),
            };
            let relay = Relay {
                store: process.store.clone(),
                publisher,
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
            let mut work = JoinSet::new();
            let store = process.store.clone();
            let service = match process.common.transport {
                Transport::Dapr => {
                    let sidecar = Sidecar::new(process.common.dapr_http_port)?;
                    Reminders::new(store, Arc::new(JobClock::new(sidecar)), policy)
                }
                Transport::Kafka => {
                    let (timer, ringing) = Timer::new();
                    let service = Reminders::new(store, Arc::new(timer), policy);
                    let stop = process.shutdown.clone();
                    work.spawn(service.clone().listen(ringing, stop.clone()));
                    // The timer starts empty, and forgets with its process.
                    work.spawn(reminders::sweep_each_minute(service.clone(), stop));
                    service
                }
            };
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
            let alarms = reminders::routes(service.clone());
            process.consume(service, alarms, Router::new(), work).await
        }
        Role::Recurrence(common) => {
            let process = Process::start(common, "recurrence")?;
            let store = process.store.clone();
            process.consume_only(Recurrence { store }).await
        }
        Role::Audit(args) => {
            let retention = args.retention();
            let process = Process::start(args.common, "audit")?;
            let store = process.store.clone();
            let mut work = JoinSet::new();
            let shutdown = process.shutdown.clone();
            work.spawn(audit::maintain(store.clone(), retention, shutdown));
            let nothing = Router::new();
            process
                .consume(Arc::new(Audit { store }), nothing.clone(), nothing, work)
                .await
        }
        Role::Notifications(args) => {
            let common = args.common.clone();
            let senders = args.senders()?;
            let process = Process::start(common, "notifications")?;
            let service = Notifications::new(process.store.clone(), senders);
            let mut work = JoinSet::new();
            work.spawn(service.clone().run(process.shutdown.clone()));
            process
                .consume(service, Router::new(), Router::new(), work)
                .await
        }
        Role::Sync(args) => {
            let keys = args.keys()?;
            let process = Process::start(args.common, "sync")?;
            let sync = Sync::new(process.store.pool().clone(), keys, process.shutdown.clone());
            let mut work = JoinSet::new();
            work.spawn(sync.clone().listen());
            let devices = sync.router();
            process
                .consume(Arc::new(sync), Router::new(), devices, work)
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

    /// Serves a consumer and nothing else.
    async fn consume_only(self, consumer: impl Consumer) -> anyhow::Result<()> {
        let nothing = Router::new();
        self.consume(Arc::new(consumer), nothing.clone(), nothing, JoinSet::new())
            .await
    }

    /// Serves a consumer: its events, its dead letters, and what else it has.
    async fn consume(
        self,
        consumer: Arc<dyn Consumer>,
        sidecar: Router,
        public: Router,
        mut work: JoinSet<()>,
    ) -> anyhow::Result<()> {
        let intake = Intake::new(consumer, self.store.pool().clone());
        work.spawn(replay::run(
            self.store.clone(),
            vec![intake.clone()],
            self.shutdown.clone(),
        ));
        let sidecar = match self.common.transport {
            Transport::Dapr => subscriptions::routes(intake).merge(sidecar),
            Transport::Kafka => {
                let subscription = Subscription {
                    kafka: self.common.kafka.clone(),
                    group: self.common.consumer_group(intake.name()),
                    prefix: self.common.topic_prefix(),
                    patience: Patience::default(),
                };
                let subscriber = Subscriber::new(subscription, intake, self.shutdown.clone())?;
                work.spawn(subscriber.run());
                Router::new()
            }
        };
        self.serve(sidecar, public, work).await
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
