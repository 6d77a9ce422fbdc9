//! What the spec may say of the gateway's and each service's pods.

use serde_json::{Value, json};

use super::cluster::*;
use crate::todo_stack::{
    hand_over::HandOver,
    object::{Kind, Object},
    observe::Observed,
    plan::plan,
    status,
};

/// A field of a role's pods.
fn of_pods<'a>(observed: &'a Observed, name: &str, pointer: &str) -> Option<&'a Value> {
    let deployment = observed.find(Kind::Deployment, name).expect("a Deployment");
    deployment.at(&format!("/spec/template/{pointer}"))
}

/// Admission refuses these; objects may have been stored before it did.
#[test]
fn what_is_ours_stays_ours() {
    let (_, observed) = settled(json!({"gateway": {
        "extraEnv": [{"name": "TODOSTACK_STACK", "value": "other"}],
        "podAnnotations": {"dapr.io/app-id": "other"},
        "podLabels": {"app.kubernetes.io/component": "other"},
    }}));
    let env = of_pods(&observed, "demo-gateway", "spec/containers/0/env").expect("env");
    let named: Vec<_> = env
        .as_array()
        .expect("a list")
        .iter()
        .filter(|one| one["name"] == "TODOSTACK_STACK")
        .collect();
    assert_eq!(
        named,
        [&json!({"name": "TODOSTACK_STACK", "value": "demo"})]
    );
    for (pointer, value) in [
        ("metadata/annotations/dapr.io~1app-id", "demo-gateway"),
        ("metadata/labels/app.kubernetes.io~1component", "gateway"),
    ] {
        assert_eq!(
            of_pods(&observed, "demo-gateway", pointer),
            Some(&json!(value))
        );
    }
}

fn proxy(optional: bool) -> Value {
    let selector = json!({"name": "proxy", "key": "url", "optional": optional});
    json!({"services": {"audit": {"extraEnv": [
        {"name": "HTTPS_PROXY", "valueFrom": {"secretKeyRef": selector}},
    ]}}})
}

#[test]
fn a_secret_of_a_variable_is_missed_unless_pods_start_without() {
    let stalled = plan(&stack(proxy(false)), &empty(), IMAGE);
    let (status, reason, message) = condition(&stalled, status::STALLED);
    assert_eq!(
        (status.as_str(), reason.as_str()),
        ("True", "SecretMissing")
    );
    assert_eq!(message, "Secret proxy has no key url");
    let (mut stack, mut observed) = (stack(proxy(true)), empty());
    let last = settle(&mut stack, &mut observed);
    assert_eq!(condition(&last, status::READY).0, "True");
}

#[test]
fn a_changed_secret_of_a_variable_rolls_the_pods_that_have_it() {
    let (mut stack, mut observed) = (stack(proxy(true)), empty());
    settle(&mut stack, &mut observed);
    for url in ["http://a", "http://b"] {
        observed
            .secrets
            .insert("proxy".into(), secret(&[("url", url)]));
        let next = plan(&stack, &observed, IMAGE);
        assert_eq!(titles(&next.apply), ["Deployment demo-audit"]);
        obey(&mut stack, &mut observed, &next);
        settle(&mut stack, &mut observed);
    }
}

/// Titles of the live objects of a kind.
fn those_of(observed: &Observed, kind: Kind) -> Vec<String> {
    let live = observed.live.iter().filter(|live| live.kind == kind);
    live.map(Object::title).collect()
}

#[test]
fn roles_that_may_have_several_pods_have_a_disruption_budget() {
    let several = json!({"gateway": {"replicas": 2}, "services": {
        "sync": {"autoscaling": {"maxReplicas": 3}},
        "audit": {"autoscaling": {"maxReplicas": 1}},
    }});
    let (mut stack, mut observed) = settled(several);
    let budgets = |observed: &Observed| those_of(observed, Kind::PodDisruptionBudget);
    let both = [
        "PodDisruptionBudget demo-gateway",
        "PodDisruptionBudget demo-sync",
    ];
    assert_eq!(budgets(&observed), both);
    set_spec(&mut stack, json!({"suspend": true}));
    settle(&mut stack, &mut observed);
    assert_eq!(budgets(&observed), both, "asleep");
    set_spec(
        &mut stack,
        json!({"suspend": false, "gateway": {"replicas": 1}}),
    );
    settle(&mut stack, &mut observed);
    assert_eq!(budgets(&observed), both[1..]);
}

