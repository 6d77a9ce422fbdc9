//! Whom the pods of a stack may talk to: the table "Who calls whom" of `docs/architecture.md`.

use serde_json::{Value, json};

use super::{Source, access, find, migration, object};
use crate::todo_stack::{
    names::{self, Role},
    object::{Kind, Object},
};

/// The API server by its Service, and where its Service leads to on most clusters: networks differ in which of them
/// they look at.
const API_SERVER: [u16; 2] = [443, 6443];
/// Ours and the sidecar's.
const METRICS: [u16; 2] = [9090, 9091];

pub(super) fn objects(source: Source<'_>) -> Vec<Object> {
    if !source.stack.spec.network_policy.enabled {
        return Vec::new();
    }
    let mut objects: Vec<Object> = Role::ALL
        .into_iter()
        .map(|role| {
            policy(
                source,
                role.as_str(),
                callers(source, role),
                called(source, role),
            )
        })
        .collect();
    let mut called = vec![names_of_hosts(), database(source)];
    called.extend(extra(source));
    objects.push(policy(source, migration::COMPONENT, Vec::new(), called));
    objects
}

fn policy(source: Source<'_>, component: &str, ingress: Vec<Value>, egress: Vec<Value>) -> Object {
    object(
        source,
        Kind::NetworkPolicy,
        names::child(source.stack, component),
        component,
        json!({"spec": {
            "podSelector": {"matchLabels": names::selector(source.stack, component)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        }}),
    )
}

/// Who calls a role. The kubelet, which asks for its health, always may; its sidecar is in the same pod.
fn callers(source: Source<'_>, role: Role) -> Vec<Value> {
    let policy = &source.stack.spec.network_policy;
    let mut rules = Vec::new();
    let mut rule = |from: Value, ports: &[u16]| {
        let mut rule = json!({"ports": tcp(ports)});
        // Absent: from anybody.
        if !from.is_null() {
            rule["from"] = from;
        }
        rules.push(rule);
    };
    match role {
        Role::Gateway | Role::Sync => rule(json!(policy.gateway_from), &[8080]),
        Role::Reminders => rule(
            json!([{
                "namespaceSelector": in_namespace(source.operator_namespace),
                "podSelector": {"matchLabels": {
                    "app.kubernetes.io/component": "operator",
                    "app.kubernetes.io/part-of": "todostack",
                }},
            }]),
            &[8081],
        ),
        Role::Relay | Role::Recurrence | Role::Notifications | Role::Audit => {}
    }
    rule(json!(policy.metrics_from), &METRICS);
    rules
}

/// Whom a role calls, or its sidecar, by ports where the host is known to it alone.
fn called(source: Source<'_>, role: Role) -> Vec<Value> {
    // Webhooks, mail servers and bindings are wherever users say.
    if role == Role::Notifications {
        return vec![json!({})];
    }
    let policy = &source.stack.spec.network_policy;
    let mut rules = vec![
        names_of_hosts(),
        database(source),
        json!({"ports": tcp(&brokers(source))}),
        json!({"to": [{"namespaceSelector": in_namespace(&policy.dapr_namespace)}]}),
    ];
    if access::READERS.contains(&role) {
        rules.push(json!({"ports": tcp(&API_SERVER)}));
    }
    if role == Role::Gateway {
        rules.extend(issuers(source));
    }
    rules.extend(extra(source));
    rules
}

/// Where users log in, beside their passwords.
fn issuers(source: Source<'_>) -> Option<Value> {
    let issuers = &source.stack.spec.gateway.auth.oidc;
    let mut ports: Vec<u16> = issuers
        .iter()
        .map(|issuer| issuer_port(&issuer.issuer))
        .collect();
    ports.sort_unstable();
    ports.dedup();
    (!ports.is_empty()).then(|| json!({"ports": tcp(&ports)}))
}

/// The port of an issuer's URL, which is one of https.
fn issuer_port(url: &str) -> u16 {
    let port = authority(url)
        .rsplit_once(':')
        .map(|(_, port)| port.parse());
    port.and_then(Result::ok).unwrap_or(443)
}

/// What the spec adds.
fn extra(source: Source<'_>) -> Option<Value> {
    let ports = &source.stack.spec.network_policy.extra_egress_ports;
    let ports: Vec<u16> = ports
        .iter()
        .filter_map(|port| u16::try_from(*port).ok())
        .collect();
    (!ports.is_empty()).then(|| json!({"ports": tcp(&ports)}))
}

fn in_namespace(name: &str) -> Value {
    json!({"matchLabels": {"kubernetes.io/metadata.name": name}})
}

fn tcp(ports: &[u16]) -> Vec<Value> {
    let port = |port: &u16| json!({"port": port, "protocol": "TCP"});
    ports.iter().map(port).collect()
}

fn names_of_hosts() -> Value {
    json!({"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]})
}

fn database(source: Source<'_>) -> Value {
    let url = find(source.secrets, &source.stack.spec.database.url_secret_ref);
    let url = String::from_utf8_lossy(url.unwrap_or_default());
    json!({"ports": tcp(&database_ports(&url))})
}

/// What stands between the scheme of a URL and its path.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// The ports of a database's URL, which may name several hosts; Postgres' own where it names none.
fn database_ports(url: &str) -> Vec<u16> {
    let hosts = authority(url).rsplit('@').next().unwrap_or_default();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let asked = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("port="));
    let mut ports: Vec<u16> = hosts
        .split(',')
        .map(|host| host.rsplit_once(':').map_or("", |(_, port)| port))
        .chain(asked)
        .filter_map(|port| port.parse().ok())
        .collect();
    if ports.is_empty() {
        ports.push(5432);
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn brokers(source: Source<'_>) -> Vec<u16> {
    let brokers = &source.stack.spec.events.kafka.brokers;
    let mut ports: Vec<u16> = brokers
        .iter()
        .filter_map(|broker| broker.rsplit_once(':')?.1.parse().ok())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_an_issuer() {
        for (url, port) in [
            ("https://id.example.com/realms/staff", 443),
            ("https://id.example.com:8443/realms/a:b", 8443),
            ("https://[fd00::1]/", 443),
            ("https://[fd00::1]:9443", 9443),
        ] {
            assert_eq!(issuer_port(url), port, "{url}");
        }
    }

    #[test]
    fn ports_of_a_database() {
        for (url, ports) in [
            ("postgres://user:p%40ss@db:6543/todo", &[6543][..]),
            ("postgres://db/todo", &[5432]),
            (
                "postgresql://u@[fd00::1]:5433/todo?sslmode=require",
                &[5433],
            ),
            ("postgresql://u@[fd00::1]/todo", &[5432]),
            ("postgres://u:p@b:5433,a:5432/todo", &[5432, 5433]),
            ("postgres:///todo?host=db&port=7000", &[7000]),
            ("", &[5432]),
        ] {
            assert_eq!(database_ports(url), ports, "{url}");
        }
    }
}
