//! Kafka: one broker that is its own controller, with a listener for each role, so that each role's
//! wire can be cut by itself: a client goes on where the broker says that it is.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    types::RDKafkaErrorCode,
};

use super::{Binaries, PREFIX, ROLES, World, dapr, free_ports};
use crate::proxy::Wire;

/// Partitions of a topic, as the operator makes them by default.
const PARTITIONS: i32 = 3;

/// Formats and starts the broker, and opens the wires; the port of each role's.
pub(super) async fn start(
    world: &mut World,
    binaries: &Binaries,
) -> Result<BTreeMap<&'static str, u16>> {
    let [own, controller] = free_ports()?;
    let ports = free_ports::<{ ROLES.len() }>()?;
    let (mut listeners, mut advertised, mut protocols) = (
        format!("OWN://127.0.0.1:{own},CONTROLLER://127.0.0.1:{controller}"),
        format!("OWN://127.0.0.1:{own}"),
        "OWN:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
    );
    let mut wires = BTreeMap::new();
    for (role, port) in ROLES.into_iter().zip(ports) {
        let wire = Wire::open(port).await?;
        let name = role.to_uppercase();
        listeners += &format!(",{name}://127.0.0.1:{port}");
        advertised += &format!(",{name}://127.0.0.1:{}", wire.port());
        protocols += &format!(",{name}:PLAINTEXT");
        wires.insert(role, wire.port());
        world.wires.insert(format!("{role}-kafka"), wire);
    }
    let folder = world.path().join("kafka");
    fs::create_dir(&folder)?;
    let config = folder.join("server.properties");
    // As e2e/cluster/config/kafka.properties, but for the listeners.
    fs::write(
        &config,
        format!(
            "node.id=1\nprocess.roles=broker,controller\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\ncontroller.listener.names=CONTROLLER\n\
             listeners={listeners}\nadvertised.listeners={advertised}\n\
             listener.security.protocol.map={protocols}\ninter.broker.listener.name=OWN\n\
             log.dirs={}\nauto.create.topics.enable=false\nnum.partitions=1\n\
             default.replication.factor=1\noffsets.topic.replication.factor=1\n\
             offsets.topic.num.partitions=1\ntransaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\ngroup.initial.rebalance.delay.ms=0\n",
            folder.join("data").display()
        ),
    )?;
    let config = config.display().to_string();
    let formatted = java(world, binaries, "kafka-format")
        .args(["kafka.tools.StorageTool", "format"])
        .args([
            "--cluster-id",
            "dG9kb3N0YWNrLWUyZS10ZXN0",
            "--config",
            &config,
        ])
        .command()
        .output()
        .context("run java: apt-get install default-jre-headless")?;
    ensure!(
        formatted.status.success(),
        "formatting Kafka's folder: {}",
        String::from_utf8_lossy(&formatted.stderr)
    );
    let part = java(world, binaries, "kafka").args(["kafka.Kafka", &config]);
    world.start(part)?;
    world.brokers = format!("127.0.0.1:{own}");
    Ok(wires)
}

fn java(world: &World, binaries: &Binaries, name: &str) -> super::Part {
    let libs = binaries.kafka.join("libs");
    world
        .new_part(name, "java")
        // C1 only: the broker lives for minutes, and its start is what is waited for.
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m"])
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .args(["-cp", &format!("{}/*", libs.display())])
}

/// Waits for the broker, and makes the topics as the operator does.
pub(super) async fn ready(world: &World) -> Result<()> {
    let mut names = Vec::new();
    for topic in ["task-events", "task-updates", "reminders"] {
        names.push(format!("{PREFIX}{topic}"));
    }
    for role in ROLES {
        if !dapr::consumes(role).is_empty() {
            names.push(dapr::dead_letters(role));
        }
    }
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", &world.brokers)
        // Before the broker is up it is no news that it is away.
        .set("log_level", "0")
        .create()
        .context("a Kafka client")?;
    world
        .eventually("kafka", Duration::from_secs(60), async || {
            let topics: Vec<NewTopic<'_>> = names
                .iter()
                .map(|name| NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1)))
                .collect();
            let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(5)));
            for made in admin.create_topics(&topics, &options).await? {
                match made {
                    // By an attempt before this one that was not answered in time.
                    Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                    Err((name, code)) => bail!("topic {name}: {code}"),
                }
            }
            Ok(())
        })
        .await
}
