//! Which pods a change rolls: those it concerns and no others.

use serde_json::{Value, json};

use super::cluster::{IMAGE, merge, sasl, set_spec, settled, titles};
use crate::todo_stack::{
    keys,
    plan::{plan, wants_rotation},
};

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
fn a_rotation_of_the_jwt_key_is_asked_for_by_an_annotation_and_rolls_those_who_check_tokens() {
    let (mut stack, mut observed) = settled(sasl());
    assert!(!wants_rotation(&stack, &observed));
    let annotations = stack.metadata.annotations.get_or_insert_default();
    annotations.insert(keys::ROTATE_JWT.into(), "2026-11-21".into());
    assert!(wants_rotation(&stack, &observed));
    let secret = observed.secrets.get_mut("demo-keys").expect("a Secret");
    let rotated = keys::rotate("2026-11-21", secret, "fresh".into());
    secret.extend(rotated.into_iter().map(|(key, value)| (key.into(), value)));
    assert!(!wants_rotation(&stack, &observed));
    assert_eq!(
        titles(&plan(&stack, &observed, IMAGE).apply),
        ["Deployment demo-gateway", "Deployment demo-sync"]
    );
}

/// Objects that a changed spec changes.
fn changed_by(over: Value) -> Vec<String> {
    let (mut stack, observed) = settled(json!({"notifications": {"webhook": {}}}));
    set_spec(&mut stack, over);
    titles(&plan(&stack, &observed, IMAGE).apply)
}

#[test]
fn a_changed_spec_rolls_those_whom_it_concerns() {
    assert_eq!(
        changed_by(json!({"reminders": {"catchUpPerSecond": 1}})),
        ["Deployment demo-reminders"]
    );
    assert_eq!(
        changed_by(json!({"notifications": {"webhook": {"url": "https://hook.example/"}}})),
        ["Deployment demo-notifications"]
    );
    assert_eq!(
        changed_by(json!({"gateway": {"auth": {"signUp": "Closed"}}})),
        ["Deployment demo-gateway"]
    );
    // The gateway takes requests for a new password when there is a way to answer them.
    assert_eq!(
        changed_by(json!({"notifications": {
            "publicUrl": "https://todo.example",
            "smtp": {"host": "mail.example", "from": "a@b.example"},
        }})),
        ["Deployment demo-gateway", "Deployment demo-notifications"]
    );
    assert_eq!(
        changed_by(json!({"gateway": {"replicas": 2}})),
        [
            "PodDisruptionBudget demo-gateway",
            "Deployment demo-gateway"
        ]
    );
    // The public key is the gateway's business.
    assert_eq!(
        changed_by(json!({"notifications": {"webPush": {"subject": "mailto:a@b.example"}}})),
        ["Deployment demo-gateway", "Deployment demo-notifications"]
    );
    assert_eq!(
        changed_by(json!({"notifications": {"retry": {"all": {"maxAttempts": 2}}}})),
        ["Deployment demo-notifications"]
    );
    // What the mirror shows is the operator's business alone.
    assert!(changed_by(json!({"reminders": {"mirrorLimit": 7}})).is_empty());
    // Every sidecar has loaded the component.
    let brokers = changed_by(json!({"events": {"kafka": {"brokers": ["other:9092"]}}}));
    assert_eq!(brokers[0], "Component demo-pubsub");
    assert_eq!(brokers.len(), 8);
}
