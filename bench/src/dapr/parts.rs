//! Kafka, Dapr's scheduler and sidecars, all on loopback, from the parts of the test cluster.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use crate::{
    Bench,
    part::{self, Part, Start},
};

/// Partitions of a topic, as the operator makes them.
const PARTITIONS: u32 = 6;

/// What the subscriptions of an app ask for, as the operator has it for the consumer of that name; the bare
/// app for as much as is of use.
fn bulk(app: &str) -> String {
    let await_ms = match app {
        "bench-audit" | "bench-bare" => 500,
        "bench-recurrence" => 25,
        _ => 10,
    };
    format!(
        "  bulkSubscribe: {{enabled: true, maxMessagesCount: 500, maxAwaitDurationMs: {await_ms}}}\n"
    )
}

/// Name of the pub/sub component.
pub(super) const PUBSUB: &str = "bench-pubsub";

/// What topic names begin with: the default of the stack `bench` in the namespace `default`.
pub(super) const PREFIX: &str = "default.bench.";

/// A broker and a scheduler.
pub(super) struct Parts {
    _kafka: Part,
    _scheduler: Part,
    daprd: PathBuf,
    broker: String,
    scheduler: String,
}

impl Parts {
    /// Starts them.
    ///
    /// # Errors
    /// When one does not start.
    pub(super) async fn start(bench: &Bench) -> anyhow::Result<Self> {
        let [dapr, kafka] = found().await?;
        let folder = bench.scratch.path();
        let (kafka, broker) = start_kafka(folder, &kafka)?;
        let (scheduler, host) = start_scheduler(folder, &dapr)?;
        kafka.listening(&broker).await?;
        scheduler.listening(&host).await?;
        Ok(Self {
            _kafka: kafka,
            _scheduler: scheduler,
            daprd: Path::new(&dapr).join("daprd"),
            broker,
            scheduler: host,
        })
    }

    /// Starts the sidecar of an app, with its own port and the app's; it is subscribed to `topics` as a
    /// stack's Subscriptions are.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) async fn sidecar(
        &self,
        bench: &Bench,
        app: &str,
        (http, port): (u16, Option<u16>),
        topics: &[&str],
        bulk: bool,
    ) -> anyhow::Result<Sidecar> {
        let folder = bench.scratch.path();
        let resources = folder.join(format!("resources-{app}"));
        fs::create_dir_all(&resources)?;
        let broker = &self.broker;
        fs::write(
            resources.join("pubsub.yaml"),
            format!(
                "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {{name: {PUBSUB}}}\n\
                 spec:\n  type: pubsub.kafka\n  version: v1\n  metadata:\n  \
                 - {{name: brokers, value: \"{broker}\"}}\n  \
                 - {{name: consumerID, value: \"default.{app}\"}}\n  \
                 - {{name: initialOffset, value: oldest}}\n  \
                 - {{name: version, value: \"2.8.0\"}}\n  \
                 - {{name: authType, value: none}}\n"
            ),
        )?;
        let bulk = if bulk { self::bulk(app) } else { String::new() };
        for topic in topics {
            fs::write(
                resources.join(format!("{topic}.yaml")),
                format!(
                    "apiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata: {{name: {topic}}}\n\
                     spec:\n  pubsubname: {PUBSUB}\n  topic: {PREFIX}{topic}\n  \
                     routes: {{default: /events/{topic}}}\n{bulk}"
                ),
            )?;
        }
        let ports = [part::free_port()?, part::free_port()?, part::free_port()?];
        let mut command = vec![
            self.daprd.display().to_string(),
            "--mode=standalone".into(),
            format!("--app-id={app}"),
            "--dapr-listen-addresses=127.0.0.1".into(),
            format!("--dapr-http-port={http}"),
            format!("--dapr-grpc-port={}", ports[0]),
            format!("--dapr-internal-grpc-port={}", ports[1]),
            "--dapr-internal-grpc-listen-address=127.0.0.1".into(),
            format!("--metrics-port={}", ports[2]),
            "--metrics-listen-address=127.0.0.1".into(),
            format!("--scheduler-host-address={}", self.scheduler),
            format!("--resources-path={}", resources.display()),
            "--log-level=warn".into(),
        ];
        if let Some(port) = port {
            command.push(format!("--app-port={port}"));
        }
        let name = format!("daprd-{app}");
        let part = Part::start(Start {
            name: &name,
            command,
            // There is no other address in a network namespace.
            env: vec![("DAPR_HOST_IP", "127.0.0.1".into())],
            folder,
            limited: false,
        })?;
        let address = format!("127.0.0.1:{http}");
        part.listening(&address).await?;
        Ok(Sidecar { part, address })
    }
}

