//! The objects that a stack is made of. Pure.

mod access;
mod dapr;
mod deployment;
mod entry;
mod migration;
mod network;
mod pod;
mod scaling;
mod service;

use std::collections::BTreeMap;

use crds::{SecretKeyRef, TodoStack};
use domain::web_push::{KeyError, VapidKey};
use kube::{Resource, ResourceExt};
use serde_json::{Value, json};

use super::{
    keys,
    names::{self, Role},
    object::{Kind, Object, digest},
};

pub use migration::name as migration_name;

/// Data of the Secrets that a stack refers to, by name and key. A Secret that does not exist is
/// absent.
pub type Secrets = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

/// What the objects are made from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The stack.
    pub stack: &'a TodoStack,
    /// Image that it runs.
    pub image: &'a str,
    /// Secrets that it refers to.
    pub secrets: &'a Secrets,
    /// Namespace of the operator, which calls it.
    pub operator_namespace: &'a str,
}

impl Source<'_> {
    /// Metadata of a child.
    fn metadata(&self, component: &str) -> Value {
        json!({
            "namespace": self.namespace(),
            "labels": names::labels(self.stack, component),
            "annotations": {},
            // None only for a stack that was never stored; there is nothing to own then.
            "ownerReferences": self.stack.controller_owner_ref(&()).into_iter().collect::<Vec<_>>(),
        })
    }

    fn namespace(&self) -> String {
        self.stack.namespace().unwrap_or_default()
    }

    /// A digest of secret values that tells nothing about them without the stack's own keys: it is
    /// shown in annotations, which more people may read than Secrets.
    fn fingerprint(&self, references: &[SecretKeyRef]) -> String {
        let salt = self
            .secrets
            .get(&names::keys(self.stack))
            .and_then(|keys| keys.get("internal-token"))
            .cloned()
            .unwrap_or_default();
        let mut parts = vec![salt];
        for reference in references {
            let value = find(self.secrets, reference);
            parts.push(format!("{}/{}", reference.name, reference.key).into_bytes());
            parts.push(value.map(<[u8]>::to_vec).unwrap_or_default());
        }
        digest(parts)
    }

    /// A key of the Secret that the operator makes.
    fn key(&self, key: &str) -> SecretKeyRef {
        SecretKeyRef {
            name: names::keys(self.stack),
            key: key.into(),
        }
    }
}

/// The value that a reference points to.
pub fn find<'a>(secrets: &'a Secrets, reference: &SecretKeyRef) -> Option<&'a [u8]> {
    secrets
        .get(&reference.name)?
        .get(&reference.key)
        .map(Vec::as_slice)
}

/// Secret keys that Kafka's clients need, by what they are for.
pub fn kafka_references(stack: &TodoStack) -> Vec<(&'static str, SecretKeyRef)> {
    let kafka = &stack.spec.events.kafka;
    let mut references = Vec::new();
    if let Some(sasl) = &kafka.sasl {
        references.push(("saslUsername", sasl.username_secret_ref.clone()));
        references.push(("saslPassword", sasl.password_secret_ref.clone()));
    }
    if let Some(ca) = kafka.tls.as_ref().and_then(|tls| tls.ca_secret_ref.clone()) {
        references.push(("caCert", ca));
    }
    references
}

/// The secret that signs webhooks, when it is the user's.
pub fn signing_reference(stack: &TodoStack) -> Option<SecretKeyRef> {
    stack
        .spec
        .notifications
        .webhook
        .as_ref()?
        .signing_secret_ref
        .clone()
}

/// The private key of Web Push, when it is the user's.
pub fn vapid_reference(stack: &TodoStack) -> Option<SecretKeyRef> {
    let push = stack.spec.notifications.web_push.as_ref()?;
    push.key_secret_ref.clone()
}

/// The key of Web Push, where the stack serves that; `Err` when what the Secret holds is none. A Secret
/// that does not exist is told elsewhere.
pub fn vapid_key(stack: &TodoStack, secrets: &Secrets) -> Result<Option<VapidKey>, KeyError> {
    if stack.spec.notifications.web_push.is_none() {
        return Ok(None);
    }
    let own = SecretKeyRef {
        name: names::keys(stack),
        key: keys::VAPID.into(),
    };
    let reference = vapid_reference(stack).unwrap_or(own);
    find(secrets, &reference)
        .map(|value| VapidKey::parse(&String::from_utf8_lossy(value)))
        .transpose()
}

/// Secret keys that the SMTP server's client needs.
pub fn smtp_references(stack: &TodoStack) -> Vec<SecretKeyRef> {
    let smtp = stack.spec.notifications.smtp.as_ref();
    smtp.into_iter()
        .flat_map(|smtp| {
            [
                &smtp.ca_secret_ref,
                &smtp.password_secret_ref,
                &smtp.username_secret_ref,
            ]
        })
        .flatten()
        .cloned()
        .collect()
}

/// Secret keys that hold the stack's secrets at issuers of OpenID Connect.
pub fn oidc_references(stack: &TodoStack) -> Vec<SecretKeyRef> {
    let issuers = stack.spec.gateway.auth.oidc.iter();
    issuers
        .filter_map(|issuer| issuer.client_secret_ref.clone())
        .collect()
}

/// Secret keys that the spec's own environment variables are from, and whether pods start without.
pub fn env_references(stack: &TodoStack) -> Vec<(SecretKeyRef, bool)> {
    Role::ALL
        .into_iter()
        .flat_map(|role| &role.workload(stack).extra_env)
        .filter_map(|variable| variable.value_from.as_ref()?.secret_key_ref.as_ref())
        .map(|selector| {
            let (name, key) = (selector.name.clone(), selector.key.clone());
            let reference = SecretKeyRef { name, key };
            (reference, selector.optional.unwrap_or(false))
        })
        .collect()
}

/// The migration of the database.
pub fn migration(source: Source<'_>) -> Object {
    migration::job(source)
}

/// Everything but the migration, the Deployments and what scales them.
pub fn foundation(source: Source<'_>) -> Vec<Object> {
    let mut objects = access::objects(source);
    objects.extend(dapr::objects(source));
    objects.extend(service::objects(source));
    objects.extend(network::objects(source));
    objects.extend(entry::objects(source));
    objects.extend(scaling::disruption_budgets(source));
    objects
}

/// What scales the Deployments.
pub fn autoscalers(source: Source<'_>) -> Vec<Object> {
    scaling::autoscalers(source)
}

/// The Deployments. `foundation` is what [`foundation`] made of the same source: pods roll when what
/// their sidecar loaded at start changes.
pub fn deployments(source: Source<'_>, foundation: &[Object]) -> Vec<Object> {
    Role::ALL
        .into_iter()
        .map(|role| {
            let loaded = dapr::checksum(source, role, foundation);
            deployment::deployment(source, role, &loaded)
        })
        .collect()
}

/// A setting as it stands: the kubelet would put other settings, secret ones too, in the place of `$(NAME)`.
fn plain_env(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value.replace('$', "$$")})
}

fn secret_env(name: &str, reference: &SecretKeyRef) -> Value {
    json!({"name": name, "valueFrom": {"secretKeyRef": reference}})
}

/// What the "restricted" Pod Security Standard asks of a container, and a read-only root.
fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]},
    })
}

fn pod_security() -> Value {
    json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})
}

/// An object's pieces put together.
fn object(source: Source<'_>, kind: Kind, name: String, component: &str, rest: Value) -> Object {
    let mut body = rest;
    body["metadata"] = source.metadata(component);
    Object::new(kind, name, body)
}
