//! Dapr in standalone mode: schedulers, and for each role a sidecar with the objects that the
//! operator writes (operator/src/todo_stack/specs/dapr.rs), as files.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Binaries, PREFIX, Part, ROLES, SCHEDULERS, World, free_ports};

/// Starts the schedulers; their addresses.
pub(super) async fn schedulers(world: &mut World, binaries: &Binaries) -> Result<String> {
    let grpc = free_ports::<SCHEDULERS>()?;
    let peers = free_ports::<SCHEDULERS>()?;
    let clients = free_ports::<SCHEDULERS>()?;
    let health = free_ports::<SCHEDULERS>()?;
    let cluster: Vec<String> = peers
        .iter()
        .enumerate()
        .map(|(n, port)| format!("s{n}=http://127.0.0.1:{port}"))
        .collect();
    for n in 0..SCHEDULERS {
        let folder = world.path().join(format!("scheduler-{n}"));
        fs::create_dir(&folder)?;
        let part = world
            .new_part(&format!("scheduler-{n}"), binaries.dapr.join("scheduler"))
            .args(["--id", &format!("s{n}")])
            .args(["--port", &grpc[n].to_string()])
            .args(["--listen-address", "127.0.0.1"])
            .args([
                "--override-broadcast-host-port",
                &format!("127.0.0.1:{}", grpc[n]),
            ])
            .args(["--healthz-port", &health[n].to_string()])
            .args(["--healthz-listen-address", "127.0.0.1"])
            .args([
                "--etcd-data-dir",
                &folder.join("data").display().to_string(),
            ])
            .args(["--etcd-client-port", &clients[n].to_string()])
            .args(["--etcd-initial-cluster", &cluster.join(",")])
            .args([
                "--identity-directory-write",
                &folder.join("identity").display().to_string(),
            ])
            .args(["--enable-metrics=false", "--log-level", "warn"]);
        world.start(part)?;
    }
    Ok(grpc.map(|port| format!("127.0.0.1:{port}")).join(","))
}

/// What a sidecar is given.
pub(super) struct Sidecar<'a> {
    pub(super) role: &'a str,
    pub(super) app_port: u16,
    pub(super) http_port: u16,
    pub(super) kafka_port: u16,
    pub(super) database: String,
    pub(super) schedulers: &'a str,
    pub(super) app_token: &'a str,
}

/// Starts a sidecar.
pub(super) fn sidecar(world: &mut World, binaries: &Binaries, of: &Sidecar<'_>) -> Result<()> {
    let folder = world.path().join(format!("daprd-{}", of.role));
    let resources = folder.join("resources");
    fs::create_dir_all(&resources)?;
    for object in objects(of) {
        write(&resources, &object)?;
    }
    write(&folder, &configuration())?;
    let role = of.role;
    let part = world.new_part(&format!("daprd-{role}"), binaries.dapr.join("daprd"));
    let part = standalone(part, &format!("st-{role}"), of.http_port, &resources)?
        .args(["--app-port", &of.app_port.to_string()])
        .args([
            "--config",
            &folder.join("st-config.yaml").display().to_string(),
        ])
        .args(["--scheduler-host-address", of.schedulers])
        // As the operator annotates its pods.
        .args([
            "--enable-app-health-check",
            "--app-health-check-path",
            "/healthz",
        ])
        .args([
            "--app-health-probe-interval",
            "2",
            "--app-health-probe-timeout",
            "1000",
        ])
        .args(["--app-health-threshold", "3"])
        .env("NAMESPACE", "faults")
        .env("APP_API_TOKEN", of.app_token);
    world.start(part)
}

/// `daprd` without a control plane, on loopback, with the objects in a folder.
///
/// # Errors
/// When there are no free ports.
pub fn standalone(part: Part, app_id: &str, http_port: u16, resources: &Path) -> Result<Part> {
    let [grpc, internal] = free_ports()?;
    Ok(part
        .args(["--mode", "standalone", "--app-id", app_id])
        .args(["--dapr-http-port", &http_port.to_string()])
        .args(["--dapr-grpc-port", &grpc.to_string()])
        .args(["--dapr-internal-grpc-port", &internal.to_string()])
        .args(["--dapr-listen-addresses", "127.0.0.1"])
        .args(["--enable-metrics=false", "--log-level", "warn"])
        .args(["--resources-path", &resources.display().to_string()]))
}

