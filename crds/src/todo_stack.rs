//! `TodoStack`: one to-do platform.

use k8s_openapi::{
    api::core::v1::LocalObjectReference, apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    gateway::GatewaySpec,
    network::NetworkPolicySpec,
    notifications::NotificationsSpec,
    shared::{CatchUpPolicy, SecretKeyRef},
    workload::{ServicesSpec, named},
};

/// A to-do platform: gateway, services, topics and Dapr objects.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "todostack.dev",
    version = "v1alpha1",
    kind = "TodoStack",
    namespaced,
    derive = "PartialEq",
    status = "TodoStackStatus",
    shortname = "tstack",
    category = "todostacks-all",
    doc = "TodoStack is a to-do platform with recurring tasks and reminders: its services, topics and Dapr objects.",
    validation = Rule::new("self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message("metadata.name must be a DNS label of at most 40 characters that begins with a letter: it becomes part of the names of the stack's objects"),
    printcolumn(json_path = ".status.conditions[?(@.type==\"Ready\")].status", name = "Ready", type_ = "string"),
    printcolumn(json_path = ".status.conditions[?(@.type==\"Ready\")].reason", name = "Reason", type_ = "string"),
    printcolumn(json_path = ".status.readyServices", name = "Services", type_ = "string"),
    printcolumn(json_path = ".status.endpoint", name = "Endpoint", type_ = "string", priority = 1),
    printcolumn(json_path = ".spec.image", name = "Image", type_ = "string", priority = 1),
    printcolumn(json_path = ".metadata.creationTimestamp", name = "Age", type_ = "date")
)]
#[serde(rename_all = "camelCase")]
pub struct TodoStackSpec {
    /// Image of the gateway and the services; absent: the one the operator was released with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    pub image: Option<String>,
    /// When the image is pulled.
    #[serde(default)]
    pub image_pull_policy: ImagePullPolicy,
    /// Secrets of this namespace for the registry of the image; every pod and the migration have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 20),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]),
        transform = named
    )]
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// The Postgres that holds everything.
    pub database: DatabaseSpec,
    /// The broker that carries events.
    pub events: EventsSpec,
    /// The REST gateway.
    #[serde(default)]
    pub gateway: GatewaySpec,
    /// The services, by role.
    #[serde(default)]
    pub services: ServicesSpec,
    /// How reminders are mirrored and caught up with.
    #[serde(default)]
    pub reminders: RemindersSpec,
    /// How reminders leave the stack.
    #[serde(default)]
    pub notifications: NotificationsSpec,
    /// The trail of who did what, and when.
    #[serde(default)]
    pub audit: AuditSpec,
    /// Which connections the cluster's network lets through.
    #[serde(default)]
    pub network_policy: NetworkPolicySpec,
    /// Scales every workload to nothing; data, topics and Dapr objects stay.
    #[serde(default)]
    pub suspend: bool,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImagePullPolicy {
    /// If the node lacks it.
    #[default]
    IfNotPresent,
    /// Each time.
    Always,
    /// Never.
    Never,
}

impl ImagePullPolicy {
    /// As a container spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IfNotPresent => "IfNotPresent",
            Self::Always => "Always",
            Self::Never => "Never",
        }
    }
}

/// The Postgres of a stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseSpec {
    /// Secret key that holds a URL such as `postgres://user:password@host:5432/database`.
    pub url_secret_ref: SecretKeyRef,
}

/// The broker of a stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventsSpec {
    /// Kafka, or Redpanda, which speaks the same protocol.
    pub kafka: KafkaSpec,
    /// How topics are made and whether they go with the stack.
    #[serde(default)]
    pub topics: TopicsSpec,
}

/// How to reach Kafka.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaSpec {
    /// `host:port` of some brokers.
    #[schemars(
        length(min = 1, max = 50),
        inner(length(max = 260), regex(pattern = "^[A-Za-z0-9._-]+:[0-9]{1,5}$"))
    )]
    pub brokers: Vec<String>,
    /// SASL log-in; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sasl: Option<SaslSpec>,
    /// TLS to the brokers; absent: plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
}

/// SASL log-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SaslSpec {
    /// Mechanism.
    pub mechanism: SaslMechanism,
    /// Secret key that holds the user name.
    pub username_secret_ref: SecretKeyRef,
    /// Secret key that holds the password.
    pub password_secret_ref: SecretKeyRef,
}

