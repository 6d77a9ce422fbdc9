//! Who the pods are and what they may read.

use serde_json::json;

use super::{Source, object, signing_reference};
use crate::todo_stack::{
    names::{self, Role},
    object::{Kind, Object},
};

/// The role whose sidecar reads Secrets through the secret store: channels bring credentials.
pub(super) const READER: Role = Role::Notifications;

/// Secrets that it may read.
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
    let name = names::role(source.stack, READER);
    objects.push(object(
        source,
        Kind::Role,
        name.clone(),
        READER.as_str(),
        json!({"rules": [{
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": readable(source),
            "verbs": ["get"],
        }]}),
    ));
    objects.push(object(
        source,
        Kind::RoleBinding,
        name.clone(),
        READER.as_str(),
        json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": source.namespace()}],
        }),
    ));
    objects
}
