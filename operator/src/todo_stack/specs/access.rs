//! Who the pods are and what they may read.

use serde_json::json;

use super::{Source, object, signing_reference};
use crate::todo_stack::{
    names::{self, Role},
    object::{Kind, Object},
};

/// Label value of what belongs to several roles.
const COMPONENT: &str = "secret-reader";

/// The roles whose sidecars read Secrets through the secret store: those that call addresses of
/// users, for which channels bring credentials.
pub(super) const READERS: [Role; 2] = [Role::Reminders, Role::Notifications];

/// Secrets that they may read.
pub(super) fn readable(source: Source<'_>) -> Vec<String> {
    let mut secrets = vec![names::keys(source.stack)];
    secrets.extend(signing_reference(source.stack).map(|reference| reference.name));
    secrets.dedup();
    secrets
}

pub(super) fn objects(source: Source<'_>) -> Vec<Object> {
    let mut objects: Vec<Object> = Role::ALL
        .into_iter()
        .map(|role| {
            object(
                source,
                Kind::ServiceAccount,
                names::role(source.stack, role),
                role.as_str(),
                // Our own process never calls the API server. Dapr's injector mounts the token that
                // names the sidecar by itself.
                json!({"automountServiceAccountToken": false}),
            )
        })
        .collect();
    let name = names::child(source.stack, "secret-reader");
    objects.push(object(
        source,
        Kind::Role,
        name.clone(),
        COMPONENT,
        json!({"rules": [{
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": readable(source),
            "verbs": ["get"],
        }]}),
    ));
    let subjects = READERS.map(|role| {
        json!({
            "kind": "ServiceAccount",
            "name": names::role(source.stack, role),
            "namespace": source.namespace(),
        })
    });
    objects.push(object(
        source,
        Kind::RoleBinding,
        name.clone(),
        COMPONENT,
        json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": subjects,
        }),
    ));
    objects
}