/// SASL mechanisms that Dapr and librdkafka share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SaslMechanism {
    /// PLAIN (RFC 4616); use with TLS.
    #[serde(rename = "PLAIN")]
    Plain,
    /// SCRAM-SHA-256 (RFC 7677).
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// SCRAM-SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

/// TLS to the brokers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TlsSpec {
    /// Secret key that holds the CA certificate in PEM; absent: the public CAs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
}

/// Topics of a stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopicsSpec {
    /// What topic names begin with; absent: `<namespace>.<name>.`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 150), regex(pattern = "^[a-zA-Z0-9._-]*$"))]
    pub prefix: Option<String>,
    /// Partitions of a topic that is made; an existing topic is left as it is.
    #[serde(default = "default_partitions")]
    #[schemars(range(min = 1, max = 1000))]
    pub partitions: i32,
    /// Replicas of a topic that is made.
    #[serde(default = "default_replication")]
    #[schemars(range(min = 1, max = 10))]
    pub replication_factor: i32,
    /// How long a topic that is made keeps its events.
    #[serde(default = "default_retention")]
    #[schemars(range(min = 1, max = 87_600))]
    pub retention_hours: i32,
    /// Whether topics are deleted with the stack.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

impl Default for TopicsSpec {
    fn default() -> Self {
        Self {
            prefix: None,
            partitions: default_partitions(),
            replication_factor: default_replication(),
            retention_hours: default_retention(),
            deletion_policy: DeletionPolicy::default(),
        }
    }
}

fn default_partitions() -> i32 {
    6
}

fn default_replication() -> i32 {
    1
}

fn default_retention() -> i32 {
    168
}

/// What happens to data that outlives its stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// It stays.
    #[default]
    Retain,
    /// It is deleted with the stack.
    Delete,
}

/// How reminders are mirrored and caught up with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RemindersSpec {
    /// Reminders that users made and that fire within this many seconds are shown as ReminderJobs; 0: none.
    #[schemars(range(min = 0, max = 604_800))]
    pub mirror_horizon_seconds: i64,
    /// At most this many of them, the nearest.
    #[schemars(range(min = 0, max = 5000))]
    pub mirror_limit: i32,
    /// Which overdue reminders fire after an outage, of those that do not say it themselves: users' own, those of their recurring tasks, ReminderJobs of nobody's schedule.
    pub catch_up: CatchUpPolicy,
    /// After an outage, reminders overdue by at most this many seconds fire late; the others are `Missed`.
    #[schemars(range(min = 0, max = 31_536_000))]
    pub catch_up_window_seconds: i64,
    /// At most this many late reminders a second.
    #[schemars(range(min = 1, max = 10_000))]
    pub catch_up_per_second: i32,
}

impl Default for RemindersSpec {
    fn default() -> Self {
        Self {
            mirror_horizon_seconds: 3600,
            mirror_limit: 100,
            catch_up: CatchUpPolicy::All,
            catch_up_window_seconds: 86_400,
            catch_up_per_second: 500,
        }
    }
}

/// The trail of who did what, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditSpec {
    /// Days for which the trail is kept; it is dropped by whole months.
    #[schemars(range(min = 30, max = 36_500))]
    pub retention_days: i32,
}

impl AuditSpec {
    /// For how long the trail is kept.
    pub fn retention(&self) -> std::time::Duration {
        let days = u64::try_from(self.retention_days).unwrap_or(0);
        std::time::Duration::from_secs(days * 86_400)
    }
}

impl Default for AuditSpec {
    fn default() -> Self {
        Self {
            retention_days: 400,
        }
    }
}

/// What the operator observed of a stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TodoStackStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `DatabaseReady`, `EventsReady`, `DaprReady`, `WorkloadsReady`, `RouteReady` (with `spec.gateway.httpRoute` only), `Reconciling`, `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Address of the gateway within the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Image that the workloads run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// `ready/all`, for the printer column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_services: Option<String>,
    /// Each service's readiness.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["role"]))]
    pub services: Vec<ServiceStatus>,
    /// Topics that exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
}

/// One service's readiness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Its role.
    pub role: String,
    /// Pods wanted.
    pub replicas: i32,
    /// Pods ready.
    pub ready_replicas: i32,
}
