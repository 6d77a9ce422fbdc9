//! Addresses of the roles that others call.

use serde_json::json;

use super::{Source, object};
use crate::todo_stack::{
    names::{self, Role},
    object::{Kind, Object},
};

/// Role, port of the Service, port of the container.
const SERVED: [(Role, u16, &str); 3] = [
    (Role::Gateway, 80, "http"),
    (Role::Sync, 80, "http"),
    // For the operator.
    (Role::Reminders, 8081, "internal"),
];

pub(super) fn objects(source: Source<'_>) -> Vec<Object> {
    SERVED
        .into_iter()
        .map(|(role, port, target)| {
            object(
                source,
                Kind::Service,
                names::role(source.stack, role),
                role.as_str(),
                json!({"spec": {
                    "type": "ClusterIP",
                    "selector": names::selector(source.stack, role.as_str()),
                    "ports": [{
                        "name": target,
                        "port": port,
                        "targetPort": target,
                        "protocol": "TCP",
                        "appProtocol": "http",
                    }],
                }}),
            )
        })
        .collect()
}