fn write(folder: &Path, object: &Value) -> Result<()> {
    let name = object["metadata"]["name"].as_str().context("a name")?;
    // JSON is YAML too.
    let text = serde_json::to_string_pretty(object)?;
    fs::write(folder.join(format!("{name}.yaml")), text).context("write a Dapr object")
}

fn object(version: &str, kind: &str, name: &str, rest: Value) -> Value {
    let mut object = json!({
        "apiVersion": format!("dapr.io/{version}"), "kind": kind, "metadata": {"name": name},
    });
    for (field, value) in rest.as_object().into_iter().flatten() {
        object[field] = value.clone();
    }
    object
}

fn component(name: &str, kind: &str, version: &str, metadata: &[(&str, String)]) -> Value {
    let metadata: Vec<Value> = metadata
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let spec = json!({"type": kind, "version": version, "metadata": metadata});
    object("v1alpha1", "Component", name, json!({"spec": spec}))
}

fn configuration() -> Value {
    let spec =
        json!({"tracing": {"samplingRate": "0"}, "accessControl": {"defaultAction": "deny"}});
    object(
        "v1alpha1",
        "Configuration",
        "st-config",
        json!({"spec": spec}),
    )
}

fn objects(of: &Sidecar<'_>) -> Vec<Value> {
    let text = |text: &str| text.to_owned();
    let mut all = vec![
        component(
            "st-pubsub",
            "pubsub.kafka",
            "v1",
            &[
                ("brokers", format!("127.0.0.1:{}", of.kafka_port)),
                ("clientID", text("st-dapr")),
                ("consumerID", text("faults.{appID}")),
                ("initialOffset", text("oldest")),
                ("version", text("2.8.0")),
                ("authType", text("none")),
            ],
        ),
        object(
            "v1alpha1",
            "Resiliency",
            "st-resiliency",
            json!({"spec": {
                "policies": {
                    "timeouts": {"consume": "30s"},
                    "retries": {
                        "consume": {"policy": "constant", "duration": "5s", "maxRetries": 60},
                    },
                },
                "targets": {"components": {
                    "st-pubsub": {"inbound": {"timeout": "consume", "retry": "consume"}},
                }},
            }}),
        ),
    ];
    if of.role == "reminders" {
        all.push(component(
            "st-state",
            "state.postgresql",
            "v2",
            &[
                ("connectionString", of.database.clone()),
                ("tablePrefix", text("dapr_")),
                ("metadataTableName", text("dapr_metadata")),
                ("maxConns", text("2")),
            ],
        ));
        all.push(component(
            "st-sweep",
            "bindings.cron",
            "v1",
            &[
                ("schedule", text("@every 1m")),
                ("route", text("/sweep")),
                ("direction", text("input")),
            ],
        ));
    }
    for topic in consumes(of.role) {
        let name = format!("st-{}-{topic}", of.role);
        let spec = json!({
            "pubsubname": "st-pubsub",
            "topic": format!("{PREFIX}{topic}"),
            "routes": {"default": format!("/events/{topic}")},
            "deadLetterTopic": dead_letters(of.role),
            "bulkSubscribe": {"enabled": true, "maxMessagesCount": 500, "maxAwaitDurationMs": 10},
        });
        all.push(object(
            "v2alpha1",
            "Subscription",
            &name,
            json!({"spec": spec}),
        ));
    }
    if !consumes(of.role).is_empty() {
        let spec = json!({
            "pubsubname": "st-pubsub",
            "topic": dead_letters(of.role),
            "routes": {"default": "/dead-letters"},
            "metadata": {"rawPayload": "true"},
            "bulkSubscribe": {"enabled": true, "maxMessagesCount": 100, "maxAwaitDurationMs": 100},
        });
        all.push(object(
            "v2alpha1",
            "Subscription",
            &format!("st-{}-dead-letters", of.role),
            json!({"spec": spec}),
        ));
    }
    all
}

/// Where events end that a role could not deal with.
pub(super) fn dead_letters(role: &str) -> String {
    format!("{PREFIX}dead-letters.{role}")
}

pub(super) fn consumes(role: &str) -> &'static [&'static str] {
    debug_assert!(ROLES.contains(&role));
    match role {
        "reminders" | "recurrence" => &["task-events"],
        "notifications" => &["reminders"],
        "audit" => &["task-events", "reminders"],
        "sync" => &["task-updates"],
        _ => &[],
    }
}
