//! The Job that brings the database up to the image's version.

use serde_json::json;

use super::{Source, container_security, object, pod, pod_security, secret_env};
use crate::todo_stack::{
    names,
    object::{Kind, Object, digest},
};

/// Label value of its objects.
pub(super) const COMPONENT: &str = "migrate";

/// Name of the Job: another image or another database is another migration.
pub fn name(source: Source<'_>) -> String {
    let database = source.fingerprint(std::slice::from_ref(
        &source.stack.spec.database.url_secret_ref,
    ));
    let id: String = digest([source.image, &database]).chars().take(8).collect();
    names::child(source.stack, &format!("migrate-{id}"))
}

pub(super) fn job(source: Source<'_>) -> Object {
    let spec = &source.stack.spec;
    let mut pod = json!({
        "restartPolicy": "Never",
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "securityContext": pod_security(),
        "containers": [{
            "name": COMPONENT,
            "image": source.image,
            "imagePullPolicy": spec.image_pull_policy.as_str(),
            "command": ["/todostack-services", "migrate"],
            "env": [secret_env("TODOSTACK_DATABASE_URL", &spec.database.url_secret_ref)],
            // Why it failed ends up in the condition.
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "resources": {
                "requests": {"cpu": "20m", "memory": "48Mi"},
                "limits": {"memory": "256Mi"},
            },
            "securityContext": container_security(),
        }],
    });
    pod::place_migration(&mut pod, source.stack);
    object(
        source,
        Kind::Job,
        name(source),
        COMPONENT,
        json!({"spec": {
            "backoffLimit": 3,
            "activeDeadlineSeconds": 900,
            "template": {
                "metadata": {"labels": names::labels(source.stack, COMPONENT)},
                "spec": pod,
            },
        }}),
    )
}