fn scaled(fewest: i32, most: i32) -> Value {
    json!({"gateway": {"autoscaling": {"minReplicas": fewest, "maxReplicas": most}}})
}

#[test]
fn what_an_autoscaler_says_stays() {
    let (mut stack, mut observed) = settled(scaled(2, 5));
    let gateway = live(&mut observed, Kind::Deployment, "demo-gateway").expect("a Deployment");
    assert_eq!(gateway.number("/spec/replicas"), Some(2));
    gateway.body["spec"]["replicas"] = 4.into();
    control(&mut observed);
    let next = plan(&stack, &observed, IMAGE);
    assert!(quiet(&next));
    assert_eq!(condition(&next, status::READY).0, "True");
    assert_eq!(next.status.services[0].replicas, 4);
    // One more than there are pods: its autoscaler has just said so.
    let gateway = live(&mut observed, Kind::Deployment, "demo-gateway").expect("a Deployment");
    gateway.body["spec"]["replicas"] = 5.into();
    let next = plan(&stack, &observed, IMAGE);
    assert_eq!(condition(&next, status::READY).0, "True");
    // A change of anything else does not take the pods away.
    set_spec(
        &mut stack,
        json!({"gateway": {"podLabels": {"team": "blue"}}}),
    );
    settle(&mut stack, &mut observed);
    let gateway = live(&mut observed, Kind::Deployment, "demo-gateway").expect("a Deployment");
    assert_eq!(gateway.number("/spec/replicas"), Some(5));
}

#[test]
fn an_autoscaler_takes_over_the_pods_that_there_are() {
    let (mut stack, mut observed) = settled(json!({"gateway": {"replicas": 4}}));
    set_spec(&mut stack, scaled(2, 10));
    let next = plan(&stack, &observed, IMAGE);
    let pods = HandOver {
        deployment: "demo-gateway".into(),
        replicas: 4,
    };
    assert_eq!(next.hand_over, [pods]);
    assert_eq!(
        titles(&next.apply),
        [
            "Deployment demo-gateway",
            "HorizontalPodAutoscaler demo-gateway"
        ]
    );
    settle(&mut stack, &mut observed);
    let gateway = live(&mut observed, Kind::Deployment, "demo-gateway").expect("a Deployment");
    assert_eq!(gateway.number("/spec/replicas"), Some(4));
    // And gives them back.
    set_spec(&mut stack, json!({"gateway": {"autoscaling": null}}));
    settle(&mut stack, &mut observed);
    assert!(those_of(&observed, Kind::HorizontalPodAutoscaler).is_empty());
    let gateway = live(&mut observed, Kind::Deployment, "demo-gateway").expect("a Deployment");
    assert_eq!(gateway.number("/spec/replicas"), Some(4), "replicas: 4");
}

/// An autoscaler lets a Deployment of no replicas be.
#[test]
fn what_is_scaled_by_its_load_sleeps_and_wakes() {
    let (mut stack, mut observed) = settled(scaled(2, 5));
    set_spec(&mut stack, json!({"suspend": true}));
    let asleep = settle(&mut stack, &mut observed);
    assert!(observed.pods.is_empty());
    assert_eq!(condition(&asleep, status::READY).1, "Suspended");
    set_spec(&mut stack, json!({"suspend": false}));
    let awake = settle(&mut stack, &mut observed);
    assert_eq!(condition(&awake, status::READY).0, "True");
    assert_eq!(awake.status.services[0].ready_replicas, 2);
}

#[test]
fn manifests_of_what_scales() {
    let (_, observed) = settled(scaled(2, 5));
    let body = |kind| {
        let object = observed.find(kind, "demo-gateway").expect("it is there");
        object.at("/spec").expect("a spec").clone()
    };
    insta::assert_yaml_snapshot!(body(Kind::PodDisruptionBudget), @r"
    maxUnavailable: 1
    selector:
      matchLabels:
        app.kubernetes.io/component: gateway
        app.kubernetes.io/instance: demo
        app.kubernetes.io/name: todostack
    unhealthyPodEvictionPolicy: AlwaysAllow
    ");
    insta::assert_yaml_snapshot!(body(Kind::HorizontalPodAutoscaler), @r"
    maxReplicas: 5
    metrics:
      - containerResource:
          container: gateway
          name: cpu
          target:
            averageUtilization: 80
            type: Utilization
        type: ContainerResource
    minReplicas: 2
    scaleTargetRef:
      apiVersion: apps/v1
      kind: Deployment
      name: demo-gateway
    ");
}
