//! The plan against a pretended cluster that keeps what is applied to it.

use std::collections::{BTreeMap, BTreeSet};

use crds::{TodoStack, conditions};
use k8s_openapi::{
    api::core::v1::Pod,
    jiff::{SignedDuration, Timestamp},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    names::{self, Role},
    object::{Kind, Object},
    observe::{Observed, Topics},
    plan::{Farewell, Plan, farewell, plan},
    status,
};

const IMAGE: &str = "registry.example/todostack:1";

fn now() -> Timestamp {
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

fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

fn secret(entries: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
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
                "demo-keys".to_owned(),
                secret(&[
                    ("jwt-key", "j"),
                    ("internal-token", "i"),
                    ("dapr-app-token", "d"),
                    ("webhook-secret", "w"),
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
fn obey(stack: &mut TodoStack, observed: &mut Observed, plan: &Plan) {
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

fn pod(role: &str, number: i64, sidecar: bool) -> Pod {
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
fn settle(stack: &mut TodoStack, observed: &mut Observed) -> Plan {
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

fn quiet(plan: &Plan) -> bool {
    plan.apply.is_empty()
        && plan.delete.is_empty()
        && plan.restart.is_empty()
        && plan.topics.is_empty()
        && plan.finalizers.is_none()
}

fn settled(spec: Value) -> (TodoStack, Observed) {
    let (mut stack, mut observed) = (stack(spec), empty());
    settle(&mut stack, &mut observed);
    (stack, observed)
}

fn titles(objects: &[Object]) -> Vec<String> {
    objects.iter().map(Object::title).collect()
}

fn condition(plan: &Plan, kind: &str) -> (String, String, String) {
    let found = conditions::find(&plan.status.conditions, kind).expect("a condition");
    (
        found.status.clone(),
        found.reason.clone(),
        found.message.clone(),
    )
}

fn set_spec(stack: &mut TodoStack, over: Value) {
    let mut spec = serde_json::to_value(&stack.spec).expect("a spec");
    merge(&mut spec, over);
    stack.spec = serde_json::from_value(spec).expect("a spec");
}

fn sasl() -> Value {
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

#[test]
fn a_new_stack_migrates_and_makes_topics_before_anything_runs() {
    let (mut stack, mut observed) = (stack(json!({})), empty());
    let first = plan(&stack, &observed, IMAGE);
    assert_eq!(first.topics.len(), 6);
    assert!(first.apply.iter().any(|object| object.kind == Kind::Job));
    assert!(
        first
            .apply
            .iter()
            .all(|object| object.kind != Kind::Deployment)
    );
    obey(&mut stack, &mut observed, &first);
    let second = plan(&stack, &observed, IMAGE);
    assert_eq!(second.apply.len(), 7);
    assert!(
        second
            .apply
            .iter()
            .all(|object| object.kind == Kind::Deployment)
    );
    let last = settle(&mut stack, &mut observed);
    assert_eq!(condition(&last, status::READY).0, "True");
    assert_eq!(last.status.ready_services.as_deref(), Some("7/7"));
    assert_eq!(last.status.image.as_deref(), Some(IMAGE));
    assert_eq!(last.status.observed_generation, Some(1));
}

#[test]
fn what_was_changed_by_hand_is_applied_again_and_nothing_else() {
    let (stack, mut observed) = settled(json!({}));
    observed
        .live
        .retain(|live| live.name != "demo-audit" || live.kind != Kind::Deployment);
    for live in &mut observed.live {
        if live.kind == Kind::Deployment && live.name == "demo-sync" {
            live.body["spec"]["replicas"] = 3.into();
        }
    }
    let repair = plan(&stack, &observed, IMAGE);
    assert_eq!(
        titles(&repair.apply),
        ["Deployment demo-audit", "Deployment demo-sync"]
    );
}

#[test]
fn a_lost_deployment_comes_back_while_the_brokers_are_down() {
    let (stack, mut observed) = settled(json!({}));
    observed
        .live
        .retain(|live| live.name != "demo-audit" || live.kind != Kind::Deployment);
    observed.topics = Topics::Unknown;
    assert_eq!(
        titles(&plan(&stack, &observed, IMAGE).apply),
        ["Deployment demo-audit"]
    );
}

#[test]
fn what_others_add_stays() {
    let (stack, mut observed) = settled(json!({}));
    for live in &mut observed.live {
        live.body["metadata"]["labels"]["team"] = "blue".into();
        live.body["metadata"]["annotations"]["note"] = "mine".into();
    }
    assert!(quiet(&plan(&stack, &observed, IMAGE)));
}

#[test]
fn what_a_stack_no_longer_has_is_pruned() {
    let (stack, mut observed) = settled(json!({}));
    let mut old = observed
        .find(Kind::Subscription, "demo-audit-reminders")
        .cloned()
        .expect("a subscription");
    old.name = "demo-search-task-events".into();
    old.body["metadata"]["name"] = old.name.clone().into();
    let mut foreign = old.clone();
    foreign.name = "foreign".into();
    foreign.body["metadata"]["ownerReferences"] = json!([]);
    observed.live.extend([old, foreign]);
    assert_eq!(
        titles(&plan(&stack, &observed, IMAGE).delete),
        ["Subscription demo-search-task-events"]
    );
}

#[test]
fn another_image_rolls_only_after_its_migration() {
    let (mut stack, mut observed) = settled(json!({}));
    set_spec(&mut stack, json!({"image": "registry.example/todostack:2"}));
    let upgrade = plan(&stack, &observed, IMAGE);
    assert_eq!(upgrade.apply.len(), 1);
    assert_eq!(upgrade.apply[0].kind, Kind::Job);
    assert!(upgrade.delete.is_empty());
    assert_eq!(condition(&upgrade, status::DATABASE).1, "Migrating");
    // What runs is what is shown.
    assert_eq!(upgrade.status.image.as_deref(), Some(IMAGE));
    obey(&mut stack, &mut observed, &upgrade);
    let roll = plan(&stack, &observed, IMAGE);
    assert_eq!(roll.apply.len(), 7);
    // The earlier migration has served.
    assert_eq!(roll.delete.len(), 1);
    assert_eq!(roll.delete[0].kind, Kind::Job);
    assert_ne!(roll.delete[0].name, upgrade.apply[0].name);
}

#[test]
fn a_failed_migration_is_reported_and_tried_again() {
    let (mut stack, mut observed) = (stack(json!({})), empty());
    let first = plan(&stack, &observed, IMAGE);
    obey(&mut stack, &mut observed, &first);
    let job = observed
        .live
        .iter_mut()
        .find(|live| live.kind == Kind::Job)
        .expect("a Job");
    job.body["status"] = json!({"conditions": [{
        "type": "Failed", "status": "True", "message": "backoff limit",
        "lastTransitionTime": "2026-11-21T08:00:00Z",
    }]});
    let name = job.name.clone();
    observed.pods.push(
        serde_json::from_value(json!({
            "metadata": {
                "name": "p",
                "labels": {"batch.kubernetes.io/job-name": name},
                "creationTimestamp": "2026-11-21T08:00:00Z",
            },
            "spec": {"containers": []},
            "status": {"containerStatuses": [{
                "name": "migrate", "ready": false, "restartCount": 0, "image": "", "imageID": "",
                "state": {"terminated": {"exitCode": 1, "message": "Error: cannot migrate\n\nCaused by:\n    1: password authentication failed\n"}},
            }]},
        }))
        .expect("a pod"),
    );
    let failed = plan(&stack, &observed, IMAGE);
    let (status, reason, message) = condition(&failed, status::DATABASE);
    assert_eq!(
        (status.as_str(), reason.as_str()),
        ("False", "MigrationFailed")
    );
    assert!(
        message.starts_with("password authentication failed"),
        "{message}"
    );
    assert!(failed.delete.is_empty());
    assert!(failed.apply.is_empty());
    observed.now += SignedDuration::from_secs(31);
    assert_eq!(
        titles(&plan(&stack, &observed, IMAGE).delete),
        [format!("Job {name}")]
    );
}

#[test]
fn suspending_scales_to_nothing_and_keeps_the_rest() {
    let (mut stack, mut observed) = settled(json!({}));
    let objects = observed.live.len();
    set_spec(&mut stack, json!({"suspend": true}));
    let asleep = settle(&mut stack, &mut observed);
    assert_eq!(observed.live.len(), objects);
    assert!(observed.pods.is_empty());
    assert_eq!(condition(&asleep, status::READY).1, "Suspended");
    assert_eq!(condition(&asleep, status::RECONCILING).0, "False");
    set_spec(&mut stack, json!({"suspend": false}));
    let awake = settle(&mut stack, &mut observed);
    assert_eq!(condition(&awake, status::READY).0, "True");
}

#[test]
fn a_suspended_stack_is_not_migrated() {
    let (mut stack, mut observed) = (stack(json!({"suspend": true})), empty());
    let asleep = settle(&mut stack, &mut observed);
    assert!(observed.live.iter().all(|live| live.kind != Kind::Job));
    assert_eq!(condition(&asleep, status::DATABASE).0, "Unknown");
}

#[test]
fn a_missing_secret_stalls_the_stack_and_touches_nothing() {
    let (stack, mut observed) = settled(sasl());
    observed.secrets.remove("kafka");
    observed.topics = Topics::Unknown;
    observed.live.retain(|live| live.name != "demo-audit");
    let stalled = plan(&stack, &observed, IMAGE);
    assert!(quiet(&stalled));
    let (status, reason, message) = condition(&stalled, status::STALLED);
    assert_eq!(
        (status.as_str(), reason.as_str()),
        ("True", "SecretMissing")
    );
    assert!(
        message.contains("Secret kafka has no key user"),
        "{message}"
    );
    assert_eq!(condition(&stalled, status::EVENTS).1, "SecretMissing");
    assert_eq!(condition(&stalled, status::DATABASE).0, "True");
    assert_eq!(condition(&stalled, status::READY).0, "False");
    // What is known to exist is not forgotten.
    assert_eq!(stalled.status.topics.len(), 6);
}

#[test]
fn tls_without_log_in_needs_a_certificate() {
    let stack = stack(json!({"events": {"kafka": {"tls": {}}}}));
    let stalled = plan(&stack, &empty(), IMAGE);
    assert!(quiet(&stalled));
    let (_, reason, message) = condition(&stalled, status::STALLED);
    assert_eq!(reason, "InvalidSpec");
    assert!(
        message.starts_with("spec.events.kafka.tls.caSecretRef"),
        "{message}"
    );
}

#[test]
fn without_dapr_the_rest_is_prepared() {
    let (stack, mut observed) = (stack(json!({})), empty());
    observed.dapr = false;
    let waiting = plan(&stack, &observed, IMAGE);
    assert!(waiting.apply.iter().all(|object| !object.kind.is_dapr()));
    assert!(
        waiting
            .apply
            .iter()
            .any(|object| object.kind == Kind::Service)
    );
    assert_eq!(condition(&waiting, status::DAPR).1, "DaprNotInstalled");
}

#[test]
fn a_pod_that_got_no_sidecar_is_replaced() {
    let (stack, mut observed) = settled(json!({}));
    observed
        .pods
        .retain(|pod| pod.metadata.name.as_deref() != Some("demo-relay-0"));
    observed.pods.push(pod("relay", 0, false));
    let repair = plan(&stack, &observed, IMAGE);
    assert_eq!(repair.restart, ["demo-relay-0"]);
    let (status, reason, message) = condition(&repair, status::DAPR);
    assert_eq!(
        (status.as_str(), reason.as_str()),
        ("False", "SidecarMissing")
    );
    assert!(message.contains("demo-relay-0"), "{message}");
    // One that was just made may still be on its way.
    observed.now = "2026-11-21T07:00:10Z".parse().expect("a time");
    assert!(plan(&stack, &observed, IMAGE).restart.is_empty());
}

/// Deployments whose pods a changed Secret rolls.
fn rolled_by(secret: &str, key: &str) -> Vec<String> {
    let mut spec = sasl();
    merge(
        &mut spec,
        json!({"notifications": {"webhook": {"signingSecretRef": {"name": "hook", "key": "secret"}}}}),
    );
    let (stack, mut observed) = settled(spec);
    observed
        .secrets
        .get_mut(secret)
        .expect("a Secret")
        .insert(key.into(), b"changed".to_vec());
    titles(&plan(&stack, &observed, IMAGE).apply)
}

#[test]
fn a_changed_secret_rolls_those_who_use_it() {
    assert_eq!(
        rolled_by("hook", "secret"),
        ["Deployment demo-notifications"]
    );
    assert_eq!(
        rolled_by("demo-keys", "jwt-key"),
        ["Deployment demo-gateway", "Deployment demo-sync"]
    );
    assert_eq!(rolled_by("kafka", "password").len(), 7);
    assert!(rolled_by("demo-keys", "webhook-secret").is_empty());
    // Another database is migrated before anything uses it.
    let [job] = &rolled_by("todostack-db", "url")[..] else {
        panic!("one Job");
    };
    assert!(job.starts_with("Job demo-migrate-"), "{job}");
}

#[test]
fn topics_go_only_with_a_stack_that_says_so_and_after_its_pods() {
    let (mut stack, mut observed) =
        settled(json!({"events": {"topics": {"deletionPolicy": "Delete"}}}));
    assert_eq!(
        stack.metadata.finalizers.as_deref(),
        Some(&[names::FINALIZER_TOPICS.to_owned()][..])
    );
    let Farewell::Stop(objects) = farewell(&stack, &observed) else {
        panic!("its pods run");
    };
    assert_eq!(objects.len(), 8);
    observed.live.clear();
    assert_eq!(farewell(&stack, &observed), Farewell::Stop(Vec::new()));
    observed.pods.clear();
    let Farewell::DeleteTopics(topics) = farewell(&stack, &observed) else {
        panic!("its topics exist");
    };
    assert_eq!(topics.len(), 6);
    observed.topics = Topics::Unknown;
    assert!(matches!(farewell(&stack, &observed), Farewell::Wait(_)));
    observed.topics = Topics::Exist(BTreeSet::new());
    assert_eq!(farewell(&stack, &observed), Farewell::Release(Vec::new()));
    // The way out.
    observed.topics = Topics::Unknown;
    set_spec(
        &mut stack,
        json!({"events": {"topics": {"deletionPolicy": "Retain"}}}),
    );
    assert_eq!(farewell(&stack, &observed), Farewell::Release(Vec::new()));
}

#[test]
fn the_finalizer_of_others_is_left_alone() {
    let mut stack = stack(json!({}));
    stack.metadata.finalizers = Some(vec!["other/one".into(), names::FINALIZER_TOPICS.into()]);
    let plan = plan(&stack, &empty(), IMAGE);
    assert_eq!(plan.finalizers, Some(vec!["other/one".to_owned()]));
}

#[test]
fn each_name_fits_where_it_goes() {
    let mut stack = stack(json!({}));
    stack.metadata.name = Some("a".repeat(40));
    let mut observed = empty();
    observed.secrets.insert(names::keys(&stack), secret(&[]));
    for round in 0..2 {
        let next = plan(&stack, &observed, IMAGE);
        for object in &next.apply {
            let longest = if object.kind.is_dapr() { 253 } else { 63 };
            assert!(
                object.name.len() <= longest,
                "round {round}: {}",
                object.title()
            );
        }
        obey(&mut stack, &mut observed, &next);
    }
    // Dapr takes app-ids of at most 63 characters and makes a Service `<app-id>-dapr` of each.
    for role in Role::ALL {
        assert!(names::role(&stack, role).len() + "-dapr".len() <= 63);
    }
}

fn workload() -> impl Strategy<Value = Value> {
    (
        0..4_i32,
        prop::option::of(prop::sample::select(vec!["0.5", "250m", "1"])),
    )
        .prop_map(|(replicas, cpu)| {
            json!({
                "replicas": replicas,
                "resources": cpu.map(|cpu| json!({"requests": {"cpu": cpu}})),
            })
        })
}

fn spec() -> impl Strategy<Value = Value> {
    (
        any::<bool>(),
        any::<bool>(),
        workload(),
        workload(),
        prop::option::of("[a-z]{1,8}\\."),
        prop::sample::select(vec!["Retain", "Delete"]),
        prop::option::of(any::<bool>()),
    )
        .prop_map(
            |(suspend, log_in, gateway, sync, prefix, deletion, private)| {
                let mut spec = json!({
                    "suspend": suspend,
                    "gateway": gateway,
                    "services": {"sync": sync},
                    "events": {"topics": {"prefix": prefix, "deletionPolicy": deletion}},
                });
                if log_in {
                    merge(&mut spec, sasl());
                }
                if let Some(private) = private {
                    merge(
                        &mut spec,
                        json!({"notifications": {"webhook": {
                            "url": "https://hook.example/", "allowPrivateAddresses": private,
                        }}}),
                    );
                }
                spec
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// From whatever a cluster has, every spec settles, and then nothing is written any more.
    #[test]
    fn every_spec_settles(before in spec(), after in spec(), lost in any::<u16>()) {
        let (mut stack, mut observed) = settled(before);
        let mut index = 0;
        observed.live.retain(|_| {
            index += 1;
            lost & (1 << (index % 16)) == 0
        });
        set_spec(&mut stack, after);
        let last = settle(&mut stack, &mut observed);
        prop_assert!(quiet(&last));
        prop_assert_eq!(condition(&last, status::STALLED).0, "False");
        prop_assert_eq!(
            condition(&last, status::READY).0,
            if stack.spec.suspend { "False" } else { "True" }
        );
        // The same again, as the API server would give it back.
        let same: TodoStack = serde_json::from_value(serde_json::to_value(&stack).expect("JSON")).expect("a stack");
        prop_assert_eq!(plan(&same, &observed, IMAGE), last);
    }
}

/// The manifests as they are applied, without what has its own tests: digests that every change moves.
fn manifests(spec: Value) -> String {
    let (_, observed) = settled(spec);
    let mut objects = observed.live;
    objects.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    objects
        .into_iter()
        .map(|mut object| {
            for gone in ["/status", "/metadata/uid", "/metadata/generation"] {
                let (parent, field) = gone.rsplit_once('/').expect("a pointer");
                if let Some(fields) = object
                    .body
                    .pointer_mut(parent)
                    .and_then(Value::as_object_mut)
                {
                    fields.remove(field);
                }
            }
            without_digests(&mut object.body);
            serde_yaml::to_string(&object.body).expect("YAML")
        })
        .collect::<Vec<_>>()
        .join("---\n")
}

/// Digests are told apart from what they are digests of.
fn without_digests(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if ["applied", "dapr-checksum", "secrets-checksum"]
                    .iter()
                    .any(|name| *key == format!("todostack.dev/{name}"))
                {
                    *value = "DIGEST".into();
                } else {
                    without_digests(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_digests),
        Value::String(text) if text.starts_with("demo-migrate-") => {
            *value = "demo-migrate-DIGEST".into()
        }
        _ => {}
    }
}

#[test]
fn manifests_of_the_smallest_stack() {
    insta::assert_snapshot!("smallest", manifests(json!({})));
}

#[test]
fn manifests_with_log_in_and_a_webhook() {
    let mut spec = sasl();
    merge(
        &mut spec,
        json!({
            "imagePullPolicy": "Always",
            "gateway": {"replicas": 2, "resources": {"limits": {"memory": "1Gi"}}},
            "notifications": {"webhook": {
                "url": "https://hook.example/todo",
                "signingSecretRef": {"name": "hook", "key": "secret"},
            }},
        }),
    );
    let all = manifests(spec);
    // What differs from the smallest.
    let chosen: Vec<&str> = all
        .split("---\n")
        .filter(|manifest| {
            [
                "name: demo-pubsub\n",
                "name: demo-secret-reader\n",
                "name: demo-config\n",
            ]
            .iter()
            .any(|name| manifest.contains(name) && !manifest.contains("kind: Subscription"))
                || (manifest.contains("kind: Deployment")
                    && (manifest.contains("name: demo-gateway\n")
                        || manifest.contains("name: demo-notifications\n")))
        })
        .collect();
    insta::assert_snapshot!("log_in_and_webhook", chosen.join("---\n"));
}
