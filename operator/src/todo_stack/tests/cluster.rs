//! A pretended cluster that keeps what is applied to it.

use std::collections::{BTreeMap, BTreeSet};

use crds::{TodoStack, conditions};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use serde_json::{Value, json};

use crate::todo_stack::{
    hand_over::HandOver,
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
            ("oidc".to_owned(), secret(&[("secret", "at-the-issuer")])),
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
        gateway_api: true,
        operator_namespace: "todostack-system".into(),
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
    for HandOver {
        deployment,
        replicas,
    } in &plan.hand_over
    {
        let live = live(observed, Kind::Deployment, deployment).expect("it is there");
        live.body["spec"]["replicas"] = (*replicas).into();
        live.body["managers"] = json!(["autoscaling"]);
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
                body["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst".into();
                let before = live(observed, wanted.kind, &wanted.name);
                // What nobody else set is reset to the default.
                if body["spec"]["replicas"].is_null() {
                    let kept = before.filter(|live| live.body["managers"].is_array());
                    body["spec"]["replicas"] =
                        kept.map_or(json!(1), |live| live.body["spec"]["replicas"].clone());
                    body["managers"] = json!(["autoscaling"]);
                }
            }
            // A Gateway takes it.
            Kind::HttpRoute => {
                let parents = body["spec"]["parentRefs"].as_array().expect("a list");
                let taken: Vec<Value> = parents.iter().map(taken).collect();
                body["status"] = json!({"parents": taken});
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
    control(observed);
    if let Topics::Exist(topics) = &mut observed.topics {
        topics.extend(plan.topics.iter().map(|topic| topic.name.clone()));
    }
    if let Some(finalizers) = &plan.finalizers {
        stack.metadata.finalizers = Some(finalizers.clone());
    }
    stack.status = Some(plan.status.clone());
}

/// What a Gateway says of a route that it takes.
fn taken(parent: &Value) -> Value {
    let condition = |kind: &str| json!({"type": kind, "status": "True", "observedGeneration": 2});
    json!({"parentRef": parent, "conditions": [condition("Accepted"), condition("ResolvedRefs")]})
}

pub(super) fn live<'a>(
    observed: &'a mut Observed,
    kind: Kind,
    name: &str,
) -> Option<&'a mut Object> {
    observed
        .live
        .iter_mut()
        .find(|live| live.kind == kind && live.name == name)
}

/// What the controllers of Deployments and of autoscalers do.
pub(super) fn control(observed: &mut Observed) {
    let scaled: Vec<(String, i64)> = observed
        .live
        .iter()
        .filter(|live| live.kind == Kind::HorizontalPodAutoscaler)
        .map(|live| {
            (
                live.name.clone(),
                live.number("/spec/minReplicas").expect("a number"),
            )
        })
        .collect();
    let mut pods = Vec::new();
    for live in &mut observed.live {
        if live.kind != Kind::Deployment {
            continue;
        }
        let mut replicas = live.number("/spec/replicas").expect("a number");
        if let Some((_, fewest)) = scaled.iter().find(|(name, _)| *name == live.name) {
            replicas = if replicas == 0 {
                0
            } else {
                replicas.max(*fewest)
            };
        }
        live.body["spec"]["replicas"] = replicas.into();
        live.body["status"] = json!({
            "observedGeneration": 2, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
        });
        let role = live.name.trim_start_matches("demo-");
        pods.extend((0..replicas).map(|number| pod(role, number, true)));
    }
    observed.pods = pods;
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
        && plan.hand_over.is_empty()
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