/// Builds the parts that are missing; the folders of Dapr and of Kafka. The scripts of the test cluster
/// know how they are built, and where they lie.
///
/// # Errors
/// When one cannot be built.
pub(super) async fn found() -> anyhow::Result<[String; 2]> {
    let script =
        "e2e/parts/build dapr kafka >&2; source e2e/parts/lib.sh; part_dir dapr; part_dir kafka";
    let found = tokio::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .stderr(std::process::Stdio::inherit())
        .output()
        .await?;
    let text = String::from_utf8(found.stdout)?;
    let mut lines = text.lines().map(str::to_owned);
    match (lines.next(), lines.next(), found.status.success()) {
        (Some(dapr), Some(kafka), true) => Ok([dapr, kafka]),
        _ => {
            anyhow::bail!("e2e/parts/build failed; it lies in the project's folder: run this there")
        }
    }
}

/// A running sidecar.
pub(super) struct Sidecar {
    /// The process.
    pub(super) part: Part,
    /// `host:port` of its HTTP interface.
    pub(super) address: String,
}

fn start_kafka(folder: &Path, kafka: &str) -> anyhow::Result<(Part, String)> {
    let (port, controller) = (part::free_port()?, part::free_port()?);
    let file = folder.join("kafka.properties");
    fs::write(
        &file,
        format!(
            "node.id=1\nprocess.roles=broker,controller\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\ncontroller.listener.names=CONTROLLER\n\
             listeners=BENCH://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=BENCH://127.0.0.1:{port}\n\
             listener.security.protocol.map=BENCH:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             inter.broker.listener.name=BENCH\nlog.dirs={}\n\
             auto.create.topics.enable=true\nnum.partitions={PARTITIONS}\n\
             default.replication.factor=1\noffsets.topic.replication.factor=1\n\
             offsets.topic.num.partitions=1\ntransaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\ngroup.initial.rebalance.delay.ms=0\n",
            folder.join("kafka").display()
        ),
    )?;
    let script = r#"java=(java -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)
        "${java[@]}" -cp "$1/libs/*" kafka.tools.StorageTool format \
            --cluster-id dG9kb3N0YWNrLWUyZS10ZXN0 --config "$2" &&
        exec "${java[@]}" -Xmx512m -cp "$1/libs/*" kafka.Kafka "$2""#;
    let part = Part::start(Start {
        name: "kafka",
        command: ["bash", "-c", script, "kafka", kafka]
            .map(str::to_owned)
            .into_iter()
            .chain([file.display().to_string()])
            .collect(),
        env: Vec::new(),
        folder,
        limited: false,
    })?;
    Ok((part, format!("127.0.0.1:{port}")))
}

fn start_scheduler(folder: &Path, dapr: &str) -> anyhow::Result<(Part, String)> {
    let ports = [(); 5].map(|()| part::free_port());
    let [port, health, metrics, client, peer] = ports;
    let (port, peer) = (port?, peer?);
    let data = folder.join("scheduler");
    let program = Path::new(dapr).join("scheduler");
    let part = Part::start(Start {
        name: "scheduler",
        command: vec![
            program.to_str().context("a path in UTF-8")?.to_owned(),
            "--listen-address=127.0.0.1".into(),
            format!("--port={port}"),
            format!("--override-broadcast-host-port=127.0.0.1:{port}"),
            "--healthz-listen-address=127.0.0.1".into(),
            format!("--healthz-port={}", health?),
            "--metrics-listen-address=127.0.0.1".into(),
            format!("--metrics-port={}", metrics?),
            format!("--etcd-client-port={}", client?),
            "--id=dapr-scheduler-server-0".into(),
            format!("--etcd-initial-cluster=dapr-scheduler-server-0=http://127.0.0.1:{peer}"),
            format!("--etcd-data-dir={}", data.display()),
            "--log-level=warn".into(),
        ],
        env: Vec::new(),
        folder,
        limited: false,
    })?;
    Ok((part, format!("127.0.0.1:{port}")))
}
