//! The real parts, on the loopback interface: Kafka, Redis, Dapr's sidecars. All end with the test.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use faults::world::{Part, free_ports, standalone};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    types::RDKafkaErrorCode,
};
use serde_json::{Value, json};

/// Partitions of each topic.
const PARTITIONS: i32 = 3;

/// A folder that a variable names: `e2e/transports` sets it.
fn folder(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} is not set: run `./justw transports`"))
        .into()
}

/// A place for the files and the logs of parts.
pub(crate) struct Ground {
    folder: tempfile::TempDir,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("todostack-transports-")
            .tempdir()
            .unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn part(&self, name: &str, program: impl Into<PathBuf>) -> Part {
        Part::new(
            name,
            program.into(),
            self.path().join(format!("{name}.log")),
        )
    }

    /// What a part wrote last.
    pub(crate) fn last_words(&self, name: &str) -> String {
        let log = fs::read_to_string(self.path().join(format!("{name}.log"))).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

/// Tries until it works, at most 60 s.
pub(crate) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(value) = attempt().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("in 60 s it did not come about that {what}");
}

/// One Kafka broker.
pub(crate) struct Kafka {
    pub(crate) part: Part,
    pub(crate) brokers: String,
}

impl Kafka {
    /// Starts it.
    pub(crate) async fn start(ground: &Ground) -> Self {
        let [port, controller] = free_ports().unwrap();
        let home = ground.path().join("kafka");
        fs::create_dir(&home).unwrap();
        let config = home.join("server.properties");
        fs::write(
            &config,
            format!(
                "node.id=1\nprocess.roles=broker,controller\n\
                 controller.quorum.voters=1@127.0.0.1:{controller}\n\
                 controller.listener.names=CONTROLLER\n\
                 listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
                 advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
                 listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
                 log.dirs={}\nauto.create.topics.enable=false\n\
                 offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
                 transaction.state.log.replication.factor=1\n\
                 transaction.state.log.min.isr=1\ngroup.initial.rebalance.delay.ms=0\n",
                home.join("data").display()
            ),
        )
        .unwrap();
        let config = config.display().to_string();
        let formatted = java(ground, "kafka-format")
            .args(["kafka.tools.StorageTool", "format", "--cluster-id"])
            .args(["dG9kb3N0YWNrLWUyZS10ZXN0", "--config", &config])
            .command()
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&formatted.stderr);
        assert!(formatted.status.success(), "formatting Kafka: {said}");
        let mut part = java(ground, "kafka").args(["kafka.Kafka", &config]);
        part.start().unwrap();
        Self {
            part,
            brokers: format!("127.0.0.1:{port}"),
        }
    }

    /// Waits for it, and makes topics that are not there.
    pub(crate) async fn topics(&self, ground: &Ground, names: &[String]) {
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("log_level", "0")
            .create()
            .unwrap();
        let made = eventually("Kafka makes topics", async || {
            let topics: Vec<NewTopic<'_>> = names
                .iter()
                .map(|name| NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1)))
                .collect();
            let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(5)));
            admin.create_topics(&topics, &options).await.ok()
        });
        for made in made.await {
            if let Err((name, code)) = made {
                let words = ground.last_words("kafka");
                assert_eq!(
                    code,
                    RDKafkaErrorCode::TopicAlreadyExists,
                    "{name}: {words}"
                );
            }
        }
    }
}

fn java(ground: &Ground, name: &str) -> Part {
    let libs = folder("FAULTS_KAFKA").join("libs");
    ground
        .part(name, "java")
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m"])
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .args(["-cp", &format!("{}/*", libs.display())])
}

/// A Redis that keeps what it acknowledged.
pub(crate) struct Redis {
    pub(crate) part: Part,
    pub(crate) port: u16,
}

impl Redis {
    pub(crate) fn start(ground: &Ground) -> Self {
        let [port] = free_ports().unwrap();
        let home = ground.path().join("redis");
        fs::create_dir(&home).unwrap();
        let mut part = ground
            .part("redis", "redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--dir", &home.display().to_string()])
            .args([
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
                "--save",
                "",
            ]);
        part.start().unwrap();
        Self { part, port }
    }

    pub(crate) async fn ready(&self) {
        eventually("Redis answers", async || {
            let connected = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await;
            connected.is_ok().then_some(())
        })
        .await;
    }

    /// Appends a raw message to a stream, as the component does.
    pub(crate) fn append(&self, topic: &str, message: &str) {
        let port = self.port.to_string();
        let done = std::process::Command::new("redis-cli")
            .args(["-p", &port, "xadd", topic, "*", "data", message])
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
    }
}

/// A sidecar with these objects; `app_port`: where it calls.
pub(crate) fn sidecar(
    ground: &Ground,
    app: &str,
    app_port: Option<u16>,
    objects: &[Value],
) -> (Part, u16) {
    let home = ground.path().join(format!("daprd-{app}"));
    let resources = home.join("resources");
    fs::create_dir_all(&resources).unwrap();
    for object in objects {
        let name = object["metadata"]["name"].as_str().unwrap();
        // JSON is YAML too.
        fs::write(resources.join(format!("{name}.yaml")), object.to_string()).unwrap();
    }
    let [http] = free_ports().unwrap();
    let part = ground.part(&format!("daprd-{app}"), folder("FAULTS_DAPR").join("daprd"));
    let mut part = standalone(part, app, http, &resources)
        .unwrap()
        .env("NAMESPACE", "test");
    if let Some(port) = app_port {
        part = part.args(["--app-port", &port.to_string()]);
    }
    part.start().unwrap();
    (part, http)
}

/// A Dapr object.
pub(crate) fn object(version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": format!("dapr.io/{version}"), "kind": kind,
        "metadata": {"name": name}, "spec": spec,
    })
}

/// A Dapr component named `pubsub`.
pub(crate) fn component(kind: &str, metadata: &[(&str, String)]) -> Value {
    let metadata: Vec<Value> = metadata
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let spec = json!({"type": kind, "version": "v1", "metadata": metadata});
    object("v1alpha1", "Component", "pubsub", spec)
}
