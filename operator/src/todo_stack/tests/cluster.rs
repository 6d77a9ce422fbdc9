//! A pretended cluster that keeps what is applied to it.

use std::collections::{BTreeMap, BTreeSet};

use crds::{TodoStack, conditions};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use serde_json::{Value, json};

use crate::todo_stack::{
    names,
    object::{Kind, Object},
    observe::{Observed, Topics},
    plan::{Plan, plan},
};

pub(super) const IMAGE: &str = "registry.example/todostack:1";

pub(super) fn now() -> Timestamp {
    "2026-11-21T08:00:00Z".parse().expect("a time")
}

pub(super) fn stack(spec: Value) -> TodoStack {
    let mut whole = json!({
        "database": {"urlSecretRef": {"name": "todostack-db", "key": "url"}},
        "events": {"kafka": {"brokers": ["kafka:9092"]}},
    });
    merge(&mut whole, spec);
    serde_json::from_value(json!({
        "apiVersion": "todostack.dev/v1alpha1",
        "kind": "TodoStack",
        "metadata": {"name": "demo", "namespace": "default", "uid": "u-1", "generation": 1},
        "spec": whole,
    }))
    .expect("a stack")
}

pub(super) fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

pub(super) fn secret(entries: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()))
        .collect()
}

/// A cluster with the Secrets that the tests' stacks refer to, and nothing else.
pub(super) fn empty() -> Observed {
    Observed {
        now: now(),
        secrets: BTreeMap::from([
            (
                "todostack-db".to_owned(),
                secret(&[("url", "postgres://a")]),
            ),
            (
                "kafka".to_owned(),
                secret(&[("user", "u"), ("password", "p"), ("ca.crt", "PEM")]),
            ),
            ("hook".to_owned(), secret(&[("secret", "whsec_x")])),
            (
                "smtp".to_owned(),
                secret(&[("username", "u"), ("password", "p"), ("ca.crt", "c")]),
            ),
            (
                "demo-keys".to_owned(),
                secret(&[
                    ("jwt-key", "j"),
                    ("jwt-key-next", "n"),
                    ("jwt-key-previous", "p"),
                    ("internal-token", "i"),
                    ("dapr-app-token", "d"),
                    ("webhook-secret", "w"),
                    // RFC 8291 §5.
                    ("vapid-key", "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
                ]),
            ),
            (
                "push".to_owned(),
                secret(&[
                    ("key", "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"),
                    ("bad", "x"),
                ]),
            ),
        ]),
        live: Vec::new(),
        pods: Vec::new(),
        dapr: true,
        topics: Topics::Exist(BTreeSet::new()),
    }
}

/// What the API server and the cluster's own controllers make of a plan.
pub(super) fn obey(stack: &mut TodoStack, observed: &mut Observed, plan: &Plan) {
    for gone in &plan.delete {
        observed
            .live
            .retain(|live| (live.kind, &live.name) != (gone.kind, &gone.name));
    }
    for wanted in &plan.apply {
        let mut body = wanted.body.clone();
        body["metadata"]["uid"] = "some".into();
        body["metadata"]["generation"] = 2.into();
        match wanted.kind {
            Kind::Job => {
                body["status"] = json!({"conditions": [{"type": "Complete", "status": "True"}]});
            }
            Kind::Deployment => {
                let replicas = body["spec"]["replicas"].clone();
                body["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst".into();
                body["status"] = json!({
                    "observedGeneration": 2, "replicas": replicas, "updatedReplicas": replicas,
                    "readyReplicas": replicas, "availableReplicas": replicas,
                });
                let role = wanted.name.trim_start_matches("demo-").to_owned();
                observed.pods.retain(|pod| {
                    pod.metadata
                        .labels
                        .as_ref()
                        .and_then(|l| l.get(names::LABEL_COMPONENT))
                        != Some(&role)
                });
                for number in 0..replicas.as_i64().unwrap_or_default() {
                    observed.pods.push(pod(&role, number, true));
                }
            }
            _ => {}
        }
        observed
            .live
            .retain(|live| (live.kind, &live.name) != (wanted.kind, &wanted.name));
        observed.live.push(Object {
            kind: wanted.kind,
            name: wanted.name.clone(),
            body,
        });
    }
    if let Topics::Exist(topics) = &mut observed.topics {
        topics.extend(plan.topics.iter().map(|topic| topic.name.clone()));
    }
    if let Some(finalizers) = &plan.finalizers {
        stack.metadata.finalizers = Some(finalizers.clone());
    }
    stack.status = Some(plan.status.clone());
}

pub(super) fn pod(role: &str, number: i64, sidecar: bool) -> Pod {
    let mut containers = vec![json!({"name": role})];
    let mut statuses =
        vec![json!({"name": role, "ready": true, "restartCount": 0, "image": "", "imageID": ""})];
    if sidecar {
        containers.push(json!({"name": "daprd"}));
        statuses.push(
            json!({"name": "daprd", "ready": true, "restartCount": 0, "image": "", "imageID": ""}),
        );
    }
    serde_json::from_value(json!({
        "metadata": {
            "name": format!("demo-{role}-{number}"),
            "labels": {names::LABEL_COMPONENT: role},
            "creationTimestamp": "2026-11-21T07:00:00Z",
        },
        "spec": {"containers": containers},
        "status": {"containerStatuses": statuses},
    }))
    .expect("a pod")
}

/// Plans and obeys until nothing is left to do.
pub(super) fn settle(stack: &mut TodoStack, observed: &mut Observed) -> Plan {
    for _ in 0..6 {
        let next = plan(stack, observed, IMAGE);
        let idle = quiet(&next) && stack.status.as_ref() == Some(&next.status);
        obey(stack, observed, &next);
        if idle {
            return next;
        }
    }
    panic!("it never settles");
}

pub(super) fn quiet(plan: &Plan) -> bool {
    plan.apply.is_empty()
        && plan.delete.is_empty()
        && plan.restart.is_empty()
        && plan.topics.is_empty()
        && plan.finalizers.is_none()
}

pub(super) fn settled(spec: Value) -> (TodoStack, Observed) {
    let (mut stack, mut observed) = (stack(spec), empty());
    settle(&mut stack, &mut observed);
    (stack, observed)
}

pub(super) fn titles(objects: &[Object]) -> Vec<String> {
    objects.iter().map(Object::title).collect()
}

pub(super) fn condition(plan: &Plan, kind: &str) -> (String, String, String) {
    let found = conditions::find(&plan.status.conditions, kind).expect("a condition");
    (
        found.status.clone(),
        found.reason.clone(),
        found.message.clone(),
    )
}

pub(super) fn set_spec(stack: &mut TodoStack, over: Value) {
    let mut spec = serde_json::to_value(&stack.spec).expect("a spec");
    merge(&mut spec, over);
    stack.spec = serde_json::from_value(spec).expect("a spec");
}

pub(super) fn sasl() -> Value {
    json!({"events": {"kafka": {
        "brokers": ["a:9092", "b:9092"],
        "sasl": {
            "mechanism": "SCRAM-SHA-512",
            "usernameSecretRef": {"name": "kafka", "key": "user"},
            "passwordSecretRef": {"name": "kafka", "key": "password"},
        },
        "tls": {"caSecretRef": {"name": "kafka", "key": "ca.crt"}},
    }}})
}
