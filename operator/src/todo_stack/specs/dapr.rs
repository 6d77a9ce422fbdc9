//! The Dapr objects: components, configuration, resiliency, subscriptions.

use crds::{KafkaSpec, SaslMechanism, SecretKeyRef};
use serde_json::{Value, json};

use super::{Source, access, kafka_references, object};
use crate::todo_stack::{
    names::{self, Role},
    object::{Kind, Object, digest},
};

/// Label value of what belongs to no role alone.
const COMPONENT: &str = "dapr";
/// The role that has the state store.
const STATEFUL: Role = Role::Reminders;

pub(super) fn objects(source: Source<'_>) -> Vec<Object> {
    let mut objects = vec![
        pubsub(source),
        state(source),
        sweep(source),
        secret_store(source),
        configuration(source),
        resiliency(source),
    ];
    objects.extend(subscriptions(source));
    objects
}

/// A digest of what the sidecar of a role loads at its start: hot reloading is off in Dapr, so a
/// change must roll the pods, and only those that are concerned.
pub(super) fn checksum(source: Source<'_>, role: Role, foundation: &[Object]) -> String {
    let app = names::role(source.stack, role);
    let mut parts: Vec<String> = foundation
        .iter()
        .filter(|object| object.kind.is_dapr() && concerns(object, &app))
        .map(|object| object.body.to_string())
        .collect();
    // Dapr copies secret values into the component at the same moment.
    let mut secrets: Vec<SecretKeyRef> = kafka_references(source.stack)
        .into_iter()
        .map(|(_, reference)| reference)
        .collect();
    if role == STATEFUL {
        secrets.push(source.stack.spec.database.url_secret_ref.clone());
    }
    parts.push(source.fingerprint(&secrets));
    digest(parts)
}

/// Without scopes an object is loaded by every sidecar of the namespace.
fn concerns(object: &Object, app: &str) -> bool {
    object
        .at("/scopes")
        .and_then(Value::as_array)
        .is_none_or(|scopes| scopes.iter().any(|scope| scope == app))
}

fn all_apps(source: Source<'_>) -> Vec<String> {
    Role::ALL.map(|role| names::role(source.stack, role)).into()
}

fn component(
    source: Source<'_>,
    part: &str,
    kind: &str,
    version: &str,
    metadata: Vec<Value>,
    scopes: Vec<String>,
) -> Object {
    object(
        source,
        Kind::Component,
        names::child(source.stack, part),
        COMPONENT,
        json!({
            "spec": {"type": kind, "version": version, "metadata": metadata},
            "scopes": scopes,
        }),
    )
}

fn value(name: &str, value: impl Into<Value>) -> Value {
    json!({"name": name, "value": value.into()})
}

fn secret(name: &str, reference: &SecretKeyRef) -> Value {
    json!({"name": name, "secretKeyRef": reference})
}

fn pubsub(source: Source<'_>) -> Object {
    let kafka = &source.stack.spec.events.kafka;
    let mut metadata = vec![
        value("brokers", kafka.brokers.join(",")),
        value("clientID", names::child(source.stack, "dapr")),
        // Groups are the broker's, not the namespace's: a stack of the same name elsewhere must not
        // share ours. The template `{namespace}` would prefix the topics too, so it is spelled out.
        value("consumerID", format!("{}.{{appID}}", source.namespace())),
        // A consumer that is new must not miss what was published before it.
        value("initialOffset", "oldest"),
        // Kafka 4 refuses what is older than 2.1.
        value("version", "2.8.0"),
        value("authType", auth_type(kafka)),
    ];
    if let Some(sasl) = &kafka.sasl {
        // Any other spelling would silently mean PLAIN.
        metadata.push(value(
            "saslMechanism",
            match sasl.mechanism {
                SaslMechanism::Plain => "PLAINTEXT",
                SaslMechanism::ScramSha256 => "SHA-256",
                SaslMechanism::ScramSha512 => "SHA-512",
            },
        ));
        metadata.push(value(
            "disableTls",
            if kafka.tls.is_some() { "false" } else { "true" },
        ));
    }
    for (name, reference) in kafka_references(source.stack) {
        metadata.push(secret(name, &reference));
    }
    component(
        source,
        "pubsub",
        "pubsub.kafka",
        "v1",
        metadata,
        all_apps(source),
    )
}

/// With `none` Dapr uses no TLS either, so TLS alone is `certificate`.
fn auth_type(kafka: &KafkaSpec) -> &'static str {
    match (&kafka.sasl, &kafka.tls) {
        (Some(_), _) => "password",
        (None, Some(_)) => "certificate",
        (None, None) => "none",
    }
}

