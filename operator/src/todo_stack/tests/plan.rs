//! What a plan does in each situation.

use std::collections::BTreeSet;

use k8s_openapi::jiff::SignedDuration;
use serde_json::json;

use super::cluster::*;
use crate::todo_stack::{
    names::{self, Role},
    object::Kind,
    observe::Topics,
    plan::{Farewell, farewell, plan},
    status,
};

#[test]
fn a_new_stack_migrates_and_makes_topics_before_anything_runs() {
    let (mut stack, mut observed) = (stack(json!({})), empty());
    let first = plan(&stack, &observed, IMAGE);
    assert_eq!(first.topics.len(), 8);
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
    assert_eq!(stalled.status.topics.len(), 8);
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
fn what_is_no_key_of_web_push_stalls_the_stack_by_its_field() {
    let stack = stack(json!({"notifications": {"webPush": {
        "subject": "mailto:a@b.example",
        "keySecretRef": {"name": "push", "key": "bad"},
    }}}));
    let stalled = plan(&stack, &empty(), IMAGE);
    assert!(quiet(&stalled));
    let (_, reason, message) = condition(&stalled, status::STALLED);
    assert_eq!(reason, "InvalidSpec");
    assert!(
        message.starts_with("spec.notifications.webPush.keySecretRef"),
        "{message}"
    );
}

#[test]
fn a_template_that_cannot_be_used_stalls_the_stack_by_its_field() {
    for (field, template) in [("title", "{{ messag }}"), ("text", "{% for %}")] {
        let stack = stack(json!({"notifications": {"templates": {field: template}}}));
        let stalled = plan(&stack, &empty(), IMAGE);
        assert!(quiet(&stalled));
        let (_, reason, message) = condition(&stalled, status::STALLED);
        assert_eq!(reason, "InvalidSpec");
        let named = format!("spec.notifications.templates.{field}: ");
        assert!(message.starts_with(&named), "{message}");
    }
    settled(json!({"notifications": {"templates": {"title": "{{ message|upper }}"}}}));
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
    assert_eq!(topics.len(), 8);
    // The Secrets are gone, as when the namespace is deleted.
    observed.topics = Topics::Unknown;
    assert_eq!(farewell(&stack, &observed), Farewell::Stranded(Vec::new()));
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