/// The state store, in tables of its own beside ours. One app only: each sidecar would open a pool.
fn state(source: Source<'_>) -> Object {
    component(
        source,
        "state",
        "state.postgresql",
        "v2",
        vec![
            secret(
                "connectionString",
                &source.stack.spec.database.url_secret_ref,
            ),
            value("tablePrefix", "dapr_"),
            value("metadataTableName", "dapr_metadata"),
            value("maxConns", "2"),
        ],
        vec![names::role(source.stack, STATEFUL)],
    )
}

fn sweep(source: Source<'_>) -> Object {
    component(
        source,
        "sweep",
        "bindings.cron",
        "v1",
        vec![
            value("schedule", "@every 1m"),
            value("route", "/sweep"),
            value("direction", "input"),
        ],
        vec![names::role(source.stack, Role::Reminders)],
    )
}

fn secret_store(source: Source<'_>) -> Object {
    component(
        source,
        "secrets",
        "secretstores.kubernetes",
        "v1",
        vec![],
        access::READERS
            .map(|role| names::role(source.stack, role))
            .into(),
    )
}

fn configuration(source: Source<'_>) -> Object {
    object(
        source,
        Kind::Configuration,
        names::child(source.stack, "config"),
        COMPONENT,
        json!({"spec": {
            "metrics": {"enabled": true, "http": {"increasedCardinality": false}},
            "tracing": {"samplingRate": "0"},
            // Nobody invokes our apps through Dapr: without this, every app of the cluster could
            // post to their event and job routes, and the sidecar would vouch for it.
            "accessControl": {"defaultAction": "deny"},
            "secrets": {"scopes": [
                {
                    "storeName": names::child(source.stack, "secrets"),
                    "defaultAccess": "deny",
                    "allowedSecrets": access::readable(source),
                },
                {"storeName": "kubernetes", "defaultAccess": "deny"},
            ]},
        }}),
    )
}

/// An event that fails is tried again for five minutes, which covers a failover of the database, and
/// then becomes a dead letter: without a bound a single one would block its partition for ever.
fn resiliency(source: Source<'_>) -> Object {
    let target = names::child(source.stack, "pubsub");
    object(
        source,
        Kind::Resiliency,
        names::child(source.stack, "resiliency"),
        COMPONENT,
        json!({
            "spec": {
                "policies": {
                    "timeouts": {"consume": "30s"},
                    "retries": {
                        "consume": {"policy": "constant", "duration": "5s", "maxRetries": 60},
                    },
                },
                "targets": {"components": {
                    target: {"inbound": {"timeout": "consume", "retry": "consume"}},
                }},
            },
            "scopes": all_apps(source),
        }),
    )
}

fn subscriptions(source: Source<'_>) -> Vec<Object> {
    let prefix = names::topic_prefix(source.stack);
    let consumers = Role::ALL
        .into_iter()
        .filter(|role| !role.consumes().is_empty());
    consumers
        .flat_map(|role| {
            let dead_letters = names::dead_letter(&prefix, role);
            let topics = role.consumes().iter().map(|topic| {
                let spec = json!({
                    "topic": format!("{prefix}{topic}"),
                    "routes": {"default": format!("/events/{topic}")},
                    "deadLetterTopic": dead_letters,
                    // Batches, as many transactions fewer. What comes alone waits for the end of
                    // the await duration: 10 ms where somebody waits for it.
                    "bulkSubscribe": {
                        "enabled": true,
                        "maxMessagesCount": 500,
                        "maxAwaitDurationMs": role.batch_await_ms(),
                    },
                });
                subscription(source, role, topic, spec)
            });
            // Nothing lies behind it: what cannot be recorded comes again, for ever.
            let recorded = json!({
                "topic": dead_letters,
                "routes": {"default": "/dead-letters"},
                // What is no JSON ends there too, and the sidecar must not choke on it.
                "metadata": {"rawPayload": "true"},
                "bulkSubscribe": {
                    "enabled": true,
                    "maxMessagesCount": 100,
                    "maxAwaitDurationMs": 100,
                },
            });
            topics
                .chain([subscription(source, role, "dead-letters", recorded)])
                .collect::<Vec<_>>()
        })
        .collect()
}

/// A Subscription of one role's, named `S-<role>-<to>`.
fn subscription(source: Source<'_>, role: Role, to: &str, mut spec: Value) -> Object {
    spec["pubsubname"] = names::child(source.stack, "pubsub").into();
    object(
        source,
        Kind::Subscription,
        names::child(source.stack, &format!("{}-{to}", role.as_str())),
        role.as_str(),
        json!({"spec": spec, "scopes": [names::role(source.stack, role)]}),
    )
}
